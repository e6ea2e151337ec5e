"""From a GX's MQTT push to the message leaving for Telegram.

`python -m benchmarks.alert_speed [--rounds N]`. A virtual GX on a real broker (mosquitto where there is one), the
connector, the worker's listening and watching, SQLite, Redis, the courier and Telegram's client share one process here
with the Telegram double; so each figure holds the work of all of them. Each round passes the threshold of somebody's
own rule. It is measured from the change inside the GX, which looks twenty times a second.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import structlog
from pydantic import SecretStr

from app.chat_outgoing import StoredOutgoing
from app.chat_ports import StoredPlaces
from app.embedded_redis import embedded_redis
from benchmarks.alert_house import ORG, owners
from benchmarks.storm_processes import woken
from benchmarks.table import Row, print_table
from bot.courier import LOOK_EVERY_S, Courier
from bot.platforms.telegram.client import connect as connect_telegram
from bot.platforms.telegram.send import TelegramOutlet
from charts.render import render
from connectors.device import DeviceSecrets
from connectors.registry import connect
from energy.alerts.custom import CustomRule, parse_custom
from energy.site import Device, Grid, Site
from jobs.streaming import listen
from jobs.watching import keep_watching
from jobs.work import Work
from simulator.victron import Timings, serve_victron
from store import custom_alerts, people
from store.database import Database, sqlite_url
from store.wake import Wake
from tests.brokers import MOSQUITTO, any_broker
from tests.doubles.telegram_api import TelegramApi
from tests.victron_stage import PORTAL, Flows, Orders, StillSite

FIRST_CHAT = 2_000
TIMINGS = Timings(heartbeat_s=1.0, tick_s=0.05, reconnect_s=0.1)
QUICK_READINGS_S = 0.25
WITHIN_S = 30.0


class Real:
    """The real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def sunny(solar_w: float) -> Flows:
    """A balanced site with so much sun: what is too much is exported."""
    return Flows(solar_w_victron=solar_w, grid_import_w=3_800 - solar_w)


def threshold_w(number: int) -> float:
    """What the rule of that round waits for."""
    return 4_000 + 250.0 * number


async def _people_with_rules(database: Database, count: int) -> None:
    now = datetime.now(UTC)
    await owners(database, [("telegram", str(FIRST_CHAT + number)) for number in range(count)], now, site=_site(None))
    for number, person in enumerate(sorted(await people.list_people(database, ORG), key=lambda p: int(p.name[6:]))):
        rule = parse_custom(f"tell me when solar passes {threshold_w(number):.0f} W for 0 s")
        assert isinstance(rule, CustomRule), rule
        await custom_alerts.add(database, ORG, "ranch", person.person_id, rule, now)


def _site(readings_every_s: float | None, port: int = 1883) -> Site:
    gx = Device(
        id="cerbo",
        kind="victron_mqtt",
        host="127.0.0.1",
        port=port,
        portal_id=PORTAL,
        poll_interval_s=readings_every_s,
    )
    return Site(id="ranch", timezone="America/Los_Angeles", grid=Grid(present=True, export_allowed=True), device=(gx,))


@asynccontextmanager
async def _at_work(
    folder: Path, rounds: int, readings_every_s: float | None
) -> AsyncIterator[tuple[StillSite, TelegramApi]]:
    """The whole way, from the GX to the double."""
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(any_broker(folder))
        site = _site(readings_every_s, port)
        still = StillSite(site, sunny(3_000))
        gx = serve_victron(still, Real(), Orders(), broker=("127.0.0.1", port), timings=TIMINGS)
        await stack.enter_async_context(gx)
        database = await Database.open(sqlite_url(folder / "commandcenter.db"), migrate=True)
        stack.push_async_callback(database.close)
        await _people_with_rules(database, rounds)
        redis_url = await stack.enter_async_context(embedded_redis(folder))
        api = await stack.enter_async_context(TelegramApi())
        wake = Wake(redis_url, "storm")
        stack.push_async_callback(wake.close)
        device = connect(site, site.device[0], DeviceSecrets())
        stack.push_async_callback(device.close)
        stream = {"cerbo": device}
        work = Work(database=database, site=site, polled={}, streamed=stream, weather=None, wake=wake)  # type: ignore[arg-type]
        outlet = TelegramOutlet(connect_telegram(SecretStr(api.token), api.url))
        wait = await stack.enter_async_context(woken(redis_url, LOOK_EVERY_S))
        courier = Courier(
            StoredOutgoing(database, site, StoredPlaces(database, site)), {"telegram": outlet}, wait, render
        )
        stop = asyncio.Event()
        tasks = [
            asyncio.create_task(listen(work, device)),  # type: ignore[arg-type]
            asyncio.create_task(keep_watching(work, stop)),
            asyncio.create_task(courier.run()),
        ]
        try:
            async with asyncio.timeout(WITHIN_S):
                while "cerbo" not in work.answered_at:
                    await asyncio.sleep(0.05)
            yield still, api
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def measured_ms(folder: Path, rounds: int, readings_every_s: float | None = QUICK_READINGS_S) -> list[float]:
    """Milliseconds of each round; None is the pace of a GX that says nothing else in the settings."""
    dice, taken = random.Random(1), []
    async with _at_work(folder, rounds, readings_every_s) as (still, api):
        await asyncio.sleep(2.0)
        for number in range(rounds):
            await asyncio.sleep(dice.uniform(1.0, 2.0))
            began = time.perf_counter()
            still.state = sunny(threshold_w(number) + 50)
            await api.wait_for(number + 1, timeout_s=WITHIN_S)
            assert [each.chat_id for each in api.sent] == [FIRST_CHAT + n for n in range(number + 1)]
            taken.append((api.sent[-1].at - began) * 1_000)
    return taken


def main() -> int:
    """Print the table; 1 when the target is missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=40)
    asked = arguments.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="alert-speed-") as folder:
        quick = asyncio.run(measured_ms(_made(Path(folder) / "quick"), asked.rounds))
        usual = asyncio.run(measured_ms(_made(Path(folder) / "usual"), max(asked.rounds // 4, 3), None))
    print(f"broker: {'mosquitto' if MOSQUITTO else 'amqtt'}; {asked.rounds} rounds")
    print(f"  a reading each 10 s, as without poll_interval_s: median {statistics.median(usual):,.0f} ms, ", end="")
    print(f"longest {max(usual):,.0f} ms: how long a change waits for its reading")
    return print_table(
        f"MQTT push to the message leaving (poll_interval_s = {QUICK_READINGS_S})",
        [
            Row("median", statistics.median(quick), "ms", 1_000),
            Row("95 % within", sorted(quick)[max(round(0.95 * len(quick)) - 1, 0)], "ms", 1_000),
        ],
    )


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o755)
    return folder


if __name__ == "__main__":
    sys.exit(main())
