"""Everything that Slack hands over, by Bolt's routes: events, commands, taps, forms. Each is taken on, then answered.

Slack gives us three seconds. An event that cannot be taken on in time is not acknowledged, so that Slack sends it
again; what people touched or typed as a command comes once only, and is kept here until it is taken on.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.commands.command import Command
from bot.forms import FormSource
from bot.message import Message, Sender
from bot.platforms.slack.accounts import Accounts
from bot.platforms.slack.client import QUIET, SlackClient, SlackFailure
from bot.platforms.slack.forms import matching, modal
from bot.platforms.slack.manifest import SHORTCUT
from bot.platforms.slack.palette import COMPLETE, chosen_command, message_from_palette, palette, suggestions
from bot.platforms.slack.parse import (
    Me,
    message_from_command,
    message_from_event,
    message_from_form,
    message_from_tap,
    sender_of,
)
from bot.platforms.slack.send import SlackOutlet
from bot.ports import Outlet
from bot.reply import FORM, say

log = structlog.get_logger()

Complete = Callable[[str, str, Sender], Awaitable[list[str]]]  # (kind, what was typed, who types)

FORM_NOT_OPENED = say("The form did not open in time. Please tap the button again.")
_ANY = re.compile(".*")
_TAKEN_ON_WITHIN_S = 2.0
_FORM_WITHIN_S = 2.5
_TRIES_PER_MESSAGE = 20


class Chat(Protocol):
    """Who takes messages on."""

    async def handle(self, message: Message, outlet: Outlet) -> object:
        """Commit and queue the message; raise when that failed."""
        ...

    async def resume(self, outlet: Outlet) -> int:
        """Take up what an earlier run left."""
        ...


class Intake:
    """Turns requests into messages and hands them to the chat. `me` must be known before the first request."""

    def __init__(
        self,
        client: SlackClient,
        chat: Chat,
        outlet: SlackOutlet,
        *,
        commands: Sequence[Command],
        complete: Complete,
        form_source: FormSource,
        first_pause_s: float,
        longest_pause_s: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.me: Me | None = None
        self._client = client
        self._chat = chat
        self._outlet = outlet
        self._commands = commands
        self._complete = complete
        self._form_source = form_source
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._now = now
        self._accounts = Accounts(client, outlet.channel)
        self._taking_on: set[asyncio.Task[bool]] = set()
        self._orders: dict[str, tuple[asyncio.Lock, int]] = {}
        self._app = self._routed()

    async def dispatch(
        self, body: str | Mapping[str, Any], headers: Mapping[str, str], *, over_socket: bool
    ) -> BoltResponse:
        """Bolt's answer to one request, whose origin the caller has made sure of."""
        request = AsyncBoltRequest(
            body=body if isinstance(body, str) else dict(body),
            headers=dict(headers),
            mode="socket_mode" if over_socket else "http",
        )
        return await self._app.async_dispatch(request)

    async def close(self) -> None:
        """Stop trying; what was not taken on is lost, or comes again from Slack."""
        for task in list(self._taking_on):
            task.cancel()
        await asyncio.gather(*self._taking_on, return_exceptions=True)

    def _routed(self) -> AsyncApp:
        async def authorized() -> AuthorizeResult:
            # One workspace, one token, which was tried when we began: nothing to look up for each request.
            me = self._known_me()
            return AuthorizeResult(enterprise_id=me.enterprise_id, team_id=me.team_id, bot_user_id=me.user_id)

        app = AsyncApp(
            logger=QUIET,
            name="commandcenter",
            client=AsyncWebClient(logger=QUIET, retry_handlers=[]),  # not used: replies go out by the outlet
            authorize=authorized,
            process_before_response=True,
            request_verification_enabled=False,  # done before, on the bytes as they came
            ssl_check_enabled=False,
            attaching_function_token_enabled=False,
            attaching_conversation_kwargs_enabled=False,
        )
        app.event(_ANY)(self._on_event)
        app.command(_ANY)(self._on_command)
        app.action(_ANY)(self._on_action)
        app.shortcut(SHORTCUT)(self._on_shortcut)
        app.view(_ANY)(self._on_form)
        app.options(_ANY)(self._on_options)
        app.error(self._on_error)
        return app

    async def _on_event(self, body: dict[str, Any], ack: AsyncAck) -> BoltResponse:
        message = message_from_event(body, self._known_me())
        if message is None or not message.addressed:
            return await ack()
        if message.direct:
            self._accounts.heard_in(message.address.chat_id)
        async with self._in_order(message.address.key):
            if not message.sender.name:
                name = await self._accounts.name(str(body["event"]["user"]))
                message = replace(message, sender=replace(message.sender, name=name))
            taken_on = await self._take_on(message)
        return await ack() if taken_on else BoltResponse(status=503)

    async def _on_command(self, body: dict[str, Any], ack: AsyncAck) -> BoltResponse:
        direct = await self._accounts.is_own_chat(str(body["channel_id"]), str(body["user_id"]))
        await self._take_on(message_from_command(body, self._known_me(), direct=direct, now=self._now()))
        return await ack()

    async def _on_shortcut(self, body: dict[str, Any], ack: AsyncAck) -> BoltResponse:
        if await self._complete("commands", "", sender_of(body, self._known_me())):  # nothing for strangers
            await self._shown(self._client.api.views_open(trigger_id=body["trigger_id"], view=palette(self._commands)))
        return await ack()

    async def _on_action(self, body: dict[str, Any], ack: AsyncAck) -> BoltResponse:
        if (command := chosen_command(body)) is not None:
            view = palette(self._commands, command)
            await self._shown(self._client.api.views_update(view_id=body["view"]["id"], view=view))
            return await ack()
        user = str((body.get("user") or {}).get("id"))
        direct = await self._accounts.is_own_chat(str((body.get("channel") or {}).get("id")), user)
        tap = message_from_tap(body, self._known_me(), direct=direct, now=self._now())
        if tap is not None and not await self._form_opened(tap, str(body.get("trigger_id"))):
            await self._take_on(tap)
        return await ack()

    async def _on_form(self, body: dict[str, Any], ack: AsyncAck) -> BoltResponse:
        me, now = self._known_me(), self._now()
        message = message_from_form(body, me, now=now) or await self._from_palette(body, me, now)
        if message is not None:
            await self._take_on(message)
        return await ack()

    async def _on_options(self, body: dict[str, Any], ack: AsyncAck) -> BoltResponse:
        sender = sender_of(body, self._known_me())
        action, typed = str(body.get("action_id") or ""), str(body.get("value") or "")
        if action.startswith(COMPLETE):
            words = await self._complete(action.removeprefix(COMPLETE), typed, sender)
            return await ack(options=suggestions(typed, words))
        name = str((body.get("view") or {}).get("callback_id") or "").removeprefix(FORM)
        form = await self._form_source(sender, name)
        fields = form.fields if form is not None else ()
        choices = next((field.choices for field in fields if field.name == body.get("block_id")), ())
        return await ack(options=matching(choices, typed))

    async def _on_error(self, error: Exception, body: dict[str, Any]) -> None:
        log.error("slack_request_failed", type=body.get("type") or body.get("command"), exc_info=error)

    async def _form_opened(self, tap: Message, trigger_id: str) -> bool:
        """Open the form that the button asks for. False leaves the tap to the chat: no form, a stranger, a group."""
        if tap.token is None or not tap.token.startswith(FORM) or not tap.direct:
            return False
        try:
            async with asyncio.timeout(_FORM_WITHIN_S):
                form = await self._form_source(tap.sender, tap.token.removeprefix(FORM))
                if form is None:
                    return False
                await self._client.ask(self._client.api.views_open(trigger_id=trigger_id, view=modal(form, tap)))
        except (SlackFailure, TimeoutError) as error:
            log.warning("slack_form_not_opened", reason=str(error) or "three seconds were over")
            await self._outlet.send(tap.address, FORM_NOT_OPENED, ())
        return True

    async def _from_palette(self, body: dict[str, Any], me: Me, now: datetime) -> Message | None:
        message = message_from_palette(body, me, now=now)
        if message is None:
            return None
        with contextlib.suppress(SlackFailure, TimeoutError):  # the person's id is an address too
            async with asyncio.timeout(_TAKEN_ON_WITHIN_S / 2):
                channel = await self._outlet.channel(message.address.chat_id)
                return replace(message, address=replace(message.address, chat_id=channel))
        return message

    @contextlib.asynccontextmanager
    async def _in_order(self, conversation: str) -> AsyncIterator[None]:
        """What is said in one conversation is taken on in the order in which it came."""
        lock, waiting = self._orders.get(conversation, (asyncio.Lock(), 0))
        self._orders[conversation] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._orders.pop(conversation)
            if waiting > 1:
                self._orders[conversation] = (lock, waiting - 1)

    async def _shown(self, call: Awaitable[AsyncSlackResponse]) -> None:
        try:
            async with asyncio.timeout(_FORM_WITHIN_S):
                await self._client.ask(call)
        except (SlackFailure, TimeoutError) as error:
            log.warning("slack_modal_not_shown", reason=str(error) or "three seconds were over")

    async def _take_on(self, message: Message) -> bool:
        """Hand a message over; whether the chat has it by the time Slack must be answered."""
        task = asyncio.create_task(self._until_taken_on(message))
        self._taking_on.add(task)
        task.add_done_callback(self._taking_on.discard)
        done, _ = await asyncio.wait({task}, timeout=_TAKEN_ON_WITHIN_S)
        return bool(done) and task.result()

    async def _until_taken_on(self, message: Message) -> bool:
        for attempt in range(1, _TRIES_PER_MESSAGE + 1):
            try:
                await self._chat.handle(message, self._outlet)
            except Exception:  # the database may be locked or full; the message must wait, not be lost
                log.exception("message_not_taken_on", key=message.key, attempt=attempt)
                await asyncio.sleep(pause_s(attempt, self._first_pause_s, self._longest_pause_s))
            else:
                return True
        log.error("message_dropped", key=message.key, attempts=_TRIES_PER_MESSAGE)
        return False

    def _known_me(self) -> Me:
        if self.me is None:
            raise LookupError("a request came before our own account was known")
        return self.me


def pause_s(failures: int, first_s: float, longest_s: float) -> float:
    """Doubling, with jitter so that many bots do not come back at the same instant."""
    return min(longest_s, first_s * 2.0 ** min(failures - 1, 10)) * random.uniform(0.5, 1.0)
