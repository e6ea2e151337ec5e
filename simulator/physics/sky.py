"""Where the sun stands and what a cloudless sky would give, per solar day, from pvlib on a 5-minute grid.

A solar day runs from midnight to midnight of the mean solar time of the longitude's hour zone: always 1,440 minutes,
without the steps of summer time, and midnight is dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

DAY_S = 86_400
MINUTES = np.arange(1_440)
_GRID_S = np.arange(0, DAY_S + 1, 300)
_GRID_MINUTES = _GRID_S / 60.0
_ALTITUDE_M = 60.0
_DELTA_T_S = 69.2
_REFRACTION_DEG = 0.5667

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SkyDay:
    """One solar day by the minute: the sun's direction (unit vector east, north, up) and clear-sky beam and global."""

    start_s: int  # epoch second of its midnight
    east: Floats
    north: Floats
    up: Floats  # cosine of the zenith; negative below the horizon
    clear_ghi_w_m2: Floats
    clear_dni_w_m2: Floats


def solar_offset_s(longitude: float) -> int:
    """Seconds by which the site's solar day runs ahead of UTC, in whole hours."""
    return round(longitude / 15.0) * 3_600


def solar_day(epoch_s: float, longitude: float) -> int:
    """The number of the solar day that `epoch_s` lies in."""
    return int((epoch_s + solar_offset_s(longitude)) // DAY_S)


@lru_cache(maxsize=256)
def sky_day(latitude: float, longitude: float, day: int) -> SkyDay:
    """The sky of one solar day (see the module). Method: NREL SPA; simplified Solis clear sky, both in pvlib."""
    from pvlib.clearsky import simplified_solis  # pvlib brings pandas: load it only where a sky is computed
    from pvlib.spa import solar_position

    start_s = day * DAY_S - solar_offset_s(longitude)
    position = solar_position(
        (start_s + _GRID_S).astype(np.float64),
        latitude,
        longitude,
        _ALTITUDE_M,
        1_010.0,
        15.0,
        _DELTA_T_S,
        _REFRACTION_DEG,
        numthreads=1,
    )
    elevation_deg = np.asarray(position[3], dtype=np.float64)
    azimuth = np.radians(np.asarray(position[4], dtype=np.float64))
    clear = simplified_solis(elevation_deg, aod700=0.1, precipitable_water=1.2)
    elevation = np.radians(elevation_deg)
    level = np.cos(elevation)
    above = elevation_deg > 0

    def by_minute(values: Floats) -> Floats:
        return np.interp(MINUTES, _GRID_MINUTES, values)

    return SkyDay(
        start_s=start_s,
        east=by_minute(level * np.sin(azimuth)),
        north=by_minute(level * np.cos(azimuth)),
        up=by_minute(np.sin(elevation)),
        clear_ghi_w_m2=by_minute(np.where(above, np.asarray(clear["ghi"]), 0.0)),
        clear_dni_w_m2=by_minute(np.where(above, np.asarray(clear["dni"]), 0.0)),
    )
