"""Forecasts and their training in the house: a virtual site's 30 days, its weather as issued, real child processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.outlook_demo import issued_weather
from energy.forecast.hours import Hours
from energy.site import Site
from energy.weather import IssuedForecast, IssuedPower, PowerHour, WeatherHour
from jobs.forecasting import keep_said, make_forecasts, make_forecasts_now, models_in_use
from jobs.housekeeping import keep_house
from jobs.training import keep_trained, slot_of_night, train_models, train_now
from jobs.work import Work
from services.outlook import ForecastView, forecast_view
from services.outlook_inputs import measured, outlook_inputs, solar_site
from services.outlook_reckoning import ForecastTask, solar_past
from services.outlook_reckoning import make_forecasts as reckon_forecasts
from services.outlook_training import TrainTask, train
from services.reckoning import InlineReckoner, Reckoner
from services.scope import HOST, Scope
from simulator.default_site import DEFAULT_SITE
from simulator.history import readings as past_readings
from simulator.history import virtual_site
from store import forecasts, model_files, power_forecasts, readings, sites, weather
from store.database import Database, sqlite_url

NOW = datetime(2026, 5, 20, 17, 20, tzinfo=UTC)
ORG, SITE = "home", DEFAULT_SITE.id


@pytest.fixture(scope="module")
def past() -> tuple[Any, Any]:
    world = virtual_site(DEFAULT_SITE, seed=2, end=NOW, days=20)
    return past_readings(world, world.start, NOW, step_s=900), issued_weather(DEFAULT_SITE, world, NOW)


@pytest.fixture
async def work(tmp_path: Path, past: tuple[Any, Any]) -> AsyncIterator[Work]:
    database = await Database.open(sqlite_url(tmp_path / "site.db"), migrate=True)
    try:
        await sites.sync(database, ORG, DEFAULT_SITE)
        await readings.upsert(database, ORG, past[0])
        await weather.insert_all(database, ORG, SITE, past[1])
        yield work_at(database, NOW, data_dir=tmp_path)
    finally:
        await database.close()


def work_at(database: Database, now: datetime, site: Site = DEFAULT_SITE, **changes: Any) -> Work:
    given: dict[str, Any] = {"reckoner": InlineReckoner(), "clock": lambda: now} | changes
    return Work(database=database, site=site, polled={}, streamed={}, weather=None, **given)


async def test_both_are_made_once_an_hour_from_the_running_hour_on_and_anew_on_new_weather(
    work: Work, past: tuple[Any, Any]
) -> None:
    await make_forecasts(work)
    await make_forecasts(work)
    made = await forecasts.issue_times(work.database, ORG, SITE, NOW - timedelta(hours=1), NOW + timedelta(hours=2))
    assert made == [("load", NOW), ("solar", NOW)]
    solar = await forecasts.newest(work.database, ORG, SITE, "solar", as_of=NOW)
    assert solar is not None
    assert solar.band.starts_s[0] == int(NOW.timestamp()) // 3_600 * 3_600
    assert solar.band.starts_s.size == 168
    assert solar.weather_issued_at == NOW
    assert solar.band.p50.max() > 5_000
    assert np.all(solar.band.p10 <= solar.band.p50)
    later = NOW + timedelta(minutes=25)
    await weather.insert(work.database, ORG, SITE, replace(past[1][-1], issued_at=later))
    work.clock = lambda: later
    await make_forecasts(work)
    newer = await forecasts.newest(work.database, ORG, SITE, "solar", as_of=later)
    assert newer is not None
    assert newer.issued_at == later


async def test_without_weather_for_two_days_the_age_is_said_and_then_typical_weather(work: Work) -> None:
    for days, says in ((2, "is 2 days old"), (30, "typical weather")):
        later = NOW + timedelta(days=days)
        await make_forecasts_now(work_at(work.database, later))
        solar = await forecasts.newest(work.database, ORG, SITE, "solar", as_of=later)
        assert solar is not None
        assert any(says in note for note in solar.notes), solar.notes
        assert solar.band.p50.max() > 1_000


async def test_without_a_place_or_panels_there_is_a_load_forecast_alone_and_people_read_what_to_set(work: Work) -> None:
    for missing in ({"latitude": None, "longitude": None}, {"array": ()}):
        site = DEFAULT_SITE.model_copy(update=missing)
        now = NOW + timedelta(hours=len(missing))
        made = await make_forecasts_now(work_at(work.database, now, site))
        assert [each.target for each in made] == ["load"]
        view = await forecast_view(Scope(work.database, site, now + timedelta(minutes=1), actor=HOST))
        assert isinstance(view, ForecastView)
        assert "set latitude and longitude in [site] and an [[array]]" in view.notes[0]


async def test_a_forecast_that_fails_is_told_beside_the_other_one(work: Work) -> None:
    odd = DEFAULT_SITE.model_copy(update={"latitude": "north"})  # nothing that settings let through: a fault of ours
    inputs = await outlook_inputs(work.database, ORG, DEFAULT_SITE, as_of=NOW, days=20, hours=48)
    broken = replace(inputs, solar=solar_site(odd))
    said = reckon_forecasts(ForecastTask(broken, int(NOW.timestamp()) // 3_600 * 3_600, 48))
    assert said.solar.failed is not None
    made = await keep_said(work, inputs, said, NOW)
    assert [each.target for each in made] == ["load"]
    assert made[0].notes[0].startswith("the solar forecast could not be made (TypeError")


async def test_a_portals_forecast_far_from_ours_is_stated(work: Work) -> None:
    hours = tuple(PowerHour(NOW.replace(minute=0) + timedelta(hours=n), 9_000.0, 9_000.0) for n in range(48))
    await power_forecasts.insert(work.database, ORG, SITE, IssuedPower(NOW, "victron_vrm", hours))
    made = await make_forecasts_now(work)
    assert all("Victron's own forecast of tomorrow's" in each.notes[-1] for each in made)


async def test_what_was_measured_holds_the_base_load_and_marks_full_hours(work: Work) -> None:
    inputs = await outlook_inputs(work.database, ORG, DEFAULT_SITE, as_of=NOW, days=20, hours=48)
    known = inputs.measured
    assert np.isfinite(known.base_load_w.values).mean() > 0.9
    assert np.nanmedian(known.base_load_w.values) < 2_000  # without the miners
    assert inputs.weather.ghi_w_m2.starts_s.size > 20 * 24
    assert np.isin(known.curtailed_s, known.solar_w.starts_s).all()
    early = await measured(work.database, ORG, DEFAULT_SITE, start=NOW - timedelta(days=2), as_of=NOW)
    assert early.solar_w.starts_s.max() + 3_600 <= NOW.timestamp()


async def test_what_came_is_the_newest_look_at_an_hour_and_what_was_forecast_stays(work: Work) -> None:
    noon = (NOW - timedelta(days=1)).replace(hour=20, minute=0)  # the middle of yesterday, in California
    before = await outlook_inputs(work.database, ORG, DEFAULT_SITE, as_of=NOW, days=20, hours=1)
    told = WeatherHour(noon, temperature_c=20.0, ghi_w_m2=111.0)
    await weather.insert(work.database, ORG, SITE, IssuedForecast(NOW - timedelta(minutes=1), "open_meteo", (told,)))
    inputs = await outlook_inputs(work.database, ORG, DEFAULT_SITE, as_of=NOW, days=20, hours=1)
    hour = np.array([int(noon.timestamp())])
    assert inputs.weather.seen_ghi_w_m2.at(hour)[0] == 111.0
    assert inputs.weather.ghi_w_m2.at(hour)[0] == before.weather.ghi_w_m2.at(hour)[0]
    assert np.isnan(before.weather.seen_ghi_w_m2.at(hour)[0])  # no forecast after that day tells of it
    assert before.weather.seen_ghi_w_m2.starts_s.max() + 3_600 <= NOW.timestamp()
    assert inputs.solar is not None
    assert 0.05 < solar_past(inputs.solar, inputs).seen.at(hour)[0] < 0.3  # of a clear sky's


async def test_training_leaves_models_that_are_used_and_a_changed_file_is_not(work: Work) -> None:
    work.reckoner = reckoner = Reckoner()
    try:
        await train_models(work)
        await train_models(work)  # its slot is taken
        known = await model_files.of_site(work.database, ORG, SITE)
        assert sorted(each.target for each in known if each.state == "active") == ["load", "solar"]
        assert all(each.error is not None and each.error > 0 for each in known)
        made = await make_forecasts_now(work)
        assert not any("not trained" in note for each in made if each.target == "solar" for note in each.notes)
        models = await models_in_use(work)
        file = models["solar"].folder / models["solar"].path
        file.write_bytes(file.read_bytes() + b"x")
        await reckoner.close()
        work.reckoner = reckoner = Reckoner()
        work.clock = lambda: NOW + timedelta(minutes=1)
        changed = await make_forecasts_now(work)
        assert any("was changed since its training" in note for each in changed for note in each.notes)
    finally:
        await reckoner.close()


async def test_a_model_trained_on_bad_data_is_rejected_and_the_old_one_stays(work: Work) -> None:
    assert work.data_dir is not None
    inputs = await outlook_inputs(work.database, ORG, DEFAULT_SITE, as_of=NOW, days=20, hours=1)
    until_s = int(NOW.timestamp()) // 3_600 * 3_600
    folder = work.data_dir / "models"
    first = train(TrainTask("solar", inputs, until_s, folder, SITE, "one"))
    assert first is not None
    assert not first.worse
    ghi = inputs.weather.ghi_w_m2
    sunny = np.where(ghi.values > 0, 900.0 * (np.arange(ghi.values.size) // 24 % 2), ghi.values)
    bad = replace(inputs, weather=replace(inputs.weather, ghi_w_m2=Hours(ghi.starts_s, sunny)))  # every other day dark
    second = train(TrainTask("solar", bad, until_s, folder, SITE, "two", in_use=first.path))
    assert second is not None
    assert second.worse
    kept = [await keep_trained(work, each, NOW + timedelta(minutes=n)) for n, each in enumerate((first, second))]
    assert [each.state for each in kept] == ["active", "rejected"]
    assert "W of the model in use, which stays" in kept[1].note
    models = await models_in_use(work)
    assert models["solar"].version == first.version


async def test_five_versions_stay_and_the_night_is_local(work: Work) -> None:
    assert slot_of_night(work) == datetime(2026, 5, 20, 10, 10, tzinfo=UTC)
    bare = DEFAULT_SITE.model_copy(update={"array": ()})
    for n in range(6):
        await train_now(work_at(work.database, NOW + timedelta(minutes=n), bare, data_dir=work.data_dir))
    known = await model_files.of_site(work.database, ORG, SITE, "load")
    assert len(known) == 5
    assert work.data_dir is not None
    assert len(list((work.data_dir / "models" / SITE).glob("load-1-*.pkl"))) == 5


async def test_after_two_months_one_forecast_a_day_stays(work: Work) -> None:
    made = await make_forecasts_now(work)
    band = made[0].band
    old = NOW - timedelta(days=70)
    for hours in range(3):
        issued_s = int((old + timedelta(hours=hours)).timestamp())
        await forecasts.put(work.database, ORG, SITE, replace(made[0], band=replace(band, issued_s=issued_s)))
    await keep_house(work)
    kept = await forecasts.issue_times(work.database, ORG, SITE, old, NOW + timedelta(hours=1))
    assert [moment for target, moment in kept if target == made[0].target] == [old, NOW]
