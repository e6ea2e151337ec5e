"""Everything that does not depend on the battery or on switches, by the minute of one solar day."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from energy.site import Site
from simulator.physics.household import household_w, local_hours
from simulator.physics.noise import smooth_day_level
from simulator.physics.scenario import Scenario
from simulator.physics.sky import MINUTES, Floats
from simulator.physics.weather import Weather, WeatherDay

Wiring = Literal["solark", "both"]

_DERATE = 0.86  # dirt, wiring, mismatch and the inverter itself
_TEMPERATURE_COEFFICIENT = -0.0037  # per K of the cells
_CELL_HEATING = 0.028  # K per W/m2
_DEFAULT_LATITUDE, _DEFAULT_LONGITUDE = 37.3, -121.9


class DayInputs(NamedTuple):
    """One solar day by the minute, as plain lists: the integration reads single values, where arrays are slow."""

    start_s: int
    solar_solark_w: list[float]
    solar_victron_w: list[float]
    base_load_w: list[float]
    temperature_c: list[float]
    cloud_cover: list[float]
    ghi_w_m2: list[float]
    outage: list[bool]
    soc_drift_pct: list[float]


def weather_of(site: Site, *, seed: int, scenario: Scenario) -> Weather:
    """The weather over `site`; a site without coordinates stands in California."""
    latitude = _DEFAULT_LATITUDE if site.latitude is None else site.latitude
    longitude = _DEFAULT_LONGITUDE if site.longitude is None else site.longitude
    return Weather(latitude, longitude, seed=seed, scenario=scenario)


def day_inputs(site: Site, weather: Weather, day: int, *, wiring: Wiring) -> DayInputs:
    """The inputs of solar day `day`."""
    today = weather.day(day)
    start_s = today.sky.start_s
    solark_w, victron_w = panels_w(site, today, wiring=wiring)
    base_w = household_w(
        start_s, day, today.temperature_c, zone=site.zone, seed=weather.seed, scenario=weather.scenario
    )
    drift = 0.6 + 1.6 * smooth_day_level(weather.seed, "soc_drift", day, 0.8, MINUTES)
    return DayInputs(
        start_s,
        solark_w.tolist(),
        victron_w.tolist(),
        base_w.tolist(),
        today.temperature_c.tolist(),
        today.cloud_cover.tolist(),
        today.ghi_w_m2.tolist(),
        _outage(site, weather.scenario, start_s, day),
        drift.tolist(),
    )


def panels_w(site: Site, today: WeatherDay, *, wiring: Wiring) -> tuple[Floats, Floats]:
    """What the panels can give (W), on the SolArk and on the Victron MPPTs.

    In the wiring "both" an array hangs on the device that it names; where none names a Victron, half of each does.
    """
    victron_ids = {device.id for device in site.device if device.kind == "victron_mqtt"}
    named = any(array.device in victron_ids for array in site.array)
    solark, victron = np.zeros(MINUTES.shape), np.zeros(MINUTES.shape)
    for array in site.array:
        plane = today.tilted_w_m2(array.tilt_deg, array.azimuth_deg)
        cell_c = today.temperature_c + _CELL_HEATING * plane
        watts = array.kwp * plane * _DERATE * (1 + _TEMPERATURE_COEFFICIENT * (cell_c - 25.0))
        watts = np.where(plane > 4.0, watts, 0.0)  # MPPTs sleep in twilight
        share = 0.0 if wiring == "solark" else (float(array.device in victron_ids) if named else 0.5)
        victron += share * watts
        solark += (1.0 - share) * watts
    return solark, victron


def _outage(site: Site, scenario: Scenario, start_s: int, day: int) -> list[bool]:
    if day % scenario.outage_every_days or not scenario.outage_hours:
        return [False] * len(MINUTES)
    hours = local_hours(start_s, site.zone)
    down = np.zeros(MINUTES.shape, dtype=bool)
    for begin, end in scenario.outage_hours:
        down |= (hours >= begin) & (hours < end)
    return [bool(value) for value in down]
