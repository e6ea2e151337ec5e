"""What a day of planning was worth: the money of what really came about, beside what others would have had.

The others are replayed (`energy/plan/replay.py`) on the day's own hours: no control (the miners that ran when the day
began stay on, within the interlocks), no mining, the threshold rule, and perfect foresight. What came about is reckoned
from the meters with the same prices, wear and worth of a stored kWh; the replays know the battery by its settings, so
that a few per cent between the two are no difference.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from energy.forecast.hours import HOUR_S, Floats, Ints
from energy.plan.from_site import problem_of
from energy.plan.prices import stored_value_per_kwh, tariff_prices, with_known_prices
from energy.plan.problem import Problem, Steps, growing_steps
from energy.plan.replay import Replayed, Strategy, replay
from energy.plan.simple_forecast import HourlySeries, perfect_scenarios
from energy.site import Site

LEAST_GAP = 0.20  # of the currency a day: less between the threshold rule and perfect foresight says nothing
LEAST_GAP_SHARE = 0.05  # and of what perfect foresight would have brought
MOST_FILLED = 2  # hours without a measurement that may be filled from their neighbours


@dataclass(frozen=True)
class DayFacts:
    """A local day by its hours (means in W; NaN unknown). `import_w` is negative for export, None without a grid.

    `solar_w` is what the panels could give where that is known better than what they gave. `on_at_start` are the miners
    that ran when the day began, `starts` how often one was started; levels in %, at the day's ends.
    """

    starts_s: Ints
    solar_w: Floats
    base_load_w: Floats
    miner_w: Floats
    charge_w: Floats
    import_w: Floats | None
    soc_from_pct: float
    soc_to_pct: float
    on_at_start: Collection[str] = ()
    starts: int = 0


@dataclass(frozen=True)
class PlanWorth:
    """Money of the day. `share` is (happened - threshold) / (perfect - threshold), None where that gap is too small."""

    happened: float
    no_control: float
    never: float
    threshold: float
    perfect: float
    share: float | None
    miner_kwh: float
    perfect_miner_kwh: float
    currency: str
    notes: tuple[str, ...] = ()

    def values(self) -> dict[str, Any]:
        """As JSON has it."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "notes"}
        rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in found.items()}
        return {"scored": True, **rounded, "notes": list(self.notes)}


@dataclass(frozen=True)
class NotTold:
    """Why a day's worth cannot be told."""

    because: str


def plan_worth(site: Site, facts: DayFacts, *, time_limit_s: float = 3.0) -> PlanWorth | NotTold:
    """The worth of a day, the running site's settings and prices taken for it."""
    if site.battery is None:
        return NotTold("there is no battery to plan with")
    columns = {"solar": facts.solar_w, "load": facts.base_load_w, "the battery's power": facts.charge_w}
    columns |= {"the miners' power": facts.miner_w} if site.miner else {}
    columns |= {"the grid's power": facts.import_w} if facts.import_w is not None else {}
    filled: dict[str, Floats] = {}
    for name, values in columns.items():
        missing = int((~np.isfinite(values)).sum())
        if missing > MOST_FILLED:
            return NotTold(f"{missing} of {values.size} hours of {name} were not measured")
        filled[name] = _filled(values)
    if site.grid.present and facts.import_w is None:
        return NotTold("the grid's power was not measured")
    if not (np.isfinite(facts.soc_from_pct) and np.isfinite(facts.soc_to_pct)):
        return NotTold("the battery's level at the day's ends was not measured")
    solar_w, base_w = np.maximum(filled["solar"], 0.0), np.maximum(filled["load"], 0.0)
    series = HourlySeries(int(facts.starts_s[0]), solar_w, base_w)
    base = _base(site, series, facts)
    found = {name: _replayed(site, series, name, facts, time_limit_s) for name in ("never", "threshold", "perfect")}
    kept = tuple(miner for miner in site.miner if miner.id in facts.on_at_start)
    no_control = found["never"].money
    if kept:
        as_it_stood = site.model_copy(update={"miner": kept})
        no_control = _money(_replayed(as_it_stood, series, "always", facts, time_limit_s), base, facts)
    happened = _happened(site, base, facts, filled)
    # The plan is reckoned in steps of up to an hour and keeps the reserve: one of the simple ways may bring more, and
    # whoever knows the day would have taken it.
    best = max([found["perfect"], found["threshold"], found["never"]], key=lambda each: each.money)
    perfect = max(best.money, no_control)
    gap = perfect - found["threshold"].money
    share = (happened - found["threshold"].money) / gap if is_meaningful(gap, perfect) else None
    gaps = max(int((~np.isfinite(values)).sum()) for values in columns.values())
    notes = (f"{gaps} of {facts.starts_s.size} hours were filled from their neighbours",) if gaps else ()
    return PlanWorth(
        happened=happened,
        no_control=no_control,
        never=found["never"].money,
        threshold=found["threshold"].money,
        perfect=perfect,
        share=share,
        miner_kwh=float(filled["the miners' power"].sum()) / 1_000.0 if site.miner else 0.0,
        perfect_miner_kwh=best.miner_kwh,
        currency=site.economics.currency,
        notes=notes,
    )


