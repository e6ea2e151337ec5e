"""Alert messages: which episodes one tells of, and the places where it stands, so that it can be changed there.

A message is composed anew whenever it is sent or shown. Its `version` rises with everything that changes it; a posting
that shows an older one is due to be changed in its place.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.alerts.episode import OPEN_STATES
from store.alert_tables import alert_episodes, alert_message_episodes, postings
from store.alert_tables import alert_messages as table
from store.clock_steps import in_this_clock
from store.database import Database
from store.dialect import insert_new, skip_locked

Level = Literal["info", "warning", "critical"]
LEASE_S = 60.0  # what is claimed to be delivered, and is not settled, is due again after so long
_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)  # due whatever any clock says


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message arrived: `ref` names it there, None where nothing can be changed; `version` is what it shows."""

    platform: str
    chat_id: str
    thread: str | None
    ref: str | None
    version: int


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """One message about one or more episodes."""

    message_id: int
    site_id: str
    group_name: str
    level: Level
    episode_ids: tuple[int, ...]
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Posting:
    """A place where a message stands; it shows `shown_version` of `version`. `changeable`: it can be edited there."""

    posting_id: int
    outbox_id: int
    message_id: int
    person_id: str | None
    platform: str
    chat_id: str
    thread: str | None
    ref: str | None
    shown_version: int
    changeable: bool
    version: int


_POSTING = (*(postings.c[name] for name in list(Posting.__dataclass_fields__)[:-1]), table.c.version)


async def create_in(
    connection: AsyncConnection,
    org_id: str,
    site_id: str,
    *,
    group_name: str,
    level: Level,
    episode_ids: Sequence[int],
    now: datetime,
) -> AlertMessage:
    """A new message, version 1."""
    values = {
        "org_id": org_id,
        "site_id": site_id,
        "group_name": group_name,
        "level": level,
        "version": 1,
        "created_at": now,
    }
    made = await connection.execute(insert(table).values(values).returning(table.c.message_id))
    message_id: int = made.scalar_one()
    await _link(connection, message_id, episode_ids)
    return AlertMessage(message_id, site_id, group_name, level, tuple(sorted(set(episode_ids))), 1, now)


async def join_in(connection: AsyncConnection, org_id: str, message_id: int, episode_ids: Sequence[int]) -> int:
    """Let a message tell of these episodes too; its new version. Raises LookupError when there is no such message."""
    await _raise(connection, org_id, [message_id])
    query = select(table.c.version).where(_is(org_id, message_id))
    version: int | None = (await connection.execute(query)).scalar_one_or_none()
    if version is None:
        raise LookupError(f"alert message {message_id} is not known any more")
    await _link(connection, message_id, episode_ids)
    return version


async def touch_in(connection: AsyncConnection, org_id: str, episode_ids: Collection[int]) -> list[int]:
    """Raise the version of every message that tells of one of these episodes, and have it changed where it stands."""
    links = alert_message_episodes
    query = select(links.c.message_id).where(links.c.episode_id.in_(sorted(episode_ids))).distinct()
    found = sorted(row[0] for row in await connection.execute(query))
    await _raise(connection, org_id, found)
    return found


async def open_of_group_in(
    connection: AsyncConnection, org_id: str, site_id: str, group_name: str, since: datetime
) -> AlertMessage | None:
    """The group's newest message that was made since then: what a later event of the group may join."""
    query = (
        select(table.c.message_id)
        .where(
            table.c.org_id == org_id,
            table.c.site_id == site_id,
            table.c.group_name == group_name,
            table.c.created_at >= since,
        )
        .order_by(table.c.message_id.desc())
        .limit(1)
    )
    message_id = (await connection.execute(query)).scalar_one_or_none()
    return None if message_id is None else await get_in(connection, org_id, message_id)


async def get(db: Database, org_id: str, message_id: int) -> AlertMessage | None:
    """The message with this number, or None."""
    async with db.read() as connection:
        return await get_in(connection, org_id, message_id)


