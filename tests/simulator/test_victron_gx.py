"""The virtual Cerbo GX behaves as dbus-flashmq does: asked over real MQTT, with timers shortened where they matter."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt
import pytest

from simulator.clock import SimClock
from simulator.default_site import default_site
from simulator.faults import Faults
from simulator.physics import Scenario, VirtualSite
from simulator.victron import NoFaults, Wiring, serve_victron
from tests.brokers import MOSQUITTO, any_broker, mosquitto
from tests.victron_stage import PORTAL, QUICK, Flows, Noon, StillSite, a_site, on_stage

SUPPRESS = '{"keepalive-options": ["suppress-republish"]}'
SOC = "system/0/Dc/Battery/Soc"


def value(payload: bytes) -> object:
    return json.loads(payload)["value"]


async def test_nothing_but_the_retained_serial_is_heard_before_a_keepalive() -> None:
    async with on_stage() as stage, stage.listener() as listener:
        heard = await listener.hear(0.4)
    assert list(heard) == ["system/0/Serial"]
    assert value(heard["system/0/Serial"]) == PORTAL


async def test_an_empty_keepalive_publishes_everything_and_says_when_it_is_done() -> None:
    async with on_stage() as stage, stage.listener() as listener:
        await listener.ask("keepalive")
        heard = await listener.hear(3, until="full_publish_completed")
    assert value(heard[SOC]) == 63.5
    assert len(heard) > 80
    assert value(heard["grid/30/ProductId"]) == 0xB017
    assert json.loads(heard["settings/0/Settings/CGwacs/BatteryLife/MinimumSocLimit"]) == {
        "value": 30.0,
        "min": 0,
        "max": 100,
    }
    assert value(heard["full_publish_completed"]) == int(Noon().now().timestamp())


async def test_the_completion_echoes_the_token_of_the_keepalive() -> None:
    async with on_stage() as stage, stage.listener() as listener:
        await listener.ask("keepalive", '{"keepalive-options": [{"full-publish-completed-echo": "mine-7"}]}')
        heard = await listener.hear(3, until="full_publish_completed")
    assert json.loads(heard["full_publish_completed"])["full-publish-completed-echo"] == "mine-7"


async def test_a_suppressing_keepalive_brings_changes_only() -> None:
    async with on_stage() as stage, stage.listener() as listener:
        await listener.ask("keepalive")
        await listener.hear(3, until="full_publish_completed")
        await listener.ask("keepalive", SUPPRESS)
        stage.still.move(soc_pct=64.0)
        heard = await listener.hear(0.5)
    assert "full_publish_completed" not in heard
    assert set(heard) == {SOC, "battery/512/Soc", "system/0/Dc/Battery/ConsumedAmphours", "heartbeat"}


async def test_without_keepalives_the_gx_falls_silent_and_keeps_its_values() -> None:
    async with on_stage(timings=replace(QUICK, keepalive_s=0.4)) as stage, stage.listener() as listener:
        await listener.ask("keepalive")
        await listener.hear(3, until="full_publish_completed")
        await listener.hear(0.6)
        stage.still.move(soc_pct=64.0)
        assert await listener.hear(0.4) == {}
        await listener.ask("keepalive")
        heard = await listener.hear(3, until="full_publish_completed")
    assert value(heard[SOC]) == 64.0


async def test_the_heartbeat_comes_regularly_while_the_gx_is_kept_alive() -> None:
    async with on_stage() as stage, stage.listener() as listener:
        await listener.ask("keepalive", SUPPRESS)
        beats = 0
        for _ in range(3):
            beats += "heartbeat" in await listener.hear(1, until="heartbeat")
    assert beats == 3


async def test_full_republishes_are_limited_to_three_a_second() -> None:
    async with on_stage() as stage, stage.listener() as listener:
        for _ in range(6):
            await listener.ask("keepalive")
        completions = 0
        while "full_publish_completed" in await listener.hear(0.5, until="full_publish_completed"):
            completions += 1
    assert completions == 3


async def test_a_read_is_answered_even_while_the_gx_sleeps() -> None:
    async with on_stage() as stage, stage.listener() as listener:
        await listener.hear(0.3)
        await listener.ask(SOC)
        leaf = await listener.hear(0.3)
        await listener.ask("grid/30/Ac")
        subtree = await listener.hear(0.3)
    assert list(leaf) == [SOC]
    assert len(subtree) == 9
    assert all(path.startswith("grid/30/Ac/") for path in subtree)


async def test_a_write_is_echoed_and_kept() -> None:
    path = "settings/0/Settings/CGwacs/BatteryLife/MinimumSocLimit"
    async with on_stage() as stage, stage.listener() as listener:
        await listener.ask("keepalive", SUPPRESS)
        await listener.hear(0.3)
        await listener.write(path, 45)
        echo = await listener.hear(1, until=path)
        await listener.ask(path)
        again = await listener.hear(1, until=path)
    assert value(echo[path]) == 45
    assert value(again[path]) == 45


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("settings/0/Settings/CGwacs/BatteryLife/MinimumSocLimit", 145),
        ("settings/0/Settings/CGwacs/BatteryLife/State", 4),
        ("settings/0/Settings/CGwacs/AcPowerSetPoint", "all of it"),
        ("system/0/Dc/Battery/Soc", 100),
        ("vebus/276/Mode", None),
    ],
)
async def test_a_write_that_the_gx_does_not_accept_gets_no_answer(path: str, refused: object) -> None:
    async with on_stage() as stage, stage.listener() as listener:
        await listener.ask("keepalive", SUPPRESS)
        await listener.hear(0.2)
        await listener.write(path, refused)
        assert path not in await listener.hear(0.3)


async def test_only_the_serial_is_retained() -> None:
    async with on_stage() as stage:
        async with stage.listener() as listener:
            await listener.ask("keepalive")
            await listener.hear(3, until="full_publish_completed")
        async with stage.listener() as late:
            await late.hear(0.3)
    assert late.retained == {"system/0/Serial"}


async def test_numbers_carry_float32_noise() -> None:
    async with on_stage(battery_voltage_v=52.43) as stage, stage.listener() as listener:
        await listener.ask("system/0/Dc/Battery/Voltage")
        heard = await listener.hear(1, until="system/0/Dc/Battery/Voltage")
    assert value(heard["system/0/Dc/Battery/Voltage"]) == 52.43000030517578


async def test_unused_phases_are_null_and_used_ones_share_the_power() -> None:
    async with on_stage(wiring=Wiring(phases=2)) as stage, stage.listener() as listener:
        await listener.ask("system/0/Ac/Consumption")
        heard = await listener.hear(0.3)
    assert [value(heard[f"system/0/Ac/Consumption/L{n}/Power"]) for n in (1, 2, 3)] == [1150, 1150, None]


async def test_a_site_without_a_grid_has_no_meter_and_inverts() -> None:
    site = a_site(grid=False)
    async with on_stage(site=site, grid_import_w=0.0, grid_present=False) as stage, stage.listener() as listener:
        await listener.ask("keepalive")
        heard = await listener.hear(3, until="full_publish_completed")
    assert value(heard["system/0/Ac/Grid/L1/Power"]) is None
    assert value(heard["system/0/Ac/ActiveIn/Source"]) == 240
    assert not [path for path in heard if path.startswith("grid/")]


async def test_the_meters_count_what_flows() -> None:
    clock = SimClock(datetime(2026, 6, 1, 19, tzinfo=UTC), speed=0)
    still = StillSite(a_site(), Flows(grid_import_w=2000.0, battery_charge_w=-1000.0))
    async with serve_victron(still, clock, NoFaults(), timings=QUICK) as (host, port):
        before = await _read(host, port, "grid/30/Ac/Energy/Forward", "battery/512/History/DischargedEnergy")
        clock.advance(timedelta(hours=3))
        await asyncio.sleep(0.2)
        after = await _read(host, port, "grid/30/Ac/Energy/Forward", "battery/512/History/DischargedEnergy")
    assert [round(b - a, 2) for a, b in zip(before, after, strict=True)] == [6.0, 3.0]


async def _read(host: str, port: int, *paths: str) -> list[float]:
    async with aiomqtt.Client(host, port) as client:
        await client.subscribe([(f"N/{PORTAL}/{path}", 0) for path in paths])
        found = []
        for path in paths:
            await client.publish(f"R/{PORTAL}/{path}", "")
            message = await asyncio.wait_for(anext(client.messages), 2)
            found.append(float(json.loads(bytes(message.payload))["value"]))  # type: ignore[arg-type]  # bytes
    return found


async def test_the_fault_timeout_is_silence_and_ends() -> None:
    async with on_stage() as stage, stage.listener() as listener:
        await listener.hear(0.2)
        stage.orders.fault = "timeout"
        await asyncio.sleep(0.1)
        await listener.ask("keepalive")
        await listener.ask(SOC)
        assert await listener.hear(0.4) == {}
        stage.orders.fault = None
        await asyncio.sleep(0.1)
        await listener.ask("keepalive")
        assert SOC in await listener.hear(3, until="full_publish_completed")


async def test_frozen_values_stand_still_while_the_heartbeat_goes_on() -> None:
    async with on_stage() as stage, stage.listener() as listener:
        await listener.ask("keepalive")
        await listener.hear(3, until="full_publish_completed")
        stage.orders.fault = "frozen"
        stage.still.move(soc_pct=10.0)
        assert set(await listener.hear(0.5)) == {"heartbeat"}


async def test_nulls_keep_identities_and_settings() -> None:
    async with on_stage() as stage, stage.listener() as listener:
        stage.orders.fault = "nulls"
        await asyncio.sleep(0.1)
        await listener.ask("keepalive")
        heard = await listener.hear(3, until="full_publish_completed")
    assert value(heard[SOC]) is None
    assert value(heard["battery/512/ProductId"]) == 0xA389
    assert value(heard["settings/0/Settings/CGwacs/BatteryLife/MinimumSocLimit"]) == 30


async def test_a_device_that_is_unplugged_says_goodbye_with_empty_payloads() -> None:
    async with on_stage() as stage, stage.listener() as listener:
        await listener.ask("keepalive")
        await listener.hear(3, until="full_publish_completed")
        stage.orders.fault = "gone"
        heard = await listener.hear(0.4)
        assert heard["battery/512/Soc"] == b""
        assert value(heard[SOC]) is None
        stage.orders.fault = None
        back = await listener.hear(0.4)
    assert value(back["battery/512/Soc"]) == 63.5


async def test_the_fault_401_throws_callers_out_and_lets_nobody_in() -> None:
    async with on_stage() as stage:
        async with stage.listener() as listener:
            stage.orders.fault = "401"
            with pytest.raises(aiomqtt.MqttError):
                await listener.hear(2)
        with pytest.raises(aiomqtt.MqttError, match="Not authorized"):
            async with aiomqtt.Client("127.0.0.1", stage.port):
                pass
        stage.orders.fault = None
        async with stage.listener() as listener:
            await listener.ask("keepalive")
            assert SOC in await listener.hear(3, until="full_publish_completed")


async def test_the_gx_attaches_to_a_broker_that_is_there(tmp_path: Path) -> None:
    async with any_broker(tmp_path) as port, on_stage(broker_port=port) as stage, stage.listener() as listener:
        await listener.ask("keepalive")
        assert SOC in await listener.hear(3, until="full_publish_completed")


@pytest.mark.skipif(MOSQUITTO is None, reason="kills and restarts mosquitto, which is not installed")
async def test_the_gx_comes_back_to_a_broker_that_was_killed(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, on_stage(broker_port=broker.port) as stage:
        await broker.stop(abruptly=True)
        await asyncio.sleep(0.2)
        await broker.start()
        await asyncio.sleep(0.4)
        async with stage.listener() as listener:
            await listener.ask("keepalive")
            assert SOC in await listener.hear(3, until="full_publish_completed")


async def test_a_counted_fault_lasts_that_many_ticks() -> None:
    faults = Faults()
    async with serve_victron(StillSite(a_site()), Noon(), faults, timings=QUICK) as (host, port):
        faults.order("victron", "timeout", count=4)
        await asyncio.sleep(0.1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await _read(host, port, SOC)
        await asyncio.sleep(0.3)
        assert await _read(host, port, SOC) == [63.5]


async def test_the_virtual_site_is_what_the_gx_publishes() -> None:
    start = datetime(2026, 6, 1, 19, tzinfo=UTC)
    scenario = Scenario(name="plain", description="a day without events")
    world = VirtualSite(default_site("both"), seed=7, start=start, wiring="both", scenario=scenario)
    clock = SimClock(start, speed=0)
    async with serve_victron(world, clock, Faults(), timings=QUICK) as (host, port):
        soc, charge, solar, load = await _read(
            host, port, SOC, "system/0/Dc/Battery/Power", "system/0/Dc/Pv/Power", "system/0/Ac/Consumption/L1/Power"
        )
    state = world.state_at(start)
    assert soc == pytest.approx(state.soc_pct, rel=1e-6)
    assert charge == pytest.approx(state.battery_charge_w, rel=1e-6)
    assert solar == pytest.approx(state.solar_w_victron, rel=1e-6)
    assert load == pytest.approx(state.load_w, rel=1e-6)
