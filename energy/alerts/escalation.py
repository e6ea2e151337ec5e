"""When an alert that nobody acknowledges goes to the next person or channel. Pure functions of episode and time.

One step at a time, whatever time went by without anybody who looked: whoever is told of the first step has as long as
usual before the second. A mute stops the clock, which begins anew at its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from energy.alerts.episode import Episode, State
from energy.alerts.rule import Level

AFTER_TELLING_AGAIN = timedelta(minutes=5)  # no step so soon after everybody was told again


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationSettings:
    """`after_s`: how long (s) after it was first told each further step is due, rising. Only from `least` level on."""

    after_s: tuple[float, ...] = (600.0, 1_800.0, 3_600.0)
    least: Level = Level.CRITICAL


USUAL = EscalationSettings()


def next_escalation(episode: Episode, done: int, settings: EscalationSettings = USUAL) -> datetime | None:
    """When the step after the `done` ones is due (aware UTC).

    None when there is none: it is acknowledged or over, was never told, or matters too little.
    """
    first = episode.first_told_at
    if episode.state is not State.FIRING or first is None or episode.level.rank < settings.least.rank:
        return None
    if done >= len(settings.after_s):
        return None
    after = timedelta(seconds=settings.after_s[done])
    due = first + after
    if episode.muted_until is not None:
        due = max(due, episode.muted_until + after)
    if episode.told_at is not None and episode.told_at > first:
        due = max(due, episode.told_at + min(AFTER_TELLING_AGAIN, after))
    if done and episode.passed_on_at is not None:
        due = max(due, episode.passed_on_at + after - timedelta(seconds=settings.after_s[done - 1]))
    return due


def is_due(episode: Episode, done: int, now: datetime, settings: EscalationSettings = USUAL) -> bool:
    """Whether the step after the `done` ones is due at `now`; not while it is muted."""
    at = next_escalation(episode, done, settings)
    return at is not None and at <= now and not episode.is_muted(now)
