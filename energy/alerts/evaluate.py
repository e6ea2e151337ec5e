"""One look at a site: every rule judged, every episode carried one step on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from energy.alerts.episode import Episode, Event, State, step
from energy.alerts.power import GENERATOR
from energy.alerts.rule import Rule, Signal
from energy.alerts.situation import Key, Situation
from energy.alerts.table import BY_ID, RULES, Judge
from energy.alerts.together import inhibitor

Judged = tuple[Rule, Signal]
Failed = Callable[[str, Exception], None]  # the rule's id, and what it raised
NOTHING_MUTED: MappingProxyType[str, datetime] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The episodes that changed, the transitions, and the open episodes that nothing spoke about (their device may have
    left the settings; `episode.resolve` ends them)."""

    changed: Mapping[Key, Episode]
    events: tuple[Event, ...]
    unjudged: tuple[Key, ...]


def open_keys(episodes: Mapping[Key, Episode]) -> tuple[frozenset[Key], frozenset[Key]]:
    """(firing, pending) keys, for `Situation`."""
    firing = frozenset(key for key, episode in episodes.items() if episode.is_firing)
    pending = frozenset(key for key, episode in episodes.items() if episode.state is State.PENDING)
    return firing, pending


def _raised(_: str, error: Exception) -> None:
    raise error


def judge(s: Situation, failed: Failed = _raised, rules: Sequence[tuple[Rule, Judge]] = RULES) -> list[Judged]:
    """What each built-in rule sees. How long a generator may run is the owner's word (`generator_s`).

    A rule that raises says nothing, which neither fires nor resolves anything, and `failed` hears of it (without one it
    is raised): a rule that stumbles over a strange figure must not silence the others.
    """
    generator = replace(GENERATOR, for_s=s.settings.generator_s)
    judged: list[Judged] = []
    for rule, judged_by in rules:
        try:
            judged += [(generator if rule is GENERATOR else rule, seen) for seen in judged_by(s)]
        except Exception as error:  # noqa: BLE001  whatever it is; the caller logs it
            failed(rule.id, error)
    return judged


def evaluate(
    judged: Iterable[Judged],
    episodes: Mapping[Key, Episode],
    now: datetime,
    *,
    muted: Mapping[str, datetime] = NOTHING_MUTED,
) -> Evaluation:
    """Carry `episodes` (by rule and subject) on with what was judged at `now` (aware UTC).

    The rules that explain others go first, so that an alert and its consequences that come together are one. `muted`
    has until when a whole rule is muted, whatever its subjects.
    """
    everything = list(judged)
    rules = {**BY_ID, **{rule.id: rule for rule, _ in everything}}
    standing = dict(episodes)
    open_ones = {key: episode for key, episode in standing.items() if episode.is_open}
    changed: dict[Key, Episode] = {}
    events: list[Event] = []
    for rule, signal in sorted(everything, key=lambda each: _depth(each[0], rules)):
        before = standing.get(signal.key)
        parent = None
        if rule.inhibited_by and (signal.active or before is not None):
            parent = inhibitor(rule, signal.subject, signal.devices, open_ones.values(), rules)
        until = muted.get(rule.id)
        hushed = until is not None and now < until
        if until is not None and hushed and before is not None and not before.is_muted(until):
            before = replace(before, muted_until=until)
        after, happened = step(rule, before, signal, now, inhibited=parent is not None or hushed)
        if after is None or after == standing.get(signal.key):
            continue
        standing[signal.key] = changed[signal.key] = after
        events += happened
        if after.is_open:
            open_ones[signal.key] = after
        else:
            open_ones.pop(signal.key, None)
    spoken = {signal.key for _, signal in everything}
    return Evaluation(changed, tuple(events), tuple(key for key in open_ones if key not in spoken))


def _depth(rule: Rule, rules: Mapping[str, Rule], limit: int = 4) -> int:
    """0 for a rule that nothing explains, 1 for one that is explained by such, and so on."""
    if not rule.inhibited_by or limit == 0:
        return 0
    return 1 + max((_depth(rules[name], rules, limit - 1) for name in rule.inhibited_by if name in rules), default=0)
