"""The solver's plans against every schedule there is, on instances small enough to try them all."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.plan.milp import Solution, solve
from energy.plan.problem import BatteryState, GridState, MinerState, Prices, Problem, Weights
from tests.energy.plan.problems import S19, S21, flat

STEPS = 5
QUIET = Weights(later_per_kwh_h=0.0, leave_plan_per_kwh=0.0)
figures = st.lists(st.integers(0, 9), min_size=STEPS, max_size=STEPS)


def keeps_its_times(m: MinerState, on: tuple[int, ...]) -> bool:
    """Minimum times with what was before, and starts per day, written as a person would check them."""
    before, since_min, starts = m.on, m.changed_ago_min, 0
    for now in on:
        if bool(now) != before:
            if since_min < (m.min_on_min if before else m.min_off_min):
                return False
            starts += int(now)
            before, since_min = bool(now), 0.0
        since_min += 60.0
    return starts <= m.starts_left_today


def starts_of(m: MinerState, on: tuple[int, ...]) -> list[bool]:
    return [bool(now) and not before for before, now in zip((int(m.on), *on), on, strict=False)]


def schedules(miners: tuple[MinerState, ...]) -> Any:
    """Every schedule that keeps all rules that need no battery."""
    each = [[on for on in itertools.product((0, 1), repeat=STEPS) if keeps_its_times(m, on)] for m in miners]
    for chosen in itertools.product(*each):
        began = [starts_of(m, on) for m, on in zip(miners, chosen, strict=True)]
        if all(sum(column) <= 1 for column in zip(*began, strict=True)):
            yield chosen


def cost_without_battery(p: Problem, chosen: tuple[tuple[int, ...], ...]) -> float:
    """What a schedule costs where every watt is used, bought, sold or lost at once."""
    cost = 0.0
    for t in range(STEPS):
        miner_kw = sum(m.power_w / 1_000 for m, on in zip(p.miners, chosen, strict=True) if on[t])
        need_kw = (p.middle.base_load_w[t] - p.middle.solar_w[t]) / 1_000 + miner_kw
        cost += max(need_kw, 0) * p.prices.import_per_kwh[t] - max(-need_kw, 0) * p.prices.export_per_kwh[t]
        cost -= sum(m.power_w / 1_000 * m.hash_value_per_kwh for m, on in zip(p.miners, chosen, strict=True) if on[t])
    starts = (sum(starts_of(m, on)) * m.start_cost for m, on in zip(p.miners, chosen, strict=True))
    return cost + sum(starts)


@st.composite
def miner_pairs(draw: st.DrawFn) -> tuple[MinerState, ...]:
    def one(m: MinerState) -> MinerState:
        return replace(
            m,
            on=draw(st.booleans()),
            changed_ago_min=float(draw(st.sampled_from([15, 45, 90, 600]))),
            min_on_min=float(draw(st.sampled_from([15, 60, 120, 180]))),
            min_off_min=float(draw(st.sampled_from([10, 60, 120]))),
            starts_left_today=draw(st.integers(0, 2)),
            start_cost=draw(st.sampled_from([0.02, 0.2])),
        )

    return one(S21), one(S19)


@settings(max_examples=40, deadline=None)
@given(solar=figures, price=figures, miners=miner_pairs())
def test_without_a_battery_no_schedule_is_better(
    solar: list[int], price: list[int], miners: tuple[MinerState, ...]
) -> None:
    prices = Prices(0.06 + np.array(price) * 0.03, np.full(STEPS, 0.05))
    p = flat(STEPS, np.array(solar) * 1_000.0, 800.0, prices=prices, miners=miners, battery=None, weights=QUIET)
    found = solve(p, gap=0.0)
    assert isinstance(found, Solution)
    best = min(cost_without_battery(p, chosen) for chosen in schedules(miners))
    ours = tuple(tuple(int(v) for v in found.on[m.id]) for m in miners)
    assert all(keeps_its_times(m, on) for m, on in zip(miners, ours, strict=True))
    assert cost_without_battery(p, ours) == pytest.approx(best, abs=1e-4)


@settings(max_examples=6, deadline=None)
@given(solar=figures, miners=miner_pairs(), soc=st.sampled_from([40.0, 65.0, 95.0]))
def test_with_a_battery_no_schedule_is_better(solar: list[int], miners: tuple[MinerState, ...], soc: float) -> None:
    battery = BatteryState(8.0, soc, hard_floor_pct=20, reserve_pct=20)
    one = (replace(miners[0], start_soc_pct=20, stop_soc_pct=20),)
    p = flat(STEPS, np.array(solar) * 1_000.0, 800.0, miners=one, battery=battery, weights=QUIET)
    found = solve(p, gap=0.0)
    assert isinstance(found, Solution)
    best = np.inf
    for (chosen,) in schedules(one):
        held = solve(p, fixed={one[0].id: np.array(chosen, dtype=bool)})
        if isinstance(held, Solution) and np.all(held.courses["p50"].soc_kwh >= battery.kwh(20) - 1e-6):
            best = min(best, held.objective)
    assert found.objective == pytest.approx(best, abs=1e-4)


def test_storing_the_sun_for_the_evening_is_found() -> None:
    prices = Prices(np.array([0.10, 0.10, 0.10, 0.42, 0.42]), np.full(STEPS, 0.05))
    battery = BatteryState(10.0, 30.0, hard_floor_pct=20, reserve_pct=20, wear_per_kwh=0.0, taper_from_pct=100)
    p = flat(STEPS, np.array([5_000, 0, 0, 0, 0]), 1_000.0, prices=prices, miners=(), battery=battery)
    found = solve(replace(p, end_value_per_kwh=0.0), gap=0.0)
    assert isinstance(found, Solution)
    course = found.courses["p50"]
    stored = 1.0 + 4.0 * 0.96  # above the floor, after the sun
    assert course.discharge[3:].sum() == pytest.approx(2.0, abs=1e-6)  # the whole evening, at 0.42
    assert course.discharge[1:].sum() == pytest.approx(min(stored * 0.96, 4.0), abs=1e-3)
    assert course.imported[3:].sum() == pytest.approx(0.0, abs=1e-6)


def test_free_energy_is_used_early() -> None:
    p = flat(STEPS, 9_000.0, 500.0, miners=(replace(S21, starts_left_today=1),), battery=None, grid=GridState(False))
    found = solve(p, gap=0.0)
    assert isinstance(found, Solution)
    assert found.on["s21"].all()
