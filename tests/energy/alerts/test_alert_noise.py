"""The figures that the alerts are held to."""

from __future__ import annotations

import pytest

from benchmarks.alert_noise import noise_table, thousand_sites


@pytest.mark.parametrize("seed", [1, 2])
def test_fifty_noisy_days_tell_each_true_dip_once_and_nothing_else(seed: int) -> None:
    table = noise_table(50, seed)
    assert table["ours"].per_day <= 1.0
    assert (table["ours"].most, table["ours"].missed) == (1, 0)
    assert table["naive threshold"].per_day > 20
    assert table["naive threshold"].per_day > table["for 5 min"].per_day > table["hysteresis 3 %"].per_day


def test_a_thousand_sites_with_all_rules_take_little_of_a_minute() -> None:
    seconds, rules = thousand_sites(20, minutes=2)
    assert rules >= 20
    assert seconds * 50 < 0.3 * 60
