"""What the assistant proposes in basic mode, with the real tools, and what the person reads of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from agents.answer import Answer
from agents.assistant import Assistant
from agents.models import Models, ModelSettings
from agents.tools.desk import ToolDesk
from bot.answering import reply_from_answer
from bot.reply import plain
from store import wishes
from store.wishes import Wish
from tests.bot.commands.stage import ORG, Stage
from tests.bot.commands.test_miners import LOW
from tests.bot.commands.worker import relays_read

PLACE = "wall:7"


async def asked(stage: Stage, question: str) -> Answer:
    assistant = Assistant(Models.build(ModelSettings()))
    answer = await assistant.answer(question, stage.scope, place=PLACE)
    await assistant.close()
    return answer


async def heard(stage: Stage, question: str) -> str:
    """What `Responder` sends: the answer, and under it what can be confirmed."""
    answer = await asked(stage, question)
    reply = reply_from_answer(answer)
    for proposal in answer.proposals:
        more = await stage.commands.proposal(proposal, stage.scope, stage.context)
        reply = replace(reply, blocks=(*reply.blocks, *more.blocks), buttons=(*reply.buttons, *more.buttons))
    return plain(reply.blocks)


@pytest.mark.parametrize(
    "question", ["stop all miners except s21", "could you stop the miners at 22:00", "start s21 if solar exceeds 5 kW"]
)
async def test_nothing_is_proposed_for_later_on_a_condition_or_with_an_exception(stage: Stage, question: str) -> None:
    await relays_read(stage.scope, on=["s21", "s19-1"])
    answer = await asked(stage, question)
    assert answer.proposals == ()
    assert answer.text.startswith("Nothing is proposed: I can switch miners now")
    assert '"stop s21 for 2h"' in answer.text
    assert "automatic operation, which follows its profile" in answer.text


async def test_a_refusal_is_told_line_by_line_and_once(stage: Stage) -> None:
    low = stage.at(LOW)
    await relays_read(low.scope)
    answer = await asked(low, "could you start the miners")
    assert answer.proposals == ()
    first = answer.text.split("\n")[0]
    assert first.startswith("s21 cannot start: SOC is 43 %")
    assert first.endswith(".")
    assert ".." not in answer.text
    assert answer.text.count("cannot start") == answer.text.count("\n")  # a line each, and the line of the mode


async def test_a_proposal_is_said_once(stage: Stage) -> None:
    await relays_read(stage.scope, on=["s21"])
    said = await heard(stage, "could you stop s21")
    assert said.startswith("Stop s21 (")
    assert "I propose" not in said
    assert "basic mode" not in said


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("could you stop s21", "s21 is off already and will not start by itself"),
        ("could you stop the miners", "s21, s19-1, s19-2 are off already"),
    ],
)
async def test_a_miner_that_is_off_already_is_not_proposed_to_be_stopped(
    stage: Stage, question: str, said: str
) -> None:
    await relays_read(stage.scope)
    answer = await asked(stage, question)
    assert answer.proposals == ()
    assert answer.text.startswith(said)


async def test_one_that_runs_or_that_nobody_heard_is_proposed_to_be_stopped(stage: Stage) -> None:
    assert len((await asked(stage, "could you stop the miners")).proposals) == 1
    await relays_read(stage.scope, on=["s19-1"])
    assert len((await asked(stage, "could you stop the miners")).proposals) == 1


@pytest.mark.parametrize(
    ("miners", "until", "said"),
    [
        ("all except s21", "", '"all except s21" leaves some out'),
        ("everything but s19-1", "", "leaves some out"),
        ("not s21", "", "leaves some out"),
        ("all -s21", "", "leaves some out"),
        ("all", "at 22:00", '"at 22:00" is no end'),
        ("s21", "when the battery is below 40 %", "is no end"),
    ],
)
async def test_a_models_arguments_are_refused_rather_than_misread(
    stage: Stage, miners: str, until: str, said: str
) -> None:
    await relays_read(stage.scope, on=["s21", "s19-1"])
    desk = ToolDesk(stage.scope, place=PLACE)
    result = await desk.run("propose_miners", {"action": "stop", "miners": miners, "until": until})
    assert result.is_problem
    assert said in result.text
    assert desk.proposals == []


async def test_one_whose_stop_ends_by_itself_is_proposed_to_be_stopped_for_good(stage: Stage) -> None:
    await relays_read(stage.scope)
    now = stage.scope.as_of
    wish = Wish("s21", "off", now + timedelta(hours=2), "host", now, None)
    await wishes.put(stage.scope.database, ORG, stage.site.id, wish)
    assert len((await asked(stage, "could you stop s21")).proposals) == 1
