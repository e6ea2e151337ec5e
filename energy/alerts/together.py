"""Many episodes at once: which explains which, what a list shows, and what one message holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from energy.alerts.episode import Episode, Event
from energy.alerts.rule import Level, Rule
from energy.alerts.table import BY_ID

GROUP_WINDOW = timedelta(seconds=60)
_NAMED_KINDS = ("device", "miner")


@dataclass(frozen=True, slots=True)
class Group:
    """Open alerts of one group, those that matter most first, then the oldest."""

    name: str
    level: Level
    episodes: tuple[Episode, ...]


def inhibitor(
    rule: Rule,
    subject: str,
    devices: tuple[str, ...],
    episodes: Iterable[Episode],
    rules: Mapping[str, Rule] = BY_ID,
) -> Episode | None:
    """The open episode that explains `rule` on `subject` (its figures from `devices`), or None.

    Between two rules about devices, or two about miners, the subject must be the same. A rule about the whole site
    explains everything, and is explained by any; else the two must have a device in common.
    """
    for parent in episodes:
        if not parent.is_open or parent.rule_id not in rule.inhibited_by or parent.rule_id not in rules:
            continue
        kind = rules[parent.rule_id].of
        if kind == rule.of and kind in _NAMED_KINDS:
            explains = parent.subject == subject
        else:
            explains = "site" in (kind, rule.of) or bool(set(parent.signal.devices) & set(devices))
        if explains:
            return parent
    return None


def visible(episodes: Iterable[Episode], now: datetime, rules: Mapping[str, Rule] = BY_ID) -> tuple[Group, ...]:
    """The firing alerts that a list shows: not those that another one explains, and not the muted ones."""
    everything = tuple(episodes)
    by_group: dict[str, list[Episode]] = {}
    for episode in everything:
        rule = rules.get(episode.rule_id)
        if not episode.is_firing or episode.is_muted(now):
            continue
        if rule is not None and inhibitor(rule, episode.subject, episode.signal.devices, everything, rules):
            continue
        by_group.setdefault("custom" if rule is None else rule.group, []).append(episode)
    groups = [Group(name, max((e.level for e in each), key=_rank), _in_order(each)) for name, each in by_group.items()]
    return tuple(sorted(groups, key=lambda group: (-group.level.rank, group.episodes[0].since)))


def grouped(
    events: Iterable[Event], rules: Mapping[str, Rule] = BY_ID, window: timedelta = GROUP_WINDOW
) -> tuple[tuple[Event, ...], ...]:
    """What is to be told, one tuple per message: events of one group that say the same kind of thing (it began, it is
    over) within `window` of the first. Inside a message what matters most stands first; so do critical messages."""
    messages: list[list[Event]] = []
    open_at: dict[tuple[str, bool], list[Event]] = {}
    for event in sorted((e for e in events if e.tell), key=lambda e: e.at):
        rule = rules.get(event.episode.rule_id)
        key = (event.episode.rule_id if rule is None else rule.group, event.kind == "resolved")
        joined = open_at.get(key)
        if joined is None or event.at - joined[0].at > window:
            joined = open_at[key] = []
            messages.append(joined)
        joined.append(event)
    ordered = [tuple(sorted(found, key=lambda e: (-e.episode.level.rank, e.at))) for found in messages]
    return tuple(sorted(ordered, key=lambda found: (-found[0].episode.level.rank, found[0].at)))


def _in_order(episodes: list[Episode]) -> tuple[Episode, ...]:
    return tuple(sorted(episodes, key=lambda e: (-e.level.rank, e.since)))


def _rank(level: Level) -> int:
    return level.rank
