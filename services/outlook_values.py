"""What the outlook's use cases answer with: plain values with their moments, for chat, tools and charts alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from energy.forecast.hours import Band, Floats, Ints
from energy.plan.plan import Plan, PlanStep

PlanMode = Literal["advise", "ask", "automatic"]
Basis = Literal["forecast", "weather", "typical"]
FULL_PCT = 99.0


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is nothing to show; `says` names why and the remedy."""

    says: str


@dataclass(frozen=True, slots=True)
class Quantiles:
    """An amount (kWh): one time in ten it is less than `p10`, one time in ten more than `p90`."""

    p10: float
    p50: float
    p90: float


@dataclass(frozen=True, slots=True)
class Window:
    """A time from `start` to `end` (aware UTC)."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class DayView:
    """A local day, as far as the forecast reaches: what is still to come of today, all of the days after it.

    Load is the house's own, without the miners. `surplus_kwh` is the sun that it leaves, hour by hour;
    `sure_surplus_kwh` the same with little sun and much load. `whole` is False for a day of which hours lie outside.
    `solar_so_far_kwh` and `load_so_far_kwh` are measured, for today alone.
    """

    day: date
    start: datetime
    end: datetime
    solar_kwh: Quantiles | None
    load_kwh: Quantiles | None
    surplus_kwh: float | None
    sure_surplus_kwh: float | None
    best_solar: Window | None
    whole: bool
    solar_so_far_kwh: float | None = None
    load_so_far_kwh: float | None = None


@dataclass(frozen=True, slots=True)
class ForecastView:
    """Solar and load to come. `solar` and `load` are hourly (mean W), for charts; None where that one is unknown.

    `old` is said where no newer forecast came for hours; `age` is since `issued_at`. `clear_w` is a clear sky's solar
    power in each hour of `solar`.
    """

    issued_at: datetime
    age: timedelta
    old: bool
    days: tuple[DayView, ...]
    solar: Band | None
    load: Band | None
    clear_w: Floats | None
    weather_source: str | None
    weather_issued_at: datetime | None
    weather_age: timedelta | None
    notes: tuple[str, ...]

    def day(self, wanted: date) -> DayView | None:
        """The day, or None where the forecast does not reach it."""
        return next((each for each in self.days if each.day == wanted), None)


@dataclass(frozen=True, slots=True)
class LevelAt:
    """A battery level (%) and when it is reached."""

    soc_pct: float
    at: datetime


@dataclass(frozen=True, slots=True)
class DayCourse:
    """A day of a course: its lowest level, and when it is full."""

    lowest: LevelAt
    full_at: datetime | None


@dataclass(frozen=True, slots=True)
class CourseView:
    """The battery's level at the end of each hour (%), and what is read from it.

    `lowest_if_dull` is the lowest of the cautious course, `breach_at` where the middle one passes below the reserve and
    `breach_if_dull_at` where the cautious one does; `risk` is the chance (0 to 1) that the reserve is passed at all.
    """

    ends_s: Ints
    p10: Floats
    p50: Floats
    p90: Floats
    lowest: LevelAt
    lowest_if_dull: LevelAt
    full_at: datetime | None
    breach_at: datetime | None
    breach_if_dull_at: datetime | None
    risk: float
    end: LevelAt
    at_sunset: LevelAt | None
    at_sunrise: LevelAt | None

    def within(self, day: date, zone: ZoneInfo) -> DayCourse | None:
        """The middle course's hours that end on a local day; None where there are none."""
        ends = [datetime.fromtimestamp(end_s, UTC) for end_s in self.ends_s.tolist()]
        found = [
            LevelAt(level, end)
            for level, end in zip(self.p50.tolist(), ends, strict=True)
            if (end - timedelta(minutes=1)).astimezone(zone).date() == day
        ]
        if not found:
            return None
        full_at = next((each.at for each in found if each.soc_pct >= FULL_PCT), None)
        return DayCourse(min(found, key=lambda each: each.soc_pct), full_at)


