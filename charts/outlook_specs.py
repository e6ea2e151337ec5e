"""What charts of what is to come show, as frozen data: forecasts with their bands, plans, scores, the battery's age.

Values that nothing is known of are None and stay blank: nothing here is filled in or interpolated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Literal

from charts import outlook_words
from charts.frame import Frame, check_frame, check_soc, slug_of
from charts.line import Line

__all__ = [
    "CellPoint",
    "CellsChart",
    "Curve",
    "OutlookSpec",
    "PlanBar",
    "PlanChart",
    "ScoreRow",
    "ScorecardChart",
    "Sky",
    "SocFanChart",
    "SolarForecastChart",
    "Values",
]

Values = tuple[float | None, ...]
Sky = Literal["clear", "mixed", "overcast"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SolarForecastChart(Frame):
    """A solar forecast (mean W of each hour from `starts_s` on) with its band, against what was measured.

    `clear_w` is what a clear sky would give. `notes` are said at the foot of the chart.
    """

    starts_s: tuple[int, ...]
    p10_w: Values
    p50_w: Values
    p90_w: Values
    issued_at: datetime
    actual: Line | None = None
    clear_w: Values | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_frame(self)
        _check_moment(self, "issued_at")
        _check_band(self, self.starts_s, {"p10_w": self.p10_w, "p50_w": self.p50_w, "p90_w": self.p90_w})
        _check_values(self, len(self.starts_s), clear_w=self.clear_w)
        if self.actual is not None and self.actual.field != "solar_w":
            raise ValueError(f"SolarForecastChart.actual is the field solar_w, got {self.actual.field}")

    @property
    def alt(self) -> str:
        """The chart in words, for those who do not see it."""
        return outlook_words.solar_alt(self)

    @property
    def slug(self) -> str:
        """A file name without its ending: `solar-forecast-solar-shack-2026-11-23`."""
        return slug_of("solar-forecast", self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SocFanChart(Frame):
    """Where the state of charge (% at each of `ends_s`) goes: the plan's course with its band, and as it is now.

    `as_is_p50` is the course without the plan: the miners left as they are. Where there is no plan (`planned` False),
    the course is that one, with its band. `breach_s` is when the plan's middle
    course falls under the reserve (it may lie after the end of the chart), `as_is_breach_s` when the other one does.
    """

    ends_s: tuple[int, ...]
    p10: Values
    p50: Values
    p90: Values
    issued_at: datetime
    as_is_p50: Values | None = None
    actual: Line | None = None
    reserve_pct: float | None = None
    floor_pct: float | None = None
    breach_s: int | None = None
    as_is_breach_s: int | None = None
    planned: bool = True
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_frame(self)
        _check_moment(self, "issued_at")
        _check_band(self, self.ends_s, {"p10": self.p10, "p50": self.p50, "p90": self.p90})
        _check_values(self, len(self.ends_s), as_is_p50=self.as_is_p50)
        check_soc(self.actual)
        _check_percents(self, "reserve_pct", "floor_pct")
        if self.as_is_breach_s is not None and self.as_is_p50 is None:
            raise ValueError("SocFanChart.as_is_breach_s needs the course that it belongs to: as_is_p50")

    @property
    def alt(self) -> str:
        """The chart in words, for those who do not see it."""
        return outlook_words.soc_fan_alt(self)

    @property
    def slug(self) -> str:
        """A file name without its ending: `battery-forecast-solar-shack-2026-11-23`."""
        return slug_of("battery-forecast", self)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanBar:
    """One step of a plan, in means (W, our signs); `miners_w` has one value per miner of the chart, 0 is off.

    SOC is at the step's end, `soc_low_pct` with little sun and much load; prices are in the site's currency.
    """

    start_s: int
    minutes: int
    solar_w: float
    base_load_w: float
    miners_w: tuple[float, ...] = ()
    battery_charge_w: float = 0.0
    grid_import_w: float = 0.0
    soc_pct: float | None = None
    soc_low_pct: float | None = None
    import_per_kwh: float | None = None
    export_per_kwh: float | None = None

    @property
    def end_s(self) -> int:
        """When the step is over, epoch seconds."""
        return self.start_s + 60 * self.minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChart(Frame):
    """A plan over time: the miners (named in `miners`) over sun and base load, prices and the grid, and the SOC."""

    steps: tuple[PlanBar, ...]
    planned_at: datetime
    miners: tuple[str, ...] = ()
    currency: str = ""
    reserve_pct: float | None = None
    floor_pct: float | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_frame(self)
        _check_moment(self, "planned_at")
        _check_percents(self, "reserve_pct", "floor_pct")
        if any(later.start_s < earlier.end_s for earlier, later in pairwise(self.steps)):
            raise ValueError("PlanChart.steps must follow each other without overlapping")
        for step in self.steps:
            if step.minutes <= 0:
                raise ValueError(f"PlanChart.steps need a length above 0 minutes, got {step.minutes}")
            if len(step.miners_w) != len(self.miners):
                raise ValueError(f"PlanBar has {len(step.miners_w)} miners_w for {len(self.miners)} miners")
            numbers = (
                step.solar_w,
                step.base_load_w,
                step.battery_charge_w,
                step.grid_import_w,
                *step.miners_w,
                step.soc_pct,
                step.soc_low_pct,
                step.import_per_kwh,
                step.export_per_kwh,
            )
            if any(number is not None and not math.isfinite(number) for number in numbers):
                raise ValueError("PlanBar holds a value that is not finite; None is unknown")
            if any(watts < 0 for watts in (step.solar_w, step.base_load_w, *step.miners_w)):
                raise ValueError("PlanBar: solar, base load and miners are counted upwards from 0 W")

    @property
    def alt(self) -> str:
        """The chart in words, for those who do not see it."""
        return outlook_words.plan_alt(self)

    @property
    def slug(self) -> str:
        """A file name without its ending: `plan-solar-shack-2026-11-23`."""
        return slug_of("plan", self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """How right one forecast was: per day the accuracy (1 is perfect; it can be negative) of ours and of persistence.

    `ours_all` and `persistence_all` are over all days together, where errors and energies are added up; without them
    the mean of the days is said. `coverage` is the share of hours within the band, which is meant to hold `meant`.
    """

    label: str
    field: Literal["solar_w", "load_w", "soc_pct"]
    ours: Values
    persistence: Values
    ours_all: float | None = None
    persistence_all: float | None = None
    coverage: float | None = None
    meant: float = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorecardChart(Frame):
    """Forecasts against what came: one panel per forecast over the local `days` (ISO dates), coloured by their sky."""

    days: tuple[str, ...]
    rows: tuple[ScoreRow, ...]
    sky: tuple[Sky | None, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_frame(self)
        if any(later <= earlier for earlier, later in pairwise(date.fromisoformat(day) for day in self.days)):
            raise ValueError("ScorecardChart.days must be strictly ascending dates")
        if self.sky and len(self.sky) != len(self.days):
            raise ValueError(f"ScorecardChart.sky has {len(self.sky)} values for {len(self.days)} days")
        for row in self.rows:
            _check_values(self, len(self.days), ours=row.ours, persistence=row.persistence)
            if row.coverage is not None and not 0 <= row.coverage <= 1:
                raise ValueError(f"ScoreRow.coverage is a share between 0 and 1, got {row.coverage}")

    @property
    def alt(self) -> str:
        """The chart in words, for those who do not see it."""
        return outlook_words.scorecard_alt(self)

    @property
    def slug(self) -> str:
        """A file name without its ending: `forecast-scorecard-solar-shack-2026-11-01-to-2026-11-14`."""
        return slug_of("forecast-scorecard", self)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPoint:
    """A capacity as it was estimated (% of new), with its error bar; `x` counts in what the chart's axis does."""

    x: float
    pct: float
    low_pct: float | None = None
    high_pct: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Remaining capacity (% of new) along the axis, with a band where both edges are given."""

    x: tuple[float, ...]
    pct: tuple[float, ...]
    low_pct: tuple[float, ...] = ()
    high_pct: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CellsChart(Frame):
    """A battery's health: what was measured, its own fade, the fleet's, and what remains today.

    `by` says what x counts: equivalent full cycles, or epoch seconds.
    """

    by: Literal["cycles", "date"]
    points: tuple[CellPoint, ...]
    now_x: float
    remaining: CellPoint | None = None
    own: Curve | None = None
    fleet: Curve | None = None
    limit_pct: float = 80.0
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_frame(self)
        if self.by not in ("cycles", "date"):
            raise ValueError(f"CellsChart.by is 'cycles' or 'date', got {self.by!r}")
        _check_percents(self, "limit_pct")
        for name in ("own", "fleet"):
            curve: Curve | None = getattr(self, name)
            if curve is None:
                continue
            if any(later <= earlier for earlier, later in pairwise(curve.x)):
                raise ValueError(f"CellsChart.{name} needs strictly ascending x")
            for values in (curve.pct, *(edge for edge in (curve.low_pct, curve.high_pct) if edge)):
                _check_values(self, len(curve.x), **{name: values})
            if bool(curve.low_pct) != bool(curve.high_pct):
                raise ValueError(f"CellsChart.{name} needs both edges of its band, or none")
        for point in (*self.points, *([self.remaining] if self.remaining else [])):
            _check_values(self, 4, points=(point.x, point.pct, point.low_pct, point.high_pct))

    @property
    def alt(self) -> str:
        """The chart in words, for those who do not see it."""
        return outlook_words.cells_alt(self)

    @property
    def slug(self) -> str:
        """A file name without its ending: `battery-health-solar-shack-2026-11-23`."""
        return slug_of("battery-health", self)


OutlookSpec = SolarForecastChart | SocFanChart | PlanChart | ScorecardChart | CellsChart


def _check_moment(spec: Frame, name: str) -> None:
    moment: datetime = getattr(spec, name)
    if moment.tzinfo is None:
        raise ValueError(f"{type(spec).__name__}.{name} needs a time zone: pass an aware datetime")
    object.__setattr__(spec, name, moment.astimezone(UTC))


def _check_percents(spec: Frame, *names: str) -> None:
    for name in names:
        value: float | None = getattr(spec, name)
        if value is not None and not 0 <= value <= 100:
            raise ValueError(f"{type(spec).__name__}.{name} lies between 0 and 100 %, got {value}")


def _check_values(spec: Frame, count: int, **named: Sequence[float | None] | None) -> None:
    for name, values in named.items():
        if values is None:
            continue
        if len(values) != count:
            raise ValueError(f"{type(spec).__name__}.{name} has {len(values)} values where {count} are needed")
        if any(value is not None and not math.isfinite(value) for value in values):
            raise ValueError(f"{type(spec).__name__}.{name} holds a value that is not finite; None is unknown")


def _check_band(spec: Frame, times: tuple[int, ...], quantiles: dict[str, Values]) -> None:
    kind = type(spec).__name__
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise ValueError(f"{kind} needs strictly ascending times, each only once")
    _check_values(spec, len(times), **quantiles)
    for values in zip(*quantiles.values(), strict=True):
        known = [value for value in values if value is not None]
        if any(later < earlier for earlier, later in pairwise(known)):
            raise ValueError(f"{kind} has quantiles that cross: {', '.join(f'{value:g}' for value in known)}")
