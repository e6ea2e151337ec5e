"""`backtest degradation`: how much of real capacity losses our fade forecast would have foretold.

The file has one line per measured capacity: `cell`, `cycle` (full cycles), `soh` (share of the rating). Each cell is
forecast from its own first part and from the other cells: those of the file and those that come with the package,
never itself.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.backtest import BacktestRefused

if TYPE_CHECKING:
    from energy.cells.fade import FadePoints, Fleet
    from energy.cells.fade_trial import TrialRow

Say = Callable[[str], None]
_NEEDED = ("cell", "cycle", "soh")
_DENSEST = 60  # points per curve in the fleet; a denser one is thinned, so that looking it up stays quick


def backtest_degradation(file: Path, say: Say) -> list[TrialRow]:
    """A row per horizon (+100, +200, +500 cycles); what is odd in the file is said."""
    from energy.cells.fade_trial import trial

    cells = read_cells(file, say)
    usable = [cell for cell in cells if cell.cycles.size >= 3]
    if len(usable) < len(cells):
        say(f"{file.name}: {len(cells) - len(usable)} cells have fewer than 3 points and are left out")
    if not usable:
        raise BacktestRefused(f"{file.name}: no cell has 3 points or more; two to forecast from, and one to judge by")
    return trial(usable, with_shipped(usable))


def with_shipped(cells: list[FadePoints]) -> Fleet:
    """The cells of the file and the shipped curves as one fleet; a cell that stands in both counts once."""
    from energy.cells.fade import Fleet
    from energy.cells.shipped_fleet import shipped_fleet

    shipped = shipped_fleet()
    for cell in cells:
        shipped = shipped.without(cell)
    curves = (*shipped.curves, *(thinned(cell) for cell in cells))
    return Fleet(curves, shipped.spreads, shipped.version, shipped.licence)


def thinned(cell: FadePoints) -> FadePoints:
    """At most about 60 points: medians of neighbours, which also takes out the scatter of single measurements."""
    import numpy as np

    from energy.cells.fade import FadePoints

    if cell.cycles.size <= _DENSEST:
        return cell
    parts = np.array_split(np.arange(cell.cycles.size), _DENSEST // 2)
    cycles = [float(np.median(cell.cycles[part])) for part in parts]
    return FadePoints(cell.name, np.array(cycles), np.array([float(np.median(cell.soh[part])) for part in parts]))


def read_cells(file: Path, say: Say) -> list[FadePoints]:
    """Each cell's points in order of cycles. A cycle that comes twice counts once, with the mean."""
    import numpy as np

    from energy.cells.fade import FadePoints

    points: dict[str, dict[float, list[float]]] = {}
    unknown = 0
    with file.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
        if missing:
            raise BacktestRefused(f"{file.name}: no column {', '.join(missing)}; it must have {', '.join(_NEEDED)}")
        for number, row in enumerate(reader, start=2):
            cycle, soh = (_number(row[name], f"{file.name}, line {number}, {name}") for name in ("cycle", "soh"))
            if not (math.isfinite(cycle) and math.isfinite(soh)):
                unknown += 1
                continue
            if soh > 2.0 or soh < 0.0:
                raise BacktestRefused(f"{file.name}, line {number}: soh {soh:g} must be a share of the rating, 0 to 1")
            points.setdefault(row["cell"], {}).setdefault(cycle, []).append(soh)
    if unknown:
        say(f"{file.name}: {unknown} lines without cycle or soh are left out")
    return [
        FadePoints(name, np.array(sorted(of)), np.array([np.mean(of[cycle]) for cycle in sorted(of)]))
        for name, of in points.items()
    ]


def as_table(rows: list[TrialRow]) -> str:
    """The rows for people, with what the columns mean."""
    lines = ["ahead    cells  points  left out   share  median  by cell  pooled  linear alone  80 % band holds"]
    for r in rows:
        if not r.issued:
            lines.append(f"+{r.ahead:<7.0f} no cell lives long enough, or loses enough, to judge this")
            continue
        lines.append(
            f"+{r.ahead:<7.0f} {r.cells:>4}  {r.issued:>6}  {r.left_out:>8}   {r.share:>5.3f}  {r.median:>6.3f}  "
            f"{r.by_cell:>7.3f}  {r.pooled:>6.3f}  {r.linear:>12.3f}  {r.coverage:>15.2f}"
        )
    lines += [
        "share: 1 - |foretold - real| / real loss, the mean over all points at which a forecast is issued (from the",
        "second measurement on); by cell: mean of the cells' means; pooled: of the sums of losses; linear alone: its",
        "own last third. Left out: points after which less than 0.5 % of the rating was lost. Each cell is forecast",
        "from its own first part and from other cells.",
    ]
    return "\n".join(lines)


def _number(text: str | None, where: str) -> float:
    try:
        return float(text) if text else math.nan
    except ValueError as error:
        raise BacktestRefused(f"{where}: {text!r} is not a number") from error
