"""What people answer to the plan's questions: the first answer counts, and it counts while the site asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from energy.following import Wanted
from services import control
from services.authority import authorised
from services.control import Accepted, Confirm, Late, Order, RefusedBy
from services.plan_modes import Mode
from services.plan_questions import APPROVED, DECLINED, REFUSED, Desk, PlanAsk, ask_from, desk, wanted_now
from services.scope import Scope
from store import control as requests
from store.audit import AuditEntry

CHANGED = "The plan has changed since this was asked; /plan shows what it wants now."


@dataclass(frozen=True, slots=True)
class Gone:
    """The question is over: why, in a sentence."""

    says: str


@dataclass(frozen=True, slots=True)
class Declined:
    """It is left as it is until the plan changes, as `says` tells."""

    says: str


@dataclass(frozen=True, slots=True)
class _Yes:
    """A yes that counts: what it was said to, until when, and the key of its order."""

    ask: PlanAsk
    until: datetime
    key: str
    again: bool


async def approve(scope: Scope, ask_id: str, *, place: str) -> Accepted | RefusedBy | Gone:
    """Do it, for operators: the order is made and confirmed in the name of the actor, with the interlocks of now.

    The same answer any number of times does it once; what the interlocks refuse may be tried again. Raises `Refused`,
    with an audit row, for everybody else.
    """
    scope = await authorised(scope, "operator", "plan_ask", {"ask_id": ask_id[:80]})
    wanted = await wanted_now(scope.database, scope.org_id, scope.site, "ask", scope.now) or {}
    async with desk(scope.database, scope.org_id, scope.site, scope.now) as at:
        said = await _say_yes(at, scope, ask_id, wanted)
    if isinstance(said, Gone):
        return said
    if said.again and not _wants(wanted, said.ask) and not await _is_known(scope, said):
        return Gone(CHANGED)
    done = await _ordered(scope, said, place)
    if isinstance(done, RefusedBy):
        async with desk(scope.database, scope.org_id, scope.site, scope.now) as at:
            row = at.record.standing(ask_id)
            if row is not None and row.action == APPROVED and row.details.get("key") == said.key:
                await at.note(REFUSED, said.ask, f"{said.ask.miner_id} was refused: {' '.join(done.says)}")
    return done


async def decline(scope: Scope, ask_id: str) -> Declined | Gone:
    """Leave the miner as it is until the plan changes, for operators, with an audit row."""
    scope = await authorised(scope, "operator", "plan_ask", {"ask_id": ask_id[:80]})
    async with desk(scope.database, scope.org_id, scope.site, scope.now) as at:
        row = _standing(at, ask_id)
        if isinstance(row, Gone):
            return row
        ask = ask_from(row.details)
        if row.action == APPROVED:
            return Gone(f"{_name(row)} has said yes already; /miners shows how it stands.")
        if row.action != DECLINED:
            about = {"by": _who(scope), "name": scope.actor.name}
            says = f"No to {ask.miner_id} {_word(ask)}."
            await at.note(DECLINED, ask, says, actor=_who(scope), more=about)
    return Declined(f"{ask.miner_id} is left {'off' if ask.on else 'on'} until the plan changes.")


async def _say_yes(at: Desk, scope: Scope, ask_id: str, wanted: Mapping[str, Wanted]) -> _Yes | Gone:
    row = _standing(at, ask_id)
    if isinstance(row, Gone):
        return row
    ask, who = ask_from(row.details), _who(scope)
    if row.action == DECLINED:
        verb = "start" if ask.on else "stop"
        return Gone(f"{_name(row)} has said no to this; /miners {verb} {ask.miner_id} does it all the same.")
    if row.action == APPROVED:
        if row.details.get("by") != who:
            return Gone(f"{_name(row)} has answered this already: it is being done.")
        return _Yes(ask, datetime.fromisoformat(row.details["ordered_until"]), row.details["key"], again=True)
    if not _wants(wanted, ask):
        return Gone(CHANGED)
    tries = sum(each.action == REFUSED and each.details.get("ask_id") == ask_id for each in at.record.of(ask.miner_id))
    key = f"{at.site.id}:plan:{ask_id}:{who}{f':{tries}' if tries else ''}"
    until = wanted[ask.miner_id].until
    about: dict[str, Any] = {"by": who, "name": scope.actor.name, "key": key, "ordered_until": until.isoformat()}
    await at.note(APPROVED, ask, f"Yes to {ask.miner_id} {_word(ask)}.", actor=who, more=about)
    return _Yes(ask, until, key, again=False)


def _standing(at: Desk, ask_id: str) -> AuditEntry | Gone:
    row = at.record.standing(ask_id)
    if at.mode != "ask":
        found = row or next((r for r in at.record.earlier if r.details.get("ask_id") == ask_id), None)
        return Gone(_asks_no_more(at.mode, None if found is None else ask_from(found.details)))
    if row is not None:
        return row
    answered = next(
        (r for r in at.record.rows if r.details.get("ask_id") == ask_id and r.action in (APPROVED, DECLINED)), None
    )
    if answered is None:
        return Gone(CHANGED)
    said = "yes" if answered.action == APPROVED else "no"
    return Gone(f"{_name(answered)} has said {said} to this already, and it is over; /miners shows how it stands.")


def _asks_no_more(mode: Mode, ask: PlanAsk | None) -> str:
    if ask is None:
        remedy = "/miners start and /miners stop do it"
    elif mode == "advise":
        remedy = f"/miners {'start' if ask.on else 'stop'} {ask.miner_id} does it"
    else:
        remedy = f"/miners {'stop' if ask.on else 'start'} {ask.miner_id} keeps it {'off' if ask.on else 'on'}"
    does = "the plan only advises now" if mode == "advise" else "it follows the plan by itself now"
    return f"The site does not ask any more: {does}. {remedy}."


def _wants(wanted: Mapping[str, Wanted], ask: PlanAsk) -> bool:
    planned = wanted.get(ask.miner_id)
    return planned is not None and planned.on is ask.on


async def _ordered(scope: Scope, said: _Yes, place: str) -> Accepted | RefusedBy:
    order = Order("start" if said.ask.on else "stop", (said.ask.miner_id,), said.until)
    asked = await control.order(scope, order, origin="tapped", place=place, address=None, key=said.key)
    while isinstance(asked, Confirm):
        answer = await control.confirm(scope, asked.request.request_id, place=place)
        asked = answer.confirm if isinstance(answer, Late) else answer
    return asked


async def _is_known(scope: Scope, said: _Yes) -> bool:
    return await requests.by_key(scope.database, scope.org_id, said.key) is not None


def _word(ask: PlanAsk) -> str:
    return "on" if ask.on else "off"


def _name(row: AuditEntry) -> str:
    return str(row.details.get("name", "Somebody"))


def _who(scope: Scope) -> str:
    return scope.actor.person_id or scope.actor.name
