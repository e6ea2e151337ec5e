"""From a GX's MQTT push to the message leaving for Telegram.

`python -m benchmarks.alert_speed [--rounds N]`. A virtual GX on a real broker (mosquitto where there is one), the
connector, the worker's listening and watching, SQLite, Redis, the courier and Telegram's client share one process here
with the Telegram double; so each figure holds the work of all of them. Each round passes the threshold of somebody's
own rule. A push is what the connector makes of the messages: a reading each `poll_interval_s` (10 s without it), and at
once where something big changes. Rounds with a reading each second show the way from a reading; rounds at the usual
pace, each a jump of more than 1 kW, the whole way from the change inside the GX.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
from connectors.victron.news import Allowance
from energy.alerts.custom import CustomRule, parse_custom
from energy.reading import Reading
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
QUICK_READINGS_S = 1.0
EARLY_EACH_S = Allowance().each_s
WITHIN_S = 30.0


class Real:
    """The real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class Heard:
    """A GX's connector that notes when a reading with so much sun comes for the first time."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self.at: dict[float, float] = {}  # by its solar power (W), seconds of the performance counter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._device, name)

    async def readings(self) -> AsyncIterator[Reading]:
        async with aclosing(self._device.readings()) as readings:
            async for reading in readings:
                if reading.solar_w is not None:
                    self.at.setdefault(reading.solar_w, time.perf_counter())
                yield reading


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
) -> AsyncIterator[tuple[StillSite, TelegramApi, Heard]]:
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
        device = Heard(connect(site, site.device[0], DeviceSecrets()))
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
            asyncio.create_task(listen(work, device)),  # type: ignore[arg-type]  # it has all the rest
            asyncio.create_task(keep_watching(work, stop)),
            asyncio.create_task(courier.run()),
        ]
        try:
            async with asyncio.timeout(WITHIN_S):
                while "cerbo" not in work.answered_at:
                    await asyncio.sleep(0.05)
            yield still, api, device
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def measured_ms(
    folder: Path, rounds: int, readings_every_s: float | None = QUICK_READINGS_S
) -> list[tuple[float, float]]:
    """Milliseconds of each round, from the push and from the change; None is the pace of a GX without settings."""
    dice, taken = random.Random(1), []
    async with _at_work(folder, rounds, readings_every_s) as (still, api, heard):
        await asyncio.sleep(2.0)
        for number in range(rounds):
            if readings_every_s is None:
                still.state = sunny(3_000)
                await asyncio.sleep(2 * EARLY_EACH_S)  # it goes down and up: two early readings
            await asyncio.sleep(dice.uniform(1.0, 2.0))
            began, solar_w = time.perf_counter(), threshold_w(number) + 50
            still.state = sunny(solar_w)
            await api.wait_for(number + 1, timeout_s=WITHIN_S)
            assert [each.chat_id for each in api.sent] == [FIRST_CHAT + n for n in range(number + 1)]
            left = api.sent[-1].at
            taken.append(((left - heard.at[solar_w]) * 1_000, (left - began) * 1_000))
    return taken


def main() -> int:
    """Print the table; 1 when the target is missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=40)
    asked = arguments.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="alert-speed-") as folder:
        quick = asyncio.run(measured_ms(_made(Path(folder) / "quick"), asked.rounds))
        usual = asyncio.run(measured_ms(_made(Path(folder) / "usual"), max(asked.rounds // 5, 3), None))
    print(f"broker: {'mosquitto' if MOSQUITTO else 'amqtt'}; {len(quick)} rounds with a reading each second, ", end="")
    print(f"{len(usual)} jumps at the usual pace of 10 s")
    pushed, changed = [each for each, _ in (*quick, *usual)], [each for _, each in usual]
    return print_table(
        "Until the message leaves for Telegram",
        [
            Row("from the reading, median", statistics.median(pushed), "ms", 1_000),
            Row("from the reading, 95 % within", _p95(pushed), "ms", 1_000),
            Row("from the jump in the GX, median", statistics.median(changed), "ms", 1_000),
            Row("from the jump in the GX, 95 % within", _p95(changed), "ms", 1_000),
        ],
    )


def _p95(values: list[float]) -> float:
    return sorted(values)[max(math.ceil(0.95 * len(values)) - 1, 0)]


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o755)
    return folder


if __name__ == "__main__":
    sys.exit(main())
