"""How much of a real loss was foretold: issued point by point of each cell's history, the cell left out of the fleet.

Share of the loss foretold = 1 - |foretold - real| / real loss between issue and target. A forecast is issued at each
measured point from the second on, knows only what was measured until then, and is judged where the target still lies
within the cell's measured life (between two measurements on the line between them). Points at which less than 0.5 % of
the rating was really lost are left out and counted: a share of nothing says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from energy.cells.fade import FadePoints, Fleet, Spread, foretell

HORIZONS = (100.0, 200.0, 500.0)
SMALLEST_LOSS = 0.005
BAND = 0.8


@dataclass(frozen=True)
class Judged:
    """One forecast that was judged: shares of the rating."""

    cell: str
    issued_cycle: float
    ahead: float
    loss: float
    foretold_loss: float
    linear_loss: float
    inside: bool

    @property
    def share(self) -> float:
        return 1.0 - abs(self.foretold_loss - self.loss) / self.loss

    @property
    def linear_share(self) -> float:
        return 1.0 - abs(self.linear_loss - self.loss) / self.loss


@dataclass(frozen=True)
class TrialRow:
    """All forecasts of one horizon. `share` is the mean over issue points, `by_cell` the mean of the cells' means,
    `pooled` that of the sums of losses, `linear` the mean for the cell's own line alone."""

    ahead: float
    cells: int
    issued: int
    left_out: int
    share: float
    median: float
    by_cell: float
    pooled: float
    linear: float
    coverage: float


def judge(cell: FadePoints, fleet: Fleet, ahead: float) -> tuple[list[Judged], int]:
    """One cell's forecasts for one horizon, and how many points were left out for hardly any loss."""
    others = fleet.without(cell)
    alone = Fleet()
    judged, left_out = [], 0
    for count in range(2, cell.cycles.size):
        now = float(cell.cycles[count - 1])
        if now + ahead > cell.cycles[-1]:
            break
        real = float(np.interp(now + ahead, cell.cycles, cell.soh))
        loss = float(cell.soh[count - 1]) - real
        if loss < SMALLEST_LOSS:
            left_out += 1
            continue
        known = cell.first(count)
        said, linear = foretell(known, [now + ahead], others), foretell(known, [now + ahead], alone)
        if said is None or linear is None:
            continue
        start = float(cell.soh[count - 1])
        inside = bool(said.low[0] <= real <= said.high[0])
        judged.append(
            Judged(cell.name, now, ahead, loss, start - float(said.soh[0]), start - float(linear.soh[0]), inside)
        )
    return judged, left_out


def trial(cells: Iterable[FadePoints], fleet: Fleet, horizons: Sequence[float] = HORIZONS) -> list[TrialRow]:
    """One row per horizon; a horizon that no cell lives long enough for has `issued` 0 and NaN."""
    rows, everyone = [], list(cells)
    for ahead in horizons:
        each = [judge(cell, fleet, ahead) for cell in everyone]
        rows.append(_row(ahead, [j for judged, _ in each for j in judged], sum(left for _, left in each)))
    return rows


def spreads_of(fleet: Fleet, horizons: Sequence[float] = HORIZONS) -> tuple[Spread, ...]:
    """How wrong the fleet's forecasts are of one another, as shares of the foretold loss that hold in 8 of 10."""
    found = []
    for ahead in horizons:
        judged = [j for cell in fleet.curves for j in judge(cell, fleet, ahead)[0]]
        if judged:
            wrong = [abs(j.foretold_loss - j.loss) / max(j.foretold_loss, SMALLEST_LOSS) for j in judged]
            found.append(Spread(ahead, round(float(np.quantile(wrong, BAND)), 4)))
    return tuple(found)


def _row(ahead: float, judged: list[Judged], left_out: int) -> TrialRow:
    if not judged:
        return TrialRow(ahead, 0, 0, left_out, *(float("nan"),) * 6)
    of = sorted({j.cell for j in judged})
    shares = np.array([j.share for j in judged])
    wrong, lost = sum(abs(j.foretold_loss - j.loss) for j in judged), sum(j.loss for j in judged)
    return TrialRow(
        ahead=ahead,
        cells=len(of),
        issued=len(judged),
        left_out=left_out,
        share=float(shares.mean()),
        median=float(np.median(shares)),
        by_cell=float(np.mean([np.mean([j.share for j in judged if j.cell == cell]) for cell in of])),
        pooled=1.0 - wrong / lost,
        linear=float(np.mean([j.linear_share for j in judged])),
        coverage=float(np.mean([j.inside for j in judged])),
    )
