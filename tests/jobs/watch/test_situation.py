"""What the rules look at, built from the database and from what the worker remembers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.errors import CredentialsRefused
from energy.reading import Reading
from energy.site import Array, Prefer
from energy.weather import IssuedForecast, WeatherHour
from jobs.hands import OFF_NOT_CONFIRMED
from jobs.polling import note_failure, note_success
from jobs.situation import SituationBuilder
from store import readings, weather, wishes
from store.wishes import Wish
from tests.jobs.lookout import NOON, ORG, SITE, WITH_MINER, Lookout
from tests.jobs.stage import Meter


async def situation(lookout, builder=None):
    return await (builder or SituationBuilder(lookout.work)).at(lookout.at)


async def rows(lookout, minutes, *, device="inverter", until=NOON, step_s=60, **values):
    """Rows that stand in the database from before, whoever stored them."""
    found = [
        Reading(
            site_id="ranch",
            source="test",
            device_id=device,
            taken_at=until - timedelta(seconds=step_s * back),
            **(values or {"solar_w": 1_000.0 + back, "soc_pct": 60.0}),
        )
        for back in range(round(minutes * 60 / step_s))
    ]
    await readings.upsert(lookout.database, ORG, found)


async def test_the_last_two_hours_are_there_at_the_first_look(database):
    lookout = Lookout(database)
    await rows(lookout, 300)
    seen = await situation(lookout)
    assert seen.view.number("solar_w") == 1_000.0
    own = seen.device_history["inverter"]["solar_w"]
    assert 2 * 3_600 <= own.times[-1] - own.times[0] <= 2.2 * 3_600
    assert own.cadence_s == 60
    assert set(seen.history) == {"solar_w", "soc_pct", "battery_charge_w"}
    assert seen.history["solar_w"].values[-1] == 1_000.0
    assert seen.history["battery_charge_w"].times.size == 0


async def test_what_another_worker_stores_is_taken_in_and_a_late_row_changes_nothing(database):
    lookout = Lookout(database)
    builder = SituationBuilder(lookout.work)
    await rows(lookout, 30)
    await situation(lookout, builder)
    lookout.at += timedelta(seconds=30)
    await rows(lookout, 1, until=lookout.at, solar_w=2_000.0)
    seen = await situation(lookout, builder)
    assert seen.view.number("solar_w") == 2_000.0
    size = seen.history["solar_w"].times.size
    await rows(lookout, 1, until=NOON - timedelta(seconds=30), solar_w=9_999.0)  # late
    await rows(lookout, 1, until=lookout.at, solar_w=2_000.0)  # twice
    again = await situation(lookout, builder)
    assert again.view.number("solar_w") == 2_000.0
    assert again.history["solar_w"].times.size == size
    assert 9_999.0 not in again.history["solar_w"].values


async def test_a_row_that_is_told_anew_replaces_the_first(database):
    lookout = Lookout(database)
    builder = SituationBuilder(lookout.work)
    await rows(lookout, 1, solar_w=2_000.0)
    assert (await situation(lookout, builder)).view.number("load_w") is None
    await rows(lookout, 1, load_w=700.0)
    seen = await situation(lookout, builder)
    assert (seen.view.number("solar_w"), seen.view.number("load_w")) == (None, 700.0)


async def test_a_device_whose_clock_is_a_little_ahead_is_heard_without_a_delay(database):
    lookout = Lookout(database)
    builder = SituationBuilder(lookout.work)
    await lookout.hears(age_s=-20, soc_pct=41.0)
    assert (await situation(lookout, builder)).seen("soc_pct").value == 41.0


async def test_rows_that_come_each_second_are_kept_one_in_ten(database):
    lookout = Lookout(database)
    await rows(lookout, 10, step_s=1)
    own = (await situation(lookout)).device_history["inverter"]["solar_w"]
    assert 60 <= own.times.size <= 62
    assert own.values[-1] == 1_000.0


async def test_after_the_clock_was_set_back_nothing_of_the_future_is_seen(database):
    lookout = Lookout(database)
    builder = SituationBuilder(lookout.work)
    await rows(lookout, 120)
    await situation(lookout, builder)
    lookout.at -= timedelta(hours=1)
    seen = await situation(lookout, builder)
    assert seen.view["solar_w"].taken_at <= lookout.at + timedelta(minutes=2)
    assert seen.history["solar_w"].times[-1] <= lookout.at.timestamp() + 120
    lookout.at += timedelta(seconds=10)
    await rows(lookout, 0.1, step_s=5, until=lookout.at, solar_w=50.0)
    assert (await situation(lookout, builder)).seen("solar_w").value == 50.0


async def test_the_time_of_a_device_and_whether_it_refuses_us(database):
    lookout = Lookout(database)
    builder = SituationBuilder(lookout.work)
    began = lookout.at
    unheard = (await situation(lookout, builder)).devices["inverter"]
    assert (unheard.heard_at, unheard.expected_since, unheard.refused) == (None, began, None)
    device = Meter("inverter")
    note_failure(lookout.work, device, CredentialsRefused("the password is wrong"))
    lookout.at += timedelta(minutes=1)
    assert (await situation(lookout, builder)).devices["inverter"].refused is True
    await rows(lookout, 1, until=lookout.at)  # the other worker was let in
    heard = (await situation(lookout, builder)).devices["inverter"]
    assert (heard.heard_at, heard.expected_since, heard.refused) == (lookout.at, began, False)
    note_success(lookout.work, device)
    assert (await situation(lookout, builder)).devices["inverter"].refused is False


@pytest.mark.parametrize(
    ("mode", "on", "problem", "wanted", "hand"),
    [
        ("on", True, None, "on", None),
        ("on", False, None, "on", None),
        ("off", False, None, "off", None),
        ("off", True, OFF_NOT_CONFIRMED, "off", None),
        ("hand_on", True, None, None, "on"),
        ("hand_off", False, None, None, "off"),
        (None, True, None, None, None),
    ],
)
async def test_what_is_wanted_of_a_relay(database, mode, on, problem, wanted, hand):
    lookout = Lookout(database, WITH_MINER)
    await lookout.hears()
    await lookout.relay(on=on, power_w=3_400.0 if on else 0.0, problem=problem)
    if mode is not None:
        await wishes.put(database, ORG, "ranch", Wish("s21", mode, None, "x", lookout.at))
    relay = (await situation(lookout)).relays["s21"]
    assert (relay.on, relay.wanted, relay.hand) == (on, wanted, hand)


async def test_a_running_miner_that_the_limits_do_not_allow_must_be_off_once_it_had_time_to_cool_down(database):
    miner = WITH_MINER.miner[0].model_copy(update={"api": "cgminer", "api_host": "127.0.0.1", "cool_down_s": 60})
    lookout = Lookout(database, WITH_MINER.model_copy(update={"miner": (miner,)}))
    builder = SituationBuilder(lookout.work)
    await wishes.put(database, ORG, "ranch", Wish("s21", "on", None, "x", lookout.at))
    wanted = []
    for _ in range(5):
        await lookout.hears(soc_pct=25.0)
        await lookout.relay(on=True, power_w=3_400.0)
        wanted.append((await situation(lookout, builder)).relays["s21"].wanted)
        lookout.at += timedelta(seconds=25)
        lookout.elapsed_s += 25
    assert wanted == [None, None, None, "off", "off"]


async def test_the_usual_load_of_this_hour_is_the_median_of_its_days_without_the_miners(database):
    lookout = Lookout(database, WITH_MINER)
    for back, load in ((1, 900.0), (2, 1_000.0), (3, 5_000.0), (4, 1_100.0), (5, 1_000.0)):
        hour = NOON - timedelta(days=back)
        await rows(lookout, 60, until=hour + timedelta(minutes=29), load_w=load + 3_000.0)
        await rows(lookout, 60, until=hour + timedelta(minutes=29), device="relay", miner_w=3_000.0)
        await rows(lookout, 60, until=hour + timedelta(minutes=-91), load_w=100.0)  # of another hour
    assert (await situation(lookout)).usual_base_load_w == pytest.approx(1_000.0, abs=1)


async def test_no_load_is_usual_before_three_days_are_known(database):
    lookout = Lookout(database)
    for back in (1, 2):
        await rows(lookout, 60, until=NOON - timedelta(days=back, minutes=-29), load_w=900.0)
    assert (await situation(lookout)).usual_base_load_w is None


async def test_the_expected_sun_is_that_of_the_newest_forecast(database):
    placed = {"latitude": 37.3, "longitude": -121.9, "array": (Array(name="roof", kwp=10.0),)}
    lookout = Lookout(database, SITE.model_copy(update=placed))
    builder = SituationBuilder(lookout.work)
    seen = await situation(lookout, builder)
    assert 7_000 < seen.clear_sky_w < 10_000
    assert seen.forecast_solar_w is None
    start = datetime(2026, 6, 1, tzinfo=UTC)
    hours = tuple(WeatherHour(start + timedelta(hours=h), tilted_w_m2={"roof": 200.0}) for h in range(30))
    await weather.insert(database, ORG, "ranch", IssuedForecast(NOON, "test", hours))
    lookout.at += timedelta(minutes=6)
    assert (await situation(lookout, builder)).forecast_solar_w == pytest.approx(1_700.0, rel=0.05)


async def test_the_faults_of_all_inverters_count_and_those_of_a_silent_one_stay_unknown(database):
    two = SITE.device[0].model_copy(update={"id": "second"})
    lookout = Lookout(database, SITE.model_copy(update={"device": (*SITE.device, two)}))
    builder = SituationBuilder(lookout.work)
    await lookout.hears()
    await lookout.hears("second", fault_codes=("F08",))
    assert (await situation(lookout, builder)).view["fault_codes"].value == ("F08",)
    assert builder.silent_codes == frozenset()
    lookout.at += timedelta(minutes=5)
    await lookout.hears()
    assert (await situation(lookout, builder)).view["fault_codes"].value == ()
    assert builder.silent_codes == {"F08"}


async def test_a_field_is_merged_by_the_rule_of_the_site(database):
    two = SITE.device[0].model_copy(update={"id": "second"})
    merged = {"device": (*SITE.device, two), "merge": {"soc_pct": Prefer(prefer=("second", "inverter"))}}
    lookout = Lookout(database, SITE.model_copy(update=merged))
    await rows(lookout, 30)
    await rows(lookout, 30, device="second", soc_pct=44.0)
    seen = await situation(lookout)
    assert set(seen.history["soc_pct"].values) == {44.0}
    assert seen.history["solar_w"].source == "inverter"
