"""The local model behind AutoGen's client interface: calls tools, writes from their results, selects agents."""

from __future__ import annotations

import json
import time
from typing import Any

from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    CreateResult,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from autogen_core.tools import ToolSchema

from agents.assistant import Assistant
from agents.local_model.client import LocalChatCompletionClient
from agents.models import Models, ModelSettings
from agents.prompts import SELECTION_PROMPT
from agents.tools.registry import TOOLS
from agents.turns import Turn
from agents.workbench import schemas
from services.scope import Scope

ALL_TOOLS = schemas(tuple(TOOLS))
SYSTEM = SystemMessage(content="Site: Ranch, off grid. Now: Tuesday 2026-11-24 14:02 local. You report.")


def asked(text: str) -> list[LLMMessage]:
    return [SYSTEM, UserMessage(content=text, source="user")]


async def reply(messages: list[LLMMessage], tools: list[ToolSchema] | None = None, **more: Any) -> CreateResult:
    return await LocalChatCompletionClient().create(messages, tools=ALL_TOOLS if tools is None else tools, **more)


def calls(result: CreateResult) -> list[tuple[str, dict[str, Any]]]:
    assert isinstance(result.content, list)
    assert result.finish_reason == "function_calls"
    return [(call.name, json.loads(call.arguments)) for call in result.content]


async def test_a_question_becomes_the_tool_calls_that_it_needs() -> None:
    assert calls(await reply(asked("soc?"))) == [("current_state", {})]
    assert calls(await reply(asked("solar last Tuesday"))) == [
        ("history_statistics", {"metric": "solar", "period": "last tuesday"})
    ]


async def test_dates_without_a_year_are_the_latest_ones() -> None:
    assert calls(await reply(asked("solar on november 20")))[0][1]["period"] == "2026-11-20"
    assert calls(await reply(asked("solar on 3 december")))[0][1]["period"] == "2025-12-03"
    assert calls(await reply(asked("load over the weekend")))[0][1]["period"] == "2026-11-21 to 2026-11-22"


async def test_today_is_compared_with_yesterday_up_to_the_same_hour() -> None:
    made = calls(await reply(asked("solar today vs yesterday")))
    assert made[0][1] == {"metric": "solar", "period_a": "today", "period_b": "yesterday from 0:00 to 14:02"}


def with_results(text: str, *results: tuple[str, str]) -> list[LLMMessage]:
    made = [FunctionCall(id=f"c{n}", name=name, arguments="{}") for n, (name, _) in enumerate(results)]
    found = [
        FunctionExecutionResult(call_id=f"c{n}", name=name, content=content, is_error=False)
        for n, (name, content) in enumerate(results)
    ]
    return [
        *asked(text),
        AssistantMessage(content=made, source="Monitor"),
        FunctionExecutionResultMessage(content=found),
    ]


STATE = json.dumps({"facts": {"soc": {"value": 63, "said": "63 %", "at": "14:00"}}, "text": "Battery 63 %."})


async def test_results_become_the_answer_and_nothing_is_asked_twice() -> None:
    result = await reply(with_results("soc?", ("current_state", STATE)))
    assert result.content == "Battery 63 %."
    assert (result.usage.prompt_tokens, result.usage.completion_tokens) == (0, 0)


async def test_after_another_models_calls_the_missing_ones_are_made() -> None:
    made = calls(await reply(with_results("average solar yesterday", ("current_state", STATE))))
    assert [name for name, _ in made] == ["history_statistics"]


async def test_it_writes_text_when_tools_are_withheld() -> None:
    assert isinstance((await reply(asked("soc?"), [])).content, str)
    assert isinstance((await reply(asked("soc?"), tool_choice="none")).content, str)


async def test_results_of_an_earlier_question_are_not_used_again() -> None:
    messages = [*with_results("soc?", ("current_state", STATE)), UserMessage(content="soc?", source="user")]
    assert calls(await reply(messages)) == [("current_state", {})]


async def test_asked_to_select_it_names_one_of_the_agents() -> None:
    names = ["Monitor", "SolArk", "Energy_Optimizer"]
    for question, expected in (("Should we run the miners?", "Energy_Optimizer"), ("how full is it", names)):
        prompt = SELECTION_PROMPT.format(
            roles="Monitor: figures", participants=str(names), history=f"user: {question}\n"
        )
        result = await LocalChatCompletionClient().create([UserMessage(content=prompt, source="user")])
        assert result.content in expected


async def test_the_stream_ends_with_the_whole_reply() -> None:
    client = LocalChatCompletionClient()
    chunks = [chunk async for chunk in client.create_stream(asked("thanks"), tools=ALL_TOOLS)]
    assert isinstance(chunks[-1], CreateResult)
    assert client.model_info["function_calling"]
    await client.close()


async def test_the_same_messages_always_give_the_same_reply_in_under_three_milliseconds() -> None:
    client, messages = LocalChatCompletionClient(), asked("Should we run the miners tonight?")
    first = await client.create(messages, tools=ALL_TOOLS)
    started = time.process_time()
    again = [await client.create(messages, tools=ALL_TOOLS) for _ in range(50)]
    assert (time.process_time() - started) / 50 < 0.003
    assert all(one.content == first.content for one in again)


async def test_a_conversation_runs_through_the_crew(scope: Scope) -> None:
    assistant = Assistant(Models.build(ModelSettings()))
    first = await assistant.answer("How much solar yesterday?", scope)
    turn = Turn("How much solar yesterday?", first.text)
    second = await assistant.answer("and the load?", scope, turns=[turn])
    chart = await assistant.answer("graph it", scope, turns=[turn])
    await assistant.close()
    assert first.mode == "basic"
    assert first.model_calls == 0
    assert [figure.unit for figure in first.figures if figure.name == "solar_kwh"] == ["kWh"]
    assert any(figure.name == "load_kwh" for figure in second.figures)
    assert len(chart.charts) == 1


async def test_every_number_of_an_answer_is_in_the_tools_results(scope: Scope) -> None:
    assistant = Assistant(Models.build(ModelSettings()))
    answer = await assistant.answer("Average solar yesterday?", scope)
    await assistant.close()
    mean = next(figure for figure in answer.figures if figure.name == "solar_w_mean")
    assert isinstance(mean.value, float)
    shown = f"{mean.value / 1000:.2f} kW" if mean.value >= 999.5 else f"{mean.value:.0f} W"
    assert shown in answer.text
