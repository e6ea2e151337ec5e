"""Changes that the plan asks for, one by one, while the site's mode is "ask".

Each is asked once: it stands until the plan wants something else, or the miner is as the plan wants it. A plan that
wavers asks no more often than people can bear, and a No is remembered.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from energy.following import Wanted
from energy.interlocks import Conditions, auto_wants, start_blocks
from energy.site import Miner, Site
from energy.units import format_clock
from services.conditions import conditions
from services.plan_carrying import carry_on
from services.plan_modes import mode_of
from services.plan_questions import ASKED, DECLINED, OVER, Desk, PlanAsk, Record, ask_from, desk, record, wanted_now
from services.scope import Scope, require
from store import outbox, people, relays, wishes
from store.audit import AuditEntry
from store.database import Database
from store.people import Standing

PAUSE = timedelta(minutes=30)  # between two questions about the same miner
NO_HOLDS = timedelta(hours=2)  # a No to the same change for the same kind of reason


async def ask_for_changes(database: Database, org_id: str, site: Site, now: datetime) -> int:
    """Ask the site's operators and owners for what the plan wants by now and was not asked yet; how many questions.

    What they said yes to goes on for as long as the plan wants it.
    """
    mode = (await mode_of(database, org_id, site)).mode
    if mode != "ask":
        return 0
    wanted = await wanted_now(database, org_id, site, mode, now)
    if wanted is None:
        return 0
    asks = await record(database, org_id, site, now)
    await carry_on(database, org_id, site, wanted, asks, now)
    c = await conditions(database, org_id, site, now)
    theirs = await wishes.all_of(database, org_id, site.id)
    states = await relays.all_of(database, org_id, site.id)
    here = await people.on_site(database, org_id, site.id)
    asked = 0
    for miner in site.miner:
        wish, state, planned, row = (
            theirs.get(miner.id),
            states.get(miner.id),
            wanted.get(miner.id),
            asks.newest(miner.id),
        )
        on = None if state is None else state.on
        is_open = row is not None and row.action != OVER
        over = (
            row is not None and is_open and (planned is None or planned.on is not row.details["on"] or on is planned.on)
        )
        to_ask = (
            (over or not is_open)
            and planned is not None
            and on is not None
            and on is not planned.on
            and wish is not None
            and wish.mode == "auto"
            and _needs_asking(site, miner, planned, c, on=on)
            and not _is_quiet(asks, miner, planned, now)
        )
        if not over and not to_ask:
            continue
        async with desk(database, org_id, site, now) as at:
            if at.mode != "ask" or not _same(row, at.record.newest(miner.id)):
                continue  # somebody else looks at the same time, or has answered meanwhile
            if over and row is not None:
                await at.note(OVER, ask_from(row.details), f"The question about {miner.id} is over.")
            if to_ask and planned is not None:
                await _ask(at, miner, planned, here)
                asked += 1
    return asked


def _same(row: AuditEntry | None, other: AuditEntry | None) -> bool:
    return (None if row is None else row.audit_id) == (None if other is None else other.audit_id)


def _needs_asking(site: Site, miner: Miner, planned: Wanted, c: Conditions, *, on: bool) -> bool:
    """Whether it may be done, and does not come of itself by the miner's own levels."""
    if auto_wants(site, miner, c, running=on).on is planned.on:
        return False
    return not planned.on or not start_blocks(site, miner, c)


def _is_quiet(asks: Record, miner: Miner, planned: Wanted, now: datetime) -> bool:
    """Whether people were asked about the miner just before, or have said no to the same a while ago."""
    for row in asks.of(miner.id):
        ago = abs(now - row.happened_at)  # a clock that was set back makes no question come sooner
        if row.action == ASKED and ago < PAUSE:
            return True
        same = row.details.get("on") is planned.on and row.details.get("code") == planned.code
        if row.action == DECLINED and same and ago < NO_HOLDS:
            return True
    return False


async def _ask(at: Desk, miner: Miner, planned: Wanted, here: list[Standing]) -> None:
    word, site, now = "on" if planned.on else "off", at.site, at.now
    ask_id = f"{miner.id}-{word}-{int(now.timestamp())}"
    ask = PlanAsk(ask_id, miner.id, planned.on, planned.until, planned.because, planned.code)
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
        await outbox.add_in(at.connection, at.org_id, entry, now=now)
    await at.note(ASKED, ask, f"Asked whether {miner.id} shall go {word}: {planned.clause}.")


def asks_in_words(ask: PlanAsk, site: Site, now: datetime) -> str:
    """The question in the site's own time."""
    verb, until = ("start" if ask.on else "stop"), format_clock(ask.until, site.zone, now=now)
    planned = Wanted(ask.on, now, ask.until, ask.because)
    return f"The plan would {verb} {ask.miner_id} until {until}: {planned.clause}. Shall it?"


async def still_stands(database: Database, org_id: str, site: Site, ask_id: str, now: datetime) -> bool:
    """Whether a question still waits for an answer."""
    if (await mode_of(database, org_id, site)).mode != "ask":
        return False
    asks = await record(database, org_id, site, now)
    return any(row.details.get("ask_id") == ask_id for row in asks.waiting())


async def current(scope: Scope) -> tuple[PlanAsk, ...]:
    """What the plan asks for now and nobody has answered: nothing unless the mode is "ask"."""
    require(scope, "viewer")
    database, org_id, site, now = scope.database, scope.org_id, scope.site, scope.now
    if (await mode_of(database, org_id, site)).mode != "ask":
        return ()
    asks = await record(database, org_id, site, now)
    wanted = await wanted_now(database, org_id, site, "ask", now) or {}
    found = [ask_from(row.details) for row in asks.waiting()]
    return tuple(a for a in found if a.miner_id in wanted and wanted[a.miner_id].on is a.on)
