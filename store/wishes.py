"""What is wanted of each miner: on, off, automatic, or left as a hand at the relay put it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.control_tables import wishes as table
from store.database import Database
from store.dialect import insert_for

Mode = Literal["on", "off", "auto", "hand_on", "hand_off"]
MOST_EARLIER = 8


@dataclass(frozen=True, slots=True)
class Earlier:
    """A wish that waits for the end of a newer one."""

    mode: Mode
    until: datetime | None
    set_by: str


@dataclass(frozen=True, slots=True)
class Wish:
    """The newest wish for a miner. After `until` comes the first of `before` that is not over by then, else off.

    `set_by` is a person's id, or a part of ours. `queue_no` is the number of the newest command that was carried out.
    `held`: the limits have stopped the miner since.
    """

    miner_id: str
    mode: Mode
    until: datetime | None
    set_by: str
    set_at: datetime
    request_id: str | None = None
    queue_no: int | None = None
    before: tuple[Earlier, ...] = ()
    held: bool = False


def earlier_for(previous: Wish | None, mode: Mode, until: datetime | None) -> tuple[Earlier, ...]:
    """What a new wish for `mode` until then ends in, the first that is not over; `previous` is the wish of now.

    The same wish again only sets its end anew, so that a miner that is wanted on anyway stops when its time is over.
    """
    if previous is None:
        return ()
    kept: Sequence[Earlier] = previous.before if previous.until is not None else ()
    if previous.mode in ("on", "off", "auto") and (previous.mode != mode or mode == "auto"):
        kept = (Earlier(previous.mode, previous.until, previous.set_by), *kept)
    kept = [each for each in kept if each.until is None or until is None or each.until > until]
    return tuple(kept if len(kept) <= MOST_EARLIER else [*kept[: MOST_EARLIER - 1], kept[-1]])


def wish_after(wish: Wish, at: datetime) -> Wish:
    """What is wanted when the time of `wish` is over at `at`."""
    for number, each in enumerate(wish.before):
        if each.until is None or each.until > at:
            rest = wish.before[number + 1 :]
            return Wish(wish.miner_id, each.mode, each.until, each.set_by, at, None, wish.queue_no, rest)
    return replace(wish, mode="off", until=None, set_at=at, request_id=None, before=(), held=False)


_COLUMNS = [table.c[name] for name in Wish.__dataclass_fields__]


async def put(db: Database, org_id: str, site_id: str, wish: Wish) -> None:
    """Replace the wish for a miner."""
    async with db.begin() as connection:
        await put_in(connection, org_id, site_id, wish)


async def put_in(connection: AsyncConnection, org_id: str, site_id: str, wish: Wish) -> None:
    """`put` inside the caller's transaction."""
    values = _values(wish)
    statement = insert_for(connection, table).values(org_id=org_id, site_id=site_id, miner_id=wish.miner_id, **values)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["org_id", "site_id", "miner_id"], set_=values)
    )


async def swap(db: Database, org_id: str, site_id: str, old: Wish, new: Wish) -> bool:
    """Replace `old` by `new`, unless something else is wanted of the miner by now; whether it was replaced."""
    is_old = and_(
        table.c.org_id == org_id,
        table.c.site_id == site_id,
        table.c.miner_id == old.miner_id,
        table.c.mode == old.mode,
        table.c.set_at == old.set_at,
        table.c.until == old.until if old.until is not None else table.c.until.is_(None),
        table.c.held.is_(old.held),
    )
    async with db.begin() as connection:
        changed = await connection.execute(update(table).where(is_old).values(_values(new)))
    return bool(changed.rowcount == 1)


async def all_of(db: Database, org_id: str, site_id: str) -> dict[str, Wish]:
    """The wishes of a site by miner id; a miner that nobody wanted anything of has none."""
    query = select(*_COLUMNS).where(table.c.org_id == org_id, table.c.site_id == site_id)
    async with db.read() as connection:
        found = [dict(row._mapping) for row in await connection.execute(query)]
    return {row["miner_id"]: Wish(**row | {"before": tuple(map(_from_json, row["before"]))}) for row in found}


def _values(wish: Wish) -> dict[str, Any]:
    return {
        "mode": wish.mode,
        "until": wish.until,
        "set_by": wish.set_by,
        "set_at": wish.set_at,
        "request_id": wish.request_id,
        "queue_no": wish.queue_no,
        "before": [_to_json(each) for each in wish.before],
        "held": wish.held,
    }


def _to_json(earlier: Earlier) -> dict[str, Any]:
    until = None if earlier.until is None else earlier.until.isoformat()
    return {"mode": earlier.mode, "until": until, "set_by": earlier.set_by}


def _from_json(kept: Mapping[str, Any]) -> Earlier:
    until = None if kept["until"] is None else datetime.fromisoformat(kept["until"])
    return Earlier(kept["mode"], until, kept["set_by"])
