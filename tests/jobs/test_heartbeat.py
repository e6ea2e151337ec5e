"""The dead man's switch: called while all works, silent and loud about it when something does not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import text
from structlog.testing import capture_logs

from connectors.notify.ping import HeartbeatUrlWrong, Ping
from jobs.heartbeat import GRACE_S, Heart, keep_heartbeat
from store import outbox
from store.database import Database
from store.heartbeats import beat
from store.outbox import NewEntry
from tests.connectors.serving import closed_port, serving
from tests.jobs.stage import until, work_of

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PARTS = ("poll:ranch", "evaluate:ranch", "deliver:ranch")


@dataclass
class Calls:
    """The service, as far as the heart knows it."""

    heard: list[str] = field(default_factory=list)
    trouble: str | None = None

    async def alive(self) -> str | None:
        self.heard.append("alive")
        return self.trouble

    async def failing(self) -> str | None:
        self.heard.append("failing")
        return self.trouble


@dataclass
class Clock:
    now: datetime = START
    ran_s: float = 1_000.0

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.ran_s += seconds


async def heart_of(database: Database, clock: Clock, calls: Calls, *, delivers: bool = True) -> Heart:
    work = work_of(database, clock=lambda: clock.now, monotonic=lambda: clock.ran_s)
    heart = Heart(work, calls, delivers=delivers)
    clock.forward(GRACE_S + 1)
    return heart


async def beats(database: Database, clock: Clock, parts: Sequence[str] = PARTS) -> None:
    for part in parts:
        await beat(database, "home", part, clock.now)


async def test_it_is_called_while_polling_evaluating_and_delivering_are_fresh(database: Database) -> None:
    clock, calls = Clock(), Calls()
    heart = await heart_of(database, clock, calls)
    for _ in range(3):
        await beats(database, clock)
        assert await heart.beat()
        clock.forward(60)
    assert calls.heard == ["alive"] * 3


@pytest.mark.parametrize("dead", PARTS)
async def test_one_part_that_stands_still_ends_the_calls_and_is_named_once(database: Database, dead: str) -> None:
    clock, calls = Clock(), Calls()
    heart = await heart_of(database, clock, calls)
    await beats(database, clock)
    assert await heart.beat()
    clock.forward(130)
    await beats(database, clock, [part for part in PARTS if part != dead])
    with capture_logs() as logs:
        for _ in range(3):
            assert not await heart.beat()
    (stopped,) = [each for each in logs if each["event"] == "heartbeat_stopped"]
    assert list(stopped["down"]) == [dead.partition(":")[0]]
    assert calls.heard == ["alive", "failing"]
    await beats(database, clock)
    with capture_logs() as logs:
        assert await heart.beat()
    assert [each["event"] for each in logs] == ["heartbeat_resumed"]


async def test_a_message_that_nobody_takes_up_is_a_courier_that_stands_still(database: Database) -> None:
    clock, calls = Clock(), Calls()
    heart = await heart_of(database, clock, calls)
    await outbox.add(database, "home", NewEntry(site_id="ranch", level="info", text="x"), now=clock.now)
    clock.forward(60)
    await beats(database, clock)
    assert await heart.beat()
    clock.forward(70)
    await beats(database, clock)
    assert not await heart.beat()


async def test_a_message_of_another_site_is_nothing_to_this_one(database: Database) -> None:
    clock, calls = Clock(), Calls()
    heart = await heart_of(database, clock, calls)
    await outbox.add(database, "home", NewEntry(site_id="old-name", level="info", text="x"), now=clock.now)
    clock.forward(86_400)
    await beats(database, clock)
    assert await heart.beat()
    clock.forward(8 * 86_400)
    assert await outbox.strand(database, "home", but="ranch", due_before=clock.now, now=clock.now) == 1
    assert len(await outbox.dead(database, "home", "old-name")) == 1


async def test_a_critical_message_that_reaches_nobody_is_no_delivery(database: Database) -> None:
    clock, calls = Clock(), Calls()
    heart = await heart_of(database, clock, calls)
    alarm = NewEntry(site_id="ranch", level="critical", kind="alert", message_id=7, text="x", person_id="p")
    await outbox.add(database, "home", alarm, now=clock.now)
    lived = []
    for _ in range(8):
        (entry,) = await outbox.claim_due(database, "home", clock.now, site_id="ranch")
        again_at = clock.now + timedelta(seconds=130)
        await outbox.failed(database, "home", entry.outbox_id, "token revoked", now=clock.now, next_try_at=again_at)
        await beats(database, clock)
        lived.append(await heart.beat())
        clock.forward(131)
    assert lived == [True] * 5 + [False] * 3
    await outbox.add(database, "home", alarm, now=clock.now)
    other = max(each.outbox_id for each in await outbox.claim_due(database, "home", clock.now))
    await outbox.sent(database, "home", other, now=clock.now)  # somebody else heard it
    await beats(database, clock)
    assert await heart.beat()


async def test_without_a_chat_there_is_no_courier_to_wait_for(database: Database) -> None:
    clock, calls = Clock(), Calls()
    heart = await heart_of(database, clock, calls, delivers=False)
    await beats(database, clock, ["poll:ranch", "evaluate:ranch"])
    assert await heart.beat()


async def test_a_start_is_given_time_and_says_nothing_either_way(database: Database) -> None:
    clock, calls = Clock(), Calls()
    work = work_of(database, clock=lambda: clock.now, monotonic=lambda: clock.ran_s)
    heart = Heart(work, calls, delivers=True)
    assert not await heart.beat()
    assert calls.heard == []
    clock.forward(GRACE_S + 1)
    assert not await heart.beat()
    assert calls.heard == ["failing"]


async def test_one_stale_look_alone_raises_no_alarm(database: Database) -> None:
    clock, calls = Clock(), Calls()
    heart = await heart_of(database, clock, calls)
    await beats(database, clock)
    clock.now += timedelta(hours=1)  # the clock was set: every sign is an hour old, until the next ones
    with capture_logs() as logs:
        assert not await heart.beat()
        await beats(database, clock)
        assert await heart.beat()
    assert (calls.heard, logs) == (["alive"], [])


async def test_an_alarm_that_was_not_heard_is_raised_again_until_it_is(database: Database) -> None:
    clock, calls = Clock(), Calls(trouble="the heartbeat service cannot be reached")
    heart = await heart_of(database, clock, calls)
    for _ in range(4):
        assert not await heart.beat()
    assert calls.heard == ["failing"] * 3
    calls.trouble = None
    for _ in range(3):
        assert not await heart.beat()
    assert calls.heard == ["failing"] * 4


async def test_a_clock_that_was_set_back_stops_nothing(database: Database) -> None:
    clock, calls = Clock(), Calls()
    heart = await heart_of(database, clock, calls)
    await beats(database, clock)
    clock.now -= timedelta(hours=1)
    assert await heart.beat()


async def test_a_service_that_is_away_is_logged_once(database: Database) -> None:
    clock, calls = Clock(), Calls(trouble="the heartbeat service cannot be reached")
    heart = await heart_of(database, clock, calls)
    with capture_logs() as logs:
        for _ in range(3):
            await beats(database, clock)
            await heart.beat()
        calls.trouble = None
        await heart.beat()
    assert [each["event"] for each in logs] == ["heartbeat_not_heard", "heartbeat_heard_again"]


async def test_a_database_in_trouble_is_a_reason_not_to_call(database: Database) -> None:
    calls, stop = Calls(), asyncio.Event()
    work = work_of(database)
    async with database.begin() as connection:
        await connection.execute(text("DROP TABLE heartbeats"))
    task = asyncio.create_task(keep_heartbeat(work, calls, stop, delivers=False))
    await until(lambda: bool(work.surprises._known))
    stop.set()
    await asyncio.wait_for(task, 5)
    assert calls.heard == []


async def test_the_call_is_a_get_of_the_address_and_of_fail() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(text="OK")

    async with serving(handle) as server:
        ping = Ping(f"{server.url}/0b1c-uuid/?rid=1")
        assert await ping.reachable() is None
        assert await ping.alive() is None
        assert await ping.failing() is None
        await ping.close()
    assert server.asked == ["HEAD /", "GET /0b1c-uuid", "GET /0b1c-uuid/fail"]


@pytest.mark.parametrize("status", [404, 500])
async def test_what_the_service_answers_is_told_without_the_secret(status: int) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    async with serving(handle) as server:
        ping = Ping(f"{server.url}/0b1c-uuid")
        said: Any = await ping.alive()
        await ping.close()
    assert str(status) in said
    assert "0b1c" not in said
    away = Ping(f"http://127.0.0.1:{await closed_port()}/0b1c-uuid")
    said = await away.alive()
    await away.close()
    assert "cannot be reached" in said
    assert "0b1c" not in said


@pytest.mark.parametrize("url", ["http://example.org/x", "example.org", "https://", "ftp://127.0.0.1/", "https://[x"])
def test_an_address_that_would_tell_everybody_or_is_none_is_refused(url: str) -> None:
    with pytest.raises(HeartbeatUrlWrong, match="HEARTBEAT_URL"):
        Ping(url)
