"""A worker as a process of its own: `python -m tests.jobs.worker_process DATABASE_URL REDIS_URL LEASE_S`."""

from __future__ import annotations

import asyncio
import signal
import sys

from jobs.worker import run_worker
from store.database import Database
from tests.jobs.stage import Meter, Talker, work_of


async def main(database_url: str, redis_url: str, lease_s: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    database = await Database.open(database_url)
    slow = Meter("one", takes_s=1.2)  # is being read when the signal comes
    work = work_of(database, slow, Talker("talker"), lease_s=float(lease_s))
    await run_worker(work, redis_url, stop)
    await database.close()
    print("drained", len(work.unsaved), len(work.being_read), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
