"""What a person reads: what, how much, since when, why it matters, what to do; and one text for several alerts.

Plain text without markup; the names of devices and codes in it come from devices and are escaped by the platform.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from energy.alerts.custom import rule_from_id
from energy.alerts.episode import Episode, State
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
MOST_DIGEST_LINES = 12
_WORDS = {Level.CRITICAL: "CRITICAL", Level.WARNING: "Warning", Level.INFO: "Info"}


def rule_of(episode: Episode, rules: Mapping[str, Rule] = BY_ID) -> Rule:
    """The episode's rule; one that nobody has any more is read from its id."""
    known = rules.get(episode.rule_id) or rule_from_id(episode.rule_id, episode.level)
    if known is not None:
        return known
    words = episode.rule_id.replace("_", " ").capitalize()
    return Rule(id=episode.rule_id, level=episode.level, title=words, cleared=f"{words} is over")


def alert_text(
    episode: Episode,
    rule: Rule,
    zone: ZoneInfo,
    now: datetime,
    units: UnitPreferences = DEFAULT_UNITS,
    *,
    already: bool = False,
) -> str:
    """An alert as it stands: three lines while it fires, with who has it in hand; one or two once it is over.

    `already`: it was so when the rule was made; nobody looked since when.
    """
    if episode.state is State.RESOLVED:
        return _resolved_text(episode, rule, units)
    since = f"Since {format_clock(episode.since, zone, now=now, units=units)}."
    lines = [f"{_WORDS[episode.level]}: {filled(episode.signal, units)} {'It was so already.' if already else since}"]
    if episode.signal.why:
        lines.append(episode.signal.why)
    if episode.signal.do:
        lines.append(f"What to do: {episode.signal.do}")
    lines += _standing([episode], zone, now, units)
    return "\n".join(lines)


def over_already_text(
    episode: Episode, rule: Rule, zone: ZoneInfo, now: datetime, units: UnitPreferences = DEFAULT_UNITS
) -> str:
    """An alert that ended before anybody could be told of it: what it was, and that it is over."""
    since = format_clock(episode.since, zone, now=now, units=units)
    told = f"{_WORDS[episode.level]}, and over already: {filled(episode.signal, units)} Since {since}."
    return f"{told}\n{_resolved_text(episode, rule, units)}"


def _resolved_text(episode: Episode, rule: Rule, units: UnitPreferences) -> str:
    return f"Over: {_ended(episode, rule)}. It lasted {format_duration(_lasted(episode))}.{_at_worst(episode, units)}"


def _ended(episode: Episode, rule: Rule) -> str:
    about = f" ({episode.subject})" if episode.subject else ""
    return f"{episode.resolved_because or rule.cleared}{about}"


def ended_at(episode: Episode) -> datetime:
    """When it was over: the first clear measurement, where there is one."""
    return episode.clear_since or episode.resolved_at or episode.since


def _lasted(episode: Episode) -> timedelta:
    return age_of(episode.since, ended_at(episode))


def _at_worst(episode: Episode, units: UnitPreferences) -> str:
    return "" if episode.worst is None else f" At its worst: {shown(episode.worst, episode.worst_unit, units)}."


def _standing(episodes: Sequence[Episode], zone: ZoneInfo, now: datetime, units: UnitPreferences) -> list[str]:
    """Who has all of them in hand, and until when all of them are muted."""
    lines: list[str] = []
    taken = [e for e in episodes if e.acknowledged_by is not None and e.acknowledged_at is not None]
    if taken and len(taken) == len(episodes):
        last = max(taken, key=lambda e: e.acknowledged_at or now)
        at = format_clock(last.acknowledged_at or now, zone, now=now, units=units)
        lines.append(f"Acknowledged by {' and '.join(dict.fromkeys(e.acknowledged_by or '' for e in taken))} at {at}.")
    muted = [e.muted_until for e in episodes if e.muted_until is not None and e.is_muted(now)]
    if muted and len(muted) == len(episodes):
        lines.append(f"Muted until {format_clock(min(muted), zone, now=now, units=units)}.")
    return lines


def message_title(episodes: Sequence[Episode], rules: Mapping[str, Rule] = BY_ID) -> str:
    """A message in a few words, for a notification's title."""
    first = in_order(episodes)[0]
    what = rule_of(first, rules).title + (f" ({first.subject})" if first.subject else "")
    more = f" and {len(episodes) - 1} more" if len(episodes) > 1 else ""
    over = "Over: " if all(e.state is State.RESOLVED for e in episodes) else ""
    return f"{over}{what}{more}"


