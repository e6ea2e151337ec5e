"""How many notifications a noisy battery level causes, and what judging a thousand sites costs.

`python -m benchmarks.alert_noise [--days N] [--sites N]`. The battery's SOC is read once a minute, with normal noise of
0.7 %, and truly dips once a day under the critical 30 %. A notification is an alert that begins, or is told again
because nobody acknowledged it. What a thousand sites cost with a database: `benchmarks.alert_load`.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from benchmarks.table import Row, print_table
from energy.alerts.battery import CRITICAL, critical
from energy.alerts.episode import Episode, step
from energy.alerts.evaluate import evaluate, judge, open_keys
from energy.alerts.situation import DeviceNow, HostNow, Key, Maintenance, RelayNow, ReserveForecast, Situation
from energy.alerts.table import RULES
from energy.merge import MergedView, Sourced, merge
from energy.reading import Reading
from energy.series import Series
from energy.site import Array, Battery, Device, Grid, Miner, Site

START = datetime(2026, 6, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SIGMA_PCT = 0.7
FLOOR_PCT = 30.0
HIGHEST_PCT, LOWEST_PCT, FALLS_H = 45.0, 27.0, 18
TO_BEAT = {"naive threshold": 31.8, "for 5 min": 4.7, "hysteresis 3 %": 1.2, "ours": 1.0}  # a day; facts/ALERTS.md
SITE = Site(
    id="ranch",
    timezone="America/Los_Angeles",
    battery=Battery(usable_kwh=30, max_charge_w=9_000, max_discharge_w=9_000),
    grid=Grid(present=True, export_allowed=True),
    array=(Array(name="south", kwp=14.6),),
    device=(
        Device(id="cerbo", kind="victron_mqtt", host="venus.local"),
        Device(id="solark", kind="solark_cloud", plant_id=1),
        Device(id="garage", kind="shelly", host="192.168.1.50"),
    ),
    miner=tuple(
        Miner(id=name, name=name, power_w=3_250, hashrate_ths=95, device="garage", channel=n)
        for n, name in enumerate(("s21", "s19-1", "s19-2"))
    ),
)


@dataclass(frozen=True, slots=True)
class Count:
    """Over all days: alerts that began, the most of one day, true dips without one."""

    per_day: float
    most: int
    missed: int


def true_soc(minute: int) -> float:
    """The SOC (%) of that minute: down from 45 % by 1 % an hour to 27 %, and up again by 3 % an hour.

    facts/ALERTS.md does not say what its dip looks like; of those that were tried, this comes closest to its counts.
    """
    hours = (minute % 1_440) / 60
    return HIGHEST_PCT - hours if hours < FALLS_H else LOWEST_PCT + 3 * (hours - FALLS_H)


def noisy_days(days: int, seed: int) -> list[float]:
    """The SOC (%) as read each minute."""
    dice = random.Random(seed)
    return [true_soc(minute) + dice.gauss(0, SIGMA_PCT) for minute in range(days * 1_440)]


def counted(begins: Callable[[float, int], bool], soc: list[float]) -> Count:
    """Feed the readings to an alert and count per day, each with one true dip."""
    days = len(soc) // 1_440
    per_day = [0] * days
    for minute, value in enumerate(soc):
        per_day[minute // 1_440] += begins(value, minute)
    return Count(sum(per_day) / days, max(per_day), per_day.count(0))


def naive() -> Callable[[float, int], bool]:
    """Under the floor, told whenever it was not before."""
    under = False

    def begins(value: float, _minute: int) -> bool:
        nonlocal under
        began = value < FLOOR_PCT and not under
        under = value < FLOOR_PCT
        return began

    return begins


def with_for(minutes: int = 5) -> Callable[[float, int], bool]:
    """Under the floor for so long."""
    held = 0

    def begins(value: float, _minute: int) -> bool:
        nonlocal held
        held = held + 1 if value < FLOOR_PCT else 0
        return held == minutes + 1

    return begins


def with_hysteresis(clear_pct: float = 3.0) -> Callable[[float, int], bool]:
    """Under the floor, until it is 3 % above it."""
    firing = False

    def begins(value: float, _minute: int) -> bool:
        nonlocal firing
        began = value < FLOOR_PCT and not firing
        firing = value < (FLOOR_PCT + clear_pct if firing else FLOOR_PCT)
        return began

    return begins


def ours() -> Callable[[float, int], bool]:
    """The rule `battery_critical` as it is."""
    nothing = merge(SITE, {}, now=START)
    episode: Episode | None = None

    def begins(value: float, minute: int) -> bool:
        nonlocal episode
        now = START + MINUTE * minute
        firing = frozenset({episode.key} if episode is not None and episode.is_firing else ())
        soc = Sourced("soc_pct", value, ("cerbo",), now, stale=False)
        view = MergedView("ranch", now, {**nothing.fields, "soc_pct": soc}, (), ())
        s = Situation(site=SITE, now=now, view=view, firing=firing)
        (signal,) = critical(s)
        episode, events = step(CRITICAL, episode, signal, now)
        return any(event.kind in ("fired", "raised") and event.tell for event in events)

    return begins


WAYS: dict[str, Callable[[], Callable[[float, int], bool]]] = {
    "naive threshold": naive,
    "for 5 min": with_for,
    "hysteresis 3 %": with_hysteresis,
    "ours": ours,
}


def noise_table(days: int, seed: int = 1) -> dict[str, Count]:
    """Each way over the same days."""
    soc = noisy_days(days, seed)
    return {name: counted(way(), soc) for name, way in WAYS.items()}


def _history() -> dict[str, Series]:
    """Two hours of three fields, once a minute."""
    times = np.arange(121, dtype=np.int64) * 60 + int(START.timestamp()) - 7_200
    waves = {name: size + np.sin(times / 50) * size / 10 for name, size in HISTORY_OF.items()}
    return {name: Series(times, values, 60.0, "cerbo") for name, values in waves.items()}


HISTORY_OF = {"load_w": 1_500.0, "battery_charge_w": 7_500.0, "soc_pct": 60.0}
HISTORY = _history()


def _situation(number: int, now: datetime, firing: frozenset[Key], pending: frozenset[Key]) -> Situation:
    dice = random.Random(number * 100_000 + now.minute)
    solar_w, load_w = 9_000 + dice.gauss(0, 300), 1_500 + dice.gauss(0, 100)
    reading = Reading(
        site_id="ranch",
        source="victron",
        device_id="cerbo",
        taken_at=now - timedelta(seconds=5),
        soc_pct=31 + dice.gauss(0, SIGMA_PCT) if number % 10 == 0 else 70,
        battery_charge_w=solar_w - load_w,
        solar_w=solar_w,
        load_w=load_w,
        grid_import_w=0.0,
        generator_w=0.0,
        battery_voltage_v=53.0,
        battery_temperature_c=21.0,
        miner_w=0.0,
        grid_present=True,
        inverter_state="inverting",
        fault_codes=(),
    )
    heard = DeviceNow(heard_at=now - timedelta(seconds=5), expected_since=START, refused=False)
    off = RelayNow(on=False, power_w=0.0, read_at=now, changed_at=START)
    return Situation(
        site=SITE,
        now=now,
        view=merge(SITE, {"cerbo": reading}, now=now),
        relays={miner.id: off for miner in SITE.miner},
        devices={device.id: heard for device in SITE.device},
        usual_base_load_w=1_500.0,
        clear_sky_w=10_000.0,
        device_history={"cerbo": HISTORY},
        forecast=ReserveForecast(
            issued_at=now, reserve_pct=30, reached_at=None, lowest_pct=45, lowest_at=now, because="A clear night."
        ),
        maintenance=(Maintenance(id="panels", title="clean the panels", due_at=now + timedelta(days=9)),),
        host=HostNow(clock_skew_s=0.0, disk_free_share=0.5),
        firing=firing,
        pending=pending,
    )


def thousand_sites(sites: int, minutes: int = 3) -> tuple[float, int]:
    """Processor seconds per minute's look at all sites, merging included, and the rules that each was judged by."""
    episodes: list[dict[Key, Episode]] = [{} for _ in range(sites)]
    began = time.process_time()
    for minute in range(minutes):
        now = START + MINUTE * minute
        for number, known in enumerate(episodes):
            judged = judge(_situation(number, now, *open_keys(known)))
            known.update(evaluate(judged, known, now).changed)
    return (time.process_time() - began) / minutes, len(RULES)


def main() -> int:
    """Print the tables; 1 when a target is missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--days", type=int, default=50)
    arguments.add_argument("--sites", type=int, default=1_000)
    asked = arguments.parse_args()
    table = noise_table(asked.days)
    print(f"{asked.days} days of SOC noise (sigma {SIGMA_PCT:g} %), one true dip a day")
    print(f"  {'':16} {'a day':>7} {'facts':>7} {'most':>6} {'missed':>7}")
    for name, count in table.items():
        print(f"  {name:16} {count.per_day:>7.1f} {TO_BEAT[name]:>7.1f} {count.most:>6} {count.missed:>7}")
    seconds, rules = thousand_sites(asked.sites)
    return print_table(
        f"{asked.sites:,} sites, {rules} rules each, once a minute",
        [
            Row("ours, notifications a day", table["ours"].per_day, "", 1.0),
            Row("ours, true dips missed", table["ours"].missed, "", 0),
            Row("one core", seconds / 60 * 100, "%", 30.0),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
