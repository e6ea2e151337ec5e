"""Days in the automatic mode: the demo's worker plans and switches the virtual site's miners, faster than life.

`python -m benchmarks.automatic_days [--days 3] [--speed 60] [--scenario sunny] [--data DIR]` runs `commandcenter demo
--plan automatic` for so long (three days at 60 take 72 minutes) and then looks at what its relays did. Its switches are
played once more on a twin of the virtual site, which gives every flow to the minute; a second twin runs by the
threshold rule on the same days, held by the same limits (start and stop levels, minimum times, starts per day).
`--only-look` looks at the data that an earlier run left.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.ask import DEMO_SEED
from app.simulate import HISTORY_DAYS, scenario_called
from benchmarks.table import Row, print_table
from energy.plan.from_site import MinerNow, battery_of, miner_of
from energy.plan.limits import ordered
from energy.plan.prices import period_at
from energy.plan.problem import MinerState, growing_steps
from energy.plan.threshold import threshold_count
from energy.site import Site
from services.scope import DEFAULT_ORG_ID
from simulator.default_site import site_in
from simulator.physics import PhysicalState, VirtualSite
from store import plans, readings, relays
from store.database import Database, sqlite_url
from store.relays import Switching

MINUTE = timedelta(minutes=1)
STORED_VALUE_PER_KWH = 0.05  # what is left in the battery at the end, about half of what the best miner earns
Control = Callable[[VirtualSite, PhysicalState], None]


@dataclass
class Days:
    """What the days brought: energies in kWh, money in the site's currency, times in minutes."""

    money: float = 0.0
    hash_value: float = 0.0
    lowest_soc_pct: float = 100.0
    miner_kwh: float = 0.0
    import_kwh: float = 0.0
    export_kwh: float = 0.0
    unused_kwh: float = 0.0
    starts: dict[tuple[str, str], int] = field(default_factory=dict)  # by miner and local day
    shortest_on_min: float = float("inf")
    shortest_off_min: float = float("inf")

    def line(self, name: str, currency: str) -> str:
        """One line of the table."""
        return (
            f"  {name:<14} {self.money:7.2f} {currency}  hash {self.hash_value:6.2f}  mined {self.miner_kwh:5.0f} kWh"
            f"  import {self.import_kwh:4.0f}  export {self.export_kwh:4.0f}  unused {self.unused_kwh:4.0f} kWh"
            f"  lowest SOC {self.lowest_soc_pct:4.1f} %  starts {sum(self.starts.values())}"
        )


def twin(scenario: str, begin: datetime) -> VirtualSite:
    """The world of a demo that began then, with its relays left as they stood."""
    found = scenario_called(scenario)
    born = begin - timedelta(days=HISTORY_DAYS)
    world = VirtualSite(site_in(found), seed=DEMO_SEED, start=born, wiring="solark", scenario=found)
    for miner in world.site.miner:
        world.set_relay(miner.device, miner.channel, world.relay(miner.device, miner.channel, begin).on, at=begin)
    return world


def played(world: VirtualSite, begin: datetime, end: datetime, control: Control) -> Days:
    """The world minute by minute under `control`, which may switch at each minute's begin."""
    site, days = world.site, Days()
    states = _miner_states(site, begin)
    first_pct = world.state_at(begin).soc_pct
    on_since: dict[str, tuple[bool, datetime]] = {}
    at = begin
    while at < end:
        control(world, world.state_at(at))
        state = world.state_at(at)
        hours = MINUTE / timedelta(hours=1)
        for miner in site.miner:
            _count(days, on_since, miner.id, world.relay(miner.device, miner.channel, at).on, at, site)
        earned = sum(state.miner_w[m.id] * m.hash_value_per_kwh for m in states) * hours / 1_000.0
        days.hash_value += earned
        days.miner_kwh += sum(state.miner_w.values()) * hours / 1_000.0
        bought, sold = max(state.grid_import_w, 0.0), max(-state.grid_import_w, 0.0)
        days.import_kwh += bought * hours / 1_000.0
        days.export_kwh += sold * hours / 1_000.0
        days.unused_kwh += max(state.solar_available_w - state.solar_w, 0.0) * hours / 1_000.0
        period = period_at(site.tariff, int(at.timestamp()), site.zone)
        if period is not None:
            flow = sold * period.export_per_kwh - bought * period.import_per_kwh
            days.money += flow * hours / 1_000.0
        days.money += earned - abs(state.battery_charge_w) * hours / 1_000.0 * _wear_per_kwh(site)
        days.lowest_soc_pct = min(days.lowest_soc_pct, state.soc_pct)
        at += MINUTE
    left_pct = world.state_at(end).soc_pct - first_pct
    days.money += left_pct / 100.0 * (site.battery.usable_kwh if site.battery else 0.0) * STORED_VALUE_PER_KWH
    return days


