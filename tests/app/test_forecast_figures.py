"""The table of the forecasts' figures: how forecasts are scored, which runs there are, and what is said of a target."""

from __future__ import annotations

import csv
import importlib.util
import json
import math
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.backtest import ForecastFlags, backtest_forecast
from benchmarks.forecast_bench import as_markdown
from benchmarks.forecast_runs import (
    DESCRIBED,
    FIRST_DAY,
    LOAD,
    PERFECT,
    SOLAR,
    Found,
    Run,
    is_clean,
    measured,
    runs_of,
)
from benchmarks.forecast_score import (
    DAY,
    HOUR_S,
    RULES,
    Actual,
    read_actual,
    read_forecasts,
    score,
    simple_forecasts,
    worst_lead,
)
from benchmarks.forecast_verdicts import (
    Verdict,
    ageing_verdicts,
    coverage_verdicts,
    first_day_verdicts,
    load_verdicts,
    solar_verdicts,
    time_verdicts,
)

EXCERPT = Path(__file__).parents[1] / "energy" / "forecast" / "home_60_days.csv"
ABOUT = {"tz": "America/Los_Angeles", "lat": 34.09, "lon": -117.43, "kwp": 4.0, "has": ["pv"], "rows": 96, "missing": 0}
MIDNIGHT_S = 1_487_318_400
DATA = os.environ.get("CC_DATA")


def _hourly(days: int, value: Any = lambda hour: float(hour % DAY + 1)) -> Actual:
    hours = {MIDNIGHT_S + HOUR_S * hour: value(hour) for hour in range(DAY * days)}
    return Actual(hours, frozenset(hours))


def _issue(number: int, said: float, half: float = 1.0) -> dict[int, dict[int, tuple[float, float, float]]]:
    start = MIDNIGHT_S + number * DAY * HOUR_S
    return {start: {start + HOUR_S * hour: (said, said - half, said + half) for hour in range(DAY)}}


def test_accuracy_is_one_less_the_errors_over_what_came() -> None:
    actual = _hourly(1, lambda hour: 2.0 if hour % 2 else 4.0)
    found = score(_issue(0, 3.0), actual)
    assert found.by_hour == pytest.approx(1 - 24 / 72)
    assert found.by_day == pytest.approx(1.0)
    assert found.coverage == pytest.approx(1.0)
    assert score(_issue(0, 3.0, 0.5), actual).coverage == 0.0


def test_a_day_with_an_unknown_hour_counts_by_the_hour_alone() -> None:
    actual = _hourly(2)
    del actual.kw[MIDNIGHT_S + HOUR_S]
    found = score(_issue(0, 5.0), actual)
    assert math.isnan(found.by_day)
    assert 0 < found.by_hour < 1


