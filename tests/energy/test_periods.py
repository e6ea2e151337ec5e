"""Periods in plain words, checked as local clock times."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas
import pvlib
import pytest

from energy.periods import UnknownPeriod, find_period, local_days, local_hours, parse_period
from energy.sun import sunrise_sunset

LA = ZoneInfo("America/Los_Angeles")
NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)  # Tuesday noon in Los Angeles
HERE = {"now": NOW, "zone": LA, "latitude": 37.3, "longitude": -121.9}


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("yesterday", "2026-11-23T00:00", "2026-11-24T00:00"),
        ("What time did I hit peak solar production today?", "2026-11-24T00:00", "2026-11-24T12:00"),
        ("my usage last Tuesday", "2026-11-17T00:00", "2026-11-18T00:00"),
        ("this week", "2026-11-23T00:00", "2026-11-24T12:00"),
        ("average solar last week", "2026-11-16T00:00", "2026-11-23T00:00"),
        ("average SOC over 7 days", "2026-11-17T12:00", "2026-11-24T12:00"),
        ("show me the last 24 hours", "2026-11-23T12:00", "2026-11-24T12:00"),
        ("in the last hour", "2026-11-24T11:00", "2026-11-24T12:00"),
        ("past 30 minutes", "2026-11-24T11:30", "2026-11-24T12:00"),
        ("yesterday between 2 and 5 pm", "2026-11-23T14:00", "2026-11-23T17:00"),
        ("in October", "2026-10-01T00:00", "2026-11-01T00:00"),
        ("last month", "2026-10-01T00:00", "2026-11-01T00:00"),
        ("two days ago", "2026-11-22T00:00", "2026-11-23T00:00"),
        ("the day before yesterday", "2026-11-22T00:00", "2026-11-23T00:00"),
        ("2026-11-01", "2026-11-01T00:00", "2026-11-02T00:00"),
        ("2026-11-01 to 2026-11-03", "2026-11-01T00:00", "2026-11-04T00:00"),
        ("this morning", "2026-11-24T00:00", "2026-11-24T12:00"),
        ("on mon", "2026-11-23T00:00", "2026-11-24T00:00"),
        ("november 20", "2026-11-20T00:00", "2026-11-21T00:00"),
        ("solar on Nov 20, 2025", "2025-11-20T00:00", "2025-11-21T00:00"),
        ("december 3rd", "2025-12-03T00:00", "2025-12-04T00:00"),
        ("last weekend", "2026-11-21T00:00", "2026-11-23T00:00"),
        ("how much since Monday?", "2026-11-23T00:00", "2026-11-24T12:00"),
        ("today versus yesterday", "2026-11-24T00:00", "2026-11-24T12:00"),
        ("solar since Nov 1", "2026-11-01T00:00", "2026-11-24T12:00"),
        ("since the 10th", "2026-11-10T00:00", "2026-11-24T12:00"),
        ("from Nov 5 to Nov 8", "2026-11-05T00:00", "2026-11-09T00:00"),
        ("between november 5 and november 8", "2026-11-05T00:00", "2026-11-09T00:00"),
        ("Monday to Friday", "2026-11-16T00:00", "2026-11-21T00:00"),
        ("in 2025", "2025-01-01T00:00", "2026-01-01T00:00"),
        ("the last 1.5 days", "2026-11-23T00:00", "2026-11-24T12:00"),
        ("average load between 10pm and 2am", "2026-11-23T22:00", "2026-11-24T02:00"),
        ("yesterday from 22:00 to 2:00", "2026-11-23T22:00", "2026-11-24T02:00"),
        ("solar monday morning", "2026-11-23T00:00", "2026-11-23T12:00"),
        ("how much load on thursday evening", "2026-11-19T18:00", "2026-11-20T00:00"),
        ("Nov 1 between 3 am and 4 am", "2026-11-01T03:00", "2026-11-01T04:00"),
        ("between 3 and 4 am on nov 1", "2026-11-01T03:00", "2026-11-01T04:00"),
        ("last friday from 12:00 to 12:10", "2026-11-20T12:00", "2026-11-20T12:10"),
        ("2026-11-20 from 18:00 to 18:10", "2026-11-20T18:00", "2026-11-20T18:10"),
        ("nov 17 from 0:00 to 12:00", "2026-11-17T00:00", "2026-11-17T12:00"),
        ("3 hours ago", "2026-11-24T08:55", "2026-11-24T09:05"),
        ("the night before last", "2026-11-22T16:53", "2026-11-23T06:55"),
    ],
)
def test_words_name_a_period_in_local_time(words: str, start: str, end: str) -> None:
    period = parse_period(words, **HERE)
    assert period.start.astimezone(LA).strftime("%Y-%m-%dT%H:%M") == start
    assert period.end.astimezone(LA).strftime("%Y-%m-%dT%H:%M") == end


def test_last_night_runs_from_sunset_to_sunrise() -> None:
    night = parse_period("how low did my battery go last night?", **HERE)
    assert night.start.astimezone(LA).strftime("%d %H:%M") == "23 16:52"
    assert night.end.astimezone(LA).strftime("%d %H:%M") == "24 06:56"


def test_before_sunrise_last_night_is_the_night_that_still_lasts() -> None:
    early = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)  # three in the morning
    night = parse_period("last night", now=early, zone=LA, latitude=37.3, longitude=-121.9)
    assert night.end == early
    assert night.start.astimezone(LA).strftime("%d %H:%M") == "23 16:52"


@pytest.mark.parametrize("words", ["", "what's my battery", "how is the sun", "when may it be full", "tomorrow"])
def test_a_sentence_without_a_period_names_none(words: str) -> None:
    assert find_period(words, **HERE) is None


@pytest.mark.parametrize(
    "words", ["today from 15:00 to 16:00", "2026-12-25", "9999999 days ago", "99999999999 hours ago", "tonight"]
)
def test_what_has_not_happened_is_refused_and_no_shorter_phrase_taken_for_it(words: str) -> None:
    with pytest.raises(UnknownPeriod, match="not happened yet, or does not exist"):
        parse_period(words, **HERE)


def test_an_hour_that_the_clocks_skip_does_not_exist() -> None:
    spring = datetime(2026, 3, 8, 20, 0, tzinfo=UTC)
    with pytest.raises(UnknownPeriod, match="does not exist"):
        parse_period("today from 2:00 to 3:00", now=spring, zone=LA)


def test_an_unknown_period_is_refused_with_examples() -> None:
    with pytest.raises(UnknownPeriod, match='try "today"'):
        parse_period("the other day", **HERE)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 7, 1), 24)])
def test_days_that_the_clocks_change_have_their_real_length(day: date, hours: int) -> None:
    period = parse_period(day.isoformat(), **HERE)
    assert period.duration == timedelta(hours=hours)
    assert len(local_hours(period)) == hours
    assert local_days(period, LA) == [(period.start, period.end)]


def test_the_days_of_a_ragged_period_are_cut_to_it() -> None:
    period = parse_period("last 48 hours", **HERE)
    days = local_days(period, LA)
    assert len(days) == 3
    assert (days[0][0], days[-1][1]) == (period.start, period.end)
    assert all(earlier[1] == later[0] for earlier, later in itertools.pairwise(days))


def test_the_29th_of_february_is_a_day() -> None:
    now = datetime(2028, 3, 1, 12, tzinfo=UTC)
    assert parse_period("yesterday", now=now, zone=ZoneInfo("UTC")).start == datetime(2028, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize(("latitude", "longitude"), [(37.3, -121.9), (48.85, 2.35), (-33.9, 151.2), (60.2, 24.9)])
def test_sunrise_and_sunset_agree_with_pvlib(latitude: float, longitude: float) -> None:
    days = [date(2026, 1, 15), date(2026, 3, 20), date(2026, 6, 21), date(2026, 9, 30), date(2026, 12, 21)]
    noons = pandas.DatetimeIndex([datetime(d.year, d.month, d.day, tzinfo=UTC) for d in days])
    judged = pvlib.solarposition.sun_rise_set_transit_spa(noons, latitude, longitude)
    for day, expected in zip(days, judged.itertuples(), strict=True):
        sun = sunrise_sunset(day, latitude, longitude)
        assert sun is not None
        for ours, theirs in zip(sun, (expected.sunrise, expected.sunset), strict=True):
            # pvlib tells the events of the UTC day, we those of the solar day: compare the time of day
            apart_s = (ours - theirs.floor("s").to_pydatetime()).total_seconds() % 86400
            assert min(apart_s, 86400 - apart_s) <= 180


def test_in_polar_night_there_is_no_sunrise() -> None:
    assert sunrise_sunset(date(2026, 12, 21), 78.2, 15.6) is None
