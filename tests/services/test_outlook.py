"""What is to come, from forecasts and plans that are stored as the jobs store them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from services import outlook, outlook_words, plan_words, what_if
from services.miners import UnknownMiner
from services.outlook import Nothing
from services.reckoning import InlineReckoner
from services.scope import Refused
from tests.services.outlook_stage import OFF_GRID, ON_GRID, Horizon, closed, foreseen, horizon, with_


@pytest.fixture
async def sunny(tmp_path: Path) -> AsyncIterator[Horizon]:
    made = await foreseen(tmp_path)
    yield made
    await closed(made)


async def test_a_days_range_is_narrower_than_the_sum_of_its_hours(sunny: Horizon) -> None:
    view = await outlook.forecast_view(await sunny.scope())
    assert not isinstance(view, Nothing)
    today, tomorrow = view.days[:2]
    assert today.solar_so_far_kwh is not None
    assert tomorrow.solar_kwh is not None
    assert view.solar is not None
    inside = (view.solar.starts_s >= tomorrow.start.timestamp()) & (view.solar.starts_s < tomorrow.end.timestamp())
    assert tomorrow.solar_kwh.p50 == pytest.approx(view.solar.p50[inside].sum() / 1_000)
    assert view.solar.p10[inside].sum() / 1_000 < tomorrow.solar_kwh.p10 < tomorrow.solar_kwh.p50
    assert tomorrow.sure_surplus_kwh is not None
    assert tomorrow.surplus_kwh is not None
    assert tomorrow.sure_surplus_kwh < tomorrow.surplus_kwh
    assert tomorrow.best_solar is not None
    assert view.weather_age == timedelta(minutes=45)


async def test_what_was_made_later_is_not_seen(sunny: Horizon) -> None:
    scope = replace(await sunny.scope(), as_of=sunny.farm.now - timedelta(hours=1))
    for found in (await outlook.forecast_view(scope), await outlook.plan_view(scope), await outlook.why(scope)):
        assert isinstance(found, Nothing)


async def test_the_battery_in_advice_mode_goes_as_the_miners_are_set(sunny: Horizon) -> None:
    view = await outlook.battery_view(await sunny.scope())
    assert not isinstance(view, Nothing)
    assert view.expected is view.as_is
    assert view.other is view.plan
    await outlook.set_mode(await sunny.scope(), "automatic")
    after = await outlook.battery_view(await sunny.scope())
    assert not isinstance(after, Nothing)
    assert after.expected is after.plan
    assert after.plan is not None
    assert after.plan.lowest_if_dull.soc_pct <= after.plan.lowest.soc_pct


async def test_only_an_owner_sets_the_mode(sunny: Horizon) -> None:
    for name in ("Ben", "Vic"):
        with pytest.raises(Refused):
            await outlook.set_mode(await sunny.scope(name), "automatic")
    assert await outlook.plan_mode(await sunny.scope("Vic")) == "advise"


async def test_a_plan_is_told_in_runs_with_where_the_energy_comes_from(sunny: Horizon) -> None:
    view = await outlook.plan_view(await sunny.scope("Vic"))
    assert not isinstance(view, Nothing)
    assert view.runs
    for run in view.runs:
        assert run.start < run.end
        assert run.kwh == pytest.approx(run.surplus_kwh + run.battery_kwh + run.grid_kwh, abs=0.01)
    assert sum(run.kwh for run in view.runs) == pytest.approx(view.miner_kwh, rel=0.01)
    said = [line.text for line in plan_words.plan_lines(await sunny.scope(), view)]
    assert 4 <= len(said) <= plan_words.MOST_LINES
    assert said[0].startswith("The plan brings ")
    assert said[-1] == "Advice only: nothing is switched by it."


async def test_why_names_the_reason_the_next_change_and_why_it_is_not_so(sunny: Horizon) -> None:
    view = await outlook.why(await sunny.scope(), "s21")
    assert not isinstance(view, Nothing)
    (item,) = view.items
    assert item.planned_on is True
    assert item.really_on is False
    assert "only advises" in item.differs
    assert item.next is not None
    assert not item.next.on
    assert item.would_change
    everything = await outlook.why(await sunny.scope())
    assert not isinstance(everything, Nothing)
    assert [each.name for each in everything.items][-1] == "battery"
    with pytest.raises(UnknownMiner):
        await outlook.why(await sunny.scope(), "s99")


async def test_a_moment_after_the_plan_has_no_reason_yet(sunny: Horizon) -> None:
    found = await outlook.why(await sunny.scope(), at=sunny.farm.now + timedelta(days=4))
    assert isinstance(found, Nothing)
    assert found.says.startswith("The plan ends ")


async def test_the_week_goes_on_with_typical_weather_and_says_so(sunny: Horizon) -> None:
    scope = await sunny.scope()
    view = await outlook.week_view(scope)
    assert not isinstance(view, Nothing)
    assert len(view.days) == 7
    assert view.days[1].basis == "forecast"
    assert view.days[-1].basis == "typical"
    assert all(day.solar_kwh is not None and day.charge_kwh is not None for day in view.days)
    head, days, after = outlook_words.week_lines(scope, view)
    assert "in 7 days" in head.figure
    assert len(days) == 7
    assert after[0].figure.startswith("From ")
    further = replace(view, days=tuple(replace(day, basis="forecast") for day in view.days))
    _, _, after = outlook_words.week_lines(scope, further)
    assert after[0].figure == "After 48 hours the band is that of the second day: expect it to be wider."


async def test_old_forecasts_and_plans_say_their_age(tmp_path: Path) -> None:
    made = await horizon(tmp_path)
    await made.issue(ago=timedelta(hours=7))
    await made.plan(ago=timedelta(hours=2))
    scope = await made.scope()
    forecast, plan, reasons = (
        await outlook.forecast_view(scope),
        await outlook.plan_view(scope),
        await outlook.why(scope),
    )
    assert not isinstance(forecast, Nothing)
    assert not isinstance(plan, Nothing)
    assert not isinstance(reasons, Nothing)
    assert outlook_words.forecast_lines(scope, forecast, [])[0].figure == "This forecast is 7 h old"
    assert plan_words.plan_lines(scope, plan)[-1].figure == "It is 2 h old"
    assert plan_words.why_lines(scope, reasons)[0].figure == "The plan is 2 h old"
    await closed(made)


async def test_a_dark_day_says_that_the_battery_falls_below_its_minimum(tmp_path: Path) -> None:
    made = await foreseen(tmp_path, "dark", soc_pct=44.0)
    scope = await made.scope()
    plan, battery = await outlook.plan_view(scope), await outlook.battery_view(scope)
    assert not isinstance(plan, Nothing)
    assert not isinstance(battery, Nothing)
    said = "\n".join(line.text for line in plan_words.plan_lines(scope, plan))
    assert "No miner runs" in said
    assert "below the minimum of 30 %" in said
    assert " p10" not in said
    assert battery.expected.breach_at is not None
    assert battery.expected.risk > 0.5
    await closed(made)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "No forecast has been made yet"),
        ({"latitude": None, "longitude": None}, "latitude and longitude"),
        ({"array": ()}, "[[array]]"),
    ],
)
async def test_without_a_forecast_the_reason_and_the_remedy_are_said(
    tmp_path: Path, changes: dict[str, object], word: str
) -> None:
    made = await horizon(tmp_path, site=with_(OFF_GRID, **changes))
    scope = await made.scope()
    found = await outlook.forecast_view(scope)
    assert isinstance(found, Nothing)
    assert word in found.says
    assert isinstance(await outlook.plan_view(scope), Nothing)
    assert isinstance(await outlook.battery_view(scope), Nothing)
    assert isinstance(await outlook.why(scope), Nothing)
    await closed(made)


async def test_what_if_tells_figures_both_ways(tmp_path: Path) -> None:
    made = await horizon(tmp_path, site=ON_GRID, soc_pct=80.0)
    await made.issue()
    scope, reckoner = await made.scope(), InlineReckoner()
    running = await what_if.run_miners(scope, reckoner, ["s19-1"], made.farm.now + timedelta(hours=5))
    assert not isinstance(running, Nothing)
    assert running.miner_kwh_change > 1.0
    assert " instead of " in running.text
    assert "Left S19 until 17:00" in running.text
    dull = await what_if.cloudy(scope, reckoner, share=0.2)
    assert not isinstance(dull, Nothing)
    assert dull.money_change < 0
    assert "only 20 % of the sun from tomorrow on" in dull.text
    assert isinstance(await what_if.more_battery(scope, reckoner, 5.0), Nothing)
    assert isinstance(await what_if.run_miners(scope, reckoner, ["s19-1"], made.farm.now), Nothing)
    await closed(made)
