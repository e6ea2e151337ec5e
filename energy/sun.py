"""Sunrise and sunset, for "last night" and "today so far", and where the sun stands, without a heavy library.

Method: NOAA's solar calculator (Meeus, Astronomical Algorithms, low-precision form), good to about a minute below
72 degrees of latitude; the upper limb at the horizon with refraction (zenith 90.833 degrees).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import acos, asin, atan2, cos, degrees, radians, sin, tan

_ZENITH_DEG = 90.833
_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


def sunrise_sunset(day: date, latitude: float, longitude: float) -> tuple[datetime, datetime] | None:
    """Sunrise and sunset (UTC) of the solar day whose noon falls on `day`; None in polar day or night.

    Latitude north and longitude east are positive, in degrees.
    """
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - timedelta(minutes=4 * longitude)
    rise, fall = _event(noon, latitude, -1), _event(noon, latitude, +1)
    if rise is None or fall is None:
        return None
    return rise, fall


def sun_position(moment: datetime, latitude: float, longitude: float) -> tuple[float, float]:
    """Elevation above the horizon and compass azimuth of the sun's centre (degrees) at `moment` (aware UTC).

    Without refraction; good to about 0.01 degrees.
    """
    equation_min, declination = _equation_of_time(moment)
    utc = moment.astimezone(UTC)
    day_min = utc.hour * 60 + utc.minute + utc.second / 60
    hour_angle = radians((day_min + equation_min + 4 * longitude) / 4 - 180)
    north = radians(latitude)
    sin_elevation = sin(north) * sin(declination) + cos(north) * cos(declination) * cos(hour_angle)
    azimuth = atan2(
        -sin(hour_angle) * cos(declination),
        cos(north) * sin(declination) - sin(north) * cos(declination) * cos(hour_angle),
    )
    return degrees(asin(max(-1.0, min(sin_elevation, 1.0)))), degrees(azimuth) % 360


def _event(noon: datetime, latitude: float, side: int) -> datetime | None:
    moment = noon
    for _ in range(2):  # the second pass uses the declination at the event itself
        equation_min, declination = _equation_of_time(moment)
        cos_hour_angle = cos(radians(_ZENITH_DEG)) / (cos(radians(latitude)) * cos(declination)) - tan(
            radians(latitude)
        ) * tan(declination)
        if abs(cos_hour_angle) > 1:
            return None
        offset_min = side * degrees(acos(cos_hour_angle)) * 4 - equation_min
        moment = noon + timedelta(minutes=offset_min)
    return moment.replace(microsecond=0)


def _equation_of_time(moment: datetime) -> tuple[float, float]:
    """The equation of time in minutes and the sun's declination in radians."""
    century = (moment - _J2000).total_seconds() / 86400 / 36525
    mean_longitude = radians((280.46646 + century * (36000.76983 + century * 0.0003032)) % 360)
    anomaly = radians(357.52911 + century * (35999.05029 - 0.0001537 * century))
    eccentricity = 0.016708634 - century * (0.000042037 + 0.0000001267 * century)
    centre = (
        sin(anomaly) * (1.914602 - century * (0.004817 + 0.000014 * century))
        + sin(2 * anomaly) * (0.019993 - 0.000101 * century)
        + sin(3 * anomaly) * 0.000289
    )
    node = radians(125.04 - 1934.136 * century)
    apparent_longitude = mean_longitude + radians(centre - 0.00569 - 0.00478 * sin(node))
    obliquity = radians(23.4392911 - 0.0130042 * century + 0.00256 * cos(node))
    declination = asin(sin(obliquity) * sin(apparent_longitude))
    half = tan(obliquity / 2) ** 2
    equation = (
        half * sin(2 * mean_longitude)
        - 2 * eccentricity * sin(anomaly)
        + 4 * eccentricity * half * sin(anomaly) * cos(2 * mean_longitude)
        - 0.5 * half**2 * sin(4 * mean_longitude)
        - 1.25 * eccentricity**2 * sin(2 * anomaly)
    )
    return degrees(equation) * 4, declination
