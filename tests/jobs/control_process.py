"""A worker with a relay as a process of its own: `... DATABASE_URL REDIS_URL RELAY_HOST:PORT TIMER_S`."""

from __future__ import annotations

import asyncio
import signal
import sys

from connectors.device import DeviceSecrets
from connectors.registry import connect
from jobs.work import Work
from jobs.worker import run_worker
from store.database import Database
from store.wake import Wake
from tests.jobs.ranch import QUICK, ranch_site, without


async def main(database_url: str, redis_url: str, relay: str, timer_s: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    database = await Database.open(database_url)
    host, _, port = relay.partition(":")
    site = ranch_site(timer_s=float(timer_s))
    garage = next(device for device in site.device if device.id == "garage")
    opened = connect(site, garage.model_copy(update={"host": host, "port": int(port)}), DeviceSecrets())
    wake = Wake(redis_url, "test")
    work = Work(
        database=database,
        site=site,
        polled={},
        streamed={},
        weather=None,
        switched={"garage": opened},  # type: ignore[dict-item]  # a relay
        wake=wake,
        pace=without(QUICK, call_s=8.0, tick_s=1.0),
        backfill_days=0,
    )
    await run_worker(work, redis_url, stop)
    await opened.close()
    await wake.close()
    await database.close()
    print("ended", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
