"""What a person reads: what, how much, since when, why it matters, what to do; and one text for several alerts.

Plain text without markup; the names of devices and codes in it come from devices and are escaped by the platform.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from energy.alerts.episode import Episode, Event, State
from energy.alerts.rule import Level, Rule, Signal
from energy.alerts.situation import age_of
from energy.alerts.table import BY_ID
from energy.units import (
    DEFAULT_UNITS,
    UnitPreferences,
    format_clock,
    format_duration,
    format_percent,
    format_power,
    format_temperature,
)

MOST_LINES = 6
_WORDS = {Level.CRITICAL: "CRITICAL", Level.WARNING: "Warning", Level.INFO: "Info"}


def alert_text(
    episode: Episode, rule: Rule, zone: ZoneInfo, now: datetime, units: UnitPreferences = DEFAULT_UNITS
) -> str:
    """An alert as it stands: three lines while it fires, with who has it in hand; one or two once it is over."""
    if episode.state is State.RESOLVED:
        return _resolved_text(episode, rule, units)
    since = format_clock(episode.since, zone, now=now, units=units)
    lines = [f"{_WORDS[episode.level]}: {filled(episode.signal, units)} Since {since}."]
    if episode.signal.why:
        lines.append(episode.signal.why)
    if episode.signal.do:
        lines.append(f"What to do: {episode.signal.do}")
    if episode.acknowledged_by is not None and episode.acknowledged_at is not None:
        at = format_clock(episode.acknowledged_at, zone, now=now, units=units)
        lines.append(f"Acknowledged by {episode.acknowledged_by} at {at}.")
    return "\n".join(lines)


def _resolved_text(episode: Episode, rule: Rule, units: UnitPreferences) -> str:
    ended_at = episode.clear_since or episode.resolved_at or episode.since
    about = f" ({episode.subject})" if episode.subject else ""
    lasted = format_duration(age_of(episode.since, ended_at))
    said = episode.resolved_because or rule.cleared
    worst = "" if episode.worst is None else f" At its worst: {shown(episode.worst, episode.signal.unit, units)}."
    return f"Over: {said}{about}. It lasted {lasted}.{worst}"


def message_text(
    events: Sequence[Event],
    zone: ZoneInfo,
    now: datetime,
    units: UnitPreferences = DEFAULT_UNITS,
    rules: Mapping[str, Rule] = BY_ID,
) -> str:
    """One message for the events of one group (energy/alerts/together.py), what matters most first, six lines at the
    most. `rules` must know every rule, custom ones too."""
    if len(events) == 1:
        episode = events[0].episode
        return alert_text(episode, rules[episode.rule_id], zone, now, units)
    first = events[0].episode
    over = all(event.kind == "resolved" for event in events)
    title = f"{len(events)} alerts are over:" if over else f"{_WORDS[first.level]}: {len(events)} alerts at once."
    fit = MOST_LINES - 1 if over else MOST_LINES - 2
    shown_ones = events if len(events) <= fit else events[: fit - 1]
    lines = [title, *(f"- {_line(event, rules, units)}" for event in shown_ones)]
    if len(shown_ones) < len(events):
        lines.append(f"- and {len(events) - len(shown_ones)} more")
    if not over and first.signal.do:
        lines.append(f"What to do first: {first.signal.do}")
    return "\n".join(lines)


def _line(event: Event, rules: Mapping[str, Rule], units: UnitPreferences) -> str:
    if event.kind != "resolved":
        return filled(event.episode.signal, units)
    about = f" ({event.episode.subject})" if event.episode.subject else ""
    return f"{rules[event.episode.rule_id].cleared}{about}."


def filled(signal: Signal, units: UnitPreferences = DEFAULT_UNITS) -> str:
    """`what` with its figures in the reader's units; a value just past its threshold is never shown as equal to it."""
    value = "unknown" if signal.value is None else shown(signal.value, signal.unit, units)
    threshold = "unknown" if signal.threshold is None else shown(signal.threshold, signal.unit, units)
    if value == threshold and signal.value is not None and signal.value != signal.threshold:
        value = f"{'just under' if signal.value < (signal.threshold or 0.0) else 'just over'} {value}"
    return signal.what.replace("{value}", value).replace("{threshold}", threshold)


def shown(value: float, unit: str, units: UnitPreferences = DEFAULT_UNITS) -> str:
    """A figure in one of the units that signals have: W, %, V, °C, s, or none."""
    if unit == "W":
        return format_power(value, units)
    if unit == "%":
        return format_percent(value)
    if unit == "°C":
        return format_temperature(value, units)
    if unit == "s":
        return format_duration(timedelta(seconds=value))
    return f"{value:.2f} {unit}".strip()
