"""Keeping miners as they are wanted: timers renewed, automatic switching, limits held, hands respected, times ended.

Everything is decided from what stands in the database and what the relays say, so a worker that was started again, or
took over from another, goes on where that one stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from connectors.errors import ConnectorError
from energy.interlocks import Block, Conditions, start_blocks
from energy.preferences import PersonalLimits
from energy.site import Miner
from jobs.decisions import Step, comes_back_at, flows, is_off, next_step
from jobs.following import Following
from jobs.hands import OFF_NOT_CONFIRMED
from jobs.outcome import Outcome, TooLate
from jobs.relays import Relays
from jobs.starting import Reason, Starting
from jobs.stopping import CONTACT_STUCK, Stopping
from jobs.telling import WORKER, Telling, as_json, reasons
from jobs.work import Work
from services.conditions import conditions
from services.control_words import after_words
from store import audit
from store.wishes import Wish, wish_after

log = structlog.get_logger()
EVENT = "miner_not_kept"
AUTOMATIC, PLAN = "auto", "plan"  # how the record names them
MISSING = "miner_plan_missing"
UNREACHABLE = "unreachable"
TOLD_BY_ALERTS = frozenset({"relay_fault"})  # a miner that waits for nothing else has been told of
LimitsOf = Callable[[str | None], Coroutine[Any, Any, PersonalLimits | None]]


class Keeping:
    """Looks after all miners of the site; `tick` is called every second and never waits for a device."""

    def __init__(
        self, work: Work, relays: Relays, starting: Starting, stopping: Stopping, telling: Telling, limits_of: LimitsOf
    ) -> None:
        self._work = work
        self._relays = relays
        self._starting = starting
        self._stopping = stopping
        self._telling = telling
        self._limits_of = limits_of
        self._following = Following(work)
        self._told_missing: bool | None = None  # None: the record knows
        self._acting: dict[str, asyncio.Task[None]] = {}  # by miner, or relay that is looked at
        self._looked_at_s: dict[str, float] = {}
        self._not_before_s: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._told_rules: dict[str, frozenset[str]] = {}
        self._flows_since: dict[str, datetime | None] = {}  # the look that first saw power through an open relay

    async def tick(self) -> None:
        """Look at the relays that are due, and begin what is due for the miners."""
        self._look_at_relays()
        self._watch_contacts()
        if not any(self._of_interest(miner) for miner in self._work.site.miner):
            return
        work = self._work
        c = await conditions(work.database, work.org_id, work.site, work.clock())
        plan = await self._following.wanted(c.now)
        if not self._following.held:
            await self._note_missing(self._following.missing)
        for miner in sorted(work.site.miner, key=lambda miner: (miner.priority, miner.id)):
            if miner.id in self._acting or self._relays.locks[miner.id].locked():
                continue
            if (known := self._known(miner)) is not None and known.on:
                self._forget_failures(f"start:{miner.id}")
            wish, held = self._relays.wishes.get(miner.id), self._following.held
            step = next_step(work.site, miner, wish, self._known(miner), c, plan, held=held)
            if step.do != "nothing" and self._may(miner, step):
                self._begin(miner.id, partial(self._take, miner, step, c))

    async def look(self) -> None:
        """Look at all relays now, and wait for them."""
        await asyncio.gather(*(self._relays.look(device_id, miners) for device_id, miners in self._by_device().items()))

    async def renew_timers(self) -> None:
        """Let the timers of all running miners that are wanted begin anew: we shall be away for a moment."""
        running = [
            miner
            for miner in self._work.site.miner
            if self._wanted(miner) and (known := self._known(miner)) is not None and known.on
        ]
        held = self._stopping.begun | set(self._stopping.pending) | self._relays.moving
        await asyncio.gather(*(self._renew(miner) for miner in running if miner.id not in held))

    async def close(self) -> None:
        """End what is under way; what was begun is found and taken up by whoever comes next."""
        tasks = list(self._acting.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # looking

    def _look_at_relays(self) -> None:
        now_s = self._work.monotonic()
        for device_id, miners in self._by_device().items():
            every_s = min(
                self._work.pace.look_s, self._work.poll_interval_s(device_id), self._work.site.control.timer_s / 6
            )
            due = now_s - self._looked_at_s.get(device_id, -every_s) >= every_s
            if due and f"look:{device_id}" not in self._acting and not self._work.pause_left_s(device_id):
                self._looked_at_s[device_id] = now_s
                self._begin(f"look:{device_id}", partial(self._relays.look, device_id, miners))

    def _watch_contacts(self) -> None:
        """Power that two looks see behind an open relay is told, whoever opened it: a meter may lag behind for one."""
        for miner in self._work.site.miner:
            if miner.id in self._relays.moving:
                continue
            known, name = self._known(miner), f"contact:{miner.id}"
            if known is None or not flows(known):
                self._flows_since.pop(miner.id, None)
                if known is not None and is_off(known) and known.problem != OFF_NOT_CONFIRMED:
                    self._stopping.settled(miner)
                if known is not None and known.problem == CONTACT_STUCK and name not in self._acting:
                    self._begin(name, partial(self._stopping.not_stuck_any_more, miner))
            elif known.read_at != self._flows_since.setdefault(miner.id, known.read_at) and (
                known.problem not in (OFF_NOT_CONFIRMED, CONTACT_STUCK)
                and name not in self._acting
                and not self._relays.locks[miner.id].locked()
            ):
                self._begin(name, partial(self._stopping.tell_stuck, miner))

    def _by_device(self) -> dict[str, list[Miner]]:
        devices: dict[str, list[Miner]] = {}
        for miner in self._work.site.miner:
            devices.setdefault(miner.device, []).append(miner)
        return devices

    # acting

    def _of_interest(self, miner: Miner) -> bool:
        wish, known = self._relays.wishes.get(miner.id), self._known(miner)
        if wish is not None and (wish.mode in ("on", "auto") or wish.until is not None):
            return True
        return known is not None and (not is_off(known) or known.problem == OFF_NOT_CONFIRMED)

    def _may(self, miner: Miner, step: Step) -> bool:
        if step.do == "stop":
            return self._stopping.due(miner)
        if step.do == "start" and (self._relays.unrecorded or not self._starting.free):
            return False
        if step.do == "renew" and self._relays.renewed_lately(miner):
            return False
        now_s, names = self._work.monotonic(), (miner.id, f"{step.do}:{miner.id}")
        return all(now_s >= self._not_before_s.get(name, 0.0) for name in names)

    def _begin(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def guarded() -> None:
            try:
                await run()
            except Exception as error:  # noqa: BLE001  the other miners go on, and it is logged
                self._work.surprises.failed(EVENT, name, error)
                self._put_off(name, self._work.pace.last_retry_s)
            else:
                self._work.surprises.succeeded(EVENT, name)
            finally:
                self._acting.pop(name, None)

        self._acting[name] = asyncio.create_task(guarded())

    async def _take(self, miner: Miner, step: Step, c: Conditions) -> None:
        if step.do == "renew":
            async with self._relays.locks[miner.id]:
                if self._wanted(miner):
                    await self._renew(miner)
        elif step.do == "start":
            await self._start(miner, step, c)
        elif step.do == "stop":
            await self._stop(miner, step)
        elif step.do == "end":
            await self._end_wish(miner)
        elif step.do == "give_up":
            await self._stopping.give_up(miner)

    async def _renew(self, miner: Miner) -> None:
        """Renew a timer, unless a hand has switched the relay off since it was looked at."""
        try:
            seen = await self._relays.seen(miner)
            if seen.on:
                await self._starting.renew(miner)
                seen = await self._relays.seen(miner)
            await self._relays.keep(miner, seen)
        except ConnectorError as error:
            await self._relays.silent(miner, error)
            self._failed(f"renew:{miner.id}", self._work.pace.first_retry_s, self._work.pace.last_retry_s)
        else:
            self._forget_failures(f"renew:{miner.id}")

    async def _start(self, miner: Miner, step: Step, c: Conditions) -> None:
        wish = self._relays.wishes[miner.id]
        by_person = wish.mode == "on"
        why = Reason(
            actor=WORKER if by_person else _by(step),
            by_person=by_person,
            personal=await self._limits_of(wish.set_by) if by_person else None,
        )
        # a relay whose miner waits for hours is not asked every second; one that is silent is, after growing pauses
        blocks = start_blocks(self._work.site, miner, c, personal=why.personal, by_person=by_person)
        if blocks and all(block.rule != UNREACHABLE for block in blocks):
            await self._waits(miner, wish, blocks)
            return
        outcome = await self._starting.start(miner, why, outdated=lambda: self._outdated(miner, wish))
        if outcome.state == "refused":
            await self._waits(miner, wish, outcome.blocks)
            return
        self._told_rules.pop(miner.id, None)
        if outcome.state == "failed":
            self._failed(f"start:{miner.id}", self._work.pace.start_retry_s, 12 * self._work.pace.start_retry_s)
            return
        self._forget_failures(f"start:{miner.id}")
        if outcome.state == "done":
            await self._stopping.wanted_again(miner)
        if outcome.state == "done" and wish.held and self._relays.wishes.get(miner.id) is wish:
            await self._relays.wish(replace(wish, held=False))
        if outcome.state == "done" and not outcome.already:
            if by_person:
                await self._telling.tell("info", f"{miner.id} is wanted on and is on again.", also=[wish.set_by])
            elif step.why == "plan":
                await self._tell_planned(miner, step, on=True)
            else:
                said = f"{miner.id} was started by itself: {step.because}."
                await self._telling.note("miner_auto", miner.id, said, actor=AUTOMATIC, on=True)
                await self._tell_beside_plan(said)

    def _outdated(self, miner: Miner, wish: Wish) -> TooLate | None:
        if self._relays.wishes.get(miner.id) is not wish:
            return TooLate("superseded", "a later command came first")
        return TooLate("expired", "its time is over") if _over(wish, self._work.clock()) else None

    async def _waits(self, miner: Miner, wish: Wish, blocks: tuple[Block, ...]) -> None:
        """A wanted miner that the interlocks hold back: said when it begins, and when the reasons change."""
        rules = frozenset(block.rule for block in blocks)
        told = self._told_rules.get(miner.id)
        if told == rules:
            return
        self._told_rules[miner.id] = rules
        said = f"{miner.id} is wanted {wish.mode} and waits: {reasons(blocks)}."
        await self._telling.note("miner_waits", miner.id, said, blocks=as_json(blocks))
        if told is None and wish.mode == "on" and not rules <= TOLD_BY_ALERTS:
            known = self._known(miner)
            since = known.changed_at.isoformat() if known and known.changed_at else "ever"
            await self._telling.tell("warning", said, also=[wish.set_by], once=f"waits:{miner.id}:{since}")

    async def _stop(self, miner: Miner, step: Step) -> None:
        wish = self._relays.wishes.get(miner.id)
        again = miner.id in self._stopping.pending
        because = {
            "held": reasons(step.blocks),
            "too_low": reasons(step.blocks),
            "automatic": step.because,
            "plan": f"the plan wants it: {step.because}",
            "over": "its time is over",
        }.get(step.why, "")
        if not again:
            await self._note_why(miner, step, wish)
        after = self._after(miner, step, wish)
        why = Reason(actor=_by(step) if step.why in ("automatic", "plan") else WORKER)
        outcome = await self._stopping.stop(
            miner,
            why,
            wish=after,
            because=because,
            again=again,
            outdated=lambda: self._relays.wishes.get(miner.id) is not wish,
        )
        if not again and outcome.state != "superseded":
            await self._tell_why(miner, step, wish, outcome)

    async def _note_why(self, miner: Miner, step: Step, wish: Wish | None) -> None:
        if step.why in ("held", "too_low"):
            self._told_rules[miner.id] = frozenset()
            said = f"{miner.id} may not run on: {reasons(step.blocks)}."
            await self._telling.note("miner_held_back", miner.id, said, blocks=as_json(step.blocks))
        elif step.why == "over" and wish is not None:
            await self._telling.note("miner_wish_ended", miner.id, f"The time of {miner.id} ({wish.mode}) is over.")

    async def _tell_why(self, miner: Miner, step: Step, wish: Wish | None, outcome: Outcome) -> None:
        asker = wish.set_by if wish else None
        if step.why == "held":
            at = f" at {comes_back_at(self._work.site, miner)}" if wish is not None and wish.mode == "on" else ""
            said = f"{outcome.says} It comes back by itself{at} when the limits allow it."
            await self._telling.tell("warning", said, also=[asker])
        elif step.why == "too_low":
            await self._telling.tell("critical", f"{outcome.says} It had been switched on at the relay.")
        elif step.why == "over":
            await self._telling.tell("info", outcome.says, also=[asker])
        elif step.why == "plan" and outcome.state == "done":
            await self._tell_planned(miner, step, on=False)
        elif step.why == "automatic" and outcome.state == "done" and not outcome.already:
            await self._tell_beside_plan(f"{miner.id} was stopped by its own settings: {step.because}.")

    async def _tell_planned(self, miner: Miner, step: Step, *, on: bool) -> None:
        """What was switched because the plan says so, for the record and for the owners."""
        said = f"{miner.id} was {'started' if on else 'stopped'} by the plan: {step.because}."
        await self._telling.note("miner_plan", miner.id, said, actor=PLAN, on=on)
        await self._telling.tell_together(said)

    async def _tell_beside_plan(self, said: str) -> None:
        """What a miner's own settings switched while the site is to follow plans: owners hear of every switch then."""
        if self._following.automatic:
            await self._telling.tell_together(said)

    async def _note_missing(self, missing: str | None) -> None:
        """That there is no plan to follow: told once when that begins, and once when it is over, also by a restart."""
        wishes = self._relays.wishes.values()
        if missing is None or not any(wish.mode == "auto" for wish in wishes):
            self._told_missing = False
            return
        if self._told_missing is None:
            self._told_missing = await self._was_missing()
        if bool(missing) is self._told_missing:
            return
        self._told_missing = bool(missing)
        said = missing or "There is a plan to follow again."
        await self._telling.tell("warning" if missing else "info", said)
        await self._telling.note(MISSING, self._work.site.id, said, actor=PLAN, missing=bool(missing))

    async def _was_missing(self) -> bool:
        work = self._work
        rows = await audit.entries(work.database, work.org_id, site_id=work.site.id, action=MISSING, limit=1)
        return any(row.details.get("missing") is True for row in rows)

    def _after(self, miner: Miner, step: Step, wish: Wish | None) -> Wish | None:
        """What is wanted from now on, where stopping changes that."""
        if step.why == "too_low":
            number = None if wish is None else wish.queue_no
            return Wish(miner.id, "off", None, WORKER, self._work.clock(), queue_no=number)
        if step.why == "over" and wish is not None:
            return wish_after(wish, self._work.clock())
        if step.why == "held" and wish is not None and wish.mode == "on" and not wish.held:
            return replace(wish, held=True)
        return None

    async def _end_wish(self, miner: Miner) -> None:
        wish = self._relays.wishes[miner.id]
        after = wish_after(wish, self._work.clock())
        await self._relays.wish(after)
        said = f"The time of {miner.id} ({wish.mode}) is over: it {after_words(after, self._telling.at)}."
        await self._telling.note("miner_wish_ended", miner.id, said)
        await self._telling.tell("info", said, also=[wish.set_by])

    def _wanted(self, miner: Miner) -> bool:
        wish = self._relays.wishes.get(miner.id)
        return wish is not None and wish.mode in ("on", "auto") and not _over(wish, self._work.clock())

    def _known(self, miner: Miner) -> Any:
        return self._relays.states.get(miner.id)

    def _failed(self, name: str, first_s: float, longest_s: float) -> None:
        failures = self._failures[name] = self._failures.get(name, 0) + 1
        self._put_off(name, min(first_s * 2 ** (failures - 1), longest_s))

    def _forget_failures(self, name: str) -> None:
        self._failures.pop(name, None)
        self._not_before_s.pop(name, None)

    def _put_off(self, name: str, seconds: float) -> None:
        self._not_before_s[name] = self._work.monotonic() + seconds


def _by(step: Step) -> str:
    return PLAN if step.why == "plan" else AUTOMATIC


def _over(wish: Wish, now: datetime) -> bool:
    return wish.until is not None and now >= wish.until
