"""Conversations of several turns: a short question speaks of what was last understood before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from agents.assistant import Assistant
from agents.models import Models, ModelSettings
from agents.turns import Turn
from services.scope import Scope
from tests.doubles.ranch import NOW


async def talk(scope: Scope, *questions: str) -> list[str]:
    """The answers to the questions of one conversation."""
    assistant = Assistant(Models.build(ModelSettings()))
    turns: list[Turn] = []
    for question in questions:
        answer = await assistant.answer(question, scope, turns=turns)
        turns.append(Turn(question, answer.text))
    await assistant.close()
    return [turn.answer for turn in turns]


CONVERSATIONS: list[tuple[Sequence[str], Sequence[str]]] = [
    (
        [
            "When did solar go above 2500 W yesterday?",
            "and the day before?",
            "when was the peak?",
            "and 6 kW?",
            "how long was it above that?",
        ],
        ["2.50 kW", "the day before yesterday", "At 12:00: 10.0 kW", "reached 6.00 kW", "above 6.00 kW for 7 h"],
    ),
    (["soc at 2pm yesterday", "and at 3pm?"], ["yesterday at 14:00: 70", "yesterday at 15:00: 74.1 %"]),
    (
        ["solar yesterday", "blah foo", "and the day before?"],
        ["", "not understand", "Solar the day before yesterday: 76"],
    ),
    (["solar last tuesday", "the day before?"], ["2026-05-05", "Solar on 2026-05-04"]),
    (["average load last week", "and the week before?"], ["Average load last week", "2026-04-20 to 2026-04-26"]),
    (["Should we run the miners?", "and tonight?"], ["", "I have no forecast yet"]),
    (["what's the minimum soc?", "and the target?"], ["30 %", "Target battery level"]),
    (
        ["how low did my battery go last night?", "and the night before?", "when was that?"],
        ["40 % at 05:55", "the night before last", "40 %, the lowest battery level the night before last"],
    ),
    (
        ["soc?", "and yesterday?", "how low did it go?", "thanks", "and the day before?"],
        ["", "yesterday", "Lowest battery level yesterday", "welcome", "Lowest battery level the day before yesterday"],
    ),
    (
        ["how long was the battery below 60% yesterday?", "and above 70%?"],
        ["was below 60 % for 11 h 55 min yesterday", "was above 70 % for 8 h"],
    ),
    (["when did soc drop below 60% last night", "how long?"], ["fell below 60 %", "was below 60 % for"]),
    (
        ["load right now", "when was the peak?", "graph it"],
        ["Load 1.50 kW", "the highest load today", "chart of today"],
    ),
    (["compare solar today and yesterday", "when was the peak?"], ["", "the highest solar today so far"]),
    (["solar yesterday", "and tomorrow?"], ["", "no forecast yet for tomorrow"]),
    (["solar last week", "per day?", "and load?"], ["", "a day on average", "Load last week"]),
    (
        ["battery temperature", "and yesterday?", "when was it coldest?"],
        ["21.5", "yesterday", "lowest battery temperature"],
    ),
    (["how much did I export yesterday", "and the day before?"], ["exported and", "exported and"]),
    (["solar now", "and at noon?", "and the load?"], ["", "Solar at 12:00: 10.0 kW", "Load at 12:00: 1.50 kW"]),
    (["is my battery ok?", "and yesterday?"], ["Good", "Battery level yesterday"]),
    (
        ["when was soc last above 70%", "and at 50%?"],
        ["last rose to 70 % today at 14:00", "last rose to 50 % today at 10:00"],
    ),
    (
        ["solar yesterday", "is that good?", "and the day before?", "and load?", "without the miners?"],
        [
            "76",
            "a day on average",
            "Solar the day before yesterday",
            "Load the day before yesterday",
            "take the miners",
        ],
    ),
    (["battery temperature", "in fahrenheit?"], ["21.5 °C", "70.7 °F"]),
    (
        ["when did load exceed 5 kW yesterday", "and 1 kW?", "how many times?"],
        ["never reached 5.00 kW", "stayed so", "stayed so"],
    ),
    (["soc yesterday", "and the lowest?", "and when?"], ["lowest", "Lowest", "the lowest battery level yesterday"]),
    (["what time did I hit 2500 W yesterday", "and 4000 W?"], ["solar and load", "solar and load"]),
    (["last weekend solar", "and the weekend before?"], ["2026-05-02 to 2026-05-03", "2026-04-25 to 2026-04-26"]),
]


@pytest.mark.parametrize(("questions", "expected"), CONVERSATIONS)
async def test_short_questions_keep_the_thread(scope: Scope, questions: Sequence[str], expected: Sequence[str]) -> None:
    answers = await talk(scope, *questions)
    for question, answer, words in zip(questions, answers, expected, strict=True):
        assert words in answer, (question, answer)


async def test_a_single_time_of_a_day_is_of_that_day_or_not_told(scope: Scope) -> None:
    answers = await talk(scope, "soc at 2pm yesterday", "and the day before?")
    assert "yesterday at 14:00" not in answers[1]


async def test_before_sunrise_a_peak_is_not_zero_at_midnight(scope: Scope) -> None:
    early = replace(scope, as_of=NOW.replace(hour=7, minute=5))
    answers = await talk(early, "What time did I hit peak solar production today?", "how much solar today?")
    for answer in answers:
        assert "no solar yet today: sunrise is at 06:07. Yesterday's peak was 10.0 kW at 12:00." in answer
        assert "00:00" not in answer


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("coldest battery this week", "Lowest battery temperature this week: 21.5 °C"),
        ("how hot is the battery", "Battery temperature 21.5 °C."),
        ("temperature outside", "no device measures the outside temperature"),
        ("inverter temperature", "not measured here"),
        ("battery temperature in F", "70.7 °F"),
        ("max solar yesterday in watts", "10,000 W"),
        ("is the s21 on", "A single miner is not measured"),
        ("house without miners yesterday", "I cannot take the miners off"),
        ("how many kWh per day do I use", "36.0 kWh a day on average"),
        ("average load by hour yesterday", "By hour (kWh): 00 h 1.50"),
        ("when was the battery last at 60%?", "today at 12:00"),
        ("what time is sunset", "sunset is at 20:01, sunrise was at 06:07"),
        ("sunrise on june 1", "for today only"),
        ("which relay runs the S21", "Primary S21+: garage, channel 0"),
        ("what is my tariff", "no tariff in the site's settings"),
        ("what did I earn yesterday mining", "cannot put money on it"),
        ("when did my house draw the most yesterday", "the highest load yesterday"),
        ("How long was the battery below 50 % in the last week", "in the last 7 days"),
        ("when did the generator last run", "no generator readings"),
        ("when did load go above 1 kW yesterday", "already when the period began and stayed so"),
    ],
)
async def test_the_metric_and_the_qualifier_of_a_question_are_honoured(scope: Scope, question: str, words: str) -> None:
    assert words in (await talk(scope, question))[0]
