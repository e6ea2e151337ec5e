"""When the next person or channel is told of an alert that nobody acknowledges."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from energy.alerts.battery import HOT
from energy.alerts.episode import Episode, acknowledge, mute, step
from energy.alerts.escalation import EscalationSettings, is_due, next_escalation
from energy.alerts.rule import Level, Signal
from tests.energy.alerts.scene import NOON

MINUTE = timedelta(minutes=1)
RULE = replace(HOT, for_s=0.0, reraise_s=None)
HOT_NOW = Signal(rule_id=RULE.id, active=True, what="hot", value=66.0, threshold=55.0, unit="°C")


def firing() -> Episode:
    episode, _ = step(RULE, None, HOT_NOW, NOON)
    assert episode is not None
    assert (episode.is_firing, episode.first_told_at, episode.level) == (True, NOON, Level.CRITICAL)
    return episode


def test_a_critical_alert_goes_on_to_the_next_until_it_is_acknowledged() -> None:
    episode = firing()
    assert [next_escalation(episode, done) for done in range(4)] == [
        NOON + 10 * MINUTE,
        NOON + 30 * MINUTE,
        NOON + 60 * MINUTE,
        None,
    ]
    assert [is_due(episode, 0, NOON + s * MINUTE / 60) for s in (599, 600)] == [False, True]
    taken, _ = acknowledge(episode, "Ann", NOON)
    assert next_escalation(taken, 0) is None
    assert not is_due(taken, 0, NOON + 60 * MINUTE)


def test_two_people_of_one_name_are_told_apart_by_their_ids() -> None:
    taken, _ = acknowledge(firing(), "Ann", NOON, by_id="p7")
    assert (taken.acknowledged_by, taken.acknowledged_by_id) == ("Ann", "p7")


def test_after_a_pause_the_steps_keep_their_usual_distance() -> None:
    late = replace(firing(), passed_on_at=NOON + 120 * MINUTE)
    assert next_escalation(late, 1) == NOON + 140 * MINUTE
    later = replace(late, passed_on_at=NOON + 140 * MINUTE)
    assert next_escalation(later, 2) == NOON + 170 * MINUTE


def test_nothing_is_passed_on_right_after_everybody_was_told_again() -> None:
    again = replace(firing(), told_at=NOON + 120 * MINUTE)
    assert next_escalation(again, 0) == NOON + 125 * MINUTE
    assert next_escalation(replace(again, told_at=NOON + 2 * MINUTE), 0) == NOON + 10 * MINUTE
    quick = EscalationSettings(after_s=(60.0,))
    assert next_escalation(again, 0, quick) == NOON + 121 * MINUTE


def test_a_mute_stops_the_clock_which_begins_anew_at_its_end() -> None:
    until = NOON + 120 * MINUTE
    muted, _ = mute(firing(), until, NOON)
    assert not is_due(muted, 0, until - MINUTE)
    assert [next_escalation(muted, done) for done in (0, 1)] == [until + 10 * MINUTE, until + 30 * MINUTE]


def test_at_the_end_of_a_mute_it_is_told_once_more() -> None:
    until = NOON + 120 * MINUTE
    episode: Episode | None
    episode, _ = mute(firing(), until, NOON)
    kinds: list[str] = []
    for minute in range(118, 125):
        episode, events = step(RULE, episode, HOT_NOW, NOON + minute * MINUTE)
        kinds += [f"{minute} {event.kind}" for event in events]
    assert kinds == ["120 raised"]


def test_a_clock_that_was_set_back_does_not_stop_it() -> None:
    ahead = replace(firing(), passed_on_at=NOON + 60 * MINUTE)
    now = NOON + 12 * MINUTE
    episode, _ = step(RULE, ahead, HOT_NOW, now)
    assert episode is not None
    assert next_escalation(episode, 1) == now + 20 * MINUTE


def test_a_warning_is_passed_on_only_where_that_is_wanted() -> None:
    warning = replace(firing(), level=Level.WARNING)
    assert next_escalation(warning, 0) is None
    wanted = EscalationSettings(after_s=(60.0,), least=Level.WARNING)
    assert next_escalation(warning, 0, wanted) == NOON + MINUTE
