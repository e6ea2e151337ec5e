"""Switching one miner on: looked at, the interlocks asked with what was seen, switched with a timer, read back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from connectors.device import Channel
from connectors.errors import ConnectorError, Unreachable
from energy.interlocks import start_blocks
from energy.preferences import PersonalLimits
from energy.site import Miner
from jobs.hands import moved_by
from jobs.outcome import Outcome, TooLate
from jobs.relays import Relays
from jobs.telling import Telling, as_json, reasons
from jobs.work import Work
from services.conditions import conditions
from store.wishes import Wish, wish_after

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a miner is switched: for whom, by which request, and within whose own limits."""

    actor: str
    request_id: str | None = None
    by_person: bool = True
    personal: PersonalLimits | None = None

    @property
    def record(self) -> dict[str, str | None]:
        """What audit rows say of it."""
        return {"actor": self.actor, "request_id": self.request_id}


class Starting:
    """Starts miners, one at a time and with the site's pause between two."""

    def __init__(self, work: Work, relays: Relays, telling: Telling) -> None:
        self._work = work
        self._relays = relays
        self._telling = telling
        self._gate = asyncio.Lock()
        self._last_start_s: float | None = None
        self._resuming: dict[str, asyncio.Task[None]] = {}

    @property
    def free(self) -> bool:
        """Whether a start would begin at once."""
        return not self._gate.locked() and self._pause_left_s() <= 0

    async def start(
        self,
        miner: Miner,
        why: Reason,
        *,
        wish: Wish | None = None,
        outdated: Callable[[], TooLate | None] = lambda: None,
    ) -> Outcome:
        """Start a miner. `wish` replaces what was wanted, once the interlocks let it through.

        `outdated` is asked when its turn has come and again right before the switch: a later command may have overtaken
        this one meanwhile, or its time may be over.
        """
        async with self._relays.locks[miner.id]:  # a stop in progress ends first, and holds up no other miner's start
            if not self.free and (at_once := await self._without_waiting(miner, why, wish, outdated)) is not None:
                return at_once
        async with self._gate:
            await asyncio.sleep(max(self._pause_left_s(), 0.0))
            async with self._relays.locks[miner.id]:
                return await self._start(miner, why, wish, outdated)

    async def renew(self, miner: Miner) -> None:
        """Let the timer of a running miner begin anew. Raises a `ConnectorError`."""
        await self._relays.switch_on(miner, self._work.site.control.timer_s)

    def stop_resuming(self, miner_id: str) -> None:
        """A miner that is being stopped is not told to mine any more."""
        task = self._resuming.pop(miner_id, None)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """End what runs in the background."""
        tasks = list(self._resuming.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _without_waiting(
        self, miner: Miner, why: Reason, wish: Wish | None, outdated: Callable[[], TooLate | None]
    ) -> Outcome | None:
        """What need not wait for the pause between two starts: a certain refusal, and a miner that runs already."""
        try:
            seen = await self._relays.seen(miner)
        except ConnectorError:
            return None
        if seen.on and seen.timer_left_s is not None:
            return await self._start(miner, why, wish, outdated)
        await self._relays.keep(miner, seen)
        refusal = await self._refused(miner, why, seen)
        return None if refusal is None else await self._not_begun(refusal, miner, wish)

    async def _too_late(self, miner: Miner, why: Reason, late: TooLate) -> Outcome:
        said = f"{miner.id} was not started: {late.says}."
        event = "miner_superseded" if late.state == "superseded" else "miner_refused"
        await self._telling.note(event, miner.id, said, **why.record)
        return Outcome(state=late.state, says=said)

    async def _start(
        self, miner: Miner, why: Reason, wish: Wish | None, outdated: Callable[[], TooLate | None]
    ) -> Outcome:
        if self._relays.unrecorded:
            said = f"{miner.id} was not started: the database takes no writes. Free space on its disk, then ask again."
            return await self._not_begun(await self._failed(miner, why, said, on=None), miner, wish)
        if (late := outdated()) is not None:
            return await self._not_begun(await self._too_late(miner, why, late), miner, wish)
        try:
            seen = await self._relays.seen(miner)
        except ConnectorError as error:
            if wish is not None and self._is_ours(wish):  # a try before this one may have switched it on
                back = self._back(miner, wish)
                return await self._undone(await self._lost(miner, why, error, back), wish, back)
            await self._relays.silent(miner, error)
            return await self._failed(miner, why, f"{miner.id} was not started: {error}.", on=None)
        if not await self._expected(miner, why, wish, seen):
            await self._relays.keep(miner, seen)
        refusal = await self._refused(miner, why, seen)
        if refusal is not None:
            return await self._not_begun(refusal, miner, wish)
        if (late := outdated()) is not None:
            return await self._not_begun(await self._too_late(miner, why, late), miner, wish)
        back = self._back(miner, wish)
        if wish is not None:
            await self._relays.wish(wish)
        outcome = await self._switch(miner, why, seen, back)
        if outcome.state == "done":
            if not outcome.already:
                self._last_start_s = self._work.monotonic()
            self._let_it_mine(miner)
            return outcome
        return await self._undone(outcome, wish, back)

    async def _not_begun(self, outcome: Outcome, miner: Miner, wish: Wish | None) -> Outcome:
        """Nothing was switched: what an earlier try of this request wants is not wanted any more."""
        if wish is not None and self._is_ours(wish):
            await self._relays.wish(self._back(miner, wish))
        return outcome

    async def _undone(self, outcome: Outcome, wish: Wish | None, back: Wish) -> Outcome:
        """A start that failed leaves what was wanted before; and what may be on without being wanted is to go off."""
        if outcome.on is False:
            if wish is not None:
                await self._relays.wish(back)
            return outcome
        self._last_start_s = self._work.monotonic()
        keeps = outcome.on is None and back.mode in ("on", "auto")
        await self._relays.wish(back if keeps else replace(back, mode="off", until=None, before=()))
        return outcome

    def _is_ours(self, wish: Wish) -> bool:
        """Whether this very request has put its wish there already, in a try that was cut off."""
        known = self._relays.wishes.get(wish.miner_id)
        return known is not None and wish.request_id is not None and known.request_id == wish.request_id

    def _back(self, miner: Miner, wish: Wish | None) -> Wish:
        """What is wanted where this start comes to nothing: as it was before."""
        now = self._work.clock()
        before = self._relays.wishes.get(miner.id)
        if before is not None and wish is not None and self._is_ours(wish):
            before = wish_after(before, now)
        if before is not None and before.until is not None and before.until <= now:
            before = wish_after(before, now)
        return before or Wish(miner.id, "off", None, "worker" if wish is None else wish.set_by, now)

    async def _expected(self, miner: Miner, why: Reason, wish: Wish | None, seen: Channel) -> bool:
        """Whether a request that was cut off had switched the relay: then that was us, and the record says so."""
        known = self._relays.states.get(miner.id)
        if wish is None or why.request_id is None or not seen.on or seen.timer_left_s is None:
            return False
        if moved_by(known, seen, self._relays.wishes.get(miner.id), self._work.clock()) is None:
            return False
        await self._relays.keep(miner, seen, by="us", request_id=why.request_id)
        said = f"{miner.id} was found on when it was to be switched on: the command had been carried out before."
        await self._telling.note("miner_found", miner.id, said, on=True, **why.record)
        return True

    async def _refused(self, miner: Miner, why: Reason, seen: Channel) -> Outcome | None:
        work = self._work
        if seen.on is None:
            said = f"{miner.id} was not started: the relay {miner.device} does not tell whether it is on."
            return await self._failed(miner, why, said, on=None)
        if seen.on and seen.timer_left_s is not None:
            return None  # it runs on our timer: nothing is started
        c = await conditions(work.database, work.org_id, work.site, work.clock())
        blocks = start_blocks(work.site, miner, c, personal=why.personal, by_person=why.by_person)
        if not blocks:
            return None
        said = f"{miner.id} was not started: {reasons(blocks)}."
        if why.request_id is not None:
            await self._telling.note("miner_refused", miner.id, said, blocks=as_json(blocks), **why.record)
        return Outcome(state="refused", says=said, on=seen.on, power_w=seen.power_w, blocks=blocks)

    async def _switch(self, miner: Miner, why: Reason, seen: Channel, back_to: Wish) -> Outcome:
        timer_s = self._work.site.control.timer_s
        already = bool(seen.on)
        if not already:
            await self._telling.note("miner_switching", miner.id, f"Switching {miner.id} on.", on=True, **why.record)
        trouble: ConnectorError | None = None
        try:
            await self._relays.switch_on(miner, timer_s)
        except ConnectorError as error:
            trouble = error  # whatever it is: only the relay itself can tell that nothing was done
        back = await self._relays.read_back(miner, True)
        if back is None or back.on is None:
            return await self._lost(miner, why, trouble, back_to)
        await self._relays.keep(miner, back, by="us", request_id=why.request_id)
        if not back.on or back.timer_left_s is None:
            return await self._did_not_follow(miner, why, back, trouble)
        until = self._relays.states[miner.id].timer_until
        said = self._done_in_words(miner, back, until, already=already)
        if not already:
            await self._telling.note(
                "miner_switched", miner.id, said, on=True, power_w=back.power_w, timer_s=timer_s, **why.record
            )
            log.info("miner_switched", miner=miner.id, on=True)
        elif why.request_id is not None:
            await self._telling.note("miner_found", miner.id, said, on=True, power_w=back.power_w, **why.record)
        return Outcome(state="done", says=said, on=True, power_w=back.power_w, timer_until=until, already=already)

    def _done_in_words(self, miner: Miner, back: Channel, until: datetime | None, *, already: bool) -> str:
        power = "" if back.power_w is None else f"; {back.power_w:,.0f} W now"
        was = "was on already" if already else "is on, read back from the relay"
        timer = (
            f" Its relay's own timer (until {self._telling.at(until)}) is renewed while it may run." if until else ""
        )
        return f"{miner.id} {was}{power}.{timer}"

    async def _did_not_follow(
        self, miner: Miner, why: Reason, back: Channel, trouble: ConnectorError | None
    ) -> Outcome:
        if back.on:
            said = f"{miner.id} is on, but its relay {miner.device} keeps no timer: it is switched off again."
            try:
                await self._relays.switch_off(miner)
            except ConnectorError as error:
                said = f"{miner.id} is on, its relay {miner.device} keeps no timer and took no OFF: {error}."
            off = await self._relays.read_back(miner, False)
            if off is not None:
                await self._relays.keep(miner, off, by="us", request_id=why.request_id)
            return await self._failed(miner, why, said, on=True if off is None else off.on)
        faults = f" (it reports {', '.join(back.errors)})" if back.errors else f" ({trouble})" if trouble else ""
        said = (
            f"{miner.id} was told to switch on, but its relay {miner.device} is still off{faults}; "
            "look at the relay before trying again."
        )
        return await self._failed(miner, why, said, on=False)

    async def _lost(self, miner: Miner, why: Reason, trouble: ConnectorError | None, back_to: Wish) -> Outcome:
        """The command may have arrived, and nobody answers: said so, and never sent a second time."""
        error = trouble or Unreachable(f"{miner.device} does not answer")
        await self._relays.silent(miner, error, lost_track=True)
        until = self._work.clock() + timedelta(seconds=self._work.site.control.timer_s)
        await self._relays.store(replace(self._relays.states[miner.id], timer_until=until))
        said = (
            f"It is not known whether {miner.id} is on: {error}. If it is, its own timer ends it by "
            f"{self._telling.at(until)} at the latest; {_when_it_answers(back_to)}."
        )
        return await self._failed(miner, why, said, on=None)

    async def _failed(self, miner: Miner, why: Reason, said: str, *, on: bool | None) -> Outcome:
        await self._telling.note("miner_switch_failed", miner.id, said, wanted=True, on=on, **why.record)
        log.warning("miner_not_started", miner=miner.id, reason=said)
        return Outcome(state="failed", says=said, on=on)

    def _pause_left_s(self) -> float:
        if self._last_start_s is None:
            return 0.0
        return self._last_start_s + self._work.site.control.stagger_s - self._work.monotonic()

    def _let_it_mine(self, miner: Miner) -> None:
        """A miner that was paused stays so on some firmware: it is told to mine, as soon as it has booted."""
        if miner.id in self._work.miner_apis:
            self.stop_resuming(miner.id)
            self._resuming[miner.id] = asyncio.create_task(self._resume(miner))

    async def _resume(self, miner: Miner) -> None:
        pace = self._work.pace
        api = self._work.miner_apis[miner.id]
        ends = self._work.monotonic() + pace.resume_s
        pause_s = 1.0
        while True:
            try:
                async with asyncio.timeout(pace.api_s):
                    await api.resume()
            except (ConnectorError, TimeoutError) as error:
                if self._work.monotonic() + pause_s > ends:
                    log.info("miner_not_resumed", miner=miner.id, reason=str(error) or "no answer in time")
                    return
            except Exception as error:  # noqa: BLE001  a fault of the connector; the miner mines by itself as a rule
                self._work.surprises.failed("miner_not_resumed", miner.id, error)
                return
            else:
                return
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 15.0)


def _when_it_answers(wish: Wish) -> str:
    """What becomes of a miner of which nobody knows whether it is on."""
    if wish.mode == "on":
        return "it is wanted on, so it is left on when the relay answers again if its limits allow it"
    if wish.mode == "auto":
        return "it is automatic, so its limits decide whether it runs on when the relay answers again"
    return "it is switched off when the relay answers again"
