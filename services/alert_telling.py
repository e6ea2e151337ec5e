"""What is to be told of alerts: messages and outbox entries, in the transaction of the transitions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2s
from typing import Any

from energy.alerts.episode import State
from energy.alerts.rule import Level
from energy.alerts.together import GROUP_WINDOW
from services.addressees import Addressees
from services.audience import EVERY_WAY, Told, is_own
from services.ways import Way
from store import alerts, messages, outbox
from store.alerts import StoredEpisode
from store.database import AsyncConnection
from store.messages import AlertMessage, Posting

QUIET = "quiet_until"  # in an entry's data: it waited for the end of quiet hours
OTHER_WAYS_FIRST = "other_ways_first"
THIS_WAY_ALONE = "this_way_alone"
JOINED = "joined"  # it tells of what joined a message that cannot be changed where it stands


@dataclass(frozen=True, slots=True)
class Telling:
    """Writes what is to be told for a site, at one moment."""

    org_id: str
    who: Addressees
    now: datetime

    async def tell_in(self, connection: AsyncConnection, episodes: Sequence[StoredEpisode]) -> int:
        """Tell of alerts that fired (again), one message per group; how many entries were added."""
        by_group: dict[str, list[StoredEpisode]] = {}
        for each in episodes:
            by_group.setdefault(self.who.group_of(each.episode), []).append(each)
        return sum([await self._tell_group_in(connection, name, each) for name, each in by_group.items()])

    async def _tell_group_in(self, connection: AsyncConnection, group: str, told: Sequence[StoredEpisode]) -> int:
        level = max((each.episode.level for each in told), key=lambda each: each.rank)
        message = await self._joinable_in(connection, group, level)
        ids = [each.episode_id for each in told]
        if message is None:
            message = await messages.create_in(
                connection,
                self.org_id,
                self.who.site.id,
                group_name=group,
                level=level.value,
                episode_ids=ids,
                now=self.now,
            )
            added = 0
        else:
            await messages.join_in(connection, self.org_id, message.message_id, ids)
            added = await tell_joined_in(connection, self.org_id, message.message_id, now=self.now)
        added += await self._entries_in(connection, message, level, self._together(told, step=0), step=0)
        if not all(is_own(each.episode.rule_id) for each in told):
            added += await self._groups_in(connection, message, level, step=0)
        return added

    async def _joinable_in(self, connection: AsyncConnection, group: str, level: Level) -> AlertMessage | None:
        """The message of the last minute that this may join by an edit alone: it matters as much, and nobody has taken
        all of it in hand already."""
        since = self.now - GROUP_WINDOW
        found = await messages.open_of_group_in(connection, self.org_id, self.who.site.id, group, since)
        if found is None or found.created_at > self.now + GROUP_WINDOW:  # of a clock that was set back since
            return None
        if level.rank > Level(found.level).rank:
            return None
        held = await alerts.get_all_in(connection, self.org_id, found.episode_ids)
        return found if any(each.episode.state is State.FIRING for each in held) else None

    def _together(self, told: Iterable[StoredEpisode], *, step: int) -> list[Told]:
        """Everybody who hears of one of them, each once, as soon as they hear of any."""
        found: dict[str, Told] = {}
        for each in told:
            for one in self.who.told(each.episode, step, self.now):
                known = found.get(one.person_id)
                if known is None or (known.until or self.now) > (one.until or self.now):
                    found[one.person_id] = one
        return list(found.values())

    async def _entries_in(
        self, connection: AsyncConnection, message: AlertMessage, level: Level, told: Sequence[Told], *, step: int
    ) -> int:
        added = 0
        for each in told:
            data: dict[str, Any] = {} if each.until is None else {QUIET: each.until.isoformat()}
            if step:
                data[OTHER_WAYS_FIRST] = True
            entry = outbox.NewEntry(
                site_id=self.who.site.id,
                kind="alert",
                level=level.value,
                person_id=each.person_id,
                message_id=message.message_id,
                step=step,
                data=data,
                due_at=each.until,
                once_key=f"{self.who.site.id}:alert:{message.message_id}:{step}:{each.person_id}",
            )
            added += await outbox.add_in(connection, self.org_id, entry, now=self.now)
        return added

    async def _groups_in(self, connection: AsyncConnection, message: AlertMessage, level: Level, *, step: int) -> int:
        added = 0
        for platform, chat_id in self.who.groups:
            entry = outbox.NewEntry(
                site_id=self.who.site.id,
                kind="alert",
                level=level.value,
                address={"platform": platform, "chat_id": chat_id, "thread": None},
                message_id=message.message_id,
                step=step,
                once_key=f"{self.who.site.id}:alert:{message.message_id}:{step}:{platform}:{chat_id}",
            )
            added += await outbox.add_in(connection, self.org_id, entry, now=self.now)
        return added

    async def pass_on_in(
        self, connection: AsyncConnection, passed: StoredEpisode, step: int, ways: Mapping[str, Sequence[Way]]
    ) -> int:
        """Tell of an alert that nobody acknowledged, one step further; how many entries were added.

        The messages that tell of it are touched, so that they say so where they stand. `ways` are each person's.
        """
        touched = await messages.touch_in(connection, self.org_id, [passed.episode_id])
        if not touched:
            return 0
        message = await messages.get_in(connection, self.org_id, touched[-1])
        if message is None:
            return 0
        told, level = self.who.told(passed.episode, step, self.now), passed.episode.level
        if step < EVERY_WAY:
            return await self._entries_in(connection, message, level, told, step=step)
        added = 0
        reached = await self._reached_in(connection, touched) if step == EVERY_WAY else set()
        for each in told:
            for way in ways.get(each.person_id, ()):
                if (each.person_id, way["platform"], way["chat_id"]) in reached:
                    continue
                entry = outbox.NewEntry(
                    site_id=self.who.site.id,
                    kind="alert",
                    level=level.value,
                    person_id=each.person_id,
                    address=way,
                    message_id=message.message_id,
                    step=step,
                    data={THIS_WAY_ALONE: True},
                    once_key=_way_key(self.who.site.id, message.message_id, step, each.person_id, way),
                )
                added += await outbox.add_in(connection, self.org_id, entry, now=self.now)
        if step > EVERY_WAY and not is_own(passed.episode.rule_id):
            added += await self._groups_in(connection, message, level, step=step)
        return added

    async def _reached_in(
        self, connection: AsyncConnection, message_ids: Sequence[int]
    ) -> set[tuple[str | None, str, str]]:
        """Where a person has been reached with one of these messages."""
        posted = [each for one in message_ids for each in await messages.posted_in(connection, self.org_id, one)]
        return {(each.person_id, each.platform, each.chat_id) for each in posted}

    async def changed_in(self, connection: AsyncConnection, episode_ids: Collection[int]) -> int:
        """What stands of these alerts is brought up to date; what cannot be changed is told, once it is over.

        How many entries were added.
        """
        if not episode_ids:
            return 0
        added = 0
        for message_id in await messages.touch_in(connection, self.org_id, episode_ids):
            added += await tell_over_in(connection, self.org_id, message_id, now=self.now)
        return added


async def tell_joined_in(connection: AsyncConnection, org_id: str, message_id: int, *, now: datetime) -> int:
    """Where a message stands that cannot be changed there, tell of what joined it since; how many entries.

    Once, when nothing can join it any more: a storm is two messages by email, however many alerts it has.
    """
    message = await messages.get_in(connection, org_id, message_id)
    if message is None:
        return 0
    closes_at = message.created_at + GROUP_WINDOW
    joined = [
        each.episode.told_at
        for each in await alerts.get_all_in(connection, org_id, message.episode_ids)
        if each.episode.is_open and each.episode.told_at is not None
    ]
    if not any(message.created_at < at <= closes_at for at in joined):
        return 0
    added = 0
    for place in _first_of_each(await messages.posted_in(connection, org_id, message_id)):
        if place.changeable or place.shown_version >= message.version:
            continue
        once_key = f"{message.site_id}:joined:{message_id}:{place.platform}:{_hashed(place.chat_id)}"
        entry = replace(_there(message, place, JOINED, once_key), due_at=max(now, closes_at))
        added += await outbox.add_in(connection, org_id, entry, now=now)
    return added


async def tell_over_in(connection: AsyncConnection, org_id: str, message_id: int, *, now: datetime) -> int:
    """Where a message stands that is over and cannot be changed there, say that it is over; how many entries."""
    message = await messages.get_in(connection, org_id, message_id)
    if message is None:
        return 0
    held = await alerts.get_all_in(connection, org_id, message.episode_ids)
    if any(each.episode.is_open for each in held):
        return 0
    added = 0
    for place in _first_of_each(await messages.posted_in(connection, org_id, message_id)):
        if place.changeable:
            continue
        entry = _there(message, place, "over", f"{message.site_id}:over:{message_id}:{place.posting_id}")
        added += await outbox.add_in(connection, org_id, entry, now=now)
    return added


def _there(message: AlertMessage, place: Posting, what: str, once_key: str) -> outbox.NewEntry:
    """More of a message for the one chat in which it stands and cannot be changed."""
    return outbox.NewEntry(
        site_id=message.site_id,
        kind="alert",
        level=message.level,
        person_id=place.person_id,
        address={"platform": place.platform, "chat_id": place.chat_id, "thread": place.thread},
        message_id=message.message_id,
        data={THIS_WAY_ALONE: True, what: True},
        once_key=once_key,
    )


def _first_of_each(posted: Sequence[Posting]) -> Sequence[Posting]:
    """One posting per chat: whoever was told three times by SMS hears of the end once."""
    first: dict[tuple[str, str, str | None], Posting] = {}
    for each in posted:
        known = first.get((each.platform, each.chat_id, each.thread))
        if known is None or (known.changeable and not each.changeable):
            first[each.platform, each.chat_id, each.thread] = each
    return tuple(first.values())


def _way_key(site_id: str, message_id: int, step: int, person_id: str, way: Way) -> str:
    return f"{site_id}:alert:{message_id}:{step}:{person_id}:{way['platform']}:{_hashed(way['chat_id'])}"


def _hashed(chat_id: str) -> str:
    """It may hold a secret."""
    return blake2s(chat_id.encode(), digest_size=12).hexdigest()
