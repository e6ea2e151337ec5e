"""The plan in chat: its questions with their buttons, and the same answers to one person on two platforms."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.plan_asks import ask_for_changes
from tests.bot.stages.base import Seen, until
from tests.conversation.alarms import Village, village
from tests.conversation.script import Talk, readable
from tests.jobs.plans import automatic, put_forecasts, put_plan
from tests.jobs.ranch import ORG
from tests.jobs.stage import until as becomes

WAIT_S = 20.0
_TO_COME = re.compile(r"\d+\.\d+ kWh(?= of mining)")
LOW = {"soc_pct": 55.0, "solar_w": 2_000.0}  # between the levels of s21: it stays as it is by itself


async def _asks(here: Village) -> None:
    """The plan wants s21 on, and its people are asked."""
    ranch = here.house.ranch
    await ranch.weather(**LOW)
    await automatic(ranch, "s21", mode="ask")
    await becomes(lambda: ranch.looked_at("s21"))
    await put_plan(ranch, "s21", mode="ask")
    assert await ask_for_changes(ranch.database, ORG, ranch.site, datetime.now(UTC)) == 1


def _question(here: Village, user: str) -> Seen | None:
    """The plan's message in somebody's chat, as it stands now."""
    found = [each for each in here.seen("telegram", user) if "s21" in each.text.lower() or "S21" in each.text]
    return found[-1] if found else None


def _reads(here: Village, user: str) -> str:
    found = _question(here, user)
    return "" if found is None else readable(found.text)


async def _is_asked(here: Village, *users: str) -> list[Seen]:
    await until(lambda: all("Shall I start" in _reads(here, user) for user in users), timeout_s=WAIT_S)
    return [seen for user in users if (seen := _question(here, user)) is not None]


async def _hears(talk: Talk, text: str, *, pictures: int = 0) -> str:
    """The whole answer to a command, also on a busy machine."""
    before = talk.stage.seen()

    def news() -> list[Seen]:
        return [each for each in talk.stage.seen() if each not in before]

    def is_whole() -> bool:
        return not any("Working on it" in each.text for each in news()) and sum(s.pictures for s in news()) >= pictures

    await talk.command(text)
    await until(is_whole, timeout_s=WAIT_S)
    talk.steps[-1] = (text, news())
    return "\n".join(readable(each.text) for each in news())


@pytest.mark.timeout(120)
async def test_a_tap_on_do_it_switches_the_relay_and_the_question_becomes_its_result(tmp_path: Path) -> None:
    async with village(tmp_path, "telegram") as here:
        stage, ranch = here.stages["telegram"], here.house.ranch
        await here.joins("telegram", "7", "Ann", "owner")
        await here.joins("telegram", "8", "Ben", "operator")
        await here.joins("telegram", "9", "Vic", "viewer")
        await _asks(here)
        anns, bens = await _is_asked(here, "7", "8")
        assert anns.buttons == ("Do it", "Not now", "Why")
        assert "Why: runs on 6.0 kW of surplus" in readable(anns.text)
        assert _question(here, "9") is None
        count = len(here.seen("telegram", "7"))

        await stage.tap(anns, "Do it", user="7")
        await until(lambda: "The plan wanted to start" in _reads(here, "7"), timeout_s=WAIT_S)
        assert ranch.is_on("s21")
        assert await ranch.switchings("s21") == [(True, "us")]
        after = _question(here, "7")
        assert after is not None
        assert (after.ref, after.buttons) == (anns.ref, ())
        assert "on" in readable(after.text).split("The plan wanted to start")[1]
        assert len(here.seen("telegram", "7")) == count  # changed in its place, nothing new

        await stage.tap(bens, "Not now", user="8")  # too late
        await until(lambda: "Ann has said yes" in _reads(here, "8"), timeout_s=WAIT_S)
        assert ranch.is_on("s21")


@pytest.mark.timeout(120)
async def test_a_tap_on_not_now_leaves_it_and_binds_the_others(tmp_path: Path) -> None:
    async with village(tmp_path, "telegram") as here:
        stage, ranch = here.stages["telegram"], here.house.ranch
        await here.joins("telegram", "7", "Ann", "owner")
        await here.joins("telegram", "8", "Ben", "operator")
        await _asks(here)
        anns, bens = await _is_asked(here, "7", "8")
        await stage.tap(anns, "Not now", user="7")
        await until(lambda: "s21 is left off until the plan changes" in _reads(here, "7"), timeout_s=WAIT_S)
        await stage.tap(bens, "Do it", user="8")
        await until(lambda: "Ann has said no to this" in _reads(here, "8"), timeout_s=WAIT_S)
        assert not ranch.is_on("s21")
        assert await ranch.wish("s21") == "auto"


@pytest.mark.timeout(120)
async def test_plan_why_and_forecast_say_the_same_to_one_person_on_two_platforms(tmp_path: Path) -> None:
    async with village(tmp_path, "telegram", "slack") as here:
        ranch = here.house.ranch
        await here.joins("telegram", "7", "Ann", "owner")
        await here.also_on("Ann", "slack", "7")
        await put_forecasts(ranch.database)
        await put_plan(ranch, "s21", mode="advise")
        talks = [Talk(stage, here.house) for stage in here.stages.values()]
        for talk in talks:
            assert "S21" in await _hears(talk, "/plan", pictures=1)
            assert "6.0 kW of surplus" in await _hears(talk, "/why s21")
            assert "solar still to come today" in await _hears(talk, "/forecast", pictures=1)
            assert "264.0 kWh solar" in await _hears(talk, "/forecast tomorrow")
            assert "export brings 0.20 USD" in await _hears(talk, "/why s19-1")
        telegram, slack = (
            # What is still to come gets less while the other one asks.
            [
                _TO_COME.sub("# kWh", told)
                for (what, _), told in zip(talk.steps, talk.facts, strict=True)
                if what != "/forecast"
            ]
            for talk in talks
        )
        assert telegram == slack
        assert "Nothing is switched without a tap" in await _hears(talks[0], "/plan mode ask")
        assert "The plan's mode is ask now." in await talks[0].tap("Ask first")
        assert "asks" in await _hears(talks[1], "/plan")
