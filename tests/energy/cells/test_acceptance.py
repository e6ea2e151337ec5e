from __future__ import annotations

import numpy as np
import pytest

from energy.cells.acceptance import Acceptance, acceptance
from energy.cells.estimate import CannotTell
from tests.energy.cells.banks import bank, series


@pytest.mark.parametrize("taper_from_pct", [80.0, 88.0, 94.0])
def test_the_level_from_which_charging_slows_is_found(taper_from_pct: float) -> None:
    seen = bank(taper_from_pct=taper_from_pct, usable_kwh=20.0)
    found = acceptance(seen.soc, seen.charge_w, seen.surplus_w)
    assert isinstance(found, Acceptance)
    assert found.taper_from_pct == pytest.approx(taper_from_pct, abs=2.5)
    assert found.taper_end_w == pytest.approx(800, abs=450)
    assert found.charge_w == pytest.approx(6_000, rel=0.05)


def test_a_bank_that_takes_the_same_to_the_end_has_no_bend() -> None:
    seen = bank(taper_from_pct=100.0, usable_kwh=20.0)
    found = acceptance(seen.soc, seen.charge_w, seen.surplus_w)
    assert isinstance(found, Acceptance)
    assert found.taper_from_pct == 100.0
    assert found.taper_end_w == found.charge_w


def test_one_day_and_unknown_surplus_cannot_tell() -> None:
    seen = bank()
    day = seen.first_days(1)
    short = acceptance(day.soc, day.charge_w, day.surplus_w)
    assert isinstance(short, CannotTell)
    assert "on 3 days are needed" in short.because
    blind = acceptance(seen.soc, seen.charge_w)
    assert isinstance(blind, CannotTell)
    assert "little sun" in blind.because
    nothing = series(np.full(seen.soc.times.size, np.nan))
    for args in (
        (nothing, seen.charge_w, seen.surplus_w),
        (seen.soc, nothing, seen.surplus_w),
        (seen.soc, seen.soc, nothing),
    ):
        assert isinstance(acceptance(*args), CannotTell)


def test_slow_charging_for_want_of_sun_is_not_taken_for_a_full_battery() -> None:
    seen = bank()
    little = series(np.maximum(seen.charge_w.values, 0) * 1.01)
    assert isinstance(acceptance(seen.soc, seen.charge_w, little), CannotTell)
