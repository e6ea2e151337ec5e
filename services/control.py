"""Orders to miners and to the inverter: who may, what must be confirmed, what is refused and why.

Nothing is switched here: an accepted order is a row that the worker executes, after the interlocks were asked again.
A stop, or handing over to the automatic, acts at once when a person types or taps it. A start asks once, and so does
everything that the assistant proposes, and every inverter setting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from energy.interlocks import Block
from services import control_words as words
from services.authority import authorised, denied
from services.control_log import LogEntry as LogEntry
from services.control_log import log as log
from services.grid_charge import RATE, grid_charge_refusal
from services.miners import personal_limits_of
from services.scope import Scope
from services.starting import look_at
from store import control, wishes
from store.control import ControlRequest
from store.requests import AtMost
from store.wishes import Wish

Origin = Literal["typed", "tapped", "model"]
CONFIRM_WITHIN = timedelta(seconds=120)
LONGEST = timedelta(days=31)
_LOOK_EVERY_S = 0.05
_ACTIONS: Mapping[str, control.Action] = {
    "start": "miners.start",
    "stop": "miners.stop",
    "auto": "miners.auto",
}


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of miners (ids). `until`: afterwards they are as they were before."""

    action: Literal["start", "stop", "auto"]
    miners: tuple[str, ...]
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """It will be done. `again`: it had been accepted before, and nothing more was asked of the worker."""

    request: ControlRequest
    again: bool = False


@dataclass(frozen=True, slots=True)
class Confirm:
    """It needs a tap by the person who asked, in the place where they asked, before `request.expires_at`."""

    request: ControlRequest
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RefusedBy:
    """It may not be done now: the rules that say so by miner id, and the same in sentences."""

    blocks: Mapping[str, tuple[Block, ...]]
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Late:
    """The confirmation came too late; here is a fresh one, with the figures of now."""

    confirm: Confirm


Asked = Accepted | Confirm | RefusedBy


async def order(
    scope: Scope,
    order: Order,
    *,
    origin: Origin,
    place: str,
    address: Mapping[str, Any] | None,
    key: str | None,
) -> Asked:
    """Ask something of miners, for operators; the same `key` gets the request that it made before.

    Raises `Refused`, with an audit row, for everybody else.
    """
    action = _ACTIONS[order.action]
    arguments = {
        "miners": list(dict.fromkeys(order.miners)),
        "until": None if order.until is None else order.until.isoformat(),
    }
    scope = await authorised(scope, "operator", action, arguments)
    if (known := await _known(scope, key)) is not None:
        return known
    new = _New(scope, action, arguments, origin, place, address, key)
    if (problem := _problem(scope, order)) is not None:
        return await new.refuse(RefusedBy({}, (problem,)))
    if order.action == "start":
        return await _start(new)
    if origin == "model":
        return await new.propose(words.order_says(scope.site, action, arguments, scope, await _wanted(scope)))
    return await new.accept()


async def order_grid_charge(
    scope: Scope, on: bool, *, origin: Origin, place: str, address: Mapping[str, Any] | None, key: str | None
) -> Asked:
    """Ask for charging from the grid to be enabled or disabled: for owners, where the site opted in, confirmed."""
    action: control.Action = "grid_charge.on" if on else "grid_charge.off"
    scope = await authorised(scope, "owner", action, {})
    if (known := await _known(scope, key)) is not None:
        return known
    new = _New(scope, action, {}, origin, place, address, key)
    refusal = await grid_charge_refusal(scope)
    if refusal is not None:
        return await new.refuse(RefusedBy({}, (refusal,)))
    return await new.propose(words.order_says(scope.site, action, {}, scope, {}))


async def proposed(scope: Scope, request_id: str) -> Confirm:
    """The question that belongs to a proposal, with the figures of now."""
    request = await _own(scope, request_id)
    return Confirm(request, await _says(scope, request))


