from __future__ import annotations

import csv
import pickle
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.forecast.hours import NO_HOURS, Hours, hour_range, hours_from
from energy.forecast.load import LoadForecast, LoadModel, LoadPast, LoadSite, forecast, rehearse, train
from energy.forecast.member_log import MemberLog

FILE = Path(__file__).with_name("load_70_days.csv")
ZONE = ZoneInfo("America/Los_Angeles")
HOME = LoadSite(ZONE, 34.09, -117.43)
DAY_S = 86_400


@cache
def home_load() -> Hours:
    with FILE.open(encoding="utf-8") as lines:
        return hours_from(
            (int(datetime.fromisoformat(row["ts"]).timestamp()), 1_000 * float(row["load_kw"]))
            for row in csv.DictReader(lines)
        )


def end_s() -> int:
    return int(home_load().starts_s[-1]) + 3_600


@cache
def trained() -> tuple[LoadModel, MemberLog]:
    cut = end_s() - 14 * DAY_S
    return train(HOME, LoadPast(home_load()), cut), rehearse(HOME, LoadPast(home_load()), cut, days=14)


def _sound(said: LoadForecast, hours: int = 48) -> None:
    band = said.band
    assert band.starts_s.size == hours
    assert np.all(np.diff(band.starts_s) == 3_600)
    assert np.isfinite([band.p10, band.p50, band.p90]).all()
    assert np.all((band.p10 >= 0) & (band.p10 <= band.p50) & (band.p50 <= band.p90))
    assert abs(sum(said.weights.values()) - 1) < 1e-9


def test_without_any_history_a_usual_home_is_assumed_and_said() -> None:
    said = forecast(HOME, LoadPast(), 1_700_035_200)
    _sound(said)
    assert 10_000 < said.band.p50[:24].sum() < 30_000  # Wh
    assert any("a usual home of 24 kWh a day is assumed" in note for note in said.notes)
    assert train(HOME, LoadPast(), 1_700_035_200).own is None
    assert not rehearse(HOME, LoadPast(), 1_700_035_200).starts_s.size


def test_one_day_sets_the_level_and_says_whose_shape_it_is() -> None:
    day = home_load().before(int(home_load().starts_s[0]) + DAY_S)
    issued_s = int(day.starts_s[-1]) + 3_600
    small = forecast(HOME, LoadPast(day), issued_s, train(HOME, LoadPast(day), issued_s))
    large = forecast(HOME, LoadPast(Hours(day.starts_s, 3 * day.values)), issued_s)
    _sound(small)
    assert any("24 hours of load are known" in note for note in small.notes)
    assert np.allclose(large.members["pooled"], 3 * small.members["pooled"])


def test_trained_on_a_real_home_it_beats_the_profiles_and_covers() -> None:
    power, (model, log) = home_load(), trained()
    ours, persistence, profile, total, inside, hours = 0.0, 0.0, 0.0, 0.0, 0, 0
    for day in range(13):
        issued_s = end_s() - (14 - day) * DAY_S
        said = forecast(HOME, LoadPast(power), issued_s, model, log)
        _sound(said)
        log = said.log
        came = power.at(said.band.starts_s)[:24]
        ours += float(np.abs(said.band.p50[:24] - came).sum())
        persistence += float(np.abs(said.members["same_hour"][:24] - came).sum())
        profile += float(np.abs(said.members["median_14"][:24] - came).sum())
        total += float(came.sum())
        inside += int(np.sum((came >= said.band.p10[:24]) & (came <= said.band.p90[:24])))
        hours += 24
    assert ours < 0.97 * profile < profile < persistence
    assert 0.65 < inside / hours < 0.95
    assert {"pooled", "same_hour", "mean_7", "median_14", "like_days", "own", "level"} == set(said.members)


def test_nothing_after_the_issue_changes_a_forecast_or_a_training() -> None:
    power = home_load()
    cut = int(power.starts_s[0]) + 40 * DAY_S
    poisoned = LoadPast(Hours(power.starts_s, np.where(power.starts_s >= cut, 90_000.0, power.values)))
    past = LoadPast(power)
    before = forecast(HOME, past, cut, train(HOME, past, cut), rehearse(HOME, past, cut, days=3))
    after = forecast(HOME, poisoned, cut, train(HOME, poisoned, cut), rehearse(HOME, poisoned, cut, days=3))
    for name in ("p10", "p50", "p90"):
        assert np.array_equal(getattr(before.band, name), getattr(after.band, name))


def test_a_model_survives_a_pickle_and_a_forecast_is_quick() -> None:
    model, log = trained()
    model = pickle.loads(pickle.dumps(model))
    past, issued_s = LoadPast(home_load()), end_s() - 14 * DAY_S
    first = forecast(HOME, past, issued_s, model, log)
    started = time.perf_counter()
    again = forecast(HOME, past, issued_s, model, log)
    assert time.perf_counter() - started < 1.0  # measured: some 10 ms; a busy machine is no failure
    assert np.array_equal(first.band.p50, again.band.p50)


def test_the_empty_home_uses_what_it_did_on_its_lowest_days() -> None:
    model, log = trained()
    issued_s = end_s() - 14 * DAY_S
    past, week = LoadPast(home_load()), (issued_s + 6 * 3_600, issued_s + 30 * 3_600)
    usual = forecast(HOME, past, issued_s, model, log)
    gone = forecast(HOME, past, issued_s, model, log, away=[week])
    _sound(gone)
    assert gone.band.p50[6:30].sum() < 0.8 * usual.band.p50[6:30].sum()
    assert np.array_equal(gone.band.p50[30:], usual.band.p50[30:])
    assert any("24 hours of absence: as in the 3 lowest of" in note for note in gone.notes)
    assert np.isnan(gone.log.p50[-48:]).sum() == 24  # nobody is judged by an empty house
    later = forecast(HOME, past, issued_s + 5 * DAY_S, model, log, away=[week, (issued_s + 5 * DAY_S, end_s())])
    assert any("days of earlier absence" in note for note in later.notes)
    unknown = forecast(HOME, LoadPast(), issued_s, away=[week])
    _sound(unknown)
    assert any("40% of the usual" in note for note in unknown.notes)


