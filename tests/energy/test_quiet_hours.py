"""Quiet hours on a person's own clock, over midnight and when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from energy.quiet_hours import quiet_until

PACIFIC = ZoneInfo("America/Los_Angeles")
NIGHT = (time(22), time(7))


def at(text: str, *, fold: int = 0, zone: ZoneInfo = PACIFIC) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-24 21:59:59", None),
        ("2026-11-24 22:00", "2026-11-25 07:00"),
        ("2026-11-25 00:00", "2026-11-25 07:00"),
        ("2026-11-25 06:59:59", "2026-11-25 07:00"),
        ("2026-11-25 07:00", None),
        ("2026-03-08 01:30", "2026-03-08 07:00"),  # clocks go forward at two
        ("2026-11-01 00:30", "2026-11-01 07:00"),  # and back
    ],
)
def test_a_night_passes_midnight(now: str, until: str | None) -> None:
    assert quiet_until(NIGHT, PACIFIC, at(now)) == (None if until is None else at(until))


def test_the_night_in_which_clocks_go_forward_is_an_hour_shorter() -> None:
    begun = at("2026-03-07 22:00")
    until = quiet_until(NIGHT, PACIFIC, begun)
    assert until is not None
    assert (until - begun).total_seconds() == 8 * 3600


def test_a_siesta_is_within_one_day() -> None:
    siesta = (time(13), time(15))
    assert quiet_until(siesta, PACIFIC, at("2026-11-24 14:00")) == at("2026-11-24 15:00")
    assert quiet_until(siesta, PACIFIC, at("2026-11-24 12:59")) is None
    assert quiet_until(siesta, PACIFIC, at("2026-11-24 15:00")) is None


def test_it_is_the_persons_own_clock_that_counts() -> None:
    morning = at("2026-11-24 23:00")  # 08:00 in Berlin
    assert quiet_until(NIGHT, ZoneInfo("Europe/Berlin"), morning) is None
    assert quiet_until(NIGHT, PACIFIC, morning) is not None


def test_a_time_that_the_clock_shows_twice_ends_with_the_second() -> None:
    hours = (time(22), time(1, 30))
    assert quiet_until(hours, PACIFIC, at("2026-11-01 01:15", fold=1)) == at("2026-11-01 01:30", fold=1)
    assert quiet_until(hours, PACIFIC, at("2026-11-01 01:30", fold=1)) is None


def test_a_time_that_the_clock_skips_still_ends_the_night() -> None:
    assert quiet_until((time(22), time(2, 30)), PACIFIC, at("2026-03-08 01:59")) == at("2026-03-08 03:30")


def test_without_quiet_hours_there_are_none() -> None:
    assert quiet_until(None, PACIFIC, at("2026-11-24 23:00")) is None
