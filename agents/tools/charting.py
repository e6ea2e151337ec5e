"""The tool that draws: it notes a chart's spec on the desk; no picture passes through a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from agents.tools.desk import ToolDesk, ToolResult
from agents.tools.history import PeriodArgument
from agents.tools.words import period_argument
from charts.specs import BarSeries, ChartSpec, EnergyBars, Line, PowerChart, SocChart
from energy.naming import source_name
from energy.periods import Period
from energy.reading import FIELDS
from services import history
from services.preferences import limits_of

if TYPE_CHECKING:
    from services.scope import Scope

_POWER_FIELDS = ("solar_w", "load_w", "battery_charge_w", "grid_import_w", "miner_w")
_ENERGY_FIELDS = ("solar_w", "load_w", "battery_charge_w", "grid_import_w")
_TWO_WAY = ("battery_charge_w", "grid_import_w")
_HOURLY_UP_TO_S = 2 * 86_400


async def draw_chart(desk: ToolDesk, kind: Literal["power", "energy", "soc"], period: PeriodArgument) -> ToolResult:
    """Attach a chart: `power` flows, `energy` bars (kWh per hour or day) or `soc` (battery level) of a past period.

    Facts: `"chart"` (the kind), `"period"`, `"drawn": true` and `"alt"` (the chart in words), or `"drawn": false`
    with `"no_data": true` or `"full": true`.
    """
    span = period_argument(desk.scope, period)
    build = {"power": _power, "energy": _energy, "soc": _soc}[kind]
    spec = await build(desk.scope, span)
    facts = {"chart": kind, "period": span.label}
    if spec is None:
        return ToolResult(facts | {"drawn": False, "no_data": True}, f"There is no data to draw for {span.label}.")
    if not desk.note_chart(spec):
        return ToolResult(facts | {"drawn": False, "full": True}, "The answer has as many charts as it can carry.")
    return ToolResult(facts | {"drawn": True, "alt": spec.alt[:300]}, f"The chart of {span.label} is attached.")


async def _power(scope: Scope, span: Period) -> ChartSpec | None:
    lines: list[Line] = []
    sources: set[str] = set()
    for field in _POWER_FIELDS:
        line = await _line(scope, field, span, sources)
        if line is not None and not _without_meaning(scope, field):
            lines.append(line)
    soc = await _line(scope, "soc_pct", span, sources)
    if not lines:
        return None
    return PowerChart(
        title=f"Power {span.label}",
        **_frame(scope, span, sources),
        lines=tuple(lines),
        soc=soc,
    )


async def _soc(scope: Scope, span: Period) -> ChartSpec | None:
    sources: set[str] = set()
    line = await _line(scope, "soc_pct", span, sources)
    if line is None:
        return None
    limits = limits_of(scope)
    return SocChart(
        title=f"Battery level {span.label}",
        **_frame(scope, span, sources),
        soc=line,
        min_soc_pct=limits.min_soc_pct,
        safe_min_soc_pct=limits.safe_min_soc_pct,
        safe_max_soc_pct=limits.safe_max_soc_pct,
    )


async def _energy(scope: Scope, span: Period) -> ChartSpec | None:
    by: Literal["hour", "day"] = "hour" if span.duration.total_seconds() <= _HOURLY_UP_TO_S else "day"
    series: list[BarSeries] = []
    edges: tuple[int, ...] = ()
    sources: set[str] = set()
    for field in _ENERGY_FIELDS:
        if _without_meaning(scope, field):
            continue
        rows = await history.buckets(scope, field, span, by=by)
        if not rows or all(row.energy is None for row in rows):
            continue
        edges = (*(int(row.start.timestamp()) for row in rows), int(rows[-1].end.timestamp()))
        covered = tuple(min(1.0, row.covered_s / max(1.0, (row.end - row.start).total_seconds())) for row in rows)
        sources.update(((await history.statistics(scope, field, span)).source or "").split("+"))
        if field in _TWO_WAY:
            forward = tuple(row.energy.positive_kwh if row.energy else None for row in rows)
            back = tuple(row.energy.negative_kwh if row.energy else None for row in rows)
            series.append(BarSeries(field, forward, "positive", covered=covered))
            series.append(BarSeries(field, back, "negative", covered=covered))
        else:
            series.append(
                BarSeries(field, tuple(row.energy.net_kwh if row.energy else None for row in rows), covered=covered)
            )
    if not series:
        return None
    return EnergyBars(
        title=f"Energy {span.label}",
        **_frame(scope, span, sources),
        by=by,
        edges=edges,
        series=tuple(series),
    )


def _frame(scope: Scope, span: Period, sources: set[str]) -> dict[str, Any]:
    """What every chart says of its site, its time and its sources."""
    return {
        "zone": scope.zone,
        "start": span.start,
        "end": span.end,
        "as_of": scope.as_of,
        "site": scope.site.name,
        "period_label": span.label,
        "source": source_name(scope.site, sorted(sources)) or "",
        "units": scope.units,
    }


def _without_meaning(scope: Scope, field: str) -> bool:
    return field == "grid_import_w" and not scope.site.grid.present


async def _line(scope: Scope, field: str, span: Period, sources: set[str]) -> Line | None:
    # All rows: the chart's own thinning keeps extremes at their times, means would flatten them.
    found = (await history.series(scope, field, span)).known()
    if len(found.times) == 0:
        return None
    sources.update(found.source.split("+"))
    return Line.of(
        field, found.times.tolist(), found.values.tolist(), cadence_s=found.cadence_s, label=FIELDS[field].label
    )
