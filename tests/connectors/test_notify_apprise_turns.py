"""Push services through apprise: who waits for whom, how many are told, and how long a message may be."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connectors.notify.apprise_way import AppriseSender
from connectors.notify.sender import Delivered, Later, Never, OutMessage
from tests.doubles.webhook_sink import webhook_sink

HERE = ("127.0.0.1", "localhost")
INFO = OutMessage("Info", "Words.", "info", "outbox:1")
ALERT = OutMessage("CRITICAL: Battery at 28 %", "Stop the miners.", "critical", "outbox:2")


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """Takes every connection and never answers."""
    held: list[asyncio.StreamWriter] = []

    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in held:
            writer.close()


async def test_a_message_of_one_line_is_sent() -> None:
    async with webhook_sink() as sink:
        message = OutMessage("This is a test.", "", "info", "outbox:1")
        outcome = await AppriseSender(HERE).send(f"ntfy://127.0.0.1:{sink.port}/ranch", message)
    assert outcome == Delivered()
    assert json.loads(sink.posted[0].body)["message"] == "This is a test."


async def test_a_server_that_does_not_answer_holds_up_neither_what_is_critical_nor_other_hosts() -> None:
    async with silent_server() as port, webhook_sink() as sink:
        sender = AppriseSender(HERE)
        waiting = [
            asyncio.create_task(sender.send(f"ntfy://127.0.0.1:{port}/t{number}", message))
            for number in range(3)
            for message in (INFO, ALERT)
        ]
        await asyncio.sleep(0.2)
        outcomes = await asyncio.wait_for(
            asyncio.gather(*(sender.send(f"ntfy://localhost:{sink.port}/ranch", each) for each in (INFO, ALERT))), 15
        )
        for task in waiting:
            task.cancel()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert outcomes == [Delivered(), Delivered()]
    assert sum(isinstance(each, Later | asyncio.CancelledError) for each in ended) == len(ended)


async def test_who_waits_too_long_for_a_turn_is_told_later() -> None:
    async with silent_server() as port:
        sender = AppriseSender(HERE, wait_s=0.3)
        first = asyncio.create_task(sender.send(f"ntfy://127.0.0.1:{port}/ranch", ALERT))
        await asyncio.sleep(0.1)
        outcome = await asyncio.wait_for(sender.send(f"ntfy://127.0.0.1:{port}/ranch", ALERT), 5)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert isinstance(outcome, Later)
    assert "wait" in outcome.reason


async def test_an_address_with_several_recipients_is_a_dead_end_before_anybody_hears_it() -> None:
    async with webhook_sink() as sink:
        outcome = await AppriseSender(HERE).send(f"rocket://u:p@127.0.0.1:{sink.port}/one/two", INFO)
    assert isinstance(outcome, Never)
    assert outcome.dead
    assert "2 recipients" in outcome.reason
    assert sink.posted == []


async def test_a_host_named_by_an_option_is_not_called_without_encryption() -> None:
    outcome = await AppriseSender().send("ntfy://ann:pw@public.example?mode=private&to=topic", INFO)
    assert isinstance(outcome, Never)
    assert "without encryption" in outcome.reason


async def test_what_is_too_long_for_the_service_is_cut() -> None:
    async with webhook_sink() as sink:
        sender = AppriseSender((), pushover_api_url=f"http://127.0.0.1:{sink.port}")
        target = "pover://" + "u" * 30 + "@" + "t" * 30
        await sender.send(target, OutMessage("Title", "y" * 6000, "info", "k"))
    assert 900 < len(sink.posted[0].body) < 1500


READING = """
import sys
from connectors.notify.apprise_child import Guarded, guarded
import certifi, json
guarded()
for path in [certifi.where(), json.__file__, *sys.argv[1:]]:
    try:
        open(path).close()
    except Guarded:
        print("held")
    except OSError:
        print("away")
    else:
        print("read")
"""


@pytest.mark.parametrize("ours", ["commandcenter.toml", "store/database.py", "connectors-old/secret"])
async def test_the_guard_lets_it_read_python_and_certificates_and_nothing_of_ours(ours: str) -> None:
    here = Path.cwd()
    run = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-W", "ignore", "-c", READING, str(here / ours), str(here / "energy/units.py")],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(here)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.stdout.split() == ["read", "read", "held", "read"], run.stderr
