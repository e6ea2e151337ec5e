import asyncio
import math
import random
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from energy.cadence import median_cadence_s
from energy.reading import NUMERIC_FIELDS, Quality, Reading
from energy.rollup import Rollup
from energy.series import covered_s, energy_kwh, time_weighted_mean
from store import readings
from store.columns import to_ms
from store.database import Database, sqlite_url
from store.tables import rollups

ORG, SITE = "home", "ranch"
NOON = datetime(2026, 3, 7, 12, tzinfo=UTC)
FOREVER = datetime(2100, 1, 1, tzinfo=UTC)


def reading(at: datetime, device: str = "solark", **values: object) -> Reading:
    return Reading(site_id=SITE, source=device, device_id=device, taken_at=at, **values)  # type: ignore[arg-type]


def day_of_rows(
    start: datetime, *, minutes: float = 5, hours: float = 24, device: str = "solark", seed: int = 1
) -> list[Reading]:
    """Rows with jitter, holes, and fields that are unknown now and then."""
    chance = random.Random(seed)
    rows, at = [], start
    while at < start + timedelta(hours=hours):
        jitter = timedelta(seconds=chance.uniform(-4, 4))
        if chance.random() > 0.04:
            solar = max(0.0, 9_000 * math.sin((at.hour - 6) / 12 * math.pi))
            rows.append(
                reading(
                    at + jitter,
                    device,
                    solar_w=None if chance.random() < 0.1 else solar + chance.uniform(-200, 200),
                    battery_charge_w=chance.uniform(-4_000, 4_000),
                    soc_pct=chance.uniform(20, 90),
                    miner_w=3_250.0 if chance.random() < 0.02 else None,
                )
            )
        at += timedelta(minutes=minutes)
        if chance.random() < 0.01:
            at += timedelta(hours=chance.uniform(0.5, 5))
    return rows


async def all_rollups(db: Database) -> dict[tuple[str, str, int], tuple[float, ...]]:
    columns = [c for c in rollups.c if c.name not in ("org_id", "site_id", "field", "device_id", "hour_start")]
    async with db.read() as connection:
        found = await connection.execute(select(rollups.c.field, rollups.c.device_id, rollups.c.hour_start, *columns))
        return {(r[0], r[1], r[2]): tuple(r[3:]) for r in found}


async def test_readings_come_back_as_they_were_stored(database: Database) -> None:
    full = reading(
        NOON,
        soc_pct=55.5,
        battery_charge_w=-1200,
        solar_w=0.0,
        load_w=1200,
        grid_import_w=0,
        grid_present=False,
        inverter_state="normal",
        fault_codes=("F13", "F24"),
        quality=Quality.DEGRADED,
    )
    bare = reading(NOON + timedelta(minutes=5), fault_codes=())
    assert await readings.upsert(database, ORG, [full, bare]) == 2
    back = [r async for r in readings.stream(database, ORG, SITE, NOON, FOREVER, FOREVER)]
    assert back == [full, bare]
    assert back[1].fault_codes == ()
    assert back[1].soc_pct is None


async def test_storing_the_same_rows_again_changes_nothing(database: Database) -> None:
    rows = day_of_rows(NOON)
    assert await readings.upsert(database, ORG, rows) == len(rows)
    before = await all_rollups(database)
    assert await readings.upsert(database, ORG, rows) == 0
    assert await all_rollups(database) == before


@pytest.mark.parametrize(("seed", "minutes"), [(1, 5), (2, 1), (3, 30), (4, 50)])
async def test_rollups_of_random_batches_equal_a_recomputation_from_scratch(
    database: Database, tmp_path: object, seed: int, minutes: float
) -> None:
    rows = day_of_rows(NOON, minutes=minutes, hours=48, seed=seed) + day_of_rows(
        NOON, minutes=minutes, hours=30, seed=seed + 50, device="cerbo"
    )
    shuffled = rows[:]
    chance = random.Random(seed)
    chance.shuffle(shuffled)
    left = shuffled
    while left:
        size = chance.choice([1, 3, 40, 200])
        await readings.upsert(database, ORG, left[:size])
        left = left[size:]
    at_once = await Database.open(sqlite_url(f"{tmp_path}/at_once.db"), migrate=True)
    try:
        await readings.upsert(at_once, ORG, rows)
        expected = await all_rollups(at_once)
    finally:
        await at_once.close()
    found = await all_rollups(database)
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert found[key] == pytest.approx(values, rel=1e-9, abs=1e-9), key


