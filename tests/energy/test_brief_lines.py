"""What a brief says: the figure first, unknown said as unknown, eight short lines at the most."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from energy.brief import (
    Amount,
    DayAmount,
    DayFigures,
    Due,
    Expected,
    Flows,
    Happened,
    Level,
    SpanFigures,
    day_lines,
    span_lines,
)
from energy.units import DEFAULT_UNITS, UnitPreferences

ZONE = ZoneInfo("America/Los_Angeles")
NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)  # 07:30
MORNING = datetime(2026, 11, 23, 14, 40, tzinfo=UTC)  # 06:40
FLOWS = Flows(
    solar=Amount(22.91, 21.6),
    load=Amount(31.2, 32.5),
    miners_kwh=12.1,
    miner_hours=5.3,
    grid=True,
    imported_kwh=3.2,
    exported_kwh=0.0,
    generator_kwh=2.1,
    charged_kwh=12.1,
    discharged_kwh=10.9,
    lowest=Level(41.4, MORNING),
    highest=Level(93.0, MORNING + timedelta(hours=7.5)),
)
DAY = DayFigures(
    day=date(2026, 11, 23),
    running=False,
    today=True,
    flows=FLOWS,
    known_s=18 * 3_600,
    expected_s=86_400,
    expected=Expected(21.4, NOW - timedelta(hours=2)),
    still_open=(Happened("Battery low", NOW - timedelta(hours=4)),),
    happened=(Happened("Grid outage", MORNING, MORNING + timedelta(minutes=6), critical=True),),
    due=(Due("clean the panels", NOW + timedelta(days=2)), Due("check the fan", NOW - timedelta(days=2))),
    undelivered=2,
)


def said(figures: DayFigures, units: UnitPreferences = DEFAULT_UNITS) -> list[str]:
    return [line.text for line in day_lines(figures, ZONE, NOW, units)]


def test_a_day_with_everything_is_eight_lines() -> None:
    assert said(DAY) == [
        "22.9 kWh solar on Mon 23 Nov, 6 % above the usual 21.6 kWh.",
        "31.2 kWh load, of it miners 12.1 kWh in 5.3 h, 4 % below the usual 32.5 kWh.",
        "41 % to 93 % battery, lowest 06:40, highest 14:10; 12.1 kWh in, 10.9 kWh out.",
        "3.20 kWh from the grid, nothing to it, generator 2.10 kWh.",
        "18.0 of 24 hours have data; the sums miss the rest.",
        "About 21 kWh solar expected today (forecast 2 h old).",
        "To know: open: Battery low since 03:30; to do: clean the panels (due Thu 26 Nov), check the fan (due); "
        "2 messages could not be delivered, see /deliveries.",
        "1 alert came and went: Grid outage (yesterday 06:40 to 06:46).",
    ]


def test_the_figure_stands_first_in_each_line() -> None:
    lines = day_lines(DAY, ZONE, NOW, DEFAULT_UNITS)
    assert [line.figure for line in lines[:3]] == ["22.9 kWh", "31.2 kWh", "41 % to 93 %"]


def test_a_day_of_another_year_has_its_year() -> None:
    assert said(replace(DAY, day=date(2020, 1, 1), today=False))[0].startswith("22.9 kWh solar on Wed 1 Jan 2020, ")


def test_a_quiet_day_is_short() -> None:
    quiet = replace(DAY, still_open=(), happened=(), due=(), undelivered=0, known_s=86_000, today=False)
    assert len(said(replace(quiet, flows=replace(FLOWS, grid=False, generator_kwh=0.0)))) == 3


def test_what_is_usual_is_said_so_and_a_little_is_not_compared() -> None:
    flows = replace(FLOWS, solar=Amount(21.7, 21.6), load=Amount(0.4, 0.2), miners_kwh=None, miner_hours=None)
    lines = said(replace(DAY, flows=flows))
    assert lines[0] == "21.7 kWh solar on Mon 23 Nov, as usual (21.6 kWh)."
    assert lines[1] == "0.40 kWh load."


def test_unknown_is_said_as_unknown() -> None:
    lines = said(replace(DAY, flows=replace(FLOWS, solar=Amount(), imported_kwh=None, lowest=None)))
    assert lines[0] == "Solar unknown on Mon 23 Nov."
    assert lines[2] == "Battery 12.1 kWh in, 10.9 kWh out; its level is unknown."
    assert lines[3] == "Grid unknown, generator 2.10 kWh."


def test_a_day_without_data_says_what_to_look_at() -> None:
    lines = said(replace(DAY, flows=Flows(grid=True), expected=None, no_forecast="no weather forecast is stored yet"))
    assert lines[0] == "Nothing is known of Mon 23 Nov: no data arrived. /health says what each device told last."
    assert lines[1] == "Today's solar is unknown: no weather forecast is stored yet."


def test_a_forecast_that_knows_only_a_part_of_the_day_says_so() -> None:
    part = Expected(6.43, NOW - timedelta(hours=9), known_share=0.4)
    assert said(replace(DAY, expected=part))[5] == (
        "At least 6.4 kWh solar expected today (forecast 9 h old, which knows 40 % of the day's sun)."
    )


def test_many_alerts_are_counted_and_three_named() -> None:
    many = tuple(Happened(f"Alert {n}", MORNING, MORNING + timedelta(hours=n)) for n in range(1, 6))
    assert said(replace(DAY, happened=many))[-1].endswith("and 2 more.")
    assert said(replace(DAY, happened=many))[-1].startswith(
        "5 alerts came and went: Alert 1 (yesterday 06:40 to 07:40)"
    )


def test_days_are_named_in_the_persons_language() -> None:
    assert "on Mo 23 Nov" in said(DAY, UnitPreferences(language="de"))[0]
    assert said(DAY, UnitPreferences(language="fr"))[0].startswith("22.9 kWh solar on lun 23 nov")


WEEK = SpanFigures(
    kind="week",
    first=date(2026, 11, 16),
    last=date(2026, 11, 22),
    running=False,
    days=7,
    known_days=7,
    flows=replace(FLOWS, solar=Amount(151.0, 140.0), load=Amount(201.0, 200.0)),
    best=DayAmount(date(2026, 11, 19), 28.0),
    worst=DayAmount(date(2026, 11, 17), 9.24),
    alerts=4,
    critical=1,
)


def spoken(figures: SpanFigures) -> list[str]:
    return [line.text for line in span_lines(figures, ZONE, DEFAULT_UNITS)]


def test_a_week_has_totals_the_ends_and_a_comparison() -> None:
    assert spoken(WEEK) == [
        "151.0 kWh solar, 16 to 22 Nov, 8 % more than the week before.",
        "201.0 kWh load, of it miners 12.1 kWh in 5.3 h, as in the week before.",
        "41 % to 93 % battery, lowest Mon 23, highest Mon 23; 12.1 kWh in, 10.9 kWh out.",
        "3.20 kWh from the grid, nothing to it, generator 2.10 kWh.",
        "Best solar day Thu 19 Nov with 28.0 kWh, least Tue 17 Nov with 9.24 kWh.",
        "4 alerts, 1 of them critical.",
    ]


def test_missing_days_are_said_and_then_days_are_compared() -> None:
    lines = spoken(replace(WEEK, known_days=5, by_day=True, alerts=0))
    assert lines[0] == "151.0 kWh solar, 16 to 22 Nov, by the day 8 % more than the week before."
    assert lines[-2:] == ["No alerts.", "5 of 7 days have data."]


def test_a_month_is_called_by_its_name_and_one_that_runs_says_so() -> None:
    month = replace(WEEK, kind="month", first=date(2026, 11, 1), last=date(2026, 11, 30), running=True)
    assert spoken(month)[0] == "151.0 kWh solar, Nov 2026 so far, 8 % more than the month before."
    across = replace(WEEK, first=date(2026, 11, 30), last=date(2026, 12, 6))
    assert "30 Nov to 6 Dec" in spoken(across)[0]


def test_a_period_without_data_is_one_line() -> None:
    assert spoken(replace(WEEK, flows=Flows())) == [
        "Nothing is known of 16 to 22 Nov: no data arrived. /health says what each device told last."
    ]