async def confirm(
    scope: Scope, request_id: str, *, place: str, address: Mapping[str, Any] | None = None
) -> Accepted | RefusedBy | Late:
    """Do what was proposed, when everything still holds: the person, the place, the role and the interlocks of now.

    Of any number of confirmations exactly one queues the request; the others get `Accepted(again=True)`. Raises
    `Refused`, with an audit row, for anybody else and anywhere else. An `address` is where the result is told.
    """
    request = await _own(scope, request_id, place=place)
    role: Literal["owner", "operator"] = "owner" if request.action.startswith("grid_charge") else "operator"
    scope = await authorised(scope, role, request.action, request.arguments)
    now = scope.now
    if request.state == "expired" or (request.state == "proposed" and (request.expires_at or now) <= now):
        return await _late(scope, request, address)
    if request.state != "proposed":
        return _decided(request)
    refusal = await _refusal_now(scope, request)
    if refusal is not None:
        await control.refuse(
            scope.database,
            scope.org_id,
            request_id,
            results=words.results_of(refusal.blocks, refusal.says),
            now=now,
            by=scope.actor.person_id,
            noted=words.noted(refusal.blocks, refusal.says),
        )
        return refusal
    limit = AtMost(RATE.actions, now - RATE.within, RATE.count) if role == "owner" else None
    queued = await control.queue(
        scope.database, scope.org_id, request_id, now=now, by=scope.actor.person_id, address=address, at_most=limit
    )
    decided = await control.get(scope.database, scope.org_id, request_id) or request
    if queued:
        await scope.wake("control")
        return Accepted(decided)
    if decided.state == "proposed":  # altered, or somebody else's change was the last that the hour allows
        return await _refusal_now(scope, request) or RefusedBy(
            {}, ("This does not fit what was asked any more; send the command again.",)
        )
    if decided.state == "expired":  # closed by the worker since it was looked at
        return await _late(scope, decided, address)
    return _decided(decided)


async def cancel(scope: Scope, request_id: str) -> bool:
    """Withdraw a proposal of one's own; False when it was decided already."""
    request = await _own(scope, request_id)
    return await control.cancel(
        scope.database, scope.org_id, request.request_id, now=scope.now, by=scope.actor.person_id
    )


async def result(scope: Scope, request_id: str, *, timeout_s: float) -> ControlRequest | None:
    """The request when the worker has ended it; None when that takes longer than `timeout_s`."""
    give_up_at = time.monotonic() + timeout_s
    while True:
        request = await control.get(scope.database, scope.org_id, request_id)
        if request is None or request.finished_at is not None:
            return request
        if time.monotonic() >= give_up_at:
            return None
        await asyncio.sleep(_LOOK_EVERY_S)


async def claim_report(scope: Scope, request_id: str) -> bool:
    """Whether the caller is the one to tell how a finished request ended: once per request."""
    return await control.claim_report(scope.database, scope.org_id, request_id, now=scope.now)


async def _start(new: _New) -> Asked:
    scope = new.scope
    starting = await look_at(scope, new.arguments["miners"], personal_limits_of(scope))
    if not starting.allowed:
        return await new.refuse(RefusedBy(starting.blocked, words.blocked_says(scope.site, "start", starting.blocked)))
    if starting.blocked:
        new.arguments["miners"] = list(starting.allowed)
    says = words.start_says(scope, new.arguments, starting, await _wanted(scope))
    return await new.propose(says, noted=words.noted(starting.blocked))


@dataclass(slots=True)
class _New:
    """A request that is about to be made."""

    scope: Scope
    action: control.Action
    arguments: dict[str, Any]
    origin: control.Origin
    place: str
    address: Mapping[str, Any] | None
    key: str | None

    async def accept(self) -> Accepted:
        request = await self._create("queued")
        await self.scope.wake("control")
        return Accepted(request)

    async def propose(self, says: tuple[str, ...], noted: Mapping[str, Any] | None = None) -> Confirm:
        return Confirm(await self._create("proposed", noted=noted), says)

    async def refuse(self, refusal: RefusedBy) -> RefusedBy:
        await self._create(
            "refused",
            results=words.results_of(refusal.blocks, refusal.says),
            noted=words.noted(refusal.blocks, refusal.says),
        )
        return refusal

    async def _create(self, state: Literal["proposed", "queued", "refused"], **more: Any) -> ControlRequest:
        scope = self.scope
        return await control.create(
            scope.database,
            scope.org_id,
            site_id=scope.site.id,
            action=self.action,
            arguments=self.arguments,
            origin=self.origin,
            state=state,
            person_id=scope.actor.person_id,
            person_name=scope.actor.name,
            place=self.place,
            address=self.address,
            idempotency_key=self.key,
            expires_at=scope.now + CONFIRM_WITHIN if state == "proposed" else None,
            now=scope.now,
            **more,
        )