async def test_rollups_agree_with_the_maths_on_rows(database: Database) -> None:
    rows = [reading(NOON + timedelta(minutes=5 * n), battery_charge_w=math.cos(n / 9) * 3_000) for n in range(12 * 24)]
    await readings.upsert(database, ORG, rows)
    start, end = NOON, NOON + timedelta(days=1)
    series = (await readings.field_rows(database, ORG, SITE, "battery_charge_w", start, end, FOREVER))["solark"]
    rolled = (await readings.field_rollups(database, ORG, SITE, "battery_charge_w", start, end))["solark"]
    assert len(rolled) == 24
    begin_s, end_s = start.timestamp(), end.timestamp()
    seconds = sum(r.covered_s for r in rolled)
    assert seconds == covered_s(series, begin_s, end_s) == 86_400
    assert sum(r.mean * r.covered_s for r in rolled) / seconds == pytest.approx(
        time_weighted_mean(series, begin_s, end_s)
    )
    for part in ("positive", "negative"):
        of_hours = sum(getattr(r, f"{part}_mean") * r.covered_s for r in rolled) / 3.6e6
        assert of_hours == pytest.approx(energy_kwh(series, begin_s, end_s, part))
    assert max(r.maximum for r in rolled) == max(r.battery_charge_w or 0 for r in rows)


async def test_a_late_row_changes_the_hour_before_it_too(database: Database) -> None:
    five = timedelta(minutes=5)
    rows = [reading(NOON + five * n, solar_w=1000.0) for n in range(36) if n != 12]  # 13:00 is missing
    await readings.upsert(database, ORG, rows)

    async def covered() -> list[float]:
        found = await readings.field_rollups(database, ORG, SITE, "solar_w", NOON, NOON + timedelta(hours=3))
        return [r.covered_s for r in found["solark"]]

    assert await covered() == [3900, 3300, 3600]  # 12:55 stands until 13:05
    await readings.upsert(database, ORG, [reading(NOON + five * 12, solar_w=1000.0)])
    assert await covered() == [3600, 3600, 3600]


async def test_a_gap_is_not_covered(database: Database) -> None:
    minutes = [*range(0, 30, 5), *range(180, 240, 5)]
    await readings.upsert(database, ORG, [reading(NOON + timedelta(minutes=m), solar_w=500.0) for m in minutes])
    found = await readings.field_rollups(database, ORG, SITE, "solar_w", NOON, NOON + timedelta(hours=6))
    assert [(r.start_s - int(NOON.timestamp()), r.covered_s) for r in found["solark"]] == [(0, 1800), (10800, 3600)]


async def test_a_value_corrected_to_unknown_takes_its_rollup_away(database: Database) -> None:
    await readings.upsert(database, ORG, [reading(NOON, solar_w=5.0, soc_pct=50.0)])
    await readings.upsert(database, ORG, [reading(NOON, soc_pct=50.0)])
    assert {key[0] for key in await all_rollups(database)} == {"soc_pct"}


async def test_hourly_rows_cover_their_hours(database: Database) -> None:
    await readings.upsert(database, ORG, [reading(NOON + timedelta(hours=n), load_w=800.0) for n in range(6)])
    found = await readings.field_rollups(database, ORG, SITE, "load_w", NOON, NOON + timedelta(hours=6))
    assert [r.covered_s for r in found["solark"]] == [3600] * 6


@pytest.mark.parametrize("live_first", [True, False])
async def test_a_backfilled_report_never_overwrites_a_live_one(database: Database, live_first: bool) -> None:
    live = reading(NOON, solar_w=4000.0, soc_pct=61.0)
    filled = reading(NOON, solar_w=3900.0, load_w=700.0, quality=Quality.BACKFILLED)
    for row in (live, filled) if live_first else (filled, live):
        await readings.upsert(database, ORG, [row])
    kept = (await readings.latest(database, ORG, SITE, as_of=NOON))["solark"]
    assert (kept.solar_w, kept.soc_pct, kept.load_w, kept.quality) == (4000.0, 61.0, 700.0, Quality.GOOD)


