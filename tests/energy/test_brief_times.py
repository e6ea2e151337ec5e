"""When a brief is due: local time, both days on which the clock changes, three hours late at the most."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from energy.brief_times import also_due, brief_time_of, due_day
from energy.preferences import PreferenceError, Preferences, changed, preferences_from, shown, to_mapping

ZONE = ZoneInfo("America/Los_Angeles")


@pytest.mark.parametrize(("role", "at"), [("owner", time(7, 30)), ("operator", time(7, 30)), ("viewer", None)])
def test_by_default_those_who_run_the_site_get_it(role: str, at: time | None) -> None:
    assert brief_time_of(Preferences(), role) == at


@pytest.mark.parametrize(
    ("written", "kept", "at"),
    [
        ("7", "07:00", time(7)),
        ("6:45", "06:45", time(6, 45)),
        ("9 pm", "21:00", time(21)),
        ("at 08:15", "08:15", time(8, 15)),
        ("off", "off", None),
        ("none", "off", None),
    ],
)
def test_a_person_says_when(written: str, kept: str, at: time | None) -> None:
    own = changed(Preferences(), "brief_time", written)
    assert own.brief_time == kept
    assert brief_time_of(own, "owner") == brief_time_of(own, "viewer") == at
    assert preferences_from(to_mapping(own)) == own
    assert shown(own, "brief_time") == kept


def test_default_takes_it_back_and_nonsense_says_what_is_allowed() -> None:
    own = changed(Preferences(), "brief_time", "off")
    assert changed(own, "brief_time", "default") == Preferences()
    assert changed(own, "brief_time", "usual") == Preferences()
    assert to_mapping(Preferences()) == {}
    with pytest.raises(PreferenceError, match="local time such as 07:30"):
        changed(Preferences(), "brief_time", "25:00")


def local(day: int, hour: int, minute: int = 0, *, month: int = 11, fold: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=ZONE, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (local(24, 7, 29), None),
        (local(24, 7, 30), date(2026, 11, 24)),
        (local(24, 10, 29), date(2026, 11, 24)),
        (local(24, 10, 30), None),
    ],
)
def test_it_is_due_from_its_time_on_for_three_hours(now: datetime, day: date | None) -> None:
    assert due_day(time(7, 30), ZONE, now) == day


def test_a_late_evenings_brief_stays_that_days_after_midnight() -> None:
    assert due_day(time(23), ZONE, local(25, 0, 30)) == date(2026, 11, 24)


@pytest.mark.parametrize(("month", "day"), [(3, 8), (11, 1)])
@pytest.mark.parametrize("at", [time(1, 30), time(2, 30), time(7, 30)])
def test_on_days_of_23_and_25_hours_it_is_due_for_one_stretch_of_three_hours(month: int, day: int, at: time) -> None:
    midnight = datetime(2026, month, day, tzinfo=ZONE).astimezone(UTC)
    minutes = [
        m for m in range(26 * 60) if due_day(at, ZONE, midnight + timedelta(minutes=m)) == date(2026, month, day)
    ]
    assert len(minutes) == 180
    assert minutes == list(range(minutes[0], minutes[0] + 180))


def test_mondays_bring_the_week_and_firsts_the_month() -> None:
    assert also_due(date(2026, 11, 24)) == ()
    assert also_due(date(2026, 11, 23)) == ("weekly",)
    assert also_due(date(2026, 12, 1)) == ("monthly",)
    assert also_due(date(2027, 2, 1)) == ("weekly", "monthly")
