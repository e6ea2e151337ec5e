"""A forecast by day leans to what was measured today, and the less the further ahead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from energy.forecast.hours import DAY_S, HOUR_S, Hours
from energy.forecast.solar import SolarForecast, forecast
from energy.forecast.solar_today import leaning, ratio_today
from tests.energy.forecast.home import HOME, invented

PAST = invented(42)
MIDNIGHT_S = 1_700_035_200 + 40 * DAY_S  # in Los Angeles
TEN_S = MIDNIGHT_S + 10 * HOUR_S


def _after(times: float, issued_s: int = TEN_S) -> SolarForecast:
    """The forecast of that moment where the three hours before it brought so many times what they would have."""
    watts = np.where(PAST.power.starts_s >= issued_s - 3 * HOUR_S, times * PAST.power.values, PAST.power.values)
    return forecast(HOME, replace(PAST, power=Hours(PAST.power.starts_s, watts)), issued_s)


def test_a_dull_morning_lowers_the_next_hours_and_a_bright_one_raises_them() -> None:
    usual, dull, bright = _after(1.0), _after(0.3), _after(1.4)
    share = dull.band.p50[:6] / usual.band.p50[:6]
    assert share[0] < 0.75
    assert np.all(np.diff(share) > 0)
    assert share[5] > 0.9
    assert np.all(bright.band.p50[:3] > 1.05 * usual.band.p50[:3])
    assert np.allclose(dull.band.p50[20:], usual.band.p50[20:], rtol=0.08)  # tomorrow
    assert np.all(dull.band.p90[:3] < usual.band.p90[:3])
    assert any("the last hours brought" in note for note in dull.notes)
    assert not any("the last hours brought" in note for note in usual.notes)


def test_nothing_later_than_the_issue_is_leaned_to() -> None:
    known = replace(PAST, power=PAST.power.before(TEN_S))
    assert np.array_equal(forecast(HOME, known, TEN_S).band.p50, _after(1.0).band.p50)


def test_at_night_there_is_nothing_to_lean_to() -> None:
    assert np.array_equal(_after(0.2, MIDNIGHT_S).band.p50, _after(1.0, MIDNIGHT_S).band.p50)


def test_a_low_sun_or_nothing_known_moves_nothing() -> None:
    assert ratio_today(np.array([0.0, 0.0]), np.array([20.0, 40.0]), 4_000.0) > 0.9
    assert ratio_today(np.array([np.nan, np.nan]), np.array([900.0, 900.0]), 4_000.0) == 1.0
    assert ratio_today(np.array([0.0, 0.0]), np.array([2_000.0, 2_500.0]), 4_000.0) == pytest.approx(0.4)


def test_the_leaning_fades() -> None:
    factor = leaning(0.5, np.array([0.0, 3.0, 24.0]))
    assert factor[0] < 0.7 < factor[1] < 0.9 < factor[2] <= 1.0
