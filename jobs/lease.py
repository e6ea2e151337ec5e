"""One worker does a thing that has no end, the others stand by.

`while_sole` holds a lock that the system gives back when its holder dies, and that no clock and no database in trouble
takes away: for control, where two at a time would undo each other's work.

`while_leased` holds a lease, for what two may do at a time without harm. Its holder claims each coming slot before it
begins, so that nobody else can. When it dies the claims stop, and whoever claims the first free slot goes on: within
two slots after a kill, at once after a proper end.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from jobs.claims import claim_slot, release_slot, slot_of
from jobs.work import Work
from store.sole import Lock, LockLost, try_lock

log = structlog.get_logger()


class LeaseLost(Exception):
    """Another worker holds the lease now, or it could not be renewed in time."""


async def while_sole(work: Work, name: str, run: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """Wait until no other worker of the site does `name`, then run; it returns when `stop` is set before its turn.

    Raises `LeaseLost`, and ends the run, where the database lets go of the lock.
    """
    look_s = work.pace.lease_s / 6
    waiting = False
    while not stop.is_set():
        async with try_lock(work.database, f"{name}.{work.org_id}.{work.site.id}") as lock:
            if lock is not None:
                log.info("lock_held", name=name, waited=waiting)
                await _while_locked(work, lock, run)
                return
        if not waiting:
            log.info("lock_held_by_another", name=name)
        waiting = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(look_s):
                await stop.wait()


async def _while_locked(work: Work, lock: Lock, run: Callable[[], Awaitable[None]]) -> None:
    if not lock.may_be_lost:
        await run()
        return
    look_s = work.pace.lease_s / 6

    async def check() -> None:
        while True:
            await asyncio.sleep(look_s)
            await lock.check(within_s=look_s)

    async def begin() -> None:
        # Who held the lock before us and lost it notices that by its next check, and has let go of everything by then.
        await asyncio.sleep(3 * look_s)
        await run()

    checking, running = asyncio.ensure_future(check()), asyncio.ensure_future(begin())
    try:
        await asyncio.wait({checking, running}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        finished = running.done()
        for task in (checking, running):
            task.cancel()
        await asyncio.gather(checking, running, return_exceptions=True)
    try:
        await (running if finished else checking)
    except LockLost as error:
        raise LeaseLost(str(error)) from error


async def while_leased(work: Work, name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Wait for the lease `name`, then run; the lease is given back at the end.

    Losing it raises `LeaseLost` and ends the run, even where that waits for something that never comes.
    """
    lease = _Lease(work, name)
    await lease.take()
    keeping = asyncio.ensure_future(lease.keep())
    running = asyncio.ensure_future(run())
    try:
        await asyncio.wait({keeping, running}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        finished = running.done()
        for task in (keeping, running):
            task.cancel()
        await asyncio.gather(keeping, running, return_exceptions=True)
        await lease.give_back()
    if finished:
        running.result()
    else:
        keeping.result()


class _Lease:
    def __init__(self, work: Work, name: str) -> None:
        self._work = work
        self._name = f"lease:{name}"
        self._length = timedelta(seconds=self._lease_s)
        self._held: set[datetime] = set()

    @property
    def _lease_s(self) -> float:
        """Its length on our clock."""
        return self._work.lease_s * self._work.speed

    async def _pause(self) -> None:
        await asyncio.sleep(self._work.lease_s / 6)

    async def take(self) -> None:
        while not await self._claim(self._present()):
            await self._pause()

    async def keep(self) -> None:
        """Renew for ever; raises `LeaseLost`. A database in trouble is asked again while the slot lasts."""
        while True:
            now = self._work.clock()
            present = self._present()
            wanted = [present]
            if now - present > self._length / 2:
                wanted.append(present + self._length)
            for slot in wanted:
                try:
                    if not await self._claim(slot):
                        raise LeaseLost(f"another worker holds {self._name}")
                except LeaseLost:
                    raise
                except Exception as error:  # whatever the database has: the claimed slot is still ours
                    self._work.surprises.failed("lease_not_renewed", self._name, error)
                    if present not in self._held:
                        raise LeaseLost(f"{self._name} could not be renewed in time") from error
                else:
                    self._work.surprises.succeeded("lease_not_renewed", self._name)
            await self._forget_old(present)
            await self._pause()

    async def _forget_old(self, present: datetime) -> None:
        """Drop the slots that are over: a lease needs no history. Not the last two, as clocks differ a little."""
        for slot in [slot for slot in self._held if abs(slot - present) > 2 * self._length]:
            try:
                await release_slot(self._work, self._name, slot)
            except Exception:
                log.debug("old_slot_kept", name=self._name, exc_info=True)  # housekeeping will drop it
            self._held.discard(slot)

    async def give_back(self) -> None:
        """Free what is not over yet, so that the next holder need not wait."""
        present = self._present()
        try:
            for slot in sorted(self._held):
                if slot >= present:
                    await release_slot(self._work, self._name, slot)
        except Exception:  # it runs out by itself
            log.warning("lease_not_given_back", name=self._name, exc_info=True)
        self._held.clear()

    def _present(self) -> datetime:
        return slot_of(self._work.clock(), self._lease_s)

    async def _claim(self, slot: datetime) -> bool:
        if slot in self._held:
            return True
        won = await claim_slot(self._work, self._name, slot, self._lease_s)
        if won:
            self._held.add(slot)
        return won