def test_persistence_is_yesterdays_hour_and_the_median_the_middle_of_the_days_known() -> None:
    actual = _hourly(15, lambda hour: float(hour // DAY))
    last = MIDNIGHT_S + 14 * DAY * HOUR_S
    said = {rule: simple_forecasts([last], actual, rule)[last][last][0] for rule in RULES}
    assert said == {"persistence": 13.0, "7-day mean": 10.0, "14-day median": 6.5}
    second = MIDNIGHT_S + DAY * HOUR_S
    assert {simple_forecasts([second], actual, rule)[second][second][0] for rule in RULES} == {0.0}
    assert simple_forecasts([MIDNIGHT_S], actual, "persistence") == {MIDNIGHT_S: {}}


def test_the_lead_is_that_of_the_worst_days_running() -> None:
    actual = _hourly(6, lambda _: 10.0)
    ours: dict[int, Any] = {}
    theirs: dict[int, Any] = {}
    for day in range(6):
        ours |= _issue(day, 8.0 if day in (2, 3) else 10.0)
        theirs |= _issue(day, 9.0)
    assert worst_lead(ours, theirs, actual, 2) == pytest.approx(-0.1)
    assert worst_lead(ours, theirs, actual, 180) == pytest.approx(0.1 - 0.2 / 3)


def test_an_hour_that_a_file_leaves_out_is_a_forecast_of_nothing(tmp_path: Path) -> None:
    file = tmp_path / "fc.csv"
    lines = ["issue_time,target_time,yhat,q10,q90"]
    lines += [f"2017-02-17T08:00:00Z,{_iso(MIDNIGHT_S + HOUR_S * hour)},3,2,4" for hour in range(1, 24)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = score(read_forecasts(file), _hourly(1, lambda _: 3.0))
    assert found.by_hour == pytest.approx(23 / 24)
    assert found.coverage == 1.0


def _iso(moment_s: int) -> str:
    return datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _folder(tmp_path: Path, days: int = 4) -> Path:
    lines = EXCERPT.read_text(encoding="utf-8").splitlines()[: 24 * days + 1]
    (tmp_path / "home.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "meta.json").write_text(json.dumps({"home": ABOUT}), encoding="utf-8")
    return tmp_path


@pytest.mark.skipif(DATA is None, reason="set CC_DATA to the folder of the real measurements (with score.py)")
def test_our_score_is_that_of_the_scorer_beside_the_data(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("theirs", Path(DATA or "") / "score.py")
    assert spec is not None
    assert spec.loader is not None
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    import pandas as pd

    folder = _folder(tmp_path, 9)
    out = tmp_path / "fc.csv"
    backtest_forecast(ForecastFlags(folder / "home.csv", "solar", folder / "meta.json", "home", "forecast", out), print)
    said = pd.read_csv(out, parse_dates=["issue_time", "target_time"])
    scored = theirs.score(said, theirs.load_actual(folder / "home.csv"), "pv_kw")["0-24h"]
    found = score(read_forecasts(out), read_actual(folder / "home.csv", "pv_kw"))
    assert (found.by_hour, found.by_day) == pytest.approx((scored["acc_hour"], scored["acc_day"]), abs=1e-4)
    persistence = simple_forecasts(read_forecasts(out), read_actual(folder / "home.csv", "pv_kw"), "persistence")
    ours = score(
        read_forecasts(out), read_actual(folder / "home.csv", "pv_kw"), {h for i in persistence.values() for h in i}
    )
    simple = score(persistence, read_actual(folder / "home.csv", "pv_kw"))
    assert 1 - (1 - ours.by_hour) / (1 - simple.by_hour) == pytest.approx(scored["skill"], abs=0.01)


def test_a_house_without_history_is_forecast_from_nothing_that_it_measured(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    file, out = folder / "home.csv", tmp_path / "fc.csv"
    flags = ForecastFlags(file, "solar", folder / "meta.json", "home", "forecast", out, history_days=0)
    backtest_forecast(flags, print)
    before = out.read_text(encoding="utf-8")
    with file.open(encoding="utf-8") as lines:
        rows = list(csv.reader(lines))
    dark = [rows[0], *([row[0], "0.1", *row[2:]] for row in rows[1:])]
    file.write_text("\n".join(",".join(row) for row in dark) + "\n", encoding="utf-8")
    backtest_forecast(flags, print)
    assert out.read_text(encoding="utf-8") == before
    one_day = ForecastFlags(file, "solar", folder / "meta.json", "home", "forecast", out, history_days=1)
    backtest_forecast(one_day, print)
    assert out.read_text(encoding="utf-8") != before


def test_a_run_is_kept_and_not_made_anew(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    run = next(run for run in runs_of(folder, tmp_path, {"home": ABOUT}, ["home"], quick=True) if run.figure == SOLAR)
    found = measured(run, folder / "home.csv")[0]
    assert 0 < found.by_hour < 1
    kept = tmp_path / "home-solar-forecast-weather.csv"
    written = kept.stat().st_mtime_ns
    assert measured(run, folder / "home.csv")[0] == found
    assert kept.stat().st_mtime_ns == written


def test_panels_that_the_folder_does_not_describe_are_taken_as_the_plane_that_fits(tmp_path: Path) -> None:
    folder = _folder(tmp_path, 10)
    first, described = (
        measured(Run(folder, tmp_path, "home", each), folder / "home.csv")[0] for each in (FIRST_DAY, DESCRIBED)
    )
    assert described.by_hour > first.by_hour + 0.05
    about = json.loads((tmp_path / "home-described.json").read_text(encoding="utf-8"))["home"]
    assert 5 <= about["tilt_deg"] <= 55


def test_a_home_with_many_blank_solar_hours_is_looked_at_by_forecast_alone(tmp_path: Path) -> None:
    blank = {**ABOUT, "has": ["load", "pv"], "missing": {"pv_kw": 30}}
    assert is_clean(ABOUT)
    assert not is_clean(blank)
    figures = [
        (run.site, run.figure) for run in runs_of(tmp_path, tmp_path, {"a": blank, "b": ABOUT}, ["a", "b"], quick=False)
    ]
    assert [figure for site, figure in figures if site == "a"] == [LOAD, SOLAR]
    assert {PERFECT, FIRST_DAY} < {figure for site, figure in figures if site == "b"}


def test_targets_are_met_missed_or_said_to_be_not_measured() -> None:
    lines = [
        Found("home", SOLAR, 0.90, 0.919, 0.80),
        Found("home", FIRST_DAY, 0.84, 0.90, 0.74),
        Found("home", LOAD, 0.6, 0.8, 0.81, 0.05, -0.01),
    ]
    says = {each.name: each.says for each in solar_verdicts(lines, {"home": ABOUT})}
    assert says == {
        "solar, California, forecast weather, acc_hour": "ok",
        "solar, California, forecast weather, acc_day": "MISSED",
        "solar, California, perfect weather, acc_hour": "not measured",
    }
    assert [each.says for each in first_day_verdicts(lines)] == ["not measured", "MISSED", "not measured"]
    assert [each.says for each in load_verdicts(lines)] == ["ok", "MISSED"]
    assert [each.says for each in coverage_verdicts(lines)] == ["ok", "ok", "ok", "ok", "MISSED", "MISSED"]
    assert [each.says for each in ageing_verdicts({100.0: (0.7, 30), 200.0: (0.6, 20)})] == [
        "ok",
        "MISSED",
        "not measured",
    ]
    times = time_verdicts({"both forecasts of one site": [100.0, 150.0, 900.0]})
    assert [each.says for each in times] == ["ok", "not measured", "not measured"]


def test_the_markdown_holds_lines_verdicts_and_what_is_missing() -> None:
    text = as_markdown([Found("home", SOLAR, 0.9, 0.9)], [Verdict("a figure", 0.8, 0.75, 0.88, "home")], ["the load"])
    assert "| a figure | 0.8000 | 0.75 to 0.88 | ok | home |" in text
    assert f"| home | {SOLAR} | 0.9000 | 0.9000 | - |" in text
    assert "- the load" in text


def test_without_the_folder_it_says_what_to_set() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "CC_DATA"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.forecast_bench"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 1
    assert "CC_DATA is not set" in done.stderr
