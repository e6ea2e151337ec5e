"""Personal SOC limits are the stricter of two, whatever both say."""

from __future__ import annotations

import pytest

from energy.own_limits import limits_for
from energy.preferences import Preferences
from energy.site import Limits, Site

LEVELS = [(0, 5, 100), (20, 30, 95), (30, 40, 80), (50, 85, 95), (85, 90, 100)]


def test_a_persons_stricter_limits_hold_and_looser_ones_do_not() -> None:
    site = Site(id="ranch", limits=Limits(min_soc_pct=30, safe_min_soc_pct=40, safe_max_soc_pct=80))
    strict = Preferences(min_soc_pct=35, safe_min_soc_pct=45, safe_max_soc_pct=75, miner_min_soc_pct=60)
    loose = Preferences(min_soc_pct=5, safe_min_soc_pct=10, safe_max_soc_pct=99, miner_min_soc_pct=6)
    found = limits_for(strict, site)
    assert (found.min_soc_pct, found.safe_min_soc_pct, found.safe_max_soc_pct) == (35, 45, 75)
    assert found.miner_min_soc_pct == 60
    assert limits_for(loose, site) == site.limits


def test_of_two_safe_ranges_with_nothing_in_common_the_higher_holds() -> None:
    site = Site(id="ranch", limits=Limits(min_soc_pct=30, safe_min_soc_pct=40, safe_max_soc_pct=80))
    found = limits_for(Preferences(safe_min_soc_pct=85, safe_max_soc_pct=95), site)
    assert (found.safe_min_soc_pct, found.safe_max_soc_pct) == (85, 95)


@pytest.mark.parametrize("theirs", LEVELS)
@pytest.mark.parametrize("owners", LEVELS)
def test_the_order_of_the_limits_holds_whatever_both_say(
    owners: tuple[float, float, float], theirs: tuple[float, float, float]
) -> None:
    low, safe, high = owners
    limits = Limits(min_soc_pct=low, safe_min_soc_pct=safe, safe_max_soc_pct=high, miner_min_soc_pct=max(low, 50))
    low, safe, high = theirs
    own = Preferences(min_soc_pct=low, safe_min_soc_pct=safe, safe_max_soc_pct=high, miner_min_soc_pct=max(low, 50))
    found = limits_for(own, Site(id="ranch", limits=limits))  # the model refuses what is out of order
    assert found.min_soc_pct >= limits.min_soc_pct
    assert found.safe_min_soc_pct >= limits.safe_min_soc_pct
    assert found.miner_min_soc_pct >= limits.miner_min_soc_pct
