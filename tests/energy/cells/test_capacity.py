from __future__ import annotations

import numpy as np
import pytest

from energy.cells.capacity import Capacity, capacity, capacity_by_month
from energy.cells.estimate import CannotTell
from energy.series import Series
from tests.energy.cells.banks import START_S, STEP_S, Bank, bank, series

BANK = bank()


def told(soc: Series, charge_w: Series) -> Capacity:
    found = capacity(soc, charge_w)
    assert isinstance(found, Capacity), found
    return found


def refused(soc: Series, charge_w: Series) -> str:
    found = capacity(soc, charge_w)
    assert isinstance(found, CannotTell)
    return found.because


def test_capacity_and_round_trip_are_found_within_their_error_bars() -> None:
    found = told(BANK.soc, BANK.charge_w)
    assert found.usable_kwh.value == pytest.approx(28.0, rel=0.02)
    assert found.usable_kwh.low < 28.0 < found.usable_kwh.high
    assert found.round_trip.value == pytest.approx(0.95**2, rel=0.02)
    assert found.round_trip.low < 0.95**2 < found.round_trip.high


@pytest.mark.parametrize(("usable_kwh", "efficiency"), [(10.0, 0.97), (60.0, 0.92)])
def test_other_banks_are_found_too(usable_kwh: float, efficiency: float) -> None:
    other = bank(90, usable_kwh, efficiency, seed=3)
    found = told(other.soc, other.charge_w)
    assert found.usable_kwh.value == pytest.approx(usable_kwh, rel=0.03)
    assert found.round_trip.value == pytest.approx(efficiency**2, rel=0.03)


def test_one_day_is_too_little_and_says_what_is_needed() -> None:
    day = BANK.first_days(1)
    assert "5 each way are needed" in refused(day.soc, day.charge_w)


def test_a_level_that_stands_still_is_refused() -> None:
    still = series(np.full(BANK.soc.times.size, 80.0))
    assert refused(still, BANK.charge_w) == "The level moved by 0 % in all; a swing of 20 % is needed."


def test_nothing_known_is_refused() -> None:
    nothing = series(np.full(BANK.soc.times.size, np.nan))
    assert "not known" in refused(nothing, BANK.charge_w)
    assert "not known" in refused(BANK.soc, nothing)
    assert "not known" in refused(series([]), series([]))


def test_a_wrong_sign_is_named() -> None:
    swapped = Series(BANK.charge_w.times, -BANK.charge_w.values, STEP_S, "bank")
    assert "sign of its power is wrong" in refused(BANK.soc, swapped)


def test_a_meter_reset_is_left_out_and_said() -> None:
    watts = BANK.charge_w.values.copy()
    watts[[700, 3_000, 9_000]] = [4e6, -3e6, 9e5]
    found = told(BANK.soc, series(watts))
    assert found.usable_kwh.value == pytest.approx(28.0, rel=0.02)
    assert "3 rows of battery power are spikes" in found.notes[0]


def test_gaps_are_not_counted_as_no_power() -> None:
    keep = np.ones(BANK.charge_w.times.size, dtype=bool)
    for start in range(200, keep.size, 1_440):  # four hours in each five days
        keep[start : start + 48] = False
    holed = Series(BANK.charge_w.times[keep], BANK.charge_w.values[keep], STEP_S, "bank")
    assert told(BANK.soc, holed).usable_kwh.value == pytest.approx(28.0, rel=0.02)


def jumping(jumps: int) -> Series:
    dice = np.random.default_rng(5)
    offset = np.zeros(BANK.soc.times.size)
    offset[dice.choice(offset.size, jumps, replace=False)] = 20.0
    return series(np.clip(BANK.soc.values + np.cumsum(offset) % 40, 0, 100))


def test_a_few_jumps_of_the_level_are_left_out() -> None:
    assert told(jumping(12), BANK.charge_w).usable_kwh.value == pytest.approx(28.0, rel=0.03)


def test_a_level_that_jumps_without_energy_again_and_again_is_refused() -> None:
    assert "drifts; let the battery monitor synchronise" in refused(jumping(300), BANK.charge_w)


def test_swings_that_disagree_are_refused() -> None:
    days = (BANK.soc.times - START_S) // 86_400
    wild = 60 + (BANK.soc.values - 60) * np.where(days % 3 == 0, 0.5, np.where(days % 3 == 1, 1.0, 0.3))
    assert "differ by" in refused(series(np.round(wild)), BANK.charge_w)


def test_more_out_than_in_is_refused() -> None:
    watts = np.where(BANK.charge_w.values > 0, 0.6, 1.0) * BANK.charge_w.values
    assert "which no battery does" in refused(BANK.soc, series(watts))


def test_months_follow_a_bank_that_fades() -> None:
    fading: Bank = bank(300, fades_per_day=0.0005)
    months = capacity_by_month(told(fading.soc, fading.charge_w))
    values = [estimate.value for _, estimate in months]
    assert len(months) >= 9
    assert values[0] == pytest.approx(28 * 0.994, rel=0.015)
    assert values[-1] == pytest.approx(28 * (1 - 0.0005 * 292), rel=0.02)
