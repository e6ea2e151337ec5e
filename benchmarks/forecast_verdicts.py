"""The targets of the forecasts' figures, and which of them the measured lines meet."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.forecast_runs import DESCRIBED, FIRST_DAY, LOAD, PERFECT, SECOND_DAY, SOLAR, Found, is_clean

COVERAGE = (0.75, 0.88)
FIRST_DAY_WITHIN = 0.05
LOAD_AHEAD = 0.02
AGEING = {100: 0.67, 200: 0.65, 500: 0.80}
TIMES_MS = {"both forecasts of one site": 200.0, "nightly training of one site": 15_000.0, "1,000 sites": 300_000.0}


@dataclass(frozen=True)
class Goal:
    """What the clean homes of a climate must reach on average, by forecast (hourly, daily) and by perfect weather."""

    climate: str
    by_hour: float
    by_day: float
    perfect: float


GOALS = {
    "America/Los_Angeles": Goal("California", 0.895, 0.92, 0.945),
    "America/Denver": Goal("Colorado", 0.79, 0.855, 0.845),
}


@dataclass(frozen=True)
class Verdict:
    """A figure beside its target; `measured` is None where it could not be had, and `about` says why or of what."""

    name: str
    measured: float | None
    least: float | None = None
    most: float | None = None
    about: str = ""
    unit: str = ""

    @property
    def says(self) -> str:
        """ok, MISSED, or not measured."""
        if self.measured is None or math.isnan(self.measured):
            return "not measured"
        below = self.least is not None and self.measured < self.least
        above = self.most is not None and self.measured > self.most
        return "MISSED" if below or above else "ok"

    @property
    def target(self) -> str:
        """The target as text."""
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}"
        return f">= {self.least:g}{self.unit}" if self.least is not None else f"<= {self.most:g}{self.unit}"

    @property
    def figure(self) -> str:
        """The measured figure as text."""
        if self.measured is None or math.isnan(self.measured):
            return "-"
        return f"{self.measured:,.0f}{self.unit}" if self.unit else f"{self.measured:.4f}"


def solar_verdicts(found: Sequence[Found], meta: Mapping[str, Any]) -> list[Verdict]:
    """By climate, over its clean sites; a climate that the folder has no site of has no line."""
    verdicts = []
    for zone, goal in GOALS.items():
        sites = [site for site, about in meta.items() if about.get("tz") == zone and is_clean(about)]
        if not sites:
            continue
        here = [line for line in found if line.site in sites]
        for name, figure, value, least in (
            ("forecast weather, acc_hour", SOLAR, "by_hour", goal.by_hour),
            ("forecast weather, acc_day", SOLAR, "by_day", goal.by_day),
            ("perfect weather, acc_hour", PERFECT, "by_hour", goal.perfect),
        ):
            of = {line.site: float(getattr(line, value)) for line in here if line.figure == figure}
            verdicts.append(Verdict(f"solar, {goal.climate}, {name}", _mean(of.values()), least, about=_of(of)))
    return verdicts


def first_day_verdicts(found: Sequence[Found]) -> list[Verdict]:
    """How far a new house's solar forecast is behind that of the trained model, and whether its band holds."""
    trained = {line.site: line.by_hour for line in found if line.figure == SOLAR}
    verdicts = []
    for figure in (DESCRIBED, FIRST_DAY, SECOND_DAY):
        behind = {
            line.site: trained[line.site] - line.by_hour
            for line in found
            if line.figure == figure and line.site in trained
        }
        worst = max(behind, key=lambda site: behind[site], default=None)
        verdicts.append(
            Verdict(
                f"{figure}: points of acc_hour behind the trained model, the worst site",
                behind[worst] if worst else None,
                most=FIRST_DAY_WITHIN,
                about=worst or "no clean home with solar power was looked at",
            )
        )
    return verdicts


def load_verdicts(found: Sequence[Found]) -> list[Verdict]:
    """Beyond the best simple rule of each home, and never behind persistence for half a year."""
    lines = {line.site: line for line in found if line.figure.startswith(LOAD.split(",")[0]) and line.lead == line.lead}
    leads = {site: line.lead for site, line in lines.items()}
    worst = min(lines, key=lambda site: lines[site].worst_lead, default=None)
    return [
        Verdict(
            "load, acc_hour beyond the best of persistence, 7-day mean, 14-day median",
            _mean(leads.values()),
            LOAD_AHEAD,
            about=_of(leads) or "no home with load was looked at",
        ),
        Verdict(
            "load, acc_hour beyond persistence in the worst 180 days of the worst home",
            lines[worst].worst_lead if worst else None,
            0.0,
            about=worst or "no home with load was looked at",
        ),
    ]


def coverage_verdicts(found: Sequence[Found]) -> list[Verdict]:
    """The lowest and the highest coverage of the 80 % band over all sites, per kind of forecast."""
    verdicts = []
    for name, figures in (
        ("solar", (SOLAR,)),
        ("load", tuple({line.figure for line in found if line.lead == line.lead})),
        ("solar without history", (DESCRIBED, FIRST_DAY, SECOND_DAY)),
    ):
        of = [line for line in found if line.figure in figures and not math.isnan(line.coverage)]
        for which, pick in (("lowest", min), ("highest", max)):
            line = pick(of, key=lambda each: each.coverage) if of else None
            verdicts.append(
                Verdict(
                    f"coverage of the 80 % band, {name}, the {which}",
                    line.coverage if line else None,
                    *COVERAGE,
                    about=line.site if line else "",
                )
            )
    return verdicts


def ageing_verdicts(shares: Mapping[float, tuple[float, int]]) -> list[Verdict]:
    """The share of the loss that was foretold, by horizon: (share, forecasts judged)."""
    return [
        Verdict(
            f"ageing, share of the loss foretold at +{ahead} cycles",
            shares[ahead][0] if ahead in shares else None,
            least,
            about=f"{shares[ahead][1]} forecasts" if ahead in shares else "",
        )
        for ahead, least in AGEING.items()
    ]


def time_verdicts(times_ms: Mapping[str, Sequence[float]]) -> list[Verdict]:
    """The medians of the times."""
    verdicts = []
    for name, most in TIMES_MS.items():
        found = next((values for key, values in times_ms.items() if key.startswith(name)), None)
        about = "" if found is None else f"median of {len(found)}, the longest {max(found):,.0f} ms"
        verdicts.append(
            Verdict(
                f"CPU time, {name}", statistics.median(found) if found else None, most=most, about=about, unit=" ms"
            )
        )
    return verdicts


def _mean(values: Iterable[float]) -> float | None:
    known = [value for value in values if not math.isnan(value)]
    return statistics.fmean(known) if known else None


def _of(values: Mapping[str, float]) -> str:
    return ", ".join(f"{site} {value:.3f}" for site, value in values.items())
