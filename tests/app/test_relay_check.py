from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.relay_check import relay_warnings
from connectors.device import DeviceDetails, SettingValue
from energy.site import Device, Miner, Site

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def site(*, rated_w: float | None = None, power_w: float = 3_878) -> Site:
    return Site(
        id="ranch",
        device=(Device(id="garage", kind="shelly", host="192.168.1.50", rated_w=rated_w),),
        miner=(Miner(id="s21", name="S21+", power_w=power_w, hashrate_ths=235, device="garage"),),
    )


def told(**settings: SettingValue) -> dict[str, DeviceDetails]:
    return {"garage": DeviceDetails("garage", "shelly", "SPSW-104PE16EU", "1.4", "beef", NOW, settings)}


def warnings(found: Site, details: dict[str, DeviceDetails]) -> list[str]:
    return [says for _, says in relay_warnings(found, details)]


def test_a_relay_of_16_ampere_is_too_weak_for_an_s21() -> None:
    (warning,) = warnings(site(), told(channel_0_rated_a=16.0, channel_0_initial_state="off"))
    assert warning.startswith("S21+ draws 3.88 kW, garage is rated for 16 A, 3.84 kW at 240 V; put a contactor")


def test_a_contactor_that_the_owner_names_counts_instead() -> None:
    assert warnings(site(rated_w=7_200), told(channel_0_rated_a=16.0)) == []
    assert "carries 2.50 kW (rated_w)" in warnings(site(rated_w=2_500), told())[0]


def test_a_relay_of_a_model_that_nobody_listed_is_told_until_its_rating_is_set() -> None:
    (warning,) = warnings(site(), told(channel_0_on=False, channel_0_initial_state="off"))
    assert warning.startswith("S21+ draws 3.88 kW, and what garage may carry is unknown")
    assert warning.endswith("(rating unknown: set rated_w)")
    assert warnings(site(rated_w=7_200), told(channel_0_on=False)) == []


@pytest.mark.parametrize(("power_w", "count"), [(3_840.0, 0), (3_841.0, 1)])
def test_the_rating_itself_may_be_drawn(power_w: float, count: int) -> None:
    assert len(warnings(site(power_w=power_w), told(channel_0_rated_a=16.0))) == count


def test_a_power_limit_that_the_miner_passes_is_told() -> None:
    assert "trips at 2.30 kW" in warnings(site(rated_w=7_200), told(channel_0_power_limit_w=2_300.0))[0]


def test_a_relay_that_switches_on_by_itself_is_told() -> None:
    found = warnings(site(rated_w=7_200), told(channel_0_initial_state="restore_last", channel_0_auto_on_s=60.0))
    assert ["power-on default to off" in found[0], "auto on" in found[1]] == [True, True]


def test_a_relay_that_says_nothing_of_itself_is_judged_by_the_settings_alone() -> None:
    assert warnings(site(), {}) == []
    assert len(warnings(site(rated_w=2_000), {})) == 1
