"""The forecast of the base load: a shipped model from the first day, then the home's own, blended, with a band.

    model = train(site, past, until_s)                       # nightly; in a process of its own
    said = forecast(site, past, issued_s, model, log)        # hourly
    log = said.log                                           # kept for the next one (one issue a day is enough)

Nothing later than `issued_s` is used but the temperature forecast, so a caller may hand over whole files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from energy.forecast.blend import blended, weights
from energy.forecast.conformal import PastErrors, band
from energy.forecast.hours import DAY_S, HOUR_S, Band, Bools, Floats, Hours, local_hour
from energy.forecast.level import LevelModel, daily_ratio, fit_level, level_now
from energy.forecast.load_away import UNKNOWN_SHARE, Periods, inside, quiet_of
from energy.forecast.load_control import first_day, guard_share, total_factor
from energy.forecast.load_own import fit_own
from energy.forecast.load_pooled import shipped
from energy.forecast.load_rows import DAYS_BACK, LEAST_LEVEL_W, Clock, Rows, clock_of, newest_of, own_features, rows_of
from energy.forecast.load_site import KEPT_DAYS, LoadPast, LoadSite, checked_past
from energy.forecast.load_trees import Trees
from energy.forecast.member_log import MemberLog

__all__ = ["LoadForecast", "LoadModel", "LoadPast", "LoadSite", "forecast", "rehearse", "train"]

VERSION = "load-1"
HORIZON_HOURS = 48
FRESH_S = 36 * DAY_S
REHEARSED_DAYS = 28
BLEND_DAYS = 45.0
SHARPNESS = 50.0  # the members are alike and load is noisy: small differences that last are worth something
PRIOR = {"pooled": 6.0}  # its weight beside 1 of each other member, before errors speak
BAND_DAYS = 60.0
DEFAULT_ENDS = (-1.0, 1.6)  # in spreads, before anything was scored
USUAL_HOME_W = 1_000.0  # 24 kWh a day, where no load is known at all
LEVEL_DAYS = 180  # for fitting how the days' totals wander
MOST = 1.2  # of the greatest hour known
_BLEND, _CONTROLLED = "(blend)", "(controlled)"  # lines of the log that are no members
_LOOKED_BACK_DAYS = 2 * DAYS_BACK


@dataclass(frozen=True)
class LoadModel:
    """What a night's training leaves; it can be pickled. `notes` say what was missing."""

    until_s: int
    own: Trees | None
    level: LevelModel | None
    notes: tuple[str, ...] = ()
    version: str = VERSION


@dataclass(frozen=True)
class LoadForecast:
    """A band with what is behind it: the members and their weights, notes for people, and the log to keep."""

    band: Band
    members: Mapping[str, Floats]
    weights: Mapping[str, float]
    notes: tuple[str, ...]
    log: MemberLog


