"""The nightly scoring in the house: a virtual site's 20 days, forecasts made the evening before, real SQLite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from energy.forecast.hours import HOUR_S
from jobs.forecasting import make_forecasts_now
from jobs.planning import make_plan_now
from jobs.schedule import SCHEDULE
from jobs.scoring import score_cells, score_days, score_yesterday, slot_of_night
from jobs.work import Work
from services.learned_battery import learned_battery, learned_from
from services.outlook_values import Nothing
from services.reckoning import InlineReckoner, Reckoner
from services.scope import Scope
from services.scorecard import Scorecard, scorecard, scorecard_lines
from simulator.default_site import DEFAULT_SITE
from simulator.history import readings as past_readings
from simulator.history import virtual_site
from simulator.issued import issued_forecast
from store import forecasts, readings, scores, sites, weather
from store.database import Database, sqlite_url
from store.scores import Score

END = datetime(2026, 5, 20, 17, 20, tzinfo=UTC)
NIGHT = datetime(2026, 5, 20, 8, 20, tzinfo=UTC)  # 01:20 there
ORG, SITE = "home", DEFAULT_SITE.id
YESTERDAY = date(2026, 5, 19)


@pytest.fixture(scope="module")
def past() -> tuple[Any, Any]:
    world = virtual_site(DEFAULT_SITE, seed=2, end=END, days=20)
    evenings = [END.replace(hour=5, minute=0) - timedelta(days=back) for back in range(18, -1, -1)]
    return past_readings(world, world.start, END, step_s=900), [issued_forecast(world, e, hours=30) for e in evenings]


@pytest.fixture
async def work(tmp_path: Path, past: tuple[Any, Any]) -> AsyncIterator[Work]:
    database = await Database.open(sqlite_url(tmp_path / "site.db"), migrate=True)
    try:
        await sites.sync(database, ORG, DEFAULT_SITE)
        await readings.upsert(database, ORG, past[0])
        await weather.insert_all(database, ORG, SITE, past[1])
        yield work_at(database, NIGHT)
    finally:
        await database.close()


def work_at(database: Database, now: datetime) -> Work:
    return Work(
        database=database,
        site=DEFAULT_SITE,
        polled={},
        streamed={},
        weather=None,
        reckoner=InlineReckoner(),
        clock=lambda: now,
    )


async def foresee(work: Work, evening: date, *, plan: bool = False) -> None:
    """What was forecast at 23:10 of that day there."""
    then = work_at(
        work.database, datetime(evening.year, evening.month, evening.day, 6, 10, tzinfo=UTC) + timedelta(days=1)
    )
    await make_forecasts_now(then)
    if plan:
        await make_plan_now(then, "as every 15 minutes")


async def card_of(work: Work) -> Scorecard:
    card = await scorecard(Scope(work.database, work.site, work.clock()))
    assert isinstance(card, Scorecard), card
    return card


async def test_the_night_scores_what_was_foreseen_and_catches_up_once(work: Work) -> None:
    for back in (5, 3, 1):  # the worker was down meanwhile
        await foresee(work, YESTERDAY - timedelta(days=back), plan=back == 1)
    await score_yesterday(work)
    await score_yesterday(work)  # its slot is taken
    found = await scores.between(work.database, ORG, SITE, YESTERDAY - timedelta(days=10), YESTERDAY)
    days = {target: [s.day.day for s in found if s.target == target] for target in ("solar", "load", "soc", "plan")}
    assert days == {"solar": [15, 16, 17, 18, 19], "load": [15, 16, 17, 18, 19], "soc": [19], "plan": [19]}
    old = next(s.values for s in found if s.day.day == 18)
    assert old["notes"][0] == "the forecast was 25 h old when the day began (issued 2026-05-17 06:10 UTC)"
    assert await score_days(work) == ()
    solar = next(s.values for s in found if s.target == "solar" and s.day == YESTERDAY)
    assert solar["hours_known"] == 24
    assert solar["acc_hour"] > 0.85
    assert solar["acc_hour"] > solar["persistence_hour"] - 0.1
    assert solar["sky"] == "clear"
    assert datetime.fromtimestamp(solar["issued_s"], UTC).astimezone(DEFAULT_SITE.zone).hour == 23
    load = next(s.values for s in found if s.target == "load")
    assert 0.5 < load["acc_hour"] < 1
    assert load["profile_hour"] is not None
    level = next(s.values for s in found if s.target == "soc")
    assert level["judged"] == "soc_as_is"
    assert level["mean_error"] < 40
    plan = next(s.values for s in found if s.target == "plan")
    assert plan["perfect"] >= plan["threshold"] > plan["never"]
    assert plan["mode"] == "advise"
    cells = [s.values for s in found if s.target == "cells"]
    assert len(cells) == 1
    assert 25 < cells[0]["usable_kwh"]["value"] < 33
    card = await card_of(work)
    solar_line, load_line, level_line, *rest = card.sentences
    assert solar_line.startswith("Solar .8")
    assert "same hour of the day before ." in solar_line
    assert " of 5 days; 14-day profile ." in solar_line
    assert load_line.startswith("Load .")
    assert "points off on average with the miners left as they were" in level_line
    assert any("no control" in line and "no day followed the plan" in line for line in rest)
    assert rest[-1] == "2 days scored by a forecast older than 3 h, as no newer one was made."
    assert len(scorecard_lines(card)) <= 7
    assert {score.target for score in card.scores} == {"solar", "load", "soc"}


async def test_a_forecast_made_after_midnight_does_not_count_for_that_day(work: Work) -> None:
    await make_forecasts_now(work_at(work.database, datetime(2026, 5, 19, 7, 5, tzinfo=UTC)))
    assert await score_days(work) == ()
    nothing = await scorecard(Scope(work.database, work.site, NIGHT))
    assert isinstance(nothing, Nothing)
    assert nothing.says.startswith("No day has been scored yet")


async def test_a_day_half_unknown_is_kept_as_not_scored_and_tried_again(work: Work) -> None:
    late = work_at(work.database, END + timedelta(days=1))
    await foresee(work, YESTERDAY)  # for the 20th, of which 11 hours were measured
    found = {score.target: score.values for score in await score_days(late)}
    assert not found["solar"]["scored"]
    assert found["solar"]["notes"][-1] == "below half of the day, so it is not scored"
    says = await scorecard(Scope(work.database, work.site, late.clock()))
    assert isinstance(says, Nothing)
    assert "13 of 24 hours were not measured; below half of the day, so it is not scored." in says.says
    assert [score.target for score in await score_days(late)] == ["solar", "load"]


async def test_a_real_child_process_reckons_the_same(work: Work) -> None:
    await foresee(work, YESTERDAY - timedelta(days=1))
    inline = {score.target: score.values for score in await score_days(work)}
    for target, values in inline.items():
        await scores.put(work.database, ORG, SITE, Score(YESTERDAY, target, {**values, "scored": False}))
    work.reckoner = reckoner = Reckoner()
    try:
        assert {score.target: score.values for score in await score_days(work)} == inline
    finally:
        await reckoner.close()


async def test_the_slot_is_the_nights_and_the_job_stands_in_the_schedule(work: Work) -> None:
    assert slot_of_night(work) == datetime(2026, 5, 20, 8, 15, tzinfo=UTC)
    assert slot_of_night(work_at(work.database, NIGHT - timedelta(hours=1))) == datetime(2026, 5, 19, 8, 15, tzinfo=UTC)
    job = next(each for each in SCHEDULE if each.name == "scoring")
    assert job.run is score_yesterday


async def test_a_plan_takes_what_was_learned_within_bounds_and_says_so(work: Work) -> None:
    assert (await score_cells(work)) is not None
    as_measured = await learned_battery(work.database, ORG, DEFAULT_SITE, as_of=NIGHT)
    assert as_measured.usable_kwh is None  # the settings agree with what was measured

    def cells(kwh: float, count: int = 20) -> dict[str, Any]:
        return {"usable_kwh": {"value": kwh, "low": kwh * 0.97, "high": kwh * 1.03, "count": count}, "taper": None}

    worn = learned_from(DEFAULT_SITE, cells(24.0))
    assert worn.usable_kwh == 24.0
    assert worn.says == ("The battery is taken to hold 24.0 kWh, as measured; the settings say 30.0 kWh.",)
    assert learned_from(DEFAULT_SITE, cells(40.0)).usable_kwh == pytest.approx(33.0)
    wrong = learned_from(DEFAULT_SITE, cells(9.0))
    assert wrong.usable_kwh is None
    assert "the plan goes by them" in wrong.says[0]
    assert learned_from(DEFAULT_SITE, cells(24.0, count=3)).usable_kwh is None
    slow = learned_from(DEFAULT_SITE, {"taper": {"from_pct": 92.0, "end_w": 900.0, "count": 40}})
    assert slow.taper == (92.0, 900.0)
    await scores.put(work.database, ORG, SITE, Score(YESTERDAY, "cells", cells(24.0)))
    await foresee(work, YESTERDAY)
    stored = await make_plan_now(work_at(work.database, NIGHT), "as every 15 minutes")
    assert any("24.0 kWh, as measured" in note for note in stored.plan.notes)  # type: ignore[union-attr]  # there is one


async def test_the_forecast_that_is_judged_covers_the_day(work: Work) -> None:
    await foresee(work, YESTERDAY - timedelta(days=1))
    midnight = datetime(2026, 5, 19, 7, 0, tzinfo=UTC)
    stored = await forecasts.newest(work.database, ORG, SITE, "solar", as_of=midnight)
    assert stored is not None
    assert stored.issued_at <= midnight
    assert stored.band.starts_s[-1] + HOUR_S >= (midnight + timedelta(days=1)).timestamp()