def _wear_per_kwh(site: Site) -> float:
    battery = battery_of(site, 50.0)
    return 0.0 if battery is None else battery.wear_per_kwh


def _miner_states(site: Site, begin: datetime) -> list[MinerState]:
    steps = growing_steps(int(begin.timestamp()), 1.0)
    return [miner_of(site, miner, MinerNow(), steps) for miner in site.miner]


def _count(
    days: Days, since: dict[str, tuple[bool, datetime]], miner_id: str, on: bool, at: datetime, site: Site
) -> None:
    was = since.get(miner_id)
    if was is None:
        since[miner_id] = (on, datetime.min.replace(tzinfo=UTC))  # since when is not known
        return
    if was[0] is on:
        return
    lasted_min = (at - was[1]) / MINUTE
    if on:
        day = at.astimezone(site.zone).date().isoformat()
        days.starts[miner_id, day] = days.starts.get((miner_id, day), 0) + 1
        days.shortest_off_min = min(days.shortest_off_min, lasted_min)
    else:
        days.shortest_on_min = min(days.shortest_on_min, lasted_min)
    since[miner_id] = (on, at)


def as_recorded(site: Site, switched: Sequence[Switching]) -> Control:
    """The switches that the relays recorded."""
    waiting = sorted(switched, key=lambda each: each.happened_at)
    channels = {miner.id: (miner.device, miner.channel) for miner in site.miner}

    def control(world: VirtualSite, state: PhysicalState) -> None:
        while waiting and waiting[0].happened_at < state.at + MINUTE:
            each = waiting.pop(0)
            world.set_relay(*channels[each.miner_id], each.on, at=max(each.happened_at, state.at))

    return control


def by_threshold(site: Site, begin: datetime) -> Control:
    """The threshold rule each minute, under the limits that bind everybody."""
    states = ordered(tuple(_miner_states(site, begin)))
    channels: Mapping[str, tuple[str, int]] = {miner.id: (miner.device, miner.channel) for miner in site.miner}
    changed: dict[str, datetime] = {}
    starts: dict[tuple[str, str], int] = {}

    def control(world: VirtualSite, state: PhysicalState) -> None:
        surplus_w = state.solar_available_w - state.base_load_w
        wanted = {m.id for m in states[: threshold_count(surplus_w, len(states))]}
        day = state.at.astimezone(site.zone).date().isoformat()
        for m in states:
            on = world.relay(*channels[m.id], state.at).on
            since = state.at - changed.get(m.id, datetime.min.replace(tzinfo=UTC))
            held = since < timedelta(minutes=m.min_on_min if on else m.min_off_min)
            if on and state.soc_pct < m.stop_soc_pct:
                now_on = False
            elif held:
                now_on = on
            elif m.id in wanted and not on:
                now_on = state.soc_pct >= m.start_soc_pct and starts.get((m.id, day), 0) < m.max_starts_per_day
            else:
                now_on = m.id in wanted
            if now_on is not on:
                changed[m.id] = state.at
                starts[m.id, day] = starts.get((m.id, day), 0) + int(now_on)
                world.set_relay(*channels[m.id], now_on, at=state.at)

    return control


