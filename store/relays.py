"""What the worker last saw of each miner's relay, and every change of a relay that it made or noticed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.control_tables import relay_states as table
from store.control_tables import switchings as switchings_table
from store.control_tables import wishes as wishes_table
from store.database import Database
from store.dialect import insert_for

ChangedBy = Literal["us", "hand", "timer", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayState:
    """A relay channel as it was read last: `channel` of `device`, None before anything was read.

    `power_w` and `energy_kwh` are None without a meter. `timer_until` is when the device itself will switch it off.
    `problem` says what is wrong, in words; `errors` are the device's own.
    """

    miner_id: str
    device: str | None = None
    channel: int | None = None
    on: bool | None = None
    power_w: float | None = None
    energy_kwh: float | None = None
    timer_until: datetime | None = None
    read_at: datetime | None = None
    changed_at: datetime | None = None
    changed_by: ChangedBy | None = None
    reachable: bool = True
    problem: str | None = None
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Switching:
    """A change of a relay: when it was made or noticed, to what, by whom."""

    miner_id: str
    happened_at: datetime
    on: bool
    changed_by: ChangedBy
    request_id: str | None


_COLUMNS = [table.c[name] for name in RelayState.__dataclass_fields__]
_SWITCHING = [switchings_table.c[name] for name in Switching.__dataclass_fields__]


async def put(db: Database, org_id: str, site_id: str, state: RelayState) -> None:
    """Replace what is known of a miner's relay."""
    async with db.begin() as connection:
        await put_in(connection, org_id, site_id, state)


async def put_in(connection: AsyncConnection, org_id: str, site_id: str, state: RelayState) -> None:
    """`put` inside the caller's transaction."""
    values = asdict(state) | {"errors": list(state.errors)}
    del values["miner_id"]
    statement = insert_for(connection, table).values(org_id=org_id, site_id=site_id, miner_id=state.miner_id, **values)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["org_id", "site_id", "miner_id"], set_=values)
    )


async def forget_in(connection: AsyncConnection, org_id: str, site_id: str, miner_id: str) -> None:
    """Drop what is known of a miner's relay, and what is wanted of it: it hangs on another channel now."""
    for each in (table, wishes_table):
        await connection.execute(
            delete(each).where(each.c.org_id == org_id, each.c.site_id == site_id, each.c.miner_id == miner_id)
        )


async def all_of(db: Database, org_id: str, site_id: str) -> dict[str, RelayState]:
    """The relays of a site by miner id; one that was never read has no entry."""
    query = select(*_COLUMNS).where(table.c.org_id == org_id, table.c.site_id == site_id)
    async with db.read() as connection:
        rows = (await connection.execute(query)).all()
    return {row.miner_id: RelayState(**{**row._mapping, "errors": tuple(row.errors)}) for row in rows}


async def note_switch_in(connection: AsyncConnection, org_id: str, site_id: str, switching: Switching) -> None:
    """Note a change of a relay in the transaction of what else is known of it."""
    await connection.execute(insert(switchings_table).values(org_id=org_id, site_id=site_id, **asdict(switching)))


async def switchings(
    db: Database,
    org_id: str,
    site_id: str,
    miner_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Sequence[Switching]:
    """The changes of a miner's relay (None: of all) from `since` on, up to and with `until`, oldest first."""
    query = select(*_SWITCHING).where(switchings_table.c.org_id == org_id, switchings_table.c.site_id == site_id)
    if miner_id is not None:
        query = query.where(switchings_table.c.miner_id == miner_id)
    if since is not None:
        query = query.where(switchings_table.c.happened_at >= since)
    if until is not None:
        query = query.where(switchings_table.c.happened_at <= until)
    query = query.order_by(switchings_table.c.happened_at, switchings_table.c.switching_id)
    async with db.read() as connection:
        return [Switching(**row._mapping) for row in await connection.execute(query)]