async def get_in(connection: AsyncConnection, org_id: str, message_id: int) -> AlertMessage | None:
    """`get` inside the caller's transaction."""
    columns = (table.c.site_id, table.c.group_name, table.c.level, table.c.version, table.c.created_at)
    row = (await connection.execute(select(*columns).where(_is(org_id, message_id)))).one_or_none()
    if row is None:
        return None
    links = alert_message_episodes
    query = select(links.c.episode_id).where(links.c.message_id == message_id).order_by(links.c.episode_id)
    episode_ids = tuple(each[0] for each in await connection.execute(query))
    return AlertMessage(message_id, row[0], row[1], row[2], episode_ids, row[3], row[4])


async def post_in(
    connection: AsyncConnection,
    org_id: str,
    site_id: str,
    message_id: int,
    outbox_id: int,
    person_id: str | None,
    places: Sequence[Place],
    *,
    now: datetime,
) -> None:
    """Note where a message stands. What changed while it was under way is due to be changed at once.

    A place that was noted for the same entry before is not noted again; the caller holds that entry.
    """
    known = select(postings.c.platform, postings.c.chat_id, postings.c.thread, postings.c.ref).where(
        postings.c.org_id == org_id, postings.c.outbox_id == outbox_id
    )
    noted = {tuple(row) for row in await connection.execute(known)} if places else set()
    places = [each for each in places if (each.platform, each.chat_id, each.thread, each.ref) not in noted]
    if not places:
        return
    version = await _held_version(connection, org_id, message_id)
    rows = [
        {
            "org_id": org_id,
            "site_id": site_id,
            "outbox_id": outbox_id,
            "message_id": message_id,
            "person_id": person_id,
            "platform": place.platform,
            "chat_id": place.chat_id,
            "thread": place.thread,
            "ref": place.ref,
            "shown_version": place.version,
            "due_at": _AT_ONCE if place.ref is not None and place.version < version else None,
            "set_at": now,
            "changeable": place.ref is not None,
        }
        for place in places
    ]
    await connection.execute(insert(postings), rows)


async def claim_stale(
    db: Database, org_id: str, now: datetime, *, lease_s: float = LEASE_S, limit: int = 50, site_id: str | None = None
) -> list[Posting]:
    """Take the places that show an older version, the first that became so first; due again after `lease_s`."""
    of_another_clock = and_(postings.c.org_id == org_id, postings.c.due_at.is_not(None), postings.c.set_at > now)
    due = and_(postings.c.org_id == org_id, postings.c.due_at <= now)
    if site_id is not None:
        due = and_(due, postings.c.site_id == site_id)
    async with db.read() as connection:
        some = (await connection.execute(select(postings.c.posting_id).where(due).limit(1))).first() is not None
        stepped = (
            await connection.execute(select(postings.c.posting_id).where(of_another_clock).limit(1))
        ).first() is not None
    if not some and not stepped:
        return []
    order = (postings.c.due_at, postings.c.posting_id)
    async with db.begin() as connection:
        if stepped:
            await in_this_clock(connection, postings, postings.c.posting_id, of_another_clock, now)
        query = select(postings.c.posting_id).where(due).order_by(*order).limit(limit)
        claimed = [row[0] for row in await connection.execute(skip_locked(connection, query))]
        if not claimed:
            return []
        values = {"due_at": now + timedelta(seconds=lease_s), "set_at": now}
        await connection.execute(update(postings).where(postings.c.posting_id.in_(claimed)).values(values))
        return await _postings(connection, postings.c.posting_id.in_(claimed))


async def shown(db: Database, org_id: str, posting_id: int, version: int) -> bool:
    """A place shows this version now; it stays due where there is a newer one. False for one that is not known."""
    async with db.begin() as connection:
        query = select(postings.c.message_id).where(_is_posting(org_id, posting_id))
        message_id = (await connection.execute(query)).scalar_one_or_none()
        if message_id is None:
            return False
        newest = await _held_version(connection, org_id, message_id)
        values = {"shown_version": version, "due_at": _AT_ONCE if version < newest else None}
        which = and_(_is_posting(org_id, posting_id), postings.c.shown_version <= version)
        return bool((await connection.execute(update(postings).where(which).values(values))).rowcount == 1)


async def put_off_change(db: Database, org_id: str, posting_id: int, *, now: datetime, until: datetime) -> bool:
    """A place could not be changed now and is to be tried again then. False when it shows what there is to show."""
    which = and_(_is_posting(org_id, posting_id), postings.c.due_at.is_not(None))
    async with db.begin() as connection:
        statement = update(postings).where(which).values(due_at=until, set_at=now)
        return bool((await connection.execute(statement)).rowcount == 1)


