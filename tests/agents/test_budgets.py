"""What a question may cost: two model calls and 1,700 prompt tokens on average, over the owner's own questions."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean

from services.scope import Scope
from simulator.default_site import default_site
from tests.agents.conftest import assisted
from tests.agents.local_model.test_owner_questions import OWNER_QUESTIONS
from tests.doubles.oracle import oracle

MOST_CALLS = 2
MEAN_TOKENS = 1_700


async def test_the_owners_questions_stay_within_their_calls_and_tokens(scope: Scope) -> None:
    ranch = replace(scope, site=default_site())  # with its miners, tariff and panels: its settings are the longest
    async with assisted(oracle) as (assistant, server):
        answers = [await assistant.answer(question, ranch) for question, _ in OWNER_QUESTIONS]
        assert {answer.mode for answer in answers} == {"model"}
        assert [q for (q, _), a in zip(OWNER_QUESTIONS, answers, strict=True) if a.model_calls > MOST_CALLS] == []
        tokens = [answer.prompt_tokens + answer.completion_tokens for answer in answers]
        assert fmean(tokens) <= MEAN_TOKENS
        assert sum(answer.model_calls for answer in answers) == len(server.requests)
