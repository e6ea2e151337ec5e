"""Control of the miners: the one loop of one worker that switches anything.

It is woken when a request was decided, looks by itself every second, and holds a lock meanwhile: relays have one
writer. When the process is told to end it renews the timers first, so that a planned restart costs no miner its run.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime

import structlog

from energy.preferences import PersonalLimits, personal_limits
from jobs.execution import Execution
from jobs.keeping import Keeping
from jobs.lease import LeaseLost, while_sole
from jobs.moving import settle_moved
from jobs.recording import Recorder
from jobs.relays import Relays
from jobs.starting import Starting
from jobs.stopping import Stopping
from jobs.telling import Telling
from jobs.work import Work
from services.preferences import preferences_in
from store import people

log = structlog.get_logger()
LOCK = "control"
EVENT = "control_disturbed"


async def keep_control(work: Work, wake: AsyncIterator[str] | None = None, stop: asyncio.Event | None = None) -> None:
    """Carry out requests and look after the miners until `stop` is set (None: for ever), while holding the lock.

    Whatever goes wrong meanwhile is logged and tried again: who else should look after the miners?
    """
    woken = asyncio.Event()
    ending = stop or asyncio.Event()
    listening = None if wake is None else asyncio.create_task(_pass_on(wake, woken))
    try:
        while not ending.is_set():
            try:
                await while_sole(work, LOCK, _Control(work, woken, ending).run, ending)
            except LeaseLost as error:
                log.warning("control_lease_lost", reason=str(error))
            except Exception as error:  # noqa: BLE001  a database that is away, as a rule; it is logged
                work.surprises.failed(EVENT, LOCK, error)
                await _set_within(ending, work.pace.tick_s)
            else:
                work.surprises.succeeded(EVENT, LOCK)
    finally:
        if listening is not None:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def _pass_on(wake: AsyncIterator[str], woken: asyncio.Event) -> None:
    async for _ in wake:
        woken.set()


class _Control:
    def __init__(self, work: Work, woken: asyncio.Event, ending: asyncio.Event) -> None:
        self._work = work
        self._woken = woken
        self._ending = ending
        self._no_record_since: datetime | None = None
        self._recorder = Recorder(work)
        telling = self._telling = Telling(work, self._recorder)
        self._relays = Relays(work, telling, self._recorder)
        self._starting = Starting(work, self._relays, telling)
        self._stopping = Stopping(work, self._relays, self._starting, telling)
        self._keeping = Keeping(work, self._relays, self._starting, self._stopping, telling, self._limits_of)
        self._execution = Execution(work, self._relays, self._starting, self._stopping, telling, self._limits_of)

    async def run(self) -> None:
        """Until the process is told to end, or this is cancelled because the lease was lost."""
        loops: list[asyncio.Task[None]] = []
        settling: list[asyncio.Task[None]] = []
        try:
            await self._relays.load()
            settling = [asyncio.create_task(settle_moved(self._work, self._relays, self._telling))]
            await asyncio.sleep(0)  # it holds the moved miners now
            await self._keeping.look()
            log.info("control_ready", site=self._work.site.id, miners=len(self._work.site.miner))
            # Apart from each other: where the database takes no writes, no request is claimed, and limits still hold.
            loops = [
                asyncio.create_task(self._repeat("requests", self._execution.claim_all, self._woken)),
                asyncio.create_task(self._repeat("miners", self._keeping.tick)),
                asyncio.create_task(self._repeat("ends", self._relays.take_up_ends)),
                asyncio.create_task(self._repeat("record", self._watch_record)),
            ]
            await self._ending.wait()
            await _cancelled(loops)
            await self._execution.close(self._work.pace.ending_s)
            await self._keeping.close()
            await self._renew_timers()
        finally:
            await _cancelled(loops)
            await self._execution.close(0)
            await _cancelled(settling)  # what waits for it has been ended before
            await self._keeping.close()
            await self._starting.close()
            await self._recorder.close()

    async def _repeat(self, name: str, part: Callable[[], Awaitable[None]], woken: asyncio.Event | None = None) -> None:
        """Every second, and at once when woken; a failure is logged and tried again."""
        event = woken or asyncio.Event()
        while True:
            event.clear()
            try:
                await part()
            except Exception as error:  # noqa: BLE001  whatever it is, the next round comes, and it is logged
                self._work.surprises.failed(EVENT, name, error)
            else:
                self._work.surprises.succeeded(EVENT, name)
            await _set_within(event, self._work.pace.tick_s)

    async def _watch_record(self) -> None:
        """Say once that the database takes no writes, and what that meant when it takes them again."""
        since, now = self._no_record_since, self._work.clock()
        if self._recorder.trouble:
            if since is None:
                self._no_record_since = now
                log.error("control_without_record", remedy="free space on the database's disk, or see why it is locked")
        elif since is not None:
            self._no_record_since = None
            log.info("control_recorded_again", after_s=round((now - since).total_seconds()))
            said = (
                f"The database took no writes of the control from {self._telling.at(since)} to "
                f"{self._telling.at(now)}: no miner was started meanwhile. "
                "Look at the free space on its disk, and at the worker's log."
            )
            await self._telling.note("control_recorded_again", self._work.site.id, said)
            await self._telling.tell("critical", said)

    async def _renew_timers(self) -> None:
        try:
            async with asyncio.timeout(self._work.pace.ending_s / 2):
                await self._keeping.renew_timers()
        except TimeoutError:
            log.warning("timers_not_renewed", reason="a relay did not answer in time")
        except Exception as error:  # noqa: BLE001  the process ends all the same, and it is logged
            self._work.surprises.failed("timers_not_renewed", self._work.site.id, error)

    async def _limits_of(self, person_id: str | None) -> PersonalLimits | None:
        """A person's own limits, which bind what that person starts. None, the site's alone, for everybody else.

        The host's command line and the worker are nobody, and so is somebody who was removed.
        """
        if person_id is None:
            return None
        person = await people.get(self._work.database, self._work.org_id, person_id)
        return None if person is None else personal_limits(preferences_in(person.preferences), self._work.site)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
