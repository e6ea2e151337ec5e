"""The virtual site's past as readings."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from energy.merge import merge
from energy.reading import sanitised
from simulator.default_site import default_site
from simulator.history import history, readings_at, virtual_site
from tests.simulator.worlds import NOON

END = datetime(2026, 11, 24, 20, 1, 30, tzinfo=UTC)


def test_thirty_days_hold_every_device_every_five_minutes() -> None:
    history(default_site(), seed=7, end=END, days=1)  # pvlib is loaded now
    began = time.process_time()
    rows = history(default_site(), seed=7, end=END)
    assert time.process_time() - began < 5  # 0.5 s where nothing else runs
    assert len(rows) == 3 * 8_640
    assert {row.device_id for row in rows} == {"solark", "cerbo", "garage"}
    times = [row.taken_at for row in rows if row.device_id == "cerbo"]
    assert {b - a for a, b in itertools.pairwise(times)} == {timedelta(minutes=5)}
    assert END - timedelta(minutes=5) < times[-1] <= END


def test_history_is_the_past_of_the_live_site() -> None:
    site = default_site("both")
    rows = history(site, seed=3, end=END, days=2, wiring="both")
    live = virtual_site(site, seed=3, end=END, days=2, wiring="both")
    live.state_at(END + timedelta(hours=1))
    last = [row for row in rows if row.taken_at == rows[-1].taken_at]
    assert list(readings_at(live, rows[-1].taken_at)) == last


def test_readings_are_possible_and_the_merged_view_is_balanced() -> None:
    for wiring in ("solark", "both"):
        site = default_site(wiring)
        world = virtual_site(site, seed=5, end=NOON, days=1, wiring=wiring)
        for hours in range(24):
            at = NOON - timedelta(hours=hours)
            rows = {row.device_id: row for row in readings_at(world, at)}
            assert all(sanitised(row, now=at) == (row, ()) for row in rows.values())
            view = merge(site, rows, now=at)
            assert abs(view.balance_w or 0.0) <= 3
            assert view["soc_pct"].sources == ("cerbo",)


def test_the_solark_guesses_its_soc_and_the_shunt_knows() -> None:
    rows = history(default_site(), seed=7, end=END, days=3)
    by_device = {name: [r.soc_pct for r in rows if r.device_id == name] for name in ("solark", "cerbo")}
    apart = [abs(a - b) for a, b in zip(by_device["solark"], by_device["cerbo"], strict=True)]
    assert 0.2 < sum(apart) / len(apart) < 4
    assert all(soc == round(soc) for soc in by_device["solark"])


def test_the_simulator_loads_neither_pvlib_nor_a_web_server_before_it_must() -> None:
    script = (
        "import sys, simulator, simulator.history, simulator.default_site;"
        "print([m for m in ('pvlib', 'pandas', 'scipy', 'aiohttp', 'amqtt') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
