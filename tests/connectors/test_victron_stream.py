"""The GX connector on real brokers: what it reads, and what it does when broker, GX or network go away."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import structlog
from amqtt.broker import Broker
from amqtt.plugins.base import BaseTopicPlugin
from pydantic import SecretStr

from connectors.device import DeviceSecrets, StreamedDevice
from connectors.errors import CredentialsRefused, Malformed, Unreachable
from connectors.victron import VictronGx
from energy.reading import is_balanced
from simulator.victron import Wiring
from tests.brokers import MOSQUITTO, any_broker, free_port, mosquitto
from tests.victron_stage import FAST, PORTAL, QUICK, a_site, first, on_stage


class NobodySubscribes(BaseTopicPlugin):  # type: ignore[misc]  # amqtt is not typed
    """amqtt's topic hook that denies every subscription."""

    async def topic_filtering(self, **_: Any) -> bool:
        return False


needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="kills or freezes mosquitto, which is not installed")


async def test_a_reading_holds_what_the_gx_shows_in_our_fields() -> None:
    async with on_stage() as stage:
        gx = stage.gx()
        assert isinstance(gx, StreamedDevice)
        reading = await first(gx)
    assert (reading.site_id, reading.source, reading.device_id) == ("ranch", "victron", "cerbo")
    assert reading.soc_pct == 63.5
    assert reading.battery_charge_w == 1500.0
    assert reading.battery_voltage_v == 52.43
    assert reading.battery_temperature_c == 21.0
    assert reading.solar_w == 3000.0
    assert reading.load_w == 2300.0
    assert reading.grid_import_w == 800.0
    assert reading.generator_w is None
    assert reading.grid_present is True
    assert reading.inverter_state == "bulk charging"
    assert reading.fault_codes == ()


@pytest.mark.parametrize("phases", [1, 2, 3])
async def test_the_flows_balance_on_one_to_three_phases(phases: int) -> None:
    async with on_stage(wiring=Wiring(phases=phases)) as stage:
        reading = await first(stage.gx())
    assert reading.balance_w == pytest.approx(0, abs=1)
    assert is_balanced(reading)


async def test_the_flows_balance_while_exporting_and_discharging() -> None:
    flows = {"solar_w_victron": 500.0, "load_w": 1200.0, "battery_charge_w": -1900.0, "grid_import_w": -1200.0}
    async with on_stage(**flows) as stage:
        reading = await first(stage.gx())
    assert (reading.battery_charge_w, reading.grid_import_w) == (-1900.0, -1200.0)
    assert reading.inverter_state == "discharging"
    assert reading.balance_w == pytest.approx(0, abs=1)


async def test_ac_coupled_panels_are_added_to_the_chargers() -> None:
    async with on_stage(wiring=Wiring(ac_coupled_share=0.4)) as stage:
        both = await first(stage.gx())
    async with on_stage(wiring=Wiring(chargers=False, ac_coupled_share=1.0)) as stage:
        ac_only = await first(stage.gx())
    async with on_stage(wiring=Wiring(chargers=False)) as stage:
        none = await first(stage.gx())
    assert both.solar_w == 3000.0
    assert ac_only.solar_w == 3000.0
    assert none.solar_w is None


async def test_a_generator_shows_its_power_and_leaves_the_grid_unmeasured() -> None:
    flows = {"generator_w": 4000.0, "grid_import_w": 0.0, "solar_w_victron": 0.0, "battery_charge_w": 1700.0}
    async with on_stage(grid_present=False, **flows) as stage:
        reading = await first(stage.gx())
    assert reading.generator_w == 4000.0
    assert reading.grid_present is False
    assert reading.balance_w == pytest.approx(0, abs=1)


async def test_an_outage_is_not_zero_import() -> None:
    async with on_stage(grid_import_w=0.0, battery_charge_w=700.0) as stage:
        idle = await first(stage.gx())
        stage.still.move(grid_present=False)
        out = await first(stage.gx(), lambda r: r.grid_present is False)
    assert (idle.grid_import_w, idle.grid_present) == (0.0, True)
    assert out.grid_import_w == 0.0
    assert out.fault_codes == ()  # the inverter's alarm about the grid says the same, and is no fault of its own


