"""Where the battery's level goes: under the plan, and with the miners left as they are.

The level is followed per scenario; `p10` is the cautious one, with little sun and much load.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from energy.alerts.situation import ReserveForecast
from energy.cells.reserve_words import because
from energy.cells.walk import walk
from energy.forecast.hours import Band, Target
from energy.plan.plan import Plan
from energy.plan.problem import HIGH, HOUR_S, LOW, MIDDLE, Floats, Ints, Problem
from energy.site import Site

MODEL = "dispatch"
VERSION = "1"
_TOUCH_PCT = 0.05  # a plan may rest on the reserve; only below it by this much it is reached


@dataclass(frozen=True)
class Powers:
    """Means per step of the middle scenario (W): the sun, the house, the miners, and what the grid gives."""

    solar_w: Floats
    base_load_w: Floats
    miner_w: Floats
    import_w: Floats


@dataclass(frozen=True)
class Course:
    """The level (%) at the end of each step, by scenario ("p10", "p50", "p90"); no scenario where there is no battery.

    `start_s` is where the first step begins; `start_pct` the level there and `usable_kwh` what 100 % are, None unknown.
    """

    ends_s: Ints
    soc_pct: Mapping[str, Floats] = field(default_factory=dict)
    start_s: int | None = None
    start_pct: float | None = None
    usable_kwh: float | None = None
    powers: Powers | None = None

    @property
    def begins_s(self) -> int:
        """Where the first step begins; its end where nothing else is known."""
        return int(self.ends_s[0]) if self.start_s is None else self.start_s

    def points(self, scenario: str) -> tuple[Ints, Floats]:
        """Moments and levels of a scenario, with the level at the start where it is known."""
        if self.start_s is None or self.start_pct is None:
            return self.ends_s, self.soc_pct[scenario]
        ends_s = np.concatenate([[self.start_s], self.ends_s]).astype(np.int64)
        return ends_s, np.concatenate([[self.start_pct], self.soc_pct[scenario]])

    def falls_to_s(self, scenario: str, level_pct: float) -> int | None:
        """When that scenario falls to a level (epoch s); the start when it is below already; None if never."""
        if scenario not in self.soc_pct:
            return None
        at_s, pct = self.points(scenario)
        below = np.flatnonzero(pct < level_pct - _TOUCH_PCT)
        if not below.size:
            return None
        index = int(below[0])
        if index == 0:
            return self.begins_s
        before, after = float(pct[index - 1]), float(pct[index])
        share = min(max((before - level_pct) / (before - after), 0.0), 1.0)
        return int(at_s[index - 1] + share * (at_s[index] - at_s[index - 1]))

    def lowest(self, scenario: str) -> tuple[float, int] | None:
        """The lowest level of a scenario (%) and when (epoch s); None without a battery."""
        if scenario not in self.soc_pct:
            return None
        at_s, pct = self.points(scenario)
        index = int(np.argmin(pct))
        return float(pct[index]), int(at_s[index])

    def peak_before(self, scenario: str, until_s: int) -> tuple[float | None, int]:
        """The highest level before a moment (%, None where it is not known) and when, the last time of equals."""
        at_s, pct = self.points(scenario)
        early = np.flatnonzero(at_s < until_s)
        if not early.size:
            return None, self.begins_s
        index = int(early[-1]) - int(np.argmax(pct[early][::-1]))
        return float(pct[index]), int(at_s[index])

    def kwh_between(self, values_w: Floats, from_s: int, until_s: int) -> float:
        """The energy of one of its powers between two moments (kWh)."""
        starts_s = np.concatenate([[self.begins_s], self.ends_s[:-1]])
        seconds = np.clip(np.minimum(self.ends_s, until_s) - np.maximum(starts_s, from_s), 0, None)
        return float(np.sum(values_w * seconds)) / 3.6e6


def of_plan(plan: Plan, *, soc_pct: float | None = None, usable_kwh: float | None = None) -> Course:
    """The course under a plan. `soc_pct` is the level at its start, `usable_kwh` what 100 % are, where known."""
    names = set.intersection(*(set(s.soc_pct) for s in plan.steps))
    return Course(
        ends_s=np.array([s.end_s for s in plan.steps], dtype=np.int64),
        soc_pct={n: np.array([s.soc_pct[n] for s in plan.steps]) for n in (LOW, MIDDLE, HIGH) if n in names},
        start_s=plan.steps[0].start_s,
        start_pct=soc_pct,
        usable_kwh=usable_kwh,
        powers=Powers(
            solar_w=np.array([s.solar_w for s in plan.steps]),
            base_load_w=np.array([s.base_load_w for s in plan.steps]),
            miner_w=np.array([s.miner_w for s in plan.steps]),
            import_w=np.array([max(s.grid_import_w, 0.0) for s in plan.steps]),
        ),
    )


def as_is(problem: Problem) -> Course:
    """The course without a plan: the battery carries the house, and each miner goes on as it is set (`AsSet`).

    A miner that is off and not wanted stays off; one that people want on stays on while the limits let it; an automatic
    one follows its own levels, hours and need of sun. Minimum times and starts per day hold.
    Where the grid may give power, the battery stops at its hard floor and the grid takes over. Where it may not, or is
    away, nothing takes over: the house goes on below the floor, as it does in life until the inverter's own cut-off.
    Nobody tells where that is, so the course ends at 0 %.
    """
    steps = problem.steps
    ends_s = (steps.starts_s + steps.minutes * 60).astype(np.int64)
    walks = {s.name: walk(problem, s) for s in problem.scenarios}
    middle, battery = walks[MIDDLE], problem.battery
    return Course(
        ends_s=ends_s,
        soc_pct={} if battery is None else {name: each.soc_pct for name, each in walks.items()},
        start_s=int(steps.starts_s[0]),
        start_pct=None if battery is None else battery.soc_pct,
        usable_kwh=None if battery is None else battery.usable_kwh,
        powers=Powers(problem.middle.solar_w, problem.middle.base_load_w, middle.miner_w, middle.import_w),
    )


def band_of(course: Course, issued_s: int, target: Target) -> Band | None:
    """The course by the hour: % at the END of each full hour, quantiles in order; None without a battery."""
    if not course.soc_pct:
        return None
    first_s = course.begins_s // HOUR_S * HOUR_S
    starts_s = np.arange(first_s, int(course.ends_s[-1]) - HOUR_S + 1, HOUR_S, dtype=np.int64)
    names = [name if name in course.soc_pct else MIDDLE for name in (LOW, MIDDLE, HIGH)]
    levels = np.array([np.interp(starts_s + HOUR_S, *course.points(name)) for name in names])
    low, high = levels.min(axis=0), levels.max(axis=0)
    return Band(target, issued_s, starts_s, low, levels[1], high, MODEL, VERSION)


def breach_s(course: Course, scenario: str, level_pct: float) -> int | None:
    """When that scenario falls to a level (epoch s); the course's start when it is below already; None if never."""
    return course.falls_to_s(scenario, level_pct)


def reserve_forecast(
    course: Course, site: Site, issued_s: int, *, reserve_pct: float | None = None
) -> ReserveForecast | None:
    """What the middle scenario says of the reserve: the site's `safe_min_soc_pct` unless given. None without a battery.

    Its sentence has the energy until then: what house and miners need, what sun and grid bring, what the battery holds
    above the reserve; and when the reserve is reached with little sun and much load.
    """
    found = course.lowest(MIDDLE)
    if found is None:
        return None
    level = site.limits.safe_min_soc_pct if reserve_pct is None else reserve_pct
    lowest_pct, lowest_s = found
    reached_s = course.falls_to_s(MIDDLE, level)
    return ReserveForecast(
        issued_at=datetime.fromtimestamp(issued_s, UTC),
        reserve_pct=level,
        reached_at=None if reached_s is None else datetime.fromtimestamp(reached_s, UTC),
        lowest_pct=round(lowest_pct, 2),
        lowest_at=datetime.fromtimestamp(lowest_s, UTC),
        because=because(course, site, issued_s, level),
    )
