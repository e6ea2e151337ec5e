"""Writing the inverter's grid charging: the whole block, to the master, and only what reads back counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.device import InverterSettings
from connectors.errors import NotTaken, Unreachable, Unsupported
from connectors.solark.api import SolArkApi
from connectors.solark.client import SolArkCloud
from connectors.solark.day_plan import NotUnderstood, differences, grid_charge, with_grid_charge
from simulator import solark as vendor
from simulator.clock import SimClock
from simulator.default_site import default_site
from simulator.faults import Faults
from simulator.physics import VirtualSite
from simulator.scenarios import scenario_named
from simulator.solark_payloads import SERIAL
from simulator.web import listening
from tests.connectors.stage import SECRETS

BIRTH = datetime(2026, 6, 1, 7, 0, tzinfo=UTC)
FLAGS = [f"time{slot}on" for slot in range(1, 7)]


@dataclass
class Stage:
    cloud: vendor.SolArkCloud
    device: SolArkCloud
    faults: Faults
    url: str

    @property
    def flags(self) -> list[Any]:
        return [self.cloud.settings[key] for key in FLAGS]


@asynccontextmanager
async def stage(*, delay_s: float = 0.1, patience_s: float = 1.0) -> AsyncIterator[Stage]:
    """The cloud with a master whose settings show `delay_s` after they were written."""
    site, clock, faults = default_site(), SimClock(BIRTH, speed=0), Faults()
    world = VirtualSite(site, seed=1, start=BIRTH, wiring="solark", scenario=scenario_named("sunny"))
    cloud = vendor.SolArkCloud(world, clock, faults, settings_delay_s=delay_s)
    async with listening(cloud.app()) as port:
        described = site.device[0].model_copy(update={"base_url": f"http://127.0.0.1:{port}"})
        device = SolArkCloud(
            site, described, SECRETS["solark"], timeout_s=0.5, write_patience_s=patience_s, look_every_s=0.03
        )
        yield Stage(cloud, device, faults, f"http://127.0.0.1:{port}")
        await device.close()


async def test_grid_charging_goes_on_and_off_and_everything_else_stays():
    async with stage() as s:
        assert isinstance(s.device, InverterSettings)
        before = dict(s.cloud.settings)
        assert (await s.device.grid_charge()).enabled is False
        shown = await s.device.set_grid_charge(True)
        assert shown.enabled is True
        assert [slot.grid_charge for slot in shown.slots] == [True] * 6
        assert [slot.start for slot in shown.slots][:2] == ["01:00", "05:00"]
        assert s.flags == ["true"] * 6  # in the words in which the inverter had them
        assert {key: v for key, v in s.cloud.settings.items() if key not in FLAGS} == {
            key: v for key, v in before.items() if key not in FLAGS
        }
        assert (await s.device.set_grid_charge(False)).enabled is False
        assert s.cloud.settings == before


async def test_it_waits_until_the_inverter_shows_the_change():
    async with stage(delay_s=0.4) as s:
        assert (await s.device.set_grid_charge(True)).enabled is True
        assert s.cloud.writes == 1


async def test_what_is_so_already_is_not_written_again():
    async with stage() as s:
        assert (await s.device.set_grid_charge(False)).enabled is False
        assert s.cloud.writes == 0


async def test_a_yes_that_never_shows_is_not_taken():
    async with stage(patience_s=0.2) as s:
        s.faults.order("solark", "stuck", count=1)
        with pytest.raises(NotTaken, match=r"does not show the new settings after 0\.2 s .time1on.*look at"):
            await s.device.set_grid_charge(True)
        assert s.cloud.writes == 1


async def test_a_refused_write_is_told_and_not_tried_again():
    async with stage() as s:
        s.faults.order("solark", "refused", count=1)
        with pytest.raises(NotTaken, match=r"refused the change \(error 1: fail\); look at the inverter's page"):
            await s.device.set_grid_charge(True)
        assert s.flags == ["false"] * 6
        assert s.faults.in_force() == {}  # one attempt used it up


async def test_a_lost_answer_is_settled_by_reading_back():
    async with stage() as s:
        s.faults.order("solark", "lost", count=1)
        assert (await s.device.set_grid_charge(True)).enabled is True
        assert s.cloud.writes == 1


async def test_a_hiccup_while_reading_back_is_outlived():
    async with stage(delay_s=0) as s:
        task = asyncio.create_task(s.device.set_grid_charge(True))
        while not s.cloud.writes:
            await asyncio.sleep(0)
        s.faults.order("solark", "html", count=2)
        assert (await task).enabled is True
        assert s.faults.in_force() == {}


async def test_a_cloud_that_is_silent_before_the_write_surely_wrote_nothing():
    async with stage() as s:
        s.faults.order("solark", "timeout")
        with pytest.raises(Unreachable) as caught:
            await s.device.set_grid_charge(True)
        assert caught.value.maybe_done is False
        assert s.cloud.writes == 0


async def test_two_wishes_at_once_are_written_one_after_the_other():
    async with stage(delay_s=0.1) as s:
        first, second = await asyncio.gather(s.device.set_grid_charge(True), s.device.set_grid_charge(False))
        assert (first.enabled, second.enabled) == (True, False)
        assert s.flags == ["false"] * 6
        assert s.cloud.writes == 2


async def test_an_expired_token_costs_a_login_and_no_second_write():
    async with stage(delay_s=0) as s:
        api = SolArkApi("solark", vendor.USERNAME, SECRETS["solark"].password, hosts=(s.url,))
        block = await api.get(f"common/setting/{SERIAL}/read")
        s.cloud.expire_tokens()
        await api.post(f"common/setting/{SERIAL}/set", block)
        await api.close()
        assert (s.cloud.writes, s.cloud.logins) == (1, 2)


@pytest.mark.parametrize("key", ["time4on", "cap6", "sellTime2", "sellTime3Pac"])
async def test_a_block_without_a_key_that_we_know_is_not_written(key):
    async with stage() as s:
        del s.cloud.settings[key]
        with pytest.raises(Unsupported, match=rf"not safe to write \(it has no {key}\); nothing was written"):
            await s.device.set_grid_charge(True)
        assert s.cloud.writes == 0


async def test_only_a_master_is_written_to():
    async with stage() as s:
        s.cloud.settings["equipMode"] = 2
        with pytest.raises(Unsupported, match="no inverter of plant 123456 says that it is the master"):
            await s.device.set_grid_charge(True)
        assert s.cloud.writes == 0


async def test_slots_without_effect_are_not_switched_on():
    async with stage() as s:
        s.cloud.settings["peakAndVallery"] = "0"
        with pytest.raises(Unsupported, match="time of use is off"):
            await s.device.set_grid_charge(True)
        assert s.cloud.writes == 0


@pytest.mark.parametrize(
    ("old", "new"), [("false", "true"), ("0", "1"), (0, 1), (False, True), ("true", "true"), (1, 1), (True, True)]
)
def test_a_flag_is_written_the_way_it_was(old, new):
    block = vendor.factory_settings() | {"time3on": old}
    changed = with_grid_charge(block, True, serial=SERIAL)["time3on"]
    assert (changed, type(changed)) == (new, type(new))


@pytest.mark.parametrize("strange", ["maybe", None, 7, 0.5, [], ""])
def test_a_flag_that_is_neither_on_nor_off_stops_the_write(strange):
    with pytest.raises(NotUnderstood, match="time3on is neither on nor off"):
        with_grid_charge(vendor.factory_settings() | {"time3on": strange}, True, serial=SERIAL)


def test_another_inverters_block_stops_the_write():
    with pytest.raises(NotUnderstood, match="another inverter's"):
        with_grid_charge(vendor.factory_settings(), True, serial="1234567890")


def test_a_slaves_block_stops_the_write():
    with pytest.raises(NotUnderstood, match="not the master inverter's"):
        with_grid_charge(vendor.factory_settings() | {"equipMode": 2}, True, serial=SERIAL)


def test_some_slots_on_is_on_and_an_unknown_slot_is_no_off():
    block = vendor.factory_settings()
    assert grid_charge(block | {"time2on": "true"}).enabled is True
    assert grid_charge(block | {"time2on": None}).enabled is None
    assert grid_charge("<html>").enabled is None


def test_numbers_and_their_texts_are_no_difference_but_a_changed_slot_is():
    block = vendor.factory_settings()
    assert differences(block, block | {"cap1": 20, "time1on": 0}) == ()
    assert differences(block, block | {"cap1": 35, "sellTime2": "06:00"}) == ("cap1", "sellTime2")
    assert len(differences(block, None)) == 24
