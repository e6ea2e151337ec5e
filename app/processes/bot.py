"""The bot: the chat platforms and the web face of one site. It never talks to a device."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import structlog

from agents.assistant import Assistant
from agents.models import Models
from app import __version__
from app.chat_ports import StoredConversations, StoredInbox, StoredOffset, StoredPeople
from app.settings import Settings, TelegramSettings
from bot.chat import Chat
from bot.platforms.telegram.client import OFFICIAL_API, connect
from bot.platforms.telegram.ingress import TelegramPolling
from bot.platforms.telegram.send import TelegramOutlet
from bot.ports import Person
from bot.start_up import make_ready
from bot.web.app import Adapter, HealthReport
from bot.web.serve import web_face
from charts.render import render
from energy.site import Site
from services.people import actor_of
from services.scope import DEFAULT_ORG_ID, Scope
from store import readings
from store.database import Database

log = structlog.get_logger()


@contextlib.asynccontextmanager
async def chat_of(settings: Settings, database: Database, site: Site) -> AsyncIterator[Chat]:
    """The chat bound to its real parts and loaded; what is being answered is finished at the end."""
    assistant = Assistant(Models.build(settings.models))
    # matplotlib's font list takes half a second to make: keep it, also where the home folder cannot be written.
    os.environ.setdefault("MPLCONFIGDIR", str(settings.data_dir / "matplotlib"))
    await asyncio.to_thread(assistant.load)
    await asyncio.to_thread(make_ready)

    async def scope_for(person: Person) -> Scope:
        actor = await actor_of(database, site, person.person_id, person.name)
        return Scope(database=database, site=site, as_of=datetime.now(UTC), actor=actor)

    chat = Chat(
        inbox=StoredInbox(database),
        people=StoredPeople(database, site),
        conversations=StoredConversations(database, site),
        assistant=assistant,
        render=render,
        scope_for=scope_for,
    )
    try:
        yield chat
    finally:
        await chat.close()
        await assistant.close()


async def run(
    settings: Settings, database: Database, site: Site, stop: asyncio.Event, *, platforms: bool = True
) -> None:
    """Chat on every platform that has a token, and serve the web face, until `stop` is set."""
    async with chat_of(settings, database, site) as chat:
        polling = [telegram_polling(settings.telegram, chat, database)] if settings.telegram and platforms else []
        if platforms and not polling:
            log.warning("no_chat_platform", remedy="set TELEGRAM_BOT_TOKEN, then `commandcenter pair`")
        async with web_face(ProcessHealth(database, site, polling), settings.web_host, settings.web_port):
            tasks = [asyncio.create_task(each.run()) for each in polling]
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in (stopping, *tasks):
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            await chat.close()  # pending replies still need the platforms' connections
            for each in polling:
                await each.close()
    for error in ended:
        if isinstance(error, Exception):
            raise error


def telegram_polling(settings: TelegramSettings, chat: Chat, database: Database) -> TelegramPolling:
    """Telegram by long polling."""
    client = connect(settings.token, settings.api_base_url or OFFICIAL_API)
    return TelegramPolling(
        client,
        chat,
        TelegramOutlet(client),
        offset=StoredOffset(database, "telegram"),
        long_poll_s=round(settings.long_poll_timeout_s),
    )


class ProcessHealth:
    """What /healthz reports: the database, the adapters, and how old the newest reading is."""

    def __init__(self, database: Database, site: Site, polling: Sequence[TelegramPolling]) -> None:
        self._database = database
        self._site = site
        self._polling = polling
        self._is_live = any(device.kind != "csv" for device in site.device)  # imported files grow old in peace

    async def check(self) -> HealthReport:
        """See `bot.web.app.Health`."""
        now = datetime.now(UTC)
        try:
            latest = await readings.latest(self._database, DEFAULT_ORG_ID, self._site.id, as_of=now)
        except Exception:  # whatever it is, the report must say it
            log.exception("health_database_failed")
            return HealthReport(database_ok=False, version=__version__)
        newest = max((reading.taken_at for reading in latest.values()), default=None)
        return HealthReport(
            database_ok=True,
            adapters={each.name: Adapter(each.ready, each.last_poll_age_s, each.trouble) for each in self._polling},
            newest_reading_age_s=None if newest is None or not self._is_live else (now - newest).total_seconds(),
            version=__version__,
        )
