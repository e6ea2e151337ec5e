"""Switching one miner off: gently through the miner's own interface where it has one, then the relay, read back.

Nothing here may keep the relay from opening: a miner that does not listen costs its time limit, a database in trouble
costs the record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from connectors.device import Channel, MinerApi
from connectors.errors import ConnectorError
from energy.site import Miner
from jobs.decisions import flows, is_off
from jobs.hands import OFF_NOT_CONFIRMED, timer_ended
from jobs.outcome import Outcome
from jobs.relays import STOPPED_BELOW_W, Relays
from jobs.starting import Reason, Starting
from jobs.telling import Telling
from jobs.work import Work
from store.relays import RelayState
from store.wishes import Wish

log = structlog.get_logger()
SHORTEST_STOP_S = 3.0  # for a miner that needs no cool-down
CONTACT_STUCK = "power flows although the relay is open: cut it by hand at the breaker"  # a relay's problem


@dataclass(frozen=True, slots=True)
class Pending:
    """An OFF that has not been seen to work: when it is sent again, and the pause after that (s, monotonic)."""

    again_at_s: float
    pause_s: float


class Stopping:
    """Stops miners, and remembers those that are not off yet."""

    def __init__(self, work: Work, relays: Relays, starting: Starting, telling: Telling) -> None:
        self._work = work
        self._relays = relays
        self._starting = starting
        self._telling = telling
        self.pending: dict[str, Pending] = {}
        self.begun: set[str] = set()  # those whose stop was begun, and has not ended

    async def stop(
        self,
        miner: Miner,
        why: Reason,
        *,
        wish: Wish | None = None,
        because: str = "",
        again: bool = False,
        outdated: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Stop a miner. `wish` replaces what was wanted, before anything else, so that it outlives a restart.

        `because` is a clause for the record; `again` marks a repetition, which is not told anew. `outdated`, asked when
        nothing else is being done with the miner, tells that a command came between; a person's stop never is.
        """
        async with self._relays.locks[miner.id]:
            if outdated():
                return Outcome(state="superseded", says=f"{miner.id} was left as it is: a later command came first.")
            self.begun.add(miner.id)
            self._starting.stop_resuming(miner.id)
            if wish is not None:
                await self._relays.wish(wish)
            outcome = await self._stop(miner, why, because, again=again)
            self.begun.discard(miner.id)  # not where this was cancelled: then it must not be renewed
            return outcome

    async def _stop(self, miner: Miner, why: Reason, because: str, *, again: bool) -> Outcome:
        seen = await self._look(miner)
        if seen is not None and is_off(seen):
            return await self._was_off(miner, why, seen)
        if not again:
            said = f"Switching {miner.id} off{because and ': ' + because}."
            await self._telling.note("miner_switching", miner.id, said, on=False, **why.record)
            await self._gently(miner, metered=seen is not None and seen.power_w is not None)
        return await self._switch(miner, why, because)

    def due(self, miner: Miner) -> bool:
        """Whether an OFF that did not work so far has to be sent (again) now."""
        pending = self.pending.get(miner.id)
        return pending is None or self._work.monotonic() >= pending.again_at_s

    async def _look(self, miner: Miner) -> Channel | None:
        try:
            seen = await self._relays.seen(miner)
        except ConnectorError as error:
            await self._relays.silent(miner, error)
            return None
        await self._relays.keep(miner, seen) if seen.on else None
        return seen

    async def _was_off(self, miner: Miner, why: Reason, seen: Channel) -> Outcome:
        """Nothing to switch; where we had told it to go off before, that was us."""
        known = self._relays.states.get(miner.id)
        ours = known is not None and known.on is not False and not timer_ended(known, self._work.clock())
        told_before = known is not None and known.problem == OFF_NOT_CONFIRMED
        await self._relays.keep(miner, seen, by="us" if ours and told_before else None, request_id=why.request_id)
        said = f"{miner.id} was off already."
        if why.request_id is not None:
            await self._telling.note("miner_found", miner.id, said, on=False, **why.record)
        await self._at_last(miner, told_before)
        return Outcome(state="done", says=said, on=False, power_w=seen.power_w, already=True)

    async def _gently(self, miner: Miner, *, metered: bool) -> None:
        """Let the miner stop by itself and cool down: until it draws less than 100 W, or its cool-down is over."""
        pace = self._work.pace
        ends = self._work.monotonic() + miner.cool_down_s
        api = self._work.miner_apis.get(miner.id)
        if api is None or not await self._told_to_stop(miner, api):
            return
        while (left_s := ends - self._work.monotonic()) > 0:
            if metered:
                try:
                    seen = await self._relays.seen(miner)
                except ConnectorError:
                    return  # the relay itself is in trouble: no time to lose
                if not seen.on or (seen.power_w is not None and seen.power_w < STOPPED_BELOW_W):
                    return
            await asyncio.sleep(min(pace.power_look_s, left_s))

    async def _told_to_stop(self, miner: Miner, api: MinerApi) -> bool:
        try:
            async with asyncio.timeout(min(self._work.pace.api_s, max(miner.cool_down_s, SHORTEST_STOP_S))):
                await api.stop()  # which waits until the miner says that it has
        except (ConnectorError, TimeoutError) as error:
            reason = str(error) or "it did not answer in time"
            said = f"{miner.id} could not be stopped gently ({reason}): its relay is opened at once."
            await self._telling.note("miner_not_gentle", miner.id, said)
            return False
        except Exception as error:  # noqa: BLE001  the relay must open whatever the miner does, and it is logged
            self._work.surprises.failed("miner_not_gentle", miner.id, error)
            return False
        return True

    async def _switch(self, miner: Miner, why: Reason, because: str) -> Outcome:
        trouble: ConnectorError | None = None
        try:
            await self._relays.switch_off(miner)
        except ConnectorError as error:
            trouble = error
        except Exception as error:  # noqa: BLE001  likewise: it is read back, and sent again
            self._work.surprises.failed("relay_off_failed", miner.id, error)
        back = await self._relays.read_back(miner, False)
        if back is None or back.on is None:
            return await self._not_confirmed(miner, why, trouble)
        had_trouble = self._problem(miner) == OFF_NOT_CONFIRMED
        await self._relays.keep(miner, back, by="us", request_id=why.request_id)
        if not is_off(back):
            return await self._did_not_follow(miner, why, back)
        said = f"{miner.id} is off, read back from the relay{because and ': ' + because}."
        await self._telling.note("miner_switched", miner.id, said, on=False, power_w=back.power_w, **why.record)
        log.info("miner_switched", miner=miner.id, on=False)
        await self._at_last(miner, had_trouble)
        return Outcome(state="done", says=said, on=False, power_w=back.power_w)

    async def _not_confirmed(self, miner: Miner, why: Reason, trouble: ConnectorError | None) -> Outcome:
        reason = str(trouble) if trouble is not None else f"{miner.device} does not answer"
        timer = self._relays.states[miner.id].timer_until if miner.id in self._relays.states else None
        ends = f" Its own timer ends it by {self._telling.at(timer)} at the latest." if timer else ""
        said = f"OFF for {miner.id} is not confirmed: {reason}. It is sent again until the relay answers.{ends}"
        return await self._failed(miner, why, said, "relay_unreachable")

    async def _did_not_follow(self, miner: Miner, why: Reason, back: Channel) -> Outcome:
        if flows(back):
            said = f"{self._stuck(miner, back)} OFF is sent again."
        else:
            power = "" if back.power_w is None else f" and {back.power_w:,.0f} W flow"
            said = (
                f"{miner.id} was told to switch off, but its relay {miner.device} is still on{power}; "
                "cut the power by hand, its contact may be stuck. OFF is sent again."
            )
        return await self._failed(miner, why, said, "miner_switch_failed", on=back.on)

    async def _failed(self, miner: Miner, why: Reason, said: str, action: str, *, on: bool | None = None) -> Outcome:
        """Tried again with growing pauses, and noted once; people hear of it by the alert `relay_not_off`."""
        pace = self._work.pace
        earlier = self.pending.get(miner.id)
        pause_s = pace.first_retry_s if earlier is None else min(earlier.pause_s * 2, pace.last_retry_s)
        self.pending[miner.id] = Pending(self._work.monotonic() + pause_s, pause_s)
        known = self._relays.states.get(miner.id)
        if known is not None:
            await self._relays.store(replace(known, problem=OFF_NOT_CONFIRMED))
        if earlier is None:
            await self._telling.note(action, miner.id, said, wanted=False, on=on, **why.record)
            log.error("miner_not_off", miner=miner.id, reason=said)
        return Outcome(state="failed", says=said, on=on)

    async def _at_last(self, miner: Miner, had_trouble: bool) -> None:
        self.pending.pop(miner.id, None)
        if had_trouble:
            known = self._relays.states[miner.id]
            await self._relays.store(replace(known, problem=None))
            said = f"{miner.id} is off at last, read back from the relay."
            await self._telling.note("relay_reached_again", miner.id, said, on=False)
            wish = self._relays.wishes.get(miner.id)
            await self._telling.tell("info", said, owners=False, also=[wish.set_by if wish else None])

    def settled(self, miner: Miner) -> None:
        """The miner has been seen off by itself: the next trouble with it is news."""
        self.pending.pop(miner.id, None)

    async def wanted_again(self, miner: Miner) -> None:
        """A later command came instead of the OFF that did not work: the next stop is another one."""
        self.settled(miner)
        known = self._relays.states.get(miner.id)
        if known is not None and known.problem == OFF_NOT_CONFIRMED:
            await self._relays.store(replace(known, problem=None))

    async def tell_stuck(self, miner: Miner) -> None:
        """A look has seen power flow through an open relay, whoever opened it: noted once.

        People hear of it by the alert `miner_draws_off`.
        """
        known = self._relays.states[miner.id]
        if not flows(known) or known.problem in (OFF_NOT_CONFIRMED, CONTACT_STUCK):
            return
        said = self._stuck(miner, known)
        await self._relays.store(replace(known, problem=CONTACT_STUCK))
        log.error("relay_contact_stuck", miner=miner.id, power_w=known.power_w)
        await self._telling.note("relay_contact_stuck", miner.id, said, on=False, power_w=known.power_w)

    async def not_stuck_any_more(self, miner: Miner) -> None:
        """No power flows any more through a contact that was stuck."""
        known = self._relays.states[miner.id]
        if known.problem == CONTACT_STUCK and is_off(known):
            await self._relays.store(replace(known, problem=None))
            said = f"{miner.id} draws no power any more; have its relay {miner.device} replaced before it is used."
            await self._telling.note("relay_contact_stuck", miner.id, said, on=False, power_w=known.power_w)

    def _stuck(self, miner: Miner, seen: Channel | RelayState) -> str:
        return (
            f"{miner.id} is not off: power flows although the relay is open ({seen.power_w or 0.0:,.0f} W behind "
            f"{miner.device}). Its contact is stuck: cut it by hand at the breaker."
        )

    async def give_up(self, miner: Miner) -> None:
        """The relay is silent, but its own timer must have ended it: said once, and not tried any more."""
        self.pending.pop(miner.id, None)
        known = self._relays.states[miner.id]
        assert known.timer_until is not None
        said = (
            f"{miner.device} still does not answer; {miner.id} must have been switched off by its own timer at "
            f"{self._telling.at(known.timer_until)}."
        )
        await self._relays.store(replace(known, problem="OFF by its own timer, not seen yet"))
        await self._telling.note("miner_timer_ended", miner.id, said)
        wish = self._relays.wishes.get(miner.id)
        await self._telling.tell("warning", said, also=[wish.set_by if wish else None])

    def _problem(self, miner: Miner) -> str | None:
        known = self._relays.states.get(miner.id)
        return None if known is None else known.problem
