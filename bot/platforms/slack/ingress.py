"""The adapter: one Slack app, over Socket Mode (an app token, no public address) or over HTTP (a signing secret)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import aiohttp
import structlog
from pydantic import SecretStr
from slack_sdk.signature import SignatureVerifier

from bot.commands.command import Command
from bot.forms import FormSource
from bot.platforms.slack.client import OFFICIAL_API, Busy, Refused, SlackClient, SlackFailure
from bot.platforms.slack.intake import Chat, Complete, Intake, pause_s
from bot.platforms.slack.parse import PLATFORM, Me
from bot.platforms.slack.send import SlackOutlet
from bot.platforms.slack.socket import Socket, SocketClosed
from bot.ports import ProgressRefs

log = structlog.get_logger()

_CHECK_EVERY_S = 300.0
_REFUSED = (401, {"content-type": "application/json"}, b'{"error": "invalid request"}')


class SlackAdapter:
    """Hears Slack and hands messages to the chat. `ready` and `last_poll_age_s` feed /healthz."""

    name = PLATFORM

    def __init__(
        self,
        bot_token: SecretStr,
        app_token: SecretStr | None,
        signing_secret: SecretStr | None,
        chat: Chat,
        *,
        commands: Sequence[Command] = (),
        complete: Complete,
        form_source: FormSource,
        api_base_url: str = OFFICIAL_API,
        reply_timeout_s: float = 20.0,
        first_pause_s: float = 1.0,
        longest_pause_s: float = 60.0,
        progress_refs: ProgressRefs | None = None,
    ) -> None:
        if app_token is None and signing_secret is None:
            raise ValueError("Slack needs SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP)")
        self._client = SlackClient(bot_token, api_base_url, reply_timeout_s=reply_timeout_s, variable="SLACK_BOT_TOKEN")
        self._outlet = SlackOutlet(self._client, first_pause_s=2 * first_pause_s, progress_refs=progress_refs)
        self._intake = Intake(
            self._client,
            chat,
            self._outlet,
            commands=commands,
            complete=complete,
            form_source=form_source,
            first_pause_s=first_pause_s,
            longest_pause_s=longest_pause_s,
        )
        self._chat = chat
        self._app_client = (
            SlackClient(app_token, api_base_url, reply_timeout_s=reply_timeout_s, variable="SLACK_APP_TOKEN")
            if app_token is not None
            else None
        )
        self._socket = (
            Socket(self._app_client, self._over_socket, self._recovered) if self._app_client is not None else None
        )
        self._verifier = SignatureVerifier(signing_secret.get_secret_value()) if signing_secret is not None else None
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._trouble: str | None = None
        self._failures = 0
        self._heard = -1.0

    @property
    def outlet(self) -> SlackOutlet:
        """The way out, with the same token."""
        return self._outlet

    @property
    def ready(self) -> bool:
        """Whether Slack can reach us, as far as we know, and we it."""
        return self._heard >= 0 and self._trouble is None

    @property
    def trouble(self) -> str | None:
        """What is wrong at the moment, in words without secrets; None when nothing is."""
        return self._trouble

    @property
    def last_poll_age_s(self) -> float | None:
        """Seconds since Slack was last heard, or None before the first time."""
        socket = self._socket.heard if self._socket is not None else None
        heard = max(self._heard, socket if socket is not None else -1.0)
        return time.monotonic() - heard if heard >= 0 else None

    async def run(self) -> None:
        """Listen until cancelled. Whatever fails is said once, retried with growing pauses, and said again when over.

        The clients stay open, for replies that are still on their way: close the chat next, then call `close`.
        """
        await self._until_done(self._begin)
        step = self._listen if self._socket is not None else self._check
        try:
            while True:
                await self._until_done(step)
        finally:
            if self._socket is not None:
                await self._socket.close()

    async def close(self) -> None:
        """Close the connections to Slack."""
        await self._intake.close()
        await self._outlet.close()
        await self._client.close()
        if self._app_client is not None:
            await self._app_client.close()

    async def handle_request(self, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """One request from Slack over HTTP: status, headers and body of the answer.

        A signature that is missing, wrong or older than five minutes gets 401; so does everything without a secret.
        """
        named = {name.lower(): value for name, value in headers.items()}
        if not self._is_signed(named, body):
            log.warning("slack_signature_refused")
            return _REFUSED
        if self._intake.me is None:
            return 503, {}, b""  # Slack sends it again
        answer = await self._intake.dispatch(body.decode("utf-8"), named, over_socket=False)
        self._heard = time.monotonic()
        return answer.status, dict(answer.first_headers_without_set_cookie()), (answer.body or "").encode("utf-8")

    def _is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        if self._verifier is None:
            return False
        try:
            return self._verifier.is_valid_request(body, dict(headers))
        except (ValueError, TypeError):  # a time stamp, a body or a signature that is no text
            return False

    async def _over_socket(
        self, kind: str, payload: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Mapping[str, Any] | None:
        answer = await self._intake.dispatch(payload, headers, over_socket=True)
        if answer.status == 404:
            log.info("slack_envelope_unknown", type=kind)  # nothing of ours; sent again it would be no other
            return {}
        if answer.status != 200:
            return None
        return json.loads(answer.body) if answer.body and answer.body.startswith("{") else {}

    async def _begin(self) -> None:
        account = await self._client.ask(self._client.api.auth_test())
        self._intake.me = Me(str(account["team_id"]), str(account["user_id"]), account.get("enterprise_id"))
        await self._outlet.begin()
        await self._chat.resume(self._outlet)
        if self._socket is None:
            self._recovered()

    async def _listen(self) -> None:
        assert self._socket is not None
        began = time.monotonic()
        await self._socket.connect()
        if time.monotonic() - began < self._first_pause_s:  # greeted and closed at once: not in a tight loop
            await asyncio.sleep(self._first_pause_s)

    async def _check(self) -> None:
        await asyncio.sleep(_CHECK_EVERY_S)
        await self._client.ask(self._client.api.auth_test())
        self._recovered()

    async def _until_done(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - a loop that ends on an error is a bot that has fallen silent
                await asyncio.sleep(self._after_failure(error))
            else:
                return

    def _after_failure(self, error: Exception) -> float:
        """Say what is wrong when it is new; returns the pause before the next try (s)."""
        self._failures += 1
        pause = pause_s(self._failures, self._first_pause_s, self._longest_pause_s)
        match error:
            case Refused(code="not_allowed_token_type" | "invalid_token_type"):
                trouble = (
                    "Slack refused the token's kind; SLACK_APP_TOKEN begins with xapp-, SLACK_BOT_TOKEN with xoxb-"
                )
                pause = self._longest_pause_s
            case Refused():
                trouble, pause = str(error), self._longest_pause_s
            case Busy():
                trouble, pause = str(error), max(pause, error.after_s or 0.0)
            case SlackFailure() | SocketClosed():
                trouble = str(error)
            case aiohttp.ClientError() | OSError():
                trouble = f"the connection to Slack failed ({type(error).__name__})"
            case _:
                trouble = f"unexpected {type(error).__name__}"
                log.error("slack_listening_failed", exc_info=error)
        if trouble != self._trouble:
            log.error("slack_not_ready", reason=trouble, retry_in_s=round(pause, 1))
        self._trouble = trouble
        return pause

    def _recovered(self) -> None:
        if self._heard < 0 or self._trouble is not None:
            me = self._intake.me
            log.info("slack_ready", team=me.team_id if me else "", after_failures=self._failures)
        self._heard = time.monotonic()
        self._trouble = None
        self._failures = 0
