"""A person's own ways beside the chats: webhooks and push services. Private: nobody else sees or uses them."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime

from energy.contact_targets import KEY_START, ContactKind, TargetRefused, parse_target, with_key
from services.alert_telling import THIS_WAY_ALONE
from services.scope import Scope
from services.ways import contact_place
from store import audit, contacts, outbox
from store.contacts import Contact
from store.database import Database
from store.outbox import RESULT, NewEntry

MOST = 10
_LOOK_EVERY_S = 0.2


class ContactRefused(ValueError):
    """It cannot be added; the message says why and what can be."""


@dataclass(frozen=True, slots=True)
class ContactView:
    """A way as its person sees it: `shown` holds no secret. `trouble` is why nothing is sent there; None: it works."""

    contact_id: int
    kind: ContactKind
    shown: str
    created_at: datetime
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Added:
    """What was added, and the key that its messages are signed with: told this once, never shown again."""

    contact: ContactView
    signing_key: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a test message; `arrived` None: it is still under way."""

    arrived: bool | None
    trouble: str | None = None


async def add(scope: Scope, text: str) -> Added:
    """Add a way of the asking person's own; one that was dead is tried again. Raises `ContactRefused`.

    A webhook of one's own gets a new key unless the person gave one behind a # (whsec_...).
    """
    person_id = _asking(scope)
    try:
        target = parse_target(text)
    except TargetRefused as error:
        raise ContactRefused(str(error)) from error
    known = await contacts.of_person(scope.database, scope.org_id, person_id)
    url = target.target.partition("#")[0]
    same = [each for each in known if each.target.partition("#")[0] == url]
    if len(known) - len(same) >= MOST:
        raise ContactRefused(f"you have {len(known)} ways, and {MOST} are the most; remove one first")
    key = None
    if target.needs_key:
        if same and same[0].dead_reason is not None:  # it comes back with the key that its owner has
            target = parse_target(same[0].target)
        elif not same:
            key = KEY_START + base64.b64encode(secrets.token_bytes(32)).decode()
            target = with_key(target, key)
    if same and (target.needs_key or same[0].target == target.target) and same[0].dead_reason is None:
        raise ContactRefused(f"you have {same[0].label} already")
    for each in same:
        if each.target != target.target:  # the same address with another key takes its place
            await contacts.remove(scope.database, scope.org_id, person_id, each.contact_id)
    added = await contacts.add(
        scope.database,
        scope.org_id,
        person_id,
        kind=target.kind,
        target=target.target,
        label=target.shown,
        now=scope.now,
    )
    if added is None:
        raise ContactRefused(f"you have {target.shown} already")
    await _note(scope, "contact_added", added)
    return Added(_view(added), key)


async def list_of(scope: Scope) -> tuple[ContactView, ...]:
    """The asking person's ways, oldest first, dead ones last."""
    return tuple(_view(contact) for contact in await contacts.of_person(scope.database, scope.org_id, _asking(scope)))


async def remove(scope: Scope, contact_id: int) -> bool:
    """Remove one of the asking person's ways; False when it is not theirs or not there."""
    person_id = _asking(scope)
    known = await contacts.of_person(scope.database, scope.org_id, person_id)
    found = next((each for each in known if each.contact_id == contact_id), None)
    if found is None or not await contacts.remove(scope.database, scope.org_id, person_id, contact_id):
        return False
    await _note(scope, "contact_removed", found)
    return True


async def send_test(scope: Scope, contact_id: int, *, timeout_s: float) -> Trial | None:
    """Send a few words to one of the asking person's ways, and wait for what becomes of it; None when it is not theirs
    or not there. What failed is not tried again: the person knows."""
    person_id = _asking(scope)
    known = await contacts.of_person(scope.database, scope.org_id, person_id)
    found = next((each for each in known if each.contact_id == contact_id), None)
    if found is None:
        return None
    if found.dead_reason is not None:
        return Trial(False, found.dead_reason)
    entry = NewEntry(
        site_id=scope.site.id,
        level="info",
        text=f"This is a test from {scope.site.name or scope.site.id}. Alerts will look like this.",
        person_id=person_id,
        address={"platform": found.kind, "chat_id": contact_place(found.contact_id), "thread": None},
        once_key=f"{RESULT}test:{secrets.token_hex(8)}",  # asked for: quiet hours do not hold it back
        data={THIS_WAY_ALONE: True},
    )
    await outbox.add(scope.database, scope.org_id, entry, now=scope.now)
    await scope.wake("notices")
    give_up_at = time.monotonic() + timeout_s
    while time.monotonic() < give_up_at:
        stands = await outbox.standing_of(scope.database, scope.org_id, entry.once_key or "")
        if stands is None or stands.state == "sent":
            return Trial(True)
        if stands.tries or stands.state != "waiting":
            await outbox.drop(scope.database, scope.org_id, stands.outbox_id, "a test that failed", now=scope.now)
            return Trial(False, stands.reason or "it cannot be sent there")
        await asyncio.sleep(_LOOK_EVERY_S)
    return Trial(None)


async def target_at(database: Database, org_id: str, place: str) -> str | None:
    """The address of a contact, to send to; None when its person removed it."""
    number = place.removeprefix(contact_place(0)[:-1])
    found = await contacts.get(database, org_id, int(number)) if number.isdecimal() else None
    return None if found is None else found.target


async def mark_dead(database: Database, org_id: str, person_id: str, place: str, reason: str) -> bool:
    """Nothing can be sent to that contact any more, until its person adds it again; False when it was so before."""
    found = [
        each
        for each in await contacts.of_person(database, org_id, person_id)
        if contact_place(each.contact_id) == place
    ]
    marked = [await contacts.mark_dead(database, org_id, each.contact_id, reason) for each in found]
    return any(marked)


def _asking(scope: Scope) -> str:
    if scope.actor.person_id is None:
        raise ContactRefused("only somebody who is paired in a chat has ways of their own; ask from there")
    return scope.actor.person_id


async def _note(scope: Scope, action: str, contact: Contact) -> None:
    """For the record, without the target: the audit keeps for ever."""
    await audit.append(
        scope.database,
        scope.org_id,
        site_id=scope.site.id,
        actor=scope.actor.person_id or scope.actor.name,
        action=action,
        subject=f"contact:{contact.contact_id}",
        details={"kind": contact.kind, "name": scope.actor.name},
        now=scope.now,
    )


def _view(contact: Contact) -> ContactView:
    return ContactView(contact.contact_id, contact.kind, contact.label, contact.created_at, contact.dead_reason)
