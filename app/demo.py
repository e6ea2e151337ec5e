"""`commandcenter demo`: the virtual site, a worker, the web face and a chat in this terminal.

Four processes, as in a real installation: the simulator plays the site and the vendors' clouds, the worker reads them
over real protocols, this process chats, and a fourth one writes the past 30 days and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from app.ask import DEMO_SEED, demo_readings
from app.embedded_redis import sole_use
from app.opening import opened_database, scope_for
from app.processes.supervisor import Child, ChildGaveUp, end, start, supervise
from app.run import child_environment, redis_for
from app.settings import Settings, SettingsError
from energy.site import Site
from services.people import create_pairing_code
from services.scope import DEFAULT_ORG_ID, HOST
from store import readings, relays, sites, wishes
from store.database import Database
from store.wishes import Wish

START_TIMEOUT_S = 60.0
FIRST_LOOK_TIMEOUT_S = 10.0
POLL_INTERVAL_S = {"solark_cloud": 10.0, "shelly": 5.0}  # the vendors' etiquette does not bind on loopback


@dataclass(frozen=True, slots=True)
class Simulator:
    """A running simulator: its process, and where its services listen."""

    process: asyncio.subprocess.Process
    endpoints: Mapping[str, Any]


async def demo(settings: Settings, scenario: str, *, keep: bool) -> None:
    """Run the demo until the input ends. `keep` leaves the data where `--data` says; else they go with the demo."""
    from simulator.scenarios import SCENARIOS

    if scenario not in SCENARIOS:
        raise SettingsError(f"--scenario {scenario}: must be one of {', '.join(SCENARIOS)}")
    settings = replace(settings, redis_url=None)  # a demo must not mix with a real installation's jobs
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        if not keep:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="commandcenter-demo-"))
            settings = replace(settings, data_dir=Path(folder))
        stack.enter_context(sole_use(settings.data_dir))
        typer.echo("Starting the virtual site, its history and a worker ...")
        async with _running(settings, scenario) as (database, site, redis_url):
            await _converse(replace(settings, redis_url=redis_url), database, site, began, kept=keep)


@contextlib.asynccontextmanager
async def _running(settings: Settings, scenario: str) -> AsyncIterator[tuple[Database, Site, str]]:
    """Everything but the chat; ended in order at the end."""
    world = ["--seed", str(DEMO_SEED), "--start", datetime.now(UTC).isoformat(), "--scenario", scenario]
    environment = child_environment(settings, "") | {"DATABASE_URL": ""}
    log_file = settings.data_dir / "demo.log"
    async with opened_database(settings, create=True) as database, redis_for(settings) as redis_url:
        history = Child("history", ["demo-history", *world], environment, log_file)
        past = await start(history)
        simulator = await _simulator(world, environment, log_file)
        stop = asyncio.Event()
        worker: asyncio.Task[None] | None = None
        try:
            # The crew's library takes a second and a half to load: while the others start.
            await asyncio.to_thread(_load_the_crew)
            if await asyncio.wait_for(past.wait(), START_TIMEOUT_S) != 0:
                raise SettingsError(f"the demo's history could not be written; see {log_file}")
            site = await _site(database, simulator, scenario)
            environment = environment | {
                "REDIS_URL": redis_url,
                "OPEN_METEO_BASE_URL": str(simulator.endpoints["open_meteo_url"]),
                "SOLARK_USERNAME": str(simulator.endpoints["solark_username"]),
                "SOLARK_PASSWORD": str(simulator.endpoints["solark_password"]),
            }
            child = Child("worker", ["run", "--role", "worker"], environment, log_file)
            worker = asyncio.create_task(supervise([child], stop))
            yield database, site, redis_url
        finally:
            stop.set()
            await end(past, "history")
            if worker is not None:
                with contextlib.suppress(ChildGaveUp):
                    await worker
            await end(simulator.process, "simulator")


async def _simulator(world: list[str], environment: Mapping[str, str], log_file: Path) -> Simulator:
    process = await start(
        Child("simulator", ["simulate", "--json", "--attended", *world], environment, log_file), capture=True
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START_TIMEOUT_S)
    except TimeoutError:
        line = b""
    if not line:
        await end(process, "simulator")
        raise SettingsError(f"the simulator did not start; its log ends with:\n{_tail(log_file)}")
    return Simulator(process, json.loads(line))


def _load_the_crew() -> None:
    importlib.import_module("agents.crew")


def _tail(log_file: Path) -> str:
    return "\n".join(log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])


async def _site(database: Database, simulator: Simulator, scenario: str) -> Site:
    """The demo's site with its devices at the simulator's addresses, written to the database for the worker."""
    from simulator.default_site import site_in
    from simulator.scenarios import SCENARIOS
    from simulator.server import Endpoints, at_endpoints

    told = {name: value for name, value in simulator.endpoints.items() if name != "site"}
    moved = at_endpoints(site_in(SCENARIOS[scenario]), Endpoints(**told))
    quick = [d.model_copy(update={"poll_interval_s": POLL_INTERVAL_S.get(d.kind)}) for d in moved.device]
    site = moved.model_copy(update={"device": tuple(quick)})
    await sites.sync(database, DEFAULT_ORG_ID, site)
    for miner in site.miner:  # the worker runs them by their profiles until somebody says otherwise
        wish = Wish(miner.id, "auto", until=None, set_by=HOST.name, set_at=datetime.now(UTC), request_id=None)
        await wishes.put(database, DEFAULT_ORG_ID, site.id, wish)
    return site


async def _converse(settings: Settings, database: Database, site: Site, began: float, *, kept: bool) -> None:
    from app.chat_ports import StoredPeople
    from app.processes.bot import ProcessHealth, talk_of
    from bot.platforms.console import PLATFORM, SOMEBODY_AT_THE_HOST, ConsoleOutlet, converse
    from bot.web.serve import web_face

    people = StoredPeople(database, site)
    if await people.admit(PLATFORM, SOMEBODY_AT_THE_HOST) is None:
        code = await create_pairing_code(await scope_for(database, site), "owner")
        await people.pair(PLATFORM, SOMEBODY_AT_THE_HOST, "you", code)
    charts = settings.data_dir / "charts" if kept else Path("demo-charts")
    health = ProcessHealth(database, site, [])
    outlet = ConsoleOutlet(charts)
    async with (
        talk_of(settings, database, site, settings.redis_url) as talk,
        web_face(health, settings.web_host, 0) as url,
    ):
        talk.outlets[PLATFORM] = outlet
        await _first_look_at_relays(database, site)
        typer.echo(f"Ready after {time.monotonic() - began:.1f} s. {site.name} is live; health at {url}.")
        typer.echo('Ask "What\'s my battery level?" or "show me the last 24 hours", or type /help; Ctrl-D ends.\n')
        telling = asyncio.create_task(talk.courier.run())
        try:
            await converse(talk.chat, outlet)
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)


async def _first_look_at_relays(database: Database, site: Site) -> None:
    """Wait until the worker has read the relays, so that nobody is told "unknown" in the first second."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FIRST_LOOK_TIMEOUT_S):
            while len(await relays.all_of(database, DEFAULT_ORG_ID, site.id)) < len(site.miner):
                await asyncio.sleep(0.05)


async def write_history(settings: Settings, scenario: str, seed: int, start_text: str) -> None:
    """`commandcenter demo-history`: the virtual site's past, as the connectors would have stored it."""
    rows = demo_readings(datetime.fromisoformat(start_text), scenario, seed)
    async with opened_database(settings, create=True) as database:
        await readings.upsert(database, DEFAULT_ORG_ID, rows)
