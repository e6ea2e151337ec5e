"""Who hears of an alert, and when."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from energy.alerts.rule import Level
from energy.preferences import Preferences
from services.audience import Listener, Told, audience, hears_at

ZONE = ZoneInfo("America/Los_Angeles")
OVERNIGHT = (time(22), time(7))
AT_NIGHT = datetime(2026, 11, 25, 3, tzinfo=ZONE).astimezone(UTC)
MORNING = datetime(2026, 11, 25, 7, tzinfo=ZONE).astimezone(UTC)


def ranch(**preferences: dict[str, Any]) -> list[Listener]:
    """Ann owns it, Ben operates it, Vic looks at it."""
    roles: dict[str, Any] = {"ann": "owner", "ben": "operator", "vic": "viewer"}
    return [
        Listener(name, name.title(), role, Preferences(**preferences.get(name, {}))) for name, role in roles.items()
    ]


def told(level: Level, people: list[Listener], rule_id: str = "battery_low", step: int = 0, **more: Any) -> list[str]:
    """Who hears of it at night, with a star where it waits for the morning."""
    parts: dict[str, Any] = {"own": {}, "muted_for": {}, "site_zone": ZONE, "now": AT_NIGHT}
    found = audience(level, rule_id, step, people, **(parts | more))
    assert all((each.when == "digest") is (each.until is not None) for each in found)
    return [each.person_id + ("*" if each.when == "digest" else "") for each in found]


@pytest.mark.parametrize("level", list(Level))
def test_owners_and_operators_hear_and_viewers_do_not(level: Level) -> None:
    assert told(level, ranch()) == ["ann", "ben"]


def test_quiet_hours_hold_back_all_but_what_is_critical() -> None:
    people = ranch(ben={"quiet_hours": OVERNIGHT})
    assert told(Level.WARNING, people) == ["ann", "ben*"]
    assert told(Level.CRITICAL, people) == ["ann", "ben"]
    found = audience(Level.INFO, "surplus", 0, people, own={}, muted_for={}, site_zone=ZONE, now=AT_NIGHT)
    assert found[1] == Told("ben", "digest", MORNING)


def test_whoever_wants_only_what_is_critical_or_nothing_hears_only_that_or_nothing() -> None:
    people = ranch(ann={"critical_only": True}, ben={"alerts": False})
    assert told(Level.WARNING, people) == []
    assert told(Level.CRITICAL, people) == ["ann"]


def test_a_critical_alert_that_nobody_would_hear_goes_to_the_owners_all_the_same() -> None:
    deaf = ranch(ann={"alerts": False}, ben={"alerts": False})
    assert told(Level.CRITICAL, deaf) == ["ann"]
    assert told(Level.WARNING, deaf) == []
    assert told(Level.CRITICAL, ranch(), muted_for={"ann": MORNING, "ben": MORNING}) == ["ann"]
    assert told(Level.CRITICAL, []) == []


@pytest.mark.parametrize("step", [1, 2, 3, 6])
def test_what_is_passed_on_goes_to_viewers_too(step: int) -> None:
    assert told(Level.CRITICAL, ranch(), step=step) == ["ann", "ben", "vic"]
    assert told(Level.CRITICAL, ranch(vic={"alerts": False}), step=step) == ["ann", "ben"]


def test_an_own_rule_is_told_to_those_who_have_it_alone() -> None:
    own = {"custom:solar_w:over:8000": {"vic"}, "custom:soc_pct:under:45:critical": {"vic"}}
    assert told(Level.INFO, ranch(), "custom:solar_w:over:8000", own=own) == ["vic"]
    assert told(Level.CRITICAL, ranch(), "custom:soc_pct:under:45:critical", step=2, own=own) == ["vic"]
    off = ranch(vic={"alerts": False})
    assert told(Level.CRITICAL, off, "custom:soc_pct:under:45:critical", own=own) == []
    assert told(Level.INFO, ranch(), "custom:solar_w:over:9000", own=own) == []


def test_a_personal_mute_silences_that_person_alone() -> None:
    assert told(Level.CRITICAL, ranch(), step=1, muted_for={"vic": MORNING}) == ["ann", "ben"]


def test_a_mute_that_is_over_silences_nobody() -> None:
    assert told(Level.WARNING, ranch(), muted_for={"ann": AT_NIGHT, "ben": MORNING}) == ["ann"]


@pytest.mark.parametrize("step", [0, 1, 2, 3])
def test_a_viewer_who_hears_does_not_end_the_owners_hearing(step: int) -> None:
    deaf = ranch(ann={"alerts": False}, ben={"alerts": False})
    assert told(Level.CRITICAL, deaf, step=step) == ["ann", "vic"][: 1 + (step > 0)]


def test_a_site_without_owners_and_operators_is_told_to_viewers_at_once() -> None:
    vic = ranch()[2:]
    assert told(Level.CRITICAL, vic) == ["vic"]
    assert told(Level.WARNING, vic) == []
    assert told(Level.CRITICAL, ranch(vic={"alerts": False})[2:]) == ["vic"]
    assert told(Level.CRITICAL, ranch(ben={"alerts": False})[1:]) == ["ben"]


def local(month: int, day: int, hour: int, minute: int = 0, fold: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=ZONE, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        (local(11, 24, 21, 59), None),
        (local(11, 24, 22), local(11, 25, 7)),
        (local(11, 25, 0), local(11, 25, 7)),
        (local(11, 25, 6, 59), local(11, 25, 7)),
        (local(11, 25, 7), None),
        (local(3, 8, 1, 59), datetime(2026, 3, 8, 14, tzinfo=UTC)),  # the night of 23 hours
        (local(3, 8, 3), datetime(2026, 3, 8, 14, tzinfo=UTC)),
        (local(11, 1, 1, 30), datetime(2026, 11, 1, 15, tzinfo=UTC)),  # the night of 25 hours, both half past ones
        (local(11, 1, 1, 30, fold=1), datetime(2026, 11, 1, 15, tzinfo=UTC)),
    ],
)
def test_the_digest_comes_at_the_end_of_quiet_hours_also_on_the_days_when_clocks_change(
    now: datetime, ends: datetime | None
) -> None:
    assert hears_at(Level.WARNING, Preferences(quiet_hours=OVERNIGHT), ZONE, now) == (ends or now)


def test_quiet_hours_are_in_the_person_s_own_zone() -> None:
    berlin = Preferences(quiet_hours=OVERNIGHT, timezone="Europe/Berlin")  # noon there
    assert hears_at(Level.INFO, berlin, ZONE, AT_NIGHT) == AT_NIGHT
