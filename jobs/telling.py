"""What the worker did, for the record and for people: audit rows, and notices to the site's owners."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from energy.interlocks import Block
from jobs.recording import Recorder
from jobs.work import Work
from store import audit, people
from store.outbox import NewEntry, merge, standing_of
from store.outbox import add as add_entry

Level = Literal["info", "warning", "critical"]
WORKER = "worker"
EVENT = "control_not_recorded"
TOGETHER = timedelta(minutes=2)  # what follows within this time is told in one message


class Telling:
    """Writes down and tells. A database in trouble is logged, and holds up no switch."""

    def __init__(self, work: Work, recorder: Recorder) -> None:
        self._work = work
        self._recorder = recorder
        self._numbers = itertools.count()
        self._waits: dict[str | None, NewEntry] = {}  # by person: what waits to be told together with what follows

    async def note(self, action: str, subject: str, says: str, *, actor: str | None = None, **more: Any) -> None:
        """An audit row: `says` is a whole sentence; `more` are the figures."""
        work = self._work
        details = {"says": says} | {name: value for name, value in more.items() if value is not None}
        append = partial(
            audit.append,
            work.database,
            work.org_id,
            site_id=work.site.id,
            actor=actor or WORKER,
            action=action,
            subject=subject,
            details=details,
            now=work.clock(),
        )
        await self._recorder.write(EVENT, action, append, keep=self._named("audit"))

    async def notices(
        self,
        level: Level,
        text: str,
        *,
        besides: Collection[str | None] = (),
        also: Collection[str | None] = (),
        once: str | None = None,
        owners: bool = True,
    ) -> list[NewEntry]:
        """A notice for each owner but those in `besides`, and for everybody in `also`; with `once` it is told once.

        Without `owners` only those in `also` hear of it: the others know it from an alert.
        """
        work = self._work
        known = await people.list_people(work.database, work.org_id, site_id=work.site.id)
        here = {person.person_id for person in known}
        in_charge = {person.person_id for person in known if owners and person.roles[work.site.id] == "owner"}
        told = (in_charge | ({each for each in also if each} & here)) - {each for each in besides if each}
        return [
            NewEntry(
                site_id=work.site.id,
                level=level,
                text=text,
                person_id=person_id,
                once_key=None if once is None else f"{work.site.id}:{once}:{person_id}",
            )
            for person_id in sorted(told)
        ]

    async def tell(self, level: Level, text: str, **options: Any) -> None:
        """Notices on their own, not in the transaction of what they tell of."""
        work = self._work

        async def add() -> None:
            added = [
                await add_entry(work.database, work.org_id, notice, now=work.clock())
                for notice in await self.notices(level, text, **options)
            ]
            if any(added):
                await work.wake_up("notices")

        await self._recorder.write(EVENT, "notice", add, keep=self._named("notice"))

    async def tell_together(self, text: str) -> None:
        """A notice of no hurry for each owner: it waits a little, so that what follows shortly is told with it."""
        work = self._work
        now, number = work.clock(), next(self._numbers)

        async def add() -> None:
            for notice in await self.notices("info", text, once=f"together:{now.isoformat()}:{number}"):
                notice = replace(notice, due_at=now + TOGETHER)
                if not await self._joined(notice, now):
                    await add_entry(work.database, work.org_id, notice, now=now)
                    self._waits[notice.person_id] = notice

        await self._recorder.write(EVENT, "notice", add, keep=self._named("notice"))

    async def _joined(self, notice: NewEntry, now: datetime) -> bool:
        """Whether it is told with the one before it, which still waits; at the time that was set for that one."""
        work, before = self._work, self._waits.get(notice.person_id)
        if before is None or before.once_key is None or before.due_at is None or before.due_at <= now:
            return False
        standing = await standing_of(work.database, work.org_id, before.once_key)
        if standing is None or standing.state != "waiting":
            return False
        both = replace(notice, text=f"{before.text}\n{notice.text}", due_at=before.due_at)
        if not await merge(work.database, work.org_id, [standing.outbox_id], both, now=now):
            return False
        self._waits[notice.person_id] = both
        return True

    def _named(self, kind: str) -> str:
        """A name of its own for each row: none of them replaces another."""
        return f"{kind}:{next(self._numbers)}"

    def at(self, moment: datetime) -> str:
        """A time of day at the site, with the date where that is not today's."""
        local = moment.astimezone(self._work.site.zone)
        today = self._work.clock().astimezone(self._work.site.zone).date()
        return f"{local:%H:%M}" if local.date() == today else f"{local:%H:%M on %d %b}"


def reasons(blocks: Collection[Block]) -> str:
    """Why not, with the figures, and when it may become possible."""
    return "; ".join(block.sentence for block in blocks)


def as_json(blocks: Collection[Block]) -> list[dict[str, str | None]]:
    """The blocks as they stand in results and audit rows."""
    return [{"rule": block.rule, "says": block.says, "when": block.when} for block in blocks]
