"""Prices per step: from the site's tariff, and what stands in where a price is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from energy.plan.problem import DAY_S, Floats, Prices, Problem, Steps
from energy.prices import PriceHour, ends_of
from energy.site import Tariff, TariffPeriod, in_hours

_RATHER_STORED = 0.002  # per kWh
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def period_at(tariff: Tariff, moment_s: int, zone: ZoneInfo) -> TariffPeriod | None:
    """The first period of the tariff that holds this moment; None where none does."""
    local = datetime.fromtimestamp(moment_s, UTC).astimezone(zone)
    hour = local.hour + local.minute / 60.0
    return next((p for p in tariff.period if _on_day(p.days, local.weekday()) and in_hours(p.hours, hour)), None)


def tariff_prices(tariff: Tariff, steps: Steps, zone: ZoneInfo, *, demand_per_kw: float = 0.0) -> Prices:
    """The tariff's prices on these steps, unknown (NaN) where it names none. A flat tariff is one period."""
    found = [period_at(tariff, start, zone) for start in steps.starts_s.tolist()]
    bought = np.array([np.nan if p is None else p.import_per_kwh for p in found])
    sold = np.array([0.0 if p is None else p.export_per_kwh for p in found])
    known = [p.import_per_kwh for p in tariff.period]
    fallback = float(np.mean(known)) if known else Prices.fallback_per_kwh
    return Prices(bought, sold, demand_per_kw=demand_per_kw, fallback_per_kwh=fallback)


def with_hourly(
    base: Prices, hours: Sequence[PriceHour], steps: Steps, zone: ZoneInfo
) -> tuple[Prices, tuple[str, ...]]:
    """The prices with those of a service (in order of their starts) where it told them, and what is to be said of it.

    Of a step that is told in part the mean of that part counts, if it is half of it at least. Elsewhere the base
    stays, and where it has none, the price that was told for the day before.
    """
    bought, sold = _on_steps(hours, steps, 0)
    missing = np.isnan(bought)
    before, before_sold = _on_steps(hours, steps, DAY_S)
    copied = missing & np.isnan(base.import_per_kwh) & ~np.isnan(before)
    prices = replace(
        base,
        import_per_kwh=np.where(copied, before, np.where(missing, base.import_per_kwh, bought)),
        export_per_kwh=np.where(
            copied & ~np.isnan(before_sold), before_sold, np.where(np.isnan(sold), base.export_per_kwh, sold)
        ),
    )
    if not missing.any():
        return prices, ()
    if missing.all():
        which = "No hourly price of prices_url is known for the time of this plan"
    else:
        first = datetime.fromtimestamp(int(steps.starts_s[np.flatnonzero(missing)[0]]), UTC).astimezone(zone)
        which = f"No hourly price is known for {int(missing.sum())} of the steps, the first on {first:%a at %H:%M}"
    if (missing & ~np.isnan(base.import_per_kwh)).any():
        return prices, (f"{which}; the tariff of the settings counts there.",)
    if copied.any():
        return prices, (f"{which}; the price of a day before counts there, where it is known.",)
    return prices, (f"{which}.",)


