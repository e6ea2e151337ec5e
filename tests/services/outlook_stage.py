"""A ranch whose forecasts, plan and battery courses are stored as the jobs store them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from energy.clear_sky import clear_sky_w
from energy.forecast.hours import HOUR_S, Band, Floats, Ints
from energy.plan.plan import Plan
from energy.plan.problem import Problem
from energy.site import Array, Battery, Grid, Inverter, Limits, Site, Tariff, TariffPeriod
from services.plan_solving import solved
from services.planning import NoPlan, problem_now
from services.scope import Scope
from services.times_ahead import utc
from store import forecasts, plans
from store.forecasts import StoredForecast
from store.plans import StoredPlan
from tests.services.ranch import RANCH, Ranch, ranch
from tests.services.stage import NOON

Sky = Literal["sunny", "dull", "dark"]

OFF_GRID = RANCH.model_copy(
    update={
        "latitude": 37.3,
        "longitude": -121.9,
        "grid": Grid(),
        "limits": Limits(),
        "battery": Battery(usable_kwh=30.0, max_charge_w=9_000, max_discharge_w=9_000),
        "inverter": Inverter(max_output_w=12_000),
        "array": (Array(name="south", kwp=14.6, tilt_deg=30, azimuth_deg=180),),
    }
)
ON_GRID = OFF_GRID.model_copy(
    update={
        "grid": Grid(present=True, import_allowed=True, export_allowed=True),
        "tariff": Tariff(
            period=(
                TariffPeriod(name="peak", import_per_kwh=0.45, export_per_kwh=0.06, hours="16-21"),
                TariffPeriod(name="day", import_per_kwh=0.28, export_per_kwh=0.05),
            )
        ),
    }
)
_SHARES: dict[Sky, tuple[float, float, float]] = {
    "sunny": (0.7, 0.85, 0.95),
    "dull": (0.08, 0.2, 0.35),
    "dark": (0.01, 0.03, 0.06),
}
_EVENING = (18, 23)


@dataclass
class Horizon:
    """The ranch and its sky; `issue` stores a forecast, `plan` a plan with the battery's courses."""

    farm: Ranch
    sky: Sky = "sunny"

    @property
    def site(self) -> Site:
        return self.farm.site

    async def scope(self, name: str | None = "Ann") -> Scope:
        return await self.farm.scope(name)

    async def issue(
        self, *, ago: timedelta = timedelta(minutes=20), hours: int = 48, notes: tuple[str, ...] = ()
    ) -> None:
        """Solar and load as they are forecast for the sky."""
        issued = self.farm.now - ago
        for band in (self._solar(issued, hours), self._load(issued, hours)):
            stored = StoredForecast(
                target=band.target,
                band=band,
                notes=notes,
                weather_source="open_meteo",
                weather_issued_at=issued - timedelta(minutes=25),
            )
            await forecasts.put(self.farm.database, "home", self.site.id, stored)

    async def problem(self) -> Problem:
        found = await problem_now(self.farm.database, "home", self.site, self.farm.now)
        assert not isinstance(found, NoPlan), found
        return found

    async def plan(self, *, because: str = "as every 15 minutes", ago: timedelta = timedelta(minutes=3)) -> Plan:
        """The plan of now, with the courses under it and without it, as the job stores them."""
        made = self.farm.now - ago
        found = solved(self.site, await self.problem(), None, int(made.timestamp()))
        stored = StoredPlan(None, made, because, "advise", found.plan, made - timedelta(minutes=17))
        await plans.put(self.farm.database, "home", self.site.id, stored)
        for band, why in found.bands:
            await forecasts.put(
                self.farm.database, "home", self.site.id, StoredForecast(band.target, band, notes=(why,))
            )
        return found.plan

    def _solar(self, issued: datetime, hours: int) -> Band:
        starts_s = _hours(issued, hours)
        clear = _clear_w(self.site, starts_s)
        low, middle, high = (clear * share for share in _SHARES[self.sky])
        return Band("solar", int(issued.timestamp()), starts_s, low, middle, high, "blend", "1")

    def _load(self, issued: datetime, hours: int) -> Band:
        starts_s = _hours(issued, hours)
        local = [utc(s).astimezone(self.site.zone).hour for s in starts_s.tolist()]
        middle = np.array([1_800.0 if _EVENING[0] <= hour < _EVENING[1] else 600.0 for hour in local])
        return Band("load", int(issued.timestamp()), starts_s, middle * 0.75, middle, middle * 1.3, "blend", "1")


def _hours(issued: datetime, hours: int) -> Ints:
    first = int(issued.timestamp()) // HOUR_S * HOUR_S
    return first + HOUR_S * np.arange(hours + 1, dtype=np.int64)


def _clear_w(site: Site, starts_s: Ints) -> Floats:
    return np.array([_clear_hour(site.array, site.latitude, site.longitude, int(s)) for s in starts_s])


@lru_cache(maxsize=1_000)
def _clear_hour(arrays: tuple[Array, ...], latitude: float, longitude: float, start_s: int) -> float:
    site = OFF_GRID.model_copy(update={"array": arrays, "latitude": latitude, "longitude": longitude})
    return clear_sky_w(site, utc(start_s + 2_700)) or 0.0


async def horizon(
    tmp_path: Path,
    sky: Sky = "sunny",
    *,
    site: Site = OFF_GRID,
    soc_pct: float = 62.0,
    now: datetime = NOON,
    **values: float,
) -> Horizon:
    """The ranch at noon under that sky, its miners off, nothing forecast yet."""
    made = Horizon(await ranch(tmp_path, site=site), sky)
    made.farm.now = now
    solar_w = float(_clear_w(site, np.array([int(now.timestamp())]))[0]) * _SHARES[sky][1] if site.array else 0.0
    usual = {"soc_pct": soc_pct, "solar_w": solar_w, "load_w": 620.0, "battery_charge_w": solar_w - 620.0}
    await made.farm.measure(**(usual | values))
    for miner in site.miner:
        await made.farm.relay(miner.id)
    return made


def with_(site: Site, **changes: object) -> Site:
    """The site with other parts."""
    return site.model_copy(update=changes)


async def foreseen(*where: Any, **how: Any) -> Horizon:
    """`horizon` with its forecasts issued and a plan made."""
    made = await horizon(*where, **how)
    await made.issue()
    await made.plan()
    return made


async def closed(made: Horizon) -> None:
    await made.farm.database.close()
