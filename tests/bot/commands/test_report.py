"""/report: what was on one page, and when a group gets it; the brief as it is sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.brief_reply import brief_reply
from bot.reply import Bold, Paragraph
from charts.specs import EnergyBars, PowerChart
from energy.units import UnitPreferences
from services.brief_times import group_brief
from services.scope import Actor
from tests.bot.commands.stage import Stage, labels, lines


async def test_without_words_it_is_yesterday_with_one_picture(stage: Stage) -> None:
    reply = await stage.say("/report")
    said = lines(reply)
    assert said[0].endswith("kWh solar on Mon 23 Nov, 3 % above the usual 52.9 kWh.")
    assert len(said) <= 8
    (chart,) = reply.charts
    assert isinstance(chart, PowerChart)
    assert chart.soc is not None
    assert chart.title == "54.5 kWh solar, 50.6 kWh load"
    assert "Mon 23 Nov 2026" in chart.alt
    assert labels(reply) == ["The day before", "Week", "Month"]


async def test_each_line_begins_with_its_figure(stage: Stage) -> None:
    (block, *_) = (await stage.say("/report day")).blocks
    assert isinstance(block, Paragraph)
    first = block.inlines[0]
    assert isinstance(first, Bold)
    assert first.text == "54.5 kWh"


@pytest.mark.parametrize(
    ("typed", "begins"),
    [
        ("/report week", "16 to 22 Nov"),
        ("/report last week", "16 to 22 Nov"),
        ("/report week 2026-11-11", "9 to 15 Nov"),
        ("/report this week", "23 to 29 Nov so far"),
        ("/report month this month", "Nov 2026 so far"),
        ("/report monthly", "Oct 2026"),
        ("/report October", "Oct 2026"),
        ("/report month 2026-11-20", "Nov 2026 so far"),
    ],
)
async def test_weeks_and_months_are_meant_by_any_of_their_days(stage: Stage, typed: str, begins: str) -> None:
    reply = await stage.say(typed)
    assert f"kWh solar, {begins}" in lines(reply)[0]
    (chart,) = reply.charts
    assert isinstance(chart, EnergyBars)
    assert chart.by == ("hour" if begins.startswith("23 to 29") else "day")  # a week of 37 hours so far


@pytest.mark.parametrize(
    ("typed", "begins"),
    [
        ("/report yesterday", "on Mon 23 Nov"),
        ("/report 2026-11-20", "on Fri 20 Nov"),
        ("/report day last friday", "on Fri 20 Nov"),
        ("/report today", "on Tue 24 Nov so far"),
    ],
)
async def test_a_day_is_named_in_words_or_by_its_date(stage: Stage, typed: str, begins: str) -> None:
    assert begins in lines(await stage.say(typed))[0]


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("/report tomorrow", '"tomorrow" is still to come.'),
        ("/report elephants", '"elephants" is neither day, week, month nor a period of the past.'),
        ("/report week elephants", '"elephants" is neither day, week, month nor a period of the past.'),
    ],
)
async def test_nonsense_gets_what_is_allowed_and_an_example(stage: Stage, typed: str, answer: str) -> None:
    said = lines(await stage.say(typed))
    assert said[0] == answer
    assert said[1].startswith("When: yesterday")
    assert said[2].startswith("For example: /report")


async def test_a_time_before_all_data_says_that_nothing_is_known(stage: Stage) -> None:
    reply = await stage.say("/report 2026-01-10")
    assert lines(reply)[0].startswith("Nothing is known of Sat 10 Jan: no data arrived. /health says")
    assert reply.charts == ()


async def test_an_owner_says_when_a_group_gets_the_brief(stage: Stage) -> None:
    group = replace(stage, place="-100", direct=False)
    assert (await group.hears("/report here 07:30")).startswith("This group is not open yet")
    await group.hears("/group open")
    assert (await group.hears("/report here")).startswith("The daily brief does not come here.")
    assert (await group.hears("/report here 6:45")).startswith("The daily brief comes here at 06:45")
    assert await group_brief(stage.scope, "wall", "-100") == "06:45"
    assert (await group.hears("/report here")).startswith("The daily brief comes here at 06:45.")
    assert (await group.hears("/report here off")).startswith("No daily brief in this group any more.")
    assert await group_brief(stage.scope, "wall", "-100") is None


async def test_only_owners_may_and_only_a_time_is_a_time(stage: Stage) -> None:
    group = replace(stage, place="-100", direct=False)
    await group.hears("/group open")
    assert "this needs the role owner" in await group.as_("operator").hears("/report here 07:30")
    assert (await group.hears("/report here noonish")).startswith('"noonish" is no time of day.')
    assert "/prefs set brief_time 07:30" in await stage.hears("/report here 07:30")


async def test_the_brief_of_a_monday_is_one_message_with_the_week(stage: Stage) -> None:
    reply = await brief_reply(stage.scope, {"kind": "daily", "day": "2026-11-22", "also": ["weekly"]})
    said = lines(reply)
    assert "solar on Sun 22 Nov" in said[0]
    assert any("solar, 16 to 22 Nov" in line for line in said)
    assert [type(chart) for chart in reply.charts] == [PowerChart, EnergyBars]
    assert reply.buttons == ()


async def test_it_is_told_in_the_readers_language_and_to_a_group_as_to_a_viewer(stage: Stage) -> None:
    scope = replace(stage.scope, actor=Actor(None, "group", "viewer"), units=UnitPreferences(language="de", power="W"))
    reply = await brief_reply(scope, {"kind": "daily", "day": "2026-11-23"})
    assert "on Mo 23 Nov" in lines(reply)[0]
    assert reply.charts[0].units == scope.units
