"""What the plan has asked of people, and what they answered: read from the audit, and added to it one at a time.

The audit is the record, so that a worker that was started again asks nothing twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from energy.following import Wanted, wanted_at
from energy.site import Site
from services.plan_modes import ACTION as MODE_SET
from services.plan_modes import LOCK, Mode, mode_in
from store import audit, plans
from store.audit import AuditEntry
from store.database import AsyncConnection, Database
from store.dialect import lock

ASKED, OVER, APPROVED, DECLINED = "plan_asked", "plan_ask_over", "plan_ask_approved", "plan_ask_declined"
REFUSED = "plan_ask_refused"  # a yes that the interlocks refused: the question stands again
OPEN = (ASKED, REFUSED)
RECENT = timedelta(days=2)  # a plan reaches no further


@dataclass(frozen=True, slots=True)
class PlanAsk:
    """A miner that the plan wants on or off. `until`: for how long the plan wants it so; then it is asked no more.

    `because` is the plan's reason, a whole sentence with figures, `code` its kind. The entry of the outbox (kind
    "plan") holds the same as `data`: ask_id, miner_id, on, until (ISO), because, code.
    """

    ask_id: str
    miner_id: str
    on: bool
    until: datetime
    because: str
    code: str = ""

    def to_data(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "ask_id": self.ask_id,
            "miner_id": self.miner_id,
            "on": self.on,
            "until": self.until.isoformat(),
            "because": self.because,
            "code": self.code,
        }


def ask_from(data: Mapping[str, Any]) -> PlanAsk:
    """The question out of an entry's data."""
    until = datetime.fromisoformat(data["until"])
    return PlanAsk(
        data["ask_id"], data["miner_id"], bool(data["on"]), until, data["because"], str(data.get("code", ""))
    )


@dataclass(frozen=True, slots=True)
class Record:
    """The rows on questions, newest first. `rows` are those since the mode was changed last: the others are over."""

    rows: Sequence[AuditEntry]
    earlier: Sequence[AuditEntry] = ()

    def of(self, miner_id: str) -> list[AuditEntry]:
        """The rows of one miner."""
        return [row for row in self.rows if row.subject == miner_id]

    def newest(self, miner_id: str) -> AuditEntry | None:
        """The newest row of one miner, on whichever question."""
        return next(iter(self.of(miner_id)), None)

    def standing(self, ask_id: str) -> AuditEntry | None:
        """How a question stands, while it is the newest of its miner and not over."""
        miners = {row.subject for row in self.rows if row.details.get("ask_id") == ask_id}
        found = [self.newest(miner_id) for miner_id in miners]
        return next((r for r in found if r and r.details.get("ask_id") == ask_id and r.action != OVER), None)

    def waiting(self) -> list[AuditEntry]:
        """The questions that wait for an answer."""
        found = [self.newest(miner_id) for miner_id in dict.fromkeys(row.subject for row in self.rows)]
        return [row for row in found if row is not None and row.action in OPEN]


async def record(database: Database, org_id: str, site: Site, now: datetime) -> Record:
    """What was asked and answered lately."""
    async with database.read() as connection:
        return await _record_in(connection, org_id, site, now)


async def _record_in(connection: AsyncConnection, org_id: str, site: Site, now: datetime) -> Record:
    # No end at `now`: what another process has written is told by its number, whatever its clock says.
    found = await audit.entries_in(
        connection, org_id, site_id=site.id, kinds=("plan_ask", MODE_SET), since=now - RECENT, limit=500
    )
    changed = next(
        (n for n, r in enumerate(found) if r.action == MODE_SET and r.details.get("mode") != r.details.get("before")),
        len(found),
    )
    asks = [[row for row in part if row.action != MODE_SET] for part in (found[:changed], found[changed:])]
    return Record(*asks)


@dataclass(frozen=True, slots=True)
class Desk:
    """The questions of a site while nobody else asks, answers or changes the mode: one transaction."""

    connection: AsyncConnection
    org_id: str
    site: Site
    now: datetime
    mode: Mode
    record: Record

    async def note(
        self, action: str, ask: PlanAsk, says: str, *, actor: str = "plan", more: Mapping[str, Any] | None = None
    ) -> None:
        """Add a row on a question."""
        await audit.append_in(
            self.connection,
            self.org_id,
            site_id=self.site.id,
            actor=actor,
            action=action,
            subject=ask.miner_id,
            details=ask.to_data() | dict(more or {}) | {"says": says},
            now=self.now,
        )


@asynccontextmanager
async def desk(database: Database, org_id: str, site: Site, now: datetime) -> AsyncIterator[Desk]:
    """Hold the questions of a site, as they are now; what is noted inside is kept at the end."""
    async with database.begin() as connection:
        await lock(connection, LOCK, org_id, site.id)
        mode = (await mode_in(connection, org_id, site)).mode
        yield Desk(connection, org_id, site, now, mode, await _record_in(connection, org_id, site, now))


async def wanted_now(
    database: Database, org_id: str, site: Site, mode: Mode, now: datetime
) -> Mapping[str, Wanted] | None:
    """What the newest plan wants now by miner; None where there is none for this mode, or it is too old."""
    newest = await plans.newest(database, org_id, site.id, as_of=now)
    if newest is None or newest.mode != mode:
        return None  # a plan for another mode took people's words for something else
    return wanted_at(newest.plan, newest.planned_at, now)
