"""Days and months are named in the language that a person chose."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from charts.ticks import time_ticks
from energy.preferences import LANGUAGES, Preferences, changed
from energy.units import Language, UnitPreferences, day_name, format_clock, month_name

NOW = datetime(2026, 12, 11, 20, 0, tzinfo=UTC)
PACIFIC = ZoneInfo("America/Los_Angeles")


@pytest.mark.parametrize(
    ("language", "weekday", "month"),
    [("English", "Tue", "Dec"), ("German", "Di", "Dez"), ("Spanish", "mar", "dic"), ("French", "mar", "déc")],
)
def test_the_language_of_dates_is_that_of_days_and_months(language: str, weekday: str, month: str) -> None:
    units = changed(Preferences(), "date_language", language).units
    tuesday = NOW - timedelta(days=3)
    assert format_clock(tuesday, PACIFIC, now=NOW, units=units) == f"{weekday} 12:00"
    assert month_name(tuesday, units) == month
    start_s = int((NOW - timedelta(days=6)).timestamp())
    assert f"{weekday} 8" in [tick.label for tick in time_ticks(start_s, int(NOW.timestamp()), PACIFIC, units)]


@pytest.mark.parametrize("language", get_args(Language))
def test_every_language_has_seven_days_and_twelve_months(language: Language) -> None:
    units = UnitPreferences(language=language)
    assert len({day_name(date(2026, 11, number), units) for number in range(2, 9)}) == 7
    assert len({month_name(date(2026, number, 1), units) for number in range(1, 13)}) == 12


def test_all_choices_are_languages_that_dates_know() -> None:
    assert tuple(LANGUAGES) == get_args(Language)
