"""The SDK's HTTP client, with our time limits, and failures that say what they mean for a message."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import discord
from discord.http import HTTPClient, Route

from bot.reply import Picture

API_VERSION = 10
OFFICIAL_API = f"https://discord.com/api/v{API_VERSION}"
NO_MENTIONS: Mapping[str, Any] = {"parse": []}  # discord.AllowedMentions.none()
SUPPRESS_EMBEDS = 1 << 2
EPHEMERAL = 1 << 6

TOKEN_REFUSED = "Discord refused the token; check DISCORD_BOT_TOKEN"

# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, UNKNOWN_USER, UNKNOWN_WEBHOOK = 10003, 10008, 10013, 10015
UNKNOWN_INTERACTION, INVALID_WEBHOOK_TOKEN, ALREADY_ACKNOWLEDGED = 10062, 50027, 40060
FOLLOW_UPS_USED_UP = 40094
MISSING_ACCESS, CANNOT_MESSAGE_USER, MISSING_PERMISSIONS, INVALID_FORM = 50001, 50007, 50013, 50035
TOO_LARGE, FILE_TOO_LARGE, NO_MUTUAL_GUILDS = 40005, 50045, 50278
# slow mode, writing limits, opening direct chats, a resource under load
_SLOW_DOWN = frozenset({20016, 20028, 20029, 40003, 40062})
# A message of more than an hour ago was changed too often: it stays as it is for a while, and a new one would be taken.
EDITS_USED_UP = 30046
# Nothing at all can be sent there any more.
PLACE_GONE: Mapping[int, str] = {
    UNKNOWN_CHANNEL: "the channel does not exist any more",
    UNKNOWN_USER: "the account does not exist any more",
    MISSING_ACCESS: "the bot cannot see the channel; let it view the channel again",
    CANNOT_MESSAGE_USER: "the person takes no direct messages from this bot",
    MISSING_PERMISSIONS: "the bot may not write there; give it the permission Send Messages",
    NO_MUTUAL_GUILDS: "the bot shares no server with the person any more",
}


class DiscordFailure(Exception):
    """A call that failed. Its words hold no secret and may be logged."""


class NotSent(DiscordFailure):
    """The request cannot have reached Discord, or Discord is out of order: do it again later."""


class Unanswered(DiscordFailure):
    """No answer came back: what was asked may have been done, and must not be asked blindly again."""


class Busy(DiscordFailure):
    """Discord asks for a pause of `after_s` seconds."""

    def __init__(self, reason: str, after_s: float) -> None:
        super().__init__(reason)
        self.after_s = after_s


class TokenRefused(DiscordFailure):
    """The bot's token is wrong or was reset."""


class Refused(DiscordFailure):
    """Discord said no; `code` is its number for why."""

    def __init__(self, code: int, status: int, words: str) -> None:
        super().__init__(f"Discord says {code or status}: {' '.join(words.split())[:300]}")
        self.code = code


def api_address(base_url: str) -> str:
    """DISCORD_API_BASE_URL as the SDK takes it: a bare host gets Discord's own path, a missing version is added."""
    address = base_url.rstrip("/")
    if not urlsplit(address).path:
        address += "/api"
    return address if re.search(r"/v\d+$", address) else f"{address}/v{API_VERSION}"


def use_api(base_url: str | None) -> None:
    """Point the SDK at an API, for the whole process: its routes take the address from one place."""
    Route.BASE = api_address(base_url) if base_url else OFFICIAL_API


class _Attempt:
    """How far a request came, so that a lost one can be told from one that never left."""

    def __init__(self) -> None:
        self.unanswered = False
        self.status = 0


_attempt: ContextVar[_Attempt | None] = ContextVar("discord_attempt", default=None)