def _on_steps(hours: Sequence[PriceHour], steps: Steps, later_s: int) -> tuple[Floats, Floats]:
    """Import and export prices per step, of what was told for `later_s` before it; NaN where half of it or more is
    unknown."""
    bought, sold = np.full(steps.count, np.nan), np.full(steps.count, np.nan)
    if not hours:
        return bought, sold
    starts_s = np.array([hour.start.timestamp() for hour in hours]) + later_s
    ends_s = np.array([end.timestamp() for end in ends_of(hours)]) + later_s
    values = np.array([(hour.import_per_kwh, _or_nan(hour.export_per_kwh)) for hour in hours], dtype=np.float64)
    for index, start_s in enumerate(steps.starts_s.tolist()):
        length_s = int(steps.minutes[index]) * 60
        told_s = np.clip(np.minimum(ends_s, start_s + length_s) - np.maximum(starts_s, start_s), 0.0, None)
        for column, found in ((0, bought), (1, sold)):
            known = np.where(np.isnan(values[:, column]), 0.0, told_s)
            if known.sum() * 2 >= length_s:
                found[index] = float(known @ np.nan_to_num(values[:, column]) / known.sum())
    return bought, sold


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def with_known_prices(problem: Problem) -> tuple[Problem, tuple[str, ...]]:
    """The problem without unknown prices, and a sentence for each thing that stood in for them.

    An unknown import price is that of the same time on the day before, else the mean of the known ones, else the stated
    fallback; an unknown export price is 0. Of steps in which nothing can be bought, or sold, nothing is said.
    """
    prices, steps = problem.prices, problem.steps
    there, notes = problem.grid_there(), list[str]()
    may_buy, may_sell = there & problem.grid.import_allowed, there & problem.grid.export_allowed
    bought = _from_the_day_before(prices.import_per_kwh, steps)
    copied = int(np.sum(may_buy & np.isnan(prices.import_per_kwh) & ~np.isnan(bought)))
    if copied:
        notes.append(f"No import price is known for {copied} of the steps; they use the price of a day before.")
    missing = np.isnan(bought)
    if missing.any():
        known = not missing.all()
        stands_in = float(np.nanmean(bought)) if known else prices.fallback_per_kwh
        bought = np.where(missing, stands_in, bought)
        source = "the mean of the known prices" if known else "the fallback price"
        if told := int((missing & may_buy).sum()):
            notes.append(
                f"No import price is known for {told} of the steps; they use {source}, "
                f"{stands_in:.2f} {problem.currency} per kWh."
            )
    sold = np.nan_to_num(prices.export_per_kwh, nan=0.0)
    if unsold := int((np.isnan(prices.export_per_kwh) & may_sell).sum()):
        notes.append(f"No export price is known for {unsold} of the steps; they count as 0.")
    return replace(problem, prices=replace(prices, import_per_kwh=bought, export_per_kwh=sold)), tuple(notes)


def stored_value_per_kwh(problem: Problem) -> float:
    """What a kWh in the battery is worth at the end of the horizon: what it replaces then, after losses and wear.

    Where import is allowed that is the lowest known price, else half of what the best miner earns; the sun of the day
    after may fill the battery anyway. Never so little that selling the sun would look better than charging with it: an
    inverter fills its battery first, whatever a plan would like. Prices must be known.
    """
    if problem.end_value_per_kwh is not None:
        return problem.end_value_per_kwh
    if problem.battery is None:
        return 0.0
    if problem.grid.present and problem.grid.import_allowed:
        worth = float(np.min(problem.prices.import_per_kwh))
    else:
        worth = 0.5 * max((m.hash_value_per_kwh for m in problem.miners), default=0.0)
    battery = problem.battery
    least = 0.0
    if problem.grid.present and problem.grid.export_allowed:
        best = max(float(np.max(problem.prices.export_per_kwh)), 0.0)
        least = (best + battery.wear_per_kwh) / battery.charge_efficiency + _RATHER_STORED
    return max(least, worth * battery.discharge_efficiency - battery.wear_per_kwh)


def _from_the_day_before(values: Floats, steps: Steps) -> Floats:
    filled = values.copy()
    for index in np.flatnonzero(np.isnan(values)).tolist():
        before = steps.index_at(int(steps.starts_s[index]) - DAY_S)
        if before is not None:
            filled[index] = filled[before]
    return filled


def _on_day(days: str, weekday: int) -> bool:
    for part in days.split(","):
        first, _, last = part.strip().partition("-")
        start, end = _DAYS.index(first), _DAYS.index(last or first)
        if (start <= weekday <= end) if start <= end else (weekday >= start or weekday <= end):
            return True
    return False
