"""Forecasts, scores, model files and plan modes, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import update

from energy.forecast.hours import Band, Target
from energy.plan.plan import Plan
from energy.plan.plan_json import VERSION, to_json
from store import forecasts, model_files, plan_modes, plans, scores
from store.database import Database
from store.forecast_tables import plans as plans_table
from store.forecasts import StoredForecast
from store.model_files import ModelFile
from store.plan_modes import PlanMode
from store.plans import StoredPlan
from store.scores import Score

ORG, SITE = "home", "ranch"
NOON = datetime(2026, 3, 7, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def issued(at: datetime, watts: float, target: Target = "solar") -> StoredForecast:
    starts_s = int(NOON.timestamp()) + 3_600 * np.arange(3, dtype=np.int64)
    p50 = np.array([watts, watts + 0.25, 0.0])
    band = Band(target, int(at.timestamp()), starts_s, p50 / 2, p50, p50 * 2, "planes+boosted", "solar-1")
    return StoredForecast(target, band, ("no weather",), "open_meteo", NOON - HOUR, {"planes": 0.25})


def same(one: StoredForecast | None, other: StoredForecast) -> bool:
    assert one is not None
    names = ("starts_s", "p10", "p50", "p90")
    assert all(np.array_equal(getattr(one.band, name), getattr(other.band, name)) for name in names)
    assert (one.band.model, one.band.version, one.band.target) == (other.band.model, "solar-1", other.target)
    return replace(one, band=other.band) == other


async def test_a_forecast_comes_back_as_it_was_issued_and_the_first_one_stays(database: Database) -> None:
    first, later = issued(NOON, 100.0), issued(NOON + HOUR, 200.0)
    assert await forecasts.put(database, ORG, SITE, first)
    assert not await forecasts.put(database, ORG, SITE, issued(NOON, 999.0))
    assert await forecasts.put(database, ORG, SITE, later)
    assert await forecasts.put(database, ORG, SITE, issued(NOON + HOUR, 300.0, "load"))
    assert same(await forecasts.newest(database, ORG, SITE, "solar", as_of=NOON + HOUR / 2), first)
    assert same(await forecasts.newest(database, ORG, SITE, "solar", as_of=NOON + HOUR), later)
    assert await forecasts.newest(database, ORG, SITE, "soc", as_of=NOON + HOUR) is None
    assert await forecasts.newest(database, ORG, SITE, "solar", as_of=NOON - HOUR) is None
    between = await forecasts.issued_between(database, ORG, SITE, "solar", NOON, NOON + HOUR)
    assert [each.issued_at for each in between] == [NOON]


async def test_forecasts_are_dropped_by_age_or_by_name(database: Database) -> None:
    for n in range(4):
        await forecasts.put(database, ORG, SITE, issued(NOON + n * HOUR, 100.0))
    assert await forecasts.forget_before(database, ORG, SITE, NOON + HOUR) == 1
    assert await forecasts.forget(database, ORG, SITE, [("solar", NOON + 2 * HOUR), ("load", NOON + HOUR)]) == 1
    left = await forecasts.issue_times(database, ORG, SITE, NOON, NOON + 9 * HOUR)
    assert left == [("solar", NOON + HOUR), ("solar", NOON + 3 * HOUR)]


async def test_plans_are_numbered_and_the_newest_counts(database: Database) -> None:
    plan = Plan("fallback", (), 1.5, notes=("nothing to do",))
    first = StoredPlan(None, NOON, "because of a test", "advise", plan, NOON - HOUR)
    number = await plans.put(database, ORG, SITE, first)
    other = await plans.put(database, ORG, SITE, replace(first, planned_at=NOON + HOUR))
    assert other > number
    assert await plans.newest(database, ORG, SITE, as_of=NOON) == replace(first, plan_id=number)
    assert len(await plans.between(database, ORG, SITE, NOON, NOON + 2 * HOUR)) == 2
    assert await plans.forget_before(database, ORG, SITE, NOON + HOUR) == 1
    assert await plans.newest(database, ORG, SITE, as_of=NOON) is None


@pytest.mark.parametrize("broken", [{"version": VERSION + 1}, {"steps": [[]]}, {"steps": None}, None])
async def test_a_plan_that_cannot_be_read_is_passed_over(database: Database, broken: dict[str, object] | None) -> None:
    plan = Plan("fallback", (), 1.5)
    first = StoredPlan(None, NOON, "because of a test", "advise", plan, None)
    number = await plans.put(database, ORG, SITE, first)
    other = await plans.put(database, ORG, SITE, replace(first, planned_at=NOON + HOUR))

    async def damage(plan_id: int) -> None:
        value = [] if broken is None else {**to_json(plan), **broken}
        async with database.begin() as connection:
            await connection.execute(update(plans_table).where(plans_table.c.plan_id == plan_id).values(plan=value))

    await damage(other)
    assert await plans.newest(database, ORG, SITE, as_of=NOON + HOUR) == replace(first, plan_id=number)
    assert [each.plan_id for each in await plans.between(database, ORG, SITE, NOON, NOON + 2 * HOUR)] == [number]
    await damage(number)
    assert await plans.newest(database, ORG, SITE, as_of=NOON + HOUR) is None


async def test_a_days_score_is_replaced(database: Database) -> None:
    day = date(2026, 3, 7)
    await scores.put(database, ORG, SITE, Score(day, "solar", {"acc_hour": 0.5}))
    await scores.put(database, ORG, SITE, Score(day, "solar", {"acc_hour": 0.9}))
    await scores.put(database, ORG, SITE, Score(day + timedelta(days=1), "load", {"acc_hour": 0.7}))
    found = await scores.between(database, ORG, SITE, day, day)
    assert found == [Score(day, "solar", {"acc_hour": 0.9})]
    assert await scores.forget_before(database, ORG, SITE, day + timedelta(days=1)) == 1


async def test_one_model_of_a_target_is_active(database: Database) -> None:
    def model(version: str, hours: int, state: model_files.State = "active", target: str = "solar") -> ModelFile:
        return ModelFile(target, version, NOON + hours * HOUR, f"ranch/{version}.pkl", "ab", 120.0, state)

    for each in (model("a", 0), model("b", 1), model("c", 2, "rejected"), model("a", 0, target="load")):
        await model_files.add(database, ORG, SITE, each)
    states = {each.version: each.state for each in await model_files.of_site(database, ORG, SITE, "solar")}
    assert states == {"a": "retired", "b": "active", "c": "rejected"}
    assert await model_files.activate(database, ORG, SITE, "solar", "a")
    assert not await model_files.activate(database, ORG, SITE, "solar", "none")
    active = [(m.target, m.version) for m in await model_files.of_site(database, ORG, SITE) if m.state == "active"]
    assert sorted(active) == [("load", "a"), ("solar", "a")]
    await model_files.remove(database, ORG, SITE, "solar", "c")
    assert [m.version for m in await model_files.of_site(database, ORG, SITE, "solar")] == ["b", "a"]


async def test_the_mode_of_plans_is_the_settings_until_somebody_sets_it(database: Database) -> None:
    assert await plan_modes.get(database, ORG, SITE) is None
    await plan_modes.put(database, ORG, SITE, PlanMode("ask", "ann", NOON))
    await plan_modes.put(database, ORG, SITE, PlanMode("automatic", "ann", NOON + HOUR))
    assert await plan_modes.get(database, ORG, SITE) == PlanMode("automatic", "ann", NOON + HOUR)