async def test_rows_later_than_as_of_are_invisible_everywhere(database: Database) -> None:
    minute = timedelta(minutes=1)
    await readings.upsert(database, ORG, [reading(NOON + minute * n, load_w=float(n)) for n in range(180)])
    as_of = NOON + timedelta(minutes=90)
    assert (await readings.latest(database, ORG, SITE, as_of=as_of))["solark"].load_w == 90
    series = (await readings.field_rows(database, ORG, SITE, "load_w", NOON, FOREVER, as_of))["solark"]
    assert series.values[-1] == 90
    streamed = [r async for r in readings.stream(database, ORG, SITE, NOON, FOREVER, as_of)]
    assert len(streamed) == 91
    assert await readings.span(database, ORG, SITE, as_of=as_of) == (NOON, as_of)
    whole_hours = await readings.field_rollups(database, ORG, SITE, "load_w", NOON, FOREVER, as_of=as_of)
    assert [r.start_s for r in whole_hours["solark"]] == [int(NOON.timestamp())]
    just_over = NOON + timedelta(hours=2)
    found = await readings.field_rollups(database, ORG, SITE, "load_w", NOON, FOREVER, as_of=just_over)
    assert len(found["solark"]) == 2


async def test_sites_and_organisations_do_not_see_each_other(database: Database) -> None:
    await readings.upsert(database, ORG, [reading(NOON, load_w=1.0)])
    assert await readings.latest(database, ORG, "cabin", as_of=NOON) == {}
    assert await readings.latest(database, "other", SITE, as_of=NOON) == {}
    assert await readings.span(database, ORG, "cabin") is None
    assert await readings.field_rows(database, "other", SITE, "load_w", NOON, FOREVER, FOREVER) == {}


async def test_several_devices_come_separately_and_stream_in_the_order_of_time(database: Database) -> None:
    rows = day_of_rows(NOON, device="cerbo", hours=60) + day_of_rows(NOON, seed=9, hours=60)
    await readings.upsert(database, ORG, rows)
    assert await readings.devices(database, ORG, SITE) == ["cerbo", "solark"]
    series = await readings.field_rows(database, ORG, SITE, "soc_pct", NOON - timedelta(1), FOREVER, FOREVER)
    assert {device: s.times.size for device, s in series.items()} == {
        "cerbo": sum(r.device_id == "cerbo" for r in rows),
        "solark": sum(r.device_id == "solark" for r in rows),
    }
    streamed = [r async for r in readings.stream(database, ORG, SITE, NOON - timedelta(1), FOREVER, FOREVER)]
    keys = [(to_ms(r.taken_at), r.device_id) for r in streamed]
    assert keys == sorted((to_ms(r.taken_at), r.device_id) for r in rows)


async def test_rows_within_one_second_make_one_point(database: Database) -> None:
    quick = timedelta(milliseconds=250)
    await readings.upsert(database, ORG, [reading(NOON + quick * n, load_w=float(n)) for n in range(10)])
    series = (await readings.field_rows(database, ORG, SITE, "load_w", NOON, FOREVER, FOREVER))["solark"]
    assert series.values.tolist() == [3, 7, 9]
    assert series.cadence_s == median_cadence_s(series.times) == 1


async def test_a_flag_has_a_series_and_a_text_has_none(database: Database) -> None:
    await readings.upsert(database, ORG, [reading(NOON, grid_present=True), reading(NOON + timedelta(1))])
    series = await readings.field_rows(database, ORG, SITE, "grid_present", NOON, FOREVER, FOREVER)
    assert series["solark"].values.tolist() == [1.0]
    with pytest.raises(ValueError, match="inverter_state"):
        await readings.field_rows(database, ORG, SITE, "inverter_state", NOON, FOREVER, FOREVER)


async def test_bulk_writing_is_fast_enough(database: Database) -> None:
    rows = [reading(NOON + timedelta(minutes=n), **dict.fromkeys(NUMERIC_FIELDS, float(n % 90))) for n in range(10_000)]
    begun = time.process_time()
    await readings.upsert(database, ORG, rows)
    assert len(rows) / (time.process_time() - begun) >= 5_000  # a second of the processor's; benchmarks has the clock's


def test_a_rollup_row_has_the_columns_of_the_table() -> None:
    assert len(Rollup.__slots__) == len(rollups.c) - 4


@pytest.mark.parametrize("after_ms", [0, 1, 3, 6, 10, 15, 20, 30, 50, 80])
async def test_a_bulk_write_cancelled_anywhere_locks_nobody_out(database: Database, after_ms: int) -> None:
    rows = [reading(NOON + timedelta(seconds=10 * n), load_w=float(n)) for n in range(12_000)]
    writing = asyncio.create_task(readings.upsert(database, ORG, rows))
    await asyncio.sleep(after_ms / 1000)
    writing.cancel()
    [outcome] = await asyncio.gather(writing, return_exceptions=True)
    assert isinstance(outcome, asyncio.CancelledError)  # kept: its traceback holds what was open
    async with asyncio.timeout(5):
        assert await readings.upsert(database, "other", rows[:10]) == 10
    assert await readings.span(database, ORG, SITE) is None
