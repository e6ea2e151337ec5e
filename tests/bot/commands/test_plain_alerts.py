from __future__ import annotations

import pytest

from bot.commands.plain import command_of


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("tell me when solar passes 8 kW", "/rules add tell me when solar passes 8 kW"),
        ("Warn me if the battery drops below 45 %.", "/rules add Warn me if the battery drops below 45 %"),
        ("let me know if load goes above 6 kW for 10 min", "/rules add let me know if load goes above 6 kW for 10 min"),
        (
            "please notify us when the grid imports more than 3 kW 🙏",
            "/rules add please notify us when the grid imports more than 3 kW",
        ),
        ("alert me when the miners stop", "/rules add alert me when the miners stop"),
        ("wake me when the battery is below 35 %", "/rules add wake me when the battery is below 35 %"),
        ("please wake me up if soc drops under 30%", "/rules add please wake me up if soc drops under 30%"),
        ("acknowledge", "/ack"),
        ("Acknowledged!", "/ack"),
        ("ack it please", "/ack"),
        ("acknowledge alert 5", "/ack 5"),
        ("ack #12", "/ack 12"),
        ("acknowledge all alerts", "/ack all"),
        ("mute alerts for 2 hours", "/mute all for 2 hours"),
        ("please silence all alerts until 18:00", "/mute all until 18:00"),
        ("snooze 12 for 1h", "/mute 12 for 1h"),
        ("mute the alerts", "/mute all"),
        ("unmute alerts", "/unmute all"),
        ("what alerts are open?", "/alerts"),
        ("Any alerts?", "/alerts"),
        ("are there any open alerts right now?", "/alerts"),
        ("show me the alerts", "/alerts"),
    ],
)
def test_words_that_mean_an_alert_command(text: str, command: str) -> None:
    assert command_of(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "tell me when the battery will be full",
        "tell me when the battery is full",
        "tell me if it was over 8 kW yesterday",
        "let me know when the load was above 5 kW last week",
        "tell me when solar passes 8 kW?",
        "what is an alert?",
        "why did I get an alert?",
        "tell me what alerts do",
        "should I acknowledge it?",
        "warn me",
        "mute the conversation",
        "the alerts are annoying",
        "did anybody acknowledge the alert?",
    ],
)
def test_questions_about_alerts_stay_questions(text: str) -> None:
    assert command_of(text) is None
