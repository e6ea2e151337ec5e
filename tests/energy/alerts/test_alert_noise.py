"""The figures that the alerts are held to."""

from __future__ import annotations

import pytest

from benchmarks.alert_noise import TO_BEAT, noise_table, thousand_sites


@pytest.mark.parametrize("seed", [1, 2])
def test_fifty_noisy_days_tell_each_true_dip_once_and_nothing_else(seed: int) -> None:
    table = noise_table(50, seed)
    assert table["ours"].per_day <= 1.0
    assert (table["ours"].most, table["ours"].missed) == (1, 0)
    for name, per_day in TO_BEAT.items():
        assert table[name].per_day == pytest.approx(per_day, rel=0.1), name


def test_a_thousand_sites_with_all_rules_take_little_of_a_minute() -> None:
    seconds, rules = thousand_sites(20, minutes=2)
    assert rules >= 20
    assert seconds * 50 < 0.3 * 60
