"""Switching a relay of either generation: always with a timer, once, and never believed without reading back."""

from __future__ import annotations

import asyncio
import math

import pytest
from aiohttp import web

from connectors.device import DeviceSecrets, SwitchedDevice
from connectors.errors import Malformed, Unreachable
from connectors.shelly.client import LONGEST_TIMER_S, ShellyRelay
from energy.site import Device, Site
from tests.connectors.relay_stage import GENERATIONS, TARGET, channel_of, relay_stage
from tests.connectors.serving import serving

every_generation = pytest.mark.parametrize("model", GENERATIONS)
HASTY_S = 0.4


@every_generation
async def test_a_relay_is_a_switched_device(model):
    async with relay_stage(model) as stage, stage.connected() as relay:
        assert isinstance(relay, SwitchedDevice)
        await relay.switch_on(0, off_after_s=900)
        assert stage.is_on(0)
        channel = await channel_of(relay, 0)
        assert (channel.on, channel.timer_left_s, channel.metered) == (True, 900, True)
        assert channel.switched_by in ("HTTP_in", "http")
        await relay.switch_off(0)
        assert not stage.is_on(0)
        channel = await channel_of(relay, 0)
        assert (channel.on, channel.timer_left_s, channel.power_w) == (False, None, 0)


@every_generation
async def test_the_relay_itself_switches_off_when_nobody_renews(model):
    async with relay_stage(model) as stage, stage.connected() as relay:
        await relay.switch_on(0, off_after_s=900)
        stage.later(899)
        assert stage.is_on(0)
        stage.later(2)
        assert not stage.is_on(0)
        assert (await channel_of(relay, 0)).switched_by == "timer"


@every_generation
async def test_switching_on_again_starts_the_timer_again_and_leaves_the_miner_running(model):
    async with relay_stage(model) as stage, stage.connected() as relay:
        await relay.switch_on(0, off_after_s=900)
        stage.later(600)
        before_w = (await channel_of(relay, 0)).power_w
        await relay.switch_on(0, off_after_s=900)
        channel = await channel_of(relay, 0)
        assert channel.timer_left_s == 900
        assert channel.power_w == pytest.approx(before_w, rel=0.02)
        stage.later(600)
        assert stage.is_on(0)


@every_generation
@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf, LONGEST_TIMER_S + 1])
async def test_a_relay_is_never_switched_on_without_a_timer_that_ends(model, seconds):
    async with relay_stage(model) as stage, stage.connected() as relay:
        with pytest.raises(ValueError, match="off_after_s must be 1 to 3600 s"):
            await relay.switch_on(0, off_after_s=seconds)
        with pytest.raises(TypeError):
            await relay.switch_on(0)  # the timer has no default
        assert not stage.is_on(0)


@every_generation
async def test_a_channel_that_there_is_not_is_told_with_the_place_to_mend(model):
    async with relay_stage(model) as stage, stage.connected() as relay:
        with pytest.raises(Malformed, match="has no channel 9; check device and channel of the miner"):
            await relay.switch_on(9, off_after_s=60)


@pytest.mark.parametrize("identity", [{"gen": 2}, {"type": "SHSW-PM", "mac": "AABBCCDDEEFF", "auth": False}])
async def test_a_switching_that_is_answered_with_something_else_is_malformed(identity):
    async def strange(request: web.Request) -> web.Response:
        return web.json_response(identity if request.path == "/shelly" else {"result": {}})

    async with serving(strange) as server:
        device = Device(id="garage", kind="shelly", host=server.address)
        relay = ShellyRelay(Site(id="ranch", device=(device,)), device, DeviceSecrets())
        with pytest.raises(Malformed, match="answered a switching with something else; read its state again"):
            await relay.switch_on(0, off_after_s=60)
        await relay.close()


@every_generation
@pytest.mark.parametrize("on", [True, False])
async def test_a_lost_answer_may_have_been_done_and_is_never_sent_again(model, on):
    async with relay_stage(model) as stage, stage.connected(timeout_s=HASTY_S) as relay:
        if not on:
            await relay.switch_on(0, off_after_s=900)
        stage.faults.order(TARGET, "lost", count=1)
        with pytest.raises(Unreachable) as caught:
            await (relay.switch_on(0, off_after_s=900) if on else relay.switch_off(0))
        assert caught.value.maybe_done
        assert stage.is_on(0) is on
        assert stage.relays.commands == (1 if on else 2)
        assert (await channel_of(relay, 0)).on is on


