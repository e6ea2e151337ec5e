"""What a day's scores are made from: the forecasts that stood when it began, and what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from energy.forecast.hours import Band, Hours, Target
from energy.scorecard.day import PROFILE_DAYS, midnight_s
from energy.site import Site
from services.issued_weather import as_issued
from services.merging import hourly_means
from services.outlook_inputs import Measured, measured, solar_site
from services.score_reckoning import ScoreTask
from store import forecasts, plans, readings, relays
from store.database import Database
from store.relays import Switching

_BEFORE = timedelta(days=PROFILE_DAYS + 1)
_OLDEST = timedelta(days=2)  # an older forecast does not reach the day's end
_SWITCHED_WITHIN = timedelta(days=30)


@dataclass(frozen=True)
class Measurements:
    """The site's hours from 15 days before the first day to be scored up to now."""

    power: Measured
    soc_pct: Hours
    charge_w: Hours
    import_w: Hours
    miner_w: Hours


def targets_of(site: Site) -> tuple[str, ...]:
    """What is scored of a site."""
    found = ["solar"] if solar_site(site) is not None else []
    return (*found, "load", *(("soc", "plan") if site.battery is not None else ()))


async def measurements(db: Database, org_id: str, site: Site, first_day: date, *, as_of: datetime) -> Measurements:
    """What was measured, for the days from `first_day` on."""
    start = _midnight(first_day, site) - _BEFORE
    issued = await as_issued(db, org_id, site, start=start, as_of=as_of)
    found = {}
    for name in ("soc_pct", "battery_charge_w", "grid_import_w", "miner_w"):
        rollups = await readings.field_rollups(db, org_id, site.id, name, start, as_of, as_of=as_of)
        means = hourly_means(site, name, rollups)
        starts_s = sorted(means)
        found[name] = Hours(
            np.array(starts_s, dtype=np.int64), np.array([means[each] for each in starts_s], dtype=np.float64)
        )
    return Measurements(
        power=await measured(db, org_id, site, start=start, as_of=as_of, issued=issued),
        soc_pct=found["soc_pct"],
        charge_w=found["battery_charge_w"],
        import_w=found["grid_import_w"],
        miner_w=found["miner_w"],
    )


async def score_task(
    db: Database, org_id: str, site: Site, day: date, targets: Sequence[str], known: Measurements
) -> ScoreTask:
    """The task of a day: each target's forecast is the last one that was issued by the midnight that begins it.

    Its targets are those of which there was a forecast; the plan is one where there was a plan.
    """
    midnight, after = _midnight(day, site), _midnight(day + timedelta(days=1), site)
    plan = await plans.newest(db, org_id, site.id, as_of=midnight)
    mode = None if plan is None or midnight - plan.planned_at > _OLDEST else plan.mode
    level: Target = "soc" if mode == "automatic" else "soc_as_is"
    wanted: tuple[tuple[str, Target], ...] = (("solar", "solar"), ("load", "load"), ("soc", level))
    bands: dict[str, Band] = {}
    for name, target in wanted:
        stored = await forecasts.newest(db, org_id, site.id, target, as_of=midnight)
        if stored is not None and midnight - stored.issued_at <= _OLDEST:
            bands[name] = stored.band
    switched = await relays.switchings(db, org_id, site.id, since=midnight - _SWITCHED_WITHIN, until=after)
    states = await relays.all_of(db, org_id, site.id)
    running = []
    for miner in site.miner:
        state = states.get(miner.id)
        own = [each for each in switched if each.miner_id == miner.id]
        if _on_at(own, midnight, now_on=state is not None and bool(state.on)):
            running.append(miner.id)
    return ScoreTask(
        site=site,
        day=day,
        targets=tuple(each for each in targets if each in bands or (each == "plan" and mode is not None)),
        bands=bands,
        measured=known.power,
        soc_pct=known.soc_pct,
        charge_w=known.charge_w,
        import_w=known.import_w,
        miner_w=known.miner_w,
        on_at_start=tuple(running),
        starts=sum(each.on and midnight <= each.happened_at < after for each in switched),
        mode=mode,
    )


def _on_at(own: Sequence[Switching], moment: datetime, *, now_on: bool) -> bool:
    """Whether a relay was on then, by its switchings (oldest first); without any it is as it is now."""
    before = [each for each in own if each.happened_at <= moment]
    if before:
        return before[-1].on
    return not own[0].on if own else now_on


def _midnight(day: date, site: Site) -> datetime:
    return datetime.fromtimestamp(midnight_s(day, site.zone), UTC)
