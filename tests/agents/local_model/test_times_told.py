"""Clocks on any day, and times of a question that its answer is not for: they are told of, never dropped."""

from __future__ import annotations

from datetime import date

import pytest

from agents.assistant import Assistant
from agents.local_model.follow_periods import on_dates
from agents.local_model.intents import At, Compare, Intent, Total, Unclear
from agents.local_model.understand import understand, understand_parts
from agents.local_model.unread import period_note, with_note
from agents.models import Models, ModelSettings
from agents.tools.desk import ToolProblem
from agents.tools.words import period_argument
from services.scope import Scope
from tests.agents.local_model.test_owner_questions import OWNER_QUESTIONS
from tests.agents.local_model.test_understanding import QUESTIONS


@pytest.mark.parametrize(
    ("question", "intent"),
    [
        ("solar yesterday 3pm", At("solar", "yesterday from 15:00 to 15:10", "15:00")),
        ("battery at noon on Sunday", At("soc", "sunday from 12:00 to 12:10", "12:00")),
        ("what was the battery last night at 2am?", At("soc", "today from 2:00 to 2:10", "2:00")),
        ("load this morning 6 to 8", Total(("load",), "today from 6:00 to 8:00")),
        ("solar and load yesterday at 3pm", Total(("solar", "load"), "yesterday from 15:00 to 15:10")),
        ("solar in the first week of november", Total(("solar",), "first week of november")),
        ("solar since 6am", Total(("solar",), "since today 6:00")),
        ("solar in q3 at 8 am", Total(("solar",), "q3")),
        ("load from monday 8 am to tuesday 9 pm", Unclear(("load",))),
        (
            "compare load at 3pm yesterday and today",
            Compare("load", "yesterday from 15:00 to 15:10", "today from 15:00 to 15:10"),
        ),
        ("compare solar this week and the week before last", Compare("solar", "this week", "the week before last")),
    ],
)
def test_a_clock_belongs_to_the_day_beside_it(question: str, intent: Intent) -> None:
    assert understand(question) == intent


@pytest.mark.parametrize(
    ("question", "note"),
    [
        ("how much solar last summer", 'I do not know "last summer" as a time: this is how it is now.'),
        ("peak load this winter", 'I do not know "this winter" as a time: this is for today.'),
        ("how much solar yesterday and today", "This is for yesterday; ask again for today."),
        (
            "compare solar today, yesterday and last tuesday",
            "Two periods can be compared at a time: last tuesday is left out.",
        ),
        ("compare solar today and yesterday", None),
        ("compare load at 3pm yesterday and today", None),
        ("What's my battery, and how much solar did I make yesterday?", None),
        ("should we run the miners this winter?", None),
    ],
)
def test_times_that_the_answer_is_not_for_are_told_of(question: str, note: str | None) -> None:
    assert period_note(question, understand_parts(question)) == note


def test_no_common_question_gets_a_note() -> None:
    questions = [question for question, _ in (*OWNER_QUESTIONS, *QUESTIONS)]
    assert [q for q in questions if period_note(q, understand_parts(q)) is not None] == []


def test_a_note_keeps_the_answer_within_its_lines() -> None:
    assert with_note("a\nb\nc\nd\ne", "note").split("\n") == ["a", "b", "c", "d", "note"]
    assert with_note("a", None) == "a"


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("solar yesterday 3pm", "Solar yesterday at 15:00: 7.07 kW."),
        ("battery at noon on Sunday", "Battery level on Sun at 12:00: 60 %."),
        ("solar on february 31", 'There is no such day as "february 31"'),
        ("average solar in the last week", "last 7 days"),
    ],
)
async def test_basic_mode_answers_for_the_time_that_was_asked(scope: Scope, question: str, words: str) -> None:
    assistant = Assistant(Models.build(ModelSettings()))
    assert words in (await assistant.answer(question, scope)).text
    await assistant.close()


@pytest.mark.parametrize("words", ["yesterday and sunday", "today versus yesterday", "monday 8 am to tuesday 9 pm"])
def test_a_period_argument_with_two_periods_is_refused(scope: Scope, words: str) -> None:
    with pytest.raises(ToolProblem, match="ask for one at a time"):
        period_argument(scope, words)


def test_a_period_argument_with_time_words_left_over_is_refused(scope: Scope) -> None:
    with pytest.raises(ToolProblem, match='do not know "christmas"'):
        period_argument(scope, "yesterday at christmas")


@pytest.mark.parametrize("words", ["yesterday 3pm", "at noon on Sunday", "last night at 2am", "the last 24 hours"])
def test_a_period_argument_reads_clocks_in_words(scope: Scope, words: str) -> None:
    period = period_argument(scope, words)
    assert period.duration.total_seconds() in (600, 86400)


@pytest.mark.parametrize(
    ("period", "written"),
    [
        ("monday from 0:00 to 12:00", "monday from 0:00 to 12:00"),
        ("last monday from 0:00 to 12:00", "2026-11-16 from 0:00 to 12:00"),
        ("sunday from 0:00 to 12:00", "2026-11-22 from 0:00 to 12:00"),
    ],
)
def test_hours_of_todays_weekday_are_dated_by_the_hour_alone(period: str, written: str) -> None:
    assert on_dates(Total(("solar",), period), date(2026, 11, 23)) == Total(("solar",), written)
