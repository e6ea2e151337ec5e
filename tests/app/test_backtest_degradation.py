from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.backtest import BacktestRefused
from app.backtest_degradation import backtest_degradation, read_cells, with_shipped
from energy.cells.shipped_fleet import shipped_fleet

DATA = os.environ.get("CC_DATA")


def written(folder: Path, lines: list[str], head: str = "cell,cycle,soh") -> Path:
    file = folder / "cells.csv"
    file.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return file


def two_cells() -> list[str]:
    return [
        f"{name},{cycle},{1 - rate * cycle - max(cycle - 600, 0) * rate}"
        for name, rate in (("a", 0.0002), ("b", 0.00022))
        for cycle in range(0, 1_300, 100)
    ]


def test_a_table_with_counts_comes_out_for_a_file_of_ones_own(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app", "backtest", "degradation", str(written(tmp_path, two_cells()))]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith("+")]
    assert [row[0] for row in rows] == ["+100", "+200", "+500"]
    assert [row[1] for row in rows] == ["2", "2", "2"]
    assert float(rows[0][4]) > 0.6


def test_odd_lines_are_said_and_left_out(tmp_path: Path) -> None:
    notes: list[str] = []
    file = written(tmp_path, [*two_cells(), "c,5,", "c,1,0.99", "a,100,0.98"])
    rows = backtest_degradation(file, notes.append)
    assert len(rows) == 3
    assert any("1 lines without cycle or soh" in note for note in notes)
    assert any("1 cells have fewer than 3 points" in note for note in notes)


@pytest.mark.parametrize(
    ("lines", "head", "says"),
    [
        (["a,1"], "cell,cycle", "no column soh"),
        (["a,one,0.9"], "cell,cycle,soh", "'one' is not a number"),
        (["a,1,92"], "cell,cycle,soh", "must be a share of the rating"),
        (["a,1,0.9"], "cell,cycle,soh", "no cell has 3 points"),
        ([], "cell,cycle,soh", "no cell has 3 points"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_what_to_mend(
    tmp_path: Path, lines: list[str], head: str, says: str
) -> None:
    with pytest.raises(BacktestRefused, match=says):
        backtest_degradation(written(tmp_path, lines, head), print)


def test_a_shipped_cell_in_the_file_does_not_stand_in_the_fleet_twice(tmp_path: Path) -> None:
    shipped = next(c for c in shipped_fleet().curves if c.cycles.size < 20)
    lines = [f"renamed,{n},{s}" for n, s in zip(shipped.cycles.tolist(), shipped.soh.tolist(), strict=True)]
    fleet = with_shipped(read_cells(written(tmp_path, lines), print))
    names = [curve.name for curve in fleet.curves]
    assert "renamed" in names
    assert shipped.name not in names


@pytest.mark.slow
@pytest.mark.skipif(DATA is None, reason="set CC_DATA to the folder of the real measurements (battery_soh.csv)")
def test_the_real_cells_losses_are_foretold_as_issue_5_asks() -> None:
    rows = {row.ahead: row for row in backtest_degradation(Path(str(DATA)) / "battery_soh.csv", print)}
    assert rows[100].share >= 0.72
    assert rows[200].share >= 0.72
    assert rows[500].share >= 0.85
    assert all(0.75 <= row.coverage <= 0.95 for row in rows.values())
