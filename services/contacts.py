"""A person's own ways beside the chats: webhooks and push services. Private: nobody else sees or uses them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from energy.contact_targets import ContactKind
from services.scope import Scope
from store.database import Database

MOST = 10


class ContactRefused(ValueError):
    """It cannot be added; the message says why and what can be."""


@dataclass(frozen=True, slots=True)
class ContactView:
    """A way as its person sees it: `shown` holds no secret. `trouble` is why nothing can be sent there, None if it works."""

    contact_id: int
    kind: ContactKind
    shown: str
    created_at: datetime
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Added:
    """What was added, and the key that its messages are signed with: told this once, never shown again."""

    contact: ContactView
    signing_key: str | None


async def add(scope: Scope, text: str) -> Added:
    """Add a way of the asking person's own. Raises `ContactRefused`."""
    raise NotImplementedError


async def list_of(scope: Scope) -> tuple[ContactView, ...]:
    """The asking person's ways, oldest first."""
    raise NotImplementedError


async def remove(scope: Scope, contact_id: int) -> bool:
    """Remove one of the asking person's ways; False when it is not theirs or not there."""
    raise NotImplementedError


async def mark_dead(database: Database, kind: str, target: str, reason: str) -> None:
    """Nothing can be sent to that target any more, whoever has it."""
    raise NotImplementedError


async def mark_alive(database: Database, kind: str, target: str) -> None:
    """It took a message."""
    raise NotImplementedError
