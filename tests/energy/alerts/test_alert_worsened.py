"""What grows twice as bad brings its message up to date, and rings nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from energy.alerts.battery import CRITICAL, LOW
from energy.alerts.episode import Episode, State, acknowledge, mute, step
from energy.alerts.power import DISCHARGE
from energy.alerts.rule import Rule, Signal
from tests.energy.alerts.scene import NOON


class Falling:
    """An alert whose figure is seen once a minute."""

    def __init__(self, rule: Rule, threshold: float, unit: str, *, lower: bool) -> None:
        self.rule = replace(rule, for_s=0.0)
        self.threshold, self.unit, self.lower = threshold, unit, lower
        self.episode: Episode | None = None
        self.minute = 0

    def sees(self, value: float, *, unit: str = "", inhibited: bool = False) -> list[str]:
        """What happens."""
        self.minute += 1
        now = NOON + timedelta(minutes=self.minute)
        signal = Signal(
            rule_id=self.rule.id,
            active=True,
            taken_at=now,
            value=value,
            threshold=self.threshold,
            unit=unit or self.unit,
            lower_is_worse=self.lower,
        )
        self.episode, events = step(self.rule, self.episode, signal, now, inhibited=inhibited)
        assert not any(event.tell for event in events if event.kind == "worsened")
        return [event.kind for event in events]


def test_each_doubling_of_the_distance_to_the_threshold_is_a_change() -> None:
    seen = Falling(DISCHARGE, 5_000.0, "W", lower=False)
    kinds = [seen.sees(watts) for watts in (6_000, 6_500, 7_000, 7_500, 8_500, 9_000, 6_000, 9_500, 13_000)]
    assert kinds == [["fired"], [], ["worsened"], [], [], ["worsened"], [], [], ["worsened"]]


def test_noise_just_past_the_threshold_changes_nothing() -> None:
    seen = Falling(LOW, 40.0, "%", lower=True)
    kinds = [seen.sees(soc) for soc in (39.9, 39.7, 39.4, 38.6, 38.0, 37.8)]
    assert kinds == [["fired"], [], [], [], [], ["worsened"]]


def test_what_is_in_hand_or_muted_is_brought_up_to_date_too() -> None:
    seen = Falling(LOW, 40.0, "%", lower=True)
    seen.sees(38.0)
    assert seen.episode is not None
    seen.episode, _ = acknowledge(seen.episode, "Ann", NOON + timedelta(minutes=2))
    assert seen.sees(35.0) == ["worsened"]
    seen.episode, _ = mute(seen.episode, NOON + timedelta(hours=1), NOON + timedelta(minutes=3))
    assert seen.sees(30.0) == ["worsened"]


def test_what_was_never_told_has_no_message_to_change() -> None:
    seen = Falling(LOW, 40.0, "%", lower=True)
    assert seen.sees(38.0, inhibited=True) == ["fired"]
    assert seen.sees(30.0, inhibited=True) == []
    assert seen.sees(30.0) == ["raised"]
    assert seen.sees(29.0) == []


def test_volts_are_not_compared_with_percent() -> None:
    seen = Falling(LOW, 40.0, "%", lower=True)
    seen.sees(38.0)
    seen.threshold = 51.0
    assert seen.sees(5.0, unit="V") == []
    assert seen.episode is not None
    assert (seen.episode.worst, seen.episode.worst_unit) == (38.0, "%")


def test_a_critical_one_that_is_in_hand_is_told_again_when_it_is_twice_as_bad() -> None:
    seen = Falling(CRITICAL, 30.0, "%", lower=True)
    seen.sees(28.0)
    assert seen.episode is not None
    seen.episode, _ = acknowledge(seen.episode, "Ann", NOON + timedelta(minutes=2))
    assert [seen.sees(27.0), seen.sees(26.4)] == [[], []]
    assert seen.sees(25.0) == ["raised"]
    assert (seen.episode.state, seen.episode.acknowledged_by) == (State.FIRING, None)
    assert seen.episode.first_told_at == seen.episode.told_at == NOON + timedelta(minutes=seen.minute)
