"""History whose pace changes and whose devices come and go, as on every real site: backfill, then live rows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from energy.periods import Period
from energy.reading import Reading
from energy.series import Series
from energy.site import Device, Prefer, Site, Sum
from services.history import buckets, series, statistics, threshold_passages
from services.state import current_state
from tests.services.stage import NOON, SITE, every, reading, stocked

FIVE, TEN_S, HALF_MIN = timedelta(minutes=5), timedelta(seconds=10), timedelta(seconds=30)


def _last(days: float, label: str = "the period") -> Period:
    return Period(NOON - timedelta(days=days), NOON, label)


def _backfilled_then_live(load_w: float = 1000.0) -> list[Reading]:
    """Nine days at five minutes, then a day at thirty seconds; SOC 50 % and then 90 %."""
    old = every(FIVE, NOON - timedelta(days=10), 9 * 288)
    live = every(HALF_MIN, NOON - timedelta(days=1), 2880)
    rows = [reading("solark", at, load_w=load_w, soc_pct=50.0) for at in old]
    return rows + [reading("solark", at, load_w=load_w, soc_pct=90.0) for at in live]


@pytest.mark.parametrize("days", [2, 7, 9.5])
async def test_backfilled_rows_count_as_long_as_they_stand_beside_live_ones(tmp_path: Path, days: float) -> None:
    scope = await stocked(tmp_path, _backfilled_then_live())
    load = await statistics(scope, "load_w", _last(days))
    assert load.energy is not None
    assert load.energy.net_kwh == pytest.approx(24 * days, rel=0.002)
    assert load.covered_s == pytest.approx(86400 * days, rel=0.002)
    soc = await statistics(scope, "soc_pct", _last(days))
    assert soc.mean == pytest.approx((50 * (days - 1) + 90) / days, rel=0.002)
    await scope.database.close()


async def test_rows_and_rollups_agree_on_a_day_whose_pace_changes(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    change = NOON - timedelta(hours=5, minutes=17)
    times = every(FIVE, NOON - timedelta(hours=24), 225)
    times = [at for at in times if at < change] + every(TEN_S, change, 1900)
    rows = [
        reading("solark", at, load_w=float(v)) for at, v in zip(times, generator.uniform(200, 4000, 3000), strict=False)
    ]
    scope = await stocked(tmp_path, rows)
    from_rows = await statistics(scope, "load_w", _last(1))
    days = await buckets(scope, "load_w", _last(10), "day")  # long enough for the rollups
    from_rollups = sum(day.energy.net_kwh for day in days if day.energy)
    assert from_rows.energy is not None
    assert from_rollups == pytest.approx(from_rows.energy.net_kwh, rel=0.005)
    await scope.database.close()


async def test_a_passage_between_slow_rows_is_seen_beside_quick_ones(tmp_path: Path) -> None:
    slow = every(FIVE, NOON - timedelta(hours=24), 23 * 12)
    quick = every(TEN_S, NOON - timedelta(hours=1), 360)
    rows = [reading("solark", at, load_w=3000.0 if 100 <= i < 200 else 500.0) for i, at in enumerate(slow)]
    rows += [reading("solark", at, load_w=500.0) for at in quick]
    scope = await stocked(tmp_path, rows)
    found = await threshold_passages(scope, "load_w", 2500, _last(1))
    assert [(p.at, p.rising) for p in found.items] == [(slow[100], True), (slow[200], False)]
    assert found.above_s == 100 * 300
    drawn = await series(scope, "load_w", _last(1))
    assert not np.isnan(drawn.values).any(), "slow rows were taken for gaps"
    await scope.database.close()


async def test_a_gap_in_slow_rows_is_still_a_gap_beside_quick_ones(tmp_path: Path) -> None:
    slow = [at for i, at in enumerate(every(FIVE, NOON - timedelta(hours=24), 23 * 12)) if not 100 <= i < 136]
    rows = [reading("solark", at, load_w=1000.0) for at in [*slow, *every(TEN_S, NOON - timedelta(hours=1), 360)]]
    scope = await stocked(tmp_path, rows)
    load = await statistics(scope, "load_w", _last(1))
    assert load.energy is not None
    assert load.energy.net_kwh == pytest.approx(21.0, abs=0.01)
    assert int(np.isnan((await series(scope, "load_w", _last(1))).values).sum()) == 1
    await scope.database.close()


@pytest.mark.parametrize("days", [1, 7, 9.5])
async def test_the_gaps_of_the_preferred_device_are_filled_by_the_next(tmp_path: Path, days: float) -> None:
    start = NOON - timedelta(days=days)
    rows = [reading("solark", at, soc_pct=50.0) for at in every(FIVE, start, int(days * 288))]
    for hour in every(timedelta(hours=1), start, int(days * 24)):
        rows += [reading("cerbo", at, soc_pct=90.0) for at in every(TEN_S, hour, 30)]  # five minutes of each hour
    scope = await stocked(tmp_path, rows)
    soc = await statistics(scope, "soc_pct", _last(days))
    assert soc.mean == pytest.approx((90 * 5 + 50 * 55) / 60, rel=0.01)
    assert soc.covered_s == pytest.approx(86400 * days, rel=0.01)
    await scope.database.close()


async def test_two_sensors_that_differ_do_not_take_turns_over_a_short_gap(tmp_path: Path) -> None:
    rows = [reading("solark", at, soc_pct=70.0) for at in every(FIVE, NOON - timedelta(hours=1), 12)]
    shunt = every(TEN_S, NOON - timedelta(hours=1), 360)
    rows += [reading("cerbo", at, soc_pct=64.0) for i, at in enumerate(shunt) if not 100 <= i < 130]  # five minutes
    scope = await stocked(tmp_path, rows)
    soc = await statistics(scope, "soc_pct", _last(1 / 24))
    assert soc.maximum is not None
    assert soc.maximum.value == 64.0
    await scope.database.close()


def _merging_site() -> Site:
    devices = (Device(id="solark", kind="solark_cloud", plant_id=1), Device(id="cerbo", kind="victron_mqtt", host="h"))
    rules = {"soc_pct": Prefer(prefer=("cerbo", "solark")), "solar_w": Sum(sum=("solark", "cerbo"))}
    return SITE.model_copy(update={"device": devices, "merge": rules})


@pytest.mark.parametrize("days", [2, 12])
async def test_an_imported_file_is_seen_beside_merge_rules_that_do_not_name_it(tmp_path: Path, days: int) -> None:
    times = every(FIVE, NOON - timedelta(days=days), days * 288)
    rows = [reading("csv", at, soc_pct=55.0, solar_w=2000.0) for at in times]
    scope = await stocked(tmp_path, rows, site=_merging_site())
    assert (await statistics(scope, "soc_pct", _last(days))).mean == pytest.approx(55.0)
    solar = await statistics(scope, "solar_w", _last(days))
    assert solar.energy is not None
    assert solar.energy.net_kwh == pytest.approx(2.0 * 24 * days, rel=0.001)
    assert solar.source == "csv"
    state = await current_state(scope)
    assert (state["soc_pct"].value, state["solar_w"].value) == (55.0, 2000.0)
    await scope.database.close()


async def test_the_first_row_after_a_past_period_does_not_belong_to_it(tmp_path: Path) -> None:
    rows = [reading("cerbo", at, soc_pct=50.0) for at in every(FIVE, NOON - timedelta(hours=2), 12)]
    rows += [reading("cerbo", at, soc_pct=97.0) for at in every(FIVE, NOON - timedelta(hours=1), 12)]
    scope = await stocked(tmp_path, rows)
    soc = await statistics(scope, "soc_pct", Period(NOON - timedelta(hours=2), NOON - timedelta(hours=1), "an hour"))
    assert soc.maximum is not None
    assert (soc.maximum.value, soc.last and soc.last.value) == (50.0, 50.0)
    await scope.database.close()


async def test_the_row_of_this_moment_counts_as_the_highest_but_weighs_nothing(tmp_path: Path) -> None:
    rows = [reading("cerbo", at, soc_pct=50.0) for at in every(FIVE, NOON - timedelta(hours=1), 12)]
    scope = await stocked(tmp_path, [*rows, reading("cerbo", NOON, soc_pct=97.0)])
    soc = await statistics(scope, "soc_pct", _last(1 / 24))
    assert soc.maximum is not None
    assert (soc.maximum.value, soc.maximum.at, soc.mean) == (97.0, NOON, 50.0)
    await scope.database.close()


def test_a_series_with_wrong_cadences_is_refused() -> None:
    with pytest.raises(ValueError, match="cadences"):
        Series(np.array([1, 2], np.int64), np.zeros(2), 1.0, "a", np.ones(3))
