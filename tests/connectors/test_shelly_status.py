"""A relay's status by channel: meters, faults, timers."""

from __future__ import annotations

import pytest

from connectors.shelly.client import base_url
from connectors.shelly.status import channels, fault_codes, miner_w, settings
from energy.site import Device
from tests.connectors.serving import payload

PRO = channels(payload("shelly_pro_two_channels_one_tripped")["result"])
CONTACTOR = channels(payload("shelly_contactor_without_meter")["result"])


def test_every_channel_is_listed_by_number():
    assert [channel.channel for channel in PRO] == [0, 1, 10]


def test_power_and_energy_come_in_our_units():
    first = PRO[0]
    assert (first.on, first.power_w, first.voltage_v, first.current_a) == (True, 3204.5, 240.1, 13.4)
    assert first.energy_kwh == pytest.approx(14.0932)
    assert first.temperature_c == 52.0
    assert PRO[1].temperature_c is None


def test_the_running_timer_is_told_by_the_devices_own_clock():
    assert PRO[0].timer_left_s == pytest.approx(300.36)
    assert PRO[1].timer_left_s is None


def test_a_device_whose_clock_is_not_set_tells_only_that_a_timer_runs():
    told = payload("shelly_pro_two_channels_one_tripped")["result"]
    first, second = channels(told | {"sys": {"unixtime": None}})[:2]
    assert (first.timer_left_s, first.timer_s) == (None, told["switch:0"]["timer_duration"])
    assert (second.timer_left_s, second.timer_s) == (None, None)


def test_a_metered_channel_that_is_off_is_zero_and_an_unmetered_one_is_unknown():
    assert miner_w(PRO, {1}) == 0
    assert miner_w(CONTACTOR, {0}) is None
    assert not CONTACTOR[0].metered


def test_the_miners_of_a_relay_are_summed():
    assert miner_w(PRO, {0, 1}) == 3204.5


def test_without_miners_or_without_one_of_their_channels_the_power_is_unknown():
    assert miner_w(PRO, set()) is None
    assert miner_w(PRO, {0, 3}) is None


def test_a_tripped_channel_is_a_fault_with_its_number():
    assert fault_codes(PRO) == ("channel_1_overpower",)
    assert fault_codes(CONTACTOR) == ()


def test_settings_have_their_units_and_nothing_about_the_network():
    config = {
        "switch:0": {
            "name": "S21+",
            "initial_state": "off",
            "auto_off": True,
            "auto_off_delay": 900,
            "power_limit": 4480,
        },
        "switch:1": {"auto_off": False, "auto_off_delay": 60},
        "wifi": {"sta": {"ssid": "HomeNet"}},
    }
    listed = settings(config, PRO)
    assert listed["channel_0_initial_state"] == "off"
    assert listed["channel_0_auto_off_s"] == 900
    assert listed["channel_0_power_limit_w"] == 4480
    assert "channel_1_auto_off_s" not in listed
    assert "HomeNet" not in str(listed)


@pytest.mark.parametrize(
    ("described", "url"),
    [
        ({"host": "192.168.1.50"}, "http://192.168.1.50"),
        ({"host": "relay.local", "port": 8080}, "http://relay.local:8080"),
        ({"host": "127.0.0.1:4321"}, "http://127.0.0.1:4321"),
        ({"host": "fe80::1"}, "http://[fe80::1]"),
        ({"host": "relay.local", "tls": True}, "https://relay.local"),
    ],
)
def test_the_address_comes_from_the_settings(described, url):
    assert base_url(Device(id="garage", kind="shelly", **described)) == url
