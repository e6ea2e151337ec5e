"""The solar forecast: physics from day one, members that learn once there is history, blended, with a band.

    model = train(site, past, until_s)                       # nightly; in a process of its own
    said = forecast(site, past, issued_s, model, log)        # hourly
    log = said.log                                           # kept for the next one (one issue a day is enough)

Nothing later than `issued_s` is used but the clearness forecast, so a caller may hand over whole files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from energy.forecast.blend import blended, weights
from energy.forecast.conformal import PastErrors, band
from energy.forecast.hours import DAY_S, HOUR_S, Band, Floats, Hours, Ints, hour_range
from energy.forecast.level import LevelModel, daily_ratio, fit_level, level_now
from energy.forecast.member_log import MemberLog
from energy.forecast.persistent import BEFORE_DAYS, LATELY_DAYS, Persistent, notice
from energy.forecast.sky import CLEAREST, frost_is_usual
from energy.forecast.solar_linear import USUAL, fit_linear, linear_w
from energy.forecast.solar_members import Boosted, fit_boosted
from energy.forecast.solar_rows import FITTED_OVER_DAYS, NAMES, Grid, Rows, rows_of
from energy.forecast.solar_site import SolarPast, SolarSite, checked_past, checked_site, grid_for
from energy.forecast.solar_today import HEARD_ABOVE, HEARD_BELOW, HOURS_BACK, leaning, ratio_today

VERSION = "solar-2"
HORIZON_HOURS = 48
FRESH_S = 36 * HOUR_S  # the planes of a model serve so long; later they are fitted anew
REHEARSED_DAYS = 28
BLEND_DAYS = 60.0
BLEND_HALF_LIFE_DAYS = 40.0
SHARPNESS = 16.0  # the members are alike in most weather: small differences last
# The ends of the band before anything was scored, in shares of the clear sky's power: so wide that 8 of 10 hours lay
# within on five real sites, with panels whose direction nobody wrote down, and after a first look at them.
FIRST_ENDS, DEFAULT_ENDS = (-0.60, 0.50), (-0.50, 0.36)
_FEW_SCORED = 40  # hours: as many as the band wants of all groups together
_FIT_EVERY_DAYS = 7
_UNMEASURED_DAYS = 3
_SILENT_DAYS, _DARK_BELOW = 4, 0.02  # days without power; a day's power over what the described panels would give
_FEW_HOURS, _SOME_HOURS = 6, 50  # daylight hours known: below, the described arrays alone; then the fitted planes alone


@dataclass(frozen=True)
class SolarModel:
    """What a night's training leaves; it can be pickled. `notes` say what was missing."""

    until_s: int
    shares: Floats
    boosted: Boosted | None
    level: LevelModel | None
    linear: Floats = field(default_factory=lambda: USUAL)
    notes: tuple[str, ...] = ()
    version: str = VERSION


@dataclass(frozen=True)
class SolarForecast:
    """A band with what is behind it: the members and their weights, notes for people, what is odd, the log to keep."""

    band: Band
    members: Mapping[str, Floats]
    weights: Mapping[str, float]
    notes: tuple[str, ...]
    persistent: Persistent | None
    log: MemberLog


def train(site: SolarSite, past: SolarPast, until_s: int) -> SolarModel:
    """The model of what was known at `until_s`. With little or no history it holds what can be had, and says so."""
    site, _ = checked_site(site)
    past, _ = checked_past(past, 1_000.0 * sum(panel.kwp for panel in site.panels))
    return train_on(grid_for(site, past, until_s), until_s)


