"""The week to come: the site's forecast as far as it reaches, then the weather forecast alone, then typical weather."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from energy.clear_sky import forecast_solar_w
from energy.outlook import Outlook, outlook
from energy.periods import Period, local_midnight
from energy.plan.dispatch import dispatch
from energy.plan.from_site import battery_of, grid_of
from energy.plan.problem import InverterState
from energy.weather import HOUR, IssuedForecast
from services import history
from services.outlook_days import ahead
from services.outlook_values import Basis, LevelAt, Nothing, WeekDay, WeekView
from services.scope import Scope, require
from services.state import current_state
from store import forecasts, weather

if TYPE_CHECKING:
    from energy.forecast.hours import Band, Target
    from store.forecasts import StoredForecast

DAYS = 7
_POWERS: tuple[Target, ...] = ("solar", "load")
USUAL_DAYS = 14
_LEAST_DAYS = 3  # fewer are no habit
_LEAST_SUN_W = 50.0
_LEVELLED = (0.5, 1.3)  # how far the site's own forecast may differ from the plain weather's in the days after it
_WHOLE_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class _Hour:
    """An hour of the week: mean powers (W), None where nothing says them, and how much of it is to come (h)."""

    start: datetime
    hours: float
    solar_w: float | None
    load_w: float | None
    basis: Basis


async def week_view(scope: Scope) -> WeekView | Nothing:
    """Seven days: the forecast as far as it reaches, then the weather forecast alone, then typical weather.

    The battery is followed as if no miner ran and nothing was charged from the grid.
    """
    require(scope, "viewer")
    site, now = scope.site, scope.as_of
    stored = {
        target: await forecasts.newest(scope.database, scope.org_id, site.id, target, as_of=now) for target in _POWERS
    }
    first = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    last = local_midnight(now.astimezone(scope.zone).date() + timedelta(days=DAYS), scope.zone)
    count = -(-int((last - first).total_seconds()) // 3_600)
    issued = await weather.latest_issued(scope.database, scope.org_id, site.id, as_of=now)
    look = outlook(site, issued, now=now, hours=count)
    usual_kwh = {field: await _usual_day(scope, field) for field in ("solar_w", "load_w", "miner_w")}
    hours = _hours(scope, first, count, stored, look, usual_kwh)
    if all(hour.solar_w is None for hour in hours):
        return Nothing(
            "Nothing is known of this week's sun: set latitude and longitude, and describe the panels under [[array]] "
            "in commandcenter.toml."
        )
    days = await _days(scope, hours)
    solar = stored["solar"]
    return WeekView(
        days=days,
        issued_at=None if solar is None else solar.issued_at,
        weather_source=None if look.issued_at is None else look.source,
        weather_age=None if look.issued_at is None else now - look.issued_at,
        typical_solar_kwh=usual_kwh["solar_w"],
        notes=(look.says,) if look.says else (),
    )


def _hours(
    scope: Scope,
    first: datetime,
    count: int,
    stored: Mapping[Target, StoredForecast | None],
    look: Outlook,
    usual_kwh: Mapping[str, float | None],
) -> list[_Hour]:
    now_s = scope.as_of.timestamp()
    known: dict[str, dict[int, float]] = {
        name: _by_hour(None if each is None else ahead(each.band, now_s)) for name, each in stored.items()
    }
    by_weather = _weather_solar(scope, look)
    level = _level(known["solar"], by_weather)
    profile = _profile(scope, known["load"], usual_kwh)
    found: list[_Hour] = []
    for n in range(count):
        start = first + HOUR * n
        start_s = int(start.timestamp())
        solar: float | None = known["solar"].get(start_s)
        basis: Basis = "forecast"
        if solar is None:
            watts = by_weather.get(start_s)
            solar = None if watts is None else watts * level
            basis = (
                "weather" if look.issued_at and not (look.typical_from and start >= look.typical_from) else "typical"
            )
        load = known["load"].get(start_s, profile.get(start.astimezone(scope.zone).hour))
        found.append(_Hour(start, min((start_s + 3_600 - now_s) / 3_600, 1.0), solar, load, basis))
    return found


def _by_hour(band: Band | None) -> dict[int, float]:
    if band is None:
        return {}
    pairs = zip(band.starts_s.tolist(), band.p50.tolist(), strict=True)
    return {start_s: watts for start_s, watts in pairs if np.isfinite(watts)}


def _weather_solar(scope: Scope, look: Outlook) -> dict[int, float]:
    """What the panels give under the outlook's weather (W), by hour."""
    found: dict[int, float] = {}
    for hour in look.hours:
        alone = IssuedForecast(scope.as_of, look.source, (hour,))
        # Each call is the mean of the half hour before its moment.
        halves = [forecast_solar_w(scope.site, alone, hour.start + timedelta(minutes=m)) for m in (30, 60)]
        known = [watts for watts in halves if watts is not None]
        if len(known) == 2:
            found[int(hour.start.timestamp())] = sum(known) / 2
    return found


