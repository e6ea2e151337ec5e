"""What becomes of an entry of the outbox whose time has come: told now, put off, dropped, or gathered with its like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import structlog

from energy.alerts.rule import Level as AlertLevel
from energy.site import Site
from services.alert_content import AlertContent, content_for, over_already
from services.alert_telling import JOINED, QUIET, THIS_WAY_ALONE
from services.audience import hears_at
from services.digests import Gathered, digest_content
from services.plan_asks import still_stands
from services.plan_questions import ask_from
from services.reading import Reader, Readers
from services.scope import DEFAULT_ORG_ID, Scope
from services.ways import Way
from store import messages, mutes, outbox
from store.database import Database
from store.mutes import Mute
from store.outbox import Entry, Kind, Level

log = structlog.get_logger()
MOST_READS = 5  # an entry that cannot be composed so often is given up, where an owner sees it
READ_AGAIN_AFTER = timedelta(minutes=1)
LATE = timedelta(minutes=5)  # what was over before it could be told, and is older, came and went unseen
Gather = Literal["digest", "summary"]


@dataclass(frozen=True, slots=True)
class Due:
    """Something to deliver. `ways` are the ways to try, best first, as `bot.message.Address` has its fields; email is
    `{"platform": "email", "chat_id": "a@b.c", "thread": None}`, likewise "sms", "webhook" and "apprise".

    `scope` is the site as the person reads it (for a group: as its viewer). `message` for alerts, digests and summaries
    (whose postings are kept and edited like an alert's), else `text` is what is told; a brief is composed from `data`.
    """

    outbox_id: int
    kind: Kind
    level: Level
    text: str
    ways: tuple[Way, ...]
    tries: int
    scope: Scope
    person_id: str | None
    message: AlertContent | None
    data: Mapping[str, Any]
    step: int = 0

    @property
    def reader(self) -> tuple[Any, ...]:
        """Who hears it: the person, or the place."""
        if self.person_id is not None:
            return (self.person_id,)
        return tuple((way["platform"], way["chat_id"]) for way in self.ways[:1])


@dataclass(slots=True)
class Sorting:
    """One round of what is due."""

    database: Database
    site: Site
    now: datetime
    org_id: str = DEFAULT_ORG_ID
    found: list[Due] = field(default_factory=list)
    _gathered: dict[tuple[Any, ...], Gathered] = field(default_factory=dict)
    _readers: Readers | None = None
    _mutes: list[Mute] | None = None

    @property
    def gathers(self) -> bool:
        """Whether something is to be told together with its like."""
        return bool(self._gathered)

    @property
    def readers(self) -> Readers:
        """Who reads what, looked up once."""
        self._readers = self._readers or Readers(self.database, self.site, self.now, self.org_id)
        return self._readers

    async def take(self, entry: Entry) -> None:
        """Sort one claimed entry."""
        if entry.person_id is None and entry.address is None:
            await self._add(entry, Scope(self.database, self.site, self.now), ())
            return
        reader = await self.readers.of(entry.person_id, entry.address, alerts=entry.kind == "alert")
        if reader is None:
            why = (
                "the group does not hear this any more"
                if entry.person_id is None
                else "the person has no role any more"
            )
            await self._drop(entry, why)
            return
        ways = await self.readers.ways(entry, reader)
        if not ways and entry.data.get(THIS_WAY_ALONE):
            await self._drop(entry, "this way is not theirs any more")
        elif entry.kind == "alert":
            await self._alert(entry, reader, ways)
        elif entry.kind in ("digest", "summary"):
            await self._digest(entry, reader, ways)
        elif entry.kind == "plan":
            await self._plan(entry, reader, ways)
        elif entry.kind == "brief" or entry.is_result or await self._wanted_now(entry, reader):
            await self._notice(entry, reader, ways)

    async def _digest(self, entry: Entry, reader: Reader, ways: tuple[Way, ...]) -> None:
        message = None if entry.message_id is None else await messages.get(self.database, self.org_id, entry.message_id)
        if message is None:
            await self._drop(entry, "it is not kept any more")
        elif not await self._put_off_in_quiet_hours(entry, reader):
            content = await digest_content(reader.scope, message, entry.data)
            await self._add(entry, reader.scope, ways, content=content)

    async def _plan(self, entry: Entry, reader: Reader, ways: tuple[Way, ...]) -> None:
        """A change that the plan asks for: told as long as it waits for an answer."""
        ask = ask_from(entry.data)
        if ask.until <= self.now or not await still_stands(self.database, self.org_id, self.site, ask.ask_id, self.now):
            await self._drop(entry, "the plan does not ask for it any more")
        elif await self._wanted_now(entry, reader):
            await self._add(entry, reader.scope, ways)

    async def _notice(self, entry: Entry, reader: Reader, ways: tuple[Way, ...]) -> None:
        if entry.kind == "notice" and self._waited_quietly(entry, reader):
            self._gather("digest", entry, reader, ways)
        else:
            await self._add(entry, reader.scope, ways)

    async def _wanted_now(self, entry: Entry, reader: Reader) -> bool:
        """Whether it is wanted now, by the person's preferences; where not, it is dropped or put off.

        What is critical was addressed with care, and passes.
        """
        if entry.level == "critical" or reader.preferences is None:
            return True
        at = hears_at(AlertLevel(entry.level), reader.preferences, self.site.zone, self.now)
        if at is None:
            reason = "critical alerts only" if reader.preferences.alerts else "no alerts"
            await self._drop(entry, f"the person wants {reason}")
        elif at > self.now:
            await self._put_off(entry, "quiet hours", at)
        return at is not None and at <= self.now

    async def _put_off_in_quiet_hours(self, entry: Entry, reader: Reader) -> bool:
        until = None if entry.level == "critical" else reader.quiet_end(self.now)
        if until is not None:
            await self._put_off(entry, "quiet hours", until)
        return until is not None

    async def _alert(self, entry: Entry, reader: Reader, ways: tuple[Way, ...]) -> None:
        message = None if entry.message_id is None else await messages.get(self.database, self.org_id, entry.message_id)
        if message is None:
            await self._drop(entry, "the alert is not kept any more")
            return
        content = await content_for(reader.scope, message)
        if entry.data.get("over"):
            await self._the_end(entry, reader, ways, content)
        elif content.standing == "over":
            await self._over(entry, reader, ways, content)
        elif await self._still_wanted(entry, reader, content):
            if self._waited_quietly(entry, reader):
                self._gather("digest", entry, reader, ways, content)
            else:
                await self._add(entry, reader.scope, ways, content=content)

    async def _the_end(self, entry: Entry, reader: Reader, ways: tuple[Way, ...], content: AlertContent) -> None:
        """That it is over, where the message itself cannot be changed."""
        if content.standing != "over":
            await self._drop(entry, "it is not over")
        elif not await self._put_off_in_quiet_hours(entry, reader):
            await self._add(entry, reader.scope, ways, content=content)

    async def _over(self, entry: Entry, reader: Reader, ways: tuple[Way, ...], content: AlertContent) -> None:
        """An alert that ended before it could be told."""
        if entry.step or entry.data.get(JOINED):
            await self._drop(entry, "it is over")
        elif self._waited_quietly(entry, reader):
            self._gather("digest", entry, reader, ways, content)
        elif self.now - entry.created_at > LATE:
            self._gather("summary", entry, reader, ways, content)
        elif content.level is AlertLevel.INFO:
            await self._drop(entry, "it is over already")
        elif await self._wanted_now(entry, reader):
            told = replace(content, text=over_already(reader.scope, content))
            await self._add(entry, reader.scope, ways, content=told)

    async def _still_wanted(self, entry: Entry, reader: Reader, content: AlertContent) -> bool:
        """Whether an alert that stands is to be told now; where not, it is dropped or put off."""
        if entry.step and content.standing == "acknowledged":
            await self._drop(entry, "somebody has it in hand")
            return False
        scope = reader.scope
        theirs = {each.acknowledged_by_id for each in content.open_episodes}
        mine = scope.actor.person_id is not None and theirs == {scope.actor.person_id}
        if mine and content.standing == "acknowledged":
            await self._drop(entry, "they have it in hand themselves")
            return False
        until = await self._muted_until(scope, content)
        if until is not None:
            await self._put_off(entry, "muted", until)
            return False
        return await self._wanted_now(entry, reader)

    async def _muted_until(self, scope: Scope, content: AlertContent) -> datetime | None:
        """When the first of its alerts may be told again; None when one may be told now."""
        if self._mutes is None:
            self._mutes = await mutes.mutes(self.database, self.org_id, self.site.id, self.now)
        holds = {each.rule_id: each.until for each in self._mutes if each.person_id in (None, scope.actor.person_id)}
        untils: list[datetime] = []
        for episode in content.open_episodes:
            until = max(
                (at for at in (episode.muted_until, holds.get(episode.rule_id)) if at is not None and at > self.now),
                default=None,
            )
            if until is None:
                return None
            untils.append(until)
        return min(untils, default=None)

    def _waited_quietly(self, entry: Entry, reader: Reader) -> bool:
        """Whether it came in the person's quiet hours, which are over now."""
        if entry.level == "critical" or entry.step or entry.is_result:
            return False
        return QUIET in entry.data or reader.quiet_end(entry.created_at) is not None

    def _gather(
        self,
        kind: Gather,
        entry: Entry,
        reader: Reader,
        ways: tuple[Way, ...],
        content: AlertContent | None = None,
    ) -> None:
        place = None if entry.address is None else (entry.address["platform"], entry.address["chat_id"])
        key = (kind, entry.person_id, None if entry.person_id is not None else place)
        gathered = self._gathered.setdefault(key, Gathered(kind, entry.person_id, entry.address, self.site.id))
        gathered.entries.append(entry)
        gathered.single = self._due(entry, reader.scope, ways, content=content)

    async def sorted(self) -> list[Due]:
        """What is to be told singly. What a later message tells as well is dropped; what stands alone in its digest is
        told by itself, as long as it stands."""
        for key, gathered in list(self._gathered.items()):
            alone = gathered.single
            if len(gathered.entries) == 1 and gathered.kind == "digest" and alone is not None and _stands(alone):
                self.found.append(alone)
                del self._gathered[key]
        kept: list[Due] = []
        for each in self.found:
            if any(_tells_as_well(other, each) for other in self.found):
                await outbox.drop(self.database, self.org_id, each.outbox_id, "told by a later message", now=self.now)
            else:
                kept.append(each)
        return kept

    async def merge(self) -> int:
        """Make one entry of what is gathered for each reader; how many entries."""
        count = 0
        for gathered in self._gathered.values():
            try:
                count += await gathered.merge(self.database, self.org_id, self.now)
            except Exception as error:  # noqa: BLE001  the others are told all the same; it is noted
                for entry in gathered.entries:
                    await set_aside(self.database, entry, error, self.now, org_id=self.org_id)
        return count

    async def _add(
        self,
        entry: Entry,
        scope: Scope,
        ways: tuple[Way, ...],
        *,
        content: AlertContent | None = None,
    ) -> None:
        self.found.append(self._due(entry, scope, ways, content=content))

    def _due(
        self,
        entry: Entry,
        scope: Scope,
        ways: tuple[Way, ...],
        *,
        content: AlertContent | None = None,
    ) -> Due:
        return Due(
            outbox_id=entry.outbox_id,
            kind=entry.kind,
            level=entry.level,
            text=entry.text if content is None else content.text,
            ways=ways,
            tries=entry.tries,
            scope=scope,
            person_id=entry.person_id,
            message=content,
            data=entry.data,
            step=entry.step,
        )

    async def _drop(self, entry: Entry, reason: str) -> None:
        await outbox.drop(self.database, self.org_id, entry.outbox_id, reason, now=self.now)

    async def _put_off(self, entry: Entry, reason: str, until: datetime) -> None:
        await outbox.put_off(self.database, self.org_id, entry.outbox_id, reason, now=self.now, until=until)


async def set_aside(
    database: Database, entry: Entry, error: Exception, now: datetime, *, org_id: str = DEFAULT_ORG_ID
) -> None:
    """An entry that cannot be composed: it comes again later, and is a dead letter after a few times.

    Where the database itself is in trouble this raises too, and nothing is counted.
    """
    reason = f"it cannot be composed ({type(error).__name__}: {error})"
    given_up = entry.tries + 1 >= MOST_READS
    again_at = None if given_up else now + READ_AGAIN_AFTER * 2**entry.tries
    await outbox.failed(database, org_id, entry.outbox_id, reason, now=now, next_try_at=again_at)
    log.error("entry_not_composed", entry=entry.outbox_id, level=entry.level, given_up=given_up, exc_info=error)


def _stands(due: Due) -> bool:
    return due.message is None or due.message.standing != "over"


def _tells_as_well(other: Due, due: Due) -> bool:
    """Whether `other` tells the same reader all that `due` does, and later."""
    if (
        (other.kind, due.kind) != ("alert", "alert")
        or other is due
        or other.reader != due.reader
        or other.message is None
        or due.message is None
    ):
        return False
    if due.data.get(THIS_WAY_ALONE) or other.data.get(THIS_WAY_ALONE):
        return False
    theirs, ours = ({each.key for each in one.message.open_episodes} for one in (other, due) if one.message is not None)
    later = (other.message.message_id, other.step) > (due.message.message_id, due.step)
    return later and bool(ours) and ours <= theirs
