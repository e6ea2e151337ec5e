"""Replays: what a strategy would have brought on what really came, in 15-minute steps with the interlocks in force.

Ours and perfect foresight plan each hour and dispatch each quarter of it. A miner stops below its stop level and starts
only from its start level, keeps its minimum times and starts per day, whatever a plan or a rule says; battery and grid
follow `energy/plan/dispatch.py`. Money is hash and export, less import, demand charge, wear and starts, plus what the
battery holds more at the end than at the start, at the plan's own value of a stored kWh. Heat counts for nothing, since
no temperature is replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from energy.plan.dispatch import Flow, dispatch
from energy.plan.from_site import MinerNow, problem_of
from energy.plan.limits import ordered
from energy.plan.plan import BatteryMode, Plan
from energy.plan.planner import make_plan
from energy.plan.prices import stored_value_per_kwh, tariff_prices, with_known_prices
from energy.plan.problem import HOUR_S, QUARTER_S, MinerState, Problem, Scenario, Steps, growing_steps
from energy.plan.simple_forecast import HourlySeries, perfect_scenarios
from energy.plan.threshold import threshold_count
from energy.site import Site

Strategy = Literal["ours", "threshold", "always", "never", "perfect"]
Forecaster = Callable[[HourlySeries, Steps], tuple[Scenario, ...]]
STRATEGIES: tuple[Strategy, ...] = ("ours", "threshold", "always", "never", "perfect")
_QUARTER_H = 0.25


@dataclass(frozen=True)
class Replayed:
    """What a strategy brought. Steps are quarters of an hour; energies in kWh, money in the site's currency."""

    strategy: Strategy
    money: float
    hash_value: float
    export_revenue: float
    import_cost: float
    wear_cost: float
    demand_cost: float
    stored_value: float
    hash_ph_days: float
    miner_kwh: float
    import_kwh: float
    export_kwh: float
    curtailed_kwh: float
    short_kwh: float
    starts: int
    steps: int
    steps_below_reserve: int
    steps_below_floor: int
    fallback_plans: int
    end_soc_pct: float

    def __add__(self, other: Replayed) -> Replayed:
        """Two replays of one strategy as one; the end is that of the second."""
        added = {
            name: getattr(self, name) + getattr(other, name)
            for name in self.__dataclass_fields__
            if name not in ("strategy", "end_soc_pct")
        }
        return replace(other, **added)


@dataclass
class _Now:
    soc_kwh: float
    miners: dict[str, MinerNow]
    mode: BatteryMode = "self_use"
    grid_charge_w: float = 0.0
    peak_w: float = 0.0


def replay(
    site: Site,
    series: HourlySeries,
    strategy: Strategy,
    *,
    from_s: int,
    until_s: int,
    forecaster: Forecaster,
    soc_pct: float = 60.0,
    hours: float = 36.0,
    grid_charge_allowed: bool | None = None,
    time_limit_s: float = 3.0,
    every_h: int = 1,
) -> Replayed:
    """Replay one strategy over [from_s, until_s), which are full hours. The site must have a battery and a tariff.

    A plan is made every `every_h` hours.
    """
    if site.battery is None:
        raise ValueError("replay: the site needs a [battery]")

    def problem(now: _Now, at_s: int, span_h: float, look: Forecaster) -> Problem:
        steps = growing_steps(at_s, span_h)
        soc = 100.0 * now.soc_kwh / (site.battery.usable_kwh if site.battery else 1.0)
        return problem_of(
            site,
            steps,
            look(series, steps),
            soc_pct=soc,
            miners=now.miners,
            peak_so_far_w=now.peak_w,
            grid_charge_allowed=grid_charge_allowed,
        )

    now = _Now(site.battery.usable_kwh * soc_pct / 100.0, {m.id: MinerNow() for m in site.miner})
    base, _ = with_known_prices(problem(now, from_s, 24.0, perfect_scenarios))
    book = _Book(site, base, now.soc_kwh)
    look = perfect_scenarios if strategy == "perfect" else forecaster
    plan: Plan | None = None
    for at_s in range(from_s, until_s, QUARTER_S):
        _new_day(site, now, at_s)
        solar_w, base_w = (float(values[series.index(at_s)]) for values in (series.solar_w, series.load_w))
        if strategy in ("ours", "perfect") and (at_s - from_s) % (every_h * HOUR_S) == 0:
            plan = make_plan(problem(now, at_s, hours, look), last=plan, time_limit_s=time_limit_s)
            book.fallback_plans += plan.method == "fallback"
        wanted = _wanted(strategy, base, plan, at_s, solar_w - base_w)
        now.mode, now.grid_charge_w = "self_use", 0.0
        step = plan.step_at(at_s) if plan is not None else None
        if step is not None:
            now.mode, now.grid_charge_w = step.battery_mode, max(step.battery_charge_w, 0.0)
        running = _switch(base, now, wanted)
        book.step(at_s, now, running, solar_w, base_w)
    return book.closed(strategy, now.soc_kwh)


