"""The relays of the site's miners: asked, switched and read back within limits of time; what was seen is kept.

The worker that holds the lease is the only one to write here, so what it has in memory is what stands in the
database, and a database in trouble holds up no switch.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog

from connectors.device import Channel, SwitchedDevice
from connectors.errors import ConnectorError, Malformed, TryLater, Unreachable
from energy.site import Miner
from jobs.hands import By, automatic, moved_by
from jobs.recording import Recorder
from jobs.telling import Telling
from jobs.work import Work
from store import relays, wishes
from store.relays import RelayState, Switching
from store.wishes import Wish

log = structlog.get_logger()
T = TypeVar("T")
EVENT = "relay_state_not_stored"
LONGEST_WAIT_S = 3.0  # a relay that wants a pause, when a person waits for it
READ_BACK_PAUSES_S = (0.0, 0.15, 0.3, 0.5, 1.0, 1.0)
SHORTEST_RENEWAL_S = 1.0
END_SOON = timedelta(seconds=10)
STOPPED_BELOW_W = 100.0  # facts: a miner that does not hash draws less


class Relays:
    """The relays by miner: how they stood last (`states`) and what is wanted of them (`wishes`)."""

    def __init__(self, work: Work, telling: Telling, recorder: Recorder) -> None:
        self._work = work
        self._recorder = recorder
        self._telling = telling
        self.states: dict[str, RelayState] = {}
        self.wishes: dict[str, Wish] = {}
        self.locks: dict[str, asyncio.Lock] = {miner.id: asyncio.Lock() for miner in work.site.miner}
        self.moving: set[str] = set()  # not to be touched until their old channels have been left off
        self._commands: Counter[str] = Counter()
        self._switched_on_s: dict[str, float] = {}  # our last command ON, until its timer is seen (monotonic)
        self._timer_ends_s: dict[str, float] = {}  # as we set it (monotonic)
        self._unreachable: set[str] = set()

    async def load(self) -> None:
        """What is known from before."""
        work = self._work
        self.states = await relays.all_of(work.database, work.org_id, work.site.id)
        self.wishes = await wishes.all_of(work.database, work.org_id, work.site.id)
        self._unreachable = {miner_id for miner_id, state in self.states.items() if not state.reachable}

    async def take_up_ends(self) -> None:
        """A wish that is about to end goes on where its end was put off: the plan that it said yes to moves on."""
        work, soon = self._work, self._work.clock() + END_SOON
        ending = [wish for wish in self.wishes.values() if wish.until is not None and wish.until <= soon]
        if not any(wish.request_id is not None for wish in ending):
            return
        stored = await wishes.all_of(work.database, work.org_id, work.site.id)
        for wish in ending:
            other = stored.get(wish.miner_id)
            if other is None or other.until is None or wish.until is None or self.wishes.get(wish.miner_id) is not wish:
                continue
            if wish.request_id is not None and other == replace(wish, until=other.until) and other.until > wish.until:
                self.wishes[wish.miner_id] = other
                log.info("wish_goes_on", miner=wish.miner_id, until=other.until.isoformat())

    @property
    def unrecorded(self) -> bool:
        """Whether the database takes no writes: then nothing is started, and what runs is looked after and stopped."""
        return self._recorder.trouble

    async def in_place(self, miner: Miner) -> None:
        """Wait until nothing is left to do about a move of this miner to another channel."""
        if miner.id in self.moving:
            async with self.locks[miner.id]:
                pass

    # asking and switching

    async def seen(self, miner: Miner) -> Channel:
        """The miner's channel as it stands now. Raises a `ConnectorError`."""
        found = next((c for c in await self._channels(miner.device) if c.channel == miner.channel), None)
        if found is None:
            raise Malformed(f"{miner.device} has no channel {miner.channel}; check {miner.id} in commandcenter.toml")
        return found

    async def switch_on(self, miner: Miner, off_after_s: float) -> None:
        """Close the relay for so long at the most. Raises a `ConnectorError`; after an unknown end: read back."""
        device = self._device(miner.device)
        ends_s = self._work.monotonic() + off_after_s
        try:
            await self._patiently(miner, True, lambda: device.switch_on(miner.channel, off_after_s=off_after_s))
        except ConnectorError as error:
            if not isinstance(error, Unreachable) or error.maybe_done:
                self._timer_ends_s.setdefault(miner.id, ends_s)  # an earlier timer may run on as well
            raise
        self._timer_ends_s[miner.id] = ends_s
        self._switched_on_s[miner.id] = self._work.monotonic()

    def renewed_lately(self, miner: Miner) -> bool:
        """Whether our last command ON is too young to be repeated, though no timer has been seen since."""
        since_s = self._work.monotonic() - self._switched_on_s.get(miner.id, -math.inf)
        return since_s < max(self._work.site.control.timer_s / 6, SHORTEST_RENEWAL_S)

    async def switch_off(self, miner: Miner) -> None:
        """Open the relay. Raises a `ConnectorError`; after an unknown end: read back."""
        device = self._device(miner.device)
        await self._patiently(miner, False, lambda: device.switch_off(miner.channel))

    async def read_back(self, miner: Miner, wanted: bool) -> Channel | None:
        """The channel once it stands as wanted; after about 3 s as it stands then, None when the relay is silent."""
        last: Channel | None = None
        began = self._work.monotonic()
        for pause_s in READ_BACK_PAUSES_S:
            if self._work.monotonic() - began > self._work.pace.read_back_s:
                break
            await asyncio.sleep(pause_s)
            try:
                last = await self.seen(miner)
            except ConnectorError as error:
                log.debug("read_back_failed", miner=miner.id, reason=str(error))
                continue
            if last.on is wanted and (wanted or (last.power_w or 0.0) < STOPPED_BELOW_W):
                break
        return last

    async def look(self, device_id: str, miners: list[Miner]) -> None:
        """Look at one relay and keep how its miners' channels stand; those that are being switched are left out."""
        before = dict(self._commands)
        try:
            channels = {channel.channel: channel for channel in await self._channels(device_id)}
        except ConnectorError as error:
            for miner in miners:
                if not self.locks[miner.id].locked():
                    await self.silent(miner, error)
            return
        for miner in miners:
            unmoved = self._commands[miner.id] == before.get(miner.id, 0) and not self.locks[miner.id].locked()
            if miner.channel in channels and unmoved:
                await self.keep(miner, channels[miner.channel])

    # what is known

    async def keep(self, miner: Miner, seen: Channel, *, by: By | None = None, request_id: str | None = None) -> None:
        """Keep how a channel stands. A change that is not ours (`by` None) is attributed, noted and respected."""
        before, wish, now = self.states.get(miner.id), self.wishes.get(miner.id), self._work.clock()
        moved = before is None or before.on is None or before.on is not seen.on
        missed = by is None  # whoever switches it says so; else nobody has seen how
        if by is None:
            by = moved_by(before, seen, wish, now)
        elif not moved:
            by = None
        untold = by == "hand" and wish is None and automatic(seen)
        if untold:
            by = "unknown"
        state = RelayState(
            miner_id=miner.id,
            device=miner.device,
            channel=miner.channel,
            on=seen.on,
            power_w=seen.power_w,
            energy_kwh=seen.energy_kwh,
            timer_until=None if seen.timer_left_s is None else now + timedelta(seconds=seen.timer_left_s),
            read_at=now,
            changed_at=_since(before, seen.on, by, now),
            changed_by=by or (before.changed_by if before else None),
            errors=seen.errors,
            problem=before.problem if before and before.on is seen.on and not by else None,
        )
        self._reached(miner)
        switching = None
        if by is not None and moved and seen.on is not None:
            switching = Switching(miner.id, state.changed_at or now, seen.on, by, request_id)
        await self.store(state, switching)
        if by == "hand" and seen.on is not None:
            await self._by_hand(miner, seen.on, seen)
        elif by == "timer":
            said = f"{miner.id} went off at {self._telling.at(state.changed_at or now)}: its timer was not renewed."
            await self._telling.note("miner_timer_ended", miner.id, said, actor=None)
        elif by == "us" and missed:
            said = f"{miner.id} was found {_word(seen.on)}, as it was told: the answer had been missed."
            await self._telling.note("miner_found", miner.id, said, on=seen.on)
        elif before is None and seen.on and wish is None and not automatic(seen):
            said = f"{miner.id} was found on at the first look; it is left as it is."
            await self.wish(Wish(miner.id, "hand_on", None, "relay", now))
            await self._telling.note("miner_by_hand", miner.id, said, on=True)

    async def silent(self, miner: Miner, error: ConnectorError, *, lost_track: bool = False) -> None:
        """Keep that a relay does not answer. `lost_track`: a command may have moved it, so its state is unknown."""
        known = self.states.get(miner.id) or RelayState(miner_id=miner.id)
        on = None if lost_track else known.on
        state = replace(
            known,
            device=miner.device,
            channel=miner.channel,
            on=on,
            reachable=False,
            problem=known.problem or str(error),
        )
        if state != known:
            await self.store(state)
        if miner.id not in self._unreachable:
            self._unreachable.add(miner.id)
            log.warning("relay_unreachable", miner=miner.id, device=miner.device, reason=str(error))

    async def store(self, state: RelayState, switching: Switching | None = None) -> None:
        """Keep a state, and the switching that led to it."""
        work = self._work
        state = replace(
            state,
            timer_until=_whole_ms(state.timer_until),
            read_at=_whole_ms(state.read_at),
            changed_at=_whole_ms(state.changed_at),
        )
        before = self.states.get(state.miner_id)
        self.states[state.miner_id] = state

        async def put() -> None:
            async with work.database.begin() as connection:
                await relays.put_in(connection, work.org_id, work.site.id, state)
                if switching is not None:
                    await relays.note_switch_in(connection, work.org_id, work.site.id, switching)

        # The next look writes the state anew; a change of it comes only once.
        keep = None if switching is None else f"switching:{state.miner_id}:{switching.happened_at.isoformat()}"
        await self._recorder.write(EVENT, state.miner_id, put, keep=keep)
        if before is None or _what_alerts_see(before) != _what_alerts_see(state):
            self._work.stirred.set()

    async def forget(self, miner: Miner) -> None:
        """Drop what is known and wanted of a miner: the next look is the first."""
        work = self._work
        self.states.pop(miner.id, None)
        self.wishes.pop(miner.id, None)
        self._unreachable.discard(miner.id)

        async def drop() -> None:
            async with work.database.begin() as connection:
                await relays.forget_in(connection, work.org_id, work.site.id, miner.id)

        await self._recorder.write("wish_not_stored", miner.id, drop, keep=f"wish:{miner.id}")

    async def wish(self, wish: Wish) -> None:
        """Replace what is wanted of a miner."""
        work = self._work
        self.wishes[wish.miner_id] = wish
        put = partial(wishes.put, work.database, work.org_id, work.site.id, wish)
        await self._recorder.write("wish_not_stored", wish.miner_id, put, keep=f"wish:{wish.miner_id}")
        self._work.stirred.set()

    async def _by_hand(self, miner: Miner, on: bool, seen: Channel) -> None:
        """Whoever is to hear of it is told by the alert `relay_by_hand`."""
        await self.wish(Wish(miner.id, "hand_on" if on else "hand_off", None, "relay", self._work.clock()))
        left = "It is left on, without a timer" if on else "It is left off"
        said = f"{miner.id} was switched {_word(on)} at the relay, not by us. {left}, until somebody here commands it."
        await self._telling.note("miner_by_hand", miner.id, said, on=on, power_w=seen.power_w)
        log.info("miner_by_hand", miner=miner.id, on=on)

    def _reached(self, miner: Miner) -> None:
        if miner.id in self._unreachable:
            self._unreachable.discard(miner.id)
            log.info("relay_reached_again", miner=miner.id, device=miner.device)

    # within limits

    def _device(self, device_id: str) -> SwitchedDevice:
        device = self._work.switched.get(device_id)
        if device is None:
            raise Unreachable(f"{device_id} could not be opened; check its address in commandcenter.toml")
        return device

    async def _channels(self, device_id: str) -> tuple[Channel, ...]:
        device = self._device(device_id)
        found = await self._within_time(device.channels, device_id)
        miners = {miner.channel: miner.id for miner in self._work.site.miner if miner.device == device_id}
        return tuple(self._timed(miners.get(channel.channel), channel) for channel in found)

    def _timed(self, miner_id: str | None, seen: Channel) -> Channel:
        """The channel of a relay whose clock is not set, with what is left of its timer since our own command."""
        if miner_id is None:
            return seen
        if seen.on is False:
            self._timer_ends_s.pop(miner_id, None)
        if seen.timer_left_s is not None:
            self._switched_on_s.pop(miner_id, None)
        if not seen.on or seen.timer_left_s is not None or seen.timer_s is None:
            return seen
        left_s = None
        known = self.states.get(miner_id)
        if miner_id in self._timer_ends_s:
            left_s = self._timer_ends_s[miner_id] - self._work.monotonic()
        elif known is not None and known.on and known.timer_until is not None:  # set before this worker began
            left_s = (known.timer_until - self._work.clock()).total_seconds()
        return seen if left_s is None else replace(seen, timer_left_s=max(left_s, 0.0))

    async def _patiently(self, miner: Miner, wanted: bool, call: Callable[[], Awaitable[None]]) -> None:
        """Command; a relay that asks for a short pause is looked at after it, and commanded again if that is needed."""
        self._commands[miner.id] += 1
        try:
            await self._within_time(call, miner.device)
        except TryLater as error:
            pause_s = 1.0 if error.after_s is None else error.after_s
            if pause_s > LONGEST_WAIT_S:
                raise
            await asyncio.sleep(pause_s)
            try:
                seen = await self.seen(miner)
                if seen.on is not wanted or (wanted and seen.timer_left_s is None):
                    await self._within_time(call, miner.device)
            except ConnectorError as after:  # it is of the look, or of the second command: the first may be done
                raise Unreachable(str(after), maybe_done=True) from after

    async def _within_time(self, call: Callable[[], Awaitable[T]], device_id: str) -> T:
        limit_s = self._work.pace.call_s
        try:
            async with asyncio.timeout(limit_s):
                return await call()
        except TimeoutError as error:
            message = f"{device_id} did not answer within {limit_s:g} s; check that it has power and WiFi"
            raise Unreachable(message, maybe_done=True) from error


def _since(before: RelayState | None, on: bool | None, by: By | None, now: datetime) -> datetime | None:
    """Since when the output stands so: a timer's end is known exactly, else when the change was noticed."""
    if before is None or by is None:
        return before.changed_at if before else None
    if by == "timer" and not on and before.timer_until is not None and before.timer_until < now:
        return before.timer_until
    return now


def _what_alerts_see(state: RelayState) -> tuple[object, ...]:
    """What is news to the alerts; power and times come with every look."""
    return state.on, state.reachable, state.problem, state.errors


def _whole_ms(moment: datetime | None) -> datetime | None:
    """As the database keeps it, so that what is known reads the same after a restart."""
    return None if moment is None else moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _word(on: bool | None) -> str:
    return "unknown" if on is None else "on" if on else "off"
