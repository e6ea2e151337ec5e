"""Whatever the problem, there is a plan, and followed in the middle scenario it keeps every hard limit."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.plan.dispatch import dispatch
from energy.plan.limits import miner_bounds
from energy.plan.plan import Plan
from energy.plan.planner import make_plan
from energy.plan.problem import (
    BatteryState,
    GridState,
    InverterState,
    MinerPower,
    MinerState,
    Outage,
    Prices,
    Problem,
    Scenario,
    growing_steps,
)
from tests.energy.plan.problems import MORNING_S, sunny


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Sites of all kinds, with and without battery and grid, and readings that are a little impossible."""
    steps = growing_steps(MORNING_S + draw(st.integers(0, 95)) * 900, draw(st.sampled_from([12.0, 24.0])))
    peak_w, base_w = draw(st.sampled_from([0.0, 2_000.0, 9_000.0, 20_000.0])), draw(st.sampled_from([0.0, 700.0, 4e3]))
    rng = np.random.default_rng(draw(st.integers(0, 9_999)))
    sun = sunny(steps, peak_w) * rng.uniform(0.6, 1.1, steps.count)
    base = base_w * rng.uniform(0.4, 1.6, steps.count)
    scenarios = [Scenario("p50", 0.6, sun, base)]
    if draw(st.booleans()):
        scenarios += [Scenario("p10", 0.2, sun * 0.4, base * 1.5), Scenario("p90", 0.2, sun * 1.2, base * 0.7)]
    price = rng.choice([-0.1, 0.0, 0.05, 0.3, np.nan], steps.count, p=[0.05, 0.1, 0.25, 0.5, 0.1])
    present = draw(st.booleans())
    grid = GridState(
        present=present,
        import_allowed=draw(st.booleans()),
        export_allowed=draw(st.booleans()),
        charge_allowed=draw(st.booleans()),
        max_import_w=draw(st.sampled_from([None, 3_000.0, 12_000.0])),
        outages=(Outage(MORNING_S + 6 * 3_600, MORNING_S + 9 * 3_600),) if draw(st.booleans()) else (),
    )
    battery = None
    if draw(st.booleans()):
        battery = BatteryState(draw(st.sampled_from([5.0, 30.0])), draw(st.floats(-2, 104)), 20.0, 30.0)
    miners = tuple(_miner(draw, n) for n in range(draw(st.integers(0, 3))))
    return Problem(
        steps=steps,
        scenarios=tuple(scenarios),
        prices=Prices(price, np.full(steps.count, draw(st.sampled_from([0.0, 0.05, 0.4])))),
        grid=grid,
        battery=battery,
        inverter=InverterState(
            draw(st.sampled_from([None, 6_000.0, 15_000.0])), draw(st.sampled_from([None, 5_000.0]))
        ),
        miners=miners,
        temperature_c=np.linspace(-5, 45, steps.count) if draw(st.booleans()) else None,
        day_starts_s=(int(MORNING_S + 16 * 3_600), int(MORNING_S + 40 * 3_600)),
    )


def _miner(draw: st.DrawFn, number: int) -> MinerState:
    same = draw(st.booleans())
    return MinerState(
        id=f"m{number}",
        name=f"Miner {number}",
        power_w=3_250.0 if same else draw(st.sampled_from([1_400.0, 3_878.0])),
        hashrate_ths=95.0,
        hash_value_per_kwh=draw(st.sampled_from([0.0, 0.054, 0.4])),
        on=draw(st.booleans()),
        changed_ago_min=float(draw(st.integers(0, 120))),
        min_on_min=float(draw(st.sampled_from([0, 15, 60]))),
        min_off_min=float(draw(st.sampled_from([0, 10, 45]))),
        starts_left_today=draw(st.integers(0, 2)),
        max_starts_per_day=draw(st.integers(1, 3)),
        kind="same" if same else "",
        modes=(MinerPower(1_000.0, 30.0),) if draw(st.booleans()) else (),
        ramp_min=float(draw(st.sampled_from([0, 10]))),
        heat_value_per_kwh=draw(st.sampled_from([0.0, 0.1])),
        max_temperature_c=draw(st.sampled_from([None, 35.0])),
        preference=draw(st.sampled_from(["plan", "plan", "always", "excess_solar", "never"])),
    )


def lowest_kwh(p: Problem, b: BatteryState, miner_w: np.ndarray[Any, Any], plan: Plan) -> float:
    """The lowest level while the inverter does its own, and the grid what the plan says."""
    soc_kwh, lowest = b.kwh(b.soc_pct), b.kwh(b.soc_pct)
    for t, step in enumerate(plan.steps):
        soc_kwh = dispatch(
            b,
            p.grid,
            p.inverter,
            grid_there=bool(p.grid_there()[t]),
            soc_kwh=soc_kwh,
            hours=step.hours,
            solar_w=float(p.middle.solar_w[t]),
            load_w=float(p.middle.base_load_w[t] + miner_w[t]),
            mode=step.battery_mode,
            grid_charge_w=max(step.battery_charge_w, 0.0),
        ).soc_kwh
        lowest = min(lowest, soc_kwh)
    return lowest


@settings(max_examples=40, deadline=None)
@given(p=problems())
def test_every_problem_has_a_plan_that_keeps_its_hard_limits(p: Problem) -> None:
    plan = make_plan(p, time_limit_s=1.0)
    assert len(plan.steps) == p.steps.count
    for m in p.miners:
        bounds = miner_bounds(p, m)
        was = [m.on, *(m.id in s.on for s in plan.steps)]
        changed_s = p.steps.starts_s[0] - m.changed_ago_min * 60
        starts: dict[int, int] = {}
        for t, step in enumerate(plan.steps):
            assert bounds.may[t] or not was[t + 1]
            assert was[t + 1] or not bounds.must[t]
            assert step.miner_reasons[m.id].text.endswith(".")
            if was[t + 1] == was[t]:
                continue
            ran_min = (step.start_s - changed_s) / 60
            stopped_by_rule = was[t] and not bounds.may[t]
            low = was[t] and plan.method == "fallback"  # rules stop it below its battery level at once
            assert ran_min >= (m.min_on_min if was[t] else m.min_off_min) or stopped_by_rule or low
            changed_s = step.start_s
            if was[t + 1]:
                day = sum(step.start_s >= edge > p.steps.starts_s[0] for edge in p.day_starts_s)
                starts[day] = starts.get(day, 0) + 1
        for day, count in starts.items():
            assert count <= (m.starts_left_today if day == 0 else m.max_starts_per_day)
    b = p.battery
    if b is not None and b.soc_pct >= b.hard_floor_pct:
        miner_w = np.array([s.miner_w for s in plan.steps])
        forced_w = np.array(
            [sum(m.power_w for m in p.miners if miner_bounds(p, m).must[t]) for t in range(len(miner_w))]
        )
        could = lowest_kwh(p, b, forced_w, plan)  # an empty house off the grid falls below whatever miners do
        assert lowest_kwh(p, b, miner_w, plan) >= min(b.kwh(b.hard_floor_pct), could) - 0.02