@every_generation
async def test_a_relay_that_is_gone_before_the_command_surely_did_nothing(model):
    async with relay_stage(model) as stage:
        async with stage.connected(timeout_s=HASTY_S) as relay:
            stage.faults.order(TARGET, "timeout")
            with pytest.raises(Unreachable) as caught:
                await relay.switch_on(0, off_after_s=900)
        assert caught.value.maybe_done is False  # it was only asked who it is
        assert stage.relays.commands == 0


@every_generation
async def test_a_yes_without_effect_shows_when_read_back(model):
    async with relay_stage(model) as stage, stage.connected() as relay:
        stage.faults.order(TARGET, "stuck", count=1)
        await relay.switch_on(0, off_after_s=900)
        assert (await channel_of(relay, 0)).on is False


@every_generation
@pytest.mark.parametrize("hand", ["button", "switch"])
async def test_a_hand_on_the_relay_shows_as_another_source(model, hand):
    async with relay_stage(model) as stage, stage.connected() as relay:
        await relay.switch_on(0, off_after_s=900)
        stage.relays.switch(0, False, None, hand)
        channel = await channel_of(relay, 0)
        assert (channel.on, channel.timer_left_s) == (False, None)
        assert channel.switched_by in ("button", "switch", "input")


@every_generation
@pytest.mark.parametrize(("state", "on"), [("off", False), ("on", True), ("restore_last", True)])
async def test_a_restart_loses_the_timer_and_leaves_the_output_as_the_relay_is_set(model, state, on):
    async with relay_stage(model) as stage, stage.connected() as relay:
        stage.relays.settings[0].initial_state = state
        await relay.switch_on(0, off_after_s=900)
        stage.relays.reboot(counters=False)
        channel = await channel_of(relay, 0)
        assert (channel.on, channel.timer_left_s) == (on, None)
        assert channel.switched_by == "init"


@every_generation
@pytest.mark.parametrize("error", ["overpower", "overtemp"])
async def test_a_protection_that_acted_is_an_error_of_the_channel(model, error):
    async with relay_stage(model) as stage, stage.connected() as relay:
        await relay.switch_on(0, off_after_s=900)
        stage.relays.trip(0, error)
        channel = await channel_of(relay, 0)
        (reading,) = await relay.read()
        assert (channel.on, channel.errors) == (False, (error,))
        assert f"channel_0_{error}" in reading.fault_codes


@every_generation
async def test_a_contact_that_sticks_shows_in_the_power_of_an_output_that_is_off(model):
    async with relay_stage(model) as stage, stage.connected() as relay:
        await relay.switch_on(0, off_after_s=900)
        stage.later(600)
        stage.world.weld("garage", 0, True, at=stage.clock.now())
        await relay.switch_off(0)
        stage.later(30)
        channel = await channel_of(relay, 0)
        assert channel.on is False
        assert channel.power_w == pytest.approx(3_250, rel=0.02)
        stage.world.weld("garage", 0, False, at=stage.clock.now())
        assert (await channel_of(relay, 0)).power_w == 0


@every_generation
async def test_details_tell_how_the_relay_is_set(model):
    async with relay_stage(model) as stage, stage.connected() as relay:
        stage.relays.settings[0].auto_off_s = 600
        details = await relay.details()
    assert details.model == stage.relays.model.model
    assert details.firmware == stage.relays.model.firmware
    assert details.serial_tail == stage.relays.mac[-4:]
    shown = details.settings
    assert (shown["channel_0_initial_state"], shown["channel_0_metered"]) == ("off", True)
    assert shown["channel_0_rated_a"] in (10, 16)
    assert shown["channel_0_power_limit_w"] in (3500, 4480)
    assert "ranch" not in repr(details).replace("'ranch'", "")


async def test_commands_and_readings_of_a_relay_queue_on_one_login():
    async with relay_stage("pro4pm") as stage, stage.connected() as relay:
        await asyncio.gather(
            *(relay.read() for _ in range(6)),
            *(relay.switch_on(0, off_after_s=900) for _ in range(6)),
        )
        assert stage.relays.commands == 6
        assert stage.is_on(0)
