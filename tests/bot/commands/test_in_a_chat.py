"""The commands on the whole way: message or tap, people, roles and buttons of a real database, reply."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.chat_people import PeopleHere
from app.chat_ports import stored_chat
from bot.chat import Chat
from bot.commands.dispatch import Commands
from bot.reply import Button
from energy.reading import Reading
from services import control, people
from services.scope import HOST, Role, Scope, no_wake
from simulator.default_site import DEFAULT_SITE
from store import readings, sites
from store.database import Database, sqlite_url
from tests.bot.commands.stage import ORG
from tests.bot.commands.worker import relays_read, working
from tests.bot.house import Assistant, Live, Wall, draw, message


@dataclass
class Ranch:
    """A chat on a ranch with plenty of sun, now. Account 7 is Ann, an owner; 8 is Vic, a viewer."""

    database: Database
    chat: Chat
    wall: Wall
    scope: Scope
    assistant: Assistant

    async def hears(self, text: str, *, user: str = "7", **changes: object) -> str:
        """The last thing that was said after this message."""
        await self.chat.handle(message(text, user=user, **changes), self.wall)  # type: ignore[arg-type]
        await self.chat.idle()
        return self.wall.texts[-1]

    async def tap(self, label: str, *, user: str = "7", chat: str = "7", times: int = 1) -> None:
        taps = [message("", user=user, chat=chat, token=self.button(label).token, ref="m1") for _ in range(times)]
        await asyncio.gather(*(self.chat.handle(each, self.wall) for each in taps))
        await self.chat.idle()

    def button(self, label: str) -> Button:
        return next(each for each in reversed(self.wall.buttons) if each.label == label)


@contextlib.asynccontextmanager
async def ranch(folder: Path, *, soc_pct: float = 90) -> AsyncIterator[Ranch]:
    database = await Database.open(sqlite_url(folder / "commandcenter.db"), migrate=True)
    now = datetime.now(UTC)
    await sites.sync(database, ORG, DEFAULT_SITE)
    row = Reading(
        site_id=DEFAULT_SITE.id,
        source="solark",
        device_id="solark",
        taken_at=now,
        soc_pct=soc_pct,
        solar_w=9_000,
        load_w=1_000,
        battery_charge_w=3_000,
        grid_import_w=-5_000,
        grid_present=True,
        battery_temperature_c=20,
        fault_codes=(),
    )
    await readings.upsert(database, ORG, [row])
    scope = Scope(database=database, site=DEFAULT_SITE, as_of=now, actor=HOST)
    people_here: tuple[tuple[str, str, Role], ...] = (("7", "Ann", "owner"), ("8", "Vic", "viewer"))
    for account, name, role in people_here:
        code = await people.create_pairing_code(scope, role)
        await people.pair(database, DEFAULT_SITE, "wall", account, name, code)
    await relays_read(scope)
    assistant, wall = Assistant(), Wall()
    chat = stored_chat(
        database,
        DEFAULT_SITE,
        commands=Commands(),
        live=Live(),
        assistant=assistant,
        render=draw,
        scope_for=PeopleHere(database, DEFAULT_SITE, no_wake).scope_for,
    )
    try:
        yield Ranch(database, chat, wall, scope, assistant)
    finally:
        await chat.close()
        await database.close()


async def test_commands_taps_and_plain_orders_need_no_assistant(tmp_path: Path) -> None:
    async with ranch(tmp_path) as place:
        assert (await place.hears("/status")).startswith("90 % battery, charging at 3.00 kW")
        await place.tap("Miners")
        assert place.wall.texts[-1].startswith("0 of 3 miners on")
        async with working(place.scope):
            assert "s21 is off" in await place.hears("stop the miners")
        assert (await place.hears("use fahrenheit")).startswith("°F is your temperature unit now.")
        assert "68.0 °F" in await place.hears("/battery")
        assert place.assistant.asked == []
        assert (await place.hears("should we run the miners?")).startswith("Re: should we")


async def test_fifty_taps_on_one_confirmation_do_one_thing(tmp_path: Path) -> None:
    async with ranch(tmp_path) as place:
        assert "Start s21" in await place.hears("/miners start s21")
        async with working(place.scope) as done:
            await place.tap("Start", times=50)
        assert len(done) == 1
        assert place.wall.edits == [("m1", "s21 is on, read back from its relay.")]


async def test_somebody_else_cannot_tap_a_confirmation(tmp_path: Path) -> None:
    async with ranch(tmp_path) as place:
        await place.hears("/miners start s21")
        await place.tap("Start", user="8", chat="7")
        assert "That button is for the person who asked." in place.wall.texts[-1]
        assert await place.hears("/miners log") != ""
        assert "tapped a button to confirm, one that is somebody else's" in place.wall.texts[-1]


async def test_a_viewer_reads_but_does_not_switch(tmp_path: Path) -> None:
    async with ranch(tmp_path) as place:
        assert (await place.hears("/status", user="8")).startswith("90 % battery")
        for order in ("stop the miners", "/miners start s21", "/grid charge on", "/people"):
            assert (await place.hears(order, user="8")).startswith("That is not allowed: this needs the role")
        async with working(place.scope) as done:
            await asyncio.sleep(0.05)
        assert done == []


async def test_under_the_minimum_soc_nobody_starts_a_miner(tmp_path: Path) -> None:
    async with ranch(tmp_path, soc_pct=44) as place:
        said = await place.hears("start the miners")
        assert "SOC is 44 % and must be at least" in said
        assert place.wall.buttons == []
        assert "was refused to start" in await place.hears("/miners log")


async def test_a_group_hears_figures_only_after_an_owner_opened_it(tmp_path: Path) -> None:
    async with ranch(tmp_path) as place:
        group = {"chat": "-5", "direct": False, "addressed": True}
        assert "in a direct chat only" in await place.hears("/status", **group)
        assert "this needs the role owner" in await place.hears("/group open", user="8", **group)
        assert (await place.hears("/group open", **group)).startswith("This group is open")
        assert (await place.hears("/status", user="8", **group)).startswith("90 % battery")
        assert "in a direct chat only" in await place.hears("/prefs", **group)
        assert (await place.hears("/group close", **group)).startswith("This group is closed")
        assert "in a direct chat only" in await place.hears("/status", **group)


async def test_a_button_works_in_its_own_chat_only(tmp_path: Path) -> None:
    async with ranch(tmp_path) as place:
        await place.hears("/miners start s21")
        await place.tap("Start", chat="70")
        assert "That button belongs to another chat." in place.wall.texts[-1]
        assert isinstance(await control.log(place.scope), list)


async def test_commands_come_back_in_time(tmp_path: Path) -> None:
    async with ranch(tmp_path) as place:
        took_ms: list[float] = []
        for _ in range(10):
            for text in ("/status", "/miners", "/prefs", "/history"):
                started = time.perf_counter()
                await place.hears(text)
                took_ms.append((time.perf_counter() - started) * 1000)
        p95 = sorted(took_ms)[int(len(took_ms) * 0.95)]
        print(f"command to reply: median {sorted(took_ms)[len(took_ms) // 2]:.0f} ms, p95 {p95:.0f} ms")
        assert p95 < 300
