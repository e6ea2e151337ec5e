"""Everything about a battery's health in one value, for `/battery health` and its chart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from energy.cells.acceptance import Acceptance, acceptance
from energy.cells.ageing import Kind, Use, kind_of, usual_loss
from energy.cells.capacity import Capacity, capacity, capacity_by_month
from energy.cells.cycles import Cycles, count_cycles
from energy.cells.estimate import CannotTell, Estimate
from energy.cells.own_fade import own_fade
from energy.forecast.hours import Floats, Ints
from energy.series import Series
from energy.site import Site

PRICE_PER_KWH = 300.0  # of a new bank, in the site's currency, where nobody states one
END_OF_LIFE_PCT = 70.0  # a bank is paid for by the capacity that it loses down to here
LEAST_DAYS = 7
YEARS_AHEAD = 15.0
YEAR_S = 365.25 * 86_400
MEASURED_SHARE = 0.3  # from here on the bank's own points decide more than the fleet
Found = TypeVar("Found")


@dataclass(frozen=True)
class CapacityPoint:
    """What the bank held around a moment (% of its rating) with the bounds of 8 in 10, after so many full cycles."""

    at_s: int
    full_cycles: float
    pct: float
    low_pct: float
    high_pct: float


@dataclass(frozen=True)
class FadeCurve:
    """The course of remaining capacity (%), past and to come; `fleet_pct` is what banks of that kind usually have."""

    at_s: Ints
    full_cycles: Floats
    pct: Floats
    low_pct: Floats
    high_pct: Floats
    fleet_pct: Floats


@dataclass(frozen=True)
class Fade:
    """What is left of the bank (%), with the bounds of 8 in 10. `method` is "measured" where its own points decide."""

    remaining_pct: float
    low_pct: float
    high_pct: float
    method: str
    points: tuple[CapacityPoint, ...]
    curve: FadeCurve
    end_of_life_s: int | None


@dataclass(frozen=True)
class Health:
    """A bank's health. What is None is unknown, and `notes` say why; `round_trip` is a share (0 to 1)."""

    since_s: int
    until_s: int
    rated_kwh: float | None
    usable_kwh: Estimate | None
    round_trip: Estimate | None
    acceptance: Acceptance | None
    cycles: Cycles
    fade: Fade | None
    cost_per_cycle: float | None
    yearly_cost: float | None
    price_per_kwh: float
    notes: tuple[str, ...]

    @property
    def wear_per_kwh(self) -> float | None:
        """What a kWh charged, or one discharged, costs in wear: `BatteryState.wear_per_kwh`. None where unknown."""
        if self.cost_per_cycle is None or self.rated_kwh is None:
            return None
        return self.cost_per_cycle / (2.0 * self.rated_kwh)


def health(
    site: Site,
    soc: Series,
    charge_w: Series,
    temperature_c: Series | None = None,
    *,
    surplus_w: Series | None = None,
    price_per_kwh: float | None = None,
    installed_s: int | None = None,
) -> Health:
    """A bank's health from its history: level (%), power (W, + charging), temperature (°C), each as far as known.

    `surplus_w` is sun less load: only where it exceeds what the battery took can slow charging be told from little sun.
    `price_per_kwh` is what a new bank costs per kWh, `installed_s` when it was new (None: at the first row).
    """
    rated_kwh = site.battery.usable_kwh if site.battery is not None else None
    price = PRICE_PER_KWH if price_per_kwh is None else price_per_kwh
    notes: list[str] = []
    cycles = count_cycles(soc, temperature_c)
    notes += cycles.notes
    times = soc.known().times
    since_s, until_s = (int(times[0]), int(times[-1])) if times.size else (0, 0)
    held = _told(capacity(soc, charge_w), "Capacity and efficiency", notes)
    if held is not None:
        notes += held.notes
    takes = _told(acceptance(soc, charge_w, surplus_w), "Charging near full", notes)
    born_s = since_s if installed_s is None else min(installed_s, since_s)
    if installed_s is None:
        notes.append("When the bank was new is not known; its age counts from the first row.")
    use = _use(cycles, notes)
    kind = None if site.battery is None else kind_of(site.battery.chemistry)
    if site.battery is None:
        notes.append("The site's settings have no [battery], so its rating and chemistry are not known.")
    elif kind is None:
        notes.append(f"No ageing model is known for {site.battery.chemistry}; LiFePO4 and NMC have one.")
    fade, costs = None, None
    if use is not None and kind is not None and rated_kwh is not None:
        fade = _fade(held, kind, use, rated_kwh, (born_s, until_s))
        costs = _costs(kind, use, price * rated_kwh)
        if price_per_kwh is None:
            notes.append(
                f"A new bank is taken to cost {price:.0f} {site.economics.currency} per kWh, "
                f"and to serve until {END_OF_LIFE_PCT:.0f} % are left."
            )
    return Health(
        since_s=since_s,
        until_s=until_s,
        rated_kwh=rated_kwh,
        usable_kwh=None if held is None else held.usable_kwh,
        round_trip=None if held is None else held.round_trip,
        acceptance=takes,
        cycles=cycles,
        fade=fade,
        cost_per_cycle=None if costs is None else costs[0],
        yearly_cost=None if costs is None else costs[1],
        price_per_kwh=price,
        notes=tuple(notes),
    )


