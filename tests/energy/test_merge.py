"""The merged view: which device's word counts, how old it is, and what is unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from energy.merge import merge, stale_after
from energy.reading import Reading
from energy.site import Device, Miner, Prefer, Site, Sum

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
SOLARK = Device(id="solark", kind="solark_cloud", plant_id=1)
CERBO = Device(id="cerbo", kind="victron_mqtt", host="venus.local")
SITE = Site(
    id="ranch",
    device=(SOLARK, CERBO),
    merge={"soc_pct": Prefer(prefer=("cerbo", "solark")), "solar_w": Sum(sum=("solark", "cerbo"))},
)


def _reading(device: str, age_s: float = 5, **values: Any) -> Reading:
    return Reading(site_id="ranch", source="x", device_id=device, taken_at=NOW - timedelta(seconds=age_s), **values)


def test_the_preferred_device_speaks_while_it_is_fresh() -> None:
    view = merge(SITE, {"solark": _reading("solark", soc_pct=70.0), "cerbo": _reading("cerbo", soc_pct=64.5)}, now=NOW)
    assert (view["soc_pct"].value, view["soc_pct"].sources, view["soc_pct"].stale) == (64.5, ("cerbo",), False)


def test_a_stale_preferred_device_gives_way_to_a_fresh_one() -> None:
    latest = {"solark": _reading("solark", soc_pct=70.0), "cerbo": _reading("cerbo", age_s=76, soc_pct=64.5)}
    assert merge(SITE, latest, now=NOW)["soc_pct"].sources == ("solark",)


def test_when_all_are_stale_the_newest_is_shown_and_called_stale() -> None:
    latest = {"solark": _reading("solark", 4000, soc_pct=70.0), "cerbo": _reading("cerbo", 5000, soc_pct=64.5)}
    soc = merge(SITE, latest, now=NOW)["soc_pct"]
    assert (soc.value, soc.stale, soc.age(NOW)) == (70.0, True, timedelta(seconds=4000))


def test_a_sum_is_unknown_while_a_part_is() -> None:
    both = {"solark": _reading("solark", solar_w=3000.0), "cerbo": _reading("cerbo", solar_w=1200.0)}
    assert merge(SITE, both, now=NOW)["solar_w"].value == 4200.0
    part = {"solark": _reading("solark", solar_w=3000.0), "cerbo": _reading("cerbo")}
    assert merge(SITE, part, now=NOW)["solar_w"].value is None


def test_zero_is_a_value_and_none_is_not() -> None:
    view = merge(SITE, {"solark": _reading("solark", load_w=0.0)}, now=NOW)
    assert view["load_w"].value == 0.0
    assert view["battery_charge_w"].value is None


def test_silent_and_stale_devices_are_named() -> None:
    view = merge(SITE, {"solark": _reading("solark", age_s=2000)}, now=NOW)
    assert (view.stale_devices, view.silent_devices) == (("solark",), ("cerbo",))


def test_an_imported_device_outside_the_settings_is_seen() -> None:
    view = merge(Site(id="home"), {"csv": _reading("csv", soc_pct=55.0)}, now=NOW)
    assert view["soc_pct"].sources == ("csv",)


def test_a_relays_fault_is_not_the_inverters_and_an_imported_file_has_no_say_beside_a_device() -> None:
    site = Site(id="ranch", device=(Device(id="garage", kind="shelly", host="h"), SOLARK))
    relay, old = _reading("garage", fault_codes=("overpower_2",)), _reading("csv", fault_codes=("F1",))
    assert merge(site, {"garage": relay, "csv": old}, now=NOW)["fault_codes"].value is None
    told = {"garage": relay, "csv": old, "solark": _reading("solark", age_s=800, fault_codes=("F23",))}
    faults = merge(site, told, now=NOW)["fault_codes"]
    assert (faults.value, faults.sources) == (("F23",), ("solark",))
    assert merge(Site(id="home"), {"csv": old}, now=NOW)["fault_codes"].value == ("F1",)


def test_miners_behind_two_relays_add_up() -> None:
    relays = (Device(id="a", kind="shelly", host="h"), Device(id="b", kind="shelly", host="h"))
    miners = tuple(Miner(id=f"m{d.id}", name="m", power_w=3000, hashrate_ths=95, device=d.id) for d in relays)
    site = Site(id="ranch", device=relays, miner=miners)
    latest = {"a": _reading("a", miner_w=3100.0), "b": _reading("b", miner_w=0.0)}
    assert merge(site, latest, now=NOW)["miner_w"].value == 3100.0


@pytest.mark.parametrize(("interval_s", "minutes"), [(60, 2.5), (300, 12.5), (900, 15)])
def test_a_source_is_stale_after_two_and_a_half_intervals_and_fifteen_minutes_at_most(
    interval_s: int, minutes: float
) -> None:
    assert stale_after(interval_s) == timedelta(minutes=minutes)


def test_the_balance_is_near_zero_when_the_signs_are_right() -> None:
    flows = {"solar_w": 9974.0, "load_w": 1653.0, "grid_import_w": -7905.0, "battery_charge_w": 64.0}
    site = Site(id="ranch", device=(SOLARK,))
    view = merge(site, {"solark": _reading("solark", **flows)}, now=NOW)
    assert view.balance_w is not None
    assert abs(view.balance_w) < 400
    swapped = flows | {"grid_import_w": 7905.0}
    wrong = merge(site, {"solark": _reading("solark", **swapped)}, now=NOW).balance_w
    assert wrong is not None
    assert abs(wrong) > 10_000