async def test_a_site_without_a_grid_imports_nothing_and_has_no_outages() -> None:
    site = a_site(grid=False)
    async with on_stage(site=site, grid_import_w=0.0, grid_present=False, battery_charge_w=700.0) as stage:
        reading = await first(stage.gx())
    assert reading.grid_import_w == 0.0
    assert reading.grid_present is None
    assert reading.balance_w == pytest.approx(0, abs=1)


async def test_nulls_are_unknown_and_not_zero() -> None:
    async with on_stage() as stage:
        stage.orders.fault = "nulls"
        reading = await first(stage.gx(), lambda r: r.soc_pct is None)
    assert reading.battery_charge_w is reading.solar_w is reading.load_w is reading.grid_import_w is None
    assert reading.inverter_state is reading.fault_codes is reading.grid_present is None


async def test_an_unplugged_battery_monitor_makes_its_values_unknown_and_the_rest_stays() -> None:
    async with on_stage() as stage:
        gx = stage.gx()
        async with aclosing(gx.readings()) as readings:
            assert (await anext(readings)).soc_pct == 63.5
            stage.orders.fault = "gone"
            gone = await _next(readings, lambda r: r.soc_pct is None)
            stage.orders.fault = None
            back = await _next(readings, lambda r: r.soc_pct is not None)
        await gx.close()
    assert gone.battery_voltage_v is None
    assert gone.load_w == 2300.0
    assert back.soc_pct == 63.5


async def test_readings_are_coalesced_to_one_per_interval() -> None:
    async with on_stage(timings=replace(QUICK, tick_s=0.02)) as stage:
        gx = stage.gx(pace=replace(FAST, interval_s=0.3))
        taken = []
        async with aclosing(gx.readings()) as readings:
            async for reading in readings:
                taken.append(time.monotonic())
                stage.still.move(load_w=reading.load_w + 10)
                if len(taken) == 4:
                    break
        await gx.close()
    gaps = [later - sooner for sooner, later in itertools.pairwise(taken)]
    assert min(gaps) > 0.25


async def test_a_gx_that_never_pauses_is_read_all_the_same() -> None:
    async with on_stage(timings=replace(QUICK, tick_s=0.005, heartbeat_s=0.01)) as stage:
        assert (await first(stage.gx(), within_s=4)).soc_pct == 63.5


async def test_a_slow_reader_finds_the_readings_of_the_meantime_in_order() -> None:
    async with on_stage() as stage:
        gx = stage.gx()
        async with aclosing(gx.readings()) as readings:
            await anext(readings)
            for soc in (70.0, 71.0, 72.0):
                stage.still.move(soc_pct=soc)
                await asyncio.sleep(0.3)
            seen = []
            while not seen or seen[-1] < 72.0:
                seen.append((await anext(readings)).soc_pct)
        await gx.close()
    assert {70.0, 71.0, 72.0} <= set(seen)
    assert seen == sorted(seen)


async def test_what_the_broker_kept_from_earlier_is_no_reading(tmp_path: Path) -> None:
    async with any_broker(tmp_path) as port:
        async with aiomqtt.Client("127.0.0.1", port) as old:
            await old.publish(f"N/{PORTAL}/system/0/Ac/Consumption/L3/Power", '{"value": 9999}', retain=True)
        async with on_stage(broker_port=port) as stage:
            reading = await first(stage.gx())
    assert reading.load_w == 2300.0


