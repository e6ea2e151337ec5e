from __future__ import annotations

import numpy as np
import pytest

from energy.cells.ageing import Use, kind_of, usual_loss
from energy.cells.cycles import count_cycles
from energy.cells.turning import turning_points
from energy.series import Series
from tests.energy.cells.banks import START_S, bank


def hours(levels: list[float]) -> Series:
    at = START_S + 3_600 * np.arange(len(levels))
    return Series(at, np.array(levels, dtype=np.float64), 3_600.0, "bank")


def test_the_example_of_the_standard_is_counted_as_it_counts_it() -> None:
    # ASTM E1049-85, figure 6: halves of 3, 4, 8, 9, 8, 6 and a full one of 4; here times 5, and above 0
    course = [50 + 5 * level for level in (-2, 1, -3, 5, -1, 3, -4, 4, -2)]
    found = sorted((round(c.depth_pct / 5), c.count) for c in count_cycles(hours([float(c) for c in course])).cycles)
    assert found == [(3, 0.5), (4, 0.5), (4, 1.0), (6, 0.5), (8, 0.5), (8, 0.5), (9, 0.5)]


def test_ten_days_from_full_to_empty_are_ten_full_cycles() -> None:
    counted = count_cycles(hours([100.0, 0.0] * 10 + [100.0]))
    assert counted.full == pytest.approx(10)
    assert counted.depth_counts[-1] == pytest.approx(10)
    assert counted.mean_depth_pct == pytest.approx(100)
    assert counted.mean_c_rate == pytest.approx(1.0)


def test_full_cycles_are_the_energy_over_the_capacity() -> None:
    seen = bank()
    counted = count_cycles(seen.soc, seen.temperature_c)
    discharged_kwh = float(-np.minimum(seen.charge_w.values, 0).sum()) * 300 / 3.6e6
    assert counted.full == pytest.approx(discharged_kwh / 0.95 / 28.0, rel=0.05)
    assert counted.seen_days == pytest.approx(60)
    assert counted.mean_temperature_c == pytest.approx(25, abs=1)
    assert counted.notes == ()


def test_gaps_are_said_and_unknown_rows_are_no_cycles() -> None:
    levels = [80.0] * 10 + [float("nan")] * 30 + [60.0] * 10
    counted = count_cycles(hours(levels))
    assert counted.full == pytest.approx(0.1)  # half a cycle of 20 %
    assert "31 h in 1 gaps" in counted.notes[0]
    nothing = count_cycles(hours([float("nan")] * 5))
    assert nothing.full == 0
    assert nothing.full_per_year is None
    assert "not known" in nothing.notes[0]


def test_a_level_that_stands_still_has_no_cycles() -> None:
    counted = count_cycles(hours([70.0] * 100))
    assert counted.full == 0
    assert counted.cycles == ()
    assert counted.mean_depth_pct is None


def test_small_turns_are_passed_over() -> None:
    levels = np.array([50, 51, 50, 52, 60, 59, 61, 80, 79, 80, 40, 41, 40, 45.0])
    assert levels[turning_points(levels, 3.0)].tolist() == [50, 80, 40, 45]


def test_published_ageing_is_met_where_it_was_measured() -> None:
    # Naumann 2018: 885 days at 40 °C and half charge; Schmalstieg 2014: 400 days at 50 °C
    lfp = usual_loss("LiFePO4", Use(0.0, soc=0.5, temperature_c=40), np.array([885 / 365.25]))
    assert 0.05 < lfp.total[0] < 0.16
    nmc = usual_loss("NMC", Use(0.0, soc=0.5, temperature_c=50), np.array([400 / 365.25]))
    assert 0.1 < nmc.total[0] < 0.3


@pytest.mark.parametrize("kind", ["LiFePO4", "NMC"])
def test_heat_depth_and_cycles_age_and_nothing_heals(kind: str) -> None:
    known = kind_of(kind)
    assert known is not None
    years = np.linspace(0, 20, 41)
    calm = usual_loss(known, Use(200, depth=0.4, temperature_c=20), years).total
    assert calm[0] == 0
    assert np.all(np.diff(calm) >= 0)
    warm, deep = Use(200, depth=0.4, temperature_c=40), Use(200, depth=0.95, temperature_c=20)
    for worse in (warm, deep, Use(500, depth=0.4, temperature_c=20)):
        assert usual_loss(known, worse, years).total[20] > calm[20]


def test_a_chemistry_is_known_by_its_usual_names() -> None:
    assert kind_of("LFP") == kind_of(" LiFePO4 ") == "LiFePO4"
    assert kind_of("nmc") == "NMC"
    assert kind_of("lead-acid") is None
