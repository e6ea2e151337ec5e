"""Wrong figures, wrong clocks, late data and misfortunes of the site, ordered over the wire and read over the wire."""

from __future__ import annotations

import asyncio
import itertools
import math
from datetime import timedelta

import httpx
import pytest

from connectors.errors import ConnectorError
from energy.reading import sanitised
from simulator.scripts import STORM_BMS_CODES, STORM_CODES
from tests.simulator.ordered import ranch
from tests.simulator.worlds import NOON


async def test_a_swapped_sign_turns_the_direction_of_the_solark_and_nothing_else() -> None:
    async with ranch() as r:
        right = await r.solark()
        assert await r.order("solark", "swapped", field="battery_charge_w") == {"solark battery_charge_w": "swapped"}
        wrong = await r.solark()
        assert wrong.battery_charge_w == -(right.battery_charge_w or 0.0) != 0
        assert (wrong.load_w, wrong.solar_w) == (right.load_w, right.solar_w)
        assert await r.order("solark", "none", field="battery_charge_w") == {}
        assert (await r.solark()).battery_charge_w == right.battery_charge_w


async def test_kilowatts_for_watts_and_two_fields_at_once() -> None:
    async with ranch() as r:
        right = await r.solark()
        await r.order("solark", "kilowatts", field="solar_w")
        await r.order("solark", "frozen", field="load_w")
        held = await r.solark()
        r.advance(hours=1)
        wrong = await r.solark()
        assert wrong.solar_w is not None
        assert 0 < wrong.solar_w < 20
        assert wrong.load_w == held.load_w == right.load_w
        assert wrong.taken_at == right.taken_at + timedelta(hours=1)  # the rest goes on


@pytest.mark.parametrize(("value", "shown"), [(250, 250.0), (-3, -3.0), (None, None), ("NaN", None)])
async def test_an_impossible_soc_leaves_the_solark_as_ordered(value: object, shown: float | None) -> None:
    async with ranch() as r:
        await r.order("solark", "value", field="soc_pct", value=value)
        told = (await r.solark()).soc_pct
        assert told is None or not math.isnan(told)
        assert told == shown
        assert (await r.physics())["soc_pct"] > 0  # the battery itself is well


async def test_an_impossible_soc_is_rejected_by_the_check_that_stores_it() -> None:
    async with ranch(victron=True) as r:
        await r.order("victron", "value", field="soc_pct", value=250)
        told = await r.gx(lambda reading: reading.soc_pct is not None)
        accepted, rejections = sanitised(told, now=r.clock.now())
        assert accepted is not None
        assert accepted.soc_pct is None
        assert [each.field for each in rejections] == ["soc_pct"]


async def test_a_gx_freezes_one_figure_while_the_others_move() -> None:
    async with ranch(victron=True) as r:
        await r.order("victron", "frozen", field="soc_pct")
        before = await r.gx()
        r.advance(hours=12)  # into the night, which empties the battery
        after = await r.gx(lambda reading: reading.load_w != before.load_w)
        assert after.soc_pct == before.soc_pct != round((await r.physics())["soc_pct"], 1)
        await r.order("victron", "none", field="soc_pct")
        assert (await r.gx(lambda reading: reading.soc_pct != before.soc_pct)).soc_pct is not None


async def test_a_gx_swaps_signs_tells_kilowatts_and_nulls() -> None:
    async with ranch(victron=True) as r:
        physics = await r.physics()
        await r.order("victron", "swapped", field="battery_charge_w")
        await r.order("victron", "kilowatts", field="load_w")
        await r.order("victron", "value", field="battery_temperature_c", value=None)
        told = await r.gx(lambda reading: reading.battery_temperature_c is None)
        assert told.battery_charge_w == pytest.approx(-physics["battery_charge_w"], abs=0.2)
        assert told.load_w == pytest.approx(physics["load_w"] / 1_000, abs=0.2)


async def test_twenty_faults_of_inverter_and_battery_stand_together() -> None:
    async with ranch(victron=True) as r:
        assert (await r.gx()).fault_codes == ()
        await r.order("victron", "inverter_fault", codes=list(STORM_CODES))
        await r.order("victron", "bms_alarm", codes=[*STORM_BMS_CODES, "HighTemperature warning"])
        told = await r.gx(lambda reading: len(reading.fault_codes or ()) == 21)
        assert told.fault_codes is not None
        assert {"vebus/276 Overload", "vebus/276 error 8", "battery/512 LowVoltage"} <= set(told.fault_codes)
        assert "battery/512 HighTemperature warning" in told.fault_codes
        await r.order("victron", "none")
        assert (await r.gx(lambda reading: not reading.fault_codes)).fault_codes == ()


