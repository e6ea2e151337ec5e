"""Changes that the plan asks for, one by one, while the site's mode is "ask".

Each is asked once: it stands until the plan wants something else, or the miner is as the plan wants it. The audit is
the record of what was asked and answered, so that a worker that was started again asks nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from energy.following import Wanted, wanted_at
from energy.interlocks import Conditions, auto_wants, start_blocks
from energy.site import Miner, Site
from energy.units import format_clock
from services import control
from services.authority import authorised
from services.conditions import conditions
from services.control import Accepted, Confirm, Late, Order, RefusedBy
from services.plan_modes import mode_of
from services.scope import Scope, require
from store import audit, outbox, people, plans, relays, wishes
from store.audit import AuditEntry
from store.database import Database

ASKED, OVER, APPROVED, DECLINED = "plan_asked", "plan_ask_over", "plan_ask_approved", "plan_ask_declined"
RECENT = timedelta(days=2)  # a plan reaches no further
CHANGED = "The plan has changed since this was asked; /plan shows what it wants now."


@dataclass(frozen=True, slots=True)
class PlanAsk:
    """A miner that the plan wants on or off. `until`: for how long the plan wants it so; then it is asked no more.

    `because` is the plan's reason, a whole sentence with figures. The entry of the outbox (kind "plan") holds the same
    as `data`: ask_id, miner_id, on, until (ISO), because.
    """

    ask_id: str
    miner_id: str
    on: bool
    until: datetime
    because: str

    def to_data(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "ask_id": self.ask_id,
            "miner_id": self.miner_id,
            "on": self.on,
            "until": self.until.isoformat(),
            "because": self.because,
        }


def ask_from(data: Mapping[str, Any]) -> PlanAsk:
    """The question out of an entry's data."""
    until = datetime.fromisoformat(data["until"])
    return PlanAsk(data["ask_id"], data["miner_id"], bool(data["on"]), until, data["because"])


@dataclass(frozen=True, slots=True)
class Gone:
    """The question is over: why, in a sentence."""

    says: str


@dataclass(frozen=True, slots=True)
class Declined:
    """It is left as it is until the plan changes, as `says` tells."""

    says: str


async def ask_for_changes(database: Database, org_id: str, site: Site, now: datetime) -> int:
    """Ask the site's operators and owners for what the plan wants by now and was not asked yet; how many questions."""
    if (await mode_of(database, org_id, site)).mode != "ask":
        return 0
    wanted = await _wanted(database, org_id, site, now)
    if wanted is None:
        return 0
    c = await conditions(database, org_id, site, now)
    last = await _last(database, org_id, site, now)
    theirs = await wishes.all_of(database, org_id, site.id)
    states = await relays.all_of(database, org_id, site.id)
    asked = 0
    for miner in site.miner:
        wish, state, planned, row = theirs.get(miner.id), states.get(miner.id), wanted.get(miner.id), last.get(miner.id)
        on = None if state is None else state.on
        open_ = row if row is not None and row.action != OVER else None
        if open_ is not None and (planned is None or planned.on is not open_.details["on"] or on is planned.on):
            await _note(database, org_id, site, OVER, open_.details, now)
            open_ = None
        if open_ is not None or planned is None or on is None or on is planned.on:
            continue
        if wish is not None and wish.mode == "auto" and _needs_asking(site, miner, planned, c, on=on):
            await _ask(database, org_id, site, miner, planned, now)
            asked += 1
    return asked


def _needs_asking(site: Site, miner: Miner, planned: Wanted, c: Conditions, *, on: bool) -> bool:
    """Whether it may be done, and does not come of itself by the miner's own levels."""
    if auto_wants(site, miner, c, running=on).on is planned.on:
        return False
    return not planned.on or not start_blocks(site, miner, c)


async def _ask(database: Database, org_id: str, site: Site, miner: Miner, planned: Wanted, now: datetime) -> None:
    word = "on" if planned.on else "off"
    ask = PlanAsk(f"{miner.id}-{word}-{int(now.timestamp())}", miner.id, planned.on, planned.until, planned.because)
    here = await people.on_site(database, org_id, site.id)
    async with database.begin() as connection:
        for person in here:
            if person.role not in ("owner", "operator"):
                continue
            entry = outbox.NewEntry(
                site_id=site.id,
                level="info",
                kind="plan",
                text=asks_in_words(ask, site, now),
                person_id=person.person_id,
                data=ask.to_data(),
                once_key=f"{site.id}:plan:{ask.ask_id}:{person.person_id}",
            )
            await outbox.add_in(connection, org_id, entry, now=now)
        await audit.append_in(
            connection,
            org_id,
            site_id=site.id,
            actor="plan",
            action=ASKED,
            subject=miner.id,
            details=ask.to_data() | {"says": f"Asked whether {miner.id} shall go {word}: {planned.clause}."},
            now=now,
        )


def asks_in_words(ask: PlanAsk, site: Site, now: datetime) -> str:
    """The question in the site's own time."""
    verb, until = ("start" if ask.on else "stop"), format_clock(ask.until, site.zone, now=now)
    planned = Wanted(ask.on, now, ask.until, ask.because)
    return f"The plan would {verb} {ask.miner_id} until {until}: {planned.clause}. Shall it?"


