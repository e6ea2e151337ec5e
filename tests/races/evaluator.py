"""A worker that carries a site's alerts on, as a process of its own: `python -m tests.races.evaluator DATABASE_URL`.

Each line that it reads is a moment and whether the grid is away then; it says how many transitions it made of that.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime

from energy.alerts.rule import Signal
from energy.alerts.table import BY_ID
from energy.site import Grid, Site
from services.watching import Watching
from store.database import Database

ORG = "home"
OUTAGE = BY_ID["grid_outage"]
RANCH = Site(id="ranch", timezone="America/Los_Angeles", grid=Grid(present=True))


async def main(url: str) -> None:
    database = await Database.open(url)
    watching = Watching(database, ORG, RANCH)
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        moment, away = line.split()
        now = datetime.fromisoformat(moment)
        signal = Signal(rule_id=OUTAGE.id, active=away == "away", taken_at=now, what="The grid is away.")
        events = await watching.carry_on([(OUTAGE, signal)], now)
        print(len(events), flush=True)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
