"""Each scenario as a whole demo: its alerts come to the terminal and to Telegram, can be acknowledged, and resolve."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.app.story_stage import Played, play

ANSWERS = ("Hello Ann", "as of ", "is off, read back", "is on, read back")  # what else may be said: briefs, relays


@dataclass(frozen=True)
class Story:
    """A scenario, and how each message that it must bring begins, and how it must end."""

    scenario: str
    messages: tuple[tuple[str, str], ...]
    flags: tuple[str, ...] = ()


OUTAGE = Story("outage", (("Critical: The grid is gone", "Over: The grid is back"),), ("--speed", "20"))
LOW_BATTERY = Story(
    "low-battery",
    (
        ("Warning: The battery gives", "Over: The battery is no longer discharged fast"),
        ("Warning: The battery is at", "Over: The battery is back above its safe minimum"),
        ("Critical: The battery is at", "Over: The battery is back above its minimum"),
    ),
)
DEAD_ARRAY = Story("dead-array", (("Warning: Solar gave", "Over: Solar gives what it should again"),))
STORM = Story("storm-of-faults", (("Critical: 20 alerts at once", "20 alerts are over"),))
BAD_SENSOR = Story(
    "bad_sensor",
    (
        ("Warning: Sun, grid, generator, load and battery do not add up", "Over: The figures fit each other again"),
        ("Warning: Battery from Victron (cerbo) has stood at", "Over: The figure moves again (cerbo/soc_pct)"),
    ),
)


async def told_as_written(story: Story, data: Path) -> Played:
    """Play the story, and check everything that all stories share."""
    played = await play(story.scenario, data, *story.flags)
    assert played.code == 0, (played.errors, played.terminal)
    assert "came and resolved, and nothing else." in played.terminal.splitlines()[-1]
    for begins, ends in story.messages:
        assert begins in played.terminal
        assert ends in played.terminal
    assert [alert.text[: len(begins)] for alert, (begins, _) in zip(played.alerts, story.messages, strict=True)] == [
        begins for begins, _ in story.messages
    ]
    for alert, (_, ends) in zip(played.alerts, story.messages, strict=True):
        assert alert.photo is not None, alert.text
        assert {"Acknowledge", "Mute 1 h", "Chart"} <= set(alert.labels)
        now = played.now(alert)
        assert now.text.startswith(ends), now.text
        assert not now.labels  # nothing is left to be done
    others = [message.text for message in played.sent if message not in played.alerts]
    assert all(any(known in text for known in ANSWERS) for text in others), others
    return played


def answered(played: Played) -> bool:
    """Whether each tap on Acknowledge changed its message, for everybody to see."""
    assert len(played.tapped) == len(played.alerts)
    seen = [text for text in played.changes if "Acknowledged by Ann" in text]
    return len(seen) >= len(played.tapped) and "Acknowledged by Ann" in played.terminal


async def test_an_outage_is_told_acknowledged_and_over_in_one_message(tmp_path: Path) -> None:
    played = await told_as_written(OUTAGE, tmp_path / "data")
    assert answered(played)
    assert "its clock begins at Sunday, 21 June 2026, 11:00 and runs 20 times as fast" in played.terminal
    assert "Stop miners" in played.alerts[0].labels


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "story", [LOW_BATTERY, DEAD_ARRAY, STORM, BAD_SENSOR], ids=lambda story: story.scenario.replace("_", "-")
)
async def test_a_story_brings_its_alerts_and_no_others(story: Story, tmp_path: Path) -> None:
    assert answered(await told_as_written(story, tmp_path / "data"))
