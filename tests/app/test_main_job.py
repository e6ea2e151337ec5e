"""The five questions of the main job, each figure worked out again from what `export` gives."""

from __future__ import annotations

import contextlib
import csv
import json
import sqlite3
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.app.test_commands import ROOT, cc

ZONE = ZoneInfo("America/Los_Angeles")
AT = datetime(2026, 11, 23, 14, 10, tzinfo=ZONE)
TODAY, YESTERDAY = date(2026, 11, 23), date(2026, 11, 22)
SUNSET, SUNRISE = datetime(2026, 11, 22, 16, 53, tzinfo=ZONE), datetime(2026, 11, 23, 6, 55, 17, tzinfo=ZONE)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the ranch's settings and thirty days of the virtual site's history."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "commandcenter.toml").write_text(
        (ROOT / "commandcenter.toml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    world = ("--scenario", "sunny", "--seed", "1", "--start", AT.isoformat())
    cc("demo-history", *world, COMMANDCENTER_DATA=str(folder))
    return folder


@pytest.fixture(scope="module")
def rows(data: Path) -> list[dict[str, Any]]:
    """The export as a spreadsheet has it, with local times."""
    found: list[dict[str, Any]] = list(csv.DictReader(cc("export", "--data", str(data)).stdout.splitlines()))
    for row in found:
        row["at"] = datetime.fromisoformat(row["taken_at"]).astimezone(ZONE)
    return found


def _column(rows: list[dict[str, Any]], device: str, name: str) -> list[tuple[datetime, float]]:
    return [(row["at"], float(row[name])) for row in rows if row["device_id"] == device and row[name] != ""]


def _ask(data: Path, question: str) -> dict[str, Any]:
    charts = str(data / "charts")
    answer = cc("ask", question, "--data", str(data), "--at", AT.isoformat(), "--json", "--charts", charts)
    return dict(json.loads(answer.stdout))


def _has_figure(answer: dict[str, Any], value: float, unit: str) -> bool:
    return any(f["unit"] == unit and f["value"] == pytest.approx(value, rel=1e-6) for f in answer["figures"])


def test_the_battery_level_is_the_shunts_latest(data: Path, rows: list[dict[str, Any]]) -> None:
    answer = _ask(data, "What's my battery level?")
    at, level = _column(rows, "cerbo", "soc_pct")[-1]
    assert at == AT
    assert _has_figure(answer, level, "%")
    assert f"{level:g} %" in answer["text"]


def test_the_peak_of_today_has_its_time_and_value(data: Path, rows: list[dict[str, Any]]) -> None:
    answer = _ask(data, "What time did I hit peak solar production today?")
    at, peak_w = max((row for row in _column(rows, "solark", "solar_w") if row[0].date() == TODAY), key=lambda r: r[1])
    assert _has_figure(answer, peak_w, "W")
    assert f"{at:%H:%M}" in answer["text"]
    assert f"{peak_w / 1000:.2f} kW" in answer["text"]


def test_the_low_of_last_night_lies_between_sunset_and_sunrise(data: Path, rows: list[dict[str, Any]]) -> None:
    answer = _ask(data, "How low did my battery go last night?")
    night = [row for row in _column(rows, "cerbo", "soc_pct") if SUNSET <= row[0] < SUNRISE]
    at, lowest = min(night, key=lambda row: row[1])
    assert _has_figure(answer, lowest, "%")
    assert f"{lowest:g} %" in answer["text"]
    assert f"{at:%H:%M}" in answer["text"]


def test_the_average_of_yesterday_is_the_spreadsheets(data: Path, rows: list[dict[str, Any]]) -> None:
    answer = _ask(data, "Average solar yesterday?")
    solar = [value for at, value in _column(rows, "solark", "solar_w") if at.date() == YESTERDAY]
    assert len(solar) == 288
    assert _has_figure(answer, sum(solar) / len(solar), "W")
    assert f"{sum(solar) / len(solar) / 1000:.2f} kW" in answer["text"]


def test_the_last_24_hours_come_with_their_sums_and_a_chart(data: Path, rows: list[dict[str, Any]]) -> None:
    answer = _ask(data, "show me the last 24 hours")
    day = [value for at, value in _column(rows, "solark", "solar_w") if AT - timedelta(hours=24) <= at < AT]
    assert _has_figure(answer, sum(day) / 12 / 1000, "kWh")
    (chart,) = answer["charts"]
    assert Path(chart["path"]).read_bytes().startswith(b"\x89PNG")
    assert "solar" in chart["alt"].lower()


@pytest.mark.parametrize(
    ("question", "start", "end"),
    [
        ("average load between 10pm and 2am", "2026-11-22T22:00", "2026-11-23T02:00"),
        ("average load yesterday from 22:00 to 2:00", "2026-11-22T22:00", "2026-11-23T02:00"),
        ("average load since Nov 10", "2026-11-10T00:00", "2026-11-23T14:10"),
        ("average load from Nov 5 to Nov 8", "2026-11-05T00:00", "2026-11-09T00:00"),
        ("average load on thursday evening", "2026-11-19T18:00", "2026-11-20T00:00"),
        ("average load on Nov 1 between 1 am and 2 am", "2026-11-01T01:00", "2026-11-01T02:00"),
        ("average load in the last 1.5 days", "2026-11-22T02:10", "2026-11-23T14:10"),
    ],
)
def test_the_period_that_was_asked_for_is_the_one_answered(
    data: Path, rows: list[dict[str, Any]], question: str, start: str, end: str
) -> None:
    answer = _ask(data, question)
    first, after = (datetime.fromisoformat(text).replace(tzinfo=ZONE) for text in (start, end))
    load = [value for at, value in _column(rows, "solark", "load_w") if first <= at < after]
    assert load
    assert _has_figure(answer, sum(load) / len(load), "W"), answer["text"]


@pytest.mark.parametrize("question", ["what was solar at 3pm", "solar on 2026-12-25", "load 9999999 days ago"])
def test_a_time_that_has_not_been_is_answered_with_no_figure(data: Path, question: str) -> None:
    answer = _ask(data, question)
    assert not [f for f in answer["figures"] if f["unit"] in ("W", "kWh")], answer["text"]


def test_an_unfinished_day_is_compared_with_the_same_hours_of_the_other(data: Path, rows: list[dict[str, Any]]) -> None:
    answer = _ask(data, "did I produce more today than last Tuesday?")
    solar = _column(rows, "solark", "solar_w")
    tuesday = [value for at, value in solar if at.date() == date(2026, 11, 17) and at.timetz() < AT.timetz()]
    assert _has_figure(answer, sum(tuesday) / 12 / 1000, "kWh"), answer["text"]


def test_an_unfinished_week_is_not_called_higher_or_lower_than_a_whole_one(data: Path) -> None:
    text = _ask(data, "compare solar this week with last week")["text"]
    assert "cannot be compared yet" in text
    assert not any(word in text for word in ("higher", "lower"))


def test_two_days_that_are_over_are_compared_as_they_were_named(data: Path, rows: list[dict[str, Any]]) -> None:
    answer = _ask(data, "compare solar yesterday and the day before")
    for day in (YESTERDAY, YESTERDAY - timedelta(days=1)):
        whole = [value for at, value in _column(rows, "solark", "solar_w") if at.date() == day]
        assert _has_figure(answer, sum(whole) / 12 / 1000, "kWh"), answer["text"]


def test_a_time_to_come_is_called_so(data: Path) -> None:
    assert "has not happened yet" in _ask(data, "what was solar at 3pm")["text"]


def test_the_demos_last_week_was_forecast_and_scored(data: Path) -> None:
    with contextlib.closing(sqlite3.connect(f"file:{data / 'commandcenter.db'}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT day, target, figures FROM forecast_scores").fetchall()
    scored = {(day, target) for day, target, values in rows if json.loads(values)["scored"]}
    days = [str(TODAY - timedelta(days=back)) for back in range(7, 0, -1)]
    assert scored >= {(day, target) for day in days for target in ("solar", "load", "soc")}
    assert (str(YESTERDAY), "cells") in scored
    said = _ask(data, "How accurate were your forecasts?")["text"]
    assert "No day has been scored" not in said
    assert "%" in said
