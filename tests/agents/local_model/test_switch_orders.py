"""Orders that are not for now and not for whole miners are never read as if they were."""

from __future__ import annotations

import pytest

from agents.local_model.intents import NotYet, Switch
from agents.local_model.understand import understand, understand_parts


@pytest.mark.parametrize(
    "text",
    [
        "stop all miners except s21",
        "stop everything but s19-1 of the miners",
        "stop the miners but not s21",
        "stop the miners, not s21",
        "stop the miners. Except s21.",
        "Stop the miners; not s21",
        "stop the miners! But leave s21 running",
        "stop the miners. When the battery is below 40 %.",
        "stop the miners at 22:00",
        "stop s21 tonight",
        "stop the miners in 2 hours",
        "stop the miners when the battery is below 40%",
        "stop the miners at night",
        "stop the miners once solar is gone",
        "stop the miners unless the sun shines",
        "start the miners tomorrow",
        "start s21 if solar exceeds 5 kW",
        "resume mining at sunrise",
        "stop mining data?",
        "stop 2 miners",
        "turn off s21 and turn on s19-1",
        "turn s21 off and s19-1 on",
        "stop auto on s21",
    ],
)
def test_a_later_time_a_condition_or_an_exception_is_no_order_for_now(text: str) -> None:
    assert understand_parts(text) == [NotYet("order")]


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("could you stop everything please", Switch("stop")),
        ("turn it all off", Switch("stop")),
        ("stop s21, s19-1", Switch("stop", "s21 and s19-1")),
        ("stop the s19 pro now", Switch("stop", "s19 pro")),
        ("start s21 for the next 2 hours please", Switch("start", "s21", "2 hours")),
        ("put s21 and s19-1 back on auto", Switch("auto", "s21 and s19-1")),
        ("stop the miners until 18:00 please", Switch("stop", "all", "18:00")),
    ],
)
def test_a_whole_order_for_now_is_understood(text: str, order: Switch) -> None:
    assert understand(text) == order


def test_a_question_beside_an_order_is_answered_too() -> None:
    assert Switch("stop") in understand_parts("Stop the miners. How full is the battery?")
