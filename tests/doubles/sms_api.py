"""Twilio's messages API on loopback: the form, the authorisation and the errors of the real one."""

from __future__ import annotations

import base64
import itertools
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

SID, TOKEN = "AC" + "0" * 31 + "1", "auth-token-of-the-double"
FROM = "+14155550100"
_BODY_LIMIT = 1600


@dataclass
class SmsApi:
    """`sent` is what people get. `stopped` answered STOP; `answers` are what the next calls get instead."""

    url: str = ""
    sent: list[dict[str, str]] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    answers: deque[web.Response] = field(default_factory=deque)
    account_status: str = "active"
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.answers:
            return self.answers.popleft()
        wanted = "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
        if request.headers.get("Authorization") != wanted:
            return error(401, 20003, "Authenticate")
        if request.method == "GET" and request.path == f"/2010-04-01/Accounts/{SID}.json":
            return web.json_response({"sid": SID, "status": self.account_status})
        if request.method != "POST" or request.path != f"/2010-04-01/Accounts/{SID}/Messages.json":
            return error(404, 20404, "The requested resource was not found")
        if request.content_type != "application/x-www-form-urlencoded":
            return error(400, 21602, "Message body is required")
        form = {name: str(value) for name, value in (await request.post()).items()}
        return self._taken(form)

    def _taken(self, form: dict[str, str]) -> web.Response:
        to, body = form.get("To", ""), form.get("Body", "")
        if not re.fullmatch(r"\+[1-9]\d{6,14}", to):
            return error(400, 21211, f"The 'To' number {to} is not a valid phone number.")
        if "From" not in form and "MessagingServiceSid" not in form:
            return error(400, 21603, "A 'From' phone number is required.")
        if not body or len(body) > _BODY_LIMIT:
            return error(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        if to in self.stopped:
            return error(400, 21610, "Attempt to send to unsubscribed recipient")
        self.sent.append(form)
        return web.json_response({"sid": f"SM{next(self._numbers):032d}", "status": "queued"}, status=201)


def error(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    """An error as Twilio words it."""
    body = {"code": code, "message": message, "more_info": f"https://example.org/{code}", "status": status}
    return web.json_response(body, status=status, headers=headers)


@asynccontextmanager
async def sms_api() -> AsyncIterator[SmsApi]:
    api = SmsApi()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield api
    finally:
        await runner.cleanup()
