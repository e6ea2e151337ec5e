"""Ticks stand at round local times and round values."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from charts.strokes import spread
from charts.ticks import midnights, time_ticks, value_label, value_ticks
from energy.units import UnitPreferences
from tests.charts.days import local_day

ZONE = ZoneInfo("America/Los_Angeles")


def seconds(moments: tuple[datetime, datetime]) -> tuple[int, int]:
    return round(moments[0].timestamp()), round(moments[1].timestamp())


def test_a_day_is_ticked_every_four_hours_to_its_end() -> None:
    labels = [tick.label for tick in time_ticks(*seconds(local_day(2026, 11, 22)), ZONE)]
    assert labels == ["00:00", "04:00", "08:00", "12:00", "16:00", "20:00", "24:00"]


def test_a_23_hour_day_keeps_its_wall_clock_ticks() -> None:
    start_s, end_s = seconds(local_day(2026, 3, 8))
    ticks = time_ticks(start_s, end_s, ZONE)
    assert [tick.label for tick in ticks] == ["00:00", "04:00", "08:00", "12:00", "16:00", "20:00", "24:00"]
    assert ticks[1].at - ticks[0].at == 3 * 3600
    assert ticks[2].at - ticks[1].at == 4 * 3600


def test_a_skipped_hour_has_no_tick() -> None:
    start_s, _ = seconds(local_day(2026, 3, 8))
    labels = [tick.label for tick in time_ticks(start_s, start_s + 5 * 3600, ZONE)]
    assert labels == ["00:00", "01:00", "03:00", "04:00", "05:00", "06:00"]


def test_twelve_hour_labels() -> None:
    labels = [
        tick.label for tick in time_ticks(*seconds(local_day(2026, 11, 22)), ZONE, UnitPreferences(hour_24=False))
    ]
    assert labels == ["12 AM", "4 AM", "8 AM", "12 PM", "4 PM", "8 PM", "12 AM"]


def test_a_week_is_labelled_by_day_and_parted_at_midnights() -> None:
    start_s, end_s = seconds(local_day(2026, 11, 16, days=7))
    labels = [tick.label for tick in time_ticks(start_s, end_s, ZONE)]
    assert labels == ["Mon 16", "Tue 17", "Wed 18", "Thu 19", "Fri 20", "Sat 21", "Sun 22"]
    assert len(midnights(start_s, end_s, ZONE)) == 6


def test_a_night_says_where_the_day_changes() -> None:
    start_s, _ = seconds(local_day(2026, 11, 22))
    labels = [tick.label for tick in time_ticks(start_s + 18 * 3600, start_s + 30 * 3600, ZONE)]
    assert labels == ["18:00", "20:00", "22:00", "00:00\nMon 23", "02:00", "04:00", "06:00"]


@pytest.mark.parametrize("days", [1, 2, 3, 7, 14, 30, 90, 366])
def test_there_are_few_enough_ticks_to_read(days: int) -> None:
    start_s, end_s = seconds(local_day(2026, 1, 1, days=days))
    assert 2 <= len(time_ticks(start_s, end_s, ZONE)) <= 8


@pytest.mark.parametrize(
    ("lowest", "highest", "expected"),
    [
        (0, 9.95, [0, 2, 4, 6, 8, 10]),
        (-3.9, 9.95, [-5, -2.5, 0, 2.5, 5, 7.5, 10]),
        (3, 4, [0, 1, 2, 3, 4]),
        (0, 0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-800, -20, [-800, -600, -400, -200, 0]),
    ],
)
def test_values_are_ticked_at_round_steps_around_zero(lowest: float, highest: float, expected: list[float]) -> None:
    ticks = value_ticks(lowest, highest, count=6 if lowest < 0 < highest else 5)
    if (lowest, highest) == (0, 0):
        assert ticks[0] == 0
        assert ticks[-1] > 0
    else:
        assert ticks == expected


def test_value_labels_have_a_true_minus_and_no_idle_zeros() -> None:
    assert [value_label(v) for v in (-2.5, 0, 10, 12_500)] == ["−2.5", "0", "10", "12,500"]


def test_labels_are_spread_without_touching() -> None:
    assert spread([10, 12, 50], 20, 0, 100) == [10, 30, 50]
    assert spread([95, 99], 20, 0, 100) == [80, 100]
    assert spread([], 20, 0, 100) == []


def test_ticks_lie_inside_the_period() -> None:
    start_s = round(datetime(2026, 11, 22, 17, 42, tzinfo=UTC).timestamp())
    assert all(start_s <= tick.at <= start_s + 6 * 3600 for tick in time_ticks(start_s, start_s + 6 * 3600, ZONE))
