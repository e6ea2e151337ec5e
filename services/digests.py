"""Several entries told as one: the digest after quiet hours, and the summary of what came and went unseen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from energy.alerts.message import digest_line, digest_text
from energy.units import format_clock
from services.alert_content import AlertContent, composed
from services.scope import Scope
from store import alerts, messages, outbox
from store.database import Database
from store.messages import AlertMessage
from store.outbox import Entry, Level, NewEntry

if TYPE_CHECKING:
    from services.sorting import Due

DIGEST_GROUP = "digest"  # no rule's group: nothing joins it
_LEVELS: tuple[Level, ...] = ("info", "warning", "critical")


@dataclass(slots=True)
class Gathered:
    """What one reader is told together. `single` is the last of it, in case that it stays alone."""

    kind: Literal["digest", "summary"]
    person_id: str | None
    address: Mapping[str, Any] | None
    site_id: str
    entries: list[Entry] = field(default_factory=list)
    single: Due | None = None

    async def merge(self, database: Database, org_id: str, now: datetime) -> bool:
        """One entry in the place of all of them, with a message of its own: its alerts go on, and it shows that."""
        level = max((each.level for each in self.entries), key=_LEVELS.index)
        episode_ids: set[int] = set()
        for each in self.entries:
            told = None if each.message_id is None else await messages.get(database, org_id, each.message_id)
            episode_ids |= set() if told is None else set(told.episode_ids)
        async with database.begin() as connection:
            message = await messages.create_in(
                connection,
                org_id,
                self.site_id,
                group_name=DIGEST_GROUP,
                level=level,
                episode_ids=sorted(episode_ids),
                now=now,
            )
        entry = NewEntry(
            site_id=self.site_id,
            kind=self.kind,
            level=level,
            person_id=self.person_id,
            address=None if self.person_id is not None else self.address,
            message_id=message.message_id,
            data={
                "kind": self.kind,
                "texts": [each.text for each in self.entries if each.text],
                "from": min(each.created_at for each in self.entries).isoformat(),
                "until": now.isoformat(),
            },
        )
        return bool(await outbox.merge(database, org_id, [each.outbox_id for each in self.entries], entry, now=now))


async def digest_content(scope: Scope, message: AlertMessage, data: Mapping[str, Any]) -> AlertContent:
    """A digest or summary as it reads now, in the reader's units and zone: what still stands first, then what is over.

    `data` is that of its entry (`Gathered.as_entry`).
    """
    stored = await alerts.get_all(scope.database, scope.org_id, message.episode_ids, site_id=scope.site.id)
    plain = composed(scope, message, stored)
    lines = [digest_line(each.episode, scope.zone, scope.now, scope.units) for each in plain.episodes]
    text = _text(scope, lines, data)
    actions = tuple(act for act in plain.actions if act == "ack")
    return replace(plain, title=text.partition("\n")[0].rstrip(":"), text=text, actions=actions, chart_of=None)


def _text(scope: Scope, lines: Sequence[str], data: Mapping[str, Any]) -> str:
    began, ended = datetime.fromisoformat(data["from"]), datetime.fromisoformat(data["until"])
    until = format_clock(ended, scope.zone, now=scope.now, units=scope.units)
    heading = f"From your quiet hours, until {until}:"
    if data["kind"] == "summary":
        since = format_clock(began, scope.zone, now=scope.now, units=scope.units)
        heading = f"While I could not reach you ({since} to {until}), this came and went:"
    return digest_text(heading, [*lines, *(" ".join(text.split()) for text in data["texts"])])
