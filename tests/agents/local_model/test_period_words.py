"""Period phrases found in sentences, and that energy.periods understands every wording they turn into."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from energy.period_dates import dated
from energy.period_words import find_future, find_phrases
from energy.periods import find_period

NOW = datetime(2026, 11, 24, 22, 2, tzinfo=UTC)
ZONE = ZoneInfo("America/Los_Angeles")
TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("text", "wordings"),
    [
        ("solar today versus last tuesday", ["today", "last tuesday"]),
        ("load in the last hour", ["last 1 hour"]),
        ("load over 7 days", ["last 7 days"]),
        ("load in the past few hours", ["last 3 hours"]),
        ("soc for the last 24 hours", ["last 24 hours"]),
        ("solar the day before yesterday", ["the day before yesterday"]),
        ("solar two days ago", ["2 days ago"]),
        ("load past week", ["last 7 days"]),
        ("load overnight", ["last night"]),
        ("load between 6 and 9 pm yesterday", ["yesterday from 18:00 to 21:00"]),
        ("load from 10 to 14:30", ["from 10:00 to 14:30"]),
        ("load since midnight", ["today"]),
        ("how much sun yesterday morning", ["yesterday morning"]),
        ("solar in november", ["in november"]),
        ("battery between 40 and 80 %", []),
        ("how much sun", []),
        ("what will it be in 3 hours", []),
    ],
)
def test_phrases_are_found_in_order(text: str, wordings: list[str]) -> None:
    phrases = find_phrases(text)
    assert [p.wording for p in phrases] == wordings
    for phrase in phrases:
        assert find_period(phrase.wording, now=NOW, zone=ZONE) is not None


def test_dates_are_the_latest_ones_and_impossible_ones_stay_words() -> None:
    assert dated("november 20", TODAY) == "2026-11-20"
    assert dated("20th of nov", TODAY) == "2026-11-20"
    assert dated("nov 30", TODAY) == "2025-11-30"
    assert dated("november 20 2024", TODAY) == "2024-11-20"
    assert dated("february 31", TODAY) == "february 31"
    assert dated("last weekend", TODAY) == "2026-11-21 to 2026-11-22"
    assert dated("monday to wednesday", TODAY) == "2026-11-16 to 2026-11-18"
    assert dated("saturday to today", TODAY) == "2026-11-21 to 2026-11-24"
    assert dated("in nov", TODAY) == "in november"
    assert dated("yesterday", TODAY) == "yesterday"


@pytest.mark.parametrize(
    "text", ["solar tomorrow", "load in the next 6 hours", "what about next tuesday", "soc in 3 hours"]
)
def test_words_of_the_future_are_seen(text: str) -> None:
    assert find_future(text) is not None


def test_the_past_is_not_taken_for_the_future() -> None:
    assert find_future("solar in the last 3 hours") is None
