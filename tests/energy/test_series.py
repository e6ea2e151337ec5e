"""Series maths against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from energy.rollup import hourly_rollups
from energy.series import (
    Series,
    covered_s,
    crossings,
    energy_kwh,
    extreme,
    prefer_series,
    seconds_above,
    sum_series,
    time_weighted_mean,
)

START = 1_700_000_000 // 3600 * 3600


def _series(values: list[float], step_s: int = 300, start: int = START, source: str = "a") -> Series:
    times = start + np.arange(len(values), dtype=np.int64) * step_s
    return Series(times, np.array(values, dtype=np.float64), float(step_s), source)


def test_on_even_rows_the_mean_is_the_arithmetic_mean() -> None:
    values = [3.0, 7.0, 1.0, 12.5, 8.0]
    assert time_weighted_mean(_series(values), START, START + 1500) == pytest.approx(sum(values) / 5)


def test_a_row_counts_as_long_as_it_stands() -> None:
    rows = Series(np.array([0, 60, 180], np.int64), np.array([10.0, 40.0, 10.0]), 60.0, "a")
    assert time_weighted_mean(rows, 0, 240) == pytest.approx((10 * 60 + 40 * 120 + 10 * 60) / 240)


def test_a_gap_is_left_out_and_not_filled() -> None:
    rows = Series(np.array([0, 300, 6000, 6300], np.int64), np.array([1000.0, 1000.0, 0.0, 0.0]), 300.0, "a")
    assert covered_s(rows, 0, 6600) == 1200
    assert energy_kwh(rows, 0, 6600) == pytest.approx(1000 * 600 / 3.6e6)


def test_import_and_export_are_told_apart() -> None:
    rows = _series([1200.0, 1200.0, -600.0, -600.0], step_s=900)
    assert energy_kwh(rows, START, START + 3600) == pytest.approx(0.3)
    assert energy_kwh(rows, START, START + 3600, "positive") == pytest.approx(0.6)
    assert energy_kwh(rows, START, START + 3600, "negative") == pytest.approx(0.3)


def test_nothing_known_is_none_and_not_zero() -> None:
    nothing = _series([float("nan")] * 3)
    assert energy_kwh(nothing, START, START + 900) is None
    assert time_weighted_mean(nothing, START, START + 900) is None
    assert extreme(nothing, START, START + 900, "max") is None


def test_the_first_of_equal_extremes_is_told() -> None:
    found = extreme(_series([1.0, 9.0, 9.0, 2.0]), START, START + 1200, "max")
    assert found is not None
    assert (found.value, found.at_s) == (9.0, START + 300)


def test_a_threshold_is_passed_up_and_down_at_the_first_row_on_the_other_side() -> None:
    found = crossings(_series([2400.0, 2500.0, 2600.0, 2499.0]), 2500, START, START + 1200)
    assert [(c.at_s - START, c.rising) for c in found] == [(300, True), (900, False)]


def test_no_passage_is_claimed_across_a_gap() -> None:
    rows = Series(np.array([0, 300, 6000], np.int64), np.array([100.0, 100.0, 5000.0]), 300.0, "a")
    assert crossings(rows, 2500, 0, 7000) == []


def test_the_row_before_the_window_lets_a_passage_at_its_start_be_seen() -> None:
    rows = _series([100.0, 5000.0, 5000.0])
    assert [c.at_s for c in crossings(rows, 2500, START + 300, START + 900)] == [START + 300]


def test_time_above_counts_rows_at_the_threshold() -> None:
    assert seconds_above(_series([80.0, 79.9, 90.0]), 80, START, START + 900) == 600


def test_a_second_source_fills_only_the_gaps_of_the_first() -> None:
    first = Series(np.array([0, 300, 3000, 3300], np.int64), np.array([1.0, 1.0, 1.0, 1.0]), 300.0, "a")
    second = Series(np.arange(0, 3600, 300, dtype=np.int64), np.full(12, 2.0), 300.0, "b")
    merged = prefer_series([first, second])
    assert merged.source == "a+b"
    at = dict(zip(merged.times.tolist(), merged.values.tolist(), strict=True))
    assert at[0] == at[300] == at[3000] == 1.0
    assert at[1500] == 2.0
    assert len(at) == merged.times.size


def test_a_sum_is_unknown_where_a_part_is_missing() -> None:
    whole = _series([10.0, 10.0, 10.0, 10.0, 10.0, 10.0])
    half = _series([5.0, 5.0], source="b")
    total = sum_series([whole, half])
    assert total.values[:2].tolist() == [15.0, 15.0]
    assert np.isnan(total.values[-1])
    assert sum_series([whole, Series(np.empty(0, np.int64), np.empty(0), 300.0, "c")]).times.size == 0


def test_rollups_add_up_to_the_rows() -> None:
    generator = np.random.default_rng(7)
    values = generator.normal(0, 2000, 400).tolist()
    rows = _series(values, step_s=300)
    hours = hourly_rollups(rows.times, rows.values, 300.0)
    total = sum(h.mean * h.covered_s for h in hours) / 3.6e6
    assert total == pytest.approx(energy_kwh(rows, START, START + 400 * 300))
    assert max(h.maximum for h in hours) == pytest.approx(max(values))
    assert all(h.minimum_at_s // 3600 * 3600 == h.start_s for h in hours)
    assert sum((h.positive_mean - h.negative_mean) * h.covered_s for h in hours) / 3.6e6 == pytest.approx(total)


def test_times_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ValueError, match="rise strictly"):
        Series(np.array([2, 1], np.int64), np.array([0.0, 0.0]), 60.0, "a")
