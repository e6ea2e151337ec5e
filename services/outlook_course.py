"""What people want to know of a battery's course: its lowest level, when it is full, and the reserve's risk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from energy.forecast.hours import HOUR_S, Band, Floats, Ints
from energy.site import Site
from energy.sun import sunrise_sunset
from services.outlook_values import FULL_PCT, CourseView, LevelAt


def course_of(band: Band, site: Site, *, now: datetime, soc_pct: float | None) -> CourseView | None:
    """The course from `now` on, out of a band of levels at the END of each hour; None where it is over."""
    ends_s = band.starts_s + HOUR_S
    kept = (ends_s > now.timestamp()) & np.isfinite(band.p50)
    if not kept.any():
        return None
    ends_s, p10, p50, p90 = ends_s[kept], band.p10[kept], band.p50[kept], band.p90[kept]
    reserve = site.limits.safe_min_soc_pct
    return CourseView(
        ends_s=ends_s,
        p10=p10,
        p50=p50,
        p90=p90,
        lowest=_lowest(ends_s, p50),
        lowest_if_dull=_lowest(ends_s, p10),
        full_at=_full_at(ends_s, p50),
        breach_at=_below_at(now, ends_s, p50, reserve, soc_pct),
        breach_if_dull_at=_below_at(now, ends_s, p10, reserve, soc_pct),
        risk=_risk(p10, p50, p90, reserve),
        end=LevelAt(float(p50[-1]), _utc(int(ends_s[-1]))),
        at_sunset=_at_sun(site, now, ends_s, p50, soc_pct, rise=False),
        at_sunrise=_at_sun(site, now, ends_s, p50, soc_pct, rise=True),
    )


def _lowest(ends_s: Ints, levels: Floats) -> LevelAt:
    at = int(np.argmin(levels))
    return LevelAt(float(levels[at]), _utc(int(ends_s[at])))


def _full_at(ends_s: Ints, levels: Floats) -> datetime | None:
    full = np.flatnonzero(levels >= FULL_PCT)
    return _utc(int(ends_s[full[0]])) if full.size else None


def _below_at(now: datetime, ends_s: Ints, levels: Floats, limit: float, soc_pct: float | None) -> datetime | None:
    """When the course passes below the limit, between the ends of two hours; `now` where it is below already."""
    below = np.flatnonzero(levels < limit - 1e-6)
    if not below.size:
        return None
    at = int(below[0])
    if at > 0:
        before_s, before = float(ends_s[at - 1]), float(levels[at - 1])
    else:
        before_s, before = now.timestamp(), float(levels[0]) if soc_pct is None else soc_pct
    if before <= limit:
        return _utc(before_s)
    share = (before - limit) / (before - float(levels[at]))
    return _utc(before_s + share * (float(ends_s[at]) - before_s))


def _risk(p10: Floats, p50: Floats, p90: Floats, limit: float) -> float:
    """The highest chance of any hour to be below the limit, read between its quantiles."""
    chances = [_chance(*levels, limit) for levels in zip(p10.tolist(), p50.tolist(), p90.tolist(), strict=True)]
    return max(chances)


def _chance(p10: float, p50: float, p90: float, limit: float) -> float:
    below, above = max(p50 - p10, 0.5), max(p90 - p50, 0.5)
    found = np.interp(limit, [p10 - below, p10, p50, p90, p90 + above], [0.0, 0.1, 0.5, 0.9, 1.0])
    return float(found)


def _at_sun(
    site: Site, now: datetime, ends_s: Ints, levels: Floats, soc_pct: float | None, *, rise: bool
) -> LevelAt | None:
    """The level at the next sunrise or sunset, where the course reaches it."""
    moment = next_sun(site, now, rise=rise)
    if moment is None or moment.timestamp() > ends_s[-1]:
        return None
    start = float(levels[0]) if soc_pct is None else soc_pct
    times, values = np.array([now.timestamp(), *ends_s]), np.array([start, *levels])
    return LevelAt(float(np.interp(moment.timestamp(), times, values)), moment)


def next_sun(site: Site, now: datetime, *, rise: bool) -> datetime | None:
    """The next sunrise, or sunset; None without a place, and where there is none within two days."""
    if site.latitude is None or site.longitude is None:
        return None
    today = now.astimezone(site.zone).date()
    for ahead in range(3):
        found = sunrise_sunset(today + timedelta(days=ahead), site.latitude, site.longitude)
        if found is not None and found[0 if rise else 1] > now:
            return found[0 if rise else 1]
    return None


def _utc(moment_s: float) -> datetime:
    return datetime.fromtimestamp(round(moment_s), UTC)
