"""The engine beside a model of it that was written on its own, through whatever hypothesis thinks of: measurements in
and out of order, unknown and noisy ones, people who acknowledge and mute, clocks that are set, rules that explain
others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from energy.alerts.episode import Episode, Event, acknowledge, mute, resolve
from energy.alerts.evaluate import Judged, evaluate
from energy.alerts.rule import Level, Rule, Signal
from energy.alerts.situation import Key
from tests.energy.alerts.engine_model import Modelled, Said
from tests.energy.alerts.scene import NOON

OUT = Rule(id="out", level=Level.WARNING, title="Out", cleared="Back", for_s=30, keep_firing_s=30, of="device")
LOW = Rule(
    id="low",
    level=Level.CRITICAL,
    title="Low",
    cleared="Up",
    for_s=120,
    keep_firing_s=60,
    cooldown_s=300,
    reraise_s=600,
    of="device",
    inhibited_by=("out",),
)
DIP = Rule(id="dip", level=Level.INFO, title="Dip", cleared="Over", cooldown_s=900, keep_firing_s=120)
KEYS: dict[Key, Rule] = {
    ("out", "a"): OUT,
    ("out", "b"): OUT,
    ("low", "a"): LOW,
    ("low", "b"): LOW,
    ("dip", ""): DIP,
}
HOUR = timedelta(hours=1)
SPANS = st.sampled_from([1, 10, 30, 60, 120, 300, 600, 1_000, 3_000])


@dataclass(frozen=True)
class Seen:
    """One figure: what it says, how old it is (negative: from a clock that is ahead), and whether it is a flag."""

    active: bool | None
    age_s: int
    steady: bool


SEEN = st.builds(
    Seen,
    active=st.sampled_from([True, True, True, False, False, None]),
    age_s=st.sampled_from([0, 0, 0, 0, 5, 5, 60, 700, -40]),
    steady=st.booleans(),
)
ALWAYS = [key for key in KEYS if key[0] == "out"]  # every look has a word on the rules that explain others
LOOKS = st.fixed_dictionaries(dict.fromkeys(ALWAYS, SEEN), optional={key: SEEN for key in KEYS if key not in ALWAYS})


class Engine(RuleBasedStateMachine):
    """The engine's episodes and the model's, carried on by the same steps."""

    @initialize()
    def begin(self) -> None:
        self.now = NOON
        self.episodes: dict[Key, Episode] = {}
        self.model = {key: Modelled(rule) for key, rule in KEYS.items()}
        self.rule_mutes: dict[str, datetime] = {}
        self.heard: Counter[tuple[Key, int, str]] = Counter()
        self.told: set[tuple[Key, int]] = set()
        self.of_another_clock: set[Key] = set()  # not seen since the clock was set back

    @rule(look=LOOKS, after_s=SPANS)
    def look_at_the_site(self, look: dict[Key, Seen], after_s: int) -> None:
        self.now += timedelta(seconds=after_s)
        judged: list[Judged] = [
            (
                KEYS[key],
                Signal(
                    rule_id=key[0],
                    subject=key[1],
                    active=seen.active,
                    taken_at=self.now - timedelta(seconds=seen.age_s),
                    steady=seen.steady,
                ),
            )
            for key, seen in look.items()
        ]
        before = dict(self.episodes)
        done = evaluate(judged, self.episodes, self.now, muted=self.rule_mutes)
        self.episodes.update(done.changed)
        self._compare({key: self._modelled(key, look[key]) for key in KEYS if key in look}, done.events)
        assert set(done.unjudged) == {key for key, e in self.episodes.items() if e.is_open and key not in look}
        for event in done.events:
            seen = look[event.episode.key]
            assert seen.active is not None, "unknown data must neither fire nor resolve"
            known = before.get(event.episode.key)
            newest = None if known is None or event.episode.key in self.of_another_clock else known.seen_at
            assert newest is None or self._moment(seen) >= newest, "late data is history"
        self.of_another_clock -= {key for key, seen in look.items() if seen.active is not None}

    @rule(key=st.sampled_from(sorted(KEYS)), active=st.booleans(), times=st.integers(2, 6), every_s=SPANS)
    def one_thing_lasts(self, key: Key, active: bool, times: int, every_s: int) -> None:
        nothing = dict.fromkeys(ALWAYS, Seen(None, 0, steady=False))
        for _ in range(times):
            self.look_at_the_site(look=nothing | {key: Seen(active, 0, steady=False)}, after_s=every_s)

    @rule(after_s=SPANS)
    def nobody_looks(self, after_s: int) -> None:
        self.now += timedelta(seconds=after_s)

    @rule(step=st.sampled_from([HOUR, -HOUR]), key=st.sampled_from(sorted(KEYS)), goes_on=st.integers(0, 4))
    def the_clock_is_set(self, step: timedelta, key: Key, goes_on: int) -> None:
        self.now += step
        self.of_another_clock |= set(KEYS) if step < timedelta(0) else set()
        self.one_thing_lasts(key=key, active=True, times=goes_on, every_s=300)

    @precondition(lambda self: any(episode.is_firing for episode in self.episodes.values()))
    @rule(pick=st.integers(0, 4), goes_on=st.integers(0, 4), every_s=SPANS)
    def somebody_acknowledges(self, pick: int, goes_on: int, every_s: int) -> None:
        firing = sorted(key for key, episode in self.episodes.items() if episode.is_firing)
        key = firing[pick % len(firing)]
        self.episodes[key], events = acknowledge(self.episodes[key], "ann", self.now)
        self._compare({key: self.model[key].acknowledge()}, events)
        self.one_thing_lasts(key=key, active=True, times=goes_on, every_s=every_s)

    @precondition(lambda self: self.episodes)
    @rule(pick=st.integers(0, 4), for_s=st.none() | SPANS)
    def somebody_mutes_an_alert(self, pick: int, for_s: int | None) -> None:
        known = sorted(self.episodes)
        key = known[pick % len(known)]
        until = None if for_s is None else self.now + timedelta(seconds=for_s)
        self.episodes[key], events = mute(self.episodes[key], until, self.now)
        self._compare({key: self.model[key].mute(None if until is None else _seconds(until))}, events)

    @rule(rule_id=st.sampled_from(["low", "dip"]), for_s=SPANS)
    def somebody_mutes_a_rule(self, rule_id: str, for_s: int) -> None:
        self.rule_mutes[rule_id] = self.now + timedelta(seconds=for_s)

    @rule(key=st.sampled_from(sorted(KEYS)))
    def its_device_is_taken_out(self, key: Key) -> None:
        if key in self.episodes:
            self.episodes[key], events = resolve(self.episodes[key], self.now, "taken out")
            self._compare({key: self.model[key].close(_seconds(self.now))}, events)

    @invariant()
    def both_stand_at_the_same(self) -> None:
        for key, modelled in self.model.items():
            episode = self.episodes.get(key)
            stands = ("none", 0) if episode is None else (str(episode.state), episode.number)
            assert stands == (modelled.state, modelled.number), key
            assert (episode is not None and episode.told_at is not None) == (modelled.told is not None), key

    @invariant()
    def each_episode_fired_once_and_ended_at_most_once(self) -> None:
        for key, episode in self.episodes.items():
            for number in range(1, episode.number + 1):
                fired, resolved = self.heard[key, number, "fired"], self.heard[key, number, "resolved"]
                assert resolved <= fired <= 1
                assert fired == 1 or number == episode.number  # a later one begins only after the last one ended
                assert resolved == (fired if number < episode.number else episode.state == "resolved")
            assert self.heard[key, episode.number, "fired"] == (episode.is_firing or episode.state == "resolved")

    def _modelled(self, key: Key, seen: Seen) -> list[Said]:
        """What the model says; `KEYS` has the rules that explain others first."""
        model, now = self.model[key], _seconds(self.now)
        until = self.rule_mutes.get(key[0])
        hushed = until is not None and self.now < until
        if until is not None and hushed and model.state != "none" and not model.is_muted(_seconds(until)):
            model.muted = _seconds(until)
        explained = key[0] == "low" and self.model["out", key[1]].is_open
        return model.look(seen.active, now - seen.age_s, now, steady=seen.steady, hushed=hushed or explained)

    def _moment(self, seen: Seen) -> datetime:
        return min(self.now, self.now - timedelta(seconds=seen.age_s))

    def _compare(self, modelled: dict[Key, list[Said]], events: tuple[Event, ...]) -> None:
        happened: dict[Key, list[Said]] = {key: [] for key in modelled}
        for event in events:
            key, number = event.episode.key, event.episode.number
            happened[key].append((event.kind, event.tell))
            assert event.at == self.now
            self.heard[key, number, event.kind] += 1
            if not event.tell:
                continue
            assert not self.heard[key, number, "acknowledged"] or event.kind == "resolved"
            assert event.kind != "resolved" or (key, number) in self.told, "told of an end without a beginning"
            self.told.add((key, number))
        assert happened == modelled, f"happened {happened}, modelled {modelled}"


def _seconds(moment: datetime) -> float:
    return (moment - NOON).total_seconds()


def _run(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Engine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_whatever_comes_the_engine_does_what_the_model_does() -> None:
    _run(examples=200, steps=50)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_whatever_comes_for_long_the_engine_does_what_the_model_does() -> None:
    _run(examples=3_000, steps=100)


def test_the_model_notices_an_engine_that_resolves_on_unknown_data() -> None:
    modelled = Modelled(DIP)
    assert modelled.look(True, 0, 0, steady=False, hushed=False) == [("fired", True)]
    assert modelled.look(None, 500, 500, steady=False, hushed=False) == []
    assert modelled.fires
    assert replace(modelled, muted=600.0).close(500) == [("resolved", False)]
