"""Dropping what nobody needs any more, once a night. Readings stay, and a year of forecasts: models learn from them."""

from __future__ import annotations

from datetime import timedelta

import structlog

from jobs.work import Work
from store import (
    alerts,
    buttons,
    control,
    forecasts,
    inbox,
    messages,
    mutes,
    outbox,
    plans,
    power_forecasts,
    prices,
    scores,
    slots,
    weather,
    weather_now,
)

log = structlog.get_logger()
KEPT = timedelta(days=30)
STRANDED = timedelta(days=7)
FORECASTS_KEPT = timedelta(days=400)
EACH_FORECAST_KEPT = timedelta(days=60)  # of older ones the first of each local day, by which models and scores go
PLANS_KEPT = timedelta(days=60)
EACH_PLAN_KEPT = timedelta(days=3)  # a plan is large: of older ones the last of each hour stays,
HOURLY_PLANS_KEPT = timedelta(days=14)  # then the last of each local day, by which scores go
SCORES_KEPT = timedelta(days=1_100)
THINNED_OVER = timedelta(days=40)  # at a time: the nights before have thinned what is older


async def keep_house(work: Work) -> None:
    """Drop what is over for 30 days: slots, settled messages' keys, buttons, what people were told, mutes.

    Requests stay: the audit table names them. Episodes stay too, and their transitions, but for signs that came to
    nothing.
    """
    database, org_id, moment = work.database, work.org_id, work.clock() - KEPT
    dropped = {
        "slots": await slots.forget_before(database, org_id, moment),
        "messages": await inbox.forget_settled_before(database, org_id, moment),
        "buttons": await buttons.forget_before(database, org_id, moment),
        "told": await outbox.forget_settled_before(database, org_id, moment),
        "alert_messages": await messages.forget_before(database, org_id, moment),
        "mutes": await mutes.forget_over_before(database, org_id, moment),
        "signs": await alerts.forget_signs_before(database, org_id, moment),
    }
    dropped |= await _drop_foreseen(work)
    stranded_since = work.clock() - STRANDED
    dropped["stranded"] = await outbox.strand(
        database, org_id, but=work.site.id, due_before=stranded_since, now=work.clock()
    )
    await control.expire_proposals(database, org_id, work.clock())
    if any(dropped.values()):
        log.info("house_kept", **dropped)


async def _drop_foreseen(work: Work) -> dict[str, int]:
    """Forecasts of weather, powers and battery, and plans: a year of one a day, two months of all."""
    database, org_id, site, now = work.database, work.org_id, work.site, work.clock()
    oldest, thin_until = now - FORECASTS_KEPT, now - EACH_FORECAST_KEPT
    thin_from = thin_until - THINNED_OVER
    issued = await forecasts.issue_times(database, org_id, site.id, thin_from, thin_until)
    archived = await weather.issues(database, org_id, site.id, thin_from, thin_until)
    firsts = {(target, moment.astimezone(site.zone).date()): moment for target, moment in reversed(issued)}
    # Of the weather the last one of each local day is what was known when the next day began.
    lasts = {moment.astimezone(site.zone).date(): moment for moment, _ in archived}
    extra = [(t, moment) for t, moment in issued if firsts[t, moment.astimezone(site.zone).date()] != moment]
    extra_weather = {moment for moment, _ in archived} - set(lasts.values())
    return {
        "forecasts": await forecasts.forget(database, org_id, site.id, extra)
        + await forecasts.forget_before(database, org_id, site.id, oldest),
        "weather": await weather.forget(database, org_id, site.id, sorted(extra_weather))
        + await weather.forget_before(database, org_id, site.id, oldest),
        "weather_now": await weather_now.forget_before(database, org_id, site.id, thin_until),
        "power_forecasts": await power_forecasts.forget_before(database, org_id, site.id, thin_until),
        "prices": await prices.forget_before(database, org_id, site.id, oldest),
        "plans": await _drop_plans(work),
        "scores": await scores.forget_before(database, org_id, site.id, (now - SCORES_KEPT).date()),
    }


async def _drop_plans(work: Work) -> int:
    database, org_id, site, now = work.database, work.org_id, work.site, work.clock()
    dropped = await plans.forget_before(database, org_id, site.id, now - PLANS_KEPT)
    made = await plans.made_between(database, org_id, site.id, now - PLANS_KEPT, now - EACH_PLAN_KEPT)
    hourly_from = now - HOURLY_PLANS_KEPT
    lasts = {
        (
            at.astimezone(site.zone).date(),
            at.replace(minute=0, second=0, microsecond=0) if at >= hourly_from else None,
        ): plan_id
        for plan_id, at in made
    }
    staying = set(lasts.values())
    return dropped + await plans.forget(database, org_id, site.id, [n for n, _ in made if n not in staying])
