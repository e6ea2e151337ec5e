"""A watch as a process of its own: `python -m tests.jobs.watch_process DATABASE_URL FROM_S UNTIL_S`, as fast as it can.

The battery is low for ten minutes of every half hour, counted from `NOON`; a step is twenty seconds.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from store.database import Database
from tests.jobs.lookout import NOON, Lookout

LOW_S, EVERY_S = 600, 1_800


async def main(database_url: str, from_s: str, until_s: str) -> None:
    database = await Database.open(database_url)
    lookout = Lookout(database)
    print("ready", flush=True)
    for step_s in range(int(from_s), int(until_s), 20):
        lookout.at = NOON + timedelta(seconds=step_s)
        lookout.elapsed_s = float(step_s)
        await lookout.hears(soc_pct=20.0 if step_s % EVERY_S < LOW_S else 70.0)
        await lookout.watch.round()
    await lookout.watch.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
