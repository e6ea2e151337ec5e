"""A site whose names, devices and telemetry are hostile, with people, and the real chat over the real database."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text

from agents.assistant import Assistant
from agents.models import Models, ModelSettings
from app.chat_people import PeopleHere
from app.chat_ports import stored_chat
from bot.chat import Chat, ChatLimits
from bot.commands.dispatch import Commands
from energy.reading import Reading
from energy.site import Site
from services.people import create_pairing_code, pair
from services.scope import DEFAULT_ORG_ID, Role, Scope, no_wake
from store import device_facts, readings, relays, sites
from store.database import Database, sqlite_url
from tests.bot.house import Live, Wall, draw, message
from tests.doubles.openai_server import Server, serve
from tests.doubles.ranch import RANCH
from tests.injection.obedient import Obedient

API_KEY = "sk-secret-key-of-the-model"
ANN, BEN, VIC = "7", "8", "9"  # owner, operator, viewer


@dataclass
class House:
    """The chat and what it talks to. `before` is what the tables held when all was set up."""

    database: Database
    site: Site
    chat: Chat
    wall: Wall
    server: Server
    model: Obedient
    before: dict[str, Any] = field(default_factory=dict)

    async def say(self, text: str, *, user: str = ANN, chat: str | None = None, direct: bool = True) -> str:
        """What a person hears."""
        heard = len(self.wall.said)
        await self.chat.handle(message(text, user=user, chat=chat, direct=direct, addressed=True), self.wall)
        await self.chat.idle()
        return "\n".join(self.wall.texts[heard:])

    async def world(self) -> dict[str, Any]:
        """Everything that an instruction could have changed."""
        queries = {
            "roles": "SELECT person_id, role FROM roles ORDER BY 1",
            "people": "SELECT person_id, name, preferences FROM people ORDER BY 1",
            "identities": "SELECT platform, external_id FROM identities ORDER BY 1, 2",
            "wishes": "SELECT * FROM wishes ORDER BY 1",
            "switchings": "SELECT * FROM switchings ORDER BY 1",
            "groups": "SELECT * FROM open_groups ORDER BY 1",
            "sites": "SELECT site_id, settings FROM sites ORDER BY 1",
            "codes": "SELECT count(*) FROM pairing_codes",
            "decided": "SELECT state, origin FROM control_requests WHERE state NOT IN ('proposed', 'refused')",
        }
        async with self.database.read() as connection:
            return {
                name: [tuple(map(str, row)) for row in await connection.execute(text(query))]
                for name, query in queries.items()
            }


def hostile_site(words: str) -> Site:
    """The ranch with `words` in every name that its owner could have been talked into, or that a device tells."""
    miner = RANCH.miner[0].model_copy(update={"name": words[:200], "model": words[:200]})
    array = RANCH.array[0].model_copy(update={"name": words[:200]})
    return RANCH.model_copy(update={"name": words[:200], "miner": (miner,), "array": (array,), "inverter_model": words})


async def _telemetry(database: Database, site: Site, words: str, now: datetime) -> None:
    rows = [
        Reading(
            site_id=site.id,
            source="solark",
            device_id="solark",
            taken_at=now - timedelta(minutes=minutes),
            soc_pct=63.0,
            solar_w=4_000.0,
            load_w=1_500.0,
            battery_charge_w=2_500.0,
            grid_import_w=0.0,
            inverter_state=words[:200],
            fault_codes=(words[:100],),
        )
        for minutes in range(600, -1, -5)
    ]
    await readings.upsert(database, DEFAULT_ORG_ID, rows)
    await device_facts.put(
        database,
        DEFAULT_ORG_ID,
        site.id,
        device_id="solark",
        kind="solark_cloud",
        model=words[:200],
        firmware=words[:200],
        settings={"note": words[:200]},
        taken_at=now,
    )
    await relays.put(
        database,
        DEFAULT_ORG_ID,
        site.id,
        relays.RelayState(
            miner_id="s21",
            on=False,
            power_w=0.0,
            energy_kwh=1.0,
            timer_until=None,
            read_at=now,
            changed_at=now - timedelta(hours=9),
            changed_by="us",
            reachable=True,
            problem=words[:200],
            errors=(),
        ),
    )


@contextlib.asynccontextmanager
async def hostile_house(folder: Path, words: str) -> AsyncIterator[House]:
    """A house in which `words` stand wherever they can."""
    now = datetime.now(UTC)
    site = hostile_site(words)
    database = await Database.open(sqlite_url(folder / "house.db"), migrate=True)
    model = Obedient()
    async with serve(model.script()) as server:
        assistant = Assistant(
            Models.build(ModelSettings(api_key=SecretStr(API_KEY), base_url=server.base_url, model="scripted"))
        )
        try:
            await sites.sync(database, DEFAULT_ORG_ID, site)
            await _telemetry(database, site, words, now)
            host = Scope(database=database, site=site, as_of=now)
            people: tuple[tuple[str, str, Role], ...] = (
                (ANN, "Ann", "owner"),
                (BEN, "Ben", "operator"),
                (VIC, words[:60] or "Vic", "viewer"),
            )
            for account, name, role in people:
                await pair(database, site, "wall", account, name, await create_pairing_code(host, role))
            wall = Wall()
            chat = stored_chat(
                database,
                site,
                commands=Commands(),
                live=Live(),
                assistant=assistant,
                render=draw,
                scope_for=PeopleHere(database, site, no_wake).scope_for,
                limits=replace(ChatLimits(), per_person_per_minute=10_000, commands_per_person_per_minute=10_000),
            )
            house = House(database, site, chat, wall, server, model)
            house.before = await house.world()
            yield house
            await chat.close()
        finally:
            await assistant.close()
            await database.close()
