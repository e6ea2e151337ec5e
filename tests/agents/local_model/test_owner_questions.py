"""The owner's own fifty questions, word for word, and what each asks for."""

from __future__ import annotations

import re

import pytest

from agents.assistant import Assistant
from agents.local_model.intents import (
    Advice,
    Average,
    DeviceFact,
    Extreme,
    Forecast,
    Intent,
    Knowledge,
    Now,
    OutOfScope,
    Policy,
    Recall,
    Total,
    Trend,
    WhenExtreme,
)
from agents.local_model.understand import understand
from agents.models import Models, ModelSettings
from services.scope import Scope

BATTERY = Now(("soc", "battery"))
OWNER_QUESTIONS: list[tuple[str, Intent]] = [
    ("What's my battery level?", BATTERY),
    ("Should we run the miners tonight?", Advice("run_miners", "tonight")),
    ("What's my current battery level?", BATTERY),
    ("What is your minimum battery SOC threshold?", Policy("minimum")),
    ("What inverter model do you have?", DeviceFact("inverter")),
    ("What was my battery in our first conversation?", Recall()),
    ("What inverter?", DeviceFact("inverter")),
    ("Should we run the bitcoin miners right now?", Advice("run_miners", "now")),
    ("What's the best time to charge the battery?", Advice("charge_time")),
    ("What are the solar panel specifications?", DeviceFact("panels")),
    ("Should we run miners tonight?", Advice("run_miners", "tonight")),
    ("How should I handle low battery situations?", Advice("low_battery")),
    ("When should we stop the miners?", Advice("stop_miners")),
    ("What's the maximum battery charge rate?", Policy("charge_rate")),
    ("What was the average solar production last week?", Average("solar", "last week")),
    ("What is the critical minimum battery SOC?", Policy("critical")),
    ("What is my battery SOC?", BATTERY),
    ("What are solar storage best practices?", Knowledge("storage")),
    ("Should we run the miners?", Advice("run_miners")),
    ("How does my energy cost compare to grid-tied?", OutOfScope("finance")),
    ("Am I using grid power right now?", Now(("grid",), "importing")),
    ("What's your minimum SOC threshold?", Policy("minimum")),
    ("What's the latest research on solid-state batteries?", OutOfScope("web")),
    ("What's the forecast for battery charging this week?", Forecast("battery", "this week")),
    ("What's the current battery status?", BATTERY),
    ("What's my current battery status?", BATTERY),
    ("What's my battery status?", BATTERY),
    ("What'''s the minimum SOC?", Policy("minimum")),
    ("What was my solar production in the last hour?", Total(("solar",), "last 1 hour")),
    ("What was my energy usage last Tuesday?", Total(("load",), "last tuesday")),
    ("What time did I hit peak solar production today?", WhenExtreme("solar", "max", "today")),
    ("What is the minimum SOC and target SOC?", Policy("range")),
    ("What is the best battery technology?", Knowledge("battery_technology")),
    ("What is minimum battery SOC?", Policy("minimum")),
    ("What is happening with my solar system right now?", Now()),
    ("What did we discuss about the solar system yesterday?", Recall()),
    ("What are the maintenance procedures for the solar panels?", Knowledge("panel_maintenance")),
    ("What are the latest solar inverter trends?", OutOfScope("web")),
    ("What are latest solar trends?", OutOfScope("web")),
    ("What are best practices for solar panel maintenance?", Knowledge("panel_maintenance")),
    ("What are best practices for off-grid battery sizing?", Knowledge("sizing")),
    ("Should I upgrade to bifacial solar panels?", Knowledge("upgrade")),
    ("Should I charge the battery from grid tonight?", Advice("grid_charge", "tonight")),
    ("Latest solar tech?", OutOfScope("web")),
    ("Is my solar production increasing this week?", Trend("solar", "this week")),
    ("How much solar?", Now(("solar",))),
    ("How low did my battery go last night?", Extreme("soc", "min", "last night")),
    ("How do LiFePO4 batteries work in general?", Knowledge("lifepo4")),
    ("High discharge detected (5kW) - unexpected load?", Advice("high_discharge", None, 5000.0)),
    ("Best time to charge?", Advice("charge_time")),
    ("Average solar yesterday?", Average("solar", "yesterday")),
]


@pytest.mark.parametrize(("question", "intent"), OWNER_QUESTIONS)
def test_owner_question_is_understood(question: str, intent: Intent) -> None:
    assert understand(question) == intent


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda q: f"  {q.rstrip('?')}  ", lambda q: f"{q}!!"])
def test_owner_questions_survive_case_and_punctuation(change: object) -> None:
    assert callable(change)
    changed = [(q, understand(change(q)), intent) for q, intent in OWNER_QUESTIONS]
    assert [q for q, got, intent in changed if got != intent] == []


async def test_every_owner_question_is_answered_with_figures_or_an_honest_no(scope: Scope) -> None:
    assistant = Assistant(Models.build(ModelSettings()))
    for question, intent in OWNER_QUESTIONS:
        answer = await assistant.answer(question, scope)
        lines = answer.text.split("\n")
        assert len(lines) <= 6, question
        assert "did not understand" not in answer.text, question
        assert "could not find that out" not in answer.text, question
        honest = re.search(r"\bI cannot\b|\bI have no forecast\b|\bforecast I do not have\b", answer.text)
        assert answer.figures or honest, question
        if not isinstance(intent, Recall | OutOfScope):
            assert answer.figures, question
    await assistant.close()
