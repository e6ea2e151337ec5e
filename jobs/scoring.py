"""The nightly scoring: each day that is over is judged by the forecasts made before it; and the battery's health.

Days of the last week that have no figures yet are scored too, so that a worker that was down catches up.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import structlog

from jobs.claims import claim_slot
from jobs.work import Work
from services.battery_health import cells_values, health_inputs, reckon_health
from services.outlook_values import Nothing
from services.reckoning import InlineReckoner, ReckoningError
from services.scope import Scope
from services.score_reckoning import reckon_scores
from services.scoring import measurements, score_task, targets_of
from store import scores
from store.scores import Score

log = structlog.get_logger()
NAME = "scoring"
AT = time(1, 15)  # local: the hour after midnight is over, which tells the level at midnight
EVERY_S = 86_400.0
DAYS = 7
WITHIN_S = 120.0


async def score_yesterday(work: Work) -> None:
    """Score once after each 01:15 of the site, on one of the workers; also when that was missed."""
    slot = slot_of_night(work)
    if work.tried_slots.get(NAME) == slot:
        return
    won = await claim_slot(work, NAME, slot, EVERY_S)
    work.tried_slots[NAME] = slot
    if won:
        await score_days(work)
        await score_cells(work)


def slot_of_night(work: Work) -> datetime:
    """The last 01:15 of the site's zone, in UTC."""
    local = work.clock().astimezone(work.site.zone)
    day = local.date() if local.time() >= AT else local.date() - timedelta(days=1)
    return datetime.combine(day, AT, tzinfo=work.site.zone).astimezone(UTC)


async def score_days(work: Work) -> tuple[Score, ...]:
    """Score what is not scored yet of the last days up to yesterday; what could not be is tried again each night."""
    now, site = work.clock(), work.site
    today = now.astimezone(site.zone).date()
    days = [today - timedelta(days=back) for back in range(DAYS, 0, -1)]
    known = await scores.between(work.database, work.org_id, site.id, days[0], days[-1])
    done = {(score.day, score.target) for score in known if score.values.get("scored")}
    due = {day: tuple(each for each in targets_of(site) if (day, each) not in done) for day in days}
    if not any(due.values()):
        return ()
    async with work.database.one_read():
        first = next(day for day in days if due[day])
        measured = await measurements(work.database, work.org_id, site, first, as_of=now)
        tasks = [
            await score_task(work.database, work.org_id, site, day, targets, measured)
            for day, targets in due.items()
            if targets
        ]
    reckoner = work.reckoner or InlineReckoner()
    made = []
    for task in (each for each in tasks if each.targets):
        try:
            found = await reckoner.once(reckon_scores, task, timeout_s=WITHIN_S)
        except ReckoningError as error:
            work.surprises.failed("day_not_scored", f"{site.id}:{task.day}", error)
            continue
        work.surprises.succeeded("day_not_scored", f"{site.id}:{task.day}")
        for target, values in found.items():
            score = Score(task.day, target, values)
            await scores.put(work.database, work.org_id, site.id, score)
            made.append(score)
    scored = [f"{score.day}:{score.target}" for score in made if score.values.get("scored")]
    if scored:
        log.info("days_scored", site=site.id, scored=scored)
    return tuple(made)


async def score_cells(work: Work) -> Score | None:
    """The battery's health as it is known tonight, kept as the figures of yesterday; None where it cannot be told."""
    site, now = work.site, work.clock()
    inputs = await health_inputs(Scope(work.database, site, now, org_id=work.org_id))
    if isinstance(inputs, Nothing):
        return None
    reckoner = work.reckoner or InlineReckoner()
    try:
        health = await reckoner.once(reckon_health, site, inputs, timeout_s=WITHIN_S)
    except ReckoningError as error:
        work.surprises.failed("cells_not_scored", site.id, error)
        return None
    work.surprises.succeeded("cells_not_scored", site.id)
    score = Score(yesterday_of(work), "cells", cells_values(health))
    await scores.put(work.database, work.org_id, site.id, score)
    return score


def yesterday_of(work: Work) -> date:
    """The site's last day that is over."""
    return work.clock().astimezone(work.site.zone).date() - timedelta(days=1)
