from __future__ import annotations

import numpy as np
import pytest

from energy.cells.fade import FadePoints, Fleet, foretell
from energy.cells.fade_trial import judge, spreads_of, trial
from energy.cells.shipped_fleet import fleet_from_json, fleet_to_json, shipped_fleet
from energy.forecast.hours import Floats


def cell(name: str, life: float = 1_000.0, knee: float = 0.6, points: int = 15, noise: float = 0.0) -> FadePoints:
    """A cell that fades slowly until a share of its life, then three times as fast."""
    cycles = np.linspace(0, 1.5 * life, points)
    soh: Floats = 1.0 - 0.2 * cycles / life - 0.4 * np.maximum(cycles / life - knee, 0)
    return FadePoints(name, cycles, soh + np.random.default_rng(7).normal(0, noise, points))


FLEET = Fleet(tuple(cell(f"c{i}", 900 + 25 * i) for i in range(9)))


def test_a_knee_that_others_had_is_seen_before_it_comes() -> None:
    own = cell("own", 1_010).first(6)  # up to about 540 cycles: before the knee
    real = float(np.interp(1_040, *(lambda c: (c.cycles, c.soh))(cell("own", 1_010))))
    said, line = foretell(own, [1_040], FLEET), foretell(own, [1_040], Fleet())
    assert said is not None
    assert line is not None
    assert abs(said.soh[0] - real) < 0.3 * abs(line.soh[0] - real)
    assert said.low[0] <= real <= said.high[0]


def test_a_cell_of_another_kind_is_met_in_its_own_time() -> None:
    slow = cell("slow", 4_000)
    said = foretell(slow.first(9), [4_800], FLEET)
    assert said is not None
    real = float(np.interp(4_800, slow.cycles, slow.soh))
    assert abs(said.soh[0] - real) < 0.4 * (slow.soh[8] - real)
    assert said.weights["stretched"] > said.weights["fleet"]


def test_one_point_foretells_nothing_and_two_do() -> None:
    own = cell("own")
    assert foretell(own.first(1), [500], FLEET) is None
    two = foretell(own.first(2), [500], FLEET)
    assert two is not None
    assert np.isfinite(two.soh).all()


def test_without_a_fleet_its_own_line_goes_on_and_never_heals() -> None:
    rising = FadePoints("up", np.array([0.0, 100, 200]), np.array([0.9, 0.91, 0.92]))
    said = foretell(rising, [300, 400], Fleet())
    assert said is not None
    assert said.soh == pytest.approx([0.92, 0.92])
    assert said.weights == {"linear": 1.0}


def test_what_comes_later_cannot_reach_a_forecast() -> None:
    own = cell("own", noise=0.002)
    changed = FadePoints("own", own.cycles, np.concatenate([own.soh[:8], own.soh[8:] - 0.3]))
    first, second = foretell(own.first(8), [900], FLEET), foretell(changed.first(8), [900], FLEET)
    assert first is not None
    assert second is not None
    assert first.soh[0] == second.soh[0]


def test_a_cell_is_never_in_its_own_fleet_not_even_under_another_name() -> None:
    other = FLEET.curves[3]
    assert [c.name for c in FLEET.without(other).curves] == [c.name for c in FLEET.curves if c.name != "c3"]
    renamed = FadePoints("renamed", other.cycles[:9], other.soh[:9])
    assert FLEET.without(renamed) == FLEET.without(other)


def test_unordered_or_unknown_points_are_refused() -> None:
    with pytest.raises(ValueError, match="rising order"):
        FadePoints("x", np.array([0.0, 200, 100]), np.array([1.0, 0.9, 0.95]))
    with pytest.raises(ValueError, match="must be known"):
        FadePoints("x", np.array([0.0, 100]), np.array([1.0, np.nan]))


def test_the_share_of_the_loss_is_one_less_the_error_over_the_loss() -> None:
    straight = FadePoints("s", np.arange(0.0, 1_100, 100), 1 - 0.0002 * np.arange(0.0, 1_100, 100))
    judged, left_out = judge(straight, Fleet(), 200)
    assert left_out == 0
    assert len(judged) == 8
    assert [j.share for j in judged] == pytest.approx([1.0] * 8, abs=1e-6)
    flat = FadePoints("f", np.arange(0.0, 1_100, 100), np.ones(11) * 0.97)
    assert judge(flat, Fleet(), 200) == ([], 8)
    rows = trial([flat], Fleet(), (200.0,))
    assert rows[0].issued == 0
    assert np.isnan(rows[0].share)


def test_the_shipped_curves_foretell_one_another_as_its_card_says() -> None:
    fleet = shipped_fleet()
    assert "CC BY" in fleet.licence
    some = Fleet(fleet.curves, fleet.spreads)
    cells = [c for c in fleet.curves if c.cycles[-1] > 1_000][::6]
    rows = {row.ahead: row for row in trial(cells, some)}
    assert rows[100.0].share > 0.67
    assert rows[200.0].share > 0.65
    assert rows[500.0].share > 0.80
    assert all(row.share > row.linear for row in rows.values())
    assert all(row.coverage > 0.7 for row in rows.values())


def test_a_fleet_survives_its_file() -> None:
    again = fleet_from_json(fleet_to_json(FLEET))
    assert [c.name for c in again.curves] == [c.name for c in FLEET.curves]
    assert all(np.allclose(a.soh, b.soh) for a, b in zip(again.curves, FLEET.curves, strict=True))
    assert again.spreads == FLEET.spreads


def test_spreads_of_alike_cells_are_narrow() -> None:
    alike = Fleet(tuple(cell(f"c{i}", 1_000 + 40 * i) for i in range(6)))
    assert all(spread.share < 0.2 for spread in spreads_of(alike))
