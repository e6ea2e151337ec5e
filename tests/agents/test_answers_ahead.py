"""Questions about what is to come, over a real store with stored forecasts and plans, answered without any model."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agents.answer import Answer
from agents.assistant import Assistant
from agents.models import Models
from agents.tools.desk import RESULT_LIMIT, ToolDesk
from tests.agents.conftest import assisted
from tests.doubles.openai_server import Call, Say
from tests.services.outlook_stage import OFF_GRID, ON_GRID, Horizon, closed, foreseen, horizon

LINES = 6
QUESTIONS = (
    "Will I have enough solar tomorrow to run the miners all day?",
    "Should I charge from grid tonight?",
    "What's the forecast for battery charging this week?",
    "how much sun tomorrow",
    "load tomorrow",
    "when should I run the miners",
    "should we run the miners tonight?",
    "will the battery last the night",
    "when is the battery full",
    "how long will the battery last",
    "what is the plan",
    "why is s21 off",
    "when to charge the car",
    "best time to charge?",
    "forecast for the next 6 hours",
)
TOOLS = (
    ("solar_and_load_forecast", {}),
    ("solar_and_load_forecast", {"day": "tomorrow"}),
    ("solar_and_load_forecast", {"day": "week"}),
    ("solar_and_load_forecast", {"hours": 6}),
    ("battery_outlook", {}),
    ("miner_and_battery_plan", {}),
    ("why_plan", {}),
)


@pytest.fixture
async def sunny(tmp_path: Path) -> AsyncIterator[Horizon]:
    """Noon under a clear sky, with a forecast and a plan."""
    made = await foreseen(tmp_path, site=ON_GRID)
    yield made
    await closed(made)


@pytest.fixture
async def bare(tmp_path: Path) -> AsyncIterator[Horizon]:
    """The same ranch before its first forecast."""
    made = await horizon(tmp_path, site=ON_GRID)
    yield made
    await closed(made)


async def asked(made: Horizon, question: str, *, later: timedelta = timedelta(0)) -> Answer:
    scope = await made.scope()
    assistant = Assistant(Models())
    try:
        return await assistant.answer(question, replace(scope, as_of=scope.as_of + later))
    finally:
        await assistant.close()


async def test_every_question_is_answered_from_the_forecast_in_six_lines(sunny: Horizon) -> None:
    for question in QUESTIONS:
        answer = await asked(sunny, question)
        lines = answer.text.split("\n")
        assert 2 <= len(lines) <= LINES, answer.text
        assert len(set(lines)) == len(lines), answer.text
        assert "I have no forecast" not in answer.text, (question, answer.text)
        assert "did not understand" not in answer.text, question
        assert "None" not in answer.text, (question, answer.text)


async def test_the_tools_facts_are_short_and_their_figures_name_the_forecast(sunny: Horizon) -> None:
    for name, arguments in TOOLS:
        desk = ToolDesk(await sunny.scope())
        text = await desk.call(name, arguments)
        assert len(text) <= RESULT_LIMIT, name
        assert '"left_out"' not in text, name
        assert not desk.results[0].is_problem, (name, text)
        sources = {figure.source or "" for figure in desk.figures if figure.start is not None}
        assert sources
        assert all(each.startswith(("forecast issued ", "plan of ")) for each in sources), sources
        assert all(figure.start is None or figure.end is not None for figure in desk.figures)


async def test_enough_sun_names_who_it_is_enough_for_the_range_and_the_risk(sunny: Horizon) -> None:
    answer = await asked(sunny, "Will I have enough solar tomorrow to run the miners all day?")
    first, figures, risk = answer.text.split("\n")[:3]
    assert first.startswith(("Yes", "Enough for", "No"))
    assert "the sun leaves" in first
    assert "kWh solar, likely" in figures
    assert "with little sun" in risk.lower()
    assert "forecast issued 11:40" in answer.text
    assert {chart.slug.split("-")[0] for chart in answer.charts} == {"plan", "solar"}


async def test_a_sunny_night_holds_and_a_dark_one_does_not(tmp_path: Path) -> None:
    made = await foreseen(tmp_path, "dark", site=OFF_GRID, soc_pct=45.0)
    answer = await asked(made, "will the battery last the night")
    await closed(made)
    assert answer.text.startswith(("No, not", "Barely,"))
    assert "reserve of" in answer.text.split("\n")[0]


async def test_a_night_that_holds_says_so_with_the_level_and_the_risk(tmp_path: Path) -> None:
    made = await foreseen(tmp_path, site=OFF_GRID.model_copy(update={"miner": ()}), soc_pct=90.0)
    answer = await asked(made, "will the battery last the night")
    await closed(made)
    assert answer.text.startswith("Yes, ")
    assert "above your reserve of" in answer.text
    assert "Risk: with little sun" in answer.text


async def test_grid_charging_is_decided_by_the_night_to_come(sunny: Horizon) -> None:
    answer = await asked(sunny, "Should I charge from grid tonight?")
    assert answer.text.startswith(("No need: the battery falls no lower than", "Yes, "))
    assert "Tomorrow brings" in answer.text
    assert "Risk: with little sun" in answer.text


async def test_the_week_says_when_the_battery_is_full(sunny: Horizon) -> None:
    answer = await asked(sunny, "What's the forecast for battery charging this week?")
    assert answer.text.startswith("The battery gets full")
    assert "Solar in kWh: today" in answer.text


async def test_without_a_forecast_the_present_state_decides_and_it_is_said_that_there_is_none(bare: Horizon) -> None:
    for question in ("Should I charge from grid tonight?", "how much sun tomorrow", "will the battery last the night"):
        answer = await asked(bare, question)
        assert "no forecast" in answer.text, answer.text
        assert "%" in answer.text or "kW" in answer.text
    plan = await asked(bare, "what is the plan")
    assert "There is no plan yet" in plan.text


async def test_an_old_forecast_is_called_old_and_an_old_plan_decides_nothing(sunny: Horizon) -> None:
    late = timedelta(hours=5)
    sun = await asked(sunny, "how much sun tomorrow", later=late)
    assert "The newest forecast is 5 h" in sun.text
    assert "old" in (await asked(sunny, "what is the plan", later=late)).text.split("\n")[0]


async def test_reasons_and_accuracy_are_told_as_far_as_they_are_known(sunny: Horizon) -> None:
    why = await asked(sunny, "why is s21 off")
    assert why.text.startswith(tuple(miner.name for miner in sunny.site.miner if miner.id == "s21"))
    assert "plan of 11:57" in why.text
    accuracy = await asked(sunny, "how accurate are your forecasts")
    assert accuracy.text.startswith("I cannot say yet.")


async def test_what_if_is_solved_in_a_process_of_its_own(sunny: Horizon) -> None:
    answer = await asked(sunny, "what if tomorrow is cloudy?")
    assert answer.text.startswith("With as little sun as the cautious forecast has from tomorrow on the plan brings")
    assert "instead of" in answer.text
    assert [call.name for call in answer.tools] == ["what_if"]


async def test_an_unknown_miner_or_day_is_named(sunny: Horizon) -> None:
    desk = ToolDesk(await sunny.scope())
    assert "no miner" in await desk.call("why_plan", {"miner": "s99"})
    assert "no day that I can look ahead to" in await desk.call("solar_and_load_forecast", {"day": "whenever"})
    assert "is past" in await desk.call("solar_and_load_forecast", {"day": "2020-01-01"})


async def test_a_model_that_calls_the_tools_keeps_their_figures_and_loses_invented_ones(sunny: Horizon) -> None:
    scope = await sunny.scope()
    desk = ToolDesk(scope)
    sun = json.loads(await desk.call("solar_and_load_forecast", {"day": "tomorrow"}))["facts"]["days"][0]
    plan = json.loads(await desk.call("miner_and_battery_plan", {}))["facts"]
    said = (
        f"Tomorrow brings {sun['solar']['said']} of sun, best {sun['best']}. {plan['brings']} "
        "Expect 987 kWh on Friday. You will earn 4,321.99 USD and be full at 03:33."
    )
    calls = Call(
        (
            ("solar_and_load_forecast", {"day": "tomorrow"}),
            ("battery_outlook", {}),
            ("miner_and_battery_plan", {}),
            ("why_plan", {}),
        )
    )
    async with assisted([calls, Say(said)]) as (assistant, server):
        answer = await assistant.answer("what is the plan, and how much sun comes tomorrow", scope)
        assert {"solar_and_load_forecast", "why_plan", "what_if"} <= set(server.requests[0].tool_names)
    assert answer.mode == "model"
    assert answer.agent == "Planner"
    assert sun["solar"]["said"] in answer.text
    assert plan["brings"] in answer.text
    assert "987" not in answer.text
    assert "4,321.99" not in answer.text
    assert answer.notes == ("Figures that could not be traced to data were left out.",)
    assert "forecast issued 11:40" in answer.text
