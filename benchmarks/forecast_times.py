"""How long one site's forecasts and its nightly training take, on sixty invented days (no file is needed).

CPU time of one core, as the house gives it: other work on the machine then changes little.
"""

from __future__ import annotations

import time
from zoneinfo import ZoneInfo

import numpy as np

from energy.forecast.hours import DAY_S, Hours, Ints, hour_range
from energy.forecast.load import forecast as forecast_load
from energy.forecast.load import train as train_load
from energy.forecast.load_site import LoadPast, LoadSite
from energy.forecast.sky import Panel, prior_w, sky_over
from energy.forecast.solar import forecast as forecast_solar
from energy.forecast.solar import train as train_solar
from energy.forecast.solar_site import SolarPast, SolarSite

FIRST_S = 1_700_035_200
DAYS = 60
SITES = 50  # a thousand are twenty times as many


def times() -> dict[str, list[float]]:
    """Milliseconds of CPU of each run."""
    starts_s: Ints = hour_range(FIRST_S, 24 * (DAYS + 2))
    random = np.random.default_rng(0)
    clearness = np.clip(0.75 + 0.2 * random.standard_normal(starts_s.size), 0.05, 1.05)
    panels = (Panel(5.0, 25.0, 200.0),)
    watts = prior_w(sky_over(starts_s, 34.0, -117.0), panels, clearness)
    load_w = 500.0 + 300.0 * random.random(starts_s.size)
    issued_s = FIRST_S + DAYS * DAY_S
    known = starts_s < issued_s
    sun = SolarPast(Hours(starts_s[known], watts[known]), Hours(starts_s, clearness))
    home, load = LoadSite(ZoneInfo("America/Los_Angeles")), LoadPast(Hours(starts_s[known], load_w[known]))
    site = SolarSite(34.0, -117.0, panels)
    found: dict[str, list[float]] = {"nightly training of one site": [], "both forecasts of one site": []}
    began = time.process_time()
    solar_model, load_model = train_solar(site, sun, issued_s), train_load(home, load, issued_s)
    found["nightly training of one site"].append(1_000 * (time.process_time() - began))
    solar_log, load_log = None, None
    everything = time.process_time()
    for _ in range(SITES):
        began = time.process_time()
        solar_log = forecast_solar(site, sun, issued_s, solar_model, solar_log).log
        load_log = forecast_load(home, load, issued_s, load_model, load_log).log
        found["both forecasts of one site"].append(1_000 * (time.process_time() - began))
    found[f"1,000 sites (from {SITES})"] = [1_000 * (time.process_time() - everything) * 1_000 / SITES]
    return found
