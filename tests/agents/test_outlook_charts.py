"""Charts of what is to come, built from what the services answer with on a stored ranch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from agents.outlook_charts import (
    cells_spec,
    plan_chart,
    plan_spec,
    scorecard_spec,
    soc_fan_chart,
    soc_fan_spec,
    solar_forecast_chart,
    solar_forecast_spec,
)
from charts.specs import spec_from_json, spec_to_json
from energy.cells.health import health
from energy.forecast.hours import Band
from energy.units import UnitPreferences
from services.outlook import BatteryView, ForecastView, PlanView, battery_view, forecast_view, plan_view
from services.scope import Scope
from tests.energy.cells.banks import bank
from tests.energy.cells.banks import site as bank_site
from tests.services.outlook_stage import ON_GRID, Horizon, closed, foreseen, horizon


@dataclass(frozen=True)
class Scored:
    """As the store hands a score out."""

    day: date
    target: str
    values: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
async def sunny(tmp_path: Path) -> AsyncIterator[Horizon]:
    made = await foreseen(tmp_path)
    yield made
    await closed(made)


async def seen(scope: Scope) -> tuple[ForecastView, BatteryView, PlanView]:
    found = await forecast_view(scope), await battery_view(scope), await plan_view(scope)
    assert isinstance(found[0], ForecastView)
    assert isinstance(found[1], BatteryView)
    assert isinstance(found[2], PlanView)
    return found[0], found[1], found[2]


async def test_the_three_charts_of_what_is_to_come_stand_on_the_site_in_the_readers_units(sunny: Horizon) -> None:
    scope = replace(
        await sunny.scope(), units=UnitPreferences(power="W", hour_24=False), own_zone=ZoneInfo("Europe/Berlin")
    )
    forecast, battery, plan = await seen(scope)
    charts = (
        await solar_forecast_chart(scope, forecast),
        await soc_fan_chart(scope, battery),
        await plan_chart(scope, plan),
    )
    for chart in charts:
        assert chart is not None
        assert (chart.site, chart.zone.key, chart.units.power) == (scope.site.name, "Europe/Berlin", "W")
        assert chart.as_of == scope.as_of
        assert spec_from_json(spec_to_json(chart)) == chart
        assert "nan" not in chart.alt.casefold()


async def test_hours_that_are_over_show_what_was_forecast_at_midnight(sunny: Horizon) -> None:
    scope = await sunny.scope()
    today = scope.as_of.astimezone(scope.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    alone, _, _ = await seen(scope)
    first = await solar_forecast_chart(scope, alone)
    assert first is not None
    assert first.starts_s[0] > today.timestamp()  # nothing was forecast then, so nothing is shown of it
    await sunny.issue(ago=scope.as_of - today + timedelta(minutes=20))
    both = await solar_forecast_chart(scope, (await seen(scope))[0])
    assert both is not None
    assert both.starts_s[0] == today.timestamp()
    assert both.notes == ("Hours that are over: as they were forecast at midnight",)


def band_of(starts_s: list[int], watts: list[float]) -> Band:
    values = np.array(watts)
    return Band("solar", starts_s[0], np.array(starts_s), 0.8 * values, values, 1.2 * values, "test", "1")


async def test_what_is_not_known_of_a_band_stays_unknown(sunny: Horizon) -> None:
    scope = await sunny.scope()
    first_s = round(scope.as_of.timestamp()) // 3_600 * 3_600
    starts_s = [first_s + 3_600 * n for n in range(4)]
    chart = solar_forecast_spec(scope, band_of(starts_s, [1.0, float("nan"), 3.0, 4.0]), clear_w=[9.0, 9.0, 9.0, 9.0])
    assert chart.p50_w == (1.0, None, 3.0, 4.0)
    earlier = band_of([s - 7_200 for s in starts_s], [7.0, 7.0, 7.0, 7.0])
    merged = solar_forecast_spec(scope, band_of(starts_s, [1.0] * 4), earlier=earlier, clear_w=[9.0] * 4)
    assert merged.p50_w == (7.0, 7.0, 1.0, 1.0, 1.0, 1.0)
    assert merged.clear_w == (None, None, 9.0, 9.0, 9.0, 9.0)


async def test_a_battery_without_a_plan_shows_its_course_as_it_is_set(sunny: Horizon) -> None:
    scope = await sunny.scope()
    _, battery, _ = await seen(scope)
    with_plan = soc_fan_spec(scope, battery)
    assert with_plan.planned
    assert with_plan.as_is_p50 is not None
    alone = soc_fan_spec(scope, replace(battery, plan=None))
    assert not alone.planned
    assert alone.as_is_p50 is None
    assert "As it is set: " in alone.alt


async def test_a_plans_miners_add_up_to_its_steps_and_prices_are_the_tariffs(tmp_path: Path) -> None:
    made = await horizon(tmp_path, site=ON_GRID)
    try:
        await made.issue()
        await made.plan()
        scope = await made.scope()
        _, _, view = await seen(scope)
        chart = plan_spec(scope, view.steps, view.planned_at, currency="USD")
        assert any(sum(bar.miners_w) > 0 for bar in chart.steps)
        for bar, step in zip(chart.steps, view.steps, strict=True):
            assert sum(bar.miners_w) == pytest.approx(step.miner_w, abs=1)
            hour = datetime.fromtimestamp(bar.start_s, scope.site.zone).hour
            assert bar.import_per_kwh == (0.45 if 16 <= hour < 21 else 0.28)
        hourly = scope.site.plan.model_copy(update={"prices_url": "https://prices.example/day.json"})
        other = replace(scope, site=scope.site.model_copy(update={"plan": hourly}))
        assert {bar.import_per_kwh for bar in plan_spec(other, view.steps, view.planned_at).steps} == {None}
    finally:
        await closed(made)


async def test_scores_become_rows_per_forecast_and_leave_gaps(sunny: Horizon) -> None:
    scope = await sunny.scope()
    assert scorecard_spec(scope, ()) is None
    assert scorecard_spec(scope, [Scored(date(2026, 6, 1), "plan", {"ours": 3.0})]) is None
    chart = scorecard_spec(
        scope,
        [
            Scored(
                date(2026, 6, 1), "solar", {"acc_hour": 0.9, "persistence_hour": 0.7, "coverage": 0.8, "sky": "clear"}
            ),
            Scored(date(2026, 6, 3), "solar", {"acc_hour": 0.8, "persistence_hour": None, "coverage": 0.6}),
            Scored(date(2026, 6, 3), "load", {"acc_hour": float("nan")}),
        ],
    )
    assert chart is not None
    assert chart.days == ("2026-06-01", "2026-06-03")
    (row,) = chart.rows  # a load that was never scored has no row
    assert (row.ours, row.persistence) == ((0.9, 0.8), (0.7, None))
    assert row.coverage == pytest.approx(0.7)
    assert chart.sky == ("clear", None)


async def test_accuracy_over_all_days_adds_up_errors_and_energies(sunny: Horizon) -> None:
    scope = await sunny.scope()
    sums = [
        {"actual": 50.0, "off": 5.0, "persistence_actual": 50.0, "persistence_off": 20.0},
        {"actual": 10.0, "off": 5.0, "persistence_actual": 10.0, "persistence_off": 10.0},
    ]
    days = [
        Scored(date(2026, 6, 1), "solar", {"acc_hour": 0.9, "coverage": 1.0, "covered_hours": 18, "sums": sums[0]}),
        Scored(date(2026, 6, 2), "solar", {"acc_hour": 0.5, "coverage": 0.0, "covered_hours": 6, "sums": sums[1]}),
    ]
    chart = scorecard_spec(scope, days)
    assert chart is not None
    (row,) = chart.rows
    assert row.ours_all == pytest.approx(1 - 10 / 60)
    assert row.persistence_all == pytest.approx(0.5)
    assert row.coverage == pytest.approx(0.75)
    assert "Solar: 83 % accurate over 2 days, persistence 50 %" in chart.alt


async def test_a_banks_health_becomes_its_points_and_both_curves(sunny: Horizon) -> None:
    scope = await sunny.scope()
    measured = bank(days=60)
    found = health(bank_site(), measured.soc, measured.charge_w, measured.temperature_c, surplus_w=measured.surplus_w)
    chart = cells_spec(scope, found)
    assert found.fade is not None
    assert chart is not None
    assert chart.own is not None
    assert chart.fleet is not None
    assert chart.remaining is not None
    assert chart.remaining.pct == pytest.approx(found.fade.remaining_pct)
    assert chart.now_x == pytest.approx(found.cycles.full, rel=0.05, abs=2)
    assert spec_from_json(spec_to_json(chart)) == chart
    assert cells_spec(scope, replace(found, fade=None)) is None
