"""emulate's Slack Web API, which we did not write, with our socket-mode peer beside it behind one address.

emulate has no Socket Mode, slash commands or interactions: `apps.connections.open` and the websocket are the double's,
every other call goes on to emulate.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.doubles.slack_api import SlackApi

FOLDER = Path(__file__).parent / "slack"
_HOME = Path(__file__).parent / ".envs" / "slack"
BOT_TOKEN, ANNS_TOKEN = "xoxb-judge", "xoxp-ann"


def _built() -> Path:
    """The folder in which emulate is installed, from its lock; built anew when that has changed."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed: the Slack adapter is NOT judged by emulate")
    lock = (FOLDER / "package-lock.json").read_bytes()
    digest, stamp = hashlib.sha256(lock).hexdigest(), _HOME / "built-from"
    if not stamp.exists() or stamp.read_text() != digest:
        shutil.rmtree(_HOME, ignore_errors=True)
        _HOME.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(FOLDER / name, _HOME / name)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=_HOME, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"npm ci failed:\n{done.stdout}{done.stderr}")
        stamp.write_text(digest)
    shutil.copy(FOLDER / "serve.mjs", _HOME / "serve.mjs")
    return _HOME


class Emulated(SlackApi):
    """The double's sockets, emulate's Web API. `people` are the ids by name, `chats` their chats with the bot."""

    def __init__(self, upstream: str) -> None:
        super().__init__(bot_token=BOT_TOKEN)
        self.team = "T000000001"
        self.upstream = upstream
        self._trigger = ""
        self.refusals: list[tuple[str, str]] = []  # (method, Slack's word)
        self._session = aiohttp.ClientSession()

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/upload/{file:.*}", self._passed_on)
        app.router.add_route("*", "/api/{method}", self._call)
        app.router.add_post("/hooks/{way}", self._respond)
        app.router.add_get("/link", self.socket.connected)

    async def stop(self) -> None:
        await super().stop()
        await self._session.close()

    async def ask(self, method: str, *, token: str = ANNS_TOKEN, **fields: Any) -> dict[str, Any]:
        """A call that the bot does not make: what a person does, or looks at."""
        headers = {"Authorization": f"Bearer {token}"}
        async with self._session.post(f"{self.upstream}/api/{method}", json=fields, headers=headers) as answer:
            found: dict[str, Any] = await answer.json()
        assert found.get("ok"), (method, found)
        return found

    async def ready_trigger(self, view_id: str | None = None) -> None:
        """Have emulate begin the three seconds of the next interaction."""
        fields = {"view_id": view_id} if view_id else {}
        self._trigger = str((await self.ask("views.generateTriggerId", token=BOT_TOKEN, **fields))["trigger_id"])

    def trigger(self) -> str:
        return self._trigger or super().trigger()

    async def _call(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["method"] == "apps.connections.open":
            return await super()._call(request)
        return await self._passed_on(request)

    async def _passed_on(self, request: web.Request) -> web.StreamResponse:
        headers = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
        body, url = await request.read(), f"{self.upstream}{request.rel_url}"
        if request.query and not body:
            # Slack reads arguments from the address too, which is how its own SDK sends some; emulate does not.
            body, url = request.query_string.encode(), f"{self.upstream}{request.path}"
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        async with self._session.request(request.method, url, data=body, headers=headers) as answer:
            text = (await answer.text()).replace(self.upstream, f"http://{self.host}")
            method = request.match_info.get("method")
            if method is not None and '"ok":false' in text:
                self.refusals.append((method, str(json.loads(text).get("error"))))
            self.wake()
            return web.Response(status=answer.status, text=text, content_type=answer.content_type)


@contextlib.asynccontextmanager
async def emulated(scopes: Sequence[str]) -> AsyncIterator[Emulated]:
    """emulate with a bot that has these scopes and no others."""
    home = await asyncio.to_thread(_built)
    process = await asyncio.create_subprocess_exec(
        "node", "serve.mjs", ",".join(scopes), cwd=home, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        upstream = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
        async with Emulated(upstream) as api:
            yield api
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 10)