def train_on(grid: Grid, until_s: int) -> SolarModel:
    """The same on a grid, which may go on after `until_s`: that part is not looked at."""
    known = _known_hours(grid, until_s)
    if known < _SOME_HOURS:
        return SolarModel(
            until_s,
            grid.shares(until_s),
            None,
            None,
            notes=(f"{known} daylight hours known: too few to learn",),
        )
    days = int((until_s - grid.starts_s[0]) // DAY_S)
    issues_s = until_s - DAY_S * np.arange(days, 0, -1, dtype=np.int64)
    fitted = {day: grid.shares(int(issues_s[day])) for day in range(0, days, _FIT_EVERY_DAYS)}
    shares = np.array([fitted[day // _FIT_EVERY_DAYS * _FIT_EVERY_DAYS] for day in range(days)])
    rows = rows_of(grid, issues_s, shares, HORIZON_HOURS)
    over = grid.starts_s[rows.index] + HOUR_S <= until_s
    actual = np.where(over, grid.actual_w[rows.index], np.nan)
    ahead = grid.starts_s[rows.index] - rows.issued_s < DAY_S
    linear = fit_linear(grid, rows, until_s)
    said = linear_w(rows, grid.clearness[rows.index], linear, grid.peak_w)
    _, ratio = daily_ratio(grid.starts_s[rows.index][ahead], actual[ahead], said[ahead], grid.peak_w, until_s)
    boosted = fit_boosted(grid, rows, until_s)
    notes = () if boosted else ("too little history for the learning members",)
    return SolarModel(until_s, grid.shares(until_s), boosted, fit_level(ratio[-180:]), linear, notes)


def rehearse(site: SolarSite, past: SolarPast, until_s: int, *, days: int = REHEARSED_DAYS) -> MemberLog:
    """What a model trained that many days ago would have said since, a day at a time: the first log of a site."""
    site, _ = checked_site(site)
    past, _ = checked_past(past, 1_000.0 * sum(panel.kwp for panel in site.panels))
    grid = grid_for(site, past, until_s + HORIZON_HOURS * HOUR_S)
    start_s = max(until_s - days * DAY_S, int(grid.starts_s[0]) + DAY_S)
    model, log = train_on(grid, start_s), MemberLog()
    for issued_s in range(start_s, until_s, DAY_S):
        log = forecast_on(grid, issued_s, model, log).log
    return log


def forecast(
    site: SolarSite,
    past: SolarPast,
    issued_s: int,
    model: SolarModel | None = None,
    log: MemberLog | None = None,
    *,
    hours: int = HORIZON_HOURS,
) -> SolarForecast:
    """The forecast of the hours from `issued_s` on. Works with a place and a rating alone; raises NoSolar without."""
    site, site_notes = checked_site(site)
    past, past_notes = checked_past(past, 1_000.0 * sum(panel.kwp for panel in site.panels))
    end_s = issued_s + hours * HOUR_S
    past = SolarPast(
        past.power.before(issued_s), past.clearness.before(end_s), past.curtailed_s, past.seen.before(issued_s)
    )
    days = FITTED_OVER_DAYS + 4 + -(-hours // 24)  # counted from the end; a log reaches less far back than the fit
    grid = grid_for(site, past, end_s, issued_s=issued_s, days=days)
    said = forecast_on(grid, issued_s, model, log or MemberLog(), hours=hours)
    return SolarForecast(
        said.band, said.members, said.weights, (*site_notes, *past_notes, *said.notes), said.persistent, said.log
    )


def forecast_on(
    grid: Grid, issued_s: int, model: SolarModel | None, log: MemberLog, *, hours: int = HORIZON_HOURS
) -> SolarForecast:
    """The same on a grid, which may hold more than was known: of the past only what was over at `issued_s` is used.

    Raises ValueError where the grid does not hold all hours that are to be forecast.
    """
    if issued_s < grid.starts_s[0] or issued_s + hours * HOUR_S > grid.starts_s[-1] + HOUR_S:
        raise ValueError(f"the grid of the solar forecast does not hold the {hours} hours from {issued_s} on")
    known = _known_hours(grid, issued_s)
    learned = model is not None and model.boosted is not None and model.boosted.peak_w == grid.peak_w
    fresh = model is not None and known >= _SOME_HOURS and 0 <= issued_s - model.until_s <= FRESH_S
    if learned and known < _SOME_HOURS:  # nothing was measured lately: what was learned before still holds
        known, fresh = _SOME_HOURS, True
    shares = model.shares if model is not None and fresh else grid.shares(issued_s)
    rows = rows_of(grid, np.array([issued_s]), shares[None, :], hours)
    past_w = Hours(grid.starts_s, grid.actual_w)
    actual = log.actual(past_w, issued_s)
    ratio = _lately(grid, log, actual, issued_s, "linear")
    members = _members(grid, rows, model, known, ratio)
    notes = list(_notes(grid, rows, model, known))
    if known >= _SOME_HOURS:
        notes.extend(_unmeasured(grid, issued_s))

    age = log.age_days(issued_s)
    recent = age <= BLEND_DAYS
    errors = {
        name: log.members[name][recent] - actual[recent] if name in log.members else np.full(int(recent.sum()), np.nan)
        for name in members
    }
    share = weights(errors, age[recent], half_life_days=BLEND_HALF_LIFE_DAYS, sharpness=SHARPNESS)
    mixed = np.clip(blended(members, share), 0.0, grid.peak_w)
    scale = np.maximum(rows.clear_w, 0.01 * grid.peak_w)
    group = _groups(grid, rows)
    past = PastErrors(actual - log.p50, log.scale, log.group, age)
    ends = FIRST_ENDS if known < _FEW_HOURS and not grid.described else DEFAULT_ENDS
    today = _today(grid, issued_s, shares, model, ratio, known)
    lead_h = (grid.starts_s[rows.index] - issued_s) / HOUR_S
    leaned = np.clip(mixed * leaning(today, lead_h), 0.0, grid.peak_w)
    low, high = band(leaned, scale, group, past, default=ends)
    if int(np.isfinite(past.errors).sum()) < _FEW_SCORED:  # its own errors say nothing yet: a clear sky is the most
        high = np.minimum(high, np.maximum(leaned, _most_w(grid, rows, known)))

    starts_s = hour_range(issued_s, hours)
    place = np.searchsorted(starts_s, grid.starts_s[rows.index])

    def whole(values: Floats) -> Floats:
        filled = np.zeros(starts_s.shape)
        filled[place] = np.clip(values, 0.0, grid.peak_w)
        return filled

    if not HEARD_BELOW <= today <= HEARD_ABOVE:
        notes.append(f"the last hours brought {today:.0%} of what was forecast: the next ones lean to that")
    found = notice(_came_of_planes(grid, shares, issued_s), frost=frost_is_usual(grid.sky.latitude, issued_s))
    dark_days = _dark_days(grid, issued_s)
    if dark_days >= _SILENT_DAYS:
        notes.append(
            f"no solar power for {dark_days} days, though the sun shone on the panels: check their switch, "
            "the inverter and the meter, and whether snow lies on them"
        )
    elif found is not None:
        notes.append(f"for {found.days} days {found.ratio:.0%} of the usual power came: {found.looks}")
    return SolarForecast(
        Band("solar", issued_s, starts_s, whole(low), whole(leaned), whole(high), "+".join(members), VERSION),
        {name: whole(values) for name, values in members.items()},
        share,
        tuple(notes),
        found,
        log.with_issue(issued_s, grid.starts_s[rows.index], members, mixed, scale, group),
    )


def _members(grid: Grid, rows: Rows, model: SolarModel | None, known: int, ratio: Floats) -> dict[str, Floats]:
    clearness = grid.clearness[rows.index]
    if known < _SOME_HOURS:  # too few days for the hours of the day to differ by more than chance
        name = "prior" if known < _FEW_HOURS else "planes"
        return {name: linear_w(rows.without_hours(), clearness, USUAL, grid.peak_w)}
    linear = linear_w(rows, clearness, USUAL if model is None else model.linear, grid.peak_w)
    members = {"planes": rows.physics_w, "by_hour": rows.by_hour_w, "linear": linear}
    if model is not None and model.level is not None:
        members["level"] = linear * level_now(model.level, ratio)
    if model is not None and model.boosted is not None and model.boosted.peak_w == grid.peak_w:
        members |= model.boosted.forecast(rows)
    return members


def _notes(grid: Grid, rows: Rows, model: SolarModel | None, known: int) -> tuple[str, ...]:
    notes = []
    if known < _FEW_HOURS:
        notes.append("no solar power is known yet by day: the forecast comes from place, rating and weather alone")
    elif known < _SOME_HOURS:
        notes.append(f"{known} daylight hours of solar power are known: the panels' direction is a first guess")
    elif model is None or model.boosted is None:
        notes.append("the forecast has learned nothing of this site's own days yet; it does so each night")
    clearness = grid.clearness[rows.index]
    if rows.index.size and not np.isfinite(clearness).all():
        missing = int((~np.isfinite(clearness)).sum())
        notes.append(f"no weather forecast for {missing} of {clearness.size} daylight hours: the usual sky is assumed")
    return tuple(notes)


def _unmeasured(grid: Grid, issued_s: int) -> tuple[str, ...]:
    """A note where no daylight hour of the last days was measured."""
    end = int(grid.known(np.array([issued_s]))[0])
    lit = np.flatnonzero(grid.sky.day[:end])
    measured = np.flatnonzero(np.isfinite(grid.actual_w[lit]))
    since = lit[measured[-1] + 1 :] if measured.size else lit
    days = np.unique((issued_s - 1 - grid.starts_s[since]) // DAY_S).size
    if days < _UNMEASURED_DAYS:
        return ()
    return (f"no solar power was measured in the last {days} days: see in /health that the inverter or meter answers",)


def _known_hours(grid: Grid, moment_s: int) -> int:
    """The hours with known power in which the sun stood high enough to tell something of the panels: above 5 degrees,
    or in a high winter above half of what it reaches at all."""
    end = int(grid.known(np.array([moment_s]))[0])
    if not end:
        return 0
    height = grid.sky.elevation_deg[:end]
    high = grid.sky.day[:end] & (height > min(5.0, float(height.max()) / 2))
    return int(np.sum(np.isfinite(grid.actual_w[:end]) & high))


def _came_of_planes(grid: Grid, shares: Floats, issued_s: int) -> Floats:
    """The daily ratios of actual power over what the planes give under the sky that came, as far as that is known:
    without weather a dull week would look like dirt."""
    end = int(grid.known(np.array([issued_s]))[0])
    span = slice(max(0, end - 24 * (BEFORE_DAYS + LATELY_DAYS)), end)
    expected = np.where(np.isfinite(grid.clearness[span]), grid.past_basis[span] @ shares, np.nan)
    return daily_ratio(grid.starts_s[span], grid.actual_w[span], expected, grid.peak_w, issued_s)[1]


def _today(grid: Grid, issued_s: int, shares: Floats, model: SolarModel | None, level: Floats, known: int) -> float:
    """What came of the last hours over what would have been said of them, with the sky as it was forecast."""
    began_s = issued_s - HOURS_BACK * HOUR_S
    if known < _SOME_HOURS or began_s < grid.starts_s[0]:
        return 1.0
    rows = rows_of(grid, np.array([began_s]), shares[None, :], HOURS_BACK)
    if not rows.index.size:
        return 1.0
    linear = linear_w(rows, grid.clearness[rows.index], USUAL if model is None else model.linear, grid.peak_w)
    if model is not None and model.level is not None:
        linear = linear * level_now(model.level, level)
    return ratio_today(grid.actual_w[rows.index], linear, grid.peak_w)


def _most_w(grid: Grid, rows: Rows, known: int) -> Floats:
    """What comes at the most: a clear sky's power with clouds at its edges, from panels that look the best way for that
    hour where nobody knows how they look."""
    if known >= _SOME_HOURS:
        return CLEAREST * rows.clear_w
    if known < _FEW_HOURS and not grid.described:
        most: Floats = np.minimum(CLEAREST * grid.clear_basis[rows.index].max(axis=1), grid.peak_w)
        return most
    return CLEAREST * rows.features[:, NAMES.index("clear")]


def _dark_days(grid: Grid, issued_s: int) -> int:
    """The last days with known power, of those in which the panels as described would have given some, without any."""
    end = int(grid.known(np.array([issued_s]))[0])
    actual, expected = grid.actual_w[:end], grid.past_basis[:end, 0]
    ratio = daily_ratio(grid.starts_s[:end], actual, expected, grid.peak_w, issued_s)[1]
    gave = np.flatnonzero(ratio[np.isfinite(ratio)][::-1] >= _DARK_BELOW)
    return int(gave[0]) if gave.size else int(np.isfinite(ratio).sum())


def _lately(grid: Grid, log: MemberLog, actual: Floats, issued_s: int, name: str) -> Floats:
    """The daily ratios of actual over what a member said of its first day."""
    if name not in log.members:
        return np.empty(0)
    first = log.starts_s - log.issued_s < DAY_S
    return daily_ratio(log.starts_s[first], actual[first], log.members[name][first], grid.peak_w, issued_s)[1]


def _groups(grid: Grid, rows: Rows) -> Ints:
    """Low sun, morning, afternoon (the hours of the day that err alike), each for a dull, mixed and clear forecast."""
    low = grid.sky.elevation_deg[rows.index] < 12.0
    morning = grid.sky.azimuth_deg[rows.index] < 180.0
    hour = np.where(low, 0, np.where(morning, 1, 2))
    clearness = np.nan_to_num(grid.clearness[rows.index], nan=0.75)
    found: Ints = (3 * hour + np.digitize(clearness, [0.55, 0.9])).astype(np.int64)
    return found
