from __future__ import annotations

import numpy as np
import pytest

from energy.cells.ageing import Use
from energy.cells.estimate import Estimate
from energy.cells.health import YEAR_S, health
from energy.cells.own_fade import own_fade
from energy.site import Site
from tests.energy.cells.banks import START_S, bank, series, site

BANK = bank()


def test_a_banks_health_is_one_value_with_everything() -> None:
    found = health(site(), BANK.soc, BANK.charge_w, BANK.temperature_c, surplus_w=BANK.surplus_w, price_per_kwh=250.0)
    assert found.usable_kwh is not None
    assert found.usable_kwh.low < 28 < found.usable_kwh.high
    assert found.round_trip is not None
    assert found.acceptance is not None
    assert found.fade is not None
    assert found.fade.method == "measured"
    assert found.fade.low_pct < 28 / 30 * 100 < found.fade.high_pct
    assert len(found.fade.points) == 3
    assert found.cost_per_cycle is not None
    assert found.yearly_cost is not None
    assert 0 < found.cost_per_cycle < found.yearly_cost < 250 * 30
    assert found.wear_per_kwh == pytest.approx(found.cost_per_cycle / 60)


def test_the_curve_never_rises_and_its_band_holds_it() -> None:
    fade = health(site(), BANK.soc, BANK.charge_w, BANK.temperature_c).fade
    assert fade is not None
    curve = fade.curve
    assert np.all(np.diff(curve.pct) <= 1e-9)
    assert np.all(curve.low_pct <= curve.pct)
    assert np.all(curve.pct <= curve.high_pct)
    assert np.all(np.diff(curve.at_s) > 0)
    assert curve.fleet_pct[0] == 100


def test_an_older_bank_has_lost_more_and_a_dear_bank_costs_more() -> None:
    def found(years: float = 0, price: float = 300) -> tuple[float, float]:
        new_s = int(START_S - years * YEAR_S)
        said = health(site(), BANK.soc, series([]), BANK.temperature_c, price_per_kwh=price, installed_s=new_s)
        assert said.fade is not None
        assert said.yearly_cost is not None
        return said.fade.remaining_pct, said.yearly_cost

    assert found(years=8)[0] < found()[0]
    assert found(price=600)[1] == pytest.approx(2 * found()[1])


def test_without_power_the_curve_of_its_kind_stands_in_with_wide_bounds() -> None:
    found = health(site(), BANK.soc, series([]), BANK.temperature_c, installed_s=int(START_S - 3 * YEAR_S))
    assert found.usable_kwh is None
    assert found.fade is not None
    assert found.fade.method == "model"
    assert found.fade.high_pct - found.fade.low_pct > 5
    assert any("power is not known" in note for note in found.notes)


@pytest.mark.parametrize("days", [0, 1])
def test_a_day_or_nothing_says_what_is_missing(days: int) -> None:
    short = BANK.first_days(days)
    found = health(site(), short.soc, short.charge_w, short.temperature_c, surplus_w=short.surplus_w)
    assert found.usable_kwh is None
    assert found.acceptance is None
    assert found.fade is None
    assert found.cost_per_cycle is None
    assert found.wear_per_kwh is None
    assert any("its ageing needs 7" in note for note in found.notes)


def test_nan_everywhere_is_an_answer_too() -> None:
    nothing = series(np.full(500, np.nan))
    found = health(site(), nothing, nothing, nothing, surplus_w=nothing)
    assert found.usable_kwh is None
    assert found.fade is None
    assert found.cycles.full == 0
    assert found.notes


def test_an_unknown_chemistry_and_a_site_without_battery_are_said() -> None:
    lead = health(site(chemistry="lead-acid"), BANK.soc, BANK.charge_w)
    assert lead.usable_kwh is not None
    assert lead.fade is None
    assert any("No ageing model is known for lead-acid" in note for note in lead.notes)
    bare = health(Site(id="bare"), BANK.soc, BANK.charge_w)
    assert bare.rated_kwh is None
    assert any("no [battery]" in note for note in bare.notes)


def test_unknown_price_temperature_and_age_are_stated() -> None:
    notes = " ".join(health(site(), BANK.soc, BANK.charge_w).notes)
    assert "300 USD per kWh" in notes
    assert "25 °C is taken" in notes
    assert "counts from the first row" in notes


def test_many_measured_months_outweigh_the_fleet_and_few_do_not() -> None:
    use, years = Use(250.0), np.linspace(0, 10, 21)

    def said(months: int) -> float:
        losing = [(m / 12, Estimate(*(1 - 0.05 * m / 12 + d for d in (0, -0.01, 0.01)), 50)) for m in range(months)]
        return float(own_fade(losing, "LiFePO4", use, years, months / 12).middle[10])

    fleet = float(own_fade([], "LiFePO4", use, years, 0.0).middle[10])
    assert said(2) > said(48)
    assert abs(said(2) - fleet) < abs(said(48) - fleet)
    assert said(48) == pytest.approx(1 - 0.05 * 5, abs=0.06)