def _level(known: Mapping[int, float], by_weather: Mapping[int, float]) -> float:
    """How the site's own forecast compares with the plain weather's where both are: dirt, shade, the real panels."""
    both = [(known[s], by_weather[s]) for s in known.keys() & by_weather.keys() if by_weather[s] > _LEAST_SUN_W]
    total = sum(plain for _, plain in both)
    if len(both) < 4 or total <= 0:
        return 1.0
    return float(np.clip(sum(own for own, _ in both) / total, *_LEVELLED))


def _profile(scope: Scope, known: Mapping[int, float], usual_kwh: Mapping[str, float | None]) -> dict[int, float]:
    """The load by local hour, for the days that no forecast reaches: its last known day, else the usual day's mean."""
    found: dict[int, float] = {}
    for start_s in sorted(known):
        found[datetime.fromtimestamp(start_s, UTC).astimezone(scope.zone).hour] = known[start_s]
    if len(found) == 24:
        return found
    load, miners = usual_kwh["load_w"], usual_kwh["miner_w"]
    if load is None:
        return found
    mean_w = max(load - (miners or 0.0), 0.0) * 1_000.0 / 24.0
    return {hour: found.get(hour, mean_w) for hour in range(24)}


async def _usual_day(scope: Scope, field: str) -> float | None:
    """The mean of the whole days of the last two weeks (kWh); None where there are too few."""
    today = scope.as_of.astimezone(scope.zone).date()
    period = Period(
        local_midnight(today - timedelta(days=USUAL_DAYS), scope.zone), local_midnight(today, scope.zone), ""
    )
    days = await history.buckets(scope, field, period, "day")
    whole = [
        day.energy.net_kwh
        for day in days
        if day.energy is not None and day.covered_s >= _WHOLE_SHARE * (day.end - day.start).total_seconds()
    ]
    return sum(whole) / len(whole) if len(whole) >= _LEAST_DAYS else None


@dataclass(slots=True)
class _Sum:
    """A day's sums (kWh); None once an hour of it is unknown."""

    solar: float | None = 0.0
    load: float | None = 0.0
    surplus: float | None = 0.0
    charge: float | None = 0.0
    levels: tuple[LevelAt, ...] = ()
    bases: tuple[Basis, ...] = ()


async def _days(scope: Scope, hours: Sequence[_Hour]) -> tuple[WeekDay, ...]:
    soc = (await current_state(scope)).number("soc_pct")
    battery = None if soc is None else battery_of(scope.site, soc)
    grid = replace(grid_of(scope.site), export_allowed=False)
    soc_kwh = None if battery is None or soc is None else battery.kwh(soc)
    sums: dict[date, _Sum] = {}
    for hour in hours:
        day = sums.setdefault(hour.start.astimezone(scope.zone).date(), _Sum())
        solar, load = hour.solar_w, hour.load_w
        day.bases = (*day.bases, hour.basis)
        day.solar = None if day.solar is None or solar is None else day.solar + solar * hour.hours / 1_000
        day.load = None if day.load is None or load is None else day.load + load * hour.hours / 1_000
        if solar is None or load is None:
            day.surplus = day.charge = soc_kwh = None
            continue
        if day.surplus is not None:
            day.surplus += max(solar - load, 0.0) * hour.hours / 1_000
        if battery is None or soc_kwh is None or day.charge is None:
            day.charge = None
            continue
        flow = dispatch(
            battery,
            grid,
            InverterState(),
            grid_there=grid.present,
            soc_kwh=soc_kwh,
            hours=hour.hours,
            solar_w=solar,
            load_w=load,
        )
        soc_kwh = flow.soc_kwh
        day.charge += flow.charge_w * hour.hours / 1_000
        day.levels = (*day.levels, LevelAt(battery.pct(soc_kwh), hour.start + HOUR))
    return tuple(_day(day, found) for day, found in sums.items())


def _day(day: date, found: _Sum) -> WeekDay:
    sunny = list(found.bases)
    basis: Basis = "forecast" if sunny.count("forecast") * 2 >= len(sunny) else max(set(sunny), key=sunny.count)
    return WeekDay(
        day=day,
        solar_kwh=found.solar,
        load_kwh=found.load,
        surplus_kwh=found.surplus,
        charge_kwh=found.charge,
        lowest=min(found.levels, key=lambda level: level.soc_pct, default=None),
        highest=max(found.levels, key=lambda level: level.soc_pct, default=None),
        full_at=next((level.at for level in found.levels if level.soc_pct >= 99.0), None),
        basis=basis,
    )
