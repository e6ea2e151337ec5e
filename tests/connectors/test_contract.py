"""What every connector owes, shown by the same tests on all of them against the simulator's servers."""

from __future__ import annotations

import asyncio
import contextlib
import math
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, date, timedelta

import pytest

from connectors.device import DaySeries, DeviceDetails, PolledDevice, StreamedDevice
from connectors.errors import ConnectorError, CredentialsRefused, Malformed, TryLater, Unreachable
from connectors.registry import CONNECTORS
from connectors.registry import connect as from_registry
from energy.reading import NUMERIC_FIELDS, Quality, Reading, is_balanced, sanitised
from energy.site import Device
from simulator.physics import PhysicalState
from simulator.vrm import TOKEN
from tests.connectors.serving import closed_port
from tests.connectors.stage import (
    HASTY_S,
    KINDS,
    POLLED,
    SECRETS,
    WRONG_SECRETS,
    connector,
    first_reading,
    on_stage,
    unreachable_site,
)

every_device = pytest.mark.parametrize("device_id", KINDS)
polled_devices = pytest.mark.parametrize("device_id", POLLED)
# hours after midnight: discharging without sun, charging from both systems, exporting with a miner running
NIGHT, MORNING, AFTERNOON = 0.0, 9.0, 12.0
moments = pytest.mark.parametrize("hours", [NIGHT, MORNING, AFTERNOON])


def expected(device_id: str, truth: PhysicalState) -> dict[str, float]:
    """What the device can know of the truth, by field."""
    miners_w = sum(truth.miner_w.values())
    if device_id == "garage":
        return {"miner_w": miners_w}
    shared = {
        "load_w": truth.load_w,
        "grid_import_w": truth.grid_import_w,
        "battery_voltage_v": truth.battery_voltage_v,
        "battery_temperature_c": truth.battery_temperature_c,
    }
    if device_id == "solark":
        own = {"solar_w": truth.solar_w_solark, "battery_charge_w": truth.solark_battery_charge_w}
        return shared | own | {"soc_pct": truth.solark_soc_pct}
    own = {"solar_w": truth.solar_w_victron, "battery_charge_w": truth.battery_charge_w}
    return shared | own | {"soc_pct": truth.soc_pct}


@every_device
@moments
async def test_figures_have_our_signs_and_units(device_id, hours):
    async with on_stage(device_id, hours=hours) as stage:
        reading = await stage.reading()
        truth = expected(device_id, stage.truth)
    known = {name: getattr(reading, name) for name in NUMERIC_FIELDS if getattr(reading, name) is not None}
    for name, value in known.items():
        if name in truth:
            assert value == pytest.approx(truth[name], rel=0.02, abs=1.5), name
    assert known.keys() >= truth.keys() - {"load_w", "grid_import_w"}
    assert reading.quality is Quality.GOOD


@every_device
async def test_a_reading_says_where_and_when_it_was_taken(device_id):
    async with on_stage(device_id) as stage:
        reading = await stage.reading()
        now = stage.clock.now()
    assert (reading.site_id, reading.device_id) == ("ranch", device_id)
    assert reading.source in ("solark", "shelly", "victron", "victron_vrm")
    assert reading.taken_at.utcoffset() == timedelta(0)
    assert now - timedelta(minutes=5) <= reading.taken_at <= now
    assert sanitised(reading, now=now) == (reading, ())


@pytest.mark.parametrize("device_id", ["solark", "cerbo", "vrm"])
@moments
async def test_the_flows_explain_each_other(device_id, hours):
    async with on_stage(device_id, hours=hours) as stage:
        reading = await stage.reading()
        truth = stage.truth
    if device_id != "solark":  # the shunt sees what the SolArk's panels bring, the chargers do not
        reading = replace(reading, solar_w=reading.solar_w + truth.solar_w_solark)
    assert is_balanced(reading) is True


@every_device
async def test_unknown_stays_unknown_and_never_becomes_zero(device_id):
    async with on_stage(device_id) as stage, stage.connected() as device:
        if isinstance(device, PolledDevice):
            await device.read()
            await stage.order("nulls")
            readings = await device.read()
        else:
            await stage.order("nulls")
            await device.details()  # so that silence would not be for want of a connection
            readings = await _said_within(device, 0.5)
    for reading in readings:
        assert [name for name in NUMERIC_FIELDS if getattr(reading, name) is not None] == []


async def _said_within(device: StreamedDevice, seconds: float) -> list[Reading]:
    said: list[Reading] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), aclosing(device.readings()) as readings:  # type: ignore[type-var]
            async for reading in readings:
                said.append(reading)  # noqa: PERF401  # what came before the time was up is kept
    return said


@every_device
async def test_details_name_the_device_and_give_nothing_away(device_id):
    async with on_stage(device_id) as stage, stage.connected() as device:
        details = await device.details()
    assert isinstance(details, DeviceDetails)
    assert (details.device_id, details.taken_at.tzinfo) == (device_id, UTC)
    assert details.kind == next(d.kind for d in stage.site.device if d.id == device_id)
    assert details.model
    assert details.firmware
    assert details.serial_tail is None or len(details.serial_tail) == 4
    assert all(v is None or isinstance(v, str | bool | int | float) for v in details.settings.values())
    assert not any(isinstance(v, float) and not math.isfinite(v) for v in details.settings.values())
    for personal in ("owner@example.com", "Example Road", "5550100"):
        assert personal not in repr(details)


