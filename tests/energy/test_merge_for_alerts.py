"""Fault codes for the alerts: those of every inverter that is heard, together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from energy.merge import merge, merge_for_alerts
from energy.reading import Reading
from energy.site import Device, Site

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SITE = Site(
    id="ranch",
    device=(
        Device(id="one", kind="victron_mqtt", host="h"),
        Device(id="two", kind="victron_mqtt", host="h"),
        Device(id="relay", kind="shelly", host="h"),
    ),
)


def heard(device_id: str, *codes: str, age_s: float = 5, known: bool = True, **values: object) -> Reading:
    taken_at = NOW - timedelta(seconds=age_s)
    told = codes if known else None
    return Reading(site_id="ranch", source="x", device_id=device_id, taken_at=taken_at, fault_codes=told, **values)  # type: ignore[arg-type]


def latest(*found: Reading) -> dict[str, Reading]:
    return {reading.device_id: reading for reading in found}


def test_a_fault_of_the_second_inverter_counts_though_the_first_has_none():
    readings = latest(heard("one"), heard("two", "F08", age_s=20), heard("relay", "overpower"))
    view, unknown = merge_for_alerts(SITE, readings, now=NOW)
    assert merge(SITE, readings, now=NOW)["fault_codes"].value == ()
    assert view["fault_codes"].value == ("F08",)
    assert view["fault_codes"].sources == ("one", "two")
    assert view["fault_codes"].taken_at == NOW - timedelta(seconds=20)
    assert not view["fault_codes"].stale
    assert unknown == frozenset()


def test_the_codes_of_an_inverter_that_fell_silent_are_unknown_and_not_gone():
    view, unknown = merge_for_alerts(SITE, latest(heard("one"), heard("two", "F08", age_s=600)), now=NOW)
    assert view["fault_codes"].value == ()
    assert not view["fault_codes"].stale
    assert unknown == {"F08"}
    _, reported = merge_for_alerts(SITE, latest(heard("one", "F08"), heard("two", "F08", age_s=600)), now=NOW)
    assert reported == frozenset()


def test_without_any_inverter_that_is_heard_the_codes_are_stale():
    view, unknown = merge_for_alerts(SITE, latest(heard("one", "F01", age_s=900), heard("two", age_s=600)), now=NOW)
    assert view["fault_codes"].stale
    assert unknown == {"F01"}


def test_an_inverter_that_tells_no_codes_does_not_say_that_there_are_none():
    view, _ = merge_for_alerts(SITE, latest(heard("one", known=False), heard("two", "F08")), now=NOW)
    assert view["fault_codes"].value == ("F08",)


def test_the_other_fields_are_as_ever():
    readings = latest(heard("one", soc_pct=50.0), heard("two", soc_pct=60.0))
    view, _ = merge_for_alerts(SITE, readings, now=NOW)
    assert view["soc_pct"] == merge(SITE, readings, now=NOW)["soc_pct"]
