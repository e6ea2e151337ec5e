"""What the worker did, for the record and for people: audit rows, and notices to the site's owners."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from datetime import datetime
from functools import partial
from typing import Any, Literal

from energy.interlocks import Block
from jobs.recording import Recorder
from jobs.work import Work
from store import audit, people
from store.outbox import NewEntry
from store.outbox import add as add_entry

Level = Literal["info", "warning", "critical"]
WORKER = "worker"
EVENT = "control_not_recorded"


class Telling:
    """Writes down and tells. A database in trouble is logged, and holds up no switch."""

    def __init__(self, work: Work, recorder: Recorder) -> None:
        self._work = work
        self._recorder = recorder
        self._numbers = itertools.count()

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
