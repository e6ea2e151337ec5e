"""The selector's rules over an owner's own questions."""

from __future__ import annotations

import pytest

from agents.selector import MOST_SPECIALISTS, route

EXPECTED = {
    "Monitor": [
        "What's my battery level?",
        "What's my current battery level?",
        "What was my battery in our first conversation?",
        "What was the average solar production last week?",
        "What is my battery SOC?",
        "Am I using grid power right now?",
        "What's the current battery status?",
        "What's my current battery status?",
        "What's my battery status?",
        "What was my solar production in the last hour?",
        "What was my energy usage last Tuesday?",
        "What time did I hit peak solar production today?",
        "What is happening with my solar system right now?",
        "What did we discuss about the solar system yesterday?",
        "Is my solar production increasing this week?",
        "How much solar?",
        "How low did my battery go last night?",
        "High discharge detected (5kW) - unexpected load?",
        "Average solar yesterday?",
        "what time did I hit 2500 W yesterday?",
        "Show me a graph of my solar yesterday",
        "Did the minimum SOC get reached last night?",
    ],
    "SolArk": [
        "What inverter model do you have?",
        "What inverter?",
        "What are the solar panel specifications?",
        "Any fault codes?",
    ],
    "Victron": ["Is the Cerbo online?", "What is the battery voltage?", "How warm is the battery?"],
    "Planner": [
        "What's the forecast for battery charging this week?",
        "Will I have enough solar tomorrow to run the miners all day?",
        "what is the plan",
        "why is s21 off",
        "what if tomorrow is cloudy?",
        "what would one more 5 kWh battery have saved last month?",
        "how accurate are your forecasts",
    ],
    "Energy_Optimizer": [
        "Should we run the miners tonight?",
        "What is your minimum battery SOC threshold?",
        "Should we run the bitcoin miners right now?",
        "What's the best time to charge the battery?",
        "Should we run miners tonight?",
        "How should I handle low battery situations?",
        "When should we stop the miners?",
        "What's the maximum battery charge rate?",
        "What is the critical minimum battery SOC?",
        "What are solar storage best practices?",
        "Should we run the miners?",
        "How does my energy cost compare to grid-tied?",
        "What's your minimum SOC threshold?",
        "What's the latest research on solid-state batteries?",
        "What'''s the minimum SOC?",
        "What is the minimum SOC and target SOC?",
        "What is the best battery technology?",
        "What is minimum battery SOC?",
        "What are the maintenance procedures for the solar panels?",
        "What are the latest solar inverter trends?",
        "What are latest solar trends?",
        "What are best practices for solar panel maintenance?",
        "What are best practices for off-grid battery sizing?",
        "Should I upgrade to bifacial solar panels?",
        "Should I charge the battery from grid tonight?",
        "Latest solar tech?",
        "How do LiFePO4 batteries work in general?",
        "Best time to charge?",
    ],
}


@pytest.mark.parametrize(("agent", "question"), [(a, q) for a, questions in EXPECTED.items() for q in questions])
def test_an_owners_question_goes_to_one_specialist_by_a_rule(agent: str, question: str) -> None:
    chosen = route(question)
    assert chosen.agents == (agent,)
    assert chosen.sure


@pytest.mark.parametrize(
    ("question", "agents"),
    [
        ("How much solar did I make yesterday and should we run the miners tonight?", ("Monitor", "Energy_Optimizer")),
        ("Compare the SolArk with the Victron", ("SolArk", "Victron")),
        ("What is the battery voltage? What inverter model do I have?", ("Victron", "SolArk")),
    ],
)
def test_a_question_over_two_domains_names_both_specialists(question: str, agents: tuple[str, ...]) -> None:
    chosen = route(question)
    assert chosen.agents == agents
    assert chosen.spans_domains


@pytest.mark.parametrize("question", ["Is that good?", "hello", "thanks!", "why?", "", "?!", "🤖"])
def test_a_question_without_a_known_word_is_left_to_the_model(question: str) -> None:
    assert not route(question).sure


def test_many_clauses_never_call_more_than_two_specialists() -> None:
    question = "Should we mine? What inverter is it? What is the battery voltage? How much solar yesterday?"
    assert len(route(question).agents) == MOST_SPECIALISTS


def test_a_very_long_question_is_routed_quickly() -> None:
    assert route("battery and " * 700).agents == ("Monitor",)