@dataclass(frozen=True, slots=True)
class BatteryView:
    """Where the battery's level goes: `plan` as planned, `as_is` with the miners left as they are; not both None.

    Which of them comes depends on the site's `mode`: advice changes nothing. `because` is a sentence on the reserve.
    """

    soc_pct: float | None
    read_at: datetime | None
    issued_at: datetime
    age: timedelta
    old: bool
    plan: CourseView | None
    as_is: CourseView | None
    reserve_pct: float
    floor_pct: float
    usable_kwh: float
    mode: PlanMode
    because: str

    @property
    def expected(self) -> CourseView:
        """The course that comes: the plan's where it is used."""
        order = (self.as_is, self.plan) if self.mode == "advise" else (self.plan, self.as_is)
        found = next((course for course in order if course is not None), None)
        assert found is not None
        return found

    @property
    def other(self) -> CourseView | None:
        """The course that is not `expected`; None where there is one alone."""
        return next((c for c in (self.plan, self.as_is) if c is not None and c is not self.expected), None)


@dataclass(frozen=True, slots=True)
class MinerRun:
    """A miner on from `start` to `end`. Where its energy comes from (kWh), and for how long it is all surplus."""

    miner_id: str
    name: str
    start: datetime
    end: datetime
    kwh: float
    surplus_kwh: float
    battery_kwh: float
    grid_kwh: float
    on_surplus: timedelta
    reason: str
    reason_code: str


@dataclass(frozen=True, slots=True)
class BatteryRun:
    """A time in which the battery does not just follow sun and load: it is held, or charged from the grid."""

    mode: Literal["hold", "grid_charge"]
    start: datetime
    end: datetime
    kwh: float
    reason: str


@dataclass(frozen=True, slots=True)
class PlanView:
    """The newest plan from now on. `steps` are those that are not over; sums are over them; money in `currency`.

    `current` is False when the plan is too old to be followed. `risks` are sentences from the cautious case.
    """

    planned_at: datetime
    age: timedelta
    old: bool
    because: str
    mode: PlanMode
    method: Literal["milp", "fallback"]
    until: datetime
    runs: tuple[MinerRun, ...]
    battery_runs: tuple[BatteryRun, ...]
    money: float
    currency: str
    miner_kwh: float
    import_kwh: float
    export_kwh: float
    solar_kwh: float
    load_kwh: float
    lowest: LevelAt | None
    lowest_if_dull: LevelAt | None
    full_at: datetime | None
    risks: tuple[str, ...]
    violations: tuple[str, ...]
    notes: tuple[str, ...]
    changes: tuple[str, ...]
    has_miners: bool
    steps: tuple[PlanStep, ...]
    plan: Plan
    forecast_issued_at: datetime | None


@dataclass(frozen=True, slots=True)
class Next:
    """The next change after the moment that is asked about."""

    at: datetime
    on: bool
    reason: str


@dataclass(frozen=True, slots=True)
class WhyItem:
    """Why one miner, or the battery (`miner_id` None), does what it does in the step that is asked about.

    `planned_on` is None for the battery. `really_on` is what the relay said, asked about now alone; `differs` says why
    it is not as planned, "" where it is. `would_change` is what it would take, "" where nothing is known to.
    """

    miner_id: str | None
    name: str
    planned_on: bool | None
    really_on: bool | None
    reason: str
    code: str
    figures: Mapping[str, float]
    until: datetime
    next: Next | None
    would_change: str
    differs: str = ""


@dataclass(frozen=True, slots=True)
class WhyView:
    """The reasons of one step of the newest plan: at `at`, or now."""

    at: datetime
    is_now: bool
    planned_at: datetime
    age: timedelta
    old: bool
    because: str
    mode: PlanMode
    items: tuple[WhyItem, ...]
    violations: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WeekDay:
    """A day of the week to come. Solar and load in kWh; what the battery would take in, if no miner ran.

    `basis`: the site's forecast, the weather forecast alone, or weather that is typical of the season.
    """

    day: date
    solar_kwh: float | None
    load_kwh: float | None
    surplus_kwh: float | None
    charge_kwh: float | None
    lowest: LevelAt | None
    highest: LevelAt | None
    full_at: datetime | None
    basis: Basis


@dataclass(frozen=True, slots=True)
class WeekView:
    """Seven days, the first is what is left of today. `typical_solar_kwh` is the mean day of the last two weeks."""

    days: tuple[WeekDay, ...]
    issued_at: datetime | None
    weather_source: str | None
    weather_age: timedelta | None
    typical_solar_kwh: float | None
    notes: tuple[str, ...]
