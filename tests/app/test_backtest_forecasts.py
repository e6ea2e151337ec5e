"""The forecasts of a plan back-test: a shipped model that left the home out is used in all of it."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np

from app.backtest_forecasts import IssuedForecasts
from energy.forecast.hours import DAY_S, HOUR_S, Hours
from energy.forecast.load import LoadPast, LoadSite, train
from energy.forecast.load_pooled import shipped
from energy.plan.problem import growing_steps
from energy.plan.simple_forecast import HourlySeries
from tests.energy.forecast.home import HOME, invented


def test_the_homes_own_load_model_corrects_the_shipped_model_that_it_is_used_with() -> None:
    past = invented(45)
    starts_s = past.power.starts_s
    noise = np.random.default_rng(5).uniform(0.0, 400.0, starts_s.size)
    load = Hours(starts_s, 500.0 + 900.0 * (starts_s // HOUR_S % 24 > 17) + noise)
    pooled = replace(shipped(), value=0.7 * shipped().value)
    zone = ZoneInfo("UTC")
    forecasts = IssuedForecasts(past.power, load, past.clearness, HOME, zone, pooled=pooled)
    now_s = int(starts_s[0]) + 44 * DAY_S
    forecasts(HourlySeries(int(starts_s[0]), past.power.values, load.values), growing_steps(now_s, 12))
    used = forecasts._load
    assert used is not None
    wanted, other = (train(LoadSite(zone), LoadPast(load), now_s, pooled=each).own for each in (pooled, None))
    assert used.own is not None
    assert wanted is not None
    assert other is not None
    assert np.array_equal(used.own.value, wanted.value)
    assert not np.array_equal(used.own.value, other.value)
