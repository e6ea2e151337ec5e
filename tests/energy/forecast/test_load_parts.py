from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.backtest import BacktestRefused, ForecastFlags, backtest_forecast
from energy.forecast.load_control import guard_share, total_factor
from energy.forecast.load_pooled import FILE, NoPooledModel, read, shipped
from energy.forecast.load_rows import POOLED_NAMES, mean_of, quantile_of
from energy.forecast.load_trees import trees_from, trees_of
from tests.energy.forecast.test_load import FILE as EXCERPT

ROOT = Path(__file__).resolve().parents[3]


def test_stored_trees_say_exactly_what_scikit_learn_says() -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    random = np.random.default_rng(0)
    features = random.normal(size=(3_000, 6))
    features[random.random(features.shape) < 0.15] = np.nan
    target = np.nansum(features[:, :3], axis=1) + random.normal(size=3_000)
    estimator = HistGradientBoostingRegressor(loss="absolute_error", max_iter=30, early_stopping=False)
    with threadpool_limits(1):
        estimator.fit(features, target)
    trees = trees_of(estimator, tuple("abcdef"))
    again = trees_from(trees.arrays())
    assert np.array_equal(trees.predict(features), estimator.predict(features))
    assert np.array_equal(again.predict(features), estimator.predict(features))
    with pytest.raises(ValueError, match="6 features"):
        trees.predict(features[:, :5])


def test_the_shipped_model_is_small_and_plain_and_fits_this_version() -> None:
    assert FILE.stat().st_size < 1_500_000
    assert shipped().names == POOLED_NAMES
    card = FILE.with_name("CARD.md").read_text(encoding="utf-8")
    assert "leave-one-site-out" in card
    assert "CC-BY-4.0" in card


def test_a_file_that_is_no_model_is_refused_with_the_remedy(tmp_path: Path) -> None:
    broken = tmp_path / "x.npz"
    broken.write_bytes(b"PK no")
    with pytest.raises(NoPooledModel, match="train_pooled_load"):
        read(broken)
    arrays = shipped().arrays()
    np.savez(broken, **(arrays | {"names": np.array(["other"] * len(POOLED_NAMES))}))
    with pytest.raises(NoPooledModel, match="other features"):
        read(broken)
    np.savez(broken, **(arrays | {"left": arrays["left"] + 10**6}))
    with pytest.raises(NoPooledModel, match="outside the nodes"):
        read(broken)


def test_means_and_quantiles_pass_over_what_is_unknown() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=(40, 9))
    values[random.random(values.shape) < 0.4] = np.nan
    values[3] = np.nan
    known = np.isfinite(values).any(axis=1)
    assert np.allclose(mean_of(values)[known], np.nanmean(values[known], axis=1))
    assert np.allclose(quantile_of(values, 0.3)[known], np.nanquantile(values[known], 0.3, axis=1))
    assert np.isnan(mean_of(values)[3])
    assert np.isnan(quantile_of(values, 0.3)[3])


def test_the_total_is_made_good_only_as_far_as_the_hours_bear_it() -> None:
    age = np.repeat(np.arange(20.0), 24)
    even = np.full(age.size, 100.0)
    assert total_factor(0.9 * even, even, age) > 1.05
    skewed = np.where(np.arange(age.size) % 10 == 0, 600.0, 100.0)  # the median is right hour by hour
    assert total_factor(even, skewed, age) == 1.0
    assert total_factor(even[:50], 2 * even[:50], age[:50]) == 1.0


def test_persistence_takes_over_while_it_is_better_and_gives_back() -> None:
    age = np.repeat(np.arange(20.0), 24)
    small, large = np.full(age.size, 10.0), np.full(age.size, 11.0)
    assert guard_share(large, small, age) == 1.0
    assert guard_share(small, large, age) == 0.0
    assert 0 < guard_share(0.99 * small, small, age) < 1
    assert guard_share(0 * small, 0 * small, age) == 0.0
    assert guard_share(large[:10], small[:10], age[:10]) == 0.0


def test_loading_the_load_forecast_loads_nothing_heavy() -> None:
    code = "import energy.forecast.load, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"pandas", "sklearn", "statsmodels", "scipy"} & set(loaded.stdout.split())


def _flags(folder: Path, pooled: Path | None = None) -> ForecastFlags:
    meta, file = folder / "meta.json", folder / "home.csv"
    meta.write_text(json.dumps({"home": {"tz": "America/Los_Angeles", "lat": 34.1, "lon": -117.4}}), encoding="utf-8")
    lines = EXCERPT.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join(lines[: 24 * 9 + 1]) + "\n", encoding="utf-8")
    return ForecastFlags(file, "load", meta, "home", "forecast", folder / "fc.csv", pooled)


def test_a_back_test_of_the_load_issues_at_each_midnight_and_takes_another_model(tmp_path: Path) -> None:
    said: list[str] = []
    issued = backtest_forecast(_flags(tmp_path), said.append)
    lines = (tmp_path / "fc.csv").read_text(encoding="utf-8").splitlines()
    assert (len(lines) - 1) == 48 * issued
    assert issued in (8, 9)
    assert any("not trained yet" in note for note in said)
    none = tmp_path / "none.npz"
    none.write_bytes(b"")
    with pytest.raises(BacktestRefused, match="not a pooled load model"):
        backtest_forecast(_flags(tmp_path, none), said.append)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_left_out_homes_beat_the_median_profile_by_two_points(tmp_path: Path) -> None:
    data = os.environ.get("CC_DATA")
    if data is None:
        pytest.skip("CC_DATA (folder of the measured homes) is not set: the shipped training was NOT tested on them")
    command = [sys.executable, "-m", "benchmarks.train_pooled_load", "--leave-out", "citylearn_b02"]
    command += ["--out", str(tmp_path / "x.npz")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    accuracy = float(done.stdout.split("acc_hour ")[1].split()[0])
    assert accuracy > 0.55  # the 14-day median has 0.53
