"""Spans to come, in the words of people."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from energy.durations import UnknownDuration, parse_until

ZONE = ZoneInfo("America/Los_Angeles")
NOON = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)  # Tuesday 12:00


def until(text: str, now: datetime = NOON) -> str:
    end = parse_until(text, now=now, zone=ZONE)
    assert end.tzinfo is UTC
    return end.astimezone(ZONE).strftime("%m-%d %H:%M")


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("2h", 120),
        ("for 90 min", 90),
        ("for 2 hours", 120),
        ("1h30", 90),
        ("1h30m", 90),
        ("1 h 30 min", 90),
        ("half an hour", 30),
        ("2.5 hours", 150),
        ("3 days", 4320),
        ("2,5 hours", 150),
        ("1,25 h", 75),
        ("1,500 min", 1500),
        ("for 10,080 min", 10080),
        ("2 h, 30 min", 150),
    ],
)
def test_a_span_counts_from_now(text: str, minutes: int) -> None:
    assert parse_until(text, now=NOON, zone=ZONE) == NOON + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("until 18:00", "11-24 18:00"),
        ("until 18", "11-24 18:00"),
        ("till 8", "11-25 08:00"),
        ("at 8", "11-25 08:00"),
        ("tomorrow 8", "11-25 08:00"),
        ("18:00", "11-24 18:00"),
        ("8 pm", "11-24 20:00"),
        ("till 6pm", "11-24 18:00"),
        ("until 11:00", "11-25 11:00"),
        ("until 18h30", "11-24 18:30"),
        ("until midnight", "11-25 00:00"),
        ("until Friday", "11-27 00:00"),
        ("until Friday 18:00", "11-27 18:00"),
        ("until Tuesday 18:00", "11-24 18:00"),
        ("until Tuesday 11:00", "12-01 11:00"),
        ("until Tuesday", "12-01 00:00"),
        ("till tomorrow 8:00", "11-25 08:00"),
        ("2026-12-01", "12-01 00:00"),
        ("2026-12-01 08:00", "12-01 08:00"),
        ("2026-12-01T08:00:00-08:00", "12-01 08:00"),
        ("dec 1", "12-01 00:00"),
        ("until 1 December 8:00", "12-01 08:00"),
    ],
)
def test_a_moment_is_the_next_one_on_the_local_clock(text: str, end: str) -> None:
    assert until(text) == end


def test_the_night_that_the_clocks_change_counts_right() -> None:
    eve = datetime(2026, 11, 1, 5, 0, tzinfo=UTC)  # 22:00 in summer time, the clocks go back at 2:00
    assert parse_until("8 hours", now=eve, zone=ZONE) == eve + timedelta(hours=8)
    assert parse_until("until 6:00", now=eve, zone=ZONE) == eve + timedelta(hours=9)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "forever",
        "0h",
        "-2h",
        "2 parsecs",
        "until 25:00",
        "2026-13-01",
        "2026-11-01",
        "400 days",
        "0,125 h",
        "1,5000 min",
        "1,500,0 min",
    ],
)
def test_words_that_name_no_time_to_come_are_refused_with_examples(text: str) -> None:
    with pytest.raises(UnknownDuration, match='write "2h"'):
        parse_until(text, now=NOON, zone=ZONE)


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("for 8", "8 h or 8 min?"),
        ("For the next 2", "2 h or 2 min?"),
        ("8", "8 h or 8 min?"),
        ("90", "90 h or 90 min?"),
        ("1500", "1500 h or 1500 min?"),
        ("for 1:30", "until 1:30, or 1 h 30 min?"),
    ],
)
def test_a_bare_number_is_no_clock_time_and_is_asked_back(text: str, asks: str) -> None:
    with pytest.raises(UnknownDuration, match=re.escape(f'"{text}": {asks} Write "2h"')):
        parse_until(text, now=NOON, zone=ZONE)