@pytest.mark.parametrize("by_s", [3_600, -3_600])
async def test_a_solark_whose_clock_is_off_stamps_its_uploads_so(by_s: int) -> None:
    async with ranch() as r:
        right = await r.solark()
        assert await r.order("solark", "clock", by_s=by_s) == {"solark clock": "clock"}
        assert (await r.solark()).taken_at == right.taken_at + timedelta(seconds=by_s)


async def test_a_relay_whose_clock_is_off_says_so_itself() -> None:
    async with ranch() as r:
        url = f"http://{r.endpoints.shelly_urls['garage']}/rpc/Shelly.GetStatus"
        right = (await r.client.get(url)).json()["sys"]["unixtime"]
        await r.order("shelly:garage", "clock", by_s=90)
        assert (await r.client.get(url)).json()["sys"]["unixtime"] == right + 90
        assert (await r.relay()).miner_w is not None


async def test_late_data_carries_its_own_old_time() -> None:
    async with ranch() as r:
        fresh = await r.solark()
        await r.order("solark", "late")
        late = await r.solark()
        assert late.taken_at == fresh.taken_at - timedelta(hours=2)
        assert late.solar_w == round(r.world.state_at(late.taken_at).solar_w_solark)


async def test_data_out_of_order_goes_back_and_forth() -> None:
    async with ranch() as r:
        await r.order("solark", "out_of_order", by_s=600)
        times = []
        for _ in range(4):
            times.append((await r.solark()).taken_at)
            r.advance(minutes=1)
        assert any(later < earlier for earlier, later in itertools.pairwise(times))
        assert any(later > earlier for earlier, later in itertools.pairwise(times))


async def test_an_upload_that_is_told_twice_is_the_same_twice() -> None:
    async with ranch() as r:
        url = f"{r.endpoints.open_meteo_url}/v1/forecast"
        query: dict[str, str] = {"latitude": "37.3", "longitude": "-121.9", "hourly": "shortwave_radiation"}
        await r.order("open_meteo", "duplicate")
        first = (await r.client.get(url, params=query)).text
        r.advance(hours=30)
        assert (await r.client.get(url, params=query)).text == first
        assert (await r.client.get(url, params=query)).text != first


async def test_counters_begin_at_zero_again() -> None:
    async with ranch() as r:
        url = f"http://{r.endpoints.shelly_urls['garage']}/rpc/Switch.GetStatus?id=0"
        assert (await r.client.get(url)).json()["aenergy"]["total"] > 0
        await r.order("shelly:garage", "counter_reset")
        assert (await r.client.get(url)).json()["aenergy"]["total"] == 0
        r.advance(minutes=30)
        assert 0 < (await r.client.get(url)).json()["aenergy"]["total"] < 5_000


async def test_every_device_and_service_can_be_gone_and_come_back() -> None:
    async with ranch() as r:
        shelly, miner = r.endpoints.shelly_urls["garage"], r.world.site.miner[0].id
        for target in ("solark", "shelly:garage", "open_meteo", f"miner:{miner}"):
            for fault in ("gone", "offline"):
                assert (await r.order(target, fault))[target] == fault
            if target == "solark":
                with pytest.raises(ConnectorError):
                    await r.solark()
            if target == "shelly:garage":
                with pytest.raises(httpx.HTTPError):
                    await r.client.get(f"http://{shelly}/shelly")
            assert target not in await r.order(target, "none")
        assert (await r.solark()).soc_pct is not None
        assert (await r.client.get(f"http://{shelly}/shelly")).status_code == 200


async def test_a_gx_that_is_offline_says_nothing_and_speaks_again() -> None:
    async with ranch(victron=True) as r:
        assert (await r.gx()).soc_pct is not None
        await r.order("victron", "offline")
        await asyncio.sleep(0.3)  # it looks for faults twenty times a second
        with pytest.raises(TimeoutError):
            await r.gx(within_s=1.0)
        await r.order("victron", "none")
        assert (await r.gx()).soc_pct is not None


async def test_a_gx_that_says_everything_twice_is_read_as_ever() -> None:
    async with ranch(victron=True) as r:
        await r.order("victron", "duplicate")
        assert (await r.gx()).load_w == pytest.approx((await r.physics())["load_w"], abs=0.2)


