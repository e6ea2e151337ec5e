"""How far back a forecast looks: as far as its log and its panels need, however far ahead it is to reach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from energy.forecast.hours import DAY_S, HOUR_S, Hours
from energy.forecast.load_rows import DAYS_BACK as PROFILE_DAYS
from energy.forecast.member_log import KEPT_DAYS
from energy.forecast.solar import forecast, forecast_on, rehearse, train
from energy.forecast.solar_rows import FITTED_OVER_DAYS
from energy.forecast.solar_site import grid_for
from jobs.forecasting import DAYS
from tests.energy.forecast.home import HOME, invented


def test_a_week_ahead_is_weighed_by_the_same_errors_as_two_days_and_as_the_whole_past() -> None:
    past = invented(100)
    noise = np.random.default_rng(7).uniform(0.5, 1.3, past.power.values.size)
    past = replace(past, power=Hours(past.power.starts_s, past.power.values * noise))
    issued_s = int(past.power.starts_s[-1]) + HOUR_S - 8 * DAY_S
    model, log = train(HOME, past, issued_s), rehearse(HOME, past, issued_s, days=60)
    two_days = forecast(HOME, past, issued_s, model, log, hours=48)
    week = forecast(HOME, past, issued_s, model, log, hours=168)
    whole = forecast_on(grid_for(HOME, past, issued_s + 48 * HOUR_S), issued_s, model, log)
    assert len(two_days.weights) >= 4
    for other in (week, whole):
        assert other.weights == pytest.approx(dict(two_days.weights))
        assert np.allclose(other.band.p10[:24], two_days.band.p10[:24])
        assert np.allclose(other.band.p90[:24], two_days.band.p90[:24])


def test_as_many_days_are_loaded_as_the_errors_the_panels_and_the_profiles_need() -> None:
    assert max(KEPT_DAYS, FITTED_OVER_DAYS, 2 * PROFILE_DAYS) < DAYS
