"""`commandcenter backtest plan` on a real home's two months, and its forecasts without a look ahead."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.backtest import BacktestRefused
from app.backtest_plan import PlanFlags, backtest_plan, ground_of, week_starts
from app.site_file import load_site
from energy.forecast.hours import Hours
from energy.plan.problem import growing_steps

ROOT = Path(__file__).resolve().parents[2]
EXCERPT = ROOT / "tests" / "energy" / "forecast" / "home_60_days.csv"
RANCH = ROOT / "benchmarks" / "ranch.toml"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sun of the real home, with a load that is invented: the excerpt holds none."""
    with EXCERPT.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rng = np.random.default_rng(4)
    file_of_home = tmp_path_factory.mktemp("home") / "home.csv"
    with file_of_home.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["ts", "pv_kw", "k_fc", "load_kw"], extrasaction="ignore")
        writer.writeheader()
        for number, row in enumerate(rows):
            evening = 1.2 if 17 <= (number % 24 + 23) % 24 < 22 else 0.0
            writer.writerow(row | {"load_kw": f"{0.6 + evening + rng.uniform(0, 0.4):.3f}"})
    return file_of_home


def test_without_a_place_for_the_sun_profiles_stand_in(home: Path, tmp_path: Path) -> None:
    placeless = tmp_path / "placeless.toml"
    lines = [*RANCH.read_text(encoding="utf-8").splitlines(), "[plan]", "hours = 12"]
    placeless.write_text("\n".join(x for x in lines if not x.startswith(("latitude", "longitude"))), encoding="utf-8")
    said: list[str] = []
    shown: list[str] = []
    found = backtest_plan(PlanFlags(home, placeless, days=1), said.append, shown.append)
    assert found["ours"].money > found["threshold"].money
    assert found["ours"].steps_below_floor == 0
    assert any("are scaled by" in note and "14.6 kWp of the site" in note for note in said)
    assert any("profiles of the last two weeks stand in" in note for note in said)
    assert len(shown) == 5 + 1 + 5 + 1


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_day_of_a_home_is_replayed_and_ours_beats_the_rule(home: Path) -> None:
    said: list[str] = []
    shown: list[str] = []
    found = backtest_plan(PlanFlags(home, RANCH, days=1), said.append, shown.append)
    assert list(found) == ["ours", "threshold", "always", "never", "perfect"]
    assert all(sums.steps == 96 for sums in found.values())
    assert found["ours"].money > found["threshold"].money
    assert found["ours"].steps_below_floor == 0
    assert found["ours"].fallback_plans == 0
    assert any("are scaled by" in note and "14.6 kWp of the site" in note for note in said)
    assert len(shown) == 5 + 1 + 5 + 1
    assert "quarters below reserve" in shown[0]
    assert shown[-1].startswith("(ours - threshold) / (perfect - threshold): ")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_issued_forecasts_know_nothing_of_what_comes(home: Path) -> None:
    site = load_site(RANCH)
    ground = ground_of(PlanFlags(home, RANCH), site, print)
    (from_s,) = week_starts(ground.series, site, full=False)
    now_s = from_s + 10 * 3_600

    def spoilt(hours: Hours) -> Hours:
        return Hours(hours.starts_s, np.where(hours.starts_s >= now_s, 7_777.0, hours.values))

    honest = ground.forecasts
    other = replace(honest, power=spoilt(honest.power), load=spoilt(honest.load))
    for at_s in (now_s - 3_600, now_s):
        steps = growing_steps(at_s)
        pairs = zip(honest(ground.series, steps), other(ground.series, steps), strict=True)
        for a, b in pairs:
            assert np.array_equal(a.solar_w, b.solar_w)
            assert np.array_equal(a.base_load_w, b.base_load_w)


def test_what_cannot_be_replayed_is_refused_with_a_remedy(home: Path, tmp_path: Path) -> None:
    with pytest.raises(BacktestRefused, match="--days 9: must be 1 to 7"):
        backtest_plan(PlanFlags(home, RANCH, days=9), print, print)
    bare = tmp_path / "bare.toml"
    bare.write_text('[site]\nid = "bare"\n', encoding="utf-8")
    with pytest.raises(BacktestRefused, match=r"bare.toml: a plan back-test needs \[battery\]; describe it there"):
        backtest_plan(PlanFlags(home, bare), print, print)
    with home.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    short = tmp_path / "short.csv"
    with short.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows[: 20 * 24])
    with pytest.raises(BacktestRefused, match="28 of history and a week after them are needed"):
        backtest_plan(PlanFlags(short, RANCH), print, print)


def test_the_whole_year_is_all_of_its_weeks(home: Path) -> None:
    site = load_site(RANCH)
    series = ground_of(PlanFlags(home, RANCH), site, print).series
    year = replace(series, solar_w=np.zeros(365 * 24), load_w=np.zeros(365 * 24))
    assert len(week_starts(year, site, full=True)) == 48
    assert len(week_starts(year, site, full=False)) == 4
    assert all(
        b - a == 7 * 86_400 for a, b in zip(*[week_starts(series, site, full=True)[n:] for n in (0, 1)], strict=False)
    )
