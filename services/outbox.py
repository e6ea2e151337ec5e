"""What people have to be told on our own initiative, composed when it is sent, and the ways to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from energy.site import Site
from services.alert_content import AlertContent
from services.scope import Scope
from store.database import Database

if TYPE_CHECKING:
    from store.outbox import DeadLetter, Place

Kind = Literal["notice", "alert", "digest", "summary", "brief"]
Level = Literal["info", "warning", "critical"]


@dataclass(frozen=True, slots=True)
class Due:
    """Something to deliver. `ways` are the ways to try, best first, as `bot.message.Address` has its fields; email is
    `{"platform": "email", "chat_id": "a@b.c", "thread": None}`, likewise "sms", "webhook" and "apprise".

    `scope` is the site as the person reads it (for a group: as its viewer). `message` for alerts, else `text` is what
    is told; a brief is composed from `data`.
    """

    outbox_id: int
    kind: Kind
    level: Level
    text: str
    ways: tuple[Mapping[str, Any], ...]
    tries: int
    scope: Scope
    person_id: str | None
    message: AlertContent | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StalePosting:
    """A message that stands somewhere and shows an older version than `content`: edit it, then say `shown`."""

    posting_id: int
    address: Mapping[str, Any]
    ref: str
    content: AlertContent
    scope: Scope


async def due(database: Database, site: Site, now: datetime, *, limit: int = 50) -> Sequence[Due]:
    """Claim what is due for a minute, critical first."""
    raise NotImplementedError


async def sent(database: Database, outbox_id: int, now: datetime, *, at: Sequence[Place] = ()) -> bool:
    """It arrived; `at` is where it stands (`ref` None where it cannot be edited). False when it was settled before."""
    raise NotImplementedError


async def failed(database: Database, outbox_id: int, reason: str, *, next_try_at: datetime | None) -> bool:
    """It did not arrive; None makes it a dead letter. False when it was settled before."""
    raise NotImplementedError


async def add_late_results(database: Database, site: Site, now: datetime) -> int:
    """Queue results that came too late for the reply to the order; how many."""
    raise NotImplementedError


async def stale_postings(database: Database, site: Site, now: datetime, *, limit: int = 50) -> Sequence[StalePosting]:
    """Claim the postings that show an older version, for a minute."""
    raise NotImplementedError


async def shown(database: Database, posting_id: int, version: int) -> None:
    """The posting shows that version now."""
    raise NotImplementedError


async def unchangeable(database: Database, site: Site, posting_id: int, now: datetime) -> None:
    """The posting cannot be edited (any more): what is over is told by a short message there instead."""
    raise NotImplementedError


async def dead_letters(scope: Scope) -> Sequence[DeadLetter]:
    """What could not be delivered, newest first. For owners."""
    raise NotImplementedError


async def replay(scope: Scope, outbox_id: int | None = None) -> int:
    """Try dead letters again (None: all of the site); how many. For owners, with an audit row."""
    raise NotImplementedError
