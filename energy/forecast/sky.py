"""The sun and the clear sky of a place by the hour, and what an array gives under a sky of some clearness.

Sun: NREL SPA. Clear sky: Ineichen with climatological turbidity. Split of global irradiance: Erbs. Plane of the array:
Hay and Davies. All from pvlib; an hour is the mean of its parts, since a low sun moves a lot in one.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from energy.forecast.hours import DAY_S, HOUR_S, Floats, Ints

PARTS = 4
PERFORMANCE = (
    0.83  # of the rating at 25 degrees: wiring, dirt, mismatch, inverter (PVWatts: 14 % losses, 96 % inverter)
)
LOSS_PER_K = 0.004  # of the power, per kelvin of the cells above 25 degrees
HEATING_K_M2_W = 0.03  # cells over the air, per W/m2 in their plane
FROST_BELOW_C = 7.0  # of the season's air by day
CLEAREST = 1.1
USUAL_CLEARNESS = 0.75  # where no forecast and no history says anything
UNKNOWN_TILT_DEG = 20.0  # a roof's usual pitch
ALBEDO = 0.2
YEAR_S = 365.2425 * DAY_S
_DELTA_T_S, _REFRACTION_DEG, _PRESSURE_HPA, _TEMPERATURE_C = 70.0, 0.5667, 1_010.0, 15.0


@dataclass(frozen=True)
class Panel:
    """An array: rating, tilt from level, compass azimuth. Unknown tilt or azimuth: a roof that faces the equator."""

    kwp: float
    tilt_deg: float | None = None
    azimuth_deg: float | None = None
    name: str = "array"


@dataclass(frozen=True)
class Sky:
    """Per hour (n) and part of it (n, PARTS); `starts_s` as given. Angles in degrees, irradiance in W/m2."""

    latitude: float
    starts_s: Ints
    elevation_deg: Floats  # mid-hour
    azimuth_deg: Floats  # mid-hour
    clear_ghi: Floats  # the hour's mean
    part_zenith_deg: Floats
    part_azimuth_deg: Floats
    part_clear_ghi: Floats
    part_extra_dni: Floats

    @property
    def day(self) -> NDArray[np.bool_]:
        """The hours with the sun above the horizon at some time."""
        up: NDArray[np.bool_] = self.clear_ghi > 0.0
        return up

    def of(self, chosen: NDArray[np.bool_] | Ints | slice) -> Sky:
        """The sky of some of the hours."""
        return Sky(
            self.latitude,
            self.starts_s[chosen],
            self.elevation_deg[chosen],
            self.azimuth_deg[chosen],
            self.clear_ghi[chosen],
            self.part_zenith_deg[chosen],
            self.part_azimuth_deg[chosen],
            self.part_clear_ghi[chosen],
            self.part_extra_dni[chosen],
        )


def sky_over(starts_s: Ints, latitude: float, longitude: float) -> Sky:
    """The sky of those hours. Latitude north and longitude east are positive (degrees)."""
    from pandas import to_datetime
    from pvlib.atmosphere import alt2pres, get_absolute_airmass, get_relative_airmass
    from pvlib.clearsky import ineichen, lookup_linke_turbidity
    from pvlib.irradiance import get_extra_radiation
    from pvlib.location import lookup_altitude
    from pvlib.spa import solar_position

    starts_s = np.asarray(starts_s, dtype=np.int64)
    part_s = HOUR_S / PARTS
    moments = (starts_s[:, None] + part_s * (np.arange(PARTS) + 0.5)).astype(np.float64)
    # the middle of the hour comes along as one more column
    looked = np.hstack([moments, (starts_s[:, None] + HOUR_S / 2).astype(np.float64)])
    position = solar_position(
        looked.ravel(),
        latitude,
        longitude,
        0.0,
        _PRESSURE_HPA,
        _TEMPERATURE_C,
        _DELTA_T_S,
        _REFRACTION_DEG,
        numthreads=1,
    )
    apparent_zenith, elevation, azimuth = (np.asarray(position[row]).reshape(looked.shape) for row in (0, 3, 4))
    days, which = np.unique(starts_s // DAY_S, return_inverse=True)
    dates = to_datetime(days * DAY_S, unit="s", utc=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pvlib uses names that pandas will drop
        turbidity = np.asarray(lookup_linke_turbidity(dates, latitude, longitude))[which]
        extra = np.asarray(get_extra_radiation(dates))[which]
    zenith = apparent_zenith[:, :PARTS]
    part_extra = np.broadcast_to(extra[:, None], zenith.shape)
    altitude_m = float(lookup_altitude(latitude, longitude))
    relative = get_relative_airmass(np.minimum(zenith, 90.0))
    airmass = get_absolute_airmass(relative, alt2pres(altitude_m))
    with np.errstate(divide="ignore"):  # one over the square of the sun's height, at the horizon
        clear = ineichen(zenith, airmass, turbidity[:, None], altitude=altitude_m, dni_extra=part_extra)
    part_ghi = np.where(zenith < 90.0, np.nan_to_num(np.asarray(clear["ghi"])), 0.0)
    return Sky(
        latitude,
        starts_s,
        elevation[:, PARTS],
        azimuth[:, PARTS],
        part_ghi.mean(axis=1),
        zenith,
        azimuth[:, :PARTS],
        part_ghi,
        part_extra,
    )


def plane_w_m2(sky: Sky, clearness: Floats, tilt_deg: float, azimuth_deg: float) -> Floats:
    """The mean irradiance in a plane (W/m2) per hour under a sky of that clearness (global over clear-sky global)."""
    from pvlib.irradiance import erbs, get_total_irradiance

    found = np.zeros(sky.starts_s.shape)
    up = sky.day
    if not up.any():
        return found
    lit = sky.of(up)
    ghi = np.clip(clearness[up], 0.0, CLEAREST)[:, None] * lit.part_clear_ghi
    day_of_year = (lit.starts_s % YEAR_S / DAY_S + 1)[:, None]
    split = erbs(ghi, lit.part_zenith_deg, np.broadcast_to(day_of_year, ghi.shape))
    total = get_total_irradiance(
        tilt_deg,
        azimuth_deg,
        lit.part_zenith_deg,
        lit.part_azimuth_deg,
        split["dni"],
        ghi,
        split["dhi"],
        dni_extra=lit.part_extra_dni,
        albedo=ALBEDO,
        model="haydavies",
    )["poa_global"]
    found[up] = np.nan_to_num(np.asarray(total)).clip(min=0.0).mean(axis=1)
    return found


def prior_w(sky: Sky, panels: tuple[Panel, ...], clearness: Floats) -> Floats:
    """What the panels give (W) by their rating and geometry alone, NaN clearness taken as the usual one."""
    known = np.where(np.isfinite(clearness), clearness, USUAL_CLEARNESS)
    total = np.zeros(sky.starts_s.shape)
    for panel in panels:
        tilt = UNKNOWN_TILT_DEG if panel.tilt_deg is None else panel.tilt_deg
        azimuth = equator_deg(sky.latitude) if panel.azimuth_deg is None else panel.azimuth_deg
        plane = plane_w_m2(sky, known, tilt, azimuth)
        total += panel.kwp * PERFORMANCE * plane * heat_factor(sky, plane)
    return np.minimum(total, sum(panel.kwp for panel in panels) * 1_000.0)


def heat_factor(sky: Sky, plane: Floats) -> Floats:
    """What is left of the power (about 1) where the cells are as warm as the season's air and the sun make them."""
    air_c = usual_air_c(sky.latitude, sky.starts_s)
    factor: Floats = 1.0 - LOSS_PER_K * (air_c + HEATING_K_M2_W * plane - 25.0)
    return factor


def usual_air_c(latitude: float, starts_s: Ints) -> Floats:
    """The air by day as a mean of the climate: 27 degrees near the equator, 0.4 less per degree of latitude beyond 10,
    the seasons 0.28 per degree to either side, warmest three to four weeks after midsummer."""
    turn = np.cos(2 * np.pi * (np.asarray(starts_s) % YEAR_S / YEAR_S - 200 / 365))
    season = turn if latitude >= 0 else -turn
    found: Floats = 27.0 - 0.4 * max(abs(latitude) - 10.0, 0.0) + 0.28 * abs(latitude) * season
    return found


def frost_is_usual(latitude: float, moment_s: int) -> bool:
    """Whether snow is no surprise: the season's air by day is so cold that nights freeze."""
    return bool(usual_air_c(latitude, np.array([moment_s]))[0] < FROST_BELOW_C)


def equator_deg(latitude: float) -> float:
    """The compass azimuth that faces the equator."""
    return 180.0 if latitude >= 0 else 0.0
