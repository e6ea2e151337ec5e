"""What happens on Discord, handed to the chat: acknowledged in time, in order, taken on once."""

from __future__ import annotations

import asyncio
import random
import time
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol

import aiohttp
import discord
import structlog
from pydantic import SecretStr

from bot.commands.command import Command
from bot.forms import FormSource
from bot.message import Message, Sender
from bot.platforms.discord.client import (
    TOKEN_REFUSED,
    Busy,
    DiscordFailure,
    TokenRefused,
    Wire,
    failure_of,
    use_api,
)
from bot.platforms.discord.forms import modal
from bot.platforms.discord.gateway import GatewayClient
from bot.platforms.discord.interactions import Answerable, Interactions
from bot.platforms.discord.parse import (
    PLATFORM,
    command_call,
    completion_of,
    form_sent,
    is_direct,
    message_from,
    sender_of,
    tap,
)
from bot.platforms.discord.registering import Registered, register
from bot.platforms.discord.render import escaped
from bot.platforms.discord.send import DiscordOutlet, Part
from bot.ports import Outlet, ProgressRefs
from bot.reply import FORM

log = structlog.get_logger()

Complete = Callable[[str, str, Sender], Awaitable[list[str]]]
# "… is thinking" flickers under answers that take no time, so it comes only when half of the three seconds is over.
THINKING_AFTER_S = 1.5
SOURCE_LIMIT_S = 2.0
_FORM_TOO_SLOW = "The form took too long to open. Please tap the button again."
_ENDPOINT_SET = (
    "an Interactions Endpoint URL is set for this application, so commands and buttons do not reach this bot; "
    "empty that field under General Information in Discord's developer portal"
)
_TRIES_PER_MESSAGE = 20


class Chat(Protocol):
    """Who takes messages on."""

    async def handle(self, message: Message, outlet: Outlet) -> object:
        """Commit and queue the message; raise when that failed. False: nothing will be said to it."""
        ...

    async def resume(self, outlet: Outlet) -> int:
        """Take up what an earlier run left."""
        ...


