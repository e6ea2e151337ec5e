"""What the forecasts say of the battery and of the days to come, for the alerts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from energy.alerts.situation import DaysAhead, ReserveForecast
from energy.cells.courses import Course, reserve_forecast
from energy.forecast.hours import Band, Target
from energy.plan.problem import HIGH, HOUR_S, LOW, MIDDLE
from jobs.work import Work
from services.conditions import local_midnight
from services.merging import hourly_means
from services.plan_modes import mode_of
from store import forecasts, readings
from store.forecasts import StoredForecast

EVERY_S = 60.0
PAST = timedelta(days=7)
FEWEST_DAYS = 3
FEWEST_HOURS = 20  # of a day, or it is no whole one
FRESH = timedelta(hours=6)
SOON = timedelta(hours=6)
MORNING = timedelta(hours=9)  # the night after belongs to the day


@dataclass(frozen=True, slots=True)
class Ahead:
    """The reserve and the days to come; None where nothing is known."""

    reserve: ReserveForecast | None = None
    days: DaysAhead | None = None


NOTHING_AHEAD = Ahead()


class AheadLook:
    """One worker's look at the newest forecasts, kept for a minute."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._looked_at_s: float | None = None
        self._known = NOTHING_AHEAD
        self._past: tuple[datetime, float | None] | None = None

    async def at(self, now: datetime) -> Ahead:
        """What was known at `now` of the time after it."""
        now_s = self._work.monotonic()
        if self._looked_at_s is None or not 0 <= now_s - self._looked_at_s < EVERY_S:
            self._known = Ahead(await self._reserve(now), await self._days(now))
            self._looked_at_s = now_s
        return self._known

    async def _reserve(self, now: datetime) -> ReserveForecast | None:
        """Under the plan where it is followed, else with the miners left as they are."""
        kept = await self._newest("soc" if await self._automatic() else "soc_as_is", now)
        if kept is None:
            return None
        found = reserve_forecast(_course(kept.band), self._work.site, kept.band.issued_s)
        return replace(found, because=kept.notes[0]) if found is not None and kept.notes else found

    async def _days(self, now: datetime) -> DaysAhead | None:
        site = self._work.site
        solar, load, soc = [await self._newest(target, now) for target in ("solar", "load", "soc_as_is")]
        if solar is None or load is None or soc is None or now - min(solar.issued_at, load.issued_at) > FRESH:
            return None
        today = local_midnight(site, now)
        tomorrow = local_midnight(site, today + timedelta(hours=36))
        after = local_midnight(site, tomorrow + timedelta(hours=36))
        levels = _between(soc.band, tomorrow, after + MORNING)
        base_w = dict(zip(load.band.starts_s.tolist(), load.band.p50.tolist(), strict=True))
        soon = [
            max(w - base_w.get(start_s, w), 0.0)
            for start_s, w in zip(solar.band.starts_s.tolist(), solar.band.p50.tolist(), strict=True)
            if now.timestamp() <= start_s < (now + SOON).timestamp()
        ]
        sun_w = _between(solar.band, tomorrow, after)
        whole = sun_w.size >= (after - tomorrow) / timedelta(hours=1)
        return DaysAhead(
            issued_at=min(solar.issued_at, load.issued_at),
            tomorrow=tomorrow,
            solar_tomorrow_kwh=float(np.sum(sun_w)) / 1_000.0 if whole else None,
            usual_solar_kwh=await self._usual_kwh(today),
            lowest_tomorrow_pct=float(np.min(levels)) if levels.size else None,
            surplus_kwh=sum(soon) / 1_000.0,
            surplus_until=now + SOON,
            followed=await self._automatic(),
        )

    async def _automatic(self) -> bool:
        work = self._work
        return (await mode_of(work.database, work.org_id, work.site)).mode == "automatic"

    async def _newest(self, target: Target, now: datetime) -> StoredForecast | None:
        work = self._work
        return await forecasts.newest(work.database, work.org_id, work.site.id, target, as_of=now)

    async def _usual_kwh(self, today: datetime) -> float | None:
        """The mean solar energy of the last seven whole days (kWh); None before three of them are known."""
        if self._past is None or self._past[0] != today:
            work, start = self._work, local_midnight(self._work.site, today - PAST + timedelta(hours=12))
            rows = await readings.field_rollups(
                work.database, work.org_id, work.site.id, "solar_w", start, today, as_of=today
            )
            self._past = today, _daily_mean_kwh(hourly_means(work.site, "solar_w", rows), work)
        return self._past[1]


def _daily_mean_kwh(means_w: Mapping[int, float], work: Work) -> float | None:
    days: dict[object, list[float]] = defaultdict(list)
    for start_s, watts in means_w.items():
        days[datetime.fromtimestamp(start_s, UTC).astimezone(work.site.zone).date()].append(watts)
    whole = [sum(each) / 1_000.0 for each in days.values() if len(each) >= FEWEST_HOURS]
    return float(np.mean(whole)) if len(whole) >= FEWEST_DAYS else None


def _course(band: Band) -> Course:
    return Course(band.starts_s + HOUR_S, {LOW: band.p10, MIDDLE: band.p50, HIGH: band.p90})


def _between(band: Band, start: datetime, end: datetime) -> np.ndarray:
    """The known middle values of the hours in [start, end)."""
    inside = (band.starts_s >= start.timestamp()) & (band.starts_s < end.timestamp()) & np.isfinite(band.p50)
    found: np.ndarray = band.p50[inside]
    return found
