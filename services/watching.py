"""Carrying a site's alerts on: what was judged becomes episodes, transitions, messages and what people are told."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from energy.alerts.custom import CustomRule
from energy.alerts.episode import Episode, Event, State, resolve
from energy.alerts.escalation import is_due
from energy.alerts.evaluate import Judged, evaluate, open_keys
from energy.alerts.situation import Key
from energy.site import Site
from services.addressees import Addressees, addressees_of
from services.alert_telling import Telling
from services.audience import EVERY_WAY
from services.left import why_it_left
from services.scope import Wake, no_wake
from services.ways import Way, ways_of
from store import alerts, people
from store.alert_revision import revision, revision_in
from store.alerts import Change, Conflict, StoredEpisode
from store.database import Database

log = structlog.get_logger()

MOST_TRIES = 5
KEPT_EVERY = timedelta(minutes=5)
WHO_HOLDS = timedelta(seconds=30)  # so long may a change of a preference take to be seen while nothing is told
_SEEN = ("signal", "seen_at", "last_active_at", "unknown_since", "clear_since", "worst", "worst_at", "worst_unit")
_LOGGED = ("fired", "raised", "resolved")


@dataclass(slots=True)
class _Known:
    """What was loaded at a revision, and the episodes as they were carried on since."""

    revision: int | None = None
    stored: dict[Key, StoredEpisode] = field(default_factory=dict)
    episodes: dict[Key, Episode] = field(default_factory=dict)
    who: Addressees | None = None
    who_at: datetime | None = None  # when it was last seen to hold
    people: Sequence[people.Standing] = ()  # who was on the site when `who` was loaded
    kept_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """The keys of the open episodes, and everybody's own rules, each once."""

    firing: frozenset[Key]
    pending: frozenset[Key]
    own_rules: tuple[CustomRule, ...]


class Watching:
    """The alerts of one site for one worker. Any number of workers may carry the same site on: the store decides.

    The newest episodes are kept in memory while the store's revision stands. What a look changes without a transition
    (the newest measurement, since when it is clear) is ahead of the store by five minutes at the most.
    """

    def __init__(self, database: Database, org_id: str, site: Site, *, wake: Wake = no_wake) -> None:
        self._database = database
        self._org_id = org_id
        self._site = site
        self._wake = wake
        self._known = _Known()
        self._looked = False  # nothing has been carried on since the store was looked at
        self._escalation = site.alerts.escalation()

    async def look(self, now: datetime) -> Looked:
        """What is open and what people's own rules are, as stored now; the next `carry_on` goes on from there."""
        known = await self._current()
        who = await self._who(known, now)
        self._looked = True
        return Looked(*open_keys(known.episodes), who.own_rules)

    async def carry_on(
        self, judged: Sequence[Judged], now: datetime, *, gone: Collection[Key] = ()
    ) -> tuple[Event, ...]:
        """Carry every episode one step on and queue what is to be told, in one transaction; the transitions.

        `judged` is `energy.alerts.evaluate.judge(s)`, and `(custom.rule, custom_signal(custom, s))` of each of the own
        rules that `look` found. `gone` are keys whose thing left the settings; devices, miners, tasks and rules that
        left are found here. "notices" is woken when there is something to tell.
        """
        for _ in range(MOST_TRIES):
            looked, self._looked = self._looked, False
            known = self._known if looked else await self._current()
            who = await self._who(known, now)
            changed, events = _carried(known.episodes, judged, now, who, gone)
            before = known.revision  # `_current` changes `known` itself
            if looked and events and before != (await self._current()).revision:
                continue  # somebody acknowledged or muted since
            try:
                await self._write(known, changed, events, now)
            except Conflict:
                known.revision = None
                continue
            if known.kept_at is None or not timedelta(0) <= now - known.kept_at < KEPT_EVERY:
                await self.keep(now)
            return events
        raise Conflict(f"the alerts of {self._site.id} changed {MOST_TRIES} times while they were carried on")

    def may_escalate(self, now: datetime) -> bool:
        """Whether `escalate` has something to do, by what was seen last."""
        return bool(self._due(now))

    async def escalate(self, now: datetime) -> int:
        """Pass on what nobody acknowledged in time; how many alerts."""
        for _ in range(MOST_TRIES):
            known = await self._current()
            due = self._due(now)
            if not due:
                return 0
            who = await addressees_of(self._database, self._org_id, self._site, now)
            ways = await self._ways(who) if max(due.values()) >= EVERY_WAY else {}
            changes = [
                Change(known.stored[key], replace(known.episodes[key], passed_on_at=now), escalated=step)
                for key, step in due.items()
            ]
            telling = Telling(self._org_id, who, now)
            try:
                async with self._database.begin() as connection:
                    for passed in await alerts.apply_in(connection, self._org_id, self._site.id, changes, now=now):
                        await telling.pass_on_in(connection, passed, passed.escalated, ways)
            except Conflict:
                known.revision = None
                continue
            known.revision = None
            for key, step in due.items():
                log.info("alert_passed_on", rule=key[0], subject=key[1], step=step)
            await self._wake("notices")
            return len(due)
        return 0

    async def keep(self, now: datetime) -> None:
        """Keep what carrying on changed without a transition (before the process ends)."""
        known = self._known
        softly = [
            Change(stored, known.episodes[key])
            for key, stored in known.stored.items()
            if known.episodes.get(key, stored.episode) != stored.episode
        ]
        if softly:
            await alerts.keep(self._database, self._org_id, self._site.id, softly, now=now)
            known.stored |= {change.after.key: _with(change.before, change.after) for change in softly if change.before}
        known.kept_at = now

    def _due(self, now: datetime) -> dict[Key, int]:
        """The step of escalation that is due of each alert, the next one at the most."""
        known = self._known
        return {
            key: stored.escalated + 1
            for key, stored in known.stored.items()
            if (episode := known.episodes.get(key)) is not None
            and is_due(episode, stored.escalated, now, self._escalation)
        }

    async def _current(self) -> _Known:
        """What is stored now; what was carried on in memory goes on from the same version."""
        known = self._known
        at = await revision(self._database, self._org_id, self._site.id)
        if at != known.revision:
            stored = await alerts.newest(self._database, self._org_id, self._site.id)
            known.episodes = {
                key: _carried_over(known.stored.get(key), known.episodes.get(key), each) for key, each in stored.items()
            }
            known.stored, known.revision, known.who = stored, at, None
        return known

    async def _who(self, known: _Known, now: datetime) -> Addressees:
        """Whoever may hear. Mutes and own rules move the revision; whether people changed is asked now and then."""
        at = known.who_at
        if known.who is None or at is None or not timedelta(0) <= now - at < WHO_HOLDS:
            here = await people.on_site(self._database, self._org_id, self._site.id)
            if known.who is None or here != known.people:
                known.who = await addressees_of(self._database, self._org_id, self._site, now)
            known.people, known.who_at = here, now
        return known.who

    async def _ways(self, who: Addressees) -> Mapping[str, Sequence[Way]]:
        return {
            each.person_id: await ways_of(self._database, self._org_id, each.person_id, each.preferences, critical=True)
            for each in who.listeners
        }

    async def _write(
        self, known: _Known, changed: Mapping[Key, Episode], events: Sequence[Event], now: datetime
    ) -> None:
        """The transitions with what is to be told of them; what changed without one stays in memory for now."""
        happened: dict[Key, list[Event]] = {}
        for event in events:
            happened.setdefault(event.episode.key, []).append(event)
        changes = [_changed(known.stored.get(key), changed[key], each) for key, each in happened.items()]
        if changes:
            tell = any(event.tell for event in events)
            who = await addressees_of(self._database, self._org_id, self._site, now) if tell else known.who
            if who is None:
                raise RuntimeError("whoever may hear is loaded before alerts are carried on")
            telling = Telling(self._org_id, who, now)
            async with self._database.begin() as connection:
                stored = await alerts.apply_in(connection, self._org_id, self._site.id, changes, now=now)
                shown = [each.episode_id for each in stored if _shows(happened[each.episode.key])]
                await telling.changed_in(connection, shown)
                await telling.tell_in(connection, [each for each in stored if _is_told(happened[each.episode.key])])
                at = await revision_in(connection, self._org_id, self._site.id)
            if known.revision is not None and at == known.revision + 1:
                known.revision = at  # nobody else changed anything: what is known stands
            known.stored |= {each.episode.key: each for each in stored}
            for each in stored:
                _log(each, happened[each.episode.key])
            if tell or shown:
                await self._wake("notices")
        known.episodes |= changed


