"""The ways to a person, best first: their direct chats, then their contacts and email, and SMS for what is critical."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from energy.preferences import Preferences
from store import contacts, routes
from store.database import Database

Way = Mapping[str, Any]  # the fields of `bot.message.Address`


async def ways_of(
    database: Database, org_id: str, person_id: str, preferences: Preferences, *, critical: bool
) -> tuple[Way, ...]:
    """Where somebody can be told, in the order to try. What they prefer (`alert_routes`) comes first."""
    chats = [each for each in await routes.of_person(database, org_id, person_id) if each.dead_reason is None]
    found = [way(each.platform, each.chat_id) for each in chats]
    outside = [each for each in await contacts.of_person(database, org_id, person_id) if each.dead_reason is None]
    found += [way(each.kind, contact_place(each.contact_id)) for each in outside]
    if preferences.email is not None:
        found.append(way("email", preferences.email))
    if preferences.sms_number is not None and critical:
        found.append(way("sms", preferences.sms_number))
    wanted = preferences.alert_routes
    rank = {name: place for place, name in enumerate(wanted)}
    return unique(sorted(found, key=lambda each: rank.get(each["platform"], len(wanted))))


def contact_place(contact_id: int) -> str:
    """What stands for a contact wherever something is kept: its address is a secret, and looked up to send."""
    return f"contact:{contact_id}"


def way(platform: str, chat_id: str, thread: str | None = None) -> Way:
    """One way."""
    return {"platform": platform, "chat_id": chat_id, "thread": thread}


def unique(ways: Sequence[Way]) -> tuple[Way, ...]:
    """Each place once, in its first position."""
    by_place: dict[Any, Way] = {}
    for each in ways:
        by_place.setdefault((each["platform"], each["chat_id"], each.get("thread")), each)
    return tuple(by_place.values())
