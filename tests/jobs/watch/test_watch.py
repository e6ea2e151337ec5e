"""The watch on real rules, episodes and outbox: each alert once, whatever the data, the clock and the workers do."""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta

from connectors.errors import CredentialsRefused
from energy.reading import Reading
from jobs.polling import note_failure, note_success
from jobs.storing import store
from jobs.watching import Pace
from store import heartbeats, wishes
from store.wishes import Wish
from tests.jobs.lookout import FINE, ORG, SITE, WITH_MINER, Lookout, kinds
from tests.jobs.stage import Meter

LOW = {"soc_pct": 20.0}


async def fired(lookout):
    """A critical battery, told once to its owner."""
    await lookout.owner()
    await lookout.passes(60)
    await lookout.passes(420, every_s=20, **LOW)
    assert await lookout.state("battery_critical") == "firing"
    return [entry for entry in await lookout.waiting() if entry.level == "critical"]


async def test_a_frozen_source_is_an_alert_within_two_periods_and_its_for(database):
    lookout = Lookout(database)
    await lookout.owner()
    await lookout.passes(120)
    assert await lookout.state("device_silent", "inverter") == "none"
    began = lookout.at
    for _ in range(30):
        await lookout.passes(10, silent=["inverter"])
        if await lookout.state("device_silent", "inverter") == "firing":
            break
    assert await lookout.state("device_silent", "inverter") == "firing"
    assert lookout.at - began <= timedelta(seconds=2.5 * 30 + 60 + 10)
    await lookout.passes(600, every_s=60, silent=["inverter"])
    assert kinds(lookout.events, "device_silent")[:2] == ["pending", "fired"]
    assert set(kinds(lookout.events, "device_silent")[2:]) == {"worsened"}  # which edits the message
    assert len(await lookout.waiting()) == 1
    await lookout.passes(120)
    assert await lookout.state("device_silent", "inverter") == "resolved"


async def test_silence_resolves_nothing(database):
    lookout = Lookout(database)
    await fired(lookout)
    await lookout.passes(3_600, every_s=120, silent=["inverter"])
    assert await lookout.state("battery_critical") == "firing"
    assert "resolved" not in kinds(lookout.events, "battery_critical")


async def test_a_frozen_figure_is_a_stuck_sensor_and_moves_again(database):
    lookout = Lookout(database)
    await lookout.passes(2_400, every_s=20, solar_w=2_345.0, grid_import_w=-1_345.0)
    assert await lookout.state("stuck_sensor", "inverter/solar_w") == "firing"
    assert await lookout.state("stuck_sensor", "inverter/load_w") == "none"
    await lookout.passes(1_200, every_s=20)
    assert await lookout.state("stuck_sensor", "inverter/solar_w") == "resolved"


async def test_refused_credentials_are_told_once_and_are_over_when_they_are_taken(database):
    lookout = Lookout(database)
    await lookout.passes(60)
    device = Meter("inverter")
    for _ in range(3):
        note_failure(lookout.work, device, CredentialsRefused("the password is wrong"))
        await lookout.passes(300, every_s=60, silent=["inverter"])
    assert kinds(lookout.events, "credentials_refused") == ["fired"]
    silent = await lookout.episode("device_silent", "inverter")
    assert silent is not None
    assert silent.told_at is None  # explained by the other
    note_success(lookout.work, device)
    await lookout.passes(120)
    assert await lookout.state("credentials_refused", "inverter") == "resolved"
    assert await lookout.state("device_silent", "inverter") == "resolved"


async def test_impossible_values_are_implausible_data(database):
    lookout = Lookout(database)
    await lookout.passes(60)
    await lookout.passes(720, every_s=20, soc_pct=250.0, battery_voltage_v=math.nan)
    episode = await lookout.episode("implausible_data", "impossible")
    assert episode is not None
    assert str(episode.state) == "firing"
    assert "250 % is outside 0 to 100" in episode.signal.what
    assert "is not a number" in episode.signal.what
    await lookout.passes(1_300, every_s=30)
    assert await lookout.state("implausible_data", "impossible") == "resolved"


async def test_late_doubled_and_out_of_order_data_fires_nothing_anew(database):
    lookout = Lookout(database)
    await fired(lookout)
    await lookout.passes(1_800, every_s=30)
    assert await lookout.state("battery_critical") == "resolved"
    before = len(lookout.events)
    old = [
        Reading(site_id="ranch", source="test", device_id="inverter", taken_at=lookout.at - age, **(FINE | LOW))
        for age in (timedelta(hours=2), timedelta(minutes=45), timedelta(minutes=20), timedelta(minutes=2))
    ]
    for _ in range(6):
        for reading in (*old, *reversed(old)):
            await store(lookout.work, [reading])
            await lookout.looks()
        await lookout.passes(10)
        await lookout.looks()  # the same figures looked at twice
    assert kinds(lookout.events[before:], "battery_critical") == []


async def test_the_same_push_looked_at_for_long_is_no_evidence(database):
    lookout = Lookout(database)
    await lookout.passes(60)
    await lookout.hears(**LOW)
    for _ in range(8):
        await lookout.passes(60, every_s=60, silent=["inverter"])
    assert "fired" not in kinds(lookout.events, "battery_critical")


