"""Charts of what is to come, from what the services answer with: for the bot's replies and the tools alike.

`*_spec` are pure: values in, a chart's spec out, in the person's units and zone. The others fetch what was measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from charts.specs import (
    CellPoint,
    CellsChart,
    Curve,
    Line,
    PlanBar,
    PlanChart,
    ScorecardChart,
    ScoreRow,
    SocFanChart,
    SolarForecastChart,
)
from energy.naming import source_name
from energy.periods import Period
from energy.plan.prices import period_at
from services import history, outlook

if TYPE_CHECKING:
    from energy.cells.health import Health
    from energy.forecast.hours import Band
    from energy.plan.plan import PlanStep
    from services.outlook import BatteryView, ForecastView, PlanView
    from services.scope import Scope

HOUR_S = 3_600
_SCORED = (("solar", "Solar", "solar_w"), ("load", "Load", "load_w"), ("soc", "Battery", "soc_pct"))


class HasScore(Protocol):
    """A stored day of a forecast's scores."""

    @property
    def day(self) -> date: ...

    @property
    def target(self) -> str: ...

    @property
    def values(self) -> Mapping[str, Any]: ...


async def solar_forecast_chart(scope: Scope, view: ForecastView) -> SolarForecastChart | None:
    """The sun to come, and today so far: as it was forecast at midnight and as it was measured."""
    if view.solar is None or not len(view.solar.starts_s):
        return None
    midnight = _midnight(scope, scope.as_of)
    earlier = await outlook.forecast_view(replace(scope, as_of=midnight), hours=25)
    actual, source = await _measured(scope, "solar_w", midnight)
    before = None if isinstance(earlier, outlook.Nothing) else earlier.solar
    clear_w = None if view.clear_w is None else view.clear_w.tolist()
    return solar_forecast_spec(scope, view.solar, actual, earlier=before, clear_w=clear_w, source=source)


async def soc_fan_chart(scope: Scope, view: BatteryView) -> SocFanChart | None:
    """The battery's level to come, after today's so far."""
    actual, source = await _measured(scope, "soc_pct", _midnight(scope, scope.as_of))
    return soc_fan_spec(scope, view, actual, source=source)


async def plan_chart(scope: Scope, view: PlanView) -> PlanChart | None:
    """What the plan does from now on."""
    return plan_spec(scope, view.steps, view.planned_at, currency=view.currency) if view.steps else None


def solar_forecast_spec(
    scope: Scope,
    band: Band,
    actual: Line | None = None,
    *,
    earlier: Band | None = None,
    clear_w: Sequence[float] | None = None,
    source: str = "",
) -> SolarForecastChart:
    """The forecast from today's midnight on; `earlier` is what was forecast of the hours before the band begins.

    `clear_w` is a clear sky's power in each hour of the band.
    """
    start = _midnight(scope, scope.as_of)
    rows: dict[int, tuple[float | None, ...]] = {}
    first_s = int(band.starts_s[0])
    for part in [earlier, band] if earlier is not None else [band]:
        columns = (part.starts_s.tolist(), part.p10.tolist(), part.p50.tolist(), part.p90.tolist())
        for at_s, *quantiles in zip(*columns, strict=True):
            if start.timestamp() <= at_s and (part is band or at_s < first_s):
                rows[int(at_s)] = tuple(_known(value) for value in quantiles)
    clear = dict(zip(band.starts_s.tolist(), map(_known, clear_w or ()), strict=False))
    times = tuple(sorted(rows))
    end = datetime.fromtimestamp(times[-1] + HOUR_S, UTC)
    has_past = any(at_s < first_s for at_s in times)
    return SolarForecastChart(
        **_frame(scope, "Solar forecast", start, end, source),
        issued_at=datetime.fromtimestamp(band.issued_s, UTC),
        starts_s=times,
        p10_w=tuple(rows[at_s][0] for at_s in times),
        p50_w=tuple(rows[at_s][1] for at_s in times),
        p90_w=tuple(rows[at_s][2] for at_s in times),
        clear_w=tuple(clear.get(at_s) for at_s in times) if clear else None,
        actual=actual,
        notes=("Hours that are over: as they were forecast at midnight",) if has_past else (),
    )


