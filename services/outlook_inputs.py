"""What our forecasts are made from, as it was known at a moment: measured hours, issued weather, the described site.

Nothing here loads a heavy library: `services.outlook_reckoning` turns it into forecasts in a process of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from energy.forecast.hours import HOUR_S, NO_HOURS, Floats, Hours, Ints
from energy.forecast.load_away import in_both, joined
from energy.forecast.load_site import LoadSite
from energy.forecast.sky import Panel
from energy.forecast.solar_site import SolarSite
from energy.outlook import Outlook, outlook
from energy.site import Site
from services.curtailed import Held, held_back
from services.issued_weather import IssuedHours, as_issued
from services.merging import WELL_COVERED_S, hourly_means
from services.miners_drew import miners_drew
from store import absences, people, readings, weather
from store.database import Database

_CHUNK = timedelta(days=60)  # of rollups at a time: the event loop has other things to do in between
_LATELY_S = 7 * 86_400
NO_STARTS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Measured:
    """The site's own figures by the hour (means), by its rules for merging; NaN is unknown.

    `base_load_w` is the load without the miners. Where no meter tells what they took, it is what their relays and
    ratings say: so many hours of the last week are `rated_hours`. Where nobody knows, so is the load: `unknown_hours`.
    In the hours of `curtailed_s` the panels were held back: a full battery, or one that took no more, and no export.
    """

    solar_w: Hours = NO_HOURS
    base_load_w: Hours = NO_HOURS
    curtailed_s: Ints = field(default_factory=lambda: NO_STARTS)
    rated_hours: int = 0
    unknown_hours: int = 0


@dataclass(frozen=True)
class Weather:
    """Global irradiance (W/m2) and temperature (°C) by the hour, and where they come from.

    Of past hours it is what was forecast the day before (NaN where nothing was archived), of the hours to come the
    newest forecast, then typical weather. `reach_s` is where the forecast ends; `says` is what people must hear of it.
    `seen_ghi_w_m2` is the newest look at past hours.
    """

    ghi_w_m2: Hours = NO_HOURS
    temperature_c: Hours = NO_HOURS
    source: str | None = None
    issued_at: datetime | None = None
    reach_s: int | None = None
    says: str = ""
    seen_ghi_w_m2: Hours = NO_HOURS


@dataclass(frozen=True)
class OutlookInputs:
    """All of it. `solar` is None where the site has no place or no panels; `away` are absences (from, to; epoch s)."""

    solar: SolarSite | None
    load: LoadSite
    measured: Measured
    weather: Weather
    away: tuple[tuple[int, int], ...] = ()


def solar_site(site: Site) -> SolarSite | None:
    """The place and the panels; None where one of them is not described."""
    if site.latitude is None or site.longitude is None or not site.array:
        return None
    panels = tuple(Panel(array.kwp, array.tilt_deg, array.azimuth_deg, array.name) for array in site.array)
    return SolarSite(site.latitude, site.longitude, panels)


def load_site(site: Site) -> LoadSite:
    """The zone whose days people live by, and the place where it is known."""
    return LoadSite(site.zone, site.latitude, site.longitude)


async def outlook_inputs(
    db: Database, org_id: str, site: Site, *, as_of: datetime, days: int, hours: int
) -> OutlookInputs:
    """What was known at `as_of` (aware UTC) of the `days` before, and of the weather of the next `hours`."""
    start = as_of - timedelta(days=days)
    past = await as_issued(db, org_id, site, start=start, as_of=as_of)
    return OutlookInputs(
        solar=solar_site(site),
        load=load_site(site),
        measured=await measured(db, org_id, site, start=start, as_of=as_of, issued=past),
        weather=await _weather(db, org_id, site, past, as_of=as_of, hours=hours),
        away=await everybody_away(db, org_id, site, since=start, now=as_of),
    )


async def measured(
    db: Database, org_id: str, site: Site, *, start: datetime, as_of: datetime, issued: IssuedHours | None = None
) -> Measured:
    """The hours from `start` that were over at `as_of`, and which of them were curtailed.

    `issued` is the weather as it was forecast, which tells how much sun there was to be held back.
    """
    found: dict[str, dict[int, float]] = {}
    for name in ("solar_w", "load_w", "soc_pct", "battery_charge_w", "grid_import_w"):
        found[name], _ = await _means(db, org_id, site, name, start, as_of)
    starts_s = np.array(sorted({*found["solar_w"], *found["load_w"]}), dtype=np.int64)
    values = {name: _values(starts_s, means) for name, means in found.items()}
    solar = Hours(starts_s, values["solar_w"])
    base, rated_hours, unknown_hours = values["load_w"], 0, 0
    if site.miner:
        merged, by_device = await _means(db, org_id, site, "miner_w", start, as_of)
        told = _values(starts_s, merged)
        drew = np.where(np.isfinite(told), told, await miners_drew(db, org_id, site, starts_s, by_device))
        dark = np.isfinite(base) & ~np.isfinite(told) & (starts_s >= as_of.timestamp() - _LATELY_S)
        rated_hours = int(np.sum(dark & np.isfinite(drew)))
        unknown_hours = int(np.sum(dark)) - rated_hours
        base = np.where(np.isfinite(told), base - told, np.maximum(base - drew, 0.0))
    held = Held(values["solar_w"], values["soc_pct"], values["battery_charge_w"], values["grid_import_w"])
    expected = np.full(starts_s.shape, np.nan) if issued is None else _expected_w(issued, starts_s)
    curtailed_s = starts_s[held_back(site, held, expected)]
    return Measured(solar, Hours(starts_s, base), curtailed_s, rated_hours, unknown_hours)


def _expected_w(issued: IssuedHours, starts_s: Ints) -> Floats:
    """What the panels' rating promises under the sky that came; where that is not known, as it was forecast."""
    forecast, seen = issued.ghi_w_m2.at(starts_s), issued.seen_ghi_w_m2.at(starts_s)
    known = np.isfinite(seen) & (forecast > 0.0)
    share = np.divide(seen, forecast, out=np.ones(starts_s.shape), where=known)
    found: Floats = issued.panels_w.at(starts_s) * share
    return found


