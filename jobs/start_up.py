"""The word after a stop that nobody planned, or a long one: how long we were away, and what was missed.

Each worker leaves a sign of life every ten seconds, and a last one when it stops on purpose. A worker that starts looks
at the last sign and waits a little: where it is renewed meanwhile, another worker runs, and nobody was away.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from energy.alerts.episode import Episode
from energy.alerts.message import in_order, message_title
from energy.units import DEFAULT_UNITS, UnitPreferences, format_clock, format_duration, format_percent
from jobs.work import Work
from services.preferences import preferences_in
from store import alerts, outbox, people, readings
from store.heartbeats import Beat, beat, of_site
from store.outbox import NewEntry

log = structlog.get_logger()
BEAT_EVERY_S = 10.0
POLLED_WITHIN_S = 60.0  # a round of polls that takes longer stands still
LONG = timedelta(minutes=2)
OTHERS_BEAT_WITHIN_S = 15.0  # another worker that lives renews its sign in this time
SETTLE_S = 60.0  # by then the devices have been asked, and a cloud has told of the gap
GOODBYE_WITHIN_S = 1.0
MOST_OPEN = 5
EVENT = "worker_beat_disturbed"


@dataclass(frozen=True, slots=True)
class Gap:
    """What is known of the time from `start` to `end` in which no worker ran. `clean`: it was stopped on purpose."""

    start: datetime
    end: datetime
    clean: bool
    lowest_soc: tuple[float, datetime] | None = None  # %, and when
    grid_away_at: datetime | None = None  # the first reading that says so
    grid_back_at: datetime | None = None  # the first one after it that says otherwise
    known: bool = False  # whether there are readings of that time

    @property
    def length(self) -> timedelta | None:
        """How long nobody watched; None where the clock was set back meanwhile, so that nobody can tell."""
        return self.end - self.start if self.end >= self.start else None


async def keep_worker_beat(
    work: Work, stop: asyncio.Event, *, others_s: float = OTHERS_BEAT_WITHIN_S, settle_s: float = SETTLE_S
) -> None:
    """Leave signs of life until `stop` is set, and a last one then; after the start tell what was missed, if anything.

    The signs are "worker:<site>", and "poll:<site>" while the devices are gone through. The first one comes when what
    was missed has been told: a worker that is killed before leaves it to the next.
    """
    began_at = work.clock()
    told = False
    while not stop.is_set():
        try:
            if not told:
                told = await _told(work, began_at, stop, others_s=others_s, settle_s=settle_s)
            if told:
                await signs_of_life(work)
        except Exception as error:  # noqa: BLE001  the database may be away; the next one comes, and it is logged
            work.surprises.failed(EVENT, work.site.id, error)
        else:
            work.surprises.succeeded(EVENT, work.site.id)
        await _stopped_within(stop, BEAT_EVERY_S)
    if told:
        await _goodbye(work)


async def signs_of_life(work: Work) -> None:
    """This worker runs; and it goes through its devices, where it does."""
    await beat(work.database, work.org_id, _name(work), work.clock())
    await sign_of_polling(work)


async def sign_of_polling(work: Work) -> None:
    """The devices are gone through, where they are."""
    if work.polled_s is not None and work.monotonic() - work.polled_s <= POLLED_WITHIN_S:
        await beat(work.database, work.org_id, f"poll:{work.site.id}", work.clock())


async def _told(work: Work, began_at: datetime, stop: asyncio.Event, *, others_s: float, settle_s: float) -> bool:
    """Tell the owners if nobody looked after the site; False where `stop` came before that was done."""
    last = await _last(work)
    if last is None or (last.clean and timedelta(0) <= began_at - last.at <= LONG):
        return True
    if await _stopped_within(stop, others_s):
        return False
    if await _last(work) != last:
        return True  # another worker runs
    left_s = settle_s - others_s
    while left_s > 0:  # meanwhile the devices are asked, and a cloud tells of the gap
        await sign_of_polling(work)
        if await _stopped_within(stop, min(left_s, BEAT_EVERY_S)):
            return False
        left_s -= BEAT_EVERY_S
    gap = await gap_of(work, last, began_at)
    if await _last(work) == last:  # else another worker runs by now, or one has told it
        await tell_owners(work, gap)
    return True


async def _stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()


async def gap_of(work: Work, last: Beat, end: datetime) -> Gap:
    """What the readings tell of the time without a worker: a device's own memory, or its cloud's, may have them."""
    if end < last.at:
        return Gap(last.at, end, last.clean)
    levels = await _points(work, "soc_pct", last.at, end)
    grid = await _points(work, "grid_present", last.at, end)
    away_at = min((at for value, at in grid if value == 0), default=None)
    back_at = min((at for value, at in grid if value == 1 and away_at is not None and at > away_at), default=None)
    return Gap(
        last.at,
        end,
        last.clean,
        lowest_soc=levels[0] if levels else None,
        grid_away_at=away_at,
        grid_back_at=back_at,
        known=bool(levels or grid),
    )


async def _points(work: Work, field: str, start: datetime, end: datetime) -> list[tuple[float, datetime]]:
    """The known values of a field with their times, the lowest first."""
    found = await readings.field_rows(work.database, work.org_id, work.site.id, field, start, end, work.clock())
    return sorted(
        (float(value), datetime.fromtimestamp(int(at), UTC))
        for series in found.values()
        for at, value in zip(series.times, series.values, strict=True)
        if not math.isnan(value)
    )


async def tell_owners(work: Work, gap: Gap) -> None:
    """One message to each owner, however many workers find the same gap."""
    now = work.clock()
    newest = await alerts.newest(work.database, work.org_id, work.site.id)
    open_now = in_order([stored.episode for stored in newest.values() if stored.episode.is_firing])
    added = False
    for person in await people.list_people(work.database, work.org_id, site_id=work.site.id):
        if person.roles.get(work.site.id) != "owner":
            continue
        prefers = preferences_in(person.preferences)
        entry = NewEntry(
            site_id=work.site.id,
            level="info" if gap.clean else "warning",
            text=start_up_text(gap, open_now, prefers.zone or work.site.zone, now, prefers.units),
            person_id=person.person_id,
            once_key=f"{work.site.id}:away:{gap.start.isoformat()}:{person.person_id}",
        )
        added = await outbox.add(work.database, work.org_id, entry, now=now) or added
    log.warning("was_away", since=gap.start.isoformat(), until=gap.end.isoformat(), clean=gap.clean, told=added)
    if added:
        await work.wake_up("notices")


def start_up_text(
    gap: Gap, open_now: Sequence[Episode], zone: ZoneInfo, now: datetime, units: UnitPreferences = DEFAULT_UNITS
) -> str:
    """The word to the owners: from when to when, why, what is known of it, what is open now."""

    def at(moment: datetime) -> str:
        return format_clock(moment, zone, now=now, units=units)

    how = "It had been stopped on purpose" if gap.clean else "It stopped without a goodbye (power, a crash or a kill)"
    if gap.length is None:
        watched = (
            "The clock of this machine was set back meanwhile, so how long nobody watched the site is not known "
            f"(the last sign of life says {at(gap.start)}, the start {at(gap.end)}). If the clock is wrong, set it."
        )
    else:
        watched = f"Nobody watched the site from {at(gap.start)} to {at(gap.end)} ({format_duration(gap.length)})."
    lines = [f"CommandCenter is back. {watched} {how}."]
    seen = []
    if gap.lowest_soc is not None:
        level, moment = gap.lowest_soc
        seen.append(f"the battery was at {format_percent(level)} at the lowest ({at(moment)})")
    if gap.grid_away_at is not None:
        back = "" if gap.grid_back_at is None else f" until {at(gap.grid_back_at)}"
        seen.append(f"the grid was away, seen from {at(gap.grid_away_at)}{back}")
    elif gap.known and not seen:
        seen.append("nothing out of the ordinary was recorded")
    lines.append(
        f"What the devices recorded meanwhile: {'; '.join(seen)}." if seen else "Nothing is known of that time."
    )
    if open_now:
        titles = [message_title([each]) for each in open_now[:MOST_OPEN]]
        more = f"; and {len(open_now) - MOST_OPEN} more" if len(open_now) > MOST_OPEN else ""
        lines.append(f"Open now: {'; '.join(titles)}{more}. /alerts shows them.")
    else:
        lines.append("No alert is open now.")
    return "\n".join(lines)


async def _last(work: Work) -> Beat | None:
    return (await of_site(work.database, work.org_id, work.site.id)).get(_name(work))


async def _goodbye(work: Work) -> None:
    """Stopped on purpose; a database that is away must not hold up the end."""
    try:
        async with asyncio.timeout(GOODBYE_WITHIN_S):
            await beat(work.database, work.org_id, _name(work), work.clock(), clean_stop=True)
    except Exception as error:  # noqa: BLE001  the next start takes it for an unclean stop, and it is logged
        work.surprises.failed(EVENT, work.site.id, error)


def _name(work: Work) -> str:
    return f"worker:{work.site.id}"