async def _known(scope: Scope, key: str | None) -> Asked | None:
    """What a message that was handled before has led to."""
    request = None if key is None else await control.by_key(scope.database, scope.org_id, key)
    if request is None:
        return None
    if (request.person_id, request.site_id) != (scope.actor.person_id, scope.site.id):
        raise await denied(scope, request.action, request.arguments, "this was asked by somebody else")
    if request.state in ("proposed", "expired"):
        return Confirm(request, await _says(scope, request))
    return _decided(request)


def _decided(request: ControlRequest) -> Accepted | RefusedBy:
    """What to say about a request that is not open any more."""
    if request.state == "cancelled":
        return RefusedBy({}, ("This was cancelled; send the command again to ask for it.",))
    if request.state == "refused" and request.tries == 0:
        return RefusedBy({}, tuple(request.results.get("says") or ("This was refused; see /miners log.",)))
    return Accepted(request, again=True)


async def _own(scope: Scope, request_id: str, place: str | None = None) -> ControlRequest:
    """The request, when it is the actor's own; otherwise `Refused`, with an audit row."""
    request = await control.get(scope.database, scope.org_id, request_id)
    if request is None or request.site_id != scope.site.id:
        raise await denied(scope, "unknown", {}, "there is no such request; send the command again")
    if request.person_id != scope.actor.person_id:
        why = f"only {request.person_name}, who asked, can decide this; send the command yourself"
        raise await denied(scope, request.action, request.arguments, why)
    if place is not None and request.place != place:
        why = "this can only be decided in the chat in which it was asked"
        raise await denied(scope, request.action, request.arguments, why)
    return request


async def _refusal_now(scope: Scope, request: ControlRequest) -> RefusedBy | None:
    if (over := _over(scope, request.arguments.get("until"))) is not None:
        return RefusedBy({}, (over,))
    if request.action == "miners.start":
        starting = await look_at(scope, request.arguments["miners"], personal_limits_of(scope))
        if not starting.allowed:
            return RefusedBy(starting.blocked, words.blocked_says(scope.site, "start", starting.blocked))
    elif request.action.startswith("grid_charge"):
        refusal = await grid_charge_refusal(scope)
        if refusal is not None:
            return RefusedBy({}, (refusal,))
    return None


async def _says(scope: Scope, request: ControlRequest) -> tuple[str, ...]:
    if request.action == "miners.start":
        starting = await look_at(scope, request.arguments["miners"], personal_limits_of(scope))
        return words.start_says(scope, request.arguments, starting, await _wanted(scope))
    return words.order_says(scope.site, request.action, request.arguments, scope, await _wanted(scope))


async def _wanted(scope: Scope) -> Mapping[str, Wish]:
    return await wishes.all_of(scope.database, scope.org_id, scope.site.id)


async def _late(
    scope: Scope, request: ControlRequest, address: Mapping[str, Any] | None
) -> Late | RefusedBy | Accepted:
    """A fresh proposal of the same, one for any number of late taps at once; refused where the rules say so by now."""
    await control.expire_proposals(scope.database, scope.org_id, scope.now)
    new = _New(
        scope,
        request.action,
        dict(request.arguments),
        request.origin,
        request.place,
        address or request.address,
        None,
    )
    refusal = await _refusal_now(scope, request)
    if refusal is not None:
        return await new.refuse(refusal)
    new.key = f"late:{request.request_id}"
    fresh = (await new.propose(())).request
    if fresh.state == "proposed" and fresh.expires_at is not None and fresh.expires_at > scope.now:
        return Late(Confirm(fresh, await _says(scope, fresh)))
    if fresh.state in ("proposed", "expired"):
        return await _late(scope, fresh, address)
    return _decided(fresh)


def _problem(scope: Scope, order: Order) -> str | None:
    """What is wrong with the order itself."""
    known = {miner.id for miner in scope.site.miner}
    unknown = [miner for miner in order.miners if miner not in known]
    if unknown or not order.miners:
        listed = ", ".join(sorted(known)) or "none"
        return f"There is no miner {', '.join(unknown)[:100] or 'named'}; the miners are {listed}."
    if (over := _over(scope, None if order.until is None else order.until.isoformat())) is not None:
        return over
    if order.until is not None and order.until > scope.now + LONGEST:
        return f"That is too long; at most {LONGEST.days} days, and without a time it holds until it is changed."
    return None


def _over(scope: Scope, until: str | None) -> str | None:
    """Why an order with this time limit makes no sense any more."""
    if until is None or datetime.fromisoformat(until) > scope.now:
        return None
    return "That time is over already; say a later one, such as 2h or until 18:00."