async def look(folder: Path, scenario: str, most_days: float) -> int:
    """The table of what a run left in its data folder."""
    database = await Database.open(sqlite_url(folder / "commandcenter.db"))
    try:
        site = site_in(scenario_called(scenario))
        made = await plans.between(
            database, DEFAULT_ORG_ID, site.id, datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
        )
        if not made:
            print("no plan was made in that run; see demo.log in its data folder", file=sys.stderr)
            return 1
        begin = made[0].planned_at.replace(second=0, microsecond=0)
        latest = await readings.latest(database, DEFAULT_ORG_ID, site.id, as_of=datetime(2100, 1, 1, tzinfo=UTC))
        end = min(max(each.taken_at for each in latest.values()), begin + timedelta(days=most_days))
        switched = await relays.switchings(database, DEFAULT_ORG_ID, site.id, since=begin, until=end)
        told = await _told_soc(database, site, begin, end)
    finally:
        await database.close()
    ours_world = twin(scenario, begin)
    ours = played(ours_world, begin, end, as_recorded(site, switched))
    threshold = played(twin(scenario, begin), begin, end, by_threshold(site, begin))
    apart = max((abs(ours_world.state_at(at).soc_pct - soc_pct) for at, soc_pct in told), default=float("nan"))
    print(f"{site.name}, {scenario}: {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, {len(made)} plans")
    print(ours.line("plan", site.economics.currency))
    print(threshold.line("threshold rule", site.economics.currency))
    fallbacks = sum(each.plan.method == "fallback" for each in made)
    most_starts = max(ours.starts.values(), default=0)
    rows = [
        Row("days", (end - begin) / timedelta(days=1), "d", most_days * 0.98, at_least=True),
        Row("lowest SOC told by the site", min(soc for _, soc in told), "%", site.limits.min_soc_pct, at_least=True),
        Row("lowest SOC on the twin", ours.lowest_soc_pct, "%", site.limits.min_soc_pct, at_least=True),
        Row("twin's SOC apart from what was told, at the most", apart, "%", 3.0),
        Row(
            "starts of one miner in a day, at the most", most_starts, "", min(m.max_starts_per_day for m in site.miner)
        ),
        Row("shortest run", ours.shortest_on_min, "min", min(m.min_on_minutes for m in site.miner) - 1, at_least=True),
        Row(
            "shortest rest", ours.shortest_off_min, "min", min(m.min_off_minutes for m in site.miner) - 1, at_least=True
        ),
        Row(
            "profit above the threshold rule's",
            ours.money - threshold.money,
            site.economics.currency,
            0.0,
            at_least=True,
        ),
        Row("plans by the fallback", 100.0 * fallbacks / len(made), "%", 5.0),
    ]
    return print_table("Automatic mode on the virtual site", rows)


async def _told_soc(database: Database, site: Site, begin: datetime, end: datetime) -> list[tuple[datetime, float]]:
    """What the battery's shunt told."""
    found = (await readings.field_rows(database, DEFAULT_ORG_ID, site.id, "soc_pct", begin, end, as_of=end))["cerbo"]
    rows = zip(found.times.tolist(), found.values.tolist(), strict=True)
    return [(datetime.fromtimestamp(at_s, UTC), value) for at_s, value in rows]


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, default=3.0)
    parser.add_argument("--speed", type=float, default=60.0)
    parser.add_argument("--scenario", default="sunny")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only-look", action="store_true")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="commandcenter-days-") as temporary:
        folder: Path = flags.data or Path(temporary)
        if not flags.only_look:
            seconds = flags.days * 86_400 / flags.speed + 30
            command = [sys.executable, "-m", "app", "demo", "--data", str(folder), "--plan", "automatic"]
            command += ["--speed", str(flags.speed), "--scenario", flags.scenario, "--for", str(round(seconds))]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return asyncio.run(look(folder, flags.scenario, flags.days))


if __name__ == "__main__":
    sys.exit(main())
