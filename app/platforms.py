"""The chat platforms that have a token, bound to the chat; each is loaded only when it is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.chat_ports import StoredOffset, StoredProgress, StoredRegistration
from app.settings import DiscordSettings, Settings, SlackSettings, TelegramSettings
from bot.chat import Chat
from bot.commands.command import Command
from bot.forms import Form
from bot.message import Sender
from bot.ports import Outlet
from bot.web.app import Hook, HookAnswer
from services import routes
from store.database import Database

TELEGRAM_PATH, SLACK_PATH = "/webhooks/telegram", "/webhooks/slack"


class PlatformAdapter(Protocol):
    """One platform: runs until it is cancelled, and says how it is doing."""

    @property
    def name(self) -> str: ...

    @property
    def outlet(self) -> Outlet: ...

    @property
    def ready(self) -> bool: ...

    @property
    def trouble(self) -> str | None: ...

    @property
    def last_poll_age_s(self) -> float | None: ...

    async def run(self) -> None: ...

    async def close(self) -> None: ...


class CommandSide(Protocol):
    """What the adapters need of the commands: the list, completions and forms as an account's person finds them."""

    def menu(self) -> Sequence[Command]: ...

    async def complete(self, kind: str, typed: str, sender: Sender) -> list[str]: ...

    async def form(self, sender: Sender, name: str) -> Form | None: ...


@dataclass(frozen=True, slots=True)
class Platforms:
    """The adapters, and the webhooks that the web face has to serve for them."""

    adapters: tuple[PlatformAdapter, ...]
    hooks: Mapping[str, Hook]


def platforms_of(settings: Settings, chat: Chat, commands: CommandSide, database: Database) -> Platforms:
    """An adapter for every platform that has a token."""
    adapters: list[PlatformAdapter] = []
    hooks: dict[str, Hook] = {}
    if settings.telegram is not None:
        adapters.append(_telegram(settings.telegram, chat, commands, database, hooks))
    if settings.slack is not None:
        adapters.append(_slack(settings.slack, chat, commands, database, hooks))
    if settings.discord is not None:
        adapters.append(_discord(settings.discord, chat, commands, database))
    return Platforms(tuple(adapters), hooks)


def _telegram(
    settings: TelegramSettings, chat: Chat, commands: CommandSide, database: Database, hooks: dict[str, Hook]
) -> PlatformAdapter:
    from bot.platforms.telegram.client import OFFICIAL_API, connect
    from bot.platforms.telegram.ingress import TelegramPolling
    from bot.platforms.telegram.send import TelegramOutlet
    from bot.platforms.telegram.webhook import TelegramWebhook

    client = connect(settings.token, settings.api_base_url or OFFICIAL_API)

    async def moved(old_chat_id: str, new_chat_id: str) -> None:
        await routes.moved(database, "telegram", old_chat_id, new_chat_id)

    outlet = TelegramOutlet(client, on_moved=moved, progress_refs=StoredProgress(database))
    registered = StoredRegistration(database, "telegram")
    if settings.webhook_url is not None and settings.webhook_secret is not None:
        webhook = TelegramWebhook(
            client,
            chat,
            outlet,
            url=settings.webhook_url,
            secret=settings.webhook_secret,
            commands=commands.menu(),
            registered=registered,
        )

        async def telegram_hook(headers: Mapping[str, str], body: bytes) -> HookAnswer:
            status, content = await webhook.handle_request(headers, body)
            return HookAnswer(status, content)

        hooks[TELEGRAM_PATH] = telegram_hook
        return webhook
    return TelegramPolling(
        client,
        chat,
        outlet,
        offset=StoredOffset(database, "telegram"),
        commands=commands.menu(),
        registered=registered,
        long_poll_s=round(settings.long_poll_timeout_s),
    )


def _slack(
    settings: SlackSettings, chat: Chat, commands: CommandSide, database: Database, hooks: dict[str, Hook]
) -> PlatformAdapter:
    from bot.platforms.slack.client import OFFICIAL_API
    from bot.platforms.slack.ingress import SlackAdapter

    adapter = SlackAdapter(
        settings.bot_token,
        settings.app_token,
        settings.signing_secret,
        chat,
        commands=commands.menu(),
        complete=commands.complete,
        form_source=commands.form,
        api_base_url=settings.api_base_url or OFFICIAL_API,
        progress_refs=StoredProgress(database),
    )

    async def slack_hook(headers: Mapping[str, str], body: bytes) -> HookAnswer:
        status, answer_headers, content = await adapter.handle_request(headers, body)
        return HookAnswer(status, content, answer_headers)

    if settings.app_token is None:
        hooks[SLACK_PATH] = slack_hook
    return adapter


def _discord(settings: DiscordSettings, chat: Chat, commands: CommandSide, database: Database) -> PlatformAdapter:
    from bot.platforms.discord.ingress import DiscordAdapter

    return DiscordAdapter(
        settings.token,
        chat,
        commands=commands.menu(),
        complete=commands.complete,
        form_source=commands.form,
        registered=StoredRegistration(database, "discord"),
        api_base_url=settings.api_base_url,
        gateway_url=settings.gateway_url,
        progress_refs=StoredProgress(database),
    )
