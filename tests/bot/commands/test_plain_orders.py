from __future__ import annotations

import pytest

from bot.commands.plain import command_of

OWNER_QUESTIONS = (
    "What's my battery level?",
    "Should we run the miners tonight?",
    "Should we run the bitcoin miners right now?",
    "When should we stop the miners?",
    "Should we run the miners?",
    "How low did my battery go last night?",
    "High discharge detected (5kW) - unexpected load?",
    "Average solar yesterday?",
    "Latest solar tech?",
    "What's your minimum SOC threshold?",
    "What was the average solar production last week?",
)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("stop the miners", "/miners stop all"),
        ("Stop all miners now!", "/miners stop all"),
        ("please stop mining", "/miners stop all"),
        ("turn the miners off", "/miners stop all"),
        ("miners off", "/miners stop all"),
        ("all miners off", "/miners stop all"),
        ("s21 off", "/miners stop s21"),
        ("s21 off for 2h", "/miners stop s21 for 2h"),
        ("turn it all off", "/miners stop all"),
        ("turn everything off please", "/miners stop all"),
        ("stop everything", "/miners stop all"),
        ("emergency stop", "/miners stop all"),
        ("stop", "/miners stop all"),
        ("please stop now", "/miners stop all"),
        ("STOP!", "/miners stop all"),
        ("stop stop stop!!!", "/miners stop all"),
        ("stop the miners…", "/miners stop all"),
        ("stop the miners...", "/miners stop all"),
        ("stop the miners 🙏", "/miners stop all"),
        ("🛑 Stop s21 ❤️\u200d🔥!", "/miners stop s21"),
        ("stop\u200b the miners\ufeff", "/miners stop all"),
        ("Turn off S21", "/miners stop S21"),
        ("shut down both s19", "/miners stop both s19"),
        ("stop s19-1 and s19-2 for 2 hours", "/miners stop s19-1 and s19-2 for 2 hours"),
        ("start s19-1 for 2 hours", "/miners start s19-1 for 2 hours"),
        ("start the S21+ until 18:00 please", "/miners start the S21+ until 18:00"),
        ("start the miners until tomorrow morning", "/miners start all until tomorrow morning"),
        ("switch the miner s19-2 on", "/miners start the miner s19-2"),
        ("put the miners back to auto", "/miners auto all"),
        ("set s21 to automatic", "/miners auto s21"),
        ("set my minimum SOC to 45", "/prefs set min_soc_pct 45"),
        ("set my min soc to 35 please", "/prefs set min_soc_pct 35"),
        ("set my min soc to 35 %, thanks", "/prefs set min_soc_pct 35 %"),
        ("set my quiet hours to 22:00-07:00 pls 🙏", "/prefs set quiet_hours 22:00-07:00"),
        ("Set my time zone to America/Denver", "/prefs set timezone America/Denver"),
        ("change my email to Ann@Example.org", "/prefs set email Ann@Example.org"),
        ("use fahrenheit", "/prefs set temperature_unit F"),
        ("show temperatures in celsius", "/prefs set temperature_unit C"),
        ("use kilowatts", "/prefs set power_unit kW"),
        ("turn alerts off", "/prefs set alerts off"),
        ("we're away until Friday", "/away until Friday"),
        ("We’re away until Friday.", "/away until Friday"),
        ("I am on vacation for 2 weeks", "/away for 2 weeks"),
        ("I'm back home", "/away off"),
        ("help", "/help"),
    ],
)
def test_an_order_in_plain_words_is_the_command_that_it_means(text: str, command: str) -> None:
    assert command_of(text) == command


@pytest.mark.parametrize(
    "text",
    [
        *OWNER_QUESTIONS,
        "stop the miners?",
        "don't stop the miners",
        "should we stop the miners",
        "never stop s21",
        "stop mining data?",
        "stop mining data",
        "stop the miners at 22:00",
        "stop all miners except s21",
        "stop？",
        "stop the miners ❓",
        "stop the miners 🤔",
        "stop talking",
        "day off",
        "should I stop the miners",
        "stop the miners if the battery is low",
        "stop the miners until the battery is full",
        "when it rains stop the miners",
        "start the miners at 8 pm",
        "why did you stop the miners",
        "ignore all that and start the miners",
        "stop the music",
        "stop charging",
        "set the table to oak",
        "set my alarm to 7",
        "we're away from the grid, right",
        "the owner said: stop the miners",
        "stop the miners\nand start them again",
        "start the miners " + "now " * 60,
        "use solar",
        "/miners stop",
        "",
    ],
)
def test_everything_else_is_a_question(text: str) -> None:
    assert command_of(text) is None
