"""/forecast, /plan and /why as people see them, and the plan's questions with their buttons."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.plan_reply import plan_reply
from bot.platforms.discord.render import render as in_discord
from bot.platforms.slack.render import render as in_slack
from bot.platforms.telegram.render import render as in_telegram
from bot.reply import Reply, plain
from charts.specs import PlanChart, SocFanChart, SolarForecastChart
from services import buttons as services_buttons
from services import outlook
from services.buttons import Redeemed
from services.plan_questions import PlanAsk
from store import scores
from store.scores import Score
from tests.bot.commands.stage import Stage, buttons, labels, lines
from tests.services.outlook_stage import Horizon, closed, foreseen


@pytest.fixture
async def sunny(tmp_path: Path) -> AsyncIterator[Horizon]:
    made = await foreseen(tmp_path)
    yield made
    await closed(made)


async def stage_of(made: Horizon, name: str = "Ann") -> Stage:
    return Stage(await made.scope(name))


async def tapped(stage: Stage, reply: Reply, label: str) -> Reply:
    """What a tap on that button does, by whoever the stage is."""
    token = next(button.token for button in buttons(reply) if button.label == label)
    scope, context = stage.scope, stage.context
    person_id = scope.actor.person_id
    assert person_id is not None
    found: Redeemed = await services_buttons.redeem(
        scope.database, scope.site, token, person_id=person_id, place=context.place, key=context.key, now=scope.now
    )
    action: Mapping[str, Any] | None = found.action
    assert action is not None, found
    return await stage.commands.tapped(action, scope, context)


@pytest.mark.parametrize(
    "text", ["/forecast", "/forecast today", "/forecast tomorrow", "/forecast battery", "/why", "/why s21", "/plan"]
)
async def test_each_reads_in_few_lines_on_every_platform(sunny: Horizon, text: str) -> None:
    reply = await (await stage_of(sunny)).say(text)
    assert 1 <= len(lines(reply)) <= (10 if text == "/plan" else 6)
    said = plain(reply.blocks)
    for wrong in ("nan", "None", "p10", "p50", "−", "..", " ,"):
        assert wrong not in said, said
    assert len(in_telegram(reply.blocks)) == len(in_discord(reply.blocks)) == len(in_slack(reply.blocks)) == 1
    assert "<b>" in in_telegram(reply.blocks)[0]
    assert "**" in in_discord(reply.blocks)[0]


async def test_the_forecast_says_figures_range_source_and_age(sunny: Horizon) -> None:
    said = await (await stage_of(sunny)).hears("/forecast")
    assert "kWh solar tomorrow, likely 44 to 56; best 09:00 to 15:00." in said
    assert said.endswith("forecast of 11:40, weather by Open-Meteo, 45 min old")


@pytest.mark.parametrize(
    ("text", "kind"),
    [("/forecast", SolarForecastChart), ("/forecast battery", SocFanChart), ("/plan", PlanChart)],
)
async def test_each_has_its_chart(sunny: Horizon, text: str, kind: type) -> None:
    (spec,) = (await (await stage_of(sunny)).say(text)).charts
    assert isinstance(spec, kind)
    assert spec.alt


async def test_the_week_has_a_line_for_each_day(sunny: Horizon) -> None:
    reply = await (await stage_of(sunny)).say("/forecast week")
    assert sum(line.startswith("• ") for line in lines(reply)) == 7


async def test_words_that_name_no_time_or_miner_are_answered_with_what_is_allowed(sunny: Horizon) -> None:
    stage = await stage_of(sunny)
    for text in ("/forecast yesterday", "/plan nonsense", "/why foo", "/plan mode loud", "/plan what if pigs fly"):
        said = await stage.hears(text)
        assert "For example: /" in said, said


async def test_why_understands_a_miner_and_a_time_in_either_part(sunny: Horizon) -> None:
    stage = await stage_of(sunny)
    assert "Primary S21+ on" in await stage.hears("/why s21 tomorrow 09:00")
    assert "of tomorrow 09:00" in await stage.hears("/why tomorrow 09:00")
    assert (await stage.hears("/why battery")).startswith("Battery: ")
    assert "No plan had been made by then" in await stage.hears("/why yesterday 09:00")


async def test_a_mode_that_switches_is_set_by_a_tap_and_by_owners_alone(sunny: Horizon) -> None:
    owner, viewer = await stage_of(sunny), await stage_of(sunny, "Vic")
    assert "needs the role owner" in await viewer.hears("/plan mode automatic")
    question = await owner.say("/plan mode automatic")
    assert await outlook.plan_mode(owner.scope) == "advise"
    kept = await tapped(owner, question, "Leave it")
    assert plain(kept.blocks).startswith("Left as it is.")
    done = await tapped(owner, await owner.say("/plan mode automatic"), "Automatic")
    assert done.replaces
    assert plain(done.blocks).startswith("The plan's mode is automatic now.")
    assert await outlook.plan_mode(owner.scope) == "automatic"
    assert "The site follows it by itself." in await owner.hears("/plan")
    assert "The plan's mode is advise now." in await owner.hears("/plan mode advise")


async def test_owners_alone_are_offered_the_other_modes(sunny: Horizon) -> None:
    assert {"Ask first", "Automatic"} <= set(labels(await (await stage_of(sunny)).say("/plan")))
    assert labels(await (await stage_of(sunny, "Ben")).say("/plan")) == ["Why", "Forecast", "Refresh"]


async def test_a_question_of_the_plan_has_its_reason_and_three_buttons(sunny: Horizon) -> None:
    stage = await stage_of(sunny, "Ben")
    ask = PlanAsk("s21-on-1", "s21", True, sunny.farm.now + timedelta(hours=2), "Runs on the sun, 7.5 kW to spare.")
    reply = await plan_reply(stage.scope, ask.to_data(), stage.context.place)
    assert plain(reply.blocks) == (
        "Shall I start Primary S21+? The plan wants it on until 14:00.\nWhy: runs on the sun, 7.5 kW to spare."
    )
    assert labels(reply) == ["Do it", "Not now", "Why"]
    typed = await plan_reply(stage.scope, ask.to_data(), stage.context.place, buttons=False)
    assert not typed.buttons
    assert "/miners start s21" in plain(typed.blocks)
    over = await tapped(stage, reply, "Do it")
    assert over.replaces
    assert "The site does not ask any more: the plan only advises now." in plain(over.blocks)
    refused = await tapped(await stage_of(sunny, "Vic"), reply, "Not now")
    assert not refused.replaces
    assert "needs the role operator" in plain(refused.blocks)


async def test_no_day_is_scored_yet_and_then_it_is(sunny: Horizon) -> None:
    stage = await stage_of(sunny)
    assert (await stage.hears("/report forecast")).startswith("No day has been scored yet")
    day = sunny.farm.now.date() - timedelta(days=1)
    sums = {"actual": 50.0, "ours": 47.0, "off": 5.0, "persistence_off": 15.0, "persistence_actual": 50.0}
    values = {"scored": True, "sums": sums, "acc_hour": 0.9, "acc_day": 0.94, "persistence_hour": 0.7, "sky": "clear"}
    await scores.put(sunny.farm.database, "home", sunny.site.id, Score(day, "solar", values))
    reply = await stage.say("/report forecast")
    assert len(reply.charts) == 1
    said = plain(reply.blocks)
    assert said.startswith(
        "Solar .90 by the hour, .94 by the day; same hour of the day before .70: better on 1 of 1 day."
    )


async def test_battery_health_tells_cycles_and_what_cannot_be_told(stage: Stage) -> None:
    reply = await stage.say("/battery health")
    assert 3 <= len(lines(reply)) <= 6
    assert "full cycles in " in plain(reply.blocks)
