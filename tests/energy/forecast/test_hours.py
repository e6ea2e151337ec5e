from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pytest

from energy.forecast.hours import Hours, hour_range, hours_from, local_day, local_hour


def test_hours_must_be_full_hours_that_rise() -> None:
    with pytest.raises(ValueError, match="full UTC hours"):
        Hours(np.array([3_600, 5_000]), np.zeros(2))
    with pytest.raises(ValueError, match="each later"):
        Hours(np.array([7_200, 3_600]), np.zeros(2))
    with pytest.raises(ValueError, match="one value per hour"):
        Hours(np.array([3_600]), np.zeros(2))


def test_an_hour_that_is_not_there_is_unknown() -> None:
    hours = Hours(np.array([3_600, 10_800]), np.array([1.0, 3.0]))
    assert np.array_equal(hours.at(np.array([0, 3_600, 7_200, 10_800])), [np.nan, 1.0, np.nan, 3.0], equal_nan=True)


def test_before_a_moment_only_hours_that_are_over_are_known() -> None:
    hours = Hours(hour_range(0, 5), np.arange(5.0))
    assert hours.before(7_200).values.tolist() == [0.0, 1.0]
    assert hours.before(7_199).values.tolist() == [0.0]
    assert hours.since(7_200).values.tolist() == [2.0, 3.0, 4.0]


def test_an_hour_that_comes_twice_is_one_with_the_mean() -> None:
    hours = hours_from([(7_200, 4.0), (3_600, 1.0), (7_200, 2.0), (3_600, float("nan"))])
    assert hours.starts_s.tolist() == [3_600, 7_200]
    assert hours.values.tolist() == [1.0, 3.0]


def test_a_day_on_which_the_clock_is_set_back_has_one_o_clock_twice() -> None:
    zone = ZoneInfo("America/Los_Angeles")
    day = hour_range(1_478_415_600, 26)  # 2016-11-06T00:00 local
    assert local_hour(day, zone).tolist() == [0, 1, 1, *range(2, 24), 0]
    assert np.unique(local_day(day, zone), return_counts=True)[1].tolist() == [25, 1]
