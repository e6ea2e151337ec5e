"""What is usual and what was to be expected at this hour: the base load, and the sun. Kept while it does not change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median

from energy.clear_sky import STEP, clear_sky_w, forecast_solar_w
from energy.rollup import Rollup
from energy.weather import IssuedForecast
from jobs.work import Work
from services.merging import hourly_means
from store import readings, weather

USUAL_OVER = timedelta(days=14)
FEWEST_DAYS = 3  # of one hour, before anything is usual
FORECAST_KEPT = timedelta(minutes=5)
FORECAST_USABLE = timedelta(hours=12)


class Expected:
    """The usual base load of this local hour, and the solar power of a clear sky and of the forecast's weather (W)."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._usual: tuple[datetime, float | None] | None = None
        self._sun: tuple[datetime, float | None, float | None] | None = None
        self._issued: tuple[datetime, IssuedForecast | None] | None = None

    async def usual_base_load_w(self, now: datetime) -> float | None:
        """The median over 14 days of the load without miners in this local hour; None before three days are known."""
        hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        if self._usual is None or self._usual[0] != hour:
            self._usual = hour, await self._usual_at(hour)
        return self._usual[1]

    async def solar_w(self, now: datetime) -> tuple[float | None, float | None]:
        """Under a clear sky, and under the forecast's weather; means over the last half hour."""
        issued = await self._newest_forecast(now)
        step_s = STEP.total_seconds()
        moment = datetime.fromtimestamp(now.timestamp() // step_s * step_s, UTC)
        if self._sun is None or self._sun[0] != moment:
            site = self._work.site
            self._sun = moment, clear_sky_w(site, moment), forecast_solar_w(site, issued, moment)
        return self._sun[1:]

    async def _usual_at(self, hour: datetime) -> float | None:
        work, start = self._work, hour - USUAL_OVER
        load = hourly_means(work.site, "load_w", await self._hours("load_w", start, hour))
        miners = (
            hourly_means(work.site, "miner_w", await self._hours("miner_w", start, hour)) if work.site.miner else None
        )
        local = hour.astimezone(work.site.zone).hour
        found = [
            load_w - (0.0 if miners is None else miners[start_s])
            for start_s, load_w in load.items()
            if datetime.fromtimestamp(start_s, work.site.zone).hour == local and (miners is None or start_s in miners)
        ]
        return max(median(found), 0.0) if len(found) >= FEWEST_DAYS else None

    async def _hours(self, field: str, start: datetime, end: datetime) -> Mapping[str, Sequence[Rollup]]:
        work = self._work
        return await readings.field_rollups(work.database, work.org_id, work.site.id, field, start, end, as_of=end)

    async def _newest_forecast(self, now: datetime) -> IssuedForecast | None:
        work = self._work
        if not work.site.array or work.site.latitude is None:
            return None
        if self._issued is None or not timedelta(0) <= now - self._issued[0] < FORECAST_KEPT:
            issued = await weather.latest_issued(work.database, work.org_id, work.site.id, as_of=now)
            if issued is None or now - issued.issued_at > FORECAST_USABLE:
                issued = None
            if self._issued is None or issued != self._issued[1]:
                self._sun = None
            self._issued = now, issued
        return self._issued[1]
