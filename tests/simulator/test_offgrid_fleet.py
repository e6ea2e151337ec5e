"""A fleet in the off-grid scenario describes its sites without a grid."""

from __future__ import annotations

from datetime import UTC, datetime

from simulator.fleet import fleet
from simulator.scenarios import SCENARIOS


def test_sites_off_the_grid_are_described_without_one() -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    assert not any(w.site.grid.present for w in fleet(2, seed=1, start=start, scenario=SCENARIOS["offgrid"]))
    assert all(w.site.grid.present for w in fleet(2, seed=1, start=start))
    assert [w.site.id for w in fleet(2, seed=1, start=start)] == ["ranch", "ranch-2"]
