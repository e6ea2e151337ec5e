"""Random walks of `step` beside a small reference that only counts: what must hold whatever comes."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from energy.alerts.episode import Episode, Event, State, acknowledge, mute, resolve, step
from energy.alerts.rule import Level, Rule, Signal
from tests.energy.alerts.scene import NOON

SEEDS = range(60)
STEPS = 500


@dataclass
class Reference:
    """The rule in plain seconds, for measurements that come in order: when it must fire and resolve."""

    rule: Rule
    since: float | None = None
    clear: float | None = None
    unknown: float | None = None
    not_before: float = float("-inf")
    fires: bool = False

    def saw(self, active: bool | None, t: float) -> str | None:
        if active is None:
            if self.since is not None and not self.fires and self.unknown is None:
                self.unknown = t
            return None
        if self.fires:
            return self._while_firing(active, t)
        if not active:
            self.since = self.unknown = None
            return None
        broken = self.unknown is not None and t - self.unknown > max(900.0, self.rule.for_s)
        if self.since is None or broken:
            self.since = t
        self.unknown = None
        if t - self.since < self.rule.for_s or t < self.not_before:
            return None
        self.fires, self.clear = True, None
        return "fired"

    def _while_firing(self, active: bool, t: float) -> str | None:
        if active:
            self.clear = None
            return None
        self.clear = t if self.clear is None else self.clear
        if t - self.clear < self.rule.keep_firing_s:
            return None
        self.fires, self.since, self.not_before = False, None, t + self.rule.cooldown_s
        return "resolved"


def any_rule(dice: random.Random) -> Rule:
    return Rule(
        id="walk",
        level=dice.choice(list(Level)),
        title="Walk",
        cleared="Over",
        for_s=dice.choice([0, 30, 120, 600]),
        keep_firing_s=dice.choice([0, 60, 600]),
        cooldown_s=dice.choice([0, 300, 1_800]),
        reraise_s=dice.choice([None, 600, 3_600]),
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_in_order_it_fires_and_resolves_exactly_when_the_reference_does(seed: int) -> None:
    dice = random.Random(seed)
    rule = any_rule(dice)
    reference, episode, t, active = Reference(rule), None, 0.0, dice.choice([True, False])
    fired = 0
    for _ in range(STEPS):
        t += dice.choice([1, 10, 30, 60, 300])
        if dice.random() < 0.15:
            active = not active
        seen = None if dice.random() < 0.2 else active
        now = NOON + timedelta(seconds=t)
        episode, events = step(rule, episode, Signal(rule_id="walk", active=seen, taken_at=now), now)
        happened = [e.kind for e in events if e.kind in ("fired", "resolved")]
        expected = reference.saw(seen, t)
        assert happened == ([] if expected is None else [expected])
        fired += happened == ["fired"]
        assert (episode is not None and episode.is_firing) is reference.fires
    if episode is not None and fired:
        assert episode.number in (fired, fired + 1)


@dataclass
class History:
    """Everything that happened on a walk with all that can go wrong."""

    events: list[Event] = field(default_factory=list)

    def add(self, events: tuple[Event, ...]) -> None:
        self.events += events


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_comes_no_alert_fires_twice_without_a_resolve_between(seed: int) -> None:
    dice = random.Random(1_000 + seed)
    rule, history, now = any_rule(dice), History(), NOON
    episode: Episode | None = None
    for _ in range(STEPS):
        now += timedelta(seconds=dice.choice([0, 5, 60, 300, 3_600] if dice.random() > 0.02 else [-3_600, 3_600]))
        before = episode
        seen = dice.choice([True, True, False, None])
        late_s = dice.choice([0, 0, 0, 10, 7_200])
        signal = Signal(
            rule_id="walk", active=seen, taken_at=now - timedelta(seconds=late_s), value=dice.uniform(0, 100)
        )
        episode, events = step(rule, episode, signal, now, inhibited=dice.random() < 0.2)
        history.add(events)
        _holds_after_a_step(before, episode, events, signal, now)
        if episode is not None and dice.random() < 0.05:
            episode, events = acknowledge(episode, "ann", now)
            history.add(events)
        if episode is not None and dice.random() < 0.03:
            episode, events = mute(episode, now + timedelta(minutes=30), now)
            history.add(events)
        if episode is not None and dice.random() < 0.005:
            episode, events = resolve(episode, now, "gone")
            history.add(events)
    _holds_over_all(history.events)


def _holds_after_a_step(
    before: Episode | None, after: Episode | None, events: tuple[Event, ...], signal: Signal, now: datetime
) -> None:
    if signal.active is None:
        assert events == ()
        assert (before.state if before else None) == (after.state if after else None)
    if any(e.kind == "resolved" for e in events):
        assert signal.active is False
    if any(e.kind in ("fired", "raised") for e in events):
        assert signal.active is True
    if any(e.tell for e in events):
        assert after is not None
        assert not after.is_muted(now)
    if before is not None and before.state is State.ACKNOWLEDGED:
        assert not any(e.kind in ("fired", "raised") for e in events)


def _holds_over_all(events: list[Event]) -> None:
    kinds = [e.kind for e in events if e.kind in ("fired", "resolved")]
    assert kinds == ["fired" if n % 2 == 0 else "resolved" for n in range(len(kinds))]
    numbers = [e.episode.number for e in events if e.kind == "fired"]
    assert len(numbers) == len(set(numbers))
    assert numbers == sorted(numbers)
    told = {e.episode.number for e in events if e.tell and e.kind in ("fired", "raised")}
    assert {e.episode.number for e in events if e.tell and e.kind == "resolved"} <= told