async def unchangeable(db: Database, org_id: str, posting_id: int) -> bool:
    """A place cannot be changed (any more): it is left as it is. False when that was known before."""
    which = and_(_is_posting(org_id, posting_id), postings.c.changeable.is_(True))
    async with db.begin() as connection:
        statement = update(postings).where(which).values(changeable=False, due_at=None)
        return bool((await connection.execute(statement)).rowcount == 1)


async def message_of_posting(db: Database, org_id: str, posting_id: int) -> int | None:
    """The message that stands there; None where nothing is known of it."""
    query = select(postings.c.message_id).where(_is_posting(org_id, posting_id))
    async with db.read() as connection:
        found: int | None = (await connection.execute(query)).scalar_one_or_none()
    return found


async def posted(db: Database, org_id: str, message_id: int) -> list[Posting]:
    """Where a message stands, the first place at the top."""
    async with db.read() as connection:
        return await posted_in(connection, org_id, message_id)


async def posted_in(connection: AsyncConnection, org_id: str, message_id: int) -> list[Posting]:
    """`posted` inside the caller's transaction."""
    return await _postings(connection, and_(postings.c.org_id == org_id, postings.c.message_id == message_id))


async def forget_before(db: Database, org_id: str, moment: datetime) -> int:
    """Drop the messages of before `moment` whose episodes are over, with where they stand; how many."""
    links = alert_message_episodes
    open_ones = (
        select(links.c.episode_id)
        .join(alert_episodes, alert_episodes.c.episode_id == links.c.episode_id)
        .where(links.c.message_id == table.c.message_id, alert_episodes.c.state.in_([str(s) for s in OPEN_STATES]))
    )
    query = select(table.c.message_id).where(table.c.org_id == org_id, table.c.created_at < moment, ~exists(open_ones))
    async with db.begin() as connection:
        found = [row[0] for row in await connection.execute(query)]
        for start in range(0, len(found), 500):
            chunk = found[start : start + 500]
            for of in (postings, links, table):
                await connection.execute(delete(of).where(of.c.message_id.in_(chunk)))
    return len(found)


async def _raise(connection: AsyncConnection, org_id: str, message_ids: Sequence[int]) -> None:
    if not message_ids:
        return
    which = and_(table.c.org_id == org_id, table.c.message_id.in_(message_ids))
    # In the same order everywhere, so that no two of us wait for each other.
    await connection.execute(select(table.c.message_id).where(which).order_by(table.c.message_id).with_for_update())
    await connection.execute(update(table).where(which).values(version=table.c.version + 1))
    standing = and_(
        postings.c.org_id == org_id, postings.c.message_id.in_(message_ids), postings.c.changeable.is_(True)
    )
    await connection.execute(update(postings).where(standing).values(due_at=_AT_ONCE))


async def _held_version(connection: AsyncConnection, org_id: str, message_id: int) -> int:
    """The version, which nobody raises until the transaction ends: so no change slips between it and a posting."""
    query = select(table.c.version).where(_is(org_id, message_id)).with_for_update()
    return (await connection.execute(query)).scalar_one_or_none() or 0


async def _link(connection: AsyncConnection, message_id: int, episode_ids: Sequence[int]) -> None:
    for episode_id in sorted(set(episode_ids)):
        row = {"message_id": message_id, "episode_id": episode_id}
        await insert_new(connection, alert_message_episodes, row)


async def _postings(connection: AsyncConnection, where: ColumnElement[bool]) -> list[Posting]:
    query: Any = (
        select(*_POSTING)
        .join_from(postings, table, table.c.message_id == postings.c.message_id)
        .where(where)
        .order_by(postings.c.posting_id)
    )
    return [Posting(*row) for row in await connection.execute(query)]


def _is(org_id: str, message_id: int) -> ColumnElement[bool]:
    return and_(table.c.org_id == org_id, table.c.message_id == message_id)


def _is_posting(org_id: str, posting_id: int) -> ColumnElement[bool]:
    return and_(postings.c.org_id == org_id, postings.c.posting_id == posting_id)
