"""How a back-test's forecasts are scored: the accuracies of the first 24 hours of each issue, and the band's coverage.

acc_hour is 1 - sum |error| / sum(actual) over hours, acc_day the same of sums of 24 hours where all are known, coverage
the share of (for solar: daylight) hours within the 80 % band. An hour that a file of forecasts leaves out counts as a
forecast of 0; an hour for which a simple rule knows no past does not count for it.
"""

from __future__ import annotations

import csv
import math
import statistics
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

HOUR_S = 3_600
DAY = 24
RULES = ("persistence", "7-day mean", "14-day median")
Line = tuple[float, float, float]  # the forecast and the ends of its band (kW)
Issues = Mapping[int, Mapping[int, Line]]  # by moment of issue and hour start (epoch s)


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


def read_forecasts(file: Path) -> Issues:
    """A file as `backtest forecast` writes it: the first 24 hours of each issue, those left out as 0."""
    issues: dict[int, dict[int, Line]] = {}
    with file.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            said = (float(row["yhat"]), float(row["q10"]), float(row["q90"]))
            issues.setdefault(_epoch(row["issue_time"]), {})[_epoch(row["target_time"])] = said
    nothing = (0.0, math.nan, math.nan)
    return {issued_s: {hour: said.get(hour, nothing) for hour in _day(issued_s)} for issued_s, said in issues.items()}


def simple_forecasts(issues_s: Collection[int], actual: Actual, rule: str) -> Issues:
    """The same by a rule of RULES: yesterday's hour, or the mean or median of the hour over the days before."""
    days = {"persistence": 1, "7-day mean": 7, "14-day median": 14}[rule]
    middle = statistics.median if rule.endswith("median") else statistics.fmean
    found: dict[int, dict[int, Line]] = {}
    for issued_s in issues_s:
        found[issued_s] = {}
        for hour in _day(issued_s):
            past = [actual.kw[then] for back in range(1, days + 1) if (then := hour - back * DAY * HOUR_S) in actual.kw]
            if past:
                found[issued_s][hour] = (middle(past), math.nan, math.nan)
    return found


def score(issues: Issues, actual: Actual, only: Collection[int] | None = None) -> Accuracy:
    """The accuracy; with `only`, over those hours alone."""
    error = total = day_error = day_total = 0.0
    inside = judged = 0
    for said_of in issues.values():
        known = [hour for hour in said_of if hour in actual.kw and (only is None or hour in only)]
        off = sum(said_of[hour][0] - actual.kw[hour] for hour in known)
        came = sum(actual.kw[hour] for hour in known)
        error += sum(abs(said_of[hour][0] - actual.kw[hour]) for hour in known)
        total += came
        if len(known) == DAY:
            day_error += abs(off)
            day_total += came
        banded = [hour for hour in known if hour in actual.lit and math.isfinite(said_of[hour][1])]
        judged += len(banded)
        inside += sum(said_of[hour][1] <= actual.kw[hour] <= said_of[hour][2] for hour in banded)
    return Accuracy(_share(error, total), _share(day_error, day_total), inside / judged if judged else math.nan)


def worst_lead(issues: Issues, other: Issues, actual: Actual, days: int) -> float:
    """How far acc_hour is ahead of the other's in the worst so many issues running (all of them, if fewer); below 0 is
    behind. Over the hours for which both say something."""
    ours, theirs, totals = [], [], []
    for issued_s in sorted(issues):
        hours = [hour for hour in issues[issued_s] if hour in actual.kw and hour in other.get(issued_s, {})]
        ours.append(sum(abs(issues[issued_s][hour][0] - actual.kw[hour]) for hour in hours))
        theirs.append(sum(abs(other[issued_s][hour][0] - actual.kw[hour]) for hour in hours))
        totals.append(sum(actual.kw[hour] for hour in hours))
    leads = []
    for first in range(max(len(ours) - days, 0) + 1):
        span = slice(first, first + days)
        came = sum(totals[span])
        if came > 0:
            leads.append((sum(theirs[span]) - sum(ours[span])) / came)
    return min(leads, default=math.nan)


def _day(issued_s: int) -> range:
    return range(issued_s, issued_s + DAY * HOUR_S, HOUR_S)


def _share(error: float, total: float) -> float:
    return 1 - error / total if total > 0 else math.nan


def _epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
