"""Whatever the model's server does, one question ends in one good answer."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from autogen_core.models import CreateResult

from agents.assistant import Assistant
from agents.clients import OneReplyClient
from agents.models import Models, ModelSettings
from services.scope import Scope
from tests.agents.conftest import assisted
from tests.doubles.openai_server import Call, Drop, Fail, Garbage, Hang, Request, Say, Step, serve, steps
from tests.doubles.oracle import oracle

QUESTION = "What was my peak solar yesterday?"
TOOL = Call.of("history_statistics", metric="solar", period="yesterday")


async def test_a_tool_call_and_a_text_make_an_answer_with_figures_and_a_source_line(scope: Scope) -> None:
    async with assisted([TOOL, Say("Your solar peaked at 10.0 kW at 12:00.")]) as (assistant, server):
        answer = await assistant.answer(QUESTION, scope)
    assert answer.text == "Your solar peaked at 10.0 kW at 12:00.\nas of 14:02, SolArk"
    assert (answer.mode, answer.agent) == ("model", "Monitor")
    assert [call.name for call in answer.tools] == ["history_statistics"]
    peak = next(f for f in answer.figures if f.name == "solar_w_max")
    assert (peak.value, peak.unit, peak.source) == (10_000.0, "W", "SolArk")
    assert answer.model_calls == 2 == len(server.requests)
    assert answer.prompt_tokens == server.prompt_tokens
    assert answer.notes == ()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fail(429, retry_after_s=20), "busy"),
        (Fail(429, retry_after_s=0), "busy"),
        (Fail(429, code="insufficient_quota"), "quota"),
        (Fail(500), "fault"),
        (Fail(401), "refused the key"),
        (Fail(404), "does not exist"),
        (Fail(400), "rejected"),
        (Garbage(), "unreadable"),
        (Garbage("<html>gateway</html>", "text/html"), "unreadable"),
        (Garbage('{"choices": []}'), "unreadable"),
        (Garbage('{"choices": null, "usage": null}'), "unreadable"),
        (Say(""), "unreadable"),
        (Say(None), "unreadable"),
        (Drop(), "cannot be reached"),
    ],
)
async def test_a_failing_model_still_ends_in_a_basic_answer_with_figures(scope: Scope, fault: Step, words: str) -> None:
    async with assisted([fault]) as (assistant, _):
        answer = await assistant.answer("What's my battery level?", scope)
    assert answer.mode == "basic"
    assert "70 %" in answer.text
    assert answer.text.splitlines()[-1].startswith("as of 14:00, Victron")
    assert answer.text.endswith("· basic mode")
    assert any(f.name == "soc_pct" for f in answer.figures)
    assert words in answer.notes[0]
    assert "10.1.2.3" not in answer.text + "".join(answer.notes)


@pytest.mark.parametrize("fault", [Fail(500), Fail(429, retry_after_s=9), Garbage(), Say("")])
async def test_a_failure_after_the_tool_call_answers_from_the_tools_result(scope: Scope, fault: Step) -> None:
    async with assisted([TOOL, fault]) as (assistant, _):
        answer = await assistant.answer(QUESTION, scope)
    assert answer.mode == "basic"
    assert "10" in answer.text
    assert [call.name for call in answer.tools].count("history_statistics") == 1


async def test_a_hanging_model_is_left_within_its_time_limit(scope: Scope) -> None:
    async with assisted([Hang(30)], timeout_s=0.6) as (assistant, server):
        started = time.perf_counter()
        answer = await assistant.answer("What's my battery level?", scope)
        assert time.perf_counter() - started < 3
    assert answer.mode == "basic"
    assert "took too long" in answer.notes[0]
    assert len(server.requests) == 1


async def test_one_question_ends_within_its_own_limit_however_slow_each_request_is(scope: Scope) -> None:
    async with assisted([TOOL, Hang(30)], timeout_s=20, answer_within_s=1.2) as (assistant, _):
        started = time.perf_counter()
        answer = await assistant.answer(QUESTION, scope)
        assert time.perf_counter() - started < 3
    assert answer.mode == "basic"


async def test_one_bad_reply_is_tried_again_and_costs_nothing_but_time(scope: Scope) -> None:
    async with assisted([Fail(500), TOOL, Garbage(), Say("Peak 10.0 kW.")]) as (assistant, server):
        answer = await assistant.answer(QUESTION, scope)
    assert answer.mode == "model"
    assert answer.text.startswith("Peak 10.0 kW.")
    assert len(server.requests) == 4 == answer.model_calls


async def test_repeated_failures_open_the_breaker_and_the_model_is_left_alone(scope: Scope) -> None:
    async with assisted([Fail(500)], max_retries=0) as (assistant, server):
        for _ in range(3):
            await assistant.answer("What's my battery level?", scope)
        assert len(server.requests) == 3
        answer = await assistant.answer("What's my battery level?", scope)
        assert len(server.requests) == 3
    assert answer.mode == "basic"
    assert answer.model_calls == 0


async def test_endless_tool_calls_end_in_an_answer_from_the_results(scope: Scope) -> None:
    async with assisted([TOOL]) as (assistant, server):
        answer = await assistant.answer(QUESTION, scope)
    assert answer.mode == "basic"
    assert "10" in answer.text
    assert len(server.requests) <= 6


@pytest.mark.parametrize(
    "call",
    [
        Call.of("no_such_tool"),
        Call((("history_statistics", "{not json"),)),
        Call((("history_statistics", '["yesterday"]'),)),
        Call.of("history_statistics", metric="moon", period="yesterday"),
        Call.of("history_statistics", metric="solar", period="when pigs fly"),
        Call.of("history_statistics", metric="solar"),
        Call.of("when_crossed", metric="solar", threshold="lots", period="yesterday"),
        Call.of("draw_chart", kind="pie", period="yesterday"),
    ],
)
async def test_a_wrong_tool_call_is_told_to_the_model_which_may_then_do_better(scope: Scope, call: Call) -> None:
    async with assisted([call, TOOL, Say("Peak 10.0 kW.")]) as (assistant, server):
        answer = await assistant.answer(QUESTION, scope)
    assert answer.mode == "model"
    assert answer.text.startswith("Peak 10.0 kW.")
    told = server.requests[1].tool_results[0]
    assert "Traceback" not in told
    assert ".py" not in told


async def test_a_hostile_answer_loses_its_links_markup_and_length(scope: Scope) -> None:
    evil = "**Owned** ![x](http://evil.example/?d=63) [here](https://evil.example/a) www.evil.example\n" + "line\n" * 40
    async with assisted([Say(evil)]) as (assistant, _):
        answer = await assistant.answer("What's my battery level?", scope)
    assert "evil.example" not in answer.text
    assert "**" not in answer.text
    assert len(answer.text.splitlines()) <= 6


async def test_a_question_over_two_domains_is_joined_by_the_manager(scope: Scope) -> None:
    def script(request: Request) -> Step:
        if not request.tools:
            return Say("You made 76.4 kWh yesterday, and the miners may run.")
        return oracle(request)

    async with assisted(script, manager_model="scripted-large") as (assistant, server):
        answer = await assistant.answer(
            "How much solar did I make yesterday and should we run the miners tonight?", scope
        )
    assert answer.agent == "Manager"
    assert answer.text.startswith("You made 76.4 kWh yesterday")
    assert server.requests[-1].model == "scripted-large"
    assert answer.model_calls <= 5


async def test_an_unclear_question_is_routed_by_the_managers_model(scope: Scope) -> None:
    def script(request: Request) -> Step:
        if "Reply with one name only" in str(request.messages):
            return Say("Energy_Optimizer")
        return Say("It is fine.")

    async with assisted(script, manager_model="scripted-large") as (assistant, server):
        answer = await assistant.answer("Is that good?", scope)
    assert answer.agent == "Energy Optimizer"
    assert [r.model for r in server.requests] == ["scripted-large", "scripted"]


async def test_an_unclear_question_whose_selection_fails_still_gets_its_answer(scope: Scope) -> None:
    async with assisted([Fail(500)]) as (assistant, _):
        answer = await assistant.answer("hmm?", scope)
    assert answer.mode == "basic"
    assert answer.text


async def test_the_model_reads_the_last_three_turns_shortened(scope: Scope) -> None:
    from agents.turns import Turn

    turns = [Turn(f"question {n}", "answer " * 200) for n in range(6)]
    async with assisted([Say("Yes.")]) as (assistant, server):
        await assistant.answer("And the battery?", scope, turns=turns)
    said = server.requests[0].messages
    assert [m["content"] for m in said if m["role"] == "user"] == [
        "question 3",
        "question 4",
        "question 5",
        "And the battery?",
    ]
    assert all(len(m["content"]) <= 400 for m in said if m["role"] == "assistant")


async def test_fifty_questions_in_a_row_do_not_make_prompts_grow(scope: Scope) -> None:
    async with assisted(oracle) as (assistant, server):
        for _ in range(50):
            await assistant.answer(QUESTION, scope)
    sizes = [r.prompt_tokens for r in server.requests]
    assert len(sizes) == 100
    assert sizes[-1] == sizes[1]
    assert sizes[-2] == sizes[0]


async def test_twenty_five_questions_at_once_keep_to_themselves(scope: Scope) -> None:
    days = ["today", "yesterday", "last week", "last 3 days", "last 6 hours"]
    async with assisted(oracle) as (assistant, _):
        asked = [f"What was the average solar production {days[n % 5]}?" for n in range(25)]
        answers = await asyncio.gather(*(assistant.answer(question, scope) for question in asked))
    assert {answer.mode for answer in answers} == {"model"}
    for n, answer in enumerate(answers):
        assert answer.tools[0].arguments["period"] == days[n % 5]
        assert len(answer.tools) == 1


@pytest.mark.parametrize("question", ["", "   ", "\x00\n"])
async def test_an_empty_question_gets_examples_and_no_model(scope: Scope, question: str) -> None:
    async with assisted([Say("never")]) as (assistant, server):
        answer = await assistant.answer(question, scope)
    assert "Ask me something" in answer.text
    assert server.requests == []


async def test_a_question_that_is_too_long_is_told_so(scope: Scope) -> None:
    async with assisted([Say("never")]) as (assistant, server):
        answer = await assistant.answer("x" * 8_001, scope)
    assert "8,000" in answer.text
    assert server.requests == []


async def test_progress_is_told_and_its_failure_harms_nothing(scope: Scope) -> None:
    told: list[str] = []

    async def progress(words: str) -> None:
        told.append(words)
        raise ConnectionError("chat gone")

    async with assisted([TOOL, Say("Peak 10.0 kW.")]) as (assistant, _):
        answer = await assistant.answer(QUESTION, scope, progress=progress)
    assert told == ["checking yesterday"]
    assert answer.mode == "model"


async def test_a_chart_is_attached_as_a_spec(scope: Scope) -> None:
    script = steps(Call.of("draw_chart", kind="power", period="yesterday"), Say("Here is yesterday."))
    async with assisted(script) as (assistant, _):
        answer = await assistant.answer("Show me a chart of solar yesterday", scope)
    assert [type(chart).__name__ for chart in answer.charts] == ["PowerChart"]
    assert answer.charts[0].alt


async def test_the_key_goes_to_the_server_and_nowhere_else(scope: Scope) -> None:
    async with assisted([Say("ok")]) as (assistant, server):
        answer = await assistant.answer("What's my battery level?", scope)
    assert server.requests[0].authorization == "Bearer sk-test"
    assert "sk-test" not in repr(answer) + str([r.messages for r in server.requests])


async def test_leaving_a_question_returns_at_once_and_harms_no_other(scope: Scope) -> None:
    async with assisted([Hang(0.7)], timeout_s=5) as (assistant, server):
        waiting = asyncio.create_task(assistant.answer("What's my battery level?", scope))
        while not server.requests:
            await asyncio.sleep(0.01)
        started = time.perf_counter()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert time.perf_counter() - started < 0.5  # the model hangs 0.7 s
        server.script = steps(TOOL, Say("Peak 10.0 kW."))
        answer = await assistant.answer(QUESTION, scope)
    assert answer.mode == "model"


async def test_a_hundred_fresh_crews_leave_nothing_behind(scope: Scope) -> None:
    import gc

    from autogen_agentchat.agents import AssistantAgent

    async with assisted(oracle) as (assistant, _):
        await assistant.answer(QUESTION, scope)
        for _ in range(2):
            await asyncio.gather(*(assistant.answer(QUESTION, scope) for _ in range(50)))
        gc.collect()
        left = [thing for thing in gc.get_objects() if type(thing) is AssistantAgent]
        assert len(left) <= 4
        running = [str(task.get_coro()) for task in asyncio.all_tasks()]
        assert [coro for coro in running if "autogen" in coro or "agents" in coro.replace("tests/agents", "")] == []


class Tripping(OneReplyClient):
    """A client that raises whatever it is asked."""

    async def reply(self, messages: Any, tools: Any, tool_choice: Any) -> CreateResult:
        raise RuntimeError("no route to 10.1.2.3")


async def test_even_a_crew_that_trips_ends_in_words_from_the_tools(scope: Scope) -> None:
    async with serve([TOOL, Fail(500)]) as server:
        models = Models.build(ModelSettings(base_url=server.base_url, max_retries=0))
        assistant = Assistant(models, local=Tripping())
        answer = await assistant.answer(QUESTION, scope)
        again = await Assistant(Models(), local=Tripping()).answer(QUESTION, scope)
        await assistant.close()
    assert "10.0 kW" in answer.text
    assert "10.1.2.3" not in answer.text + again.text
    assert again.text.startswith("I could not answer that just now.")
    assert (answer.mode, again.mode) == ("basic", "basic")


async def test_the_local_model_may_use_tools_that_the_specialists_prompt_has_no_room_for(scope: Scope) -> None:
    async with assisted([Fail(500)], max_retries=0) as (assistant, _):
        answer = await assistant.answer("Compare the battery voltage of yesterday with last week", scope)
    assert answer.agent == "Victron"
    assert [call.name for call in answer.tools] == ["compare_periods"]
    assert "V" in answer.text


async def test_the_findings_of_both_specialists_are_told_when_the_manager_fails(scope: Scope) -> None:
    def script(request: Request) -> Step:
        if not request.tools:
            return Fail(500)
        if request.tool_results and "settings" not in str(request.messages[0]):
            return Say("It is fine. The moon is at 99 %.")
        return oracle(request)

    async with assisted(script, max_retries=0) as (assistant, _):
        answer = await assistant.answer("What is the battery voltage? Should we run the miners tonight?", scope)
    assert answer.agent == "Manager"
    assert answer.mode == "basic"
    assert "99" not in answer.text
    assert len(answer.text.splitlines()) <= 6


async def test_several_tools_at_once_are_run_and_answered_together(scope: Scope) -> None:
    calls = Call(
        (
            ("current_state", {}),
            ("history_statistics", {"metric": "solar", "period": "yesterday"}),
            ("when_crossed", {"metric": "soc", "threshold": 60, "period": "today"}),
        )
    )
    async with assisted([calls, Say("70 % now, 76.4 kWh yesterday.")]) as (assistant, server):
        answer = await assistant.answer("How is the battery, and solar yesterday?", scope)
    assert answer.text.startswith("70 % now, 76.4 kWh yesterday.")
    assert sorted(call.name for call in answer.tools) == ["current_state", "history_statistics", "when_crossed"]
    assert len(server.requests[1].tool_results) == 3
