"""An alert's life: when it fires, when it resolves, and what people hear of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from energy.alerts.episode import Episode, State, acknowledge, mute, resolve, step
from energy.alerts.rule import Level, Rule, Signal
from tests.energy.alerts.scene import NOON, Life


def rule(**changes: object) -> Rule:
    parts: dict[str, object] = {"id": "low", "level": Level.WARNING, "title": "Low", "cleared": "Fine again"}
    return Rule(**(parts | changes))  # type: ignore[arg-type]  # of mixed kinds


def test_a_subject_is_cleaned_of_what_no_database_takes() -> None:
    signal = Signal(rule_id="device_fault", active=True, subject="s21\x00 E\ud80012")
    assert signal.key == ("device_fault", "s21 E?12")


def test_it_fires_once_it_was_active_for_long_enough_and_not_a_minute_before() -> None:
    life = Life(rule(for_s=300))
    assert [life.at(minute, True) for minute in range(7)] == [["pending"], [], [], [], [], ["fired"], []]


def test_without_a_for_it_fires_at_once() -> None:
    life = Life(rule())
    assert life.at(0, True) == ["fired"]
    assert life.told == [("fired", 0)]


def test_a_pending_one_that_is_clear_again_lapses_and_must_begin_anew() -> None:
    life = Life(rule(for_s=300))
    seen = [life.at(minute, minute != 4) for minute in range(9)]
    assert seen == [["pending"], [], [], [], ["lapsed"], ["pending"], [], [], []]
    assert life.at(10, True) == ["fired"]
    assert life.told == [("fired", 10)]


def test_one_reading_that_is_looked_at_for_five_minutes_is_not_five_minutes_of_evidence() -> None:
    life = Life(rule(for_s=300))
    assert [life.at(minute, True, age_min=minute) for minute in range(11)] == [["pending"], *([[]] * 10)]
    assert life.at(11, True, age_min=0) == ["fired"]


def test_a_flag_counts_by_the_clock_while_it_is_fresh() -> None:
    outage = rule(for_s=120, keep_firing_s=120)

    def told(minute: float, seen: bool, age_min: float, episode: Episode | None) -> tuple[Episode | None, list[str]]:
        now = NOON + timedelta(minutes=minute)
        taken_at = now - timedelta(minutes=age_min)
        signal = Signal(rule_id="low", active=seen, taken_at=taken_at, steady=True)
        after, events = step(outage, episode, signal, now)
        return after, [event.kind for event in events]

    episode, first = told(0, True, 0, None)
    episode, second = told(2, True, 2, episode)
    episode, third = told(3, False, 0, episode)
    episode, late = told(4, True, 1.5, episode)
    episode, fourth = told(5, False, 2, episode)
    assert (first, second, third, late, fourth) == (["pending"], ["fired"], [], [], ["resolved"])


def test_it_resolves_once_it_was_clear_for_long_enough() -> None:
    life = Life(rule(keep_firing_s=600))
    life.at(0, True)
    assert [life.at(minute, False) for minute in (1, 5, 10)] == [[], [], []]
    assert life.at(11, False) == ["resolved"]
    assert life.told == [("fired", 0), ("resolved", 11)]


def test_a_relapse_while_it_keeps_firing_starts_the_wait_again() -> None:
    life = Life(rule(keep_firing_s=600))
    life.at(0, True)
    life.at(1, False)
    life.at(9, True)
    assert [life.at(minute, False) for minute in (10, 19)] == [[], []]
    assert life.at(20, False) == ["resolved"]


def test_after_a_resolve_the_next_one_waits_for_the_cooldown_and_then_fires_if_it_still_holds() -> None:
    life = Life(rule(cooldown_s=1_800))
    life.at(0, True)
    life.at(10, False)
    assert life.at(12, True) == ["pending"]
    assert life.at(20, False) == ["lapsed"]
    assert life.at(25, True) == ["pending"]
    assert life.at(39, True) == []
    assert life.at(40, True) == ["fired"]
    assert life.episode is not None
    assert life.episode.number == 2


@pytest.mark.parametrize("state", ["nothing", "pending", "firing", "acknowledged", "resolved"])
def test_unknown_changes_no_state(state: str) -> None:
    life = Life(rule(for_s=0 if state != "pending" else 300))
    if state != "nothing":
        life.at(0, True)
    if state == "acknowledged":
        assert life.episode is not None
        life.episode, _ = acknowledge(life.episode, "ann", NOON)
    if state == "resolved":
        life.at(1, False)
    before = life.episode.state if life.episode else None
    for minute in range(2, 2_000, 10):
        assert life.at(minute, None) == []
    assert (life.episode.state if life.episode else None) == before


def test_unknown_between_two_active_readings_does_not_stop_a_pending_one() -> None:
    life = Life(rule(for_s=300))
    life.at(0, True)
    life.at(1, None)
    assert life.at(6, True) == ["fired"]


def test_a_pending_one_after_long_unknown_begins_anew() -> None:
    life = Life(rule(for_s=300))
    life.at(0, True)
    life.at(1, None)
    assert life.at(600, True) == []
    assert life.at(604, True) == []
    assert life.at(605, True) == ["fired"]


def test_a_late_reading_neither_fires_nor_resolves() -> None:
    life = Life(rule())
    life.at(0, False)
    life.at(10, True, age_min=0)
    assert life.at(11, False, age_min=5) == []
    assert life.at(12, False, age_min=0) == ["resolved"]
    assert life.at(13, True, age_min=8) == []
    assert life.at(14, True, age_min=125) == []
    assert life.at(14, True, age_min=14.5) == []
    assert life.told == [("fired", 10), ("resolved", 12)]


def test_the_same_reading_twice_tells_nothing_twice() -> None:
    life = Life(rule(reraise_s=None))
    life.at(0, True, age_min=0)
    assert [life.at(0, True, age_min=0), life.at(1, True, age_min=1)] == [[], []]


def test_it_is_told_again_while_nobody_acknowledges_it() -> None:
    life = Life(rule(reraise_s=3_600))
    for minute in range(0, 150, 10):
        life.at(minute, True)
    assert life.told == [("fired", 0), ("raised", 60), ("raised", 120)]
    assert life.episode is not None
    life.episode, events = acknowledge(life.episode, "ann", NOON + timedelta(minutes=150))
    assert [e.kind for e in events] == ["acknowledged"]
    for minute in range(160, 600, 10):
        life.at(minute, True)
    assert len(life.told) == 3


def test_it_is_not_told_again_while_it_is_clear_or_unknown() -> None:
    life = Life(rule(reraise_s=600, keep_firing_s=6_000))
    life.at(0, True)
    assert [life.at(20, False), life.at(40, None)] == [[], []]


def test_the_first_who_acknowledges_counts_and_only_a_firing_one_can_be() -> None:
    life = Life(rule(for_s=60))
    life.at(0, True)
    assert life.episode is not None
    assert acknowledge(life.episode, "ann", NOON) == (life.episode, ())
    life.at(1, True)
    taken, _ = acknowledge(life.episode, "ann", NOON)
    again, events = acknowledge(taken, "bob", NOON)
    assert (again.acknowledged_by, events) == ("ann", ())
    assert again.state is State.ACKNOWLEDGED


def test_an_acknowledged_one_resolves_and_the_next_is_told() -> None:
    life = Life(rule())
    life.at(0, True)
    assert life.episode is not None
    life.episode, _ = acknowledge(life.episode, "ann", NOON)
    assert life.at(5, False) == ["resolved"]
    assert life.at(6, True) == ["fired"]
    assert life.episode is not None
    assert (life.episode.acknowledged_by, life.episode.state) == (None, State.FIRING)
    assert [kind for kind, _ in life.told] == ["fired", "resolved", "fired"]


def test_a_mute_holds_the_news_back_and_what_still_stands_is_told_when_it_ends() -> None:
    life = Life(rule(reraise_s=600))
    life.at(0, True)
    life.at(1, False)
    assert life.episode is not None
    life.episode, events = mute(life.episode, NOON + timedelta(minutes=60), NOON)
    assert [e.kind for e in events] == ["muted"]
    assert life.at(10, True) == ["fired"]
    assert life.at(59, True) == []
    assert life.at(60, True) == ["raised"]
    assert life.told == [("fired", 0), ("resolved", 1), ("raised", 60)]


def test_what_came_and_went_while_muted_is_never_told() -> None:
    life = Life(rule())
    life.at(0, True, inhibited=True)
    assert life.at(5, False) == ["resolved"]
    assert life.told == []


def test_what_another_alert_explains_is_told_when_that_one_is_over() -> None:
    life = Life(rule(for_s=60))
    for minute in range(10):
        life.at(minute, True, inhibited=minute < 8)
    assert life.told == [("raised", 8)]


def test_the_worst_value_and_its_time_are_kept() -> None:
    life = Life(rule())
    for minute, value in enumerate((29.0, 24.0, 27.0)):
        life.at(minute, True, value=value)
    assert life.episode is not None
    assert (life.episode.worst, life.episode.signal.value) == (24.0, 27.0)
    assert life.episode.worst_at == NOON + timedelta(minutes=1)


def test_a_clock_that_was_set_back_stalls_nothing() -> None:
    life = Life(rule(for_s=300, cooldown_s=600))
    life.at(0, True, age_min=0)
    life.at(-60, True, age_min=0)
    assert life.at(-55, True, age_min=0) == ["fired"]
    assert life.at(-120, False, age_min=0) == ["resolved"]
    life.at(-200, True, age_min=0)
    assert life.at(-190, True, age_min=0) == ["fired"]


def test_an_episode_of_something_that_is_gone_can_be_ended() -> None:
    life = Life(rule())
    life.at(0, True)
    assert life.episode is not None
    ended, events = resolve(life.episode, NOON, "cerbo was taken out of the settings")
    assert (ended.state, ended.resolved_because) == (State.RESOLVED, "cerbo was taken out of the settings")
    assert [e.tell for e in events] == [True]
    assert resolve(ended, NOON, "again") == (ended, ())


def test_nothing_is_kept_of_what_was_never_active() -> None:
    quiet = Signal(rule_id="low", active=False)
    assert step(rule(), None, quiet, NOON) == (None, ())
