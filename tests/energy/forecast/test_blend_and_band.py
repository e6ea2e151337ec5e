from __future__ import annotations

import numpy as np

from energy.forecast.blend import blended, weights
from energy.forecast.conformal import PastErrors, band

AGE = np.linspace(0.0, 30.0, 200)


def test_the_member_with_the_smaller_recent_error_weighs_more() -> None:
    share = weights({"good": np.full(200, 100.0), "bad": np.full(200, 150.0)}, AGE)
    assert share["good"] > 0.95
    assert abs(sum(share.values()) - 1) < 1e-9


def test_recent_errors_count_more_than_old_ones() -> None:
    improved = np.where(AGE < 7, 50.0, 200.0)
    worsened = np.where(AGE < 7, 200.0, 50.0)
    share = weights({"improved": improved, "worsened": worsened}, AGE, half_life_days=3)
    assert share["improved"] > share["worsened"]


def test_members_without_a_past_share_alike() -> None:
    assert weights({"a": np.full(5, np.nan), "b": np.full(5, 1.0)}, AGE[:5]) == {"a": 0.5, "b": 0.5}


def test_a_new_member_is_neither_trusted_nor_shut_out() -> None:
    share = weights({"a": np.full(200, 100.0), "b": np.full(200, 120.0), "new": np.full(200, np.nan)}, AGE)
    assert share["b"] < share["new"] < share["a"]


def test_where_a_member_says_nothing_the_others_share_its_weight() -> None:
    mixed = blended({"a": np.array([10.0, np.nan]), "b": np.array([20.0, 30.0])}, {"a": 0.5, "b": 0.5})
    assert mixed.tolist() == [15.0, 30.0]


def test_the_band_covers_eight_of_ten_hours_of_each_group() -> None:
    chance = np.random.default_rng(1)
    groups = chance.integers(0, 3, 4_000)
    errors = chance.normal(0, 1, 4_000) * (1 + groups) * 100
    past = PastErrors(errors[:2_000], np.ones(2_000), groups[:2_000], np.linspace(0, 59, 2_000))
    p10, p90 = band(np.zeros(2_000), np.ones(2_000), groups[2_000:], past, default=(-1.0, 1.0))
    inside = (errors[2_000:] >= p10) & (errors[2_000:] <= p90)
    for group in range(3):
        assert 0.75 < inside[groups[2_000:] == group].mean() < 0.86


def test_without_a_past_the_band_is_the_default_in_scales() -> None:
    nothing = PastErrors(np.empty(0), np.empty(0), np.empty(0, dtype=np.int64), np.empty(0))
    p10, p90 = band(np.array([100.0]), np.array([50.0]), np.array([0]), nothing, default=(-0.4, 0.2))
    assert (p10[0], p90[0]) == (80.0, 110.0)


def test_the_band_never_crosses_the_middle() -> None:
    past = PastErrors(np.full(50, 500.0), np.ones(50), np.zeros(50, dtype=np.int64), np.ones(50))
    p10, p90 = band(np.array([100.0]), np.ones(1), np.zeros(1, dtype=np.int64), past, default=(0, 0))
    assert p10[0] <= 100.0 <= p90[0]