def _told(found: Found | CannotTell, what: str, notes: list[str]) -> Found | None:
    if isinstance(found, CannotTell):
        notes.append(f"{what}: {found.because}")
        return None
    return found


def _use(cycles: Cycles, notes: list[str]) -> Use | None:
    """How the bank is used, from what was seen; None where that is less than a week."""
    if cycles.seen_days < LEAST_DAYS or cycles.full_per_year is None:
        notes.append(f"The level was seen for {cycles.seen_days:.1f} days; its ageing needs {LEAST_DAYS}.")
        return None
    if cycles.mean_temperature_c is None:
        notes.append("The battery's temperature is not known; 25 °C is taken.")
    usual = Use(cycles.full_per_year)
    return Use(
        full_cycles_per_year=cycles.full_per_year,
        depth=usual.depth if cycles.mean_depth_pct is None else cycles.mean_depth_pct / 100.0,
        soc=usual.soc if cycles.mean_soc_pct is None else cycles.mean_soc_pct / 100.0,
        c_rate=usual.c_rate if cycles.mean_c_rate is None else cycles.mean_c_rate,
        temperature_c=usual.temperature_c if cycles.mean_temperature_c is None else cycles.mean_temperature_c,
    )


def _fade(held: Capacity | None, kind: Kind, use: Use, rated_kwh: float, life_s: tuple[int, int]) -> Fade:
    born_s, now_s = life_s
    months = () if held is None else capacity_by_month(held)
    points = []
    for at_s, kwh in months:
        share = Estimate(kwh.value / rated_kwh, kwh.low / rated_kwh, kwh.high / rated_kwh, kwh.count)
        points.append(((at_s - born_s) / YEAR_S, at_s, share))
    now_years = (now_s - born_s) / YEAR_S
    years = np.linspace(0.0, now_years + YEARS_AHEAD, 121)
    own = own_fade([(age, share) for age, _, share in points], kind, use, years, now_years)
    moments_s = (born_s + years * YEAR_S).astype(np.int64)
    over = np.flatnonzero((100.0 * own.middle <= END_OF_LIFE_PCT) & (years >= now_years))
    return Fade(
        remaining_pct=100.0 * own.now.value,
        low_pct=100.0 * own.now.low,
        high_pct=100.0 * own.now.high,
        method="measured" if own.known_share >= MEASURED_SHARE else "model",
        points=tuple(
            CapacityPoint(at, age * use.full_cycles_per_year, *(100.0 * v for v in (e.value, e.low, e.high)))
            for age, at, e in points
        ),
        curve=FadeCurve(
            at_s=moments_s,
            full_cycles=years * use.full_cycles_per_year,
            pct=100.0 * own.middle,
            low_pct=100.0 * own.low,
            high_pct=100.0 * own.high,
            fleet_pct=100.0 * own.fleet,
        ),
        end_of_life_s=int(moments_s[over[0]]) if over.size else None,
    )


def _costs(kind: Kind, use: Use, price: float) -> tuple[float | None, float]:
    """What a full cycle and a year cost of the bank's price: its shares of the usual loss down to the end of life."""
    years = np.linspace(0.0, YEARS_AHEAD, 241)
    lost = usual_loss(kind, use, years)
    spent = 1.0 - END_OF_LIFE_PCT / 100.0
    over = np.flatnonzero(lost.total >= spent)
    last = int(over[0]) if over.size else years.size - 1
    yearly = price * float(lost.total[last]) / spent / float(years[last])
    full = use.full_cycles_per_year * float(years[last])
    return (price * float(lost.cycles[last]) / spent / full if full > 0 else None), yearly
