"""Carrying out one request, from the claim to its result: per miner, and told to its asker and to the owners."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from energy.preferences import PersonalLimits
from energy.site import Miner
from jobs.grid_charge import set_grid_charge
from jobs.outcome import Outcome, TooLate, overall
from jobs.relays import Relays
from jobs.starting import Reason, Starting
from jobs.stopping import Stopping
from jobs.telling import Telling
from jobs.work import Work
from services.control_words import then_says
from store import control, people
from store.control import ControlRequest
from store.wishes import Mode, Wish, earlier_for, wish_after

log = structlog.get_logger()
GOOD_FOR = timedelta(minutes=5)  # what was asked longer ago meets another situation
OFF_GOOD_FOR = timedelta(hours=1)  # no relay's timer is longer
MOST_TRIES = 5
EVENT = "control_failed"
LimitsOf = Callable[[str | None], Coroutine[Any, Any, PersonalLimits | None]]


class Execution:
    """Carries requests out; each in a task of its own, so that an OFF never waits for a start's pause."""

    def __init__(
        self,
        work: Work,
        relays: Relays,
        starting: Starting,
        stopping: Stopping,
        telling: Telling,
        limits_of: LimitsOf,
    ) -> None:
        self._work = work
        self._relays = relays
        self._starting = starting
        self._stopping = stopping
        self._telling = telling
        self._limits_of = limits_of
        self._running: set[asyncio.Task[None]] = set()
        self._in_hand: set[str] = set()  # request ids; any other that was begun is one that somebody left

    async def claim_all(self) -> None:
        """Begin every request that waits."""
        work = self._work
        while True:
            request = await control.claim_next(
                work.database,
                work.org_id,
                work.site.id,
                now=work.clock(),
                lease_s=work.pace.request_lease_s,
                in_hand=self._in_hand,
            )
            if request is None:
                return
            self._in_hand.add(request.request_id)
            task = asyncio.create_task(self._guarded(request))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def close(self, within_s: float) -> None:
        """Let what is being carried out end in this time; the rest is taken up by the next worker."""
        if self._running:
            await asyncio.wait(self._running, timeout=within_s)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _guarded(self, request: ControlRequest) -> None:
        try:
            await self._carry_out(request)
        except Exception as error:  # noqa: BLE001  the next requests go on, and it is logged; it is tried again later
            self._work.surprises.failed(EVENT, request.action, error)
            later_s = self._work.pace.request_lease_s
            asyncio.get_running_loop().call_later(later_s, self._in_hand.discard, request.request_id)
        else:
            self._work.surprises.succeeded(EVENT, request.action)
            self._in_hand.discard(request.request_id)

    async def _carry_out(self, request: ControlRequest) -> None:
        late = self._too_late(request)
        if late is not None:
            await self._remember_off(request)
            await self._withdraw(request)
            await self._finish(request, dict.fromkeys(_subjects(request), late), state="expired")
            return
        again = "" if request.tries <= 1 else f" again (try {request.tries}): it was cut off before"
        said = f"The worker begins {_in_words(request)}{again}."
        await self._telling.note(
            "control_claimed", request.request_id, said, actor=_actor(request), tries=request.tries
        )
        gone = await self._may_no_more(request)
        if gone is not None:
            await self._withdraw(request)
            await self._finish(request, dict.fromkeys(_subjects(request), gone))
        elif request.tries > MOST_TRIES:
            await self._withdraw(request)
            outcome = Outcome(state="failed", says=f"Given up after {MOST_TRIES} tries; see the worker's log.")
            await self._finish(request, dict.fromkeys(_subjects(request), outcome))
        elif request.action in ("grid_charge.on", "grid_charge.off"):
            outcome = await set_grid_charge(self._work, self._telling, request)
            await self._finish(request, {"grid_charge": outcome})
        else:
            await self._finish(request, await self._for_miners(request))

    async def _may_no_more(self, request: ControlRequest) -> Outcome | None:
        """Whether its asker has been removed, or has lost the role for it, since it was decided. A stop asks nobody."""
        if request.person_id is None or request.action == "miners.stop":
            return None
        work = self._work
        needed: people.Role = "owner" if request.action.startswith("grid_charge") else "operator"
        person = await people.get(work.database, work.org_id, request.person_id)
        role = None if person is None else person.roles.get(work.site.id)
        if role is not None and people.ROLES.index(role) >= people.ROLES.index(needed):
            return None
        now = f"is {role}" if role else "has no role"
        said = (
            f"Not done: it needs the role {needed}, and {request.person_name} {now} on {work.site.name} by now. "
            "Somebody with that role may ask for it."
        )
        await self._telling.note(
            "control_denied", ", ".join(_subjects(request)), said, actor=_actor(request), request_id=request.request_id
        )
        return Outcome(state="refused", says=said)

    def _too_late(self, request: ControlRequest) -> Outcome | None:
        """Whether the request was made for a situation that is long over. An OFF keeps its meaning for longer."""
        now = self._work.clock()
        good_for = OFF_GOOD_FOR if request.action == "miners.stop" else GOOD_FOR
        if now - _decided(request) <= good_for:
            return None
        asked = self._telling.at(_decided(request))
        return Outcome(
            state="expired",
            says=f"Not done: it was asked at {asked}, and the worker was away until now. Ask again if it still holds.",
        )

    async def _remember_off(self, request: ControlRequest) -> None:
        """An OFF that comes too late switches nothing, but what was wanted on before it is not wanted any more."""
        if request.action != "miners.stop":
            return
        for miner in self._work.site.miner:
            wish = self._relays.wishes.get(miner.id)
            if miner.id not in _miners(request) or wish is None or wish.mode not in ("on", "auto"):
                continue
            if self._overtaken(request, miner) is None:
                now, number = self._work.clock(), request.queue_no
                await self._relays.wish(Wish(miner.id, "off", None, _actor(request), now, queue_no=number))

    async def _withdraw(self, request: ControlRequest, only: Miner | None = None) -> None:
        """What a try that was cut off wants on is not wanted any more, when its asker is told that it was not done."""
        for miner in self._work.site.miner if only is None else (only,):
            wish = self._relays.wishes.get(miner.id)
            if wish is not None and wish.mode in ("on", "auto") and wish.request_id == request.request_id:
                await self._relays.wish(wish_after(wish, self._work.clock()))

    async def _for_miners(self, request: ControlRequest) -> dict[str, Outcome]:
        known = {miner.id: miner for miner in self._work.site.miner}
        asked = _miners(request)
        results = {
            miner_id: Outcome(state="failed", says=f"{miner_id} does not stand in commandcenter.toml any more.")
            for miner_id in asked
            if miner_id not in known
        }
        miners = sorted((known[m] for m in asked if m in known), key=lambda miner: (miner.priority, miner.id))
        if request.action == "miners.stop":
            ended = await asyncio.gather(*(self._safely(self._stop, request, miner) for miner in miners))
        elif request.action == "miners.start":
            ended = [await self._safely(self._start, request, miner) for miner in miners]
        else:
            ended = [await self._safely(self._auto, request, miner) for miner in miners]
        return results | {miner.id: outcome for miner, outcome in zip(miners, ended, strict=True)}

    async def _safely(
        self,
        run: Callable[[ControlRequest, Miner], Coroutine[Any, Any, Outcome]],
        request: ControlRequest,
        miner: Miner,
    ) -> Outcome:
        """One miner's trouble does not reach the others."""
        try:
            await self._relays.in_place(miner)
            return await run(request, miner)
        except Exception as error:  # noqa: BLE001  said to the asker, and logged
            self._work.surprises.failed(EVENT, miner.id, error)
            said = f"{miner.id}: something unforeseen went wrong ({type(error).__name__}); see the worker's log."
            await self._withdraw(request, miner)
            await self._telling.note("miner_switch_failed", miner.id, said, request_id=request.request_id)
            return Outcome(state="failed", says=said)

    async def _stop(self, request: ControlRequest, miner: Miner) -> Outcome:
        """Never too late, whatever came between: the worst of it is a miner that somebody has to start again."""
        wish = self._wish(request, miner, "off")
        outcome = await self._stopping.stop(miner, self._reason(request), wish=wish)
        return replace(outcome, says=f"{outcome.says}{self._then(wish)}") if outcome.state == "done" else outcome

    async def _start(self, request: ControlRequest, miner: Miner) -> Outcome:
        why = self._reason(request, await self._limits_of(request.person_id))
        wish = self._wish(request, miner, "on")
        outcome = await self._starting.start(
            miner, why, wish=wish, outdated=lambda: self._overtaken(request, miner) or self._over(request)
        )
        if outcome.state == "done":
            await self._stopping.wanted_again(miner)
        return replace(outcome, says=f"{outcome.says}{self._then(wish)}") if outcome.state == "done" else outcome

    async def _auto(self, request: ControlRequest, miner: Miner) -> Outcome:
        late = self._overtaken(request, miner) or self._over(request)
        if late is not None:
            said = f"{miner.id} was left as it is: {late.says}."
            event = "miner_superseded" if late.state == "superseded" else "miner_refused"
            await self._telling.note(event, miner.id, said, actor=_actor(request), request_id=request.request_id)
            return Outcome(state=late.state, says=said)
        wish = self._wish(request, miner, "auto")
        await self._relays.wish(wish)
        await self._stopping.wanted_again(miner)
        known = self._relays.states.get(miner.id)
        stands = "" if known is None or known.on is None else f" It is {'on' if known.on else 'off'} now."
        said = f"{miner.id} is automatic from now on: it follows its start and stop limits.{stands}{self._then(wish)}"
        await self._telling.note("miner_auto", miner.id, said, actor=_actor(request), request_id=request.request_id)
        return Outcome(state="done", says=said, on=known.on if known else None)

    def _then(self, wish: Wish) -> str:
        """What follows when the time of a wish is over."""
        return "" if wish.until is None else f" {then_says(wish, self._telling.at)}"

    async def _finish(
        self, request: ControlRequest, outcomes: Mapping[str, Outcome], *, state: str | None = None
    ) -> None:
        work = self._work
        ended = state or overall(outcomes.values())
        if state == "expired":
            said = "; ".join(sorted({outcome.says for outcome in outcomes.values()}))
            await self._telling.note(
                "control_expired", request.request_id, said, actor=_actor(request), action_asked=request.action
            )
        done = [outcome.says for outcome in outcomes.values() if outcome.state == "done" and not outcome.already]
        notices = []
        if done:
            text = f"{request.person_name}: {' '.join(done)}"
            notices = await self._telling.notices("info", text, besides=[request.person_id])
        await control.finish(
            work.database,
            work.org_id,
            request.request_id,
            state=ended,  # type: ignore[arg-type]  # one of the four
            results={name: outcome.to_json() for name, outcome in outcomes.items()},
            now=work.clock(),
            notices=notices,
        )
        log.info("control_finished", request=request.request_id, action=request.action, state=ended)
        await work.wake_up("report")
        if notices:
            await work.wake_up("notices")

    def _overtaken(self, request: ControlRequest, miner: Miner) -> TooLate | None:
        """Whether a command that was decided later has been carried out before: a restart can turn the order round.

        The database has numbered the decisions; the clocks of those who decide and of the worker may differ.
        """
        wish = self._relays.wishes.get(miner.id)
        if wish is None or wish.queue_no is None or request.queue_no is None or wish.queue_no <= request.queue_no:
            return None
        return TooLate("superseded", "a later command came first")

    def _over(self, request: ControlRequest) -> TooLate | None:
        until = _until(request)
        if until is None or until > self._work.clock():
            return None
        return TooLate("expired", f"its time was over at {self._telling.at(until)} already")

    def _wish(self, request: ControlRequest, miner: Miner, mode: Mode) -> Wish:
        """What is wanted from now on, and what was wanted before; a second try finds its own wish and keeps that."""
        known, until = self._relays.wishes.get(miner.id), _until(request)
        ours = known is not None and known.request_id == request.request_id
        before = known.before if known is not None and ours else earlier_for(known, mode, until)
        newest = max(filter(None, (request.queue_no, known.queue_no if known else None)), default=None)
        return Wish(miner.id, mode, until, _actor(request), _decided(request), request.request_id, newest, before)

    def _reason(self, request: ControlRequest, personal: PersonalLimits | None = None) -> Reason:
        return Reason(
            actor=_actor(request),
            request_id=request.request_id,
            by_person=request.origin != "plan",
            personal=personal,
        )


def _actor(request: ControlRequest) -> str:
    return request.person_id or ("plan" if request.origin == "plan" else "host")


def _decided(request: ControlRequest) -> datetime:
    return request.decided_at or request.created_at


def _miners(request: ControlRequest) -> list[str]:
    named = request.arguments.get("miners")
    return [str(miner_id) for miner_id in named] if isinstance(named, list) else []


def _subjects(request: ControlRequest) -> list[str]:
    return _miners(request) or ["grid_charge"]


def _until(request: ControlRequest) -> datetime | None:
    text = request.arguments.get("until")
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _in_words(request: ControlRequest) -> str:
    what = {
        "miners.start": "starting",
        "miners.stop": "stopping",
        "miners.auto": "putting to automatic:",
        "grid_charge.on": "enabling grid charging",
        "grid_charge.off": "disabling grid charging",
    }[request.action]
    return " ".join([what, ", ".join(_miners(request))]).strip()
