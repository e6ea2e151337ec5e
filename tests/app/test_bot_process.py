"""The bot's process where something around it is wrong: a platform's settings, the port of its web face."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from app.opening import opened_database, site_of
from app.processes import bot
from app.settings import Settings, settings_from
from tests.app.test_commands import cc
from tests.doubles.telegram_api import TelegramApi

ROOT = Path(__file__).resolve().parents[2]
WRONG_SLACK = {"SLACK_BOT_TOKEN": "xapp-mixed-up", "SLACK_APP_TOKEN": "xoxb-mixed-up"}
SAYS = "SLACK_BOT_TOKEN: must start with xoxb-"
WEBHOOK = {
    "TELEGRAM_BOT_TOKEN": "1:a",
    "TELEGRAM_API_BASE_URL": "http://127.0.0.1:9",
    "TELEGRAM_WEBHOOK_URL": "https://example.org/t",
    "TELEGRAM_WEBHOOK_SECRET": "x" * 32,
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "commandcenter.toml").write_text((ROOT / "commandcenter.toml").read_text(encoding="utf-8"), "utf-8")
    return tmp_path


@pytest.fixture
def taken_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield str(taken.getsockname()[1])


async def running(settings: Settings, logs: list[Any]) -> dict[str, Any]:
    """What /healthz says of a bot that runs with these settings; it is ended then."""
    stop = asyncio.Event()
    async with opened_database(settings, create=True) as database:
        site = await site_of(settings, database)
        task = asyncio.create_task(bot.run(settings, database, site, stop))
        try:
            async with asyncio.timeout(40), httpx.AsyncClient() as client:
                while True:
                    url = next((entry["url"] for entry in logs if entry["event"] == "web_face_ready"), None)
                    report: dict[str, Any] = (await client.get(url)).json() if url else {}
                    if report.get("adapters", {}).get("telegram", {}).get("ready"):
                        return report
                    assert not task.done()
                    await asyncio.sleep(0.05)
        finally:
            stop.set()
            await task


async def test_a_mistyped_token_costs_its_platform_alone_and_is_told_once(data: Path) -> None:
    async with TelegramApi() as telegram:
        tokens = WRONG_SLACK | {"TELEGRAM_BOT_TOKEN": telegram.token, "TELEGRAM_API_BASE_URL": telegram.url}
        settings = settings_from(data=data, environment=tokens | {"WEB_PORT": "0", "TELEGRAM_LONG_POLL_TIMEOUT_S": "1"})
        with capture_logs() as logs:
            report = await running(settings, logs)
    assert report["ok"] is False
    assert report["adapters"]["slack"]["ready"] is False
    assert report["adapters"]["slack"]["trouble"].startswith(SAYS)
    (told,) = [entry for entry in logs if entry["event"] == "platform_not_started"]
    assert (told["log_level"], told["platform"]) == ("error", "slack")
    assert told["reason"].startswith(SAYS)


def test_the_host_commands_work_in_spite_of_a_mistyped_token(data: Path) -> None:
    assert "Send this code" in cc("pair", "--data", str(data), code=0, **WRONG_SLACK).stdout
    assert "nobody yet" in cc("people", "--data", str(data), code=0, **WRONG_SLACK).stdout


@pytest.mark.parametrize(
    ("role", "environment", "said"),
    [("web", {}, "--role web does nothing else"), ("bot", WEBHOOK, "/webhooks/telegram")],
)
def test_a_taken_port_ends_what_needs_it(
    data: Path, taken_port: str, role: str, environment: dict[str, str], said: str
) -> None:
    done = cc("run", "--role", role, "--data", str(data), code=1, WEB_PORT=taken_port, **environment)
    assert f"WEB_PORT: 127.0.0.1:{taken_port} is taken" in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_taken_port_does_not_end_a_bot_that_nobody_calls(data: Path, taken_port: str) -> None:
    settings = settings_from(data=data, environment={"WEB_PORT": taken_port})
    stop = asyncio.Event()
    async with opened_database(settings, create=True) as database:
        site = await site_of(settings, database)
        with capture_logs() as logs:
            task = asyncio.create_task(bot.run(settings, database, site, stop))
            async with asyncio.timeout(40):
                while not any(entry["event"] == "web_face_not_served" for entry in logs):
                    assert not task.done()
                    await asyncio.sleep(0.05)
            await asyncio.sleep(0.3)
            assert not task.done()
            stop.set()
            await task
