"""Messages that stand somewhere and show an older state: what they say now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from energy.site import Site
from services.alert_content import AlertContent, content_for
from services.digests import DIGEST_GROUP, digest_content
from services.reading import Readers
from services.scope import DEFAULT_ORG_ID, Scope
from services.ways import way
from store import messages, outbox
from store.database import Database

LEASE_S = 60.0


@dataclass(frozen=True, slots=True)
class StalePosting:
    """A message that stands somewhere and shows an older version than `content`: edit it, then say `shown`."""

    posting_id: int
    address: Mapping[str, Any]
    ref: str
    content: AlertContent
    scope: Scope


async def stale_postings(database: Database, site: Site, now: datetime, *, limit: int = 50) -> Sequence[StalePosting]:
    """Claim the postings that show an older version, for a minute. Whoever lost their role sees no more of it."""
    readers = Readers(database, site, now)
    found: list[StalePosting] = []
    claimed = await messages.claim_stale(database, DEFAULT_ORG_ID, now, lease_s=LEASE_S, limit=limit, site_id=site.id)
    for each in claimed:
        address = way(each.platform, each.chat_id, each.thread)
        reader = await readers.of(each.person_id, address)
        message = await messages.get(database, DEFAULT_ORG_ID, each.message_id)
        if reader is None or message is None or each.ref is None:
            await messages.unchangeable(database, DEFAULT_ORG_ID, each.posting_id)
            continue
        if message.group_name == DIGEST_GROUP:
            data = await outbox.data_of(database, DEFAULT_ORG_ID, each.outbox_id)
            if data is None:
                await messages.unchangeable(database, DEFAULT_ORG_ID, each.posting_id)
                continue
            content = await digest_content(reader.scope, message, data)
        else:
            content = await content_for(reader.scope, message)
        found.append(StalePosting(each.posting_id, address, each.ref, content, reader.scope))
    return found
