"""Push services through apprise, in its process: what goes out on the wire, and what the guard holds."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from connectors.notify.apprise_way import AppriseSender
from connectors.notify.sender import Delivered, Later, Never, OutMessage
from tests.connectors.serving import closed_port
from tests.doubles.webhook_sink import webhook_sink

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 50
ALERT = OutMessage("CRITICAL: Battery at 28 %", "What to do: stop the miners.", "critical", "outbox:7")
HERE = ("127.0.0.1", "localhost")


async def test_ntfy_hears_the_words_at_its_highest_priority() -> None:
    async with webhook_sink() as sink:
        outcome = await AppriseSender(HERE).send(f"ntfy://127.0.0.1:{sink.port}/ranch", ALERT)
    assert outcome == Delivered()
    body = json.loads(sink.posted[0].body)
    assert body["topic"] == "ranch"
    assert body["title"] == ALERT.title
    assert body["message"] == ALERT.text
    assert sink.posted[0].headers["x-priority"] == "max"


async def test_gotify_of_the_own_network_is_told_by_its_name_too() -> None:
    async with webhook_sink() as sink:
        outcome = await AppriseSender(HERE).send(f"gotify://localhost:{sink.port}/AbCdEfGh12345", ALERT)
    assert outcome == Delivered()
    assert json.loads(sink.posted[0].body)["priority"] == 10


@pytest.mark.parametrize(("level", "priority"), [("critical", "2"), ("warning", "0")])
async def test_pushover_repeats_what_is_critical_until_somebody_confirms(level: str, priority: str) -> None:
    async with webhook_sink() as sink:
        sink.answers.append(web.json_response({"status": 1, "request": "r"}))
        sender = AppriseSender((), pushover_api_url=f"http://127.0.0.1:{sink.port}")
        message = OutMessage("Title", "Text", level, "k")  # type: ignore[arg-type]  # one of the levels
        target = "pover://" + "u" * 30 + "@" + "t" * 30
        outcome = await sender.send(target, message)
    assert isinstance(outcome, Delivered)
    assert sink.posted[0].path == "/1/messages.json"
    form = {name: values[0] for name, values in parse_qs(sink.posted[0].body.decode()).items()}
    assert form["priority"] == priority
    assert ("retry" in form) is (level == "critical")
    if level == "critical":
        assert (form["retry"], form["expire"]) == ("60", "3600")


async def test_an_address_of_the_own_network_is_refused_where_the_owner_did_not_allow_it() -> None:
    async with webhook_sink() as sink:
        plain = await AppriseSender().send(f"ntfy://127.0.0.1:{sink.port}/ranch", ALERT)
        hidden = await AppriseSender().send(f"ntfys://127.0.0.1:{sink.port}/ranch", ALERT)
        named = await AppriseSender(("other.example",)).send(f"gotifys://localhost:{sink.port}/AbCdEfGh12345", ALERT)
    for outcome in (plain, hidden, named):
        assert isinstance(outcome, Never)
        assert "NOTIFY_ALLOW_PRIVATE" in outcome.reason
    assert sink.posted == []


async def test_a_redirect_is_not_followed() -> None:
    async with webhook_sink() as sink, webhook_sink() as inside:
        sink.answers.append(web.Response(status=302, headers={"Location": f"http://127.0.0.1:{inside.port}/latest"}))
        outcome = await AppriseSender(HERE).send(f"ntfy://127.0.0.1:{sink.port}/ranch", ALERT)
    assert not isinstance(outcome, Delivered)
    assert inside.posted == []


@pytest.mark.parametrize(("status", "kind"), [(401, Never), (404, Never), (429, Later), (500, Later)])
async def test_what_the_service_answers_decides_whether_it_is_tried_again(status: int, kind: type) -> None:
    async with webhook_sink() as sink:
        sink.answer_status = status
        outcome = await AppriseSender(HERE).send(f"gotify://127.0.0.1:{sink.port}/AbCdEfGh12345", ALERT)
    assert isinstance(outcome, kind)
    assert "AbCdEfGh12345" not in outcome.reason  # type: ignore[union-attr]  # no Delivered


async def test_a_service_that_is_away_means_later() -> None:
    outcome = await AppriseSender(HERE).send(f"gotify://127.0.0.1:{await closed_port()}/AbCdEfGh12345", ALERT)
    assert isinstance(outcome, Later)


async def test_an_answer_without_end_is_ended() -> None:
    async with webhook_sink() as sink:
        sink.drip = True
        sender = AppriseSender(HERE, timeout_s=8.0)
        outcome = await asyncio.wait_for(sender.send(f"gotify://127.0.0.1:{sink.port}/AbCdEfGh12345", ALERT), 20)
    assert isinstance(outcome, Later)  # its time is over, or the memory that it may have


@pytest.mark.parametrize("target", ["exec://ls", "file:///etc/passwd", "dbus://x", "ntfys://h/t?attach=file:///etc/x"])
async def test_what_is_not_on_the_list_never_reaches_apprise(target: str) -> None:
    outcome = await AppriseSender(HERE).send(target, ALERT)
    assert isinstance(outcome, Never)
    assert "not one that we send to" in outcome.reason


GUARDED = """
import socket, subprocess, sys, os
from connectors.notify.apprise_child import Guarded, guarded
guarded(frozenset({"127.0.0.1", "169.254.169.254"}))
deeds = {
    "metadata": lambda: socket.create_connection(("169.254.169.254", 80), 0.2),
    "private": lambda: socket.create_connection(("10.0.0.1", 80), 0.2),
    "mapped": lambda: socket.socket(socket.AF_INET6).connect(("::ffff:127.0.0.1", 80)),
    "name": lambda: socket.socket().connect(("localhost", 80)),
    "unix": lambda: socket.socket(socket.AF_UNIX).connect("/run/x.sock"),
    "datagram": lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("192.168.1.1", 53)),
    "program": lambda: subprocess.run(["true"]),
    "shell": lambda: os.system("true"),
    "write": lambda: open("/tmp/written-by-a-message", "w"),
    "read": lambda: open(os.path.expanduser("~/secret")),
}
for name, deed in deeds.items():
    try:
        deed()
    except Guarded:
        print(name, "held")
    except BaseException as error:
        print(name, type(error).__name__)
    else:
        print(name, "done")
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1).close()
    print("allowed done")
except ConnectionRefusedError:
    print("allowed done")
"""


async def test_the_guard_holds_every_deed_but_what_the_owner_allowed() -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": "/root", "PYTHONPATH": str(Path.cwd())}
    run = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-W", "ignore", "-c", GUARDED, str(await closed_port())],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    told = dict(line.split(" ", 1) for line in run.stdout.splitlines())
    assert told.pop("allowed") == "done", run.stderr
    assert set(told.values()) == {"held"}, told
    assert len(told) == 10
    assert not Path("/tmp/written-by-a-message").exists()
