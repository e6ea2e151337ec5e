"""Paraphrases, terse forms, typing slips and units of the common questions."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from agents.local_model.intents import (
    Advice,
    At,
    Average,
    Chart,
    Compare,
    DeviceFact,
    Extreme,
    Forecast,
    Greeting,
    Help,
    HowLong,
    Intent,
    Judge,
    Knowledge,
    NotYet,
    Now,
    OutOfScope,
    OwnShare,
    Policy,
    Range,
    Recall,
    Summary,
    Switch,
    Thanks,
    Total,
    Trend,
    Unclear,
    WhenCrossed,
    WhenExtreme,
)
from agents.local_model.understand import understand, understand_parts

BATTERY = Now(("soc", "battery"))
QUESTIONS: list[tuple[str, Intent]] = [
    # now
    ("soc?", BATTERY),
    ("battery", BATTERY),
    ("how full is my battery", BATTERY),
    ("What's the batery levl?", BATTERY),
    ("whats my baterry at", BATTERY),
    ("battery % ?", BATTERY),
    ("is the battery charging?", Now(("soc", "battery"), "charging")),
    ("are we charging or discharging right now?", BATTERY),
    ("is the battery going down?", Now(("soc", "battery"), "discharging")),
    ("solar now", Now(("solar",))),
    ("Wat is teh solar prodution rigth now", Now(("solar",))),
    ("how many watts is solar making", Now(("solar",))),
    ("how much power are the miners using", Now(("miners",))),
    ("are the miners running?", Now(("miners",), "miners_on")),
    ("is the generator running?", Now(("generator",), "generator_on")),
    ("is the grid up?", Now(("grid",), "outage")),
    ("Do we sell power right now?", Now(("grid",), "exporting")),
    ("house usage", Now(("load",))),
    ("battery voltage?", Now(("battery_voltage",))),
    ("status", Now()),
    ("how are things?", Now()),
    # energies and means
    ("how much sollar yesterday", Total(("solar",), "yesterday")),
    ("How much solar today?", Total(("solar",), "today")),
    ("how much did we produce today", Total(("solar",), "today")),
    ("solar prodction last wek", Total(("solar",), "last week")),
    ("how many kWh did the miners use last week?", Total(("miners",), "last week")),
    ("How much did I import from the grid last month?", Total(("grid",), "last month", None, "positive")),
    ("how much energy did I export yesterday", Total(("grid",), "yesterday", None, "negative")),
    ("how much did the battery discharge last night", Total(("battery",), "last night", None, "negative")),
    ("energy use on 2026-11-20", Total(("load",), "2026-11-20")),
    ("load between 6 and 9 pm yesterday", Total(("load",), "yesterday from 18:00 to 21:00")),
    ("solar per day last week", Total(("solar",), "last week", "day")),
    ("hourly load yesterday", Total(("load",), "yesterday", "hour")),
    ("which hour had the most solar yesterday", Total(("solar",), "yesterday", "hour", None, "max")),
    ("solar vs load today", Total(("solar", "load"), "today")),
    ("average load last 7 days", Average("load", "last 7 days")),
    ("avg soc over the last 30 days", Average("soc", "last 30 days")),
    ("mean battery voltage yesterday", Average("battery_voltage", "yesterday")),
    ("solar average over 7 days", Average("solar", "last 7 days")),
    ("battery last night", Range("soc", "last night")),
    ("what was my soc at 3pm yesterday", At("soc", "yesterday from 15:00 to 15:10", "15:00")),
    # extremes, crossings, durations
    ("peak solar production today", Extreme("solar", "max", "today")),
    ("max solar yesterday", Extreme("solar", "max", "yesterday")),
    ("lowest soc last night", Extreme("soc", "min", "last night")),
    ("minimum SOC yesterday", Extreme("soc", "min", "yesterday")),
    ("What was the minimum soc", Extreme("soc", "min", "today")),
    ("deepest discharge yesterday", Extreme("battery", "min", "yesterday")),
    ("maximum export yesterday", Extreme("grid", "min", "yesterday")),
    ("when was the peak load yesterday", WhenExtreme("load", "max", "yesterday")),
    ("what time did I hit 2500 W yesterday", WhenCrossed("solar", 2500, "rising", "yesterday", "load")),
    ("when did solar go above 2.5 kW yesterday?", WhenCrossed("solar", 2500, "rising", "yesterday")),
    ("When did the load exceed 3,000 watts?", WhenCrossed("load", 3000, "rising", "today")),
    ("when did my battery drop below 40% last night", WhenCrossed("soc", 40, "falling", "last night")),
    ("what time did soc reach 80 % today", WhenCrossed("soc", 80, "both", "today")),
    ("did the battery go below 30 percent last night?", WhenCrossed("soc", 30, "falling", "last night")),
    ("how long was the battery above 80% yesterday", HowLong("soc", 80, "above", "yesterday")),
    ("how long did the generator run last week", HowLong("generator", 50, "above", "last week")),
    ("how many hours were we exporting today", HowLong("grid", -50, "below", "today")),
    ("when did solar start producing today", WhenCrossed("solar", 50, "rising", "today")),
    ("when did the miners stop yesterday", WhenCrossed("miners", 50, "falling", "yesterday")),
    ("when did the battery get full today", WhenExtreme("soc", "max", "today")),
    ("max load yesterday and when", WhenExtreme("load", "max", "yesterday")),
    ("did the miners run last night?", HowLong("miners", 50, "above", "last night")),
    ("did we use the grid yesterday?", Total(("grid",), "yesterday")),
    ("what percent of my energy was from solar yesterday", OwnShare("yesterday")),
    ("battery 50% yesterday when", WhenCrossed("soc", 50, "both", "yesterday")),
    # comparisons, trends, charts, summaries
    ("compare solar today and yesterday", Compare("solar", "today", "yesterday")),
    ("solar this week vs last week", Compare("solar", "this week", "last week")),
    ("how does today compare to yesterday", Compare("solar", "today", "yesterday", "load")),
    ("did I use more power than yesterday?", Compare("load", "today", "yesterday")),
    ("is my consumption going up this month?", Trend("load", "this month")),
    ("show me the last 24 hours", Chart("power", "last 24 hours")),
    ("graph solar yesterday", Chart("power", "yesterday", "solar")),
    ("plot my battery level over the last 3 days", Chart("soc", "last 3 days", "soc")),
    ("draw a chart of daily energy last week", Chart("energy", "last week")),
    ("what happened last night?", Summary("last night")),
    ("how was yesterday", Summary("yesterday")),
    # limits, devices, decisions
    ("what are my limits?", Policy("all")),
    ("miner start soc?", Policy("miners")),
    ("what is the grid import limit?", Policy("grid")),
    ("what's the target soc", Policy("target")),
    ("which miners do we have", DeviceFact("miners")),
    ("how big is my battery", DeviceFact("battery")),
    ("any faults?", DeviceFact("health")),
    ("is the shelly online?", DeviceFact("health", "shelly")),
    ("what firmware does the inverter run", DeviceFact("firmware", "inverter")),
    ("how old is the data", DeviceFact("last_reading")),
    ("is everything working?", DeviceFact("health")),
    ("how low can the battery go", Policy("minimum")),
    ("do we have enough battery for tonight", Forecast("soc", "tonight")),
    ("where is my power coming from?", Now(("solar", "battery", "grid", "load"))),
    ("what's the outside temperature", OutOfScope("weather")),
    ("is my battery ok?", Judge("soc")),
    ("is it ok to start the S21+ now?", Advice("run_miners", "now")),
    ("mine tonight?", Advice("run_miners", "tonight")),
    ("when can the miners start?", Advice("start_miners")),
    ("When should I charge?", Advice("charge_time")),
    ("why is the battery draining", Advice("draining")),
    ("can I run the AC right now?", Advice("surplus", "now")),
    ("should I turn on the generator?", Advice("run_generator")),
    ("how much solar tomorrow?", Forecast("solar", "tomorrow")),
    ("will we make it through the night?", Forecast(None, "tonight")),
    ("how much solar did we make the last couple of days", Total(("solar",), "last 2 days")),
    ("how much solar so far this month", Total(("solar",), "this month")),
    ("Can the miners run at 45%?", Policy("miners")),
    ("at what soc do the miners start", Advice("start_miners")),
    ("would it be smart to mine overnight", Advice("run_miners", "tonight")),
    ("how many hours can I run the miners", Advice("run_miners")),
    ("should we be charging now", Advice("charge_time", "now")),
    ("what happens if the battery drops below 30%", Advice("low_battery")),
    ("what is the current inverter mode", DeviceFact("inverter_state")),
    ("Is my SOC above the minimum?", Judge("soc")),
    ("what was the battery level at sunrise", Range("soc", "last night")),
    ("When was the last time SOC was below 30%", WhenCrossed("soc", 30, "falling", "last 30 days", last=True)),
    # talk and what lies outside
    ("hello there!", Greeting()),
    ("thanks!", Thanks()),
    ("what can you do?", Help()),
    ("what did I ask you yesterday?", Recall()),
    ("turn on the miners", Switch("start")),
    ("please turn off miner 1", Switch("stop", "miner 1")),
    ("could you shut down the s19-1 for two hours", Switch("stop", "s19-1", "two hours")),
    ("please turn on the s19-1 miner for me", Switch("start", "s19-1")),
    ("start the s19s until 18:00", Switch("start", "s19s", "18:00")),
    ("put the miners on auto please", Switch("auto")),
    ("turn on the generator", NotYet("control")),
    ("set the minimum SOC to 20%", NotYet("setting")),
    ("alert me when the battery is below 30%", NotYet("alert")),
    ("was there an outage yesterday?", NotYet("outages")),
    ("what does soc mean", Knowledge("soc_meaning")),
    ("how much money did we make", OutOfScope("finance")),
    ("who is the president of France", OutOfScope("general")),
    ("what's the weather like", OutOfScope("weather")),
    ("asdf qwer", Unclear()),
    ("??", Unclear()),
]


@pytest.mark.parametrize(("question", "intent"), QUESTIONS)
def test_question_is_understood(question: str, intent: Intent) -> None:
    assert understand(question) == intent


@pytest.mark.parametrize(
    ("before", "question", "intent"),
    [
        ("How much solar yesterday?", "and today?", Total(("solar",), "today")),
        ("How much solar yesterday?", "what about load?", Total(("load",), "yesterday")),
        ("soc?", "and yesterday?", Range("soc", "yesterday")),
        ("solar now", "what about the grid", Now(("grid",))),
        ("average solar last week", "and this week?", Average("solar", "this week")),
        ("how low did my battery go last night?", "when was that?", WhenExtreme("soc", "min", "last night")),
        ("how low did my battery go last night?", "is that good?", Judge("soc", "last night", "min")),
        ("what's my battery?", "is that ok?", Judge("soc")),
        ("How much solar yesterday?", "graph it", Chart("power", "yesterday", "solar")),
        ("when did solar go above 2 kW yesterday", "and today?", WhenCrossed("solar", 2000, "rising", "today")),
        ("How much solar yesterday?", "Should we run the miners tonight?", Advice("run_miners", "tonight")),
        ("hi", "soc?", Now(("soc", "battery"))),
    ],
)
def test_short_question_continues_the_turn_before(before: str, question: str, intent: Intent) -> None:
    assert understand(question, understand(before)) == intent


def test_two_questions_in_one_message_are_both_understood() -> None:
    parts = understand_parts("What's my battery, and how much solar did I make yesterday?")
    assert parts == [BATTERY, Total(("solar",), "yesterday")]
    assert understand_parts("Hi! Is the grid up?") == [Now(("grid",), "outage")]


def test_words_that_only_look_like_key_words_are_left_alone() -> None:
    assert not isinstance(understand("what changed?"), Advice)
    assert understand("what is the best price for lower power poles") == OutOfScope("finance")


def test_anything_typed_gives_an_intent() -> None:
    for text in (
        "",
        "   ",
        "%",
        "2500",
        "last",
        "than than than",
        "a" * 10_000,
        "🔋🔋?",
        "W W W kW %",
        "between 9 and",
        "min",
    ):
        understand(text)


def test_understanding_takes_less_than_three_milliseconds() -> None:
    questions = [question for question, _ in QUESTIONS]
    for question in questions:  # slips are remembered; the first sight of a word may cost more
        understand(question)
    started = time.process_time()
    for question in questions:
        understand(question)
    assert (time.process_time() - started) / len(questions) < 0.003


def test_understanding_imports_no_model_library() -> None:
    code = "import sys, agents.local_model.understand; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not any(name in loaded for name in ("autogen", "openai", "numpy", "pydantic"))