def test_bad_input_ends_in_a_forecast_that_says_so() -> None:
    power = home_load()
    starts_s, watts, issued_s = power.starts_s, power.values, end_s()

    missing = LoadPast(Hours(np.delete(starts_s, slice(-400, -200)), np.delete(watts, slice(-400, -200))))
    said = forecast(HOME, missing, issued_s, train(HOME, missing, issued_s))
    _sound(said)
    assert any("200 of the last 672 hours of load are unknown" in note for note in said.notes)

    negative = LoadPast(Hours(starts_s, np.where(starts_s == starts_s[-5], -700.0, watts)))
    said = forecast(HOME, negative, issued_s)
    _sound(said)
    assert any("1 hours of load below 0 W are left out" in note for note in said.notes)

    reset = LoadPast(Hours(starts_s, np.where(starts_s == starts_s[-30], 4e7, watts)))
    said = forecast(HOME, reset, issued_s)
    _sound(said)
    assert said.band.p90.max() < 20_000
    assert any("meter reset?" in note for note in said.notes)

    old = forecast(HOME, LoadPast(power), issued_s + 4 * DAY_S)
    _sound(old)
    assert any("the newest load known is 96 hours old" in note for note in old.notes)

    zero = LoadPast(Hours(starts_s, np.zeros(watts.size)))
    said = forecast(HOME, zero, issued_s, train(HOME, zero, issued_s), rehearse(HOME, zero, issued_s, days=3))
    _sound(said)
    assert said.band.p50.max() == 0
    assert any("is its meter alive?" in note for note in said.notes)


@pytest.mark.parametrize("night", ["2023-11-05", "2024-03-10"])
def test_the_hour_that_the_clock_repeats_or_leaves_out_moves_no_profile(night: str) -> None:
    midnight = int(datetime.fromisoformat(night).replace(tzinfo=ZONE).timestamp())
    starts_s = hour_range(midnight - 30 * DAY_S, 32 * 24)
    by_the_clock = np.array([datetime.fromtimestamp(start, UTC).astimezone(ZONE).hour for start in starts_s.tolist()])
    watts = 200.0 + 100.0 * by_the_clock
    for issued_s in (midnight, midnight + 7_200, midnight + DAY_S):
        said = forecast(HOME, LoadPast(Hours(starts_s, watts)), issued_s)
        _sound(said)
        known = (said.band.starts_s < starts_s[-1] + 3_600) & (said.band.starts_s < issued_s + 20 * 3_600)
        came = watts[np.searchsorted(starts_s, said.band.starts_s[known])]
        assert np.allclose(said.members["same_hour"][known], came)
        assert np.allclose(said.members["median_14"][known], came)


@settings(max_examples=25, deadline=None)
@given(
    days=st.integers(0, 12),
    unknown=st.floats(0, 1),
    level=st.sampled_from([0.0, 1e-3, 40.0, 900.0, 2e5]),
    hour=st.integers(0, 60),
    ahead=st.sampled_from([1, 24, 48, 72]),
    seed=st.integers(0, 99),
)
def test_whatever_is_known_the_band_is_sound(
    days: int, unknown: float, level: float, hour: int, ahead: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    starts_s = hour_range(1_700_035_200, 24 * days)
    watts = level * random.gamma(1.0, 1.0, starts_s.size)
    watts[random.random(starts_s.size) < unknown] = np.nan
    issued_s = 1_700_035_200 + days * DAY_S + hour * 3_600 - 1_800
    _sound(forecast(HOME, LoadPast(Hours(starts_s, watts), NO_HOURS), issued_s, hours=ahead), ahead)


def test_temperature_that_was_forecast_is_a_feature_and_may_be_missing() -> None:
    power, cut = home_load(), end_s() - 14 * DAY_S
    degrees = Hours(power.starts_s, 15 + 8 * np.sin(power.starts_s / DAY_S * 2 * np.pi))
    past = LoadPast(power, degrees)
    model = train(HOME, past, cut)
    _sound(forecast(HOME, past, cut, model))
    _sound(forecast(HOME, LoadPast(power), cut, model))


def test_a_home_that_repeats_its_yesterday_is_never_long_behind_persistence() -> None:
    random = np.random.default_rng(3)
    days = 50
    starts_s = hour_range(1_700_035_200, 24 * days)
    level = np.repeat(np.exp(np.cumsum(random.normal(0, 0.5, days))), 24)
    watts = 500 * np.clip(level, 0.1, 10) * random.gamma(30, 1 / 30, starts_s.size)
    past, log = LoadPast(Hours(starts_s, watts)), MemberLog()
    ours, persistence, notes = 0.0, 0.0, set()
    for day in range(14, days - 1):
        said = forecast(HOME, past, int(starts_s[0]) + day * DAY_S, None, log)
        log = said.log
        came = past.power.at(said.band.starts_s)[:24]
        ours += float(np.abs(said.band.p50[:24] - came).sum())
        persistence += float(np.abs(said.members["same_hour"][:24] - came).sum())
        notes |= {note.split(":")[0] for note in said.notes}
    assert ours < 1.03 * persistence
    assert "lately the models were hardly better than the day before" in notes