async def everybody_away(
    db: Database, org_id: str, site: Site, *, since: datetime, now: datetime
) -> tuple[tuple[int, int], ...]:
    """The spans (epoch s) after `since` in which all people with a role on the site are away at once; the earliest
    first. One that lasts at `now` or is to come is among them."""
    shared: list[tuple[int, int]] | None = None
    for person in await people.on_site(db, org_id, site.id):
        known = await absences.since(db, org_id, person.person_id, min(since, now))
        own = joined([(int(each.from_at.timestamp()), int(each.until_at.timestamp())) for each in known])
        shared = own if shared is None else in_both(shared, own)
    return tuple(shared or ())


async def _weather(db: Database, org_id: str, site: Site, past: IssuedHours, *, as_of: datetime, hours: int) -> Weather:
    newest = await weather.latest_issued(db, org_id, site.id, as_of=as_of)
    ahead = outlook(site, newest, now=as_of, hours=hours)
    reach_s = _reach_s(ahead, as_of, hours)
    this_hour_s = int(as_of.timestamp()) // HOUR_S * HOUR_S
    coming_s = np.array([int(hour.start.timestamp()) for hour in ahead.hours], dtype=np.int64)

    def with_coming(before: Hours, coming: Sequence[float | None]) -> Hours:
        known = before.starts_s < this_hour_s
        values = np.array([np.nan if value is None else value for value in coming], dtype=np.float64)
        return Hours(np.concatenate([before.starts_s[known], coming_s]), np.concatenate([before.values[known], values]))

    return Weather(
        ghi_w_m2=with_coming(past.ghi_w_m2, [hour.ghi_w_m2 for hour in ahead.hours]),
        temperature_c=with_coming(past.temperature_c, [hour.temperature_c for hour in ahead.hours]),
        source=ahead.source,
        issued_at=ahead.issued_at,
        reach_s=reach_s,
        says=ahead.says,
        seen_ghi_w_m2=past.seen_ghi_w_m2,
    )


def _reach_s(ahead: Outlook, as_of: datetime, hours: int) -> int | None:
    if ahead.issued_at is None:
        return None
    if ahead.typical_from is not None:
        return int(ahead.typical_from.timestamp())
    return int(as_of.timestamp()) // HOUR_S * HOUR_S + hours * HOUR_S


async def _means(
    db: Database, org_id: str, site: Site, name: str, start: datetime, end: datetime
) -> tuple[dict[int, float], dict[str, dict[int, float]]]:
    """The means by hour by the site's rules, and those of each device."""
    found: dict[int, float] = {}
    of_devices: dict[str, dict[int, float]] = {}
    while start < end:
        until = min(start + _CHUNK, end)
        by_device = await readings.field_rollups(db, org_id, site.id, name, start, until, as_of=end)
        found |= hourly_means(site, name, by_device)
        for device, hours in by_device.items():
            known = {hour.start_s: hour.mean for hour in hours if hour.covered_s >= WELL_COVERED_S}
            of_devices.setdefault(device, {}).update(known)
        start = until
        await asyncio.sleep(0)
    return found, of_devices


def _values(starts_s: Ints, means: Mapping[int, float]) -> np.ndarray:
    return np.array([means.get(start_s, np.nan) for start_s in starts_s.tolist()], dtype=np.float64)
