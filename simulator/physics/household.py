"""What the ranch draws without the miners: a base, morning and evening peaks, and appliances that come and go."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from simulator.physics.noise import generator, knots
from simulator.physics.scenario import Scenario
from simulator.physics.sky import MINUTES, Floats

_KNOT_MINUTES = np.arange(0, 1_441, 5)
_KNOT_PERSISTENCE = 0.85
_BASE_W = 310.0

# name, watts, minutes, chance on a weekday, chance on a weekend day, earliest and latest local start hour
_APPLIANCES: tuple[tuple[str, float, float, float, float, float, float], ...] = (
    ("well pump", 1_100.0, 35.0, 0.9, 0.9, 6.0, 9.0),
    ("well pump again", 1_100.0, 25.0, 0.5, 0.7, 16.0, 19.0),
    ("kettle", 1_800.0, 4.0, 0.9, 0.9, 6.3, 7.6),
    ("washing machine", 900.0, 50.0, 0.15, 0.6, 9.0, 15.0),
    ("dishwasher", 1_200.0, 55.0, 0.45, 0.6, 19.5, 21.5),
    ("oven", 2_200.0, 40.0, 0.5, 0.6, 17.3, 18.8),
    ("workshop", 1_400.0, 90.0, 0.2, 0.6, 9.5, 15.5),
    ("microwave", 1_300.0, 6.0, 0.6, 0.6, 11.8, 13.0),
)


def household_w(
    start_s: int, day: int, temperature_c: Floats, *, zone: ZoneInfo, seed: int, scenario: Scenario
) -> Floats:
    """The base load (W) by the minute of the solar day that starts at epoch second `start_s`.

    Habits follow the local clock, so they shift with summer time. `temperature_c` drives cooling and heating.
    """
    hours = local_hours(start_s, zone)
    weekend = datetime.fromtimestamp(start_s + 43_200, UTC).astimezone(zone).weekday() >= 5
    watts = np.full(MINUTES.shape, _BASE_W)
    watts += 520.0 * _bump(hours, 7.2 if not weekend else 8.6, 0.9)
    watts += 950.0 * _bump(hours, 19.3, 1.7)
    watts += (280.0 if weekend else 130.0) * _bump(hours, 13.0, 3.0)
    watts += 140.0 * (np.sin(2 * np.pi * (MINUTES + 7 * (day % 11)) / 47.0) > 0.25)  # fridge and freezer compressors
    awake = np.clip(_bump(hours, 15.0, 6.5) * 1.2, 0.15, 1.0)
    watts += 90.0 * np.clip(temperature_c - 25.0, 0.0, 12.0) * awake
    watts += 28.0 * np.clip(11.0 - temperature_c, 0.0, 12.0) * awake  # heat is mostly propane; this is its fans
    watts *= 1 + 0.12 * np.interp(MINUTES, _KNOT_MINUTES, knots(seed, "load_knots", day, _KNOT_PERSISTENCE))
    watts += _appliances(hours, seed, day, weekend)
    return np.maximum(watts * scenario.load_scale, 60.0)


def local_hours(start_s: int, zone: ZoneInfo) -> Floats:
    """Local clock hour (0 to 24) of each minute; offsets change on whole hours, so 24 look-ups are enough."""
    starts = start_s + 3_600 * np.arange(24)
    offsets = [(datetime.fromtimestamp(int(s), UTC).astimezone(zone).utcoffset()) for s in starts]
    offset_s = np.repeat([offset.total_seconds() if offset else 0.0 for offset in offsets], 60)
    hours: Floats = ((start_s + MINUTES * 60 + offset_s) % 86_400) / 3_600.0
    return hours


def _bump(hours: Floats, centre: float, width: float) -> Floats:
    distance = np.abs(hours - centre)
    distance = np.minimum(distance, 24.0 - distance)
    return np.exp(-0.5 * (distance / width) ** 2)


def _appliances(hours: Floats, seed: int, day: int, weekend: bool) -> Floats:
    random = generator(seed, "appliances", max(day, 0))
    watts = np.zeros(MINUTES.shape)
    for _, power_w, minutes, weekday_chance, weekend_chance, earliest, latest in _APPLIANCES:
        chance, where, stretch = random.random(3)
        if chance >= (weekend_chance if weekend else weekday_chance):
            continue
        begin = earliest + (latest - earliest) * where
        end = begin + minutes * (0.8 + 0.4 * stretch) / 60.0
        watts[(hours >= begin) & (hours < end)] += power_w
    return watts