def in_order(episodes: Sequence[Episode]) -> list[Episode]:
    """What still stands first, then what matters most, then the oldest."""
    return sorted(episodes, key=lambda e: (not e.is_open, -e.level.rank, e.since))


def message_text(
    episodes: Sequence[Episode],
    zone: ZoneInfo,
    now: datetime,
    units: UnitPreferences = DEFAULT_UNITS,
    rules: Mapping[str, Rule] = BY_ID,
    *,
    already: Collection[str] = (),
) -> str:
    """One message for the alerts of one group (energy/alerts/together.py) as they stand, six lines at the most.

    `already` has the rules that were so when they were made.
    """
    if len(episodes) == 1:
        (one,) = episodes
        return alert_text(one, rule_of(one, rules), zone, now, units, already=one.rule_id in already)
    ordered = in_order(episodes)
    standing = [e for e in ordered if e.is_open]
    if standing:
        over = len(ordered) - len(standing)
        also = "" if not over else f"; {over} {'is' if over == 1 else 'are'} over"
        many = "1 alert" if len(standing) == 1 else f"{len(standing)} alerts at once"
        title = f"{_WORDS[standing[0].level]}: {many}{also}."
    else:
        title = f"{len(ordered)} alerts are over:"
    last = _standing(standing, zone, now, units)[:1] if standing else []
    if not last and standing and standing[0].signal.do:
        last = [f"What to do first: {standing[0].signal.do}"]
    fit = MOST_LINES - 1 - len(last)
    shown_ones = ordered if len(ordered) <= fit else ordered[: fit - 1]
    all_taken = all(e.acknowledged_by is not None for e in standing)
    over_said = not standing  # the title says it of all of them
    lines = [
        title,
        *(f"- {_line(each, rules, units, say_who=not all_taken, over_said=over_said)}" for each in shown_ones),
    ]
    if len(shown_ones) < len(ordered):
        lines.append(f"- and {len(ordered) - len(shown_ones)} more")
    return "\n".join(lines + last)


def _line(
    episode: Episode, rules: Mapping[str, Rule], units: UnitPreferences, *, say_who: bool, over_said: bool
) -> str:
    if episode.state is State.RESOLVED:
        return f"{'' if over_said else 'Over: '}{_ended(episode, rule_of(episode, rules))}."
    taken = f" {episode.acknowledged_by} has it." if say_who and episode.acknowledged_by is not None else ""
    return f"{filled(episode.signal, units)}{taken}"


def digest_line(
    episode: Episode,
    zone: ZoneInfo,
    now: datetime,
    units: UnitPreferences = DEFAULT_UNITS,
    rules: Mapping[str, Rule] = BY_ID,
) -> str:
    """One alert in a line of a digest: what stands with its figures, what is over with its times and its worst."""
    rule = rule_of(episode, rules)
    since = format_clock(episode.since, zone, now=now, units=units)
    if episode.state is not State.RESOLVED:
        taken = "" if episode.acknowledged_by is None else f" {episode.acknowledged_by} has it."
        return f"Still, since {since}: {filled(episode.signal, units)}{taken}"
    about = f" ({episode.subject})" if episode.subject else ""
    until = format_clock(ended_at(episode), zone, now=now, units=units)
    worst = "" if episode.worst is None else f", at its worst {shown(episode.worst, episode.worst_unit, units)}"
    return f"{rule.title}{about}: {since} to {until}{worst}."


def digest_text(heading: str, lines: Sequence[str], most: int = MOST_DIGEST_LINES) -> str:
    """A list under a heading, with how many more there are."""
    fit = lines if len(lines) < most else lines[: most - 2]
    more = [] if len(fit) == len(lines) else [f"- and {len(lines) - len(fit)} more; /alerts history has them"]
    return "\n".join([heading, *(f"- {line}" for line in fit), *more])


def filled(signal: Signal, units: UnitPreferences = DEFAULT_UNITS) -> str:
    """`what`, or `waits`, with figures in the reader's units; what is just past its threshold is not shown as equal."""
    value = "unknown" if signal.value is None else shown(signal.value, signal.unit, units)
    threshold = "unknown" if signal.threshold is None else shown(signal.threshold, signal.unit, units)
    if value == threshold and signal.value is not None and signal.value != signal.threshold:
        value = f"{'just under' if signal.value < (signal.threshold or 0.0) else 'just over'} {value}"
    told = signal.what if signal.is_past or not signal.waits else signal.waits
    said = " ".join(told.split())  # a device's words must not make lines of their own
    return said.replace("{value}", value).replace("{threshold}", threshold)


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