def value_share(ours: Replayed, threshold: Replayed, perfect: Replayed) -> float:
    """(ours - threshold) / (perfect - threshold): 1 is as good as knowing the future. NaN where they are the same."""
    gap = perfect.money - threshold.money
    return (ours.money - threshold.money) / gap if abs(gap) > 1e-9 else float("nan")


def _wanted(strategy: Strategy, base: Problem, plan: Plan | None, at_s: int, surplus_w: float) -> Mapping[str, float]:
    """The power of each miner that the strategy wants on."""
    miners = ordered(base.miners)
    if strategy == "always":
        return {m.id: m.power_w for m in miners}
    if strategy == "never":
        return {}
    if strategy == "threshold":
        return {m.id: m.power_w for m in miners[: threshold_count(surplus_w, len(miners))]}
    step = plan.step_at(at_s) if plan is not None else None
    return {} if step is None else step.power_w


def _new_day(site: Site, now: _Now, at_s: int) -> None:
    here, before = (datetime.fromtimestamp(s, UTC).astimezone(site.zone).date() for s in (at_s, at_s - QUARTER_S))
    if here != before:
        now.miners = {key: replace(m, starts_today=0) for key, m in now.miners.items()}


def _switch(base: Problem, now: _Now, wanted: Mapping[str, float]) -> tuple[MinerState, ...]:
    """The miners that run in this quarter, interlocks in force; their times move on by it."""
    battery = base.battery
    soc_pct = 100.0 if battery is None else battery.pct(now.soc_kwh)
    running: list[MinerState] = []
    after: dict[str, MinerNow] = {}
    for m in ordered(base.miners):
        state = now.miners[m.id]
        held = state.changed_ago_min < (m.min_on_min if state.on else m.min_off_min)
        if soc_pct < m.stop_soc_pct:
            on = False
        elif held:
            on = state.on
        elif m.id in wanted and not state.on:
            on = soc_pct >= m.start_soc_pct and state.starts_today < m.max_starts_per_day
        else:
            on = m.id in wanted
        started = on and not state.on
        after[m.id] = replace(
            state,
            on=on,
            changed_ago_min=(0.0 if on != state.on else state.changed_ago_min) + 60.0 * _QUARTER_H,
            starts_today=state.starts_today + int(started),
            run_hours=state.run_hours + (_QUARTER_H if on else 0.0),
        )
        if on:
            running.append(m.running_at(wanted.get(m.id, m.power_w)))
    now.miners = after
    return tuple(running)


