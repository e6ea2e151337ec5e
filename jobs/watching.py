"""The watch: every rule judged on each stored push and every ten seconds, whatever Redis and the devices do.

Nothing that matters is kept here. Episodes stand in the database, so a worker that is killed between judging and
writing has lost nothing: the next look, of whichever worker, judges the same figures again. Any number of workers may
watch the same site: the store decides who was first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

from energy.alerts.custom import custom_signal
from energy.alerts.episode import Event
from energy.alerts.evaluate import Judged, judge
from energy.alerts.inverter import FAULT, LONGEST_CODE, WARNED
from energy.alerts.rule import Level
from energy.alerts.table import BY_ID
from jobs.impossible import Impossible
from jobs.situation import SituationBuilder
from jobs.work import Work
from services.watching import Watching
from store.heartbeats import beat

EVERY_S = 10.0  # between two looks when nothing comes in
QUICK_EVERY_S = 2.0  # while something critical is about to fire
QUICK_FOR_S = 60.0
STIRRED_EVERY_S = 1.0  # in the long run; a second push right after the first does not wait for it
BEAT_EVERY_S = 10.0
LEAST_PAUSE_S = 0.1
LOOK_WITHIN_S = 60.0
ENDS_WITHIN_S = 2.0
EVENT = "watch_disturbed"


async def keep_watching(work: Work, stop: asyncio.Event) -> None:
    """Judge the site on every stored push (the first at once, then at most once a second) and every 10 s.

    Whatever goes wrong is logged once and tried again with the next look. Ends when `stop` is set.
    """
    watch = Watch(work)
    pace = Pace(work)
    while not stop.is_set():
        work.stirred.clear()
        pace.looked()
        await watch.round()
        await _either(work.stirred, stop, within_s=_real_s(work, QUICK_EVERY_S if watch.hurries else EVERY_S))
        await _set_within(stop, _real_s(work, pace.wait_s()))
    await watch.close()


class Watch:
    """One worker's look at its site's alerts."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._alerts = Watching(work.database, work.org_id, work.site, wake=work.wake_up)
        self._situation = SituationBuilder(work)
        self._impossible = Impossible(work)
        self._done_s: dict[str, float] = {}
        self.hurries = False  # something critical will fire shortly

    async def look(self, now: datetime) -> tuple[Event, ...]:
        """Judge everything once at `now` (aware UTC); the transitions that came of it. What fails is raised."""
        async with self._work.database.one_read():
            seen = await self._alerts.look(now)
            situation = await self._situation.at(now, firing=seen.firing, pending=seen.pending)
            impossible = await self._impossible.judged(now)
        judged = without_unknown_codes(judge(situation, self._rule_failed), self._situation.silent_codes)
        judged.append(impossible)
        judged += [(each.rule, custom_signal(each, situation)) for each in seen.own_rules]
        events = await self._alerts.carry_on(judged, now)
        self.hurries = any(_is_quick(rule_id) for rule_id, _ in seen.pending) or any(
            event.kind == "pending" and _is_quick(event.episode.rule_id) for event in events
        )
        return events

    async def round(self) -> None:
        """A look, and what is due beside it. Nothing that goes wrong is raised."""
        if await self._done(EVENT, self._look_now) and self._is_due("beat", BEAT_EVERY_S):
            await self._done("watch_beat_missed", self._beat)
        await self._done("escalation_disturbed", self._escalate_now)

    async def _look_now(self) -> None:
        await self.look(self._work.clock())

    async def _escalate_now(self) -> None:
        now = self._work.clock()
        if self._alerts.may_escalate(now):
            await self._alerts.escalate(now)

    async def _beat(self) -> None:
        work = self._work
        await beat(work.database, work.org_id, f"evaluate:{work.site.id}", work.clock())

    async def _done(self, event: str, step: Callable[[], Awaitable[None]]) -> bool:
        """Whether the step went well. The watch goes on whatever it had, and it is logged once."""
        work = self._work
        try:
            async with asyncio.timeout(LOOK_WITHIN_S):
                await step()
        except Exception as error:  # noqa: BLE001  whatever it is, and it is logged
            work.surprises.failed(event, work.site.id, error)
            return False
        work.surprises.succeeded(event, work.site.id)
        return True

    def _rule_failed(self, rule_id: str, error: Exception) -> None:
        self._work.surprises.failed("alert_rule_failed", rule_id, error)

    async def close(self) -> None:
        """Keep what changed without a transition; a database that is away does not hold up the end."""
        try:
            async with asyncio.timeout(ENDS_WITHIN_S):
                await self._alerts.keep(self._work.clock())
        except Exception as error:  # noqa: BLE001  it is judged anew after the start, and it is logged
            self._work.surprises.failed(EVENT, self._work.site.id, error)

    def _is_due(self, name: str, every_s: float) -> bool:
        """Whether it is time for it again; it counts as done from now on."""
        now_s = self._work.monotonic()
        if now_s - self._done_s.get(name, -every_s) < every_s:
            return False
        self._done_s[name] = now_s
        return True


def without_unknown_codes(judged: Sequence[Judged], silent_codes: frozenset[str]) -> list[Judged]:
    """What was judged, with nothing said of the fault codes of devices that have fallen silent.

    Another inverter that does not report such a code says nothing about it: no data is not ok.
    """
    silent = {code[:LONGEST_CODE] for code in silent_codes}
    return [
        (rule, replace(seen, active=None, taken_at=None))
        if rule.id in (FAULT.id, WARNED.id) and seen.active is False and seen.subject in silent
        else (rule, seen)
        for rule, seen in judged
    ]


def _is_quick(rule_id: str) -> bool:
    rule = BY_ID.get(rule_id)
    return rule is not None and rule.level is Level.CRITICAL and 0 < rule.for_s <= QUICK_FOR_S


class Pace:
    """When the next look may begin: one a second in the long run, two in a row after a pause."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._paid_until_s = 0.0

    def looked(self) -> None:
        self._paid_until_s = max(self._paid_until_s, self._work.monotonic()) + STIRRED_EVERY_S

    def wait_s(self) -> float:
        return max(self._paid_until_s - STIRRED_EVERY_S - self._work.monotonic(), 0.0)


def _real_s(work: Work, seconds: float) -> float:
    """What the event loop is to wait (s): a demo's clock runs faster, and even then a look takes its time."""
    return seconds if work.speed == 1.0 or seconds <= 0 else max(seconds / work.speed, LEAST_PAUSE_S)


async def _either(first: asyncio.Event, second: asyncio.Event, *, within_s: float) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in (first, second)]
    try:
        await asyncio.wait(waiting, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    if seconds <= 0:
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
