"""What is said once in a message, and what is not said since nobody knows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from energy.alerts.episode import Episode, State
from energy.alerts.message import message_text
from energy.alerts.rule import Level, Signal

NOON = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
ZONE = ZoneInfo("America/Los_Angeles")


def fault(code: str, *, is_over: bool = False) -> Episode:
    episode = Episode(
        rule_id="inverter_fault",
        subject=code,
        level=Level.CRITICAL,
        state=State.FIRING,
        number=1,
        since=NOON,
        signal=Signal(rule_id="inverter_fault", active=True, what=f"{code} is reported."),
    )
    return replace(episode, state=State.RESOLVED, resolved_at=NOON + timedelta(minutes=4)) if is_over else episode


def test_a_message_of_several_that_are_over_says_so_once() -> None:
    text = message_text([fault("F0", is_over=True), fault("F1", is_over=True)], ZONE, NOON + timedelta(minutes=6))
    assert text.splitlines() == ["2 alerts are over:", "- The fault has gone (F0).", "- The fault has gone (F1)."]


def test_what_was_so_when_its_rule_was_made_has_no_time() -> None:
    told = fault("F0")
    assert (
        message_text([told], ZONE, NOON, already={"inverter_fault"}) == "CRITICAL: F0 is reported. It was so already."
    )
    assert message_text([told], ZONE, NOON) == "CRITICAL: F0 is reported. Since 12:00."
