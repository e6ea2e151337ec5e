"""What watching a thousand sites once a minute costs one worker, with reading what the rules look at and writing state.

`python -m benchmarks.alert_load [--sites N] [--minutes N]`. Every site has three devices, three miners and a history of
half an hour in one SQLite database; a new reading comes each minute. One site in ten has a battery that crosses its
limit now and then, so that episodes, transitions, messages and outbox entries are written. Storing the readings is
another job's work and stands beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from benchmarks.alert_house import ORG, ledger
from benchmarks.alert_noise import SITE, true_soc
from benchmarks.table import Row, print_table
from energy.alerts.table import RULES
from energy.reading import Reading
from energy.site import Site
from jobs.storing import store
from jobs.watching import Watch
from jobs.work import Work
from store import people, readings
from store.database import Database, sqlite_url

START = datetime(2026, 6, 1, 18, tzinfo=UTC)
HISTORY_MIN = 30
OWNERS = 20
TARGET_PCT = 30.0


@dataclass
class Clock:
    """A time that the benchmark moves."""

    at: datetime = START

    def now(self) -> datetime:
        """The time there."""
        return self.at

    def seconds(self) -> float:
        """The same, for spans."""
        return (self.at - START).total_seconds()


def reading(site: Site, number: int, at: datetime, dice: random.Random) -> Reading:
    """What the GX of that site says at that moment."""
    minute = (number * 97 + int((at - START).total_seconds() // 60)) % 1_440
    solar_w, load_w = 9_000 + dice.gauss(0, 300), 1_500 + dice.gauss(0, 100)
    return Reading(
        site_id=site.id,
        source="victron",
        device_id="cerbo",
        taken_at=at,
        soc_pct=true_soc(minute) + dice.gauss(0, 0.7) if number % 10 == 0 else 70.0,
        solar_w=solar_w,
        load_w=load_w,
        battery_charge_w=solar_w - load_w,
        grid_import_w=0.0,
        generator_w=0.0,
        battery_voltage_v=53.0 + dice.gauss(0, 0.1),
        battery_temperature_c=21.0,
        miner_w=0.0,
        grid_present=True,
        inverter_state="inverting",
        fault_codes=(),
    )


async def _settled(database: Database, sites: Sequence[Site], dice: random.Random) -> None:
    """Owners, each of some sites, and half an hour of history."""
    async with database.begin() as connection:
        for number in range(OWNERS):
            person_id = await people.create_in(connection, ORG, f"Owner {number}", now=START)
            for site in sites[number::OWNERS]:
                await people.grant_in(connection, ORG, site.id, person_id, "owner", granted_by=None, now=START)
    for minute in range(HISTORY_MIN):
        at = START - timedelta(minutes=HISTORY_MIN - minute)
        await readings.upsert(database, ORG, [reading(site, n, at, dice) for n, site in enumerate(sites)])


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds per minute: of the looks, of storing what they look at; and transitions that were written."""

    looks_s: float
    storing_s: float
    transitions: int
    first_s: float


async def cost(folder: Path, count: int, minutes: int) -> Cost:
    """Watch so many sites for so many minutes."""
    dice, clock = random.Random(1), Clock()
    sites = [SITE.model_copy(update={"id": f"site-{number:04}"}) for number in range(count)]
    database = await Database.open(sqlite_url(folder / "commandcenter.db"), migrate=True)
    try:
        await _settled(database, sites, dice)
        works = [
            Work(
                database=database,
                site=site,
                polled={},
                streamed={},
                weather=None,
                clock=clock.now,
                monotonic=clock.seconds,
            )
            for site in sites
        ]
        watches = [Watch(work) for work in works]
        looks, storing = [], []
        for _ in range(minutes + 1):
            began = time.process_time()
            for number, work in enumerate(works):
                await store(work, [reading(work.site, number, clock.at, dice)])
            stored = time.process_time()
            for watch in watches:
                await watch.round()
            storing.append(stored - began)
            looks.append(time.process_time() - stored)
            clock.at += timedelta(minutes=1)
        transitions = sum((await ledger(database)).happened.values())
    finally:
        await database.close()
    return Cost(sum(looks[1:]) / minutes, sum(storing[1:]) / minutes, transitions, looks[0])


def main() -> int:
    """Print the table; 1 when the target is missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sites", type=int, default=1_000)
    arguments.add_argument("--minutes", type=int, default=5)
    asked = arguments.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="alert-load-") as folder:
        found = asyncio.run(cost(Path(folder), asked.sites, asked.minutes))
    print(f"{asked.sites:,} sites, {len(RULES)} rules each, once a minute for {asked.minutes} min; ", end="")
    print(f"{found.transitions} transitions; the first look took {found.first_s:.1f} s in all")
    print(f"  storing a reading of each site: {found.storing_s / 60 * 100:.1f} % of one core")
    return print_table("Watching", [Row("one core", found.looks_s / 60 * 100, "%", TARGET_PCT)])


if __name__ == "__main__":
    sys.exit(main())
