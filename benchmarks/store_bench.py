"""How fast the database is with a year of 1-minute readings of one device, in a real file.

python -m benchmarks.store_bench            # a year (525,600 rows)
python -m benchmarks.store_bench --days 30  # quicker
"""

from __future__ import annotations

import argparse
import asyncio
import math
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from energy.periods import Period
from energy.reading import Reading
from energy.site import Site
from services.history import Bucketing, buckets
from services.scope import Scope
from store import readings
from store.database import Database, sqlite_url

END = datetime(2026, 6, 1, tzinfo=UTC)
ORG, SITE = "home", "ranch"
MINUTE = timedelta(minutes=1)


def year(days: int) -> list[Reading]:
    """`days` of 1-minute readings of one inverter until END."""
    found = []
    for minute in range(days * 1440):
        sun = max(0.0, math.sin((minute % 1440) / 1440 * 2 * math.pi - math.pi / 2))
        solar_w, load_w = 11_000 * sun, 1_800.0 + minute % 700
        found.append(
            Reading(
                site_id=SITE,
                source="solark",
                device_id="solark",
                taken_at=END - MINUTE * (days * 1440 - minute),
                soc_pct=50 + 30 * sun,
                battery_charge_w=solar_w - load_w,
                solar_w=solar_w,
                load_w=load_w,
                grid_import_w=0.0,
                generator_w=0.0,
                battery_voltage_v=51.0 + sun,
                battery_temperature_c=21.0 + 4 * sun,
                miner_w=float(minute % 2) * 3_250,
                grid_present=False,
                inverter_state="normal",
                fault_codes=(),
            )
        )
    return found


async def median_ms(work: Callable[[], Awaitable[object]], times: int = 21) -> float:
    """The median of `times` runs after one that warms up."""
    await work()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        await work()
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


async def measure(days: int, folder: Path) -> list[tuple[str, float, str, float]]:
    """(what, figure, unit, target) for each line of the table."""
    made = year(days)
    database = await Database.open(sqlite_url(folder / "bench.db"), migrate=True)
    try:
        begun = time.perf_counter()
        for start in range(0, len(made), 20_000):
            await readings.upsert(database, ORG, made[start : start + 20_000])
        stored_per_s = len(made) / (time.perf_counter() - begun)
        last = made[-min(20_000, len(made)) :]
        begun = time.perf_counter()
        changed = await readings.upsert(database, ORG, last)
        same_per_s = len(last) / (time.perf_counter() - begun)
        assert changed == 0
        later = iter(
            Reading(site_id=SITE, source="solark", device_id="solark", taken_at=END + MINUTE * n, solar_w=1.0)
            for n in range(1_000)
        )

        async def rows(length: timedelta) -> object:
            return await readings.field_rows(database, ORG, SITE, "solar_w", END - length, END, END)

        async def rolled(length: timedelta) -> object:
            return await readings.field_rollups(database, ORG, SITE, "solar_w", END - length, END)

        site = Site(id=SITE, timezone="America/Los_Angeles")
        scope = Scope(database=database, site=site, as_of=END)

        async def sums(days_back: int, by: Bucketing) -> object:
            return await buckets(scope, "solar_w", Period(END - timedelta(days=days_back), END, "bench"), by)

        day, month, whole = timedelta(days=1), timedelta(days=30), timedelta(days=days)
        return [
            ("bulk upsert with rollups", stored_per_s, "rows/s", 5_000),
            ("the same rows again", same_per_s, "rows/s", 5_000),
            ("one live reading", await median_ms(lambda: readings.upsert(database, ORG, [next(later)])), "ms", 20),
            ("newest reading", await median_ms(lambda: readings.latest(database, ORG, SITE, as_of=END)), "ms", 5),
            ("last 24 h of a field, rows", await median_ms(lambda: rows(day)), "ms", 10),
            ("7 days of a field, rows", await median_ms(lambda: rows(7 * day)), "ms", 100),
            ("30 days of a field, hourly", await median_ms(lambda: rolled(month)), "ms", 30),
            (f"{days} days of a field, hourly", await median_ms(lambda: rolled(whole)), "ms", 50),
            ("30 days as hourly sums", await median_ms(lambda: sums(30, "hour")), "ms", 30),
            (f"{days} days as daily sums", await median_ms(lambda: sums(days, "day")), "ms", 50),
        ]
    finally:
        await database.close()


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--days", type=int, default=365)
    days = arguments.parse_args().days
    with tempfile.TemporaryDirectory() as folder:
        table = asyncio.run(measure(days, Path(folder)))
        size_mb = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
    print(f"{days * 1440:,} readings of one device, 1 minute apart, SQLite; medians of 21 runs")
    print(f"{'':32} {'measured':>14} {'target':>14}")
    for what, figure, unit, target in table:
        sign = ">=" if unit == "rows/s" else "<="
        print(f"{what:32} {figure:>7,.{0 if unit == 'rows/s' else 1}f} {unit:6} {sign:>4} {target:,.0f} {unit}")
    print(f"{'size on disk':32} {size_mb:>7,.0f} MB")


if __name__ == "__main__":
    main()
