"""The dead man's switch: a URL is called while everything works, and whoever owns it raises the alarm when it is not.

It is called only while polling, evaluating and delivering are all fresh, by their beats in the database: any process
of ours may write them. A silent device is no reason to stop (alerts tell of it); a job that stands still is.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

import structlog

from jobs.work import Work
from services.vital_signs import vital_signs

log = structlog.get_logger()
EVERY_S = 60.0
LOOKS = 2  # so many in a row find a part down before it counts: a clock that was set is right again by the next one
GRACE_S = 180.0  # after the start, parts that have not begun yet are waited for before /fail is called
EVENT = "heartbeat_disturbed"


class Pings(Protocol):
    """The service that is told."""

    async def alive(self) -> str | None:
        """All is well; what went wrong with telling it, None when it was heard."""
        ...

    async def failing(self) -> str | None:
        """Something is wrong."""
        ...


async def keep_heartbeat(work: Work, pings: Pings, stop: asyncio.Event, *, delivers: bool) -> None:
    """Tell `pings` each minute while all is well, until `stop` is set. When it is not, say so, there and here."""
    heart = Heart(work, pings, delivers=delivers)
    while not stop.is_set():
        try:
            await heart.beat()
        except Exception as error:  # noqa: BLE001  a database in trouble is a reason not to call, and it is logged
            work.surprises.failed(EVENT, work.site.id, error)
        else:
            work.surprises.succeeded(EVENT, work.site.id)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY_S)


class Heart:
    """What was last found, so that each change is told once."""

    def __init__(self, work: Work, pings: Pings, *, delivers: bool) -> None:
        self._work = work
        self._pings = pings
        self._delivers = delivers
        self._began_s = work.monotonic()
        self._down: tuple[str, ...] = ()  # which parts, by name
        self._looks = 0  # so many in a row found a part down
        self._unheard = False  # that something is down was said, and did not arrive
        self._trouble: str | None = None

    async def beat(self) -> bool:
        """Look at everything and call when all is well; whether it was called."""
        work = self._work
        signs = await vital_signs(work.database, work.site.id, work.clock(), org_id=work.org_id)
        down = signs.down(delivers=self._delivers)
        names = tuple(down)
        self._looks = self._looks + 1 if down else 0
        if down and work.monotonic() - self._began_s < GRACE_S:
            return False  # just started: nothing is said either way
        if 0 < self._looks < LOOKS:
            return False
        if names and names != self._down:
            log.error("heartbeat_stopped", down=dict(down), remedy="see /healthz and the log of that process")
            self._unheard = True
        elif self._down and not names:
            log.info("heartbeat_resumed", after=list(self._down))
        self._down = names
        if down:
            if self._unheard:
                trouble = await self._pings.failing()
                self._unheard = trouble is not None
                self._note(trouble)
            return False
        self._note(await self._pings.alive())
        return True

    def _note(self, trouble: str | None) -> None:
        """The service itself may be away: logged on change."""
        if trouble is not None and self._trouble is None:
            log.warning("heartbeat_not_heard", reason=trouble)
        elif trouble is None and self._trouble is not None:
            log.info("heartbeat_heard_again")
        self._trouble = trouble