async def still_stands(database: Database, org_id: str, site: Site, ask_id: str, now: datetime) -> bool:
    """Whether a question still waits for an answer."""
    last = await _last(database, org_id, site, now)
    return any(row.details.get("ask_id") == ask_id and row.action == ASKED for row in last.values())


async def current(scope: Scope) -> tuple[PlanAsk, ...]:
    """What the plan asks for now and nobody has answered: nothing unless the mode is "ask"."""
    require(scope, "viewer")
    database, org_id, site, now = scope.database, scope.org_id, scope.site, scope.now
    if (await mode_of(database, org_id, site)).mode != "ask":
        return ()
    last = await _last(database, org_id, site, now)
    wanted = await _wanted(database, org_id, site, now) or {}
    found = [ask_from(row.details) for row in last.values() if row.action == ASKED]
    return tuple(a for a in found if a.miner_id in wanted and wanted[a.miner_id].on is a.on)


async def approve(scope: Scope, ask_id: str, *, place: str) -> Accepted | RefusedBy | Gone:
    """Do it, for operators: the order is made and confirmed in the name of the actor, with the interlocks of now.

    The same answer any number of times does it once. Raises `Refused`, with an audit row, for everybody else.
    """
    scope = await authorised(scope, "operator", "plan_ask", {"ask_id": ask_id[:80]})
    row = await _row_of(scope, ask_id)
    if row is None:
        return Gone(CHANGED)
    by = row.details.get("by")
    if row.action == APPROVED and by != _who(scope):
        return Gone(f"{row.details.get('name', 'Somebody')} has answered this already: it is being done.")
    ask = ask_from(row.details)
    planned = (await _wanted(scope.database, scope.org_id, scope.site, scope.now) or {}).get(ask.miner_id)
    if row.action != APPROVED and (planned is None or planned.on is not ask.on):
        return Gone(CHANGED)
    until = ask.until if planned is None or planned.on is not ask.on else planned.until
    done = await _ordered(scope, ask, until, place)
    if isinstance(done, Accepted) and row.action != APPROVED:
        await _answered(scope, APPROVED, ask)
    return done


async def decline(scope: Scope, ask_id: str) -> Declined | Gone:
    """Leave the miner as it is until the plan changes, for operators, with an audit row."""
    scope = await authorised(scope, "operator", "plan_ask", {"ask_id": ask_id[:80]})
    row = await _row_of(scope, ask_id)
    if row is None:
        return Gone(CHANGED)
    ask = ask_from(row.details)
    says = f"{ask.miner_id} is left {'off' if ask.on else 'on'} until the plan changes."
    if row.action == APPROVED:
        return Gone(f"{row.details.get('name', 'Somebody')} has said yes already; /miners shows how it stands.")
    if row.action != DECLINED:
        await _answered(scope, DECLINED, ask)
    return Declined(says)


async def _ordered(scope: Scope, ask: PlanAsk, until: datetime, place: str) -> Accepted | RefusedBy:
    order = Order("start" if ask.on else "stop", (ask.miner_id,), until)
    key = f"{scope.site.id}:plan:{ask.ask_id}:{_who(scope)}"
    asked = await control.order(scope, order, origin="tapped", place=place, address=None, key=key)
    while isinstance(asked, Confirm):
        answer = await control.confirm(scope, asked.request.request_id, place=place)
        asked = answer.confirm if isinstance(answer, Late) else answer
    return asked


async def _answered(scope: Scope, action: str, ask: PlanAsk) -> None:
    verb, word = ("Yes" if action == APPROVED else "No"), "on" if ask.on else "off"
    about = {"by": _who(scope), "name": scope.actor.name, "says": f"{verb} to {ask.miner_id} {word}."}
    await _note(scope.database, scope.org_id, scope.site, action, ask.to_data() | about, scope.now, actor=_who(scope))


def _who(scope: Scope) -> str:
    return scope.actor.person_id or scope.actor.name


async def _row_of(scope: Scope, ask_id: str) -> AuditEntry | None:
    """The newest row of the question, while it is the newest of its miner and not over."""
    last = await _last(scope.database, scope.org_id, scope.site, scope.now)
    return next((r for r in last.values() if r.details.get("ask_id") == ask_id and r.action != OVER), None)


async def _last(database: Database, org_id: str, site: Site, now: datetime) -> dict[str, AuditEntry]:
    """The newest row on questions by miner."""
    rows = await audit.entries(
        database, org_id, site_id=site.id, kinds=("plan_ask",), since=now - RECENT, until=now, limit=500
    )
    found: dict[str, AuditEntry] = {}
    for row in rows:
        found.setdefault(row.subject, row)
    return found


async def _wanted(database: Database, org_id: str, site: Site, now: datetime) -> Mapping[str, Wanted] | None:
    newest = await plans.newest(database, org_id, site.id, as_of=now)
    return None if newest is None else wanted_at(newest.plan, newest.planned_at, now)


async def _note(
    database: Database,
    org_id: str,
    site: Site,
    action: str,
    details: Mapping[str, Any],
    now: datetime,
    *,
    actor: str = "plan",
) -> None:
    says = {} if action != OVER else {"says": f"The question about {details['miner_id']} is over."}
    await audit.append(
        database,
        org_id,
        site_id=site.id,
        actor=actor,
        action=action,
        subject=details["miner_id"],
        details=dict(details) | says,
        now=now,
    )
