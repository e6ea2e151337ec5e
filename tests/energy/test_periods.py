"""Periods in plain words, checked as local clock times."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas
import pvlib
import pytest

from energy.period_unread import unread_time_words
from energy.period_words import find_phrases
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
        ("at noon on Sunday", "2026-11-22T12:00", "2026-11-22T12:10"),
        ("yesterday 3pm", "2026-11-23T15:00", "2026-11-23T15:10"),
        ("yesterday at 15:00", "2026-11-23T15:00", "2026-11-23T15:10"),
        ("last night at 2am", "2026-11-24T02:00", "2026-11-24T02:10"),
        ("last night at 11 p.m.", "2026-11-23T23:00", "2026-11-23T23:10"),
        ("last night between 10 and 2", "2026-11-23T22:00", "2026-11-24T02:00"),
        ("sunday between 2 and 5 pm", "2026-11-22T14:00", "2026-11-22T17:00"),
        ("last sunday 2-5 pm", "2026-11-22T14:00", "2026-11-22T17:00"),
        ("this morning 6 to 8", "2026-11-24T06:00", "2026-11-24T08:00"),
        ("yesterday evening at 8", "2026-11-23T20:00", "2026-11-23T20:10"),
        ("yesterday after 3pm", "2026-11-23T15:00", "2026-11-24T00:00"),
        ("today before 9 am", "2026-11-24T00:00", "2026-11-24T09:00"),
        ("since 6am", "2026-11-24T06:00", "2026-11-24T12:00"),
        ("at 9:30", "2026-11-24T09:30", "2026-11-24T09:40"),
        ("nov 17 at 3 pm", "2026-11-17T15:00", "2026-11-17T15:10"),
        ("since yesterday 3pm", "2026-11-23T15:00", "2026-11-24T12:00"),
        ("since 3pm yesterday", "2026-11-23T15:00", "2026-11-24T12:00"),
        ("since 8 this morning", "2026-11-24T08:00", "2026-11-24T12:00"),
        ("since sunday 6:00", "2026-11-22T06:00", "2026-11-24T12:00"),
        ("it fell by 5 today", "2026-11-24T00:00", "2026-11-24T12:00"),
        ("miners 1 to 2 today", "2026-11-24T00:00", "2026-11-24T12:00"),
        ("sunday to today", "2026-11-22T00:00", "2026-11-24T12:00"),
        ("15th to today", "2026-11-15T00:00", "2026-11-24T12:00"),
        ("since last night", "2026-11-23T16:52", "2026-11-24T12:00"),
        ("sunday the 15th", "2026-11-15T00:00", "2026-11-16T00:00"),
        ("the 15th", "2026-11-15T00:00", "2026-11-16T00:00"),
        ("on the 31st", "2026-10-31T00:00", "2026-11-01T00:00"),
        ("nov 5 to 8", "2026-11-05T00:00", "2026-11-09T00:00"),
        ("5-8 november", "2026-11-05T00:00", "2026-11-09T00:00"),
        ("nov 20 to 28", "2026-11-20T00:00", "2026-11-24T12:00"),
        ("nov 26 to 28", "2025-11-26T00:00", "2025-11-29T00:00"),
        ("dec 20 to jan 5", "2025-12-20T00:00", "2026-01-06T00:00"),
        ("the 5th to the 8th", "2026-11-05T00:00", "2026-11-09T00:00"),
        ("first week of november", "2026-11-01T00:00", "2026-11-08T00:00"),
        ("the last week of october", "2026-10-25T00:00", "2026-11-01T00:00"),
        ("second half of october", "2026-10-16T00:00", "2026-11-01T00:00"),
        ("last november", "2025-11-01T00:00", "2025-12-01T00:00"),
        ("last october", "2026-10-01T00:00", "2026-11-01T00:00"),
        ("the weekend before last", "2026-11-14T00:00", "2026-11-16T00:00"),
        ("the week before last", "2026-11-09T00:00", "2026-11-16T00:00"),
        ("third quarter", "2026-07-01T00:00", "2026-10-01T00:00"),
        ("q3", "2026-07-01T00:00", "2026-10-01T00:00"),
        ("q4 2025", "2025-10-01T00:00", "2026-01-01T00:00"),
        ("last quarter", "2026-07-01T00:00", "2026-10-01T00:00"),
        ("feb 29", "2024-02-29T00:00", "2024-03-01T00:00"),
        ("in the last week", "2026-11-17T12:00", "2026-11-24T12:00"),
        ("over the last week", "2026-11-17T12:00", "2026-11-24T12:00"),
        ("during last week", "2026-11-16T00:00", "2026-11-23T00:00"),
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


@pytest.mark.parametrize(
    "words", ["february 31", "november 31st", "monday the 15th", "31 february", "feb 28 to feb 31", "the 32nd"]
)
def test_a_day_of_no_calendar_is_refused_and_not_read_as_its_month(words: str) -> None:
    with pytest.raises(UnknownPeriod, match=r"no such day|not a period"):
        parse_period(words, **HERE)


@pytest.mark.parametrize(
    ("hour", "words", "day"),
    [
        (15, "monday morning", "2026-11-23"),
        (10, "monday morning", "2026-11-16"),
        (15, "monday at 9", "2026-11-23"),
        (15, "last monday morning", "2026-11-16"),
        (15, "monday night", "2026-11-16"),
        (15, "sunday morning", "2026-11-22"),
    ],
)
def test_part_of_todays_weekday_is_todays_once_it_is_over(hour: int, words: str, day: str) -> None:
    monday = datetime(2026, 11, 23, hour, tzinfo=LA)
    period = parse_period(words, now=monday.astimezone(UTC), zone=LA)
    assert period.start.astimezone(LA).date().isoformat() == day


@pytest.mark.parametrize(
    "text",
    ["the 2nd miner", "the 1st time", "between 20 and 80 %", "at 45 %", "run until 18:00", "q5", "a quarter of it"],
)
def test_ordinals_levels_and_ends_are_no_periods(text: str) -> None:
    assert find_phrases(text) == []


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        ("solar last summer", "last summer"),
        ("solar at christmas", "christmas"),
        ("load 3 months ago", "3 months ago"),
        ("solar on sunday and when i came at 3 pm and 5 pm", "3 pm"),
        ("solar yesterday at 3 pm", None),
        ("will it last until tomorrow morning", None),
        ("did it fall below 30 % last night", None),
        ("how long did the battery last", None),
    ],
)
def test_words_of_time_that_no_period_was_made_of_are_found(text: str, unread: str | None) -> None:
    assert unread_time_words(text, find_phrases(text)) == unread


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
