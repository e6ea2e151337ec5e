"""When an alert that nobody acknowledges goes to the next person or channel. Pure functions of episode and time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from energy.alerts.episode import Episode, State
from energy.alerts.rule import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationSettings:
    """`after_s`: how long (s) after it was first told each further step is due, rising. Only from `least` level on."""

    after_s: tuple[float, ...] = (600.0, 1_800.0, 3_600.0)
    least: Level = Level.CRITICAL


USUAL = EscalationSettings()


def escalation_times(episode: Episode, settings: EscalationSettings = USUAL) -> tuple[datetime, ...]:
    """When each step is due (aware UTC): () once it is acknowledged or over, was never told, or matters too little."""
    if episode.state is not State.FIRING or episode.first_told_at is None or episode.level.rank < settings.least.rank:
        return ()
    return tuple(episode.first_told_at + timedelta(seconds=after_s) for after_s in settings.after_s)


def steps_due(episode: Episode, now: datetime, settings: EscalationSettings = USUAL) -> int:
    """How many steps are due at `now`; 0 while it is muted."""
    return 0 if episode.is_muted(now) else sum(at <= now for at in escalation_times(episode, settings))


def next_escalation(episode: Episode, done: int, settings: EscalationSettings = USUAL) -> datetime | None:
    """When the step after the `done` ones is due, a mute waited for; None when there is none."""
    times = escalation_times(episode, settings)
    if done >= len(times):
        return None
    return times[done] if episode.muted_until is None else max(times[done], episode.muted_until)