async def test_a_value_that_is_not_repeated_any_more_becomes_unknown_while_others_go_on(tmp_path: Path) -> None:
    pace = replace(FAST, full_refresh_s=0.2, silence_s=0.4, answer_s=0.5)
    async with any_broker(tmp_path) as port, aiomqtt.Client("127.0.0.1", port) as old_gx:
        site = a_site(host="127.0.0.1", port=port)
        gx = VictronGx(site, site.device[0], DeviceSecrets(), pace=pace)

        async def speak() -> None:
            for turn in itertools.count():  # very old firmware: never says that it has said everything
                await old_gx.publish(f"N/{PORTAL}/system/0/Dc/Pv/Power", '{"value": 500}')
                if turn < 10:
                    await old_gx.publish(f"N/{PORTAL}/system/0/Dc/Battery/Soc", '{"value": 63.5}')
                await asyncio.sleep(0.05)

        speaking = asyncio.create_task(speak())
        try:
            async with aclosing(gx.readings()) as readings:  # type: ignore[type-var]  # every stream is a generator
                seen = [await anext(readings)]
                async with asyncio.timeout(8):
                    while seen[-1].soc_pct is not None or seen[-1].solar_w is None:
                        seen.append(await anext(readings))
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)
            await gx.close()
    assert any(reading.soc_pct == 63.5 for reading in seen)
    assert seen[-1].solar_w == 500.0


async def test_the_portal_id_is_found_where_the_settings_do_not_name_it() -> None:
    async with on_stage() as stage:
        reading = await first(stage.gx(portal_id=None))
    assert reading.soc_pct == 63.5


async def test_details_tell_model_firmware_and_ess_settings() -> None:
    async with on_stage() as stage:
        gx = stage.gx()
        details = await gx.details()
        await gx.close()
    assert (details.model, details.firmware, details.serial_tail) == ("Cerbo GX", "v3.70", PORTAL[-4:])
    assert details.settings["ess_minimum_soc_pct"] == 30
    assert details.settings["ess_mode"] == "optimised without BatteryLife"
    assert details.settings["grid_setpoint_w"] == 50
    assert details.settings["battery_monitor"] == "SmartShunt 500A/50mV"
    assert details.settings["relay_1_on"] is False
    assert "max_charge_current_a" not in details.settings  # -1 says that there is no limit


async def test_details_of_a_gx_that_is_away_say_so() -> None:
    async with on_stage() as stage:
        gx = stage.gx(port=free_port(), pace=replace(FAST, answer_s=0.3))
        with pytest.raises(Unreachable, match=r"cerbo: no MQTT connection to 127\.0\.0\.1"):
            await gx.details()


async def test_nothing_is_written_to_the_gx_but_keepalives() -> None:
    async with on_stage() as stage, aiomqtt.Client("127.0.0.1", stage.port) as spy:
        await spy.subscribe([("R/#", 0), ("W/#", 0)])
        gx = stage.gx()
        await first(gx)
        await gx.details()
        await gx.close()
        topics = {str(message.topic) for message in [await anext(spy.messages) for _ in range(len(spy.messages))]}
    assert topics == {f"R/{PORTAL}/keepalive"}


async def test_a_gx_that_falls_silent_is_noticed_and_comes_back() -> None:
    with structlog.testing.capture_logs() as logs:
        async with on_stage() as stage:
            gx = stage.gx(pace=replace(FAST, silence_s=0.5))
            async with aclosing(gx.readings()) as readings:
                await anext(readings)
                stage.orders.fault = "timeout"
                await _until(lambda: gx.problem is not None)
                await asyncio.sleep(0.8)  # some attempts fail meanwhile
                stage.orders.fault = None
                stage.still.move(soc_pct=70.0)
                await _next(readings, lambda r: r.soc_pct == 70.0)
            assert gx.problem is None
            await gx.close()
    events = [entry["event"] for entry in logs if entry.get("device") == "cerbo"]
    assert events == ["device_unreachable", "device_recovered"]
    assert "nothing came from the GX" in logs[0]["reason"]


async def test_values_that_never_change_stay_known_through_refreshes() -> None:
    async with on_stage(timings=replace(QUICK, keepalive_s=1)) as stage:
        gx = stage.gx(pace=replace(FAST, full_refresh_s=0.5))
        async with asyncio.timeout(5), aclosing(gx.readings()) as readings:
            began = time.monotonic()
            async for reading in readings:
                assert reading.soc_pct == 63.5
                if time.monotonic() - began > 2.5:
                    break
        await gx.close()