def train(site: LoadSite, past: LoadPast, until_s: int, *, pooled: Trees | None = None) -> LoadModel:
    """The model of what was known at `until_s`. With little or no history it holds what can be had, and says so.

    `pooled` replaces the shipped model, here as in `forecast` (a back-test that left a site out).
    """
    past, _ = _known_at(past, until_s, until_s, days=KEPT_DAYS)
    clock = clock_of(past.power, past.temperature_c, site.zone)
    own = fit_own(past.power, clock, site.zone, until_s, HORIZON_HOURS, pooled or shipped())
    days = int(np.isfinite(past.power.values).sum() // 24)
    notes = () if own is not None else (f"{days} days of load are known: too few to learn this home",)
    level = fit_level(_ratios(site, clock, past.power, until_s, LEVEL_DAYS))
    return LoadModel(until_s, own, level, notes)


def rehearse(
    site: LoadSite, past: LoadPast, until_s: int, *, days: int = REHEARSED_DAYS, pooled: Trees | None = None
) -> MemberLog:
    """What a model trained that many days ago would have said since, a day at a time: the first log of a site."""
    known = past.power.before(until_s)
    known = Hours(known.starts_s[np.isfinite(known.values)], known.values[np.isfinite(known.values)])
    if not known.starts_s.size:
        return MemberLog()
    days = min(days, int((until_s - known.starts_s[0]) // DAY_S))
    start_s = until_s - days * DAY_S
    model, log = train(site, past, start_s, pooled=pooled), MemberLog()
    for issued_s in range(start_s, until_s, DAY_S):
        log = forecast(site, past, issued_s, model, log, pooled=pooled).log
    return log


def forecast(
    site: LoadSite,
    past: LoadPast,
    issued_s: int,
    model: LoadModel | None = None,
    log: MemberLog | None = None,
    *,
    hours: int = HORIZON_HOURS,
    away: Periods = (),
    pooled: Trees | None = None,
) -> LoadForecast:
    """The forecast of the hours from `issued_s` on; works without any history.

    `away` are absences (from, to; epoch s): in those to come the load falls to what is known of the empty home, those
    that are over teach nothing of usual days. `pooled` replaces the shipped model (a back-test that left a site out).
    """
    log = log or MemberLog()
    end_s = issued_s + (hours + 1) * HOUR_S
    whole, checks = _known_at(past, issued_s, end_s, days=KEPT_DAYS if away else _LOOKED_BACK_DAYS)
    usual = whole.power
    if away:
        usual = Hours(usual.starts_s, np.where(inside(usual.starts_s, away), np.nan, usual.values))
    clock = clock_of(usual.since(issued_s - _LOOKED_BACK_DAYS * DAY_S), whole.temperature_c, site.zone)
    rows = rows_of(clock, site.zone, np.array([issued_s]), hours)
    actual = log.actual(usual, issued_s)
    members = _members(site, clock, rows, usual, pooled or shipped(), _fresh(model, issued_s))

    age = log.age_days(issued_s)
    recent = age <= BLEND_DAYS
    errors = {
        name: log.members[name][recent] - actual[recent] if name in log.members else np.full(int(recent.sum()), np.nan)
        for name in members
    }
    share = _with_prior(weights(errors, age[recent], sharpness=SHARPNESS))
    most = _most(usual)
    mixed = np.clip(blended(members, share), 0.0, most)
    controlled = np.clip(mixed * _factor(log, actual, age), 0.0, most)
    guard = _guard(log, actual, age)
    middle = controlled
    if guard > 0:
        middle = np.where(np.isfinite(members["same_hour"]), (1 - guard) * mixed + guard * members["same_hour"], mixed)

    scale = _scale(rows, middle, usual)
    group = local_hour(rows.starts_s, site.zone)
    past_errors = PastErrors(actual - log.p50, log.scale, log.group, age)
    low, high = band(middle, scale, group, past_errors, default=DEFAULT_ENDS, window_days=BAND_DAYS, near=1, cyclic=24)
    low, high = np.maximum(low, 0.0), np.minimum(high, np.maximum(most, middle))
    gone = inside(rows.starts_s, away)
    lines = {name: np.where(gone, np.nan, values) for name, values in members.items()}
    lines |= {_BLEND: np.where(gone, np.nan, mixed), _CONTROLLED: np.where(gone, np.nan, controlled)}
    kept = log.with_issue(issued_s, rows.starts_s, lines, np.where(gone, np.nan, middle), scale, group)
    notes = [*checks, *_notes(usual, whole.power, model, issued_s, guard)]
    if gone.any():
        (low, middle, high), note = _empty_home(site, whole.power, away, rows, gone, (low, middle, high))
        notes.append(note)
    said = Band("load", issued_s, rows.starts_s, low, middle, high, "+".join(members), VERSION)
    return LoadForecast(said, members, share, tuple(notes), kept)


def _known_at(past: LoadPast, moment_s: int, end_s: int, *, days: int) -> tuple[LoadPast, tuple[str, ...]]:
    """What was over at that moment, and the temperature forecast up to `end_s`; put right, with notes."""
    since_s = moment_s - days * DAY_S
    return checked_past(
        LoadPast(past.power.before(moment_s).since(since_s), past.temperature_c.before(end_s).since(since_s))
    )


def _fresh(model: LoadModel | None, issued_s: int) -> LoadModel | None:
    return model if model is not None and 0 <= issued_s - model.until_s <= FRESH_S else None


def _members(
    site: LoadSite, clock: Clock, rows: Rows, usual: Hours, pooled: Trees, model: LoadModel | None
) -> dict[str, Floats]:
    level = np.where(np.isfinite(rows.level_w), rows.level_w, _usual_level_w(usual))
    shares = pooled.predict(rows.features)
    members = {"pooled": np.maximum(shares, 0.0) * level}
    if not np.isfinite(rows.level_w).any():
        return members
    scale = np.maximum(rows.level_w, LEAST_LEVEL_W)
    members["same_hour"] = newest_of(rows.lags)
    for name, feature in (("mean_7", "mean_7"), ("median_14", "median_14"), ("like_days", "like_days_28")):
        members[name] = rows.feature(feature) * scale
    if model is not None and model.own is not None:
        differs = model.own.predict(np.column_stack([own_features(rows, clock, site.zone), shares]))
        members["own"] = np.maximum(shares + differs, 0.0) * rows.level_w
    if model is not None and model.level is not None:
        now_s = int(rows.starts_s[0])
        ratio = _ratios(site, clock, usual, now_s, DAYS_BACK)
        members["level"] = rows.feature("median_28") * scale * level_now(model.level, ratio)
    return members


def _ratios(site: LoadSite, clock: Clock, power: Hours, until_s: int, days: int) -> Floats:
    """The last days' totals over what their 28-day profile said (NaN unknown), oldest first."""
    rows = rows_of(clock, site.zone, until_s - DAY_S * np.arange(days, 0, -1, dtype=np.int64), 24)
    said = rows.feature("median_28") * np.maximum(rows.level_w, LEAST_LEVEL_W)
    return daily_ratio(rows.starts_s, power.at(rows.starts_s), said, 0.0, until_s)[1]


def _with_prior(share: Mapping[str, float]) -> dict[str, float]:
    raised = {name: weight * PRIOR.get(name, 1.0) for name, weight in share.items()}
    total = sum(raised.values())
    return {name: weight / total for name, weight in raised.items()}


def _most(power: Hours) -> float:
    known = power.values[np.isfinite(power.values)]
    return MOST * float(known.max()) if known.size >= 24 else float("inf")


def _factor(log: MemberLog, actual: Floats, age_days: Floats) -> float:
    if _BLEND not in log.members:
        return 1.0
    first = first_day(log.issued_s, log.starts_s)
    return total_factor(log.members[_BLEND][first], actual[first], age_days[first])


def _guard(log: MemberLog, actual: Floats, age_days: Floats) -> float:
    if _CONTROLLED not in log.members or "same_hour" not in log.members:
        return 0.0
    first = first_day(log.issued_s, log.starts_s)
    ours, persistence = log.members[_CONTROLLED][first], log.members["same_hour"][first]
    return guard_share(ours - actual[first], persistence - actual[first], age_days[first])


def _usual_level_w(usual: Hours) -> float:
    """The home's own mean before a long absence or silence; where nothing is known, that of a usual home."""
    known = usual.values[np.isfinite(usual.values)]
    return float(known[-DAYS_BACK * 24 :].mean()) if known.size >= 24 else USUAL_HOME_W


def _scale(rows: Rows, middle: Floats, usual: Hours) -> Floats:
    """What an error is measured by: how much this hour differed from day to day, and a share of the forecast."""
    level = np.where(np.isfinite(rows.level_w), rows.level_w, _usual_level_w(usual))
    spread = rows.feature("spread_28") * np.maximum(level, LEAST_LEVEL_W)
    spread = np.where(np.isfinite(spread) & (rows.feature("days_known") >= 5), spread, 0.6 * middle)
    scale: Floats = np.maximum(0.5 * spread + 0.25 * middle + 0.02 * level, LEAST_LEVEL_W)
    return scale


def _notes(usual: Hours, power: Hours, model: LoadModel | None, issued_s: int, guard: float) -> list[str]:
    """What a person should know of the ground of this forecast; hours of absences were measured too."""
    if not np.isfinite(usual.values).any():
        usual_kwh = 24 * USUAL_HOME_W / 1_000
        return [f"no load of the house itself is known lately: a usual home of {usual_kwh:.0f} kWh a day is assumed"]
    notes = []
    known = np.isfinite(power.values)
    lately = power.starts_s >= issued_s - DAYS_BACK * DAY_S
    hours = int((known & lately).sum())
    span = min(DAYS_BACK * 24, int((issued_s - power.starts_s[known][0]) // HOUR_S))
    if hours < 7 * 24 and span < 7 * 24:
        notes.append(f"{hours} hours of load are known: the shape of the day is that of a usual home")
    elif hours < 0.9 * span:
        notes.append(f"{span - hours} of the last {span} hours of load are unknown")
    silent_hours = int((issued_s - power.starts_s[known][-1]) // HOUR_S) - 1
    if silent_hours >= 24:
        notes.append(f"the newest load known is {silent_hours} hours old")
    if hours >= 24 and not np.any(power.values[known & lately] > 0):
        notes.append(f"the load was 0 W in all of the last {hours} hours known: is its meter alive?")
    if model is None or model.own is None:
        notes.append("this home's own model is not trained yet")
    if guard > 0:
        notes.append(f"lately the models were hardly better than the day before: it weighs {guard:.0%}")
    return notes


def _empty_home(
    site: LoadSite, power: Hours, away: Periods, rows: Rows, gone: Bools, ends: tuple[Floats, Floats, Floats]
) -> tuple[tuple[Floats, Floats, Floats], str]:
    """The band with the hours of an absence at the empty home's load, never above the usual one; and the note."""
    low, middle, high = ends
    quiet = quiet_of(power, site.zone, away)
    if quiet is None:
        low, middle = (np.where(gone, UNKNOWN_SHARE * end, end) for end in (low, middle))
        source = f"{UNKNOWN_SHARE:.0%} of the usual, since too little is known of this home's quiet days"
    else:
        hour = local_hour(rows.starts_s, site.zone)
        low, middle, high = (
            np.where(gone, np.minimum(each[hour], end), end)
            for each, end in ((quiet.low_w, low), (quiet.middle_w, middle), (quiet.high_w, high))
        )
        source = f"as in {quiet.source}"
    return (np.minimum(low, middle), middle, np.maximum(high, middle)), (
        f"{int(gone.sum())} hours of absence: {source}"
    )