class _Book:
    """Adds up what the quarters bring."""

    def __init__(self, site: Site, base: Problem, soc_kwh: float) -> None:
        self._site, self._base, self._began_kwh = site, base, soc_kwh
        self._sum: dict[str, float] = {}
        self._steps = self._reserve = self._floor = self._starts = 0
        self._ran: frozenset[str] = frozenset()
        self.fallback_plans = 0

    def step(self, at_s: int, now: _Now, running: tuple[MinerState, ...], solar_w: float, base_w: float) -> None:
        base, kwh = self._base, _QUARTER_H / 1_000.0
        assert base.battery is not None
        there, before_w = base.grid.there(at_s, 15), now.peak_w
        miner_w = sum(m.power_w for m in running)
        past_min = 60.0 * _QUARTER_H
        hashes = {m.id: min(max((now.miners[m.id].changed_ago_min - m.ramp_min) / past_min, 0.0), 1.0) for m in running}
        flow: Flow = dispatch(
            base.battery,
            base.grid,
            base.inverter,
            grid_there=there,
            soc_kwh=now.soc_kwh,
            hours=_QUARTER_H,
            solar_w=max(solar_w, 0.0),
            load_w=max(base_w, 0.0) + miner_w,
            mode=now.mode,
            grid_charge_w=now.grid_charge_w,
        )
        now.soc_kwh, now.peak_w = flow.soc_kwh, max(now.peak_w, flow.import_w)
        bought, sold = _prices_at(self._site, base, at_s)
        self._add(
            hash_value=sum(m.power_w * m.hash_value_per_kwh * hashes[m.id] for m in running) * kwh,
            hash_ph_days=sum(m.hashrate_ths * hashes[m.id] for m in running) / 1_000.0 * _QUARTER_H / 24.0,
            miner_kwh=miner_w * kwh,
            import_cost=flow.import_w * kwh * bought,
            export_revenue=flow.export_w * kwh * sold,
            import_kwh=flow.import_w * kwh,
            export_kwh=flow.export_w * kwh,
            curtailed_kwh=flow.curtailed_w * kwh,
            short_kwh=flow.short_w * kwh,
            demand_cost=base.prices.demand_per_kw * (now.peak_w - before_w) / 1_000.0,
            wear_cost=(flow.charge_w + flow.discharge_w) * kwh * base.battery.wear_per_kwh,
        )
        started = [m for m in running if m.id not in self._ran]
        self._add(start_cost=sum(m.start_cost for m in started))
        self._starts += len(started)
        self._ran = frozenset(m.id for m in running)
        soc_pct = base.battery.pct(flow.soc_kwh)
        self._steps += 1
        self._reserve += soc_pct < base.battery.reserve_pct - 0.01
        self._floor += soc_pct < base.battery.hard_floor_pct - 0.01

    def _add(self, **amounts: float) -> None:
        for name, amount in amounts.items():
            self._sum[name] = self._sum.get(name, 0.0) + amount

    def closed(self, strategy: Strategy, soc_kwh: float) -> Replayed:
        s: Mapping[str, float] = self._sum
        stored = (soc_kwh - self._began_kwh) * stored_value_per_kwh(self._base)
        money = s["hash_value"] + s["export_revenue"] + stored
        money -= s["import_cost"] + s["demand_cost"] + s["wear_cost"] + s["start_cost"]
        assert self._base.battery is not None
        return Replayed(
            strategy=strategy,
            money=money,
            stored_value=stored,
            starts=self._starts,
            steps=self._steps,
            steps_below_reserve=self._reserve,
            steps_below_floor=self._floor,
            fallback_plans=self.fallback_plans,
            end_soc_pct=self._base.battery.pct(soc_kwh),
            **{name: amount for name, amount in s.items() if name != "start_cost"},
        )


def _prices_at(site: Site, base: Problem, at_s: int) -> tuple[float, float]:
    steps = Steps(base.steps.starts_s[:1] * 0 + at_s, base.steps.minutes[:1] * 0 + 15)
    prices = tariff_prices(site.tariff, steps, site.zone)
    bought = float(prices.import_per_kwh[0])
    return (prices.fallback_per_kwh if bought != bought else bought), float(prices.export_per_kwh[0])