def soc_fan_spec(scope: Scope, view: BatteryView, actual: Line | None = None, *, source: str = "") -> SocFanChart:
    """The battery's courses: the plan's with its band where there is a plan, and the one without it."""
    planned = view.plan is not None
    course = view.plan or view.expected
    other = view.as_is if planned else None
    ends_s = tuple(int(end_s) for end_s in course.ends_s)
    without = {} if other is None else dict(zip(other.ends_s.tolist(), other.p50.tolist(), strict=True))
    start = _midnight(scope, scope.as_of)
    return SocFanChart(
        **_frame(scope, "Battery ahead", start, datetime.fromtimestamp(ends_s[-1], UTC), source),
        issued_at=view.issued_at,
        ends_s=ends_s,
        p10=_values(course.p10.tolist()),
        p50=_values(course.p50.tolist()),
        p90=_values(course.p90.tolist()),
        as_is_p50=_values([without.get(end_s) for end_s in ends_s]) if other is not None else None,
        actual=actual,
        reserve_pct=view.reserve_pct,
        floor_pct=view.floor_pct,
        breach_s=_epoch(course.breach_at),
        as_is_breach_s=None if other is None else _epoch(other.breach_at),
        planned=planned,
    )


def plan_spec(scope: Scope, steps: Sequence[PlanStep], planned_at: datetime, *, currency: str = "") -> PlanChart:
    """The plan's steps; prices are the tariff's: left out where it names none or prices come by the hour."""
    site, miners = scope.site, scope.site.miner
    limits = site.limits
    return PlanChart(
        **_frame(scope, "Plan", _moment(steps[0].start_s), _moment(steps[-1].end_s), ""),
        planned_at=planned_at,
        steps=tuple(_bar(scope, step) for step in steps),
        miners=tuple(miner.name for miner in miners),
        currency=currency,
        reserve_pct=None if site.battery is None else limits.safe_min_soc_pct,
        floor_pct=None if site.battery is None else limits.min_soc_pct,
    )


def _bar(scope: Scope, step: PlanStep) -> PlanBar:
    rated = [miner.power_w if miner.id in step.on else 0.0 for miner in scope.site.miner]
    share = step.miner_w / sum(rated) if sum(rated) > 0 else 0.0
    site = scope.site
    hourly = site.plan.prices_url is not None  # the steps do not keep those prices, and the tariff's are others
    period = None if hourly else period_at(site.tariff, step.start_s, site.zone)
    return PlanBar(
        start_s=step.start_s,
        minutes=step.minutes,
        solar_w=max(step.solar_w, 0.0),
        base_load_w=max(step.base_load_w, 0.0),
        miners_w=tuple(max(watts * share, 0.0) for watts in rated),
        battery_charge_w=step.battery_charge_w,
        grid_import_w=step.grid_import_w,
        soc_pct=step.soc_pct.get("p50"),
        soc_low_pct=step.soc_pct.get("p10"),
        import_per_kwh=None if period is None else period.import_per_kwh,
        export_per_kwh=None if period is None else period.export_per_kwh,
    )


def scorecard_spec(scope: Scope, scores: Sequence[HasScore]) -> ScorecardChart | None:
    """The stored scores per day; days without any leave a gap. None where nothing was scored."""
    targets = {target for target, _, _ in _SCORED}
    found = {(score.target, score.day): score.values for score in scores if score.target in targets}
    days = sorted({day for _, day in found})
    if not days:
        return None
    rows = []
    for target, label, field in _SCORED:
        kept = [found.get((target, day), {}) for day in days]
        row = ScoreRow(
            label=label,
            field=field,  # type: ignore[arg-type]  # a tuple of literals widens
            ours=_values([values.get("acc_hour") for values in kept]),
            persistence=_values([values.get("persistence_hour") for values in kept]),
            ours_all=_over_all(kept, "off", "actual"),
            persistence_all=_over_all(kept, "persistence_off", "persistence_actual"),
            coverage=_coverage(kept),
        )
        if any(value is not None for value in row.ours):
            rows.append(row)
    start = datetime.combine(days[0], time(), scope.zone)
    end = datetime.combine(days[-1] + timedelta(days=1), time(), scope.zone)
    return ScorecardChart(
        **_frame(scope, "Forecast scorecard", start, end, ""),
        days=tuple(day.isoformat() for day in days),
        sky=tuple(found.get(("solar", day), {}).get("sky") for day in days),
        rows=tuple(rows),
    )