async def test_a_dead_array_takes_its_share_of_the_sun_and_gives_it_back() -> None:
    async with ranch() as r:
        whole = (await r.physics())["solar_available_w"]
        assert await r.order("site", "dead_array", field="south") == {"site dead_array south": 1.0}
        without = (await r.physics())["solar_available_w"]
        await r.order("site", "dead_array", field="barn", value=0.5)
        less = (await r.physics())["solar_available_w"]
        assert 0 < less == pytest.approx(without / 2, rel=0.01)
        assert without < 0.6 * whole
        await r.order("site", "none")
        assert (await r.physics())["solar_available_w"] == whole
        assert r.world.state_at(NOON - timedelta(hours=1)).solar_available_w > 0  # the past is as it was


async def test_a_generator_that_is_stuck_on_runs_beside_the_grid_and_stays_balanced() -> None:
    async with ranch() as r:
        await r.order("site", "generator_stuck", value=7_000)
        state = await r.physics()
        assert 0 < state["generator_w"] <= 7_000
        sources = state["solar_w"] + state["grid_import_w"] + state["generator_w"]
        assert sources == pytest.approx(state["load_w"] + state["battery_charge_w"], abs=1e-6)
        r.advance(minutes=5)
        assert (await r.solark()).generator_w == pytest.approx((await r.physics())["generator_w"], abs=600)


async def test_a_hot_battery_and_a_heavy_load_show_in_what_the_devices_tell() -> None:
    async with ranch(victron=True) as r:
        usual = (await r.physics())["load_w"]
        await r.order("site", "battery_temperature", value=52)
        await r.order("site", "load", value=4_000)
        told = await r.gx(lambda reading: (reading.battery_temperature_c or 0) > 50)
        assert told.battery_temperature_c == 52
        assert told.load_w == pytest.approx(usual + 4_000, abs=1)


async def test_a_misfortune_for_seconds_ends_in_simulated_time() -> None:
    async with ranch() as r:
        usual = (await r.physics())["battery_temperature_c"]
        await r.order("site", "battery_temperature", value=60, seconds=120)
        assert (await r.physics())["battery_temperature_c"] == 60
        r.advance(seconds=121)
        assert (await r.physics())["battery_temperature_c"] == pytest.approx(usual, abs=1)


async def test_a_miner_that_is_on_can_draw_nothing() -> None:
    async with ranch() as r:
        control = r.endpoints.control_url
        await r.client.post(f"{control}/relay", json={"device": "garage", "channel": 0, "on": True})
        r.advance(minutes=10)
        assert ((await r.relay()).miner_w or 0.0) > 3_000
        await r.order("miner:s21", "draws_nothing")
        assert (await r.relay()).miner_w == 0.0
        await r.order("miner:s21", "none")
        assert ((await r.relay()).miner_w or 0.0) > 3_000


@pytest.mark.parametrize(
    ("target", "fault", "more", "says"),
    [
        ("toaster", "429", {}, "there are miner:s19-1"),
        ("solark", "fire", {}, "is not known; there are none, 401"),
        ("solark", "swapped", {}, 'needs "field", one of soc_pct'),
        ("solark", "swapped", {"field": "mood"}, 'needs "field", one of soc_pct'),
        ("solark", "value", {"field": "soc_pct"}, 'needs "value"'),
        ("solark", "clock", {}, 'needs "by_s"'),
        ("solark", "clock", {"by_s": "soon"}, '"by_s" must be a number'),
        ("solark", "frozen", {"field": "soc_pct", "count": 3}, "is not counted"),
        ("solark", "429", {"count": 0}, "a whole number, 1 or more"),
        ("solark", "429", {"seconds": -1}, "more than 0"),
        ("open_meteo", "kilowatts", {"field": "solar_w"}, "has no figures to distort"),
        ("shelly:garage", "bms_alarm", {"codes": ["Overload"]}, 'needs "codes"'),
        ("victron", "inverter_fault", {"codes": "Overload"}, "must be a list of texts"),
        ("shelly:garage", "duplicate", {}, "is for what speaks by itself"),
        ("site", "429", {}, "is not one of the site's"),
        ("site", "dead_array", {"field": "east"}, "the name of an array: south, barn"),
        ("site", "dead_array", {"field": "south", "value": 2}, "above 0, and 1 at the most"),
        ("site", "load", {}, 'needs "value"'),
        ("solark", "load", {"value": 1}, 'is for the target "site"'),
        ("site", "draws_nothing", {}, 'is for a target "miner:<miner>"'),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused_with_what_would(
    target: str, fault: str, more: dict[str, object], says: str
) -> None:
    async with ranch() as r:
        assert says in await r.refused(target, fault, **more)
