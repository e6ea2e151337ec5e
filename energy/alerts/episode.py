"""An alert from its first sign to its end, and the one step that carries it on. Pure: the time is an argument.

ok -> pending -> firing -> acknowledged -> resolved. `for`, and how long a rule must be clear, count in the time of the
measurements, so that one noisy reading that is looked at for five minutes is not five minutes of evidence; flags and
codes (`Signal.steady`) count in clock time while they are fresh. Unknown data holds everything as it is: it neither
fires nor resolves. A measurement older than one that was judged already is history and changes nothing. After the clock
was set back, no moment lies in the future, so nothing waits for it to come again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from energy.alerts.rule import Level, Rule, Signal

WORSE_BY_AT_LEAST = 0.05  # of the threshold: 1.5 % SOC below a floor of 30 %
UNKNOWN_BREAKS = timedelta(minutes=15)  # a first sign followed by so long without data must be seen anew
OTHER_MEASURE_AFTER = timedelta(hours=1)
SAME_CLOCK = timedelta(seconds=5)  # what the clocks of two workers may differ by


class State(StrEnum):
    """Where an episode stands."""

    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


Happening = Literal["pending", "lapsed", "fired", "raised", "worsened", "acknowledged", "muted", "resolved"]
FIRING_STATES = (State.FIRING, State.ACKNOWLEDGED)
OPEN_STATES = (State.PENDING, *FIRING_STATES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One alert's life. Moments are aware UTC; `number` counts the episodes of the same rule and subject from 1.

    `since` is the measurement that began it, `seen_at` the newest one that was judged, `clear_since` the first clear
    one while it fires. `told_at` is when people were told last, None while muted or inhibited from the start.
    `passed_on_at` is when it went a step of its escalation further. `not_before` is the end of the cooldown. `signal`
    is the last active one, `worst` the value at its worst, and `shown_worst` what it was when people were told, or when
    the message was brought up to date.
    """

    rule_id: str
    subject: str
    level: Level
    state: State
    number: int
    since: datetime
    signal: Signal
    seen_at: datetime | None = None
    last_active_at: datetime | None = None
    unknown_since: datetime | None = None
    clear_since: datetime | None = None
    fired_at: datetime | None = None
    first_told_at: datetime | None = None
    told_at: datetime | None = None
    worst: float | None = None
    worst_at: datetime | None = None
    worst_unit: str = ""
    shown_worst: float | None = None
    acknowledged_by: str | None = None
    acknowledged_by_id: str | None = None
    acknowledged_at: datetime | None = None
    muted_until: datetime | None = None
    passed_on_at: datetime | None = None
    not_before: datetime | None = None
    resolved_at: datetime | None = None
    resolved_because: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The rule and its subject."""
        return self.rule_id, self.subject

    @property
    def is_open(self) -> bool:
        """Whether it is pending, firing or acknowledged."""
        return self.state in OPEN_STATES

    @property
    def is_firing(self) -> bool:
        """Whether it fires, acknowledged or not."""
        return self.state in FIRING_STATES

    def is_muted(self, now: datetime) -> bool:
        """Whether somebody muted it for longer than `now`."""
        return self.muted_until is not None and now < self.muted_until


@dataclass(frozen=True, slots=True)
class Event:
    """A transition, for the store; `tell` is whether people hear of it."""

    kind: Happening
    episode: Episode
    at: datetime
    tell: bool


Step = tuple[Episode | None, tuple[Event, ...]]


def step(rule: Rule, episode: Episode | None, signal: Signal, now: datetime, *, inhibited: bool = False) -> Step:
    """The episode after what `signal` says at `now` (aware UTC), and the transitions on the way.

    None goes in while nothing was ever seen and comes out while there still is nothing; a resolved episode stays what
    it is until the next one begins. `inhibited`: another alert explains this one, so it is kept but not told.
    """
    if episode is not None:
        episode = _in_this_clock(rule, episode, now)
        if _is_another_measure(episode, signal, now):
            return _unknown(episode, now), ()
    moment = now if signal.taken_at is None else min(signal.taken_at, now)
    late = episode is not None and episode.seen_at is not None and moment < episode.seen_at
    if signal.active is None or late:
        return _unknown(episode, now), ()
    counted = now if signal.steady else moment
    if signal.active:
        after, events = _active(rule, episode, signal, counted, now, hushed=inhibited)
    else:
        after, events = _inactive(rule, episode, counted, now)
    if after is not None and after.seen_at != moment:
        after = replace(after, seen_at=moment)
        events = tuple(replace(event, episode=after) for event in events)
    return after, events


def acknowledge(
    episode: Episode, by: str, now: datetime, *, by_id: str | None = None
) -> tuple[Episode, tuple[Event, ...]]:
    """Somebody (their name, and their id) has it in hand: nobody is told again.

    Only a firing episode changes; the first who does it counts.
    """
    if episode.state is not State.FIRING:
        return episode, ()
    after = replace(
        episode, state=State.ACKNOWLEDGED, acknowledged_by=by, acknowledged_by_id=by_id, acknowledged_at=now
    )
    return after, (Event("acknowledged", after, now, tell=False),)


def mute(episode: Episode, until: datetime | None, now: datetime) -> tuple[Episode, tuple[Event, ...]]:
    """Nothing is told of it until then, of later episodes neither; None ends the mute. It goes on being judged."""
    after = replace(episode, muted_until=until)
    return after, (Event("muted", after, now, tell=False),)


def resolve(episode: Episode, now: datetime, because: str) -> tuple[Episode, tuple[Event, ...]]:
    """End it for another reason than its figures: a device was taken out, a person closed it."""
    if episode.is_firing:
        return _resolved(episode, now, because)
    if episode.state is State.PENDING:
        return _lapsed(episode, now)
    return episode, ()


def _active(rule: Rule, episode: Episode | None, signal: Signal, moment: datetime, now: datetime, hushed: bool) -> Step:
    if episode is None or not episode.is_open:
        return _begun(rule, episode, signal, moment, now, hushed)
    restarted = episode.state is State.PENDING and _unknown_too_long(rule, episode, now)
    after = replace(
        _worsened(episode, signal, moment),
        signal=signal,
        since=moment if restarted else episode.since,
        seen_at=moment,
        last_active_at=moment,
        unknown_since=None,
        clear_since=None,
    )
    if after.state is State.PENDING:
        return _fired_if_due(rule, after, moment, now, hushed)
    return _told_if_due(rule, after, now, hushed)


def _begun(rule: Rule, episode: Episode | None, signal: Signal, moment: datetime, now: datetime, hushed: bool) -> Step:
    was_resolved = episode is not None and episode.state is State.RESOLVED
    begun = Episode(
        rule_id=rule.id,
        subject=signal.subject,
        level=rule.level,
        state=State.PENDING,
        number=1 if episode is None else episode.number + was_resolved,
        since=moment,
        signal=signal,
        seen_at=moment,
        last_active_at=moment,
        worst=signal.value,
        worst_at=moment,
        worst_unit=signal.unit,
        muted_until=None if episode is None else episode.muted_until,
        not_before=None if episode is None else episode.not_before,
    )
    if _is_due(rule, begun, moment, now):
        return _fired_if_due(rule, begun, moment, now, hushed)
    return begun, (Event("pending", begun, now, tell=False),)


def _is_due(rule: Rule, pending: Episode, moment: datetime, now: datetime) -> bool:
    held = moment - pending.since >= timedelta(seconds=rule.for_s)
    return held and (pending.not_before is None or now >= pending.not_before)


def _fired_if_due(rule: Rule, pending: Episode, moment: datetime, now: datetime, hushed: bool) -> Step:
    if not _is_due(rule, pending, moment, now):
        return pending, ()
    tell = not hushed and not pending.is_muted(now)
    told_at = now if tell else None
    fired = replace(
        pending,
        state=State.FIRING,
        fired_at=now,
        first_told_at=told_at,
        told_at=told_at,
        not_before=None,
        shown_worst=pending.worst,
    )
    return fired, (Event("fired", fired, now, tell),)


def _told_if_due(rule: Rule, firing: Episode, now: datetime, hushed: bool) -> Step:
    """Told late, once the mute or the other alert is over; told again while nobody acknowledges it."""
    if firing.state is State.FIRING and not hushed and not firing.is_muted(now):
        again = rule.reraise_s is not None and firing.told_at is not None
        again = again and now - (firing.told_at or now) >= timedelta(seconds=rule.reraise_s or 0.0)
        if firing.told_at is None or again or _was_muted(firing, now):
            told = replace(firing, told_at=now, first_told_at=firing.first_told_at or now, shown_worst=firing.worst)
            return told, (Event("raised", told, now, tell=True),)
    if _is_twice_as_bad(firing):
        if (
            rule.level is Level.CRITICAL
            and firing.state is State.ACKNOWLEDGED
            and not hushed
            and not firing.is_muted(now)
        ):
            return _in_nobodys_hand(firing, now)
        worse = replace(firing, shown_worst=firing.worst)
        return worse, (Event("worsened", worse, now, tell=False),)
    return firing, ()


def _was_muted(firing: Episode, now: datetime) -> bool:
    """Whether it is critical, and a mute ended since it was told: it is told again before it is passed on."""
    told_at, until = firing.told_at, firing.muted_until
    return firing.level is Level.CRITICAL and told_at is not None and until is not None and told_at < until <= now


def _in_nobodys_hand(taken: Episode, now: datetime) -> Step:
    """What somebody has in hand got twice as bad: it is told again, and has to be acknowledged again."""
    raised = replace(
        taken,
        state=State.FIRING,
        acknowledged_by=None,
        acknowledged_by_id=None,
        acknowledged_at=None,
        first_told_at=now,
        told_at=now,
        shown_worst=taken.worst,
    )
    return raised, (Event("raised", raised, now, tell=True),)


def _is_twice_as_bad(firing: Episode) -> bool:
    """Whether it is past its threshold twice as far as people were told, and by more than what is in its noise."""
    threshold, worst, told = firing.signal.threshold, firing.worst, firing.shown_worst
    if threshold is None or worst is None or told is None or firing.told_at is None:
        return False
    if firing.signal.unit != firing.worst_unit:
        return False
    was, is_now = abs(told - threshold), abs(worst - threshold)
    return is_now >= 2 * was and is_now - was >= WORSE_BY_AT_LEAST * abs(threshold)


def _inactive(rule: Rule, episode: Episode | None, moment: datetime, now: datetime) -> Step:
    if episode is None:
        return None, ()
    seen = replace(episode, seen_at=moment, unknown_since=None)
    if episode.state is State.PENDING:
        return _lapsed(seen, now)
    if not episode.is_firing:
        return seen, ()
    clear_since = episode.clear_since or moment
    seen = replace(seen, clear_since=clear_since)
    if moment - clear_since < timedelta(seconds=rule.keep_firing_s):
        return seen, ()
    cooled_at = now + timedelta(seconds=rule.cooldown_s)
    return _resolved(replace(seen, not_before=cooled_at if rule.cooldown_s > 0 else None), now, None)


def _resolved(episode: Episode, now: datetime, because: str | None) -> tuple[Episode, tuple[Event, ...]]:
    tell = episode.told_at is not None and not episode.is_muted(now)
    after = replace(episode, state=State.RESOLVED, resolved_at=now, resolved_because=because)
    return after, (Event("resolved", after, now, tell),)


def _lapsed(episode: Episode, now: datetime) -> tuple[Episode, tuple[Event, ...]]:
    after = replace(episode, state=State.OK)
    return after, (Event("lapsed", after, now, tell=False),)


def _unknown(episode: Episode | None, now: datetime) -> Episode | None:
    if episode is None or episode.state is not State.PENDING or episode.unknown_since is not None:
        return episode
    return replace(episode, unknown_since=now)


def _unknown_too_long(rule: Rule, episode: Episode, now: datetime) -> bool:
    if episode.unknown_since is None:
        return False
    return now - episode.unknown_since > max(UNKNOWN_BREAKS, timedelta(seconds=rule.for_s))


def _worsened(episode: Episode, signal: Signal, moment: datetime) -> Episode:
    if signal.value is None:
        return episode
    if episode.worst is not None:
        worse = signal.value < episode.worst if signal.lower_is_worse else signal.value > episode.worst
        if signal.unit != episode.worst_unit or not worse:
            return episode
    return replace(episode, worst=signal.value, worst_at=moment, worst_unit=signal.unit)


def _is_another_measure(episode: Episode, signal: Signal, now: datetime) -> bool:
    """Whether the signal clears by another measure than the one that fired it (volts beside SOC), which may come back.

    A bank under charge reads high volts at any SOC. After an hour without the first measure the other one will do.
    """
    fired_by = episode.signal.unit
    if not episode.is_firing or signal.active is not False or not (fired_by and signal.unit) or fired_by == signal.unit:
        return False
    return episode.last_active_at is not None and now - episode.last_active_at < OTHER_MEASURE_AFTER


def _in_this_clock(rule: Rule, episode: Episode, now: datetime) -> Episode:
    """The episode with no moment after `now`: the clock was set back, and nothing may wait for it to catch up."""
    latest = max(
        moment
        for moment in (
            episode.since,
            episode.seen_at,
            episode.clear_since,
            episode.told_at,
            episode.unknown_since,
            episode.passed_on_at,
        )
        if moment is not None
    )
    cooled_at = now + timedelta(seconds=rule.cooldown_s)
    not_before = None if episode.not_before is None else min(episode.not_before, cooled_at)
    if latest <= now + SAME_CLOCK:
        return episode if not_before == episode.not_before else replace(episode, not_before=not_before)

    def by_now(moment: datetime | None) -> datetime | None:
        return None if moment is None else min(moment, now)

    return replace(
        episode,
        since=min(episode.since, now),
        seen_at=None,
        clear_since=by_now(episode.clear_since),
        told_at=by_now(episode.told_at),
        first_told_at=by_now(episode.first_told_at),
        unknown_since=by_now(episode.unknown_since),
        passed_on_at=by_now(episode.passed_on_at),
        not_before=not_before,
    )
