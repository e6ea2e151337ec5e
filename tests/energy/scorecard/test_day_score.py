"""A day's score against hand-computed figures and against the definition of the open data's scorer."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from energy.forecast.hours import DAY_S, HOUR_S, NO_HOURS, Band, Floats, Hours, Target
from energy.scorecard.day import hours_of_day, level_at_ends, midnight_s, score_day, sky_kind

UTC_ZONE, CALIFORNIA = ZoneInfo("UTC"), ZoneInfo("America/Los_Angeles")
DAY = date(2026, 5, 20)
START_S = midnight_s(DAY, UTC_ZONE)


def hours(values: Floats | list[float], start_s: int = START_S) -> Hours:
    return Hours(start_s + HOUR_S * np.arange(len(values)), np.array(values, dtype=np.float64))


def band(p50: Floats, target: Target = "load", *, issued_s: int = START_S - 600, spread: float = 0.2) -> Band:
    starts_s = START_S + HOUR_S * np.arange(p50.size)
    return Band(target, issued_s, starts_s, p50 * (1 - spread), p50, p50 * (1 + spread), "test", "1")


def test_accuracies_are_what_they_are_by_hand() -> None:
    actual, ours = np.full(24, 1_000.0), np.full(24, 1_000.0)
    ours[:12] = 1_100.0
    ours[12:18] = 700.0
    yesterday = hours(np.full(24, 800.0), START_S - DAY_S)
    found = score_day(hours(actual), band(ours), yesterday, UTC_ZONE, DAY)
    assert found.scored
    assert found.acc_hour == pytest.approx(1 - (12 * 100 + 6 * 300) / 24_000)
    assert found.acc_day == pytest.approx(1 - 600 / 24_000)
    assert found.bias == pytest.approx(-600 / 24_000)
    assert found.persistence_hour == pytest.approx(0.8)
    assert found.profile_hour == pytest.approx(0.8)
    assert found.coverage == pytest.approx(18 / 24)
    assert found.mean_error == pytest.approx(3_000 / 24)
    assert found.sums is not None
    assert found.sums["off"] == pytest.approx(3.0)
    assert found.notes == ()
    assert found.values()["acc_hour"] == 0.875


def test_the_profile_is_the_median_of_the_same_local_hour_of_fourteen_days() -> None:
    by_day = [100.0 * n for n in range(1, 31)]  # the newest day last
    past = np.concatenate([np.full(24, each) for each in by_day])
    start_s = START_S - 30 * DAY_S
    actual = np.full(24, float(np.median(by_day[-14:])))
    found = score_day(hours(actual), band(actual), hours(past, start_s), UTC_ZONE, DAY)
    assert found.profile_hour == pytest.approx(1.0)
    assert found.persistence_hour == pytest.approx(1 - (3_000 - 2_350) / 2_350)


@pytest.mark.parametrize(("unknown", "scored"), [(0, True), (12, True), (13, False), (24, False)])
def test_unknown_hours_are_left_out_and_below_half_of_a_day_it_is_not_scored(unknown: int, scored: bool) -> None:
    actual = np.full(24, 500.0)
    actual[:unknown] = np.nan
    found = score_day(hours(actual), band(np.full(24, 450.0)), NO_HOURS, UTC_ZONE, DAY)
    assert found.scored == scored
    assert found.hours_known == 24 - unknown
    assert (found.acc_hour is not None) == scored
    if scored:
        assert found.acc_hour == pytest.approx(0.9)
        assert found.persistence_hour is None
    said = "; ".join(found.notes)
    assert (f"{unknown} of 24 hours were not measured" in said) == (unknown > 0)
    assert ("not scored" in said) != scored


def test_hours_with_panels_held_back_count_neither_in_the_day_nor_in_the_past() -> None:
    sun = np.where((np.arange(24) >= 7) & (np.arange(24) < 19), 2_000.0, 0.0)
    held = sun.copy()
    held[12:15] = 300.0
    left_out = np.concatenate([START_S + HOUR_S * np.arange(12, 15), START_S - DAY_S + HOUR_S * np.arange(12, 15)])
    found = score_day(
        hours(held),
        band(sun, "solar"),
        hours(held, START_S - DAY_S),
        UTC_ZONE,
        DAY,
        clear_w=hours(sun),
        left_out_s=left_out,
    )
    assert found.acc_hour == pytest.approx(1.0)
    assert found.persistence_hour == pytest.approx(1.0)
    assert (found.hours_left_out, found.hours_known, found.covered_hours) == (3, 21, 9)
    assert found.sky == "clear"
    assert found.notes == ("3 hours with panels held back are left out",)


def test_sun_promised_at_night_counts_against_the_forecast_and_not_in_the_coverage() -> None:
    sun = np.where((np.arange(24) >= 7) & (np.arange(24) < 19), 2_000.0, 0.0)
    promised = sun.copy()
    promised[2] = 1_200.0
    found = score_day(hours(sun), band(promised, "solar"), NO_HOURS, UTC_ZONE, DAY, clear_w=hours(sun))
    assert found.acc_hour == pytest.approx(1 - 1_200 / 24_000)
    assert found.coverage == 1.0
    assert found.covered_hours == 12


def test_a_night_only_day_has_no_accuracy_and_no_sky() -> None:
    dark = np.full(24, np.nan)
    dark[:6], dark[18:] = 0.0, 0.0
    clear = np.where((np.arange(24) >= 7) & (np.arange(24) < 17), 5_000.0, 0.0)
    found = score_day(hours(dark), band(np.zeros(24), "solar"), NO_HOURS, UTC_ZONE, DAY, clear_w=hours(clear))
    assert found.scored
    assert (found.acc_hour, found.acc_day, found.coverage, found.sky) == (None, None, None, None)


@pytest.mark.parametrize(
    ("share", "kind"), [(0.9, "clear"), (0.7, "clear"), (0.69, "mixed"), (0.35, "mixed"), (0.34, "overcast")]
)
def test_the_sky_goes_by_the_share_of_a_clear_days_energy(share: float, kind: str) -> None:
    clear = np.array([0.0, 1_000.0, 4_000.0, 1_000.0, 0.0])
    assert sky_kind(clear * share + 1e-6, clear) == kind
    assert sky_kind(np.where(clear > 2_000, np.nan, clear), clear) is None
    assert sky_kind(clear, np.full(5, np.nan)) is None


def test_an_old_forecast_and_one_that_ends_early_are_said() -> None:
    ours = np.full(30, 500.0)
    old = band(ours, issued_s=START_S - 10 * HOUR_S)
    short = Band(old.target, old.issued_s, old.starts_s[:20], old.p10[:20], old.p50[:20], old.p90[:20], "test", "1")
    found = score_day(hours(np.full(24, 500.0)), short, NO_HOURS, UTC_ZONE, DAY)
    assert found.hours_known == 20
    assert found.notes == (
        "the forecast was 10 h old when the day began (issued 2026-05-19 14:00 UTC)",
        "the forecast did not say 4 of 24 hours",
    )


@pytest.mark.parametrize(("day", "count"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (DAY, 24)])
def test_a_day_on_which_the_clock_is_set_has_all_its_hours(day: date, count: int) -> None:
    starts_s = hours_of_day(day, CALIFORNIA)
    assert starts_s.size == count
    assert datetime.fromtimestamp(int(starts_s[0]), UTC).astimezone(CALIFORNIA).hour == 0
    half = hours_of_day(day, ZoneInfo("Asia/Kolkata"))
    assert half.size == 24
    assert not (half % HOUR_S).any()


def test_the_level_at_an_hours_end_lies_between_its_mean_and_the_next() -> None:
    ends = level_at_ends(hours([50.0, 60.0, np.nan, 40.0]))
    np.testing.assert_array_equal(ends.values, [55.0, np.nan, np.nan, np.nan])


def test_of_the_battery_the_error_is_in_points() -> None:
    actual = np.full(24, 60.0)
    found = score_day(hours(actual), band(np.full(24, 57.0), "soc"), hours(actual, START_S - DAY_S), UTC_ZONE, DAY)
    assert found.mean_error == pytest.approx(3.0)
    assert found.acc_hour == pytest.approx(0.95)
    assert (found.acc_day, found.persistence_hour, found.persistence_day) == (None, 1.0, None)


def test_it_is_the_definition_of_the_open_datas_scorer(tmp_path: Path) -> None:
    if not (folder := os.environ.get("CC_DATA")):
        pytest.skip("CC_DATA is not set: the data's own score.py is not here, so ours was NOT compared with it")
    rng = np.random.default_rng(5)
    actual = rng.uniform(200.0, 2_000.0, 72)
    ours = actual * rng.uniform(0.6, 1.4, 72)
    first_s = START_S - DAY_S
    stamp = [(datetime.fromtimestamp(first_s, UTC) + timedelta(hours=n)).isoformat() for n in range(72)]
    with (tmp_path / "actual.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("ts", "load_kw"), *zip(stamp, (actual / 1_000).tolist(), strict=True)])
    rows = [
        (stamp[24], stamp[24 + n], ours[24 + n] / 1e3, ours[24 + n] * 0.8 / 1e3, ours[24 + n] * 1.2 / 1e3)
        for n in range(24)
    ]
    with (tmp_path / "fc.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("issue_time", "target_time", "yhat", "q10", "q90"), *rows])
    command = [sys.executable, str(Path(folder) / "score.py"), "--forecast", str(tmp_path / "fc.csv")]
    command += ["--actual", str(tmp_path / "actual.csv"), "--target", "load_kw"]
    theirs = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["0-24h"]
    found = score_day(hours(actual, first_s), band(ours[24:48]), hours(actual, first_s), UTC_ZONE, DAY)
    assert found.sums is not None
    skill = 1 - found.sums["off"] / found.sums["persistence_off"]
    for name, value in (
        ("acc_hour", found.acc_hour),
        ("acc_day", found.acc_day),
        ("bias", found.bias),
        ("cov80", found.coverage),
        ("skill", skill),
    ):
        assert value == pytest.approx(theirs[name], abs=6e-5), name
