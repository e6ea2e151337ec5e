"""Figures of a model's text are kept only where a tool result, the question or an earlier answer holds them."""

from __future__ import annotations

import pytest

from agents.traced import Sources, only_traced, shown_in
from agents.turns import Turn
from services.scope import Scope
from tests.agents.conftest import assisted
from tests.doubles.openai_server import Call, Say

SOURCES = Sources(
    [
        '{"facts":{"soc":{"value":63.4},"solar":{"value":3161},"max":{"at":"yesterday 12:05"}}}',
        '{"facts":{"from":"2026-05-05T00:00:00-07:00"},"text":"discharging at 1.2 kW"}',
        "did I hit 2500 W?",
        "2:00 PM",
    ]
)


@pytest.mark.parametrize(
    "text",
    [
        "63 %",
        "63.4 %",
        "Solar makes 3.16 kW.",
        "About 3,161 W.",
        "3.2 kW now",
        "discharging at 1,200 W",
        "You passed 2.5 kW at 12:05.",
        "At 12:05 PM",
        "At 14:00",
        "Two miners, 3 days, s19-1, 48 hours and room 7",
        "Nothing with figures.",
        "It brings 1.2 USD, or $1.20.",
    ],
)
def test_a_figure_from_a_source_passes_however_it_is_rounded(text: str) -> None:
    assert only_traced(text, SOURCES).text == text


@pytest.mark.parametrize(
    "text",
    [
        *("64 %", "3.4 kW", "9,999 W", "at 13:05", "5 kWh", "51.2 V", "21 °C"),
        *(
            "9,999 watts",
            "77 kilowatts",
            "77 kilowatt-hours",
            "93 per cent",
            "93 pct",
            "9.9 kWp",
            "235 TH/s",
            "12.3kW/h",
        ),
        *("The battery is typically at 93 %.", "The load is usually 7 kW."),
        "3.161 %",  # the number of another unit, in thousands
    ],
)
def test_a_figure_from_nowhere_is_left_out(text: str) -> None:
    checked = only_traced(text, SOURCES)
    assert checked.text == ""
    assert checked.lost_its_start


def test_only_the_sentence_with_the_untraced_figure_goes() -> None:
    checked = only_traced("63 % and discharging. It will be 41 % at 03:40.\nSolar makes 3.16 kW.", SOURCES)
    assert checked.text == "63 % and discharging.\nSolar makes 3.16 kW."
    assert not checked.lost_its_start
    assert checked.left_out == ("It will be 41 % at 03:40.",)


async def test_an_invented_figure_never_reaches_the_person(scope: Scope) -> None:
    async with assisted([Call.of("current_state"), Say("The battery is at 91 %. All is well.")]) as (assistant, _):
        answer = await assistant.answer("What's my battery level?", scope)
    assert "91" not in answer.text
    assert "70 %" in answer.text
    assert answer.mode == "basic"
    assert "left out" in answer.notes[0]


async def test_figures_without_any_tool_call_are_looked_up_after_all(scope: Scope) -> None:
    async with assisted([Say("The battery is at 91 %.")]) as (assistant, _):
        answer = await assistant.answer("What's my battery level?", scope)
    assert "91" not in answer.text
    assert "70 %" in answer.text
    assert any(f.name == "soc_pct" for f in answer.figures)


async def test_general_knowledge_may_have_figures_of_its_own(scope: Scope) -> None:
    text = "In general, keep LiFePO4 between 20 % and 80 %."
    async with assisted([Say(text)]) as (assistant, _):
        answer = await assistant.answer("What are best practices for LiFePO4?", scope)
    assert answer.text == text
    assert answer.mode == "model"


async def test_a_figure_of_the_turn_before_may_be_spoken_of_again(scope: Scope) -> None:
    turns = [Turn("What's my battery level?", "64 %\nas of 13:55, Victron")]
    async with assisted([Say("Yes, 64 % is good for battery life.")]) as (assistant, _):
        answer = await assistant.answer("Is the battery good?", scope, turns=turns)
    assert answer.text == "Yes, 64 % is good for battery life."


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("In general LiFePO4 lasts longest between 20 % and 80 %.", True),
        ("Typically a cell has 3.2 V.", True),
        ("In general your battery is at 91 %.", False),
        ("Usually it is 91 % now.", False),
    ],
)
def test_declared_general_knowledge_passes_unless_it_speaks_of_this_site(text: str, passes: bool) -> None:
    assert bool(only_traced(text, SOURCES).text) is passes


def test_the_source_line_names_only_what_the_text_speaks_of() -> None:
    shown = shown_in("Solar 3.16 kW since 07:05, by the SolArk 15K; 0 W of grid.")
    assert shown(3161.0)
    assert shown("2026-05-05T07:05:00-07:00")
    assert shown("SolArk 15K")
    assert shown(0.0)
    assert not shown(63.4)
    assert not shown("2026-05-05T09:05:00-07:00")
    assert not shown(None)


async def test_figures_that_the_text_speaks_of_come_first(scope: Scope) -> None:
    async with assisted([Call.of("current_state"), Say("Solar makes 8.66 kW.")]) as (assistant, _):
        answer = await assistant.answer("How much solar now?", scope)
    assert answer.text == "Solar makes 8.66 kW.\nas of 14:00, SolArk"
    assert answer.figures[0].name == "solar_w"
    assert len(answer.figures) == 7


@pytest.mark.parametrize("text", ["You will earn 99.50 USD.", "That saves $99.50 a month.", "It costs 4 euros."])
def test_money_is_a_figure_too(text: str) -> None:
    assert only_traced(text, Sources(['{"facts":{"money":1.2}}'])).text == ""