def _carried(
    episodes: Mapping[Key, Episode], judged: Sequence[Judged], now: datetime, who: Addressees, gone: Collection[Key]
) -> tuple[dict[Key, Episode], tuple[Event, ...]]:
    """The episodes that change, and the transitions: what was judged, and what left the settings is over."""
    evaluation = evaluate(judged, episodes, now, muted=who.muted_for_all)
    changed, events = dict(evaluation.changed), list(evaluation.events)
    for key in evaluation.unjudged:
        episode = changed.get(key, episodes[key])
        because = why_it_left(episode, who.site, who.own) or (
            "It is not in the settings any more" if key in gone else ""
        )
        if because:
            changed[key], ended = resolve(episode, now, because)
            events += ended
    return changed, tuple(events)


def _changed(before: StoredEpisode | None, after: Episode, events: Sequence[Event]) -> Change:
    """What has to be acknowledged again is passed on from the first step again."""
    taken_back = before is not None and before.episode.state is State.ACKNOWLEDGED and after.state is State.FIRING
    return Change(before, after, tuple(events), escalated=0 if taken_back else None)


def _is_told(events: Sequence[Event]) -> bool:
    return any(event.tell and event.kind in ("fired", "raised") for event in events)


def _shows(events: Sequence[Event]) -> bool:
    """Whether messages that stand somewhere look different after it."""
    return any(event.kind in ("resolved", "worsened") for event in events)


def _carried_over(loaded: StoredEpisode | None, ours: Episode | None, stored: StoredEpisode) -> Episode:
    """The episode as it is stored, with what was seen of it since it was loaded.

    Somebody who acknowledges it writes what is stored, which may be five minutes behind what was seen.
    """
    if loaded is None or ours is None or loaded.episode_id != stored.episode_id:
        return stored.episode
    if loaded.version == stored.version:
        return ours
    theirs = stored.episode
    if not (ours.is_firing and theirs.is_firing) or ours.seen_at is None or theirs.seen_at is None:
        return theirs
    if ours.seen_at <= theirs.seen_at:
        return theirs
    return replace(theirs, **{name: getattr(ours, name) for name in _SEEN})


def _with(stored: StoredEpisode, episode: Episode) -> StoredEpisode:
    return replace(stored, episode=episode)


def _log(stored: StoredEpisode, events: Sequence[Event]) -> None:
    for event in events:
        if event.kind in _LOGGED:
            log.info(
                f"alert_{event.kind}",
                alert=stored.episode_id,
                rule=stored.episode.rule_id,
                subject=stored.episode.subject,
                level=str(stored.episode.level),
                told=event.tell,
            )
