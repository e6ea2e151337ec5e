"""Alerts as they are kept: the newest episode of each rule and subject, those before it, and every transition.

Whoever carries an episode on names the version that they started from. Of any number of callers one writes, with its
transitions; the others get `Conflict`, have written nothing, and load again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.alerts.episode import FIRING_STATES, OPEN_STATES, Episode, Event
from energy.alerts.stored import episode_from_mapping, episode_to_mapping
from store.alert_revision import moved_in
from store.alert_tables import alert_episodes as table
from store.alert_tables import alert_transitions
from store.database import Database
from store.dialect import insert_new, lock
from store.errors import StoreError

Key = tuple[str, str]  # rule and subject


class Conflict(StoreError):
    """Somebody carried the same episode on meanwhile; nothing was written. Load again and decide anew."""


@dataclass(frozen=True, slots=True)
class StoredEpisode:
    """An episode with the number that people type (`episode_id`), and where it stands in the store.

    `escalated` is the step of escalation that was told last, 0 = none; `seq` is the number of its last transition.
    """

    episode_id: int
    episode: Episode
    version: int
    escalated: int
    updated_at: datetime
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """What an episode becomes: `before` is what was loaded, None for the first one of its rule and subject.

    `after` is the same episode, or the next one (a higher `number`); `events` are its transitions, made by `actor` (a
    person's id; None = the evaluation). `escalated` None leaves the step as it is; the next episode begins with 0.
    """

    before: StoredEpisode | None
    after: Episode
    events: tuple[Event, ...] = ()
    actor: str | None = None
    escalated: int | None = None


_COLUMNS = (
    table.c.episode_id,
    table.c.episode,
    table.c.version,
    table.c.escalated,
    table.c.updated_at,
    table.c.seq,
)


async def newest(db: Database, org_id: str, site_id: str) -> dict[Key, StoredEpisode]:
    """The newest episode of each rule and subject of a site, over or not."""
    async with db.read() as connection:
        return await newest_in(connection, org_id, site_id)


async def newest_in(connection: AsyncConnection, org_id: str, site_id: str) -> dict[Key, StoredEpisode]:
    """`newest` inside the caller's transaction."""
    query = select(*_COLUMNS).where(table.c.org_id == org_id, table.c.site_id == site_id, table.c.newest.is_(True))
    found = [_stored(row) for row in await connection.execute(query)]
    return {each.episode.key: each for each in found}


async def apply_in(
    connection: AsyncConnection, org_id: str, site_id: str, changes: Sequence[Change], *, now: datetime
) -> list[StoredEpisode]:
    """Write all changes with one row per transition, in their order; the episodes as they are stored now.

    Raises Conflict where one of them was carried on since it was loaded: the caller's transaction must then end without
    a commit, as leaving the block of `Database.begin` with the exception does.
    """
    if not changes:
        return []
    await lock(connection, "alerts", org_id, site_id)
    stored = [await _apply(connection, org_id, site_id, change, now) for change in changes]
    await moved_in(connection, org_id, site_id)
    return stored


async def _apply(
    connection: AsyncConnection, org_id: str, site_id: str, change: Change, now: datetime
) -> StoredEpisode:
    before, after = change.before, change.after
    if before is not None and before.episode.key != after.key:
        raise ValueError(f"an episode of {before.episode.key} cannot become one of {after.key}")
    if before is not None and before.episode.number == after.number:
        seq = before.seq + len(change.events)
        escalated = before.escalated if change.escalated is None else change.escalated
        values = _values(after) | {"version": before.version + 1, "seq": seq, "escalated": escalated}
        await _carry_on(connection, org_id, before, values | {"updated_at": now})
        stored = StoredEpisode(before.episode_id, after, before.version + 1, escalated, now, seq)
    else:
        if before is not None:
            await _carry_on(connection, org_id, before, {"newest": False, "version": before.version + 1})
        stored = await _begin(connection, org_id, site_id, change, now)
    first = stored.seq - len(change.events) + 1
    rows = [
        {
            "episode_id": stored.episode_id,
            "seq": seq,
            "org_id": org_id,
            "kind": event.kind,
            "at": event.at,
            "actor": change.actor,
        }
        for seq, event in enumerate(change.events, first)
    ]
    if rows:
        await connection.execute(insert(alert_transitions), rows)
    return stored


async def _carry_on(connection: AsyncConnection, org_id: str, before: StoredEpisode, values: Mapping[str, Any]) -> None:
    """The one statement that decides between callers who started from the same version."""
    statement = update(table).where(_is(org_id, before), table.c.newest.is_(True))
    if (await connection.execute(statement.values(dict(values)))).rowcount != 1:
        raise Conflict(f"alert {before.episode_id} was changed meanwhile; load it again")


async def _begin(
    connection: AsyncConnection, org_id: str, site_id: str, change: Change, now: datetime
) -> StoredEpisode:
    after, escalated = change.after, change.escalated or 0
    place = {
        "org_id": org_id,
        "site_id": site_id,
        "rule_id": after.rule_id,
        "subject": after.subject,
        "number": after.number,
    }
    same = and_(*(table.c[name] == value for name, value in place.items()))
    seq = len(change.events)
    values = place | {"newest": True, "version": 1, "seq": seq, "escalated": escalated, "updated_at": now}
    if change.before is None:
        others = and_(*(table.c[name] == place[name] for name in ("org_id", "site_id", "rule_id", "subject")))
        if (await connection.execute(select(table.c.episode_id).where(others).limit(1))).first() is not None:
            raise Conflict(f"somebody else began the alert {after.rule_id} {after.subject}".rstrip())
    if not await insert_new(connection, table, values | _values(after)):
        raise Conflict(f"somebody else began the alert {after.rule_id} {after.subject}".rstrip())
    episode_id = (await connection.execute(select(table.c.episode_id).where(same))).scalar_one()
    return StoredEpisode(episode_id, after, 1, escalated, now, seq)


async def keep(db: Database, org_id: str, site_id: str, changes: Sequence[Change], *, now: datetime) -> None:
    """Keep what changed without a transition, so that a restart goes on from there; outdated changes are skipped.

    It moves neither versions nor the revision: other evaluators see the same measurements. What is pending or resolved
    for the first time is a transition, and nothing for this.
    """
    async with db.begin() as connection:
        await lock(connection, "alerts", org_id, site_id)
        for change in changes:
            before = change.before
            if before is None or before.episode.key != change.after.key:
                continue
            if (before.episode.number, before.episode.state) != (change.after.number, change.after.state):
                continue
            statement = update(table).where(_is(org_id, before))
            await connection.execute(statement.values(episode=episode_to_mapping(change.after), updated_at=now))


async def get_all(
    db: Database, org_id: str, episode_ids: Collection[int], *, site_id: str | None = None
) -> list[StoredEpisode]:
    """Those with these numbers (of a site), in the order of the numbers; unknown ones are left out."""
    async with db.read() as connection:
        return await get_all_in(connection, org_id, episode_ids, site_id=site_id)


async def get_all_in(
    connection: AsyncConnection, org_id: str, episode_ids: Collection[int], *, site_id: str | None = None
) -> list[StoredEpisode]:
    """`get_all` inside the caller's transaction."""
    wanted = sorted(each for each in episode_ids if 0 < each < 2**63)  # people type anything
    if not wanted:
        return []
    query = select(*_COLUMNS).where(table.c.org_id == org_id, table.c.episode_id.in_(wanted))
    if site_id is not None:
        query = query.where(table.c.site_id == site_id)
    return [_stored(row) for row in await connection.execute(query.order_by(table.c.episode_id))]


async def recent(db: Database, org_id: str, site_id: str, *, since: datetime, limit: int = 50) -> list[StoredEpisode]:
    """The episodes that fired or ended since then, and those that still fire; the one that fired last at the top."""
    lately = or_(
        table.c.fired_at >= since,
        table.c.ended_at >= since,
        table.c.state.in_([str(state) for state in FIRING_STATES]),
    )
    query = (
        select(*_COLUMNS)
        .where(table.c.org_id == org_id, table.c.site_id == site_id, table.c.fired_at.is_not(None), lately)
        .order_by(table.c.fired_at.desc(), table.c.episode_id.desc())
        .limit(limit)
    )
    async with db.read() as connection:
        return [_stored(row) for row in await connection.execute(query)]


async def forget_signs_before(db: Database, org_id: str, moment: datetime) -> int:
    """Drop the transitions of first signs that came to nothing (pending, lapsed) before `moment`; how many."""
    statement = delete(alert_transitions).where(
        alert_transitions.c.org_id == org_id,
        alert_transitions.c.at < moment,
        alert_transitions.c.kind.in_(("pending", "lapsed")),
    )
    async with db.begin() as connection:
        return int((await connection.execute(statement)).rowcount)


def _values(episode: Episode) -> dict[str, Any]:
    return {
        "state": str(episode.state),
        "level": str(episode.level),
        "episode": episode_to_mapping(episode),
        "fired_at": episode.fired_at,
        "ended_at": None if episode.state in OPEN_STATES else episode.resolved_at,
    }


def _stored(row: Any) -> StoredEpisode:
    episode_id, episode, version, escalated, updated_at, seq = row
    return StoredEpisode(episode_id, episode_from_mapping(episode), version, escalated, updated_at, seq)


def _is(org_id: str, stored: StoredEpisode) -> ColumnElement[bool]:
    return and_(table.c.org_id == org_id, table.c.episode_id == stored.episode_id, table.c.version == stored.version)
