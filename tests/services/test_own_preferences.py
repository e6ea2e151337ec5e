"""Preferences belong to the person: checked, audited, the same on every platform."""

import asyncio
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from energy.preferences import PreferenceError, Preferences
from services.preferences import as_preferred, change, preferences_of
from services.scope import Refused
from store import audit, people
from tests.services.ranch import Ranch


async def test_nobody_who_set_nothing_has_other_preferences_than_the_defaults(farm: Ranch) -> None:
    assert await preferences_of(await farm.scope("Ann")) == Preferences()
    assert await preferences_of(await farm.scope(None)) == Preferences()


async def test_a_change_is_kept_audited_and_shapes_units_and_zone(farm: Ranch) -> None:
    scope = await farm.scope("Ann")
    await change(scope, "temperature_unit", "fahrenheit")
    await change(scope, "timezone", "Europe/Berlin")
    after = await change(scope, "min_soc_pct", "35 %")
    assert await preferences_of(scope) == after
    assert (after.min_soc_pct, after.temperature_unit) == (35, "F")
    seen = as_preferred(scope, after)
    assert (seen.units.temperature, seen.zone) == ("F", ZoneInfo("Europe/Berlin"))
    assert scope.zone == ZoneInfo("America/Los_Angeles")
    rows = await audit.entries(farm.database, "home", action="preferences_changed")
    assert [(row.actor, row.details) for row in rows][:1] == [
        (farm.people["Ann"], {"name": "min_soc_pct", "value": "35 %"})
    ]
    assert await preferences_of(await farm.scope("Ben")) == Preferences()


async def test_addresses_are_not_written_into_the_audit(farm: Ranch) -> None:
    scope = await farm.scope("Ann")
    await change(scope, "email", "ann@example.org")
    await change(scope, "sms_number", "+14085550100")
    rows = await audit.entries(farm.database, "home", action="preferences_changed")
    assert [row.details for row in rows] == [{"name": "sms_number"}, {"name": "email"}]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("min_soc_pct", "200"),
        ("min_soc_pct", "45"),  # above the safe minimum
        ("timezone", "Mars/Olympus"),
        ("miner_priority", "sometimes"),
        ("colour", "blue"),
    ],
)
async def test_what_is_not_allowed_changes_nothing_and_says_what_is(farm: Ranch, name: str, text: str) -> None:
    scope = await farm.scope("Ann")
    with pytest.raises(PreferenceError):
        await change(scope, name, text)
    assert await preferences_of(scope) == Preferences()
    assert await audit.entries(farm.database, "home", action="preferences_changed") == []


async def test_changes_on_three_platforms_at_once_are_all_kept(farm: Ranch) -> None:
    scope = await farm.scope("Ann")
    await asyncio.gather(
        change(scope, "power_unit", "kW"), change(scope, "temperature_unit", "F"), change(scope, "alerts", "off")
    )
    kept = await preferences_of(scope)
    assert (kept.power_unit, kept.temperature_unit, kept.alerts) == ("kW", "F", False)


async def test_values_of_other_versions_in_the_database_stop_nobody(farm: Ranch) -> None:
    await farm.prefers("Ann", favourite_colour="blue", min_soc_pct=400, temperature_unit="F", quiet_hours=[1, 2])
    scope = await farm.scope("Ann")
    kept = await preferences_of(scope)
    assert (kept.min_soc_pct, kept.temperature_unit, kept.quiet_hours) == (30, "F", None)
    await change(scope, "power_unit", "W")
    await farm.proposed("s21")


async def test_somebody_who_was_removed_has_no_preferences_to_change(farm: Ranch) -> None:
    scope = await farm.scope("Ben")
    await people.forget(farm.database, "home", farm.people["Ben"], by="host")
    assert await preferences_of(scope) == Preferences()
    with pytest.raises(Refused, match="not known here any more"):
        await change(scope, "power_unit", "W")
    with pytest.raises(Refused, match="belong to a person"):
        await change(replace(scope, actor=(await farm.scope(None)).actor), "power_unit", "W")