async def test_garbage_is_unknown_and_logged_once() -> None:
    with structlog.testing.capture_logs() as logs:
        async with on_stage() as stage:
            gx = stage.gx()
            async with aclosing(gx.readings()) as readings:
                await anext(readings)
                stage.orders.fault = "html"
                await _next(readings, lambda r: r.soc_pct is None)
                assert isinstance(gx.problem, Malformed)
                await asyncio.sleep(1)
                stage.orders.fault = None
                await _next(readings, lambda r: r.soc_pct == 63.5 and gx.problem is None)
            await gx.close()
    events = [entry["event"] for entry in logs if entry.get("device") == "cerbo"]
    assert events == ["device_malformed", "device_recovered"]


@needs_mosquitto
async def test_a_broker_that_is_killed_and_started_again_is_found_again(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        async with mosquitto(tmp_path) as broker, on_stage(broker_port=broker.port) as stage:
            gx = stage.gx()
            async with aclosing(gx.readings()) as readings:
                await anext(readings)
                await broker.stop(abruptly=True)
                await _until(lambda: gx.problem is not None)
                await asyncio.sleep(0.5)
                await broker.start()
                stage.still.move(soc_pct=70.0)
                await _next(readings, lambda r: r.soc_pct == 70.0)
            await gx.close()
    events = [entry["event"] for entry in logs if entry.get("device") == "cerbo"]
    assert events == ["device_unreachable", "device_recovered"]


@needs_mosquitto
async def test_a_broker_that_freezes_is_noticed(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, on_stage(broker_port=broker.port) as stage:
        gx = stage.gx(pace=replace(FAST, answer_s=1))
        async with aclosing(gx.readings()) as readings:
            await anext(readings)
            broker.freeze()
            frozen_at = time.monotonic()
            await _until(lambda: gx.problem is not None)
            assert time.monotonic() - frozen_at < 2
            broker.thaw()
            stage.still.move(soc_pct=70.0)
            await _next(readings, lambda r: r.soc_pct == 70.0)
        await gx.close()


async def test_a_wrong_password_is_refused_for_good(tmp_path: Path) -> None:
    async with any_broker(tmp_path, users={"commandcenter": "right"}) as port, on_stage() as stage:
        gx = stage.gx(port=port, secrets=DeviceSecrets(password=SecretStr("wrong")))
        with pytest.raises(CredentialsRefused, match="CERBO_PASSWORD") as refused:
            await first(gx)
        assert "wrong" not in str(refused.value)
        with pytest.raises(CredentialsRefused):
            await gx.details()
        began = time.monotonic()
        with pytest.raises(CredentialsRefused):  # now without asking: a GX locks out whoever tries too often
            await gx.details()
        assert time.monotonic() - began < 0.1


async def test_a_user_who_may_not_read_the_site_is_refused() -> None:
    port = free_port()
    nobody_subscribes = f"{NobodySubscribes.__module__}.NobodySubscribes"
    everybody_enters = "amqtt.plugins.authentication.AnonymousAuthPlugin"
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {everybody_enters: {}, nobody_subscribes: {}},
        }
    )
    await broker.start()
    try:
        async with on_stage() as stage:
            with pytest.raises(CredentialsRefused, match=f"may not read the site {PORTAL}"):
                await stage.gx(port=port).details()
    finally:
        await broker.shutdown()


async def test_closing_ends_the_stream() -> None:
    async with on_stage() as stage:
        gx = stage.gx()
        count = 0
        async for _ in gx.readings():
            count += 1
            await gx.close()
    assert count >= 1


async def _next(readings, wanted, within_s: float = 15):  # type: ignore[no-untyped-def]  # any reading, any predicate
    async with asyncio.timeout(within_s):
        async for reading in readings:
            if wanted(reading):
                return reading
    raise AssertionError("the stream ended")


async def _until(condition, within_s: float = 10) -> None:  # type: ignore[no-untyped-def]  # any predicate
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)
