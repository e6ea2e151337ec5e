"""Make the fleet curves that come with the package from a file of measured capacities (cell, cycle, soh).

python -m benchmarks.train_fleet_fade FILE --licence "..." --version 2026-11
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from app.backtest_degradation import read_cells, thinned
from energy.cells.fade import FadePoints, Fleet
from energy.cells.fade_trial import spreads_of, trial
from energy.cells.shipped_fleet import fleet_to_json

OUT = Path(__file__).resolve().parents[1] / "energy" / "cells" / "fleet" / "fleet.json"


def main() -> None:
    """Write fleet.json and print the leave-one-out table for its card."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("file", type=Path)
    flags.add_argument("--licence", required=True)
    flags.add_argument("--version", required=True)
    flags.add_argument("--out", type=Path, default=OUT)
    given = flags.parse_args()
    cells = [c for c in read_cells(given.file, lambda note: print(note, file=sys.stderr)) if c.cycles.size >= 3]
    curves = tuple(FadePoints(c.name, np.round(c.cycles, 1), np.round(c.soh, 4)) for c in map(thinned, cells))
    fleet = Fleet(curves, version=given.version, licence=given.licence)
    fleet = Fleet(curves, spreads_of(fleet), given.version, given.licence)
    given.out.write_text(fleet_to_json(fleet), encoding="utf-8")
    print(f"{given.out.name}: {len(curves)} curves, {given.out.stat().st_size} bytes, spreads {fleet.spreads}")
    for row in trial(cells, fleet):
        print(row)


if __name__ == "__main__":
    main()
