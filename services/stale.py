"""Messages that stand somewhere and show an older state: what they say now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from energy.site import Site
from services.alert_content import AlertContent, content_for
from services.digests import DIGEST_GROUP, digest_content
from services.reading import Readers
from services.scope import DEFAULT_ORG_ID, Scope
from services.ways import way
from store import messages, outbox
from store.database import Database

log = structlog.get_logger()
READ_AGAIN_AFTER = timedelta(minutes=10)


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
    claimed = await messages.claim_stale(database, DEFAULT_ORG_ID, now, limit=limit, site_id=site.id)
    for each in claimed:
        try:
            posting = await _brought_up_to_date(database, readers, each)
        except Exception as error:  # one that cannot be read must not hold up the others; it is logged
            log.error("posting_not_composed", posting=each.posting_id, message=each.message_id, exc_info=error)
            until = now + READ_AGAIN_AFTER
            await messages.put_off_change(database, DEFAULT_ORG_ID, each.posting_id, now=now, until=until)
            continue
        if posting is None:
            await messages.unchangeable(database, DEFAULT_ORG_ID, each.posting_id)
        else:
            found.append(posting)
    return found


async def _brought_up_to_date(database: Database, readers: Readers, posting: messages.Posting) -> StalePosting | None:
    """The posting as it is to be shown; None where it is left as it is."""
    address = way(posting.platform, posting.chat_id, posting.thread)
    reader = await readers.of(posting.person_id, address)
    message = await messages.get(database, DEFAULT_ORG_ID, posting.message_id)
    if reader is None or message is None or posting.ref is None:
        return None
    if message.group_name == DIGEST_GROUP:
        data = await outbox.data_of(database, DEFAULT_ORG_ID, posting.outbox_id)
        if data is None:
            return None
        content = await digest_content(reader.scope, message, data)
    else:
        content = await content_for(reader.scope, message)
    return StalePosting(posting.posting_id, address, posting.ref, content, reader.scope)
