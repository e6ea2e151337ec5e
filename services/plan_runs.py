"""A plan's steps in runs that people can read: when a miner is on in one go, and where its energy comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from energy.plan.plan import PlanStep
from energy.site import Miner, Site
from services.outlook_values import BatteryRun, MinerRun

_ALL = 0.95  # so much of a miner's power counts as all of it


def steps_ahead(steps: Sequence[PlanStep], now: datetime) -> tuple[PlanStep, ...]:
    """The steps that are not over."""
    return tuple(step for step in steps if step.end_s > now.timestamp())


def hours_ahead(step: PlanStep, now: datetime) -> float:
    """How much of a step is still to come (h)."""
    return max(step.end_s - max(float(step.start_s), now.timestamp()), 0.0) / 3_600.0


def miner_runs(site: Site, steps: Sequence[PlanStep], now: datetime) -> tuple[MinerRun, ...]:
    """Every run from `now` on, by start and then in the order of the site's miners."""
    found = [run for miner in site.miner for run in _runs_of(site, miner, steps, now)]
    return tuple(sorted(found, key=lambda run: run.start))


def battery_runs(steps: Sequence[PlanStep], now: datetime) -> tuple[BatteryRun, ...]:
    """The times in which the battery is held, or charged from the grid. `kwh` is what it is charged with then."""
    found: list[BatteryRun] = []
    for group in _joined(steps, lambda step: step.battery_mode):
        mode = group[0].battery_mode
        if mode == "self_use":
            continue
        kwh = sum(max(step.battery_charge_w, 0.0) / 1_000.0 * hours_ahead(step, now) for step in group)
        start, end = _span(group, now)
        found.append(BatteryRun(mode, start, end, kwh, group[0].battery_reason.text))
    return tuple(found)


def _runs_of(site: Site, miner: Miner, steps: Sequence[PlanStep], now: datetime) -> Iterator[MinerRun]:
    for group in _joined(steps, lambda step: miner.id in step.on):
        if miner.id not in group[0].on:
            continue
        parts = [_sources(site, miner, step, now) for step in group]
        start, end = _span(group, now)
        reason = group[0].miner_reasons.get(miner.id)
        yield MinerRun(
            miner_id=miner.id,
            name=miner.name,
            start=start,
            end=end,
            kwh=sum(part.kwh for part in parts),
            surplus_kwh=sum(part.surplus for part in parts),
            battery_kwh=sum(part.battery for part in parts),
            grid_kwh=sum(part.grid for part in parts),
            on_surplus=timedelta(hours=sum(part.hours for part in parts if part.surplus >= _ALL * part.kwh)),
            reason="" if reason is None else reason.text,
            reason_code="" if reason is None else reason.code,
        )


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where a miner's energy of one step comes from (kWh)."""

    hours: float
    kwh: float
    surplus: float
    battery: float
    grid: float


def _sources(site: Site, miner: Miner, step: PlanStep, now: datetime) -> _Sources:
    """The miners share what the house leaves of the sun; what they lack comes from battery and grid as they give."""
    hours = hours_ahead(step, now)
    rated_w = sum(each.power_w for each in site.miner if each.id in step.on) or miner.power_w
    share = miner.power_w / rated_w * hours / 1_000.0
    surplus_w = min(max(step.solar_w - step.base_load_w, 0.0), step.miner_w)
    missing_w = step.miner_w - surplus_w
    gives_w, imports_w = max(-step.battery_charge_w, 0.0), max(step.grid_import_w, 0.0)
    from_battery = gives_w / (gives_w + imports_w) if gives_w + imports_w > 0 else 0.0
    return _Sources(
        hours,
        step.miner_w * share,
        surplus_w * share,
        missing_w * from_battery * share,
        missing_w * (1 - from_battery) * share,
    )


def _joined(steps: Sequence[PlanStep], key: Callable[[PlanStep], object]) -> Iterator[list[PlanStep]]:
    """Neighbouring steps of the same kind."""
    group: list[PlanStep] = []
    for step in steps:
        if group and (key(step) != key(group[-1]) or step.start_s != group[-1].end_s):
            yield group
            group = []
        group.append(step)
    if group:
        yield group


def _span(group: Sequence[PlanStep], now: datetime) -> tuple[datetime, datetime]:
    start = max(datetime.fromtimestamp(group[0].start_s, UTC), now)
    return start, datetime.fromtimestamp(group[-1].end_s, UTC)