async def test_a_clock_that_jumps_an_hour_ahead_fires_nothing_that_is_not_so(database):
    lookout = Lookout(database)
    await fired(lookout)
    told = len(await lookout.waiting())
    lookout.at += timedelta(hours=1)
    await lookout.looks()  # before any device was heard under the new time
    await lookout.passes(300, **LOW)
    assert len(await lookout.waiting()) == told
    assert kinds(lookout.events, "battery_critical") == ["pending", "fired"]
    assert "fired" not in kinds(lookout.events, "device_silent")


async def test_a_clock_that_is_set_back_an_hour_holds_nothing_up(database):
    lookout = Lookout(database)
    await lookout.owner()
    await lookout.passes(3_700, every_s=60)
    lookout.at -= timedelta(hours=1)
    await lookout.looks()
    began = lookout.at
    await lookout.passes(420, **LOW)
    assert await lookout.state("battery_critical") == "firing"
    assert lookout.at - began <= timedelta(seconds=420)
    lookout.at -= timedelta(hours=1)
    await lookout.passes(900, every_s=30)
    assert await lookout.state("battery_critical") == "resolved"
    assert kinds(lookout.events, "device_silent") == []


async def test_two_workers_make_one_episode_and_one_message(database):
    first = Lookout(database)
    second = first.beside()
    await first.owner()
    await first.passes(60)
    for _ in range(45):
        await first.passes(10, **LOW)
        await asyncio.gather(first.looks(), second.looks())
    events = first.events + second.events
    assert sorted(kinds(events, "battery_critical")) == ["fired", "pending"]
    assert len([entry for entry in await first.waiting() if entry.level == "critical"]) == 1
    episode = await first.episode("battery_critical")
    assert episode is not None
    assert episode.number == 1


async def test_what_one_worker_stores_the_other_judges(database):
    storing = Lookout(database)
    watching = storing.beside()
    for _ in range(45):
        storing.at += timedelta(seconds=10)
        await storing.hears(**LOW)
        await watching.looks()
    assert await watching.state("battery_critical") == "firing"


async def test_a_worker_that_is_killed_before_it_wrote_has_lost_nothing(database):
    lookout = Lookout(database)
    await lookout.owner()
    await lookout.passes(60)
    for _ in range(50):
        lookout.at += timedelta(seconds=10)
        await lookout.hears(**LOW)
        killed = lookout.beside()  # looks, and is gone before the transaction is committed
        task = asyncio.create_task(killed.looks())
        await asyncio.sleep(0.004)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await lookout.beside().looks()  # the next one remembers nothing
    assert await lookout.state("battery_critical") == "firing"
    assert len([entry for entry in await lookout.waiting() if entry.level == "critical"]) == 1


async def test_a_round_beats_and_a_database_that_is_away_is_tried_again(database, tmp_path):
    lookout = Lookout(database)
    await lookout.watch.round()
    beats = await heartbeats.of_site(database, ORG, "ranch")
    assert beats["evaluate:ranch"].at == lookout.at
    lookout.at += timedelta(seconds=5)
    lookout.elapsed_s += 5
    await lookout.watch.round()
    assert (await heartbeats.of_site(database, ORG, "ranch"))["evaluate:ranch"] == beats["evaluate:ranch"]
    lookout.elapsed_s += 5
    await lookout.watch.round()
    assert (await heartbeats.of_site(database, ORG, "ranch"))["evaluate:ranch"].at == lookout.at


async def test_a_relay_turned_by_hand_is_one_alert_until_it_is_commanded(database):
    lookout = Lookout(database, WITH_MINER)
    await lookout.owner()
    await lookout.relay(on=True, power_w=3_400.0)
    await wishes.put(database, ORG, "ranch", Wish("s21", "hand_on", None, "relay", lookout.at))
    for _ in range(30):
        await lookout.relay(on=True, power_w=3_400.0)
        await lookout.passes(60, every_s=60)
    assert kinds(lookout.events, "relay_by_hand") == ["fired"]
    assert len([entry for entry in await lookout.waiting() if entry.kind == "alert"]) == 1
    await wishes.put(database, ORG, "ranch", Wish("s21", "auto", None, "anna", lookout.at))
    await lookout.passes(20)
    assert await lookout.state("relay_by_hand", "s21") == "resolved"


async def test_a_second_inverter_s_fault_is_told_and_its_silence_does_not_end_it(database):
    two = SITE.device[0].model_copy(update={"id": "second"})
    lookout = Lookout(database, SITE.model_copy(update={"device": (*SITE.device, two)}))
    for _ in range(6):
        await lookout.hears("second", fault_codes=("F08",))
        await lookout.passes(10, silent=["second"])
    assert await lookout.state("inverter_fault", "F08") == "firing"
    await lookout.passes(1_200, every_s=60, silent=["second"])
    assert await lookout.state("inverter_fault", "F08") == "firing"
    for _ in range(40):
        await lookout.hears("second", fault_codes=())
        await lookout.passes(10, silent=["second"])
    assert await lookout.state("inverter_fault", "F08") == "resolved"


async def test_a_second_push_right_after_the_first_does_not_wait_and_many_are_judged_once_a_second(database):
    lookout = Lookout(database)
    pace = Pace(lookout.work)
    waits = []
    for _ in range(4):
        pace.looked()
        waits.append(pace.wait_s())
        lookout.elapsed_s += waits[-1]
    assert waits == [0.0, 1.0, 1.0, 1.0]
    lookout.elapsed_s += 60
    pace.looked()
    assert pace.wait_s() == 0.0
