"""How a back-test's forecasts are scored: the accuracies of the first 24 hours of each issue, and the band's coverage.

acc_hour is 1 - sum |error| / sum(actual) over hours, acc_day the same of sums of 24 hours where all are known, coverage
the share of (for solar: daylight) hours within the 80 % band.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

HOUR_S = 3_600
DAY = 24


@dataclass(frozen=True)
class Accuracy:
    """Shares; NaN where there was nothing to score."""

    by_hour: float
    by_day: float
    coverage: float


@dataclass(frozen=True)
class Actual:
    """What was measured (kW) by hour start (epoch s), and the hours of daylight (all hours, for a load)."""

    kw: dict[int, float]
    lit: frozenset[int]


def read_actual(file: Path, column: str) -> Actual:
    """The column of a file of measurements; an empty cell is unknown."""
    with file.open(newline="", encoding="utf-8") as lines:
        rows = [(_epoch(row["ts"]), row) for row in csv.DictReader(lines)]
    by_light = column.startswith("pv") and bool(rows) and "daylight" in rows[0][1]
    return Actual(
        {start_s: float(row[column]) for start_s, row in rows if row[column]},
        frozenset(start_s for start_s, row in rows if not by_light or row["daylight"] == "1"),
    )


def score(forecasts: Path, actual: Actual) -> Accuracy:
    """The accuracy of a file as `backtest forecast` writes it. An hour without a line counts as a forecast of 0."""
    issues: dict[int, dict[int, tuple[float, float, float]]] = {}
    with forecasts.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            said = (float(row["yhat"]), float(row["q10"]), float(row["q90"]))
            issues.setdefault(_epoch(row["issue_time"]), {})[_epoch(row["target_time"])] = said
    error = total = day_error = day_total = 0.0
    inside = judged = 0
    for issued_s, said_of in issues.items():
        hours = [issued_s + HOUR_S * hour for hour in range(DAY)]
        known = [hour for hour in hours if hour in actual.kw]
        off = {hour: said_of.get(hour, (0.0, 0.0, 0.0))[0] - actual.kw[hour] for hour in known}
        error += sum(abs(each) for each in off.values())
        total += sum(actual.kw[hour] for hour in known)
        if len(known) == DAY:
            day_error += abs(sum(off.values()))
            day_total += sum(actual.kw[hour] for hour in known)
        banded = [hour for hour in known if hour in actual.lit and hour in said_of]
        judged += len(banded)
        inside += sum(said_of[hour][1] <= actual.kw[hour] <= said_of[hour][2] for hour in banded)
    return Accuracy(_share(error, total), _share(day_error, day_total), inside / judged if judged else math.nan)


def score_simple(issues_s: list[int], actual: Actual, rule: str) -> Accuracy:
    """The same of "persistence" (yesterday's hour), "7-day mean" or "14-day median" of the hour, over known hours."""
    days = {"persistence": 1, "7-day mean": 7, "14-day median": 14}[rule]
    error = total = 0.0
    for issued_s in issues_s:
        for hour in range(issued_s, issued_s + DAY * HOUR_S, HOUR_S):
            past = [actual.kw[then] for back in range(1, days + 1) if (then := hour - back * DAY * HOUR_S) in actual.kw]
            if hour not in actual.kw or not past:
                continue
            said = sorted(past)[len(past) // 2] if days == 14 else sum(past) / len(past)
            error += abs(said - actual.kw[hour])
            total += actual.kw[hour]
    return Accuracy(_share(error, total), math.nan, math.nan)


def issues_of(forecasts: Path) -> list[int]:
    """The moments of issue of such a file."""
    with forecasts.open(newline="", encoding="utf-8") as lines:
        return sorted({_epoch(row["issue_time"]) for row in csv.DictReader(lines)})


def _share(error: float, total: float) -> float:
    return 1 - error / total if total > 0 else math.nan


def _epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
