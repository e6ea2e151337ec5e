"""Sixty days of a Californian home (see LICENCE-DATA.md), and an invented plant under an invented sky."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

import numpy as np

from energy.forecast.hours import Hours, Ints, hour_range
from energy.forecast.sky import Panel, prior_w, sky_over
from energy.forecast.solar_site import SolarPast, SolarSite

FILE = Path(__file__).with_name("home_60_days.csv")
HOME = SolarSite(34.09, -117.43, (Panel(4.0),))
DAY_S = 86_400


def home_past() -> SolarPast:
    """Power (W) and forecast clearness of the home."""
    with FILE.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    starts_s = np.array([int(datetime.fromisoformat(row["ts"]).timestamp()) for row in rows])
    power = np.array([float(row["pv_kw"]) * 1_000 for row in rows])
    return SolarPast(Hours(starts_s, power), Hours(starts_s, np.array([float(row["k_fc"]) for row in rows])))


def invented(
    days: int, *, site: SolarSite = HOME, real: Panel | None = None, start_s: int = 1_700_035_200
) -> SolarPast:
    """A plant that gives exactly what physics says under a sky that changes from day to day; two more days of sky."""
    starts_s: Ints = hour_range(1_700_035_200, 24 * (days + 2))
    clearness = 0.55 + 0.4 * np.sin(np.arange(starts_s.size) // 24 * 2.1) ** 2
    panels = (real,) if real is not None else HOME.panels
    watts = prior_w(sky_over(starts_s, HOME.latitude, HOME.longitude), panels, clearness)
    return SolarPast(Hours(starts_s[: 24 * days], watts[: 24 * days]), Hours(starts_s, clearness))


def accuracy(said: np.ndarray, came: np.ndarray) -> float:
    """1 - sum of absolute errors over what came."""
    return 1 - float(np.abs(said - came).sum() / came.sum())
