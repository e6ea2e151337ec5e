"""A person's preferences: what may be set, in which words, and that they never loosen the site's limits."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import time
from itertools import product

import pytest

from energy.preferences import (
    PREFERENCES,
    PreferenceError,
    Preferences,
    changed,
    find_preference,
    personal_limits,
    preferences_from,
    shown,
    to_mapping,
)
from tests.energy.ranch import ranch


def test_every_preference_stands_in_the_table_with_its_default() -> None:
    assert [kind.name for kind in PREFERENCES] == [field.name for field in fields(Preferences)]
    usual = Preferences()
    assert (usual.min_soc_pct, usual.safe_min_soc_pct, usual.safe_max_soc_pct) == (30, 40, 80)
    assert (usual.miner_priority, usual.miner_min_soc_pct, usual.alerts) == ("excess_solar", 50, True)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("min soc", "min_soc_pct"),
        ("my Minimum SOC", "min_soc_pct"),
        ("min_soc_pct", "min_soc_pct"),
        ("safe max", "safe_max_soc_pct"),
        ("safe minimum", "safe_min_soc_pct"),
        ("minimum SOC for miners", "miner_min_soc_pct"),
        ("timezone", "timezone"),
        ("time zone", "timezone"),
        ("quiet hours", "quiet_hours"),
        ("temperature", "temperature_unit"),
        ("fahrenheit", "temperature_unit"),
        ("phone number", "sms_number"),
        ("e-mail", "email"),
    ],
)
def test_people_find_a_preference_by_their_own_words(words: str, name: str) -> None:
    kind = find_preference(words)
    assert kind is not None
    assert kind.name == name


def test_words_that_name_nothing_find_nothing() -> None:
    assert find_preference("the weather") is None


@pytest.mark.parametrize(
    ("name", "text", "value", "said"),
    [
        ("min_soc_pct", "35 %", 35.0, "35 %"),
        ("safe_max_soc_pct", "90.5 percent", 90.5, "90.5 %"),
        ("alerts", "no", False, "off"),
        ("critical_only", "yes", True, "on"),
        ("quiet_hours", "22:00-7:00", (time(22), time(7)), "22:00-07:00"),
        ("quiet_hours", "22 to 7", (time(22), time(7)), "22:00-07:00"),
        ("quiet_hours", "10pm - 7:30am", (time(22), time(7, 30)), "22:00-07:30"),
        ("quiet_hours", "none", None, "none"),
        ("alert_routes", "Slack, telegram then e-mail", ("slack", "telegram", "email"), "slack, telegram, email"),
        ("alert_routes", "none", (), "none"),
        ("timezone", "america/los angeles", "America/Los_Angeles", "America/Los_Angeles"),
        ("timezone", "site", None, "the site's"),
        ("temperature_unit", "fahrenheit", "F", "°F"),
        ("power_unit", "kw", "kW", "kW"),
        ("miner_priority", "excess solar", "excess_solar", "excess_solar"),
        ("email", "ann@example.org", "ann@example.org", "ann@example.org"),
        ("sms_number", "+1 (415) 555-0123", "+14155550123", "+14155550123"),
        ("date_language", "German", "de", "German"),
        ("alerts", "default", True, "on"),
    ],
)
def test_a_value_is_understood_as_people_write_it(name: str, text: str, value: object, said: str) -> None:
    after = changed(Preferences(), name, text)
    assert getattr(after, name) == value
    assert shown(after, name) == said


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("min_soc_pct", "101", "from 0 to 100"),
        ("min_soc_pct", "-1", "from 0 to 100"),
        ("min_soc_pct", "nan", "from 0 to 100"),
        ("min_soc_pct", "41", "at most the safe minimum"),
        ("safe_max_soc_pct", "40", "below the safe maximum"),
        ("miner_min_soc_pct", "29", "at least the minimum SOC"),
        ("alerts", "perhaps", "on or off"),
        ("miner_priority", "sometimes", "excess_solar, always, never"),
        ("email", "ann@example", "ann@example.org"),
        ("email", "ann@example.org\nBcc: x@example.org", "ann@example.org"),
        ("sms_number", "0415 555 0123", "country code"),
        ("quiet_hours", "22", "22:00-07:00"),
        ("quiet_hours", "22-22", "22:00-07:00"),
        ("quiet_hours", "25:00-7:00", "22:00-07:00"),
        ("alert_routes", "telegram, pigeon", "pigeon"),
        ("timezone", "America/Lost_Angeles", "America/Los_Angeles"),
        ("timezone", "localtime", "America/Los_Angeles"),
        ("timezone", "../../etc/passwd", "America/Los_Angeles"),
        ("temperature_unit", "kelvin", "C, F"),
        ("power_unit", "horses", "auto, W, kW"),
        ("date_language", "klingon", "en, de"),
        ("favourite_colour", "blue", "there is no preference"),
    ],
)
def test_a_refused_value_says_what_is_allowed(name: str, text: str, allowed: str) -> None:
    with pytest.raises(PreferenceError) as caught:
        changed(Preferences(), name, text)
    assert allowed in str(caught.value)


def test_limits_at_their_bounds_are_allowed() -> None:
    assert changed(Preferences(), "min_soc_pct", "40").min_soc_pct == 40
    assert changed(Preferences(), "miner_min_soc_pct", "30").miner_min_soc_pct == 30


def test_preferences_come_back_from_what_was_kept_as_json() -> None:
    p = Preferences()
    for name, text in (
        ("quiet_hours", "22-7"),
        ("min_soc_pct", "35.5"),
        ("alerts", "off"),
        ("alert_routes", "sms slack"),
    ):
        p = changed(p, name, text)
    assert preferences_from(json.loads(json.dumps(to_mapping(p)))) == p
    assert to_mapping(Preferences()) == {}


def test_what_this_version_does_not_know_is_left_at_its_default() -> None:
    kept = {"colour": "blue", "min_soc_pct": "much", "alerts": None, "safe_min_soc_pct": 90, "power_unit": "W"}
    assert preferences_from(kept) == Preferences(power_unit="W")


def test_personal_limits_are_never_looser_than_the_sites() -> None:
    site = ranch()
    for low, miners in product(range(0, 101, 10), repeat=2):
        limits = personal_limits(Preferences(min_soc_pct=low, miner_min_soc_pct=miners), site)
        assert limits.min_soc_pct == max(low, 30)
        assert limits.miner_min_soc_pct == max(miners, 50)
