"""State of charge from voltage, and back."""

from __future__ import annotations

import pytest

from energy.voltage import soc_from_voltage, voltage_from_soc
from tests.energy.ranch import CURVE


@pytest.mark.parametrize(("volts", "soc_pct"), [(44, 0), (45, 0), (46, 7.5), (50, 40), (51, 50), (56, 100), (58, 100)])
def test_soc_is_linear_between_points_and_clamped_outside(volts: float, soc_pct: float) -> None:
    assert soc_from_voltage(CURVE, volts) == pytest.approx(soc_pct)


def test_the_way_there_and_back_ends_where_it_began() -> None:
    for soc_pct in range(101):
        assert soc_from_voltage(CURVE, voltage_from_soc(CURVE, soc_pct)) == pytest.approx(soc_pct)


def test_where_the_curve_is_flat_the_higher_voltage_is_the_safe_answer() -> None:
    flat = ((50.0, 40.0), (51.0, 50.0), (52.0, 50.0), (53.0, 60.0))
    assert voltage_from_soc(flat, 50) == 52.0


def test_a_curve_without_points_is_refused() -> None:
    with pytest.raises(ValueError, match="voltage_curve"):
        soc_from_voltage((), 50)
