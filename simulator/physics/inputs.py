"""Everything that does not depend on the battery or on switches, by the minute of one solar day."""

from __future__ import annotations

from array import array
from typing import Literal, NamedTuple

import numpy as np

from energy.site import Site
from simulator.physics.household import household_w, local_hours
from simulator.physics.noise import smooth_day_level
from simulator.physics.scenario import Scenario
from simulator.physics.sky import MINUTES, Floats
from simulator.physics.weather import Weather, WeatherDay

Wiring = Literal["solark", "both"]
DeadArrays = tuple[tuple[str, float], ...]  # (name, share of the array that gives nothing)

_DERATE = 0.86  # dirt, wiring, mismatch and the inverter itself
_TEMPERATURE_COEFFICIENT = -0.0037  # per K of the cells
_CELL_HEATING = 0.028  # K per W/m2
_DEFAULT_LATITUDE, _DEFAULT_LONGITUDE = 37.3, -121.9


class DayInputs(NamedTuple):
    """One solar day by the minute, in plain arrays: the integration reads single values, where numpy's are slow."""

    start_s: int
    solar_solark_w: array[float]
    solar_victron_w: array[float]
    base_load_w: array[float]
    temperature_c: array[float]
    cloud_cover: array[float]
    ghi_w_m2: array[float]
    outage: bytes  # 1 while the grid is down
    soc_drift_pct: array[float]


def weather_of(site: Site, *, seed: int, scenario: Scenario) -> Weather:
    """The weather over `site`; a site without coordinates stands in California."""
    latitude = _DEFAULT_LATITUDE if site.latitude is None else site.latitude
    longitude = _DEFAULT_LONGITUDE if site.longitude is None else site.longitude
    return Weather(latitude, longitude, seed=seed, scenario=scenario)


def day_inputs(site: Site, weather: Weather, day: int, *, wiring: Wiring, dead: DeadArrays = ()) -> DayInputs:
    """The inputs of solar day `day`."""
    today = weather.day(day)
    start_s = today.sky.start_s
    solark_w, victron_w = panels_w(site, today, wiring=wiring, dead=dead)
    base_w = household_w(
        start_s, day, today.temperature_c, zone=site.zone, seed=weather.seed, scenario=weather.scenario
    )
    drift = 0.6 + 1.6 * smooth_day_level(weather.seed, "soc_drift", day, 0.8, MINUTES)
    return DayInputs(
        start_s,
        _plain(solark_w),
        _plain(victron_w),
        _plain(base_w),
        _plain(today.temperature_c),
        _plain(today.cloud_cover),
        _plain(today.ghi_w_m2),
        _outage(site, weather.scenario, start_s, day),
        _plain(drift),
    )


def panels_w(site: Site, today: WeatherDay, *, wiring: Wiring, dead: DeadArrays = ()) -> tuple[Floats, Floats]:
    """What the panels can give (W), on the SolArk and on the Victron MPPTs.

    In the wiring "both" an array hangs on the device that it names; where none names a Victron, half of each does.
    """
    victron_ids = {device.id for device in site.device if device.kind == "victron_mqtt"}
    named = any(panels.device in victron_ids for panels in site.array)
    solark, victron = np.zeros(MINUTES.shape), np.zeros(MINUTES.shape)
    lost = dict(dead)
    for panels in site.array:
        plane = today.tilted_w_m2(panels.tilt_deg, panels.azimuth_deg)
        cell_c = today.temperature_c + _CELL_HEATING * plane
        watts = panels.kwp * plane * _DERATE * (1 + _TEMPERATURE_COEFFICIENT * (cell_c - 25.0))
        watts = np.where(plane > 4.0, watts, 0.0)  # MPPTs sleep in twilight
        watts *= 1.0 - lost.get(panels.name, 0.0)
        share = 0.0 if wiring == "solark" else (float(panels.device in victron_ids) if named else 0.5)
        victron += share * watts
        solark += (1.0 - share) * watts
    return solark, victron


def _outage(site: Site, scenario: Scenario, start_s: int, day: int) -> bytes:
    if day % scenario.outage_every_days or not scenario.outage_hours:
        return bytes(len(MINUTES))
    hours = local_hours(start_s, site.zone)
    down = np.zeros(MINUTES.shape, dtype=bool)
    for begin, end in scenario.outage_hours:
        down |= (hours >= begin) & (hours < end)
    return down.astype(np.uint8).tobytes()


def _plain(values: Floats) -> array[float]:
    return array("d", values.tobytes())