def _over_all(days: Sequence[Mapping[str, Any]], off: str, actual: str) -> float | None:
    """The accuracy over all days: their errors and energies are added up, not their accuracies."""
    sums = [each["sums"] for each in days if each.get("sums")]
    came = sum(float(each.get(actual, 0.0)) for each in sums)
    return 1 - sum(float(each.get(off, 0.0)) for each in sums) / came if came > 0 else None


def _coverage(days: Sequence[Mapping[str, Any]]) -> float | None:
    """The share of hours within the band; a day of which the hours are not said counts as a whole one."""
    known = [(float(each["coverage"]), float(each.get("covered_hours") or 24)) for each in days
             if _known(each.get("coverage")) is not None]  # fmt: skip
    hours = sum(weight for _, weight in known)
    return sum(share * weight for share, weight in known) / hours if hours else None


def cells_spec(scope: Scope, health: Health) -> CellsChart | None:
    """A bank's health over its full cycles; None where nothing is known of its fade."""
    fade = health.fade
    if fade is None:
        return None
    curve = fade.curve
    x: list[float] = []
    kept: list[int] = []
    for index, cycles in enumerate(curve.full_cycles.tolist()):
        if not x or cycles > x[-1]:
            x.append(cycles)
            kept.append(index)
    now_x = float(np.interp(health.until_s, curve.at_s, curve.full_cycles))

    def column(values: Any) -> tuple[float, ...]:
        return tuple(values[kept].tolist())

    return CellsChart(
        **_frame(scope, "Battery health", _moment(health.since_s), _moment(health.until_s), ""),
        by="cycles",
        points=tuple(
            CellPoint(x=p.full_cycles, pct=p.pct, low_pct=p.low_pct, high_pct=p.high_pct) for p in fade.points
        ),
        now_x=now_x,
        remaining=CellPoint(x=now_x, pct=fade.remaining_pct, low_pct=fade.low_pct, high_pct=fade.high_pct),
        own=Curve(x=tuple(x), pct=column(curve.pct), low_pct=column(curve.low_pct), high_pct=column(curve.high_pct)),
        fleet=Curve(x=tuple(x), pct=column(curve.fleet_pct)),
    )


async def _measured(scope: Scope, field: str, since: datetime) -> tuple[Line | None, str]:
    """What was measured since then, with the devices that did; None where nothing was."""
    if since >= scope.as_of:
        return None, ""
    found = (await history.series(scope, field, Period(since, scope.as_of, "today"))).known()
    if not len(found.times):
        return None, ""
    line = Line.of(field, found.times.tolist(), found.values.tolist(), cadence_s=found.cadence_s)
    return line, source_name(scope.site, sorted(found.source.split("+"))) or ""


def _frame(scope: Scope, title: str, start: datetime, end: datetime, source: str) -> dict[str, Any]:
    return {
        "title": title,
        "zone": scope.zone,
        "start": start,
        "end": end,
        "as_of": scope.as_of,
        "site": scope.site.name,
        "source": source,
        "units": scope.units,
    }


def _midnight(scope: Scope, moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(scope.zone).date(), time(), scope.zone).astimezone(UTC)


def _moment(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)


def _epoch(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp())


def _known(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), 3)


def _values(values: Sequence[float | None]) -> tuple[float | None, ...]:
    return tuple(_known(value) for value in values)
