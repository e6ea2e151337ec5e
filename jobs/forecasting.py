"""Forecasts of solar and load: made every hour and on new weather, in a child process, and kept as they were issued."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import structlog

from energy.forecast.hours import DAY_S, HOUR_S, Band
from energy.units import format_energy
from jobs.claims import NotDone, claim, claim_slot, try_again
from jobs.work import Work
from services.outlook_inputs import OutlookInputs, everybody_away, outlook_inputs
from services.outlook_reckoning import SURE_HOURS, Forecasts, ForecastTask, Said
from services.outlook_reckoning import make_forecasts as reckon_forecasts
from services.reckoning import ReckoningError
from services.trained_models import FOLDER, ModelRef
from store import forecasts, model_files, power_forecasts, weather
from store.forecasts import StoredForecast

log = structlog.get_logger()
NAME, ON_WEATHER = "forecast", "forecast_weather"
WEATHER_USED = "weather_forecast_used"
EVERY_S = 3_600.0
WITHIN_S = 60.0  # the first one in a new child loads its libraries
LONGEST_HOURS = 168
DAYS = 128  # what the forecasts look back on: the panels are fitted over 120 days, and errors are kept for 75
DAYS_OF_ABSENCES = 730
PORTAL = "victron_vrm"
PORTAL_FRESH = timedelta(hours=12)
FAR_APART = 0.25
FULL_DAY_HOURS = 23  # a day on which the clock is set ahead


async def make_forecasts(work: Work) -> None:
    """The forecast of this hour, and one more for each newer weather forecast; on one of the workers.

    One that failed, or came too late, is tried again with the next tick.
    """
    if work.reckoner is None:
        return
    if await claim(work, NAME, EVERY_S):
        await _made_or_again(work, NAME)
    elif (newest_at := await _newer_weather(work)) is not None:
        work.tried_slots[ON_WEATHER] = newest_at
        await _made_or_again(work, ON_WEATHER)


async def _made_or_again(work: Work, name: str) -> None:
    made = False
    try:
        await make_forecasts_now(work)
        made = True
    except NotDone:
        log.debug("forecast_tried_again", site=work.site.id)
    finally:  # also where the schedule's time was over
        if not made:
            work.said.pop(WEATHER_USED, None)
            await try_again(work, name)


async def make_forecasts_now(work: Work) -> tuple[StoredForecast, ...]:
    """Make and keep both forecasts, as far as they can be made, and wake who plans from them.

    The first hour is the one that runs now: a plan begins in it. Notes say what was missing. Raises `NotDone` when the
    child process failed, which the log says.
    """
    reckoner = work.reckoner
    if reckoner is None:
        raise ValueError("forecasts need a reckoner")
    now, site = work.clock(), work.site
    models = await models_in_use(work)
    async with work.database.one_read():
        days = await _days_wanted(work, now)
        inputs = await outlook_inputs(work.database, work.org_id, site, as_of=now, days=days, hours=LONGEST_HOURS)
    issued_s = int(now.timestamp()) // HOUR_S * HOUR_S
    logs = None if work.data_dir is None else work.data_dir / FOLDER / site.id
    task = ForecastTask(inputs, issued_s, _hours(inputs, issued_s), models, logs)
    try:
        said = await reckoner.warm(reckon_forecasts, task, timeout_s=WITHIN_S)
    except ReckoningError as error:
        work.surprises.failed("forecast_not_reckoned", site.id, error)
        raise NotDone from error
    work.surprises.succeeded("forecast_not_reckoned", site.id)
    return await keep_said(work, inputs, said, now)


async def _days_wanted(work: Work, now: datetime) -> int:
    """How many days to look back on: before an absence, as far as to earlier ones, which show the empty home's load."""
    since = now - timedelta(days=DAYS_OF_ABSENCES)
    away = await everybody_away(work.database, work.org_id, work.site, since=since, now=now)
    if not away or away[-1][1] <= now.timestamp():
        return DAYS
    first_s = max(away[0][0], int(since.timestamp()))
    return max(DAYS, int(now.timestamp() - first_s) // DAY_S + 1)


async def models_in_use(work: Work) -> dict[str, ModelRef]:
    """The active model of each target, as files of this machine."""
    if work.data_dir is None:
        return {}
    known = await model_files.of_site(work.database, work.org_id, work.site.id)
    return {
        each.target: ModelRef(work.data_dir / FOLDER, each.path, each.sha256, each.version)
        for each in known
        if each.state == "active"
    }


async def keep_said(work: Work, inputs: OutlookInputs, said: Forecasts, now: datetime) -> tuple[StoredForecast, ...]:
    """Keep what could be made; what could not is told in the notes of the other."""
    kept = []
    missing = tuple(
        text for target, one in (("solar", said.solar), ("load", said.load)) if (text := _why_not(target, one))
    )
    for target, one in (("solar", said.solar), ("load", said.load)):
        _note(work, target, one)
        if one.band is None:
            continue
        band = replace(one.band, issued_s=int(now.timestamp()))
        notes = (*missing, *((inputs.weather.says,) if inputs.weather.says else ()), *one.notes)
        check = await _portal_says(work, band, now)
        weather_issued_at = inputs.weather.issued_at
        stored = StoredForecast(
            band.target,
            band,
            (*notes, check) if check else notes,
            inputs.weather.source if inputs.weather.ghi_w_m2.starts_s.size else None,
            weather_issued_at,
            one.weights,
        )
        if await forecasts.put(work.database, work.org_id, work.site.id, stored):
            kept.append(stored)
    if kept:
        log.debug("forecast_made", site=work.site.id, targets=[s.target for s in kept], cpu_s=round(said.cpu_s, 2))
        await work.wake_up("plan")
    return tuple(kept)


def _why_not(target: str, said: Said) -> str:
    """What people must hear, beside the other forecast, of one that could not be made; empty where it was made."""
    if said.band is not None:
        return ""
    if said.failed is None:
        return "; ".join(said.notes)
    return f"the {target} forecast could not be made ({said.failed}): the worker's log says where it failed"


def _note(work: Work, target: str, said: Said) -> None:
    """Log when a target cannot be forecast, and when it can again."""
    event = f"no_forecast:{target}"
    reason = said.failed or ("" if said.band is not None else "; ".join(said.notes))
    if reason == work.said.get(event, ""):
        return
    work.said[event] = reason
    if said.failed:
        log.error("forecast_failed", site=work.site.id, target=target, reason=reason)
    elif reason:
        log.warning("no_forecast", site=work.site.id, target=target, reason=reason)
    else:
        log.info("forecast_again", site=work.site.id, target=target)


def _hours(inputs: OutlookInputs, issued_s: int) -> int:
    """Two days always; as far as the weather forecast reaches beyond that, a week at the most."""
    reach_s = inputs.weather.reach_s
    reached = 0 if reach_s is None else (reach_s - issued_s) // HOUR_S
    return min(max(reached, SURE_HOURS), LONGEST_HOURS)


async def _newer_weather(work: Work) -> datetime | None:
    """When weather was forecast after what the newest forecasts know, if this worker is the first to see it."""
    now = work.clock()
    until = now + timedelta(milliseconds=1)
    issued = await weather.issues(work.database, work.org_id, work.site.id, now - timedelta(hours=2), until)
    if not issued:
        return None
    newest_at = issued[-1][0]
    if work.said.get(WEATHER_USED) == newest_at.isoformat():
        return None
    work.said[WEATHER_USED] = newest_at.isoformat()
    last = await forecasts.newest(work.database, work.org_id, work.site.id, "load", as_of=now)
    if last is None or (last.weather_issued_at is not None and last.weather_issued_at >= newest_at):
        return None
    return newest_at if await claim_slot(work, ON_WEATHER, newest_at, 1_800.0) else None


async def _portal_says(work: Work, band: Band, now: datetime) -> str | None:
    """Where the vendor's own forecast of tomorrow is far from ours: both, for people to judge."""
    issued = await power_forecasts.latest_issued(work.database, work.org_id, work.site.id, as_of=now, source=PORTAL)
    if issued is None or now - issued.issued_at > PORTAL_FRESH:
        return None
    tomorrow = (now.astimezone(work.site.zone) + timedelta(days=1)).date()
    theirs = {
        int(hour.start.timestamp()): hour.solar_w if band.target == "solar" else hour.load_w for hour in issued.hours
    }
    shared = [
        (own, other)
        for start_s, own in zip(band.starts_s.tolist(), band.p50.tolist(), strict=True)
        if datetime.fromtimestamp(start_s, UTC).astimezone(work.site.zone).date() == tomorrow
        and (other := theirs.get(start_s)) is not None
    ]
    if len(shared) < FULL_DAY_HOURS:
        return None
    ours_kwh, theirs_kwh = (float(np.sum(column)) / 1_000.0 for column in zip(*shared, strict=True))
    if abs(ours_kwh - theirs_kwh) <= FAR_APART * max(ours_kwh, theirs_kwh, 1.0):
        return None
    what = "solar" if band.target == "solar" else "consumption"
    return (
        f"Victron's own forecast of tomorrow's {what} is {format_energy(theirs_kwh)}, ours is {format_energy(ours_kwh)}"
    )