class DiscordAdapter:
    """One bot account. `ready`, `trouble` and `last_poll_age_s` feed /healthz."""

    name = PLATFORM

    def __init__(
        self,
        token: SecretStr,
        chat: Chat,
        *,
        commands: Sequence[Command],
        complete: Complete,
        form_source: FormSource,
        registered: Registered,
        api_base_url: str | None = None,
        gateway_url: str | None = None,
        reply_timeout_s: float = 20.0,
        thinking_after_s: float = THINKING_AFTER_S,
        first_pause_s: float = 1.0,
        longest_pause_s: float = 60.0,
        identify_every_s: float = 5.0,
        silence_s: float = 60.0,
        progress_refs: ProgressRefs | None = None,
    ) -> None:
        self._token = token
        self._chat = chat
        self._commands = [command for command in commands if command.available]
        self._complete = complete
        self._form_source = form_source
        self._registered = registered
        self._api_base_url = api_base_url
        self._gateway_url = gateway_url
        self._thinking_after_s = thinking_after_s
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._identify_every_s = identify_every_s
        self._silence_s = silence_s
        self._wire = Wire(reply_timeout_s=reply_timeout_s)
        self._interactions = Interactions()
        self.outlet = DiscordOutlet(
            self._wire, self._interactions, first_pause_s=2 * first_pause_s, progress_refs=progress_refs
        )
        self._in_order: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._resumed = False
        self._trouble: str | None = None
        self._failures = 0
        self._heard_at = -1.0

    @property
    def ready(self) -> bool:
        """Whether Discord tells us what happens."""
        return self._heard_at >= 0 and self._trouble is None

    @property
    def trouble(self) -> str | None:
        """What is wrong at the moment, in words without secrets; None when nothing is."""
        return self._trouble

    @property
    def last_poll_age_s(self) -> float | None:
        """Seconds since the gateway last said anything (a heartbeat at least), or None before the first time."""
        return time.monotonic() - self._heard_at if self._heard_at >= 0 else None

    async def run(self) -> None:
        """Listen until cancelled. Whatever fails is said once, retried with growing pauses, and said again when over.

        Replies that are still on their way can go out afterwards: close the chat next, then call `close`.
        """
        use_api(self._api_base_url)
        while True:
            client = self.connection()
            try:
                await client.login(self._token.get_secret_value())
                await client.connect()
            except asyncio.CancelledError:
                await client.hang_up()
                if self._wire.client is not client:
                    await client.close()
                raise
            except Exception as error:  # noqa: BLE001 - a loop that ends on an error is a bot that has fallen silent
                pause_s = self._after_failure(error)
            await client.close()
            await asyncio.sleep(pause_s)

    async def close(self) -> None:
        """Close the connections to Discord."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.outlet.close()
        if self._wire.client is not None and not self._wire.client.is_closed():
            await self._wire.client.close()

    def connection(self) -> GatewayClient:
        """A client that has not connected yet and hands us what happens."""
        return _Ears(
            self,
            gateway_url=self._gateway_url,
            heard=self._heard,
            trouble=self._in_trouble,
            first_pause_s=self._first_pause_s,
            longest_pause_s=self._longest_pause_s,
            identify_every_s=self._identify_every_s,
            silence_s=self._silence_s,
        )

    async def logged_in(self, client: discord.Client) -> None:
        """We know who we are: the commands can be registered, replies can go out."""
        self._wire.client = client
        if client.application is not None and client.application.interactions_endpoint_url is not None:
            log.error("discord_commands_and_buttons_go_elsewhere", reason=_ENDPOINT_SET)
        self._spawn(register(self._wire, self._commands, self._registered))

    async def connected(self) -> None:
        """What happens from now on reaches us."""
        if self._trouble is not None or not self._resumed:
            client = self._wire.client
            name = client.user.name if client is not None and client.user is not None else ""
            log.info("discord_ready", username=name, after_failures=self._failures)
        self._trouble = None
        self._failures = 0
        if not self._resumed:
            self._resumed = True
            self._spawn(self._take_up())

    async def take_message(self, message: discord.Message) -> None:
        """Somebody wrote."""
        client = self._wire.client
        ours = message_from(message, client.user.id) if client is not None and client.user is not None else None
        if ours is not None:
            await self._take_on(ours)

    async def take_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Somebody called a command, typed one, tapped a button or sent a form in."""
        direct = is_direct(interaction)
        held = self._interactions.open(
            interaction.id,
            interaction.token,
            private=not direct,
            direct=direct,
            source_ref=str(interaction.message.id) if interaction.message is not None else None,
        )
        if held is None or interaction.user.bot:
            return
        data: Any = interaction.data or {}
        match interaction.type:
            case discord.InteractionType.application_command:
                self._spawn(self._acknowledge_later(held))
                if await self._take_on(command_call(interaction, self._commands)) is False:
                    self._interactions.close(held)  # silence: for a stranger there is nobody here
            case discord.InteractionType.autocomplete:
                await self._complete_for(interaction, held)
            case discord.InteractionType.component if str(data.get("custom_id", "")).startswith(FORM):
                if direct:
                    await self._open_form(interaction, held, str(data["custom_id"]))
                else:  # it would be refused when it is sent in; the chat says so before somebody fills it in
                    self._spawn(self.outlet.answering.acknowledge(held, silently=True))
                    await self._take_on(tap(interaction, str(data["custom_id"])))
            case discord.InteractionType.component:
                self._spawn(self.outlet.answering.acknowledge(held, silently=True))
                await self._take_on(tap(interaction, str(data.get("custom_id", ""))))
            case discord.InteractionType.modal_submit:
                self._spawn(self.outlet.answering.acknowledge(held, silently=held.source_ref is not None))
                await self._take_on(form_sent(interaction))

    async def _acknowledge_later(self, held: Answerable) -> None:
        await asyncio.sleep(self._thinking_after_s)
        if self._interactions.find(str(held.interaction_id)) is held:
            await self.outlet.answering.acknowledge(held, silently=False)

    async def _complete_for(self, interaction: discord.Interaction[Any], held: Answerable) -> None:
        kind, choices, typed = completion_of(interaction, self._commands)
        words = [choice for choice in choices if typed.lower() in choice.lower()]
        try:
            async with asyncio.timeout(SOURCE_LIMIT_S):
                if kind is not None:
                    words = await self._complete(kind, typed, sender_of(interaction.user))
            await self.outlet.answering.complete(held, words)
        except (TimeoutError, DiscordFailure) as failure:  # the next letter asks again
            log.info("discord_not_completed", reason=str(failure) or type(failure).__name__)

    async def _open_form(self, interaction: discord.Interaction[Any], held: Answerable, token: str) -> None:
        answering = self.outlet.answering
        try:
            async with asyncio.timeout(SOURCE_LIMIT_S):
                form = await self._form_source(sender_of(interaction.user), token.removeprefix(FORM))
            if form is not None:
                await answering.show_form(held, modal(form))
                return
        except TimeoutError:
            log.warning("discord_form_too_slow", form=token)
            part = Part(escaped(_FORM_TOO_SLOW))
            await answering.answer(str(held.interaction_id), part.body(), (), lasting=False)
            return
        except DiscordFailure as failure:
            log.warning("discord_form_not_shown", form=token, reason=str(failure))
            return
        # A stranger's tap, or a button whose form is no more: the chat knows which, and what to say.
        self._spawn(answering.acknowledge(held, silently=True))
        await self._take_on(tap(interaction, token.removeprefix(FORM)))

    async def _take_on(self, message: Message) -> object:
        """Hand a message over until the chat has it; those of one conversation in the order in which they came."""
        self.outlet.heard_from(message)
        lock = self._in_order.setdefault(message.address.key, asyncio.Lock())
        async with lock:
            for attempt in range(1, _TRIES_PER_MESSAGE + 1):
                try:
                    return await self._chat.handle(message, self.outlet)
                except Exception:  # the database may be locked or full; the message must wait, not be lost
                    log.exception("message_not_taken_on", key=message.key, attempt=attempt)
                    await asyncio.sleep(self._pause_s(attempt))
        log.error("message_dropped", key=message.key, attempts=_TRIES_PER_MESSAGE)
        return None

    async def _take_up(self) -> None:
        await self.outlet.begin()
        for attempt in range(1, _TRIES_PER_MESSAGE + 1):
            try:
                await self._chat.resume(self.outlet)
            except Exception:  # as above
                log.exception("messages_not_resumed", platform=PLATFORM, attempt=attempt)
                await asyncio.sleep(self._pause_s(attempt))
            else:
                return

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _heard(self) -> None:
        self._heard_at = time.monotonic()

    def _in_trouble(self, reason: str) -> None:
        if reason != self._trouble:
            log.error("discord_not_ready", reason=reason)
        self._trouble = reason
        self._failures += 1

    def _after_failure(self, error: Exception) -> float:
        """Say what is wrong when it is new; returns the pause before the next try (s)."""
        pause_s = self._pause_s(self._failures + 1)
        if isinstance(error, discord.LoginFailure) or getattr(error, "code", None) == 4004:
            reason, pause_s = TOKEN_REFUSED, self._longest_pause_s
        elif isinstance(error, discord.ConnectionClosed):
            reason, pause_s = f"Discord refuses the connection ({error.code})", self._longest_pause_s
        elif isinstance(error, discord.HTTPException):
            failure = failure_of(error)
            reason = str(failure)
            if isinstance(failure, Busy):
                pause_s = max(pause_s, failure.after_s)
            elif isinstance(failure, TokenRefused):
                pause_s = self._longest_pause_s
        elif isinstance(error, discord.RateLimited):
            reason, pause_s = "Discord asks for a pause (429)", max(pause_s, error.retry_after)
        elif isinstance(error, OSError | TimeoutError | aiohttp.ClientError):
            reason = f"Discord cannot be reached ({type(error).__name__})"
        else:
            reason = f"unexpected {type(error).__name__}"
            log.error("discord_failed", exc_info=error)
        self._in_trouble(reason)
        return pause_s

    def _pause_s(self, failures: int) -> float:
        """Doubling, with jitter so that many bots do not come back at the same instant."""
        doubled = self._first_pause_s * 2.0 ** min(failures - 1, 10)
        return min(self._longest_pause_s, doubled) * random.uniform(0.5, 1.0)


class _Ears(GatewayClient):
    """The SDK calls these by their names."""

    def __init__(self, adapter: DiscordAdapter, **settings: Any) -> None:
        super().__init__(**settings)
        self._adapter = adapter

    async def setup_hook(self) -> None:
        await self._adapter.logged_in(self)

    async def on_connect(self) -> None:
        await self._adapter.connected()

    async def on_resumed(self) -> None:
        await self._adapter.connected()

    async def on_message(self, message: discord.Message) -> None:
        await self._adapter.take_message(message)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        await self._adapter.take_interaction(interaction)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        log.exception("discord_event_failed", happening=event_method)