def is_meaningful(gap: float, perfect: float, *, days: int = 1) -> bool:
    """Whether so much between the threshold rule and perfect foresight is enough to share out."""
    return gap >= max(LEAST_GAP * min(days, 5), LEAST_GAP_SHARE * abs(perfect))


def _replayed(site: Site, series: HourlySeries, strategy: str, facts: DayFacts, time_limit_s: float) -> Replayed:
    known: dict[str, Strategy] = {"never": "never", "threshold": "threshold", "perfect": "perfect", "always": "always"}
    return replay(
        site,
        series,
        known[strategy],
        from_s=int(facts.starts_s[0]),
        until_s=int(facts.starts_s[-1]) + HOUR_S,
        forecaster=perfect_scenarios,
        soc_pct=float(np.clip(facts.soc_from_pct, 0.0, 100.0)),
        # One plan to the day's end: with what comes known a later one knows no more, and one that looked further would
        # save for a time that is not in the sums.
        hours=float(facts.starts_s.size),
        time_limit_s=time_limit_s,
        every_h=facts.starts_s.size,
    )


def _base(site: Site, series: HourlySeries, facts: DayFacts) -> Problem:
    """The problem whose prices and stored value count for all."""
    steps = growing_steps(int(facts.starts_s[0]), float(facts.starts_s.size))
    base, _ = with_known_prices(
        problem_of(
            site, steps, perfect_scenarios(series, steps), soc_pct=float(np.clip(facts.soc_from_pct, 0.0, 100.0))
        )
    )
    return base


def _money(replayed: Replayed, base: Problem, facts: DayFacts) -> float:
    """A replay's money with a stored kWh worth what it is to the whole site."""
    assert base.battery is not None
    kept_kwh = base.battery.kwh(replayed.end_soc_pct - float(np.clip(facts.soc_from_pct, 0.0, 100.0)))
    return replayed.money - replayed.stored_value + kept_kwh * stored_value_per_kwh(base)


def _happened(site: Site, base: Problem, facts: DayFacts, filled: dict[str, Floats]) -> float:
    assert base.battery is not None
    money = base.battery.kwh(facts.soc_to_pct - facts.soc_from_pct) * stored_value_per_kwh(base)
    money -= float(np.abs(filled["the battery's power"]).sum()) / 1_000.0 * base.battery.wear_per_kwh
    if site.miner:
        # Which of them ran is not in the total: a kWh is worth the mean of all, by their power.
        rated_w = sum(miner.power_w for miner in base.miners)
        per_kwh = sum(miner.power_w * miner.hash_value_per_kwh for miner in base.miners) / rated_w
        money += float(filled["the miners' power"].sum()) / 1_000.0 * per_kwh
        money -= facts.starts * max(miner.start_cost for miner in base.miners)
    if facts.import_w is not None:
        kw = filled["the grid's power"] / 1_000.0
        hours = np.full(facts.starts_s.size, 60, dtype=np.int64)
        prices = tariff_prices(site.tariff, Steps(facts.starts_s, hours), site.zone)
        bought = np.where(np.isnan(prices.import_per_kwh), prices.fallback_per_kwh, prices.import_per_kwh)
        sold = np.nan_to_num(prices.export_per_kwh)
        money -= float((np.maximum(kw, 0.0) * bought).sum()) - float((np.maximum(-kw, 0.0) * sold).sum())
        money -= base.prices.demand_per_kw * max(float(kw.max()), 0.0)
    return money


def _filled(values: Floats) -> Floats:
    known = np.isfinite(values)
    if known.all() or not known.any():
        return values
    at = np.arange(values.size)
    found: Floats = np.interp(at, at[known], values[known])
    return found
