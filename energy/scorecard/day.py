"""A day's forecast against what came, beside what yesterday and the last fortnight would have said.

Accuracy is 1 - sum|y-f| / sum(y) over the hours that are known (1 - WAPE), nights included, so that sun promised at
night counts; by the day it is 1 - |Y-F| / Y of the energies of those hours. Over several days the sums are added, not
the accuracies: `DayScore` keeps them for that. The definitions are those of the open data's scorer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np

from energy.forecast.hours import DAY_S, HOUR_S, NO_HOURS, Band, Bools, Floats, Hours, Ints, Target, local_hour

SkyKind = Literal["clear", "mixed", "overcast"]
LEAST_KNOWN = 0.5  # of a day's hours: a day with less is not scored
PROFILE_DAYS = 14
LATE_S = 3 * HOUR_S  # forecasts are made each hour: one so much older than the day is said to be old
CLEAR_FROM, OVERCAST_BELOW = 0.70, 0.35  # of a clear sky's energy, in the known hours of daylight
NOT_LEFT_OUT = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class DayScore:
    """The figures of a day; what cannot be told is None. Accuracies of persistence and profile are over their hours.

    `sums` are for adding days up: actual, ours, off (the sum of the hours' errors), and for persistence and profile the
    error and what came in the hours that they know, with ours in those (kWh; points times hours for the battery).
    """

    target: Target
    day: date
    scored: bool
    issued_s: int
    hours: int
    hours_known: int
    hours_left_out: int
    acc_hour: float | None = None
    acc_day: float | None = None
    persistence_hour: float | None = None
    persistence_day: float | None = None
    profile_hour: float | None = None
    profile_day: float | None = None
    coverage: float | None = None
    covered_hours: int = 0  # of how many the coverage is
    bias: float | None = None
    mean_error: float | None = None  # mean |error|: W, or points of the battery's level
    sky: SkyKind | None = None
    sums: dict[str, float] | None = None
    notes: tuple[str, ...] = ()

    def values(self) -> dict[str, Any]:
        """As JSON has it, without the day and the target."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("target", "day")}
        return {name: _plain(value) for name, value in found.items()}


def score_day(
    actual: Hours,
    band: Band,
    past: Hours,
    zone: ZoneInfo,
    day: date,
    *,
    clear_w: Hours = NO_HOURS,
    left_out_s: Ints = NOT_LEFT_OUT,
) -> DayScore:
    """The score of a local day. `past` are the hours before it; `clear_w` is a clear sky's power, for solar.

    Hours of `left_out_s` count neither in the day nor in the past: panels that were held back say nothing of the sun.
    """
    starts_s = hours_of_day(day, zone)
    actual_w = _without(actual, left_out_s).at(starts_s)
    bands = [Hours(band.starts_s, values).at(starts_s) for values in (band.p10, band.p50, band.p90)]
    ours = bands[1]
    out = int(np.isin(starts_s, left_out_s).sum())
    known = np.isfinite(actual_w) & np.isfinite(ours)
    facts: dict[str, Any] = {
        "target": band.target,
        "day": day,
        "issued_s": band.issued_s,
        "hours": int(starts_s.size),
        "hours_known": int(known.sum()),
        "hours_left_out": out,
    }
    sky = None if band.target != "solar" else sky_kind(actual_w, clear_w.at(starts_s))
    notes = _notes(starts_s, actual_w, ours, band, out)
    if known.sum() < LEAST_KNOWN * starts_s.size:
        return DayScore(scored=False, sky=sky, notes=notes, **facts)
    before = _without(past, left_out_s).before(int(starts_s[0]))
    others = {"persistence": before.at(starts_s - DAY_S), "profile": _profile(before, starts_s, zone)}
    scale = 1.0 if band.target in ("soc", "soc_as_is") else 1_000.0
    y, f = actual_w[known] / scale, ours[known] / scale
    sums = {"actual": float(y.sum()), "ours": float(f.sum()), "off": float(np.abs(f - y).sum())}
    figures: dict[str, Any] = {"acc_hour": _accuracy(sums["off"], sums["actual"])}
    figures["acc_day"] = None if scale == 1.0 else _accuracy(abs(sums["ours"] - sums["actual"]), sums["actual"])
    for name, values in others.items():
        both = known & np.isfinite(values)
        if both.sum() < LEAST_KNOWN * known.sum():
            continue
        p, came, own = values[both] / scale, actual_w[both] / scale, ours[both] / scale
        sums |= {
            f"{name}_off": float(np.abs(p - came).sum()),
            f"{name}_actual": float(came.sum()),
            f"{name}_own_off": float(np.abs(own - came).sum()),
        }
        figures[f"{name}_hour"] = _accuracy(sums[f"{name}_off"], sums[f"{name}_actual"])
        if scale != 1.0:
            figures[f"{name}_day"] = _accuracy(abs(float((p - came).sum())), sums[f"{name}_actual"])
    lit = known & np.isfinite(bands[0]) & np.isfinite(bands[2])
    if band.target == "solar":
        lit &= daylight(actual_w, bands[2], clear_w.at(starts_s))
    within = (actual_w[lit] >= bands[0][lit]) & (actual_w[lit] <= bands[2][lit])
    return DayScore(
        scored=True,
        coverage=float(within.mean()) if within.size else None,
        covered_hours=int(within.size),
        bias=(sums["ours"] - sums["actual"]) / sums["actual"] if sums["actual"] > 0 else None,
        mean_error=float(np.abs(f - y).mean()) * scale,
        sky=sky,
        sums=sums,
        notes=notes,
        **figures,
        **facts,
    )


def hours_of_day(day: date, zone: ZoneInfo) -> Ints:
    """The full UTC hours that begin in the local day: 23 or 25 where the clock is set."""
    first, after = (midnight_s(each, zone) for each in (day, day + timedelta(days=1)))
    begin = -(-first // HOUR_S) * HOUR_S
    return np.arange(begin, after, HOUR_S, dtype=np.int64)


def midnight_s(day: date, zone: ZoneInfo) -> int:
    """The local midnight that begins the day (epoch s)."""
    return int(datetime.combine(day, time(), tzinfo=zone).timestamp())


def sky_kind(solar_w: Floats, clear_w: Floats) -> SkyKind | None:
    """The day's sky by its energy over a clear sky's, in the known hours of daylight.

    Clear from 70 %, overcast below 35 %. None where no daylight is known, or less than half of it by its energy.
    """
    day = np.isfinite(clear_w) & (clear_w > 0)
    known = day & np.isfinite(solar_w)
    possible = float(clear_w[known].sum())
    if possible <= 0 or possible < LEAST_KNOWN * float(clear_w[day].sum()):
        return None
    share = float(solar_w[known].sum()) / possible
    if share >= CLEAR_FROM:
        return "clear"
    return "overcast" if share < OVERCAST_BELOW else "mixed"


def daylight(solar_w: Floats, p90_w: Floats, clear_w: Floats) -> Bools:
    """The hours of daylight; where no clear sky is known, those in which sun came or could have."""
    with np.errstate(invalid="ignore"):
        found: Bools = np.where(np.isfinite(clear_w), clear_w > 0, (solar_w > 0) | (p90_w > 0))
    return found


def level_at_ends(means: Hours) -> Hours:
    """The level at the END of each hour out of the hours' means: halfway between an hour's and the next one's."""
    following = means.at(means.starts_s + HOUR_S)
    return Hours(means.starts_s, (means.values + following) / 2.0)


def _without(hours: Hours, left_out_s: Ints) -> Hours:
    if not left_out_s.size:
        return hours
    return Hours(hours.starts_s, np.where(np.isin(hours.starts_s, left_out_s), np.nan, hours.values))


def _profile(before: Hours, starts_s: Ints, zone: ZoneInfo) -> Floats:
    """The median of the same local hour in the 14 days before; NaN where it is known of none of them."""
    recent = before.since(int(starts_s[0]) - PROFILE_DAYS * DAY_S)
    known = np.isfinite(recent.values)
    hour, values = local_hour(recent.starts_s[known], zone), recent.values[known]
    found = [values[hour == each] for each in local_hour(starts_s, zone).tolist()]
    return np.array([np.median(each) if each.size else np.nan for each in found], dtype=np.float64)


def _notes(starts_s: Ints, actual_w: Floats, ours: Floats, band: Band, out: int) -> tuple[str, ...]:
    notes = []
    late_s = int(starts_s[0]) - band.issued_s
    if late_s > LATE_S:
        issued = datetime.fromtimestamp(band.issued_s, UTC)
        notes.append(
            f"the forecast was {late_s / HOUR_S:.0f} h old when the day began (issued {issued:%Y-%m-%d %H:%M} UTC)"
        )
    missing = int((~np.isfinite(actual_w)).sum()) - out
    if missing:
        notes.append(f"{missing} of {starts_s.size} hours were not measured")
    if out:
        notes.append(f"{out} hours with panels held back are left out")
    beyond = int((~np.isfinite(ours)).sum())
    if beyond:
        notes.append(f"the forecast did not say {beyond} of {starts_s.size} hours")
    if int((np.isfinite(actual_w) & np.isfinite(ours)).sum()) < LEAST_KNOWN * starts_s.size:
        notes.append("below half of the day, so it is not scored")
    return tuple(notes)


def _accuracy(off: float, actual: float) -> float | None:
    return 1.0 - off / actual if actual > 0 else None


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, dict):
        return {name: round(each, 4) for name, each in value.items()}
    return value