def request_trace() -> aiohttp.TraceConfig:
    """Notes on each request for `call`; every client of ours must be built with it."""

    async def sent(session: aiohttp.ClientSession, context: SimpleNamespace, params: Any) -> None:  # noqa: ARG001
        if (attempt := _attempt.get()) is not None:
            attempt.unanswered = True

    async def answered(
        session: aiohttp.ClientSession,  # noqa: ARG001
        context: SimpleNamespace,  # noqa: ARG001
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        if (attempt := _attempt.get()) is not None:
            attempt.status = params.response.status
            attempt.unanswered = attempt.status < 300  # done, but its words are still to come

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(sent)
    trace.on_request_end.append(answered)
    return trace


class Wire:
    """The way to Discord's API. `client` is the one that is connected; a new connection puts a new one there."""

    def __init__(self, *, reply_timeout_s: float = 20.0) -> None:
        self.client: discord.Client | None = None
        self._reply_timeout_s = reply_timeout_s

    @property
    def application_id(self) -> int | None:
        """Our application's id, once we have logged in."""
        return self.client.application_id if self.client is not None else None

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        pictures: Sequence[Picture] = (),
        params: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        **major: Any,
    ) -> Any:
        """Ask Discord for something; `major` fills the places in the path. Raises DiscordFailure.

        `body` that goes with pictures lists them itself (`attachments`).
        """
        if self.client is None or self.client.is_closed():
            raise NotSent("not connected to Discord")
        http = self.client.http
        arguments: dict[str, Any] = {"params": dict(params)} if params else {}
        if pictures:
            files = [discord.File(io.BytesIO(each.png), file_name(n, each)) for n, each in enumerate(pictures)]
            arguments |= {"files": files, "form": _form(body, files)}
        elif body is not None:
            arguments["json"] = body
        limit_s = timeout_s or self._reply_timeout_s * (3 if pictures else 1)
        attempt = _Attempt()
        noting = _attempt.set(attempt)
        try:
            return await _asked(http, Route(method, path, **major), arguments, attempt, limit_s)
        finally:
            _attempt.reset(noting)


async def _asked(http: HTTPClient, route: Route, arguments: dict[str, Any], attempt: _Attempt, limit_s: float) -> Any:
    try:
        async with asyncio.timeout(limit_s):
            return await http.request(route, **arguments)
    except discord.RateLimited as limit:
        raise Busy("Discord asks for a pause (429)", limit.retry_after) from limit
    except discord.HTTPException as refusal:
        raise failure_of(refusal) from refusal
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        words = f"no answer from Discord ({type(error).__name__})"
        if attempt.unanswered:
            raise Unanswered(words) from error
        if attempt.status >= 500:
            words = f"Discord is out of order ({attempt.status})"
        raise NotSent(words) from error
    except RuntimeError as error:  # the session was closed meanwhile, which the HTTP library says before it sends
        raise NotSent("not connected to Discord") from error


def failure_of(error: discord.HTTPException) -> DiscordFailure:
    """What a refusal of Discord's means."""
    if error.status == 401 and error.code != INVALID_WEBHOOK_TOKEN:  # which an interaction's is after its time
        return TokenRefused(TOKEN_REFUSED)
    if error.code == EDITS_USED_UP:
        return Refused(error.code, error.status, error.text)
    if error.status == 429 or error.code in _SLOW_DOWN:
        return Busy(f"Discord asks for a pause ({error.code or 429})", _pause_s(error))
    if error.status >= 500:
        return NotSent(f"Discord is out of order ({error.status})")
    return Refused(error.code, error.status, error.text)


def _pause_s(error: discord.HTTPException) -> float:
    headers: Any = getattr(error.response, "headers", {})
    try:
        return float(headers.get("Retry-After", 10.0))
    except ValueError:
        return 10.0


def file_name(number: int, picture: Picture) -> str:
    """The name under which a picture is uploaded, unlike that of any other in the same message."""
    return f"{picture.slug}.png" if not number else f"{picture.slug}-{number + 1}.png"


def _form(body: Any, files: Sequence[discord.File]) -> list[dict[str, Any]]:
    return [
        {"name": "payload_json", "value": json.dumps(body)},
        *(
            {"name": f"files[{n}]", "value": file.fp, "filename": file.filename, "content_type": "image/png"}
            for n, file in enumerate(files)
        ),
    ]
