"""Shellys of the first generation, and relays that cannot measure."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from connectors.device import DeviceSecrets
from connectors.errors import CredentialsRefused, Malformed, Unsupported
from connectors.shelly.client import ShellyRelay
from connectors.shelly.gen1_status import channels
from energy.site import Device, Site
from tests.connectors.relay_stage import PASSWORD, TARGET, channel_of, relay_stage
from tests.connectors.serving import serving

# as the vendor's documentation shows a Shelly 2.5
STATUS = {
    "relays": [
        {"ison": True, "has_timer": True, "timer_remaining": 598, "overpower": False, "source": "http"},
        {"ison": False, "has_timer": False, "timer_remaining": 0, "overpower": True, "source": "overpower"},
    ],
    "meters": [
        {"power": 3204.5, "overpower": 0.0, "is_valid": True, "total": 120_000},
        {"power": 0.0, "overpower": 2300.0, "is_valid": True, "total": 600},
    ],
    "temperature": 52.3,
    "overtemperature": False,
    "voltage": 240.1,
}


def test_power_is_in_watts_and_energy_comes_out_of_watt_minutes():
    first, second = channels(STATUS, meters=2)
    assert (first.on, first.power_w, first.voltage_v, first.temperature_c) == (True, 3204.5, 240.1, 52.3)
    assert first.energy_kwh == pytest.approx(2.0)
    assert (first.timer_left_s, first.errors) == (598, ())
    assert (second.on, second.power_w, second.timer_left_s) == (False, 0, None)
    assert (second.errors, second.switched_by) == (("overpower",), "overpower")


def test_one_meter_for_two_relays_is_nobodys_figure():
    first, second = channels(STATUS | {"meters": STATUS["meters"][:1]}, meters=1)
    assert (first.power_w, second.power_w) == (None, None)
    assert first.on is True


@pytest.mark.parametrize(
    "meter",
    [
        {"power": 0.0, "is_valid": True},  # what a Shelly 1 shows without having one
        {"power": 3204.5, "is_valid": False, "total": 9},
        {"power": None, "is_valid": True, "total": 9},
    ],
)
def test_a_meter_that_does_not_measure_is_unknown_and_not_zero(meter):
    (channel,) = channels({"relays": STATUS["relays"][:1], "meters": [meter]}, meters=1)
    assert channel.power_w is None
    assert not channel.metered


def test_the_device_may_say_that_it_has_no_meter():
    first, _ = channels(STATUS, meters=0)
    assert first.power_w is None


def test_heat_is_an_error_of_every_channel():
    first, _ = channels(STATUS | {"overtemperature": True})
    assert first.errors == ("overtemp",)


async def test_the_physics_is_read_with_the_first_generations_words():
    async with relay_stage("shelly1pm") as stage, stage.connected() as relay:
        await relay.switch_on(0, off_after_s=3_600)
        stage.later(1_800)
        channel = await channel_of(relay, 0)
        (reading,) = await relay.read()
    assert reading.miner_w == pytest.approx(3250, rel=0.02)
    assert channel.energy_kwh == pytest.approx(3.25 * (1_800 - 100) / 3_600, rel=0.03)


async def test_a_restart_lets_the_counter_begin_again():
    async with relay_stage("shelly1pm") as stage, stage.connected() as relay:
        await relay.switch_on(0, off_after_s=3_600)
        stage.later(1_800)
        stage.relays.reboot(counters=True)
        assert (await channel_of(relay, 0)).energy_kwh == 0


@pytest.mark.parametrize("model", ["shelly1", "plus1", "pro3"])
async def test_a_relay_without_meter_switches_and_knows_no_power(model):
    async with relay_stage(model) as stage, stage.connected() as relay:
        await relay.switch_on(0, off_after_s=900)
        stage.later(300)
        channel = await channel_of(relay, 0)
        (reading,) = await relay.read()
        details = await relay.details()
    assert stage.world.state_at(stage.clock.now()).miner_w["s19-1"] > 3_000
    assert (channel.on, channel.power_w, channel.energy_kwh, channel.metered) == (True, None, None, False)
    assert reading.miner_w is None
    assert details.settings["channel_0_metered"] is False


async def test_the_user_is_admin_where_nobody_named_another():
    async with relay_stage("shelly1pm") as stage:
        async with stage.connected() as relay:
            assert await relay.channels()
        async with stage.connected(username="someone") as relay:
            with pytest.raises(CredentialsRefused, match=r"GARAGE_PASSWORD.*GARAGE_USERNAME"):
                await relay.channels()


@pytest.mark.parametrize("password", ["guessed", None])
async def test_a_wrong_or_missing_password_is_refused_without_giving_it_away(password):
    async with relay_stage("shelly1pm") as stage, stage.connected(password) as relay:
        with pytest.raises(CredentialsRefused, match="GARAGE_PASSWORD") as caught:
            await relay.switch_on(0, off_after_s=60)
        assert "guessed" not in str(caught.value)
        assert stage.relays.commands == 0


async def test_the_password_is_not_told_to_a_device_that_asks_for_none():
    told: list[str | None] = []

    async def open_relay(request: web.Request) -> web.Response:
        told.append(request.headers.get("Authorization"))
        if request.path == "/shelly":
            return web.json_response({"type": "SHSW-PM", "mac": "AABBCCDDEEFF", "auth": False, "fw": "1.14"})
        return web.json_response(STATUS)

    async with serving(open_relay) as server:
        relay = relay_at(server.address)
        assert len(await relay.channels()) == 2
        await relay.close()
    assert told == [None, None]


async def test_a_login_that_was_switched_on_later_is_found():
    asks = False

    async def handle(request: web.Request) -> web.Response:
        if request.path == "/shelly":
            return web.json_response({"type": "SHSW-PM", "mac": "AABBCCDDEEFF", "auth": asks, "fw": "1.14"})
        if asks and "Authorization" not in request.headers:
            return web.Response(status=401)
        return web.json_response(STATUS)

    async with serving(handle) as server:
        relay = relay_at(server.address)
        assert await relay.channels()
        asks = True
        with pytest.raises(CredentialsRefused):
            await relay.channels()
        assert await relay.channels()
        await relay.close()


async def test_a_device_without_relay_is_refused_in_words():
    async def handle(request: web.Request) -> web.Response:
        if request.path == "/shelly":
            return web.json_response({"type": "SHDM-2", "mac": "AABBCCDDEEFF", "auth": False})
        return web.json_response({"lights": [{"ison": True}]})

    async with serving(handle) as server:
        relay = relay_at(server.address)
        with pytest.raises(Unsupported, match="has no relay"):
            await relay.channels()
        await relay.close()


async def test_an_answer_that_is_no_state_is_malformed():
    async with relay_stage("shelly1pm") as stage, stage.connected() as relay:
        await relay.channels()
        stage.faults.order(TARGET, "html", count=1)
        with pytest.raises(Malformed, match="a web page"):
            await relay.switch_off(0)


def relay_at(address: str) -> ShellyRelay:
    device = Device(id="garage", kind="shelly", host=address)
    secrets = DeviceSecrets.from_environment("garage", {"GARAGE_PASSWORD": PASSWORD})
    return ShellyRelay(Site(id="ranch", device=(device,)), device, secrets)


async def test_one_request_at_a_time_reaches_the_device():
    at_work = most = 0

    async def slow(request: web.Request) -> web.Response:
        nonlocal at_work, most
        if request.path == "/shelly":
            return web.json_response({"type": "SHSW-PM", "mac": "AABBCCDDEEFF", "auth": False})
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0.01)
        at_work -= 1
        return web.json_response(STATUS | {"ison": True})

    async with serving(slow) as server:
        relay = relay_at(server.address)
        await asyncio.gather(*(relay.read() for _ in range(4)), *(relay.switch_off(0) for _ in range(4)))
        await relay.close()
    assert most == 1


async def test_a_wrong_password_is_not_tried_at_the_polls_pace():
    async def closed(request: web.Request) -> web.Response:
        if request.path == "/shelly":
            return web.json_response({"type": "SHSW-PM", "mac": "AABBCCDDEEFF", "auth": True})
        return web.Response(status=401)

    async with serving(closed) as server:
        relay = relay_at(server.address)
        for _ in range(20):
            with pytest.raises(CredentialsRefused):
                await relay.read()
        await relay.close()
    assert server.asked.count("GET /status") == 2
