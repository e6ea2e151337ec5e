"""The chat with its real parts: people, inbox and memory in SQLite, the crew, the charts, Telegram's client."""

from __future__ import annotations

import asyncio
import collections
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agents.assistant import Assistant
from agents.models import Models
from app.chat_ports import StoredOffset, stored_chat
from bot.chat import Chat
from charts.render import render
from services.people import actor_of
from services.scope import DEFAULT_ORG_ID, Scope
from store import audit, people
from store.database import Database, sqlite_url
from store.pairing import create_code
from store.readings import upsert
from tests.bot.house import ZONE, House
from tests.bot.telegram_stage import running, until
from tests.doubles.ranch import NOW, RANCH, ranch_readings
from tests.doubles.telegram_api import TelegramApi


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(sqlite_url(tmp_path / "chat.db"), migrate=True)
    yield opened
    await opened.close()


class StoredHouse(House):
    """A house whose people, inbox and conversations are in the database."""

    def __init__(self, database: Database, assistant: Any = None) -> None:
        super().__init__()
        self.database = database
        self.crew = assistant

    def chat(self) -> Chat:
        async def scope_for(person: Any) -> Any:
            if self.crew is None:
                return SimpleNamespace(zone=ZONE)
            actor = await actor_of(self.database, RANCH, person.person_id, person.name)
            return Scope(self.database, RANCH, NOW, actor)

        return stored_chat(
            self.database,
            RANCH,
            commands=self.commands,
            live=self.live,
            assistant=self.crew or self.assistant,
            render=render,
            scope_for=scope_for,
        )


async def paired(api: TelegramApi, house: StoredHouse, *user_ids: int) -> None:
    """Pair accounts as people do: a code from the host, sent to the bot."""
    async with running(api, house):
        for user_id in user_ids:
            code = await create_code(house.database, DEFAULT_ORG_ID, RANCH.id, "owner")
            api.say(f"/start {code}", user_id=user_id, name=f"Person {user_id}")
        await api.wait_for(len(user_ids))
        await until(lambda: api.unconfirmed == 0)
    assert all("connected" in message.text for message in api.sent)
    api.sent.clear()


async def test_the_whole_way_from_pairing_to_a_chart(api: TelegramApi, database: Database) -> None:
    await upsert(database, DEFAULT_ORG_ID, ranch_readings())
    crew = Assistant(Models())
    house = StoredHouse(database, crew)
    await paired(api, house, 7)
    async with running(api, house):
        api.say("How full is the battery?")
        api.say("Show me a chart of yesterday")
        text, photo = await api.wait_for(2, timeout_s=30)
    await crew.close()
    assert "%" in text.text
    assert "<i>as of 14:00, " in text.markup
    assert (photo.method, (photo.photo or b"")[:4]) == ("sendPhoto", b"\x89PNG")
    assert len(photo.photo or b"") > 10_000


async def test_strangers_and_wrong_codes_leave_audit_rows_and_hear_nothing(
    api: TelegramApi, database: Database
) -> None:
    house = StoredHouse(database)
    await paired(api, house, 7)
    async with running(api, house):
        api.say("how is the battery?", user_id=666, name="Mallory <b>")
        for n in range(7):
            api.say(f"/start AAAAA-0000{n}", user_id=666, name="Mallory <b>")
        api.say("hello")
        await api.wait_for(1)
    assert {message.chat_id for message in api.sent} == {7}
    rows = await audit.entries(database, DEFAULT_ORG_ID, action="stranger_refused")
    assert len(rows) == 8
    assert {row.actor for row in rows} == {"telegram:666"}
    assert await people.admit(database, DEFAULT_ORG_ID, "telegram", "666") is None


async def test_a_code_pairs_one_account_only(api: TelegramApi, database: Database) -> None:
    house = StoredHouse(database)
    code = await create_code(database, DEFAULT_ORG_ID, RANCH.id, "viewer")
    async with running(api, house):
        for user_id in (8, 9):
            api.say(code.lower(), user_id=user_id)
        await api.wait_for(1)
        await until(lambda: api.unconfirmed == 0)
    assert [message.chat_id for message in api.sent] == [8]


async def test_a_conversation_remembers_across_restarts(api: TelegramApi, database: Database) -> None:
    house = StoredHouse(database)
    await paired(api, house, 7)
    for question in ("one", "two"):
        async with running(api, house, offset=StoredOffset(database, "telegram")):  # type: ignore[arg-type]  # same port
            api.say(question)
            await until(lambda q=question: any(q in text for text in api.texts()))
    assert house.assistant.turns == [0, 1]


async def test_thirty_people_at_once_on_one_database(api: TelegramApi, database: Database) -> None:
    house = StoredHouse(database)
    crowd = range(100, 130)
    for person in crowd:
        async with database.begin() as connection:
            person_id = await people.create_in(connection, DEFAULT_ORG_ID, f"Person {person}")
            account = people.Identity("telegram", str(person), "x")
            await people.link_in(connection, DEFAULT_ORG_ID, person_id, account)
            await people.grant_in(connection, DEFAULT_ORG_ID, RANCH.id, person_id, "viewer", granted_by="host")
    async with running(api, house):
        for n in range(4):
            for person in crowd:
                api.say(f"question {n}", user_id=person)
        await api.wait_for(120, timeout_s=25)
    for person in crowd:
        assert [text.split("\n")[0] for text in api.texts(person)] == [f"Re: question {n}" for n in range(4)]


async def test_a_bot_that_is_killed_again_and_again_loses_nothing_and_repeats_only_what_was_on_the_wire(
    api: TelegramApi, database: Database, tmp_path: Path
) -> None:
    await paired(api, StoredHouse(database), 7, 8)
    rng = random.Random(26)
    questions = [f"question {n}" for n in range(12)]
    arguments = [sys.executable, "-m", "tests.bot.bot_process", sqlite_url(tmp_path / "chat.db"), api.url, api.token]
    said, kills = 0, []
    for life in range(3):
        process = await asyncio.create_subprocess_exec(*arguments, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        polls = api.polls
        await until(lambda before=polls: api.polls > before, timeout_s=20)
        for _ in range(4):
            api.say(questions[said], user_id=7 if said % 2 else 8)
            said += 1
            await asyncio.sleep(rng.uniform(0, 0.02))
        if life < 2:
            await asyncio.sleep(rng.uniform(0, 0.08))
        else:
            await until(lambda: len(api.sent) >= len(questions), timeout_s=10)
            await asyncio.sleep(0.2)
        kills.append(time.perf_counter())
        process.kill()
        await process.wait()
    answers = collections.Counter(message.text.split("\n")[0] for message in api.sent)
    assert set(answers) == {f"Re: {question}" for question in questions}
    # Only what Telegram took in the very moment of a kill, before we could write that down, may come twice.
    for text, times in answers.items():
        first = next(message.at for message in api.sent if message.text.startswith(f"{text}\n"))
        assert times == 1 or any(abs(kill - first) < 0.2 for kill in kills), (text, times)
    for person in (7, 8):
        order = list(dict.fromkeys(api.texts(person)))
        assert order == sorted(order, key=lambda text: int(text.split("\n")[0].split()[-1]))
