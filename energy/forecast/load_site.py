"""What the load forecast starts from: the place, its past, and what is put right in it first."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from energy.forecast.hours import NO_HOURS, Hours

SPIKE = 8.0  # times the 99th percentile: more is a meter that was reset, not a kettle
LEAST_SPIKE_W = 25_000.0
KEPT_DAYS = 730


@dataclass(frozen=True)
class LoadSite:
    """The zone whose days people live by; latitude north and longitude east (degrees), where known."""

    zone: ZoneInfo
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True)
class LoadPast:
    """What is known: base load (W, without miners and battery), and the temperature (°C) as it was forecast for each
    hour, past and to come."""

    power: Hours = NO_HOURS
    temperature_c: Hours = NO_HOURS


def checked_past(past: LoadPast) -> tuple[LoadPast, tuple[str, ...]]:
    """The past without what cannot be, and a note for each: load below 0, and the spike of a meter that was reset."""
    notes = []
    watts = past.power.values.copy()
    watts[~np.isfinite(watts)] = np.nan
    negative = watts < 0
    if negative.any():
        notes.append(f"{int(negative.sum())} hours of load below 0 W are left out (a meter the wrong way round?)")
        watts[negative] = np.nan
    known = watts[np.isfinite(watts)]
    if known.size:
        most = max(SPIKE * float(np.quantile(known, 0.99 if known.size >= 200 else 0.5)), LEAST_SPIKE_W)
        with np.errstate(invalid="ignore"):
            spike = watts > most
        if spike.any():
            notes.append(f"{int(spike.sum())} hours above {most / 1_000:.0f} kW are left out (a meter reset?)")
            watts[spike] = np.nan
    degrees = past.temperature_c.values
    believable = np.where((degrees > -60) & (degrees < 60), degrees, np.nan)
    return LoadPast(Hours(past.power.starts_s, watts), Hours(past.temperature_c.starts_s, believable)), tuple(notes)
