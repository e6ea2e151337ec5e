"""A ranch with nine days of 5-minute readings in a real database, and assistants over a scripted model server."""

from __future__ import annotations

import asyncio
import contextlib
import math
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from agents.assistant import Assistant
from agents.models import Models, ModelSettings
from energy.reading import Reading
from energy.site import Array, Battery, Device, Grid, Miner, Site
from services.scope import Scope
from store.database import Database, sqlite_url
from store.readings import upsert
from tests.doubles.openai_server import Script, Server, Step, serve

ZONE = ZoneInfo("America/Los_Angeles")
NOW = datetime(2026, 5, 6, 14, 2, tzinfo=ZONE).astimezone(UTC)  # a Wednesday
DAYS = 9

RANCH = Site(
    id="ranch",
    name="Solar Shack",
    timezone="America/Los_Angeles",
    latitude=37.3,
    longitude=-121.9,
    inverter_model="SolArk 15K",
    battery=Battery(usable_kwh=30, max_charge_w=9000, max_discharge_w=8000),
    grid=Grid(present=True, export_allowed=True),
    array=(Array(name="south", kwp=14.6),),
    device=(
        Device(id="solark", kind="solark_cloud", plant_id=123456),
        Device(id="cerbo", kind="victron_mqtt", host="venus.local", upload_interval_s=300),
        Device(id="garage", kind="shelly", host="192.168.1.50"),
    ),
    miner=(Miner(id="s21", name="Primary S21+", power_w=3878, hashrate_ths=235, device="garage"),),
    merge={"soc_pct": {"prefer": ["cerbo", "solark"]}},
)


def solar_w(hour: float) -> float:
    """Panels over a cloudless day: 10 kW at noon, nothing before 6 and after 18."""
    return round(max(0.0, 10_000 * math.sin(math.pi * (hour - 6) / 12)), 1)


def soc_pct(hour: float) -> float:
    """Lowest (40 %) at 6:00, highest (80 %) at 18:00."""
    return round(60 - 20 * math.cos(math.pi * (hour - 6) / 12), 2)


def ranch_readings(end: datetime = NOW, days: int = DAYS) -> list[Reading]:
    """Readings of both systems, a fifth of a degree of physics: 1.5 kW of load, the battery takes the rest."""
    rows: list[Reading] = []
    last = end.replace(minute=end.minute // 5 * 5, second=0, microsecond=0)
    for step in range(days * 288, -1, -1):
        at = last - timedelta(minutes=5 * step)
        local = at.astimezone(ZONE)
        hour = local.hour + local.minute / 60
        solar, load = solar_w(hour), 1_500.0
        rows.append(
            Reading(
                site_id="ranch",
                source="solark",
                device_id="solark",
                taken_at=at,
                soc_pct=soc_pct(hour) - 3,
                solar_w=solar,
                load_w=load,
                battery_charge_w=solar - load,
                grid_import_w=0.0,
                grid_present=True,
            )
        )
        rows.append(
            Reading(
                site_id="ranch",
                source="victron",
                device_id="cerbo",
                taken_at=at,
                soc_pct=soc_pct(hour),
                battery_voltage_v=round(48 + soc_pct(hour) / 20, 2),
                battery_temperature_c=21.5,
            )
        )
    return rows


@pytest.fixture(scope="session")
def ranch_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the ranch's readings; copied, never written."""
    path = tmp_path_factory.mktemp("ranch") / "ranch.db"

    async def fill() -> None:
        database = await Database.open(sqlite_url(path), migrate=True)
        await upsert(database, "home", ranch_readings())
        await database.close()

    asyncio.run(fill())
    return path


@pytest.fixture
async def scope(ranch_file: Path, tmp_path: Path) -> AsyncIterator[Scope]:
    """The host's view of the ranch at 14:02."""
    copy = tmp_path / "ranch.db"
    shutil.copy(ranch_file, copy)
    database = await Database.open(sqlite_url(copy))
    yield Scope(database, RANCH, NOW)
    await database.close()


@pytest.fixture
async def empty_scope(tmp_path: Path) -> AsyncIterator[Scope]:
    """The ranch before its first reading."""
    database = await Database.open(sqlite_url(tmp_path / "empty.db"), migrate=True)
    yield Scope(database, RANCH, NOW)
    await database.close()


@contextlib.asynccontextmanager
async def assisted(script: Script | Sequence[Step], **settings: Any) -> AsyncIterator[tuple[Assistant, Server]]:
    """An assistant whose model is a scripted server."""
    async with serve(script) as server:
        chosen = {"model": "scripted", "timeout_s": 5.0, "max_retries": 1} | settings
        assistant = Assistant(
            Models.build(ModelSettings(api_key=SecretStr("sk-test"), base_url=server.base_url, **chosen))
        )
        try:
            yield assistant, server
        finally:
            await assistant.close()


Assisted = Callable[..., contextlib.AbstractAsyncContextManager[tuple[Assistant, Server]]]