@pytest.mark.parametrize("device_id", sorted(WRONG_SECRETS))
async def test_a_wrong_password_is_refused_with_the_variable_to_set(device_id):
    async with on_stage(device_id) as stage, stage.connected(WRONG_SECRETS[device_id]) as device:
        with pytest.raises(CredentialsRefused, match=rf"{device_id.upper()}_(PASSWORD|TOKEN)\b") as caught:
            await first_reading(device)
    assert "guessed" not in str(caught.value)


@every_device
async def test_a_device_that_turns_us_away_is_told_apart_from_one_that_is_gone(device_id):
    async with on_stage(device_id) as stage:
        await stage.order("401")
        async with stage.connected() as device:
            with pytest.raises(CredentialsRefused):
                await first_reading(device)


@every_device
async def test_a_device_that_is_gone_is_unreachable(device_id):
    device = connector(unreachable_site(device_id, await closed_port()), device_id, timeout_s=HASTY_S)
    try:
        with pytest.raises(Unreachable) as caught:
            await device.details()
    finally:
        await device.close()
    assert_helpful(caught.value, device_id)


@every_device
async def test_a_device_that_keeps_silent_is_unreachable_in_time(device_id):
    async with on_stage(device_id) as stage:
        await stage.order("timeout")
        async with stage.connected(timeout_s=HASTY_S) as device:
            with pytest.raises(Unreachable) as caught:
                await device.details()
    assert_helpful(caught.value, device_id)


@polled_devices
async def test_a_rate_limit_is_told_with_its_pause(device_id):
    async with on_stage(device_id) as stage:
        await stage.order("429")
        async with stage.connected() as device:
            with pytest.raises(TryLater) as caught:
                await first_reading(device)
            await stage.order("none")
            assert await first_reading(device)
    assert caught.value.after_s == 2
    assert_helpful(caught.value, device_id)


@polled_devices
async def test_a_web_page_in_place_of_data_is_malformed(device_id):
    async with on_stage(device_id) as stage:
        await stage.order("html")
        async with stage.connected() as device:
            with pytest.raises(Malformed) as caught:
                await first_reading(device)
            await stage.order("none")
            assert await first_reading(device)
    assert_helpful(caught.value, device_id)


@polled_devices
async def test_a_device_that_stands_still_gives_the_same_reading_again(device_id):
    async with on_stage(device_id) as stage, stage.connected() as device:
        first = await first_reading(device)
        assert await first_reading(device) == first


@every_device
async def test_a_device_is_read_again_after_its_trouble(device_id):
    async with on_stage(device_id) as stage:
        await stage.order("timeout", seconds=0.3)
        async with stage.connected(timeout_s=2 * HASTY_S) as device:
            for _ in range(5):
                try:
                    assert await first_reading(device)
                    break
                except Unreachable:
                    continue
            else:
                pytest.fail("the device did not come back")


async def test_a_day_of_history_agrees_with_what_was_the_case():  # of the portal's in test_vrm_history.py
    async with on_stage("solark", hours=30) as stage:
        async with stage.connected() as device:
            assert isinstance(device, DaySeries)
            readings = await device.day(date(2026, 6, 1))
        assert len(readings) == 288
        for reading in readings[::12]:
            truth = expected("solark", stage.world.state_at(reading.taken_at))
            for name in ("soc_pct", "solar_w", "load_w", "battery_charge_w", "grid_import_w"):
                assert getattr(reading, name) == pytest.approx(truth[name], rel=0.01, abs=1), name
    assert {reading.quality for reading in readings} == {Quality.BACKFILLED}


def test_every_kind_of_device_has_its_connector():
    kinds = {
        "solark_cloud": {"plant_id": 1},
        "victron_mqtt": {"host": "gx"},
        "victron_vrm": {"plant_id": 1},
        "shelly": {"host": "relay"},
    }
    assert kinds.keys() == CONNECTORS.keys()
    site = unreachable_site("solark", 9)
    for kind, needed in kinds.items():
        device = Device(id="thing", kind=kind, **needed)
        opened = from_registry(site, device, SECRETS["solark"])
        assert opened.device_id == "thing"
        assert isinstance(opened, PolledDevice) != isinstance(opened, StreamedDevice)


def test_a_file_is_no_live_device():
    with pytest.raises(LookupError, match='"meter" of kind "csv" is not read live'):
        from_registry(unreachable_site("solark", 9), Device(id="meter", kind="csv"), SECRETS["solark"])


def assert_helpful(error: ConnectorError, device_id: str) -> None:
    """The message names the device and the remedy, and holds no secret."""
    text = str(error)
    assert device_id in text
    for secret in ("solar-shack", "relay-secret", "Bearer", TOKEN):
        assert secret not in text
    if device_id in POLLED:
        assert any(remedy in text for remedy in ("check", "tried again")), text
