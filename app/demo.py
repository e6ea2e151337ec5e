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
from typing import TYPE_CHECKING, Any

import typer

from app.ask import DEMO_SEED, demo_world
from app.clock import RunClock
from app.demo_chat import Running, converse_until_the_end
from app.embedded_redis import sole_use
from app.opening import opened_database
from app.outlook_demo import add_outlook, add_scores
from app.processes.supervisor import Child, ChildGaveUp, end, supervise
from app.processes.supervisor import start as start_child
from app.run import child_environment, redis_for, stop_on_signal
from app.settings import Settings, SettingsError
from app.simulate import scenario_called
from energy.site import Device, Site
from services.plan_modes import MODES
from services.scope import DEFAULT_ORG_ID, HOST
from store import plan_modes, readings, sites, wishes
from store.database import Database
from store.plan_modes import PlanMode
from store.wishes import Mode, Wish

if TYPE_CHECKING:
    from simulator.physics import Scenario
    from simulator.scripts import Script

START_TIMEOUT_S = 60.0
FASTEST = 60.0  # simulated seconds per second: a process that is busy for a second must not look like a dead one
QUICK = 3.0
POLL_INTERVAL_S = {"solark_cloud": 10.0, "shelly": 5.0}  # the vendors' etiquette does not bind on loopback


@dataclass(frozen=True, slots=True)
class Simulator:
    """A running simulator: its process, and where its services listen."""

    process: asyncio.subprocess.Process
    endpoints: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DemoFlags:
    """The flags of `demo`. `keep` leaves the data where `--data` says; else they go with the demo.

    `until` "resolved" ends it once the scenario's alerts came and are over, `for_s` after so many real seconds;
    without either it ends with the input. `plan`: what is done with plans; None: what the site's settings say.
    """

    scenario: str
    keep: bool = False
    speed: float | None = None
    platforms: bool = False
    until: str = "input"
    for_s: float | None = None
    plan: str | None = None


@dataclass(frozen=True, slots=True)
class _Stage:
    """What the demo plays on."""

    settings: Settings
    scenario: Scenario
    script: Script | None
    clock: RunClock
    flags: DemoFlags


async def demo(settings: Settings, flags: DemoFlags) -> None:
    """Run the demo until its end, SIGTERM or Ctrl-C; see `DemoFlags`. Raises `StoryUnfinished` where `until` is
    "resolved" and the story goes wrong."""
    with stop_on_signal() as stop:
        stopping = asyncio.create_task(stop.wait())
        playing = asyncio.create_task(_play(settings, flags))
        try:
            await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if not playing.done():
                playing.cancel()  # whatever it is at: its ways out end the processes and leave no folder behind
        with contextlib.suppress(asyncio.CancelledError):
            await playing


async def _play(settings: Settings, flags: DemoFlags) -> None:
    from simulator.scripts import SCRIPTS

    scenario = scenario_called(flags.scenario)
    script = SCRIPTS.get(scenario.name)
    _check(flags, scenario.name, script, settings)
    settings = replace(settings, redis_url=None)  # a demo must not mix with a real installation's jobs
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        if not flags.keep:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="commandcenter-demo-"))
            settings = replace(settings, data_dir=Path(folder))
        stack.enter_context(sole_use(settings.data_dir))
        start, speed = _beginning(flags, script)
        typer.echo(f"Starting the virtual site, its history and a worker{_told(start, speed)} ...")
        async with _running(_Stage(settings, scenario, script, RunClock(start, speed=speed), flags)) as running:
            await converse_until_the_end(running, began)


def _check(flags: DemoFlags, name: str, script: Script | None, settings: Settings) -> None:
    if flags.speed is not None and not 0 < flags.speed <= FASTEST:
        raise SettingsError(f"--speed {flags.speed:g}: must be above 0, and {FASTEST:g} at the most")
    if flags.plan is not None and flags.plan not in MODES:
        raise SettingsError(f"--plan {flags.plan}: must be one of {', '.join(MODES)}")
    if flags.until not in ("input", "resolved"):
        raise SettingsError(f"--until {flags.until}: must be input or resolved")
    if flags.until == "resolved" and script is None:
        from simulator.scripts import SCRIPTS

        told = ", ".join(SCRIPTS)
        raise SettingsError(f"--until resolved: {name} has no alerts of its own; take one of {told}, or use --for")
    if flags.for_s is not None and flags.for_s <= 0:
        raise SettingsError(f"--for {flags.for_s:g}: must be more than 0 seconds")
    if (
        flags.platforms
        and not settings.platform_troubles
        and not any((settings.telegram, settings.slack, settings.discord))
    ):
        raise SettingsError(
            "--platforms: no chat platform has a token; set TELEGRAM_BOT_TOKEN, SLACK_BOT_TOKEN or DISCORD_BOT_TOKEN"
        )


def _beginning(flags: DemoFlags, script: Script | None) -> tuple[datetime | None, float]:
    """The moment at which the demo's clock begins, and its speed; None is the real time."""
    from simulator.default_site import DEFAULT_SITE

    usual = 1.0 if script is None else script.speed
    speed = usual if flags.speed is None else flags.speed
    if script is not None:
        return script.begin(DEFAULT_SITE.zone).astimezone(UTC), speed
    return (None if speed == 1.0 else datetime.now(UTC)), speed


def _told(start: datetime | None, speed: float) -> str:
    if start is None:
        return ""
    from simulator.default_site import DEFAULT_SITE

    pace = "" if speed == 1.0 else f" and runs {speed:g} times as fast"
    return f"; its clock begins at {start.astimezone(DEFAULT_SITE.zone):%A, %d %B %Y, %H:%M}{pace}"


@contextlib.asynccontextmanager
async def _running(stage: _Stage) -> AsyncIterator[Running]:
    """Everything but the chat; ended in order at the end."""
    settings, clock = stage.settings, stage.clock
    start = clock.start or datetime.now(UTC)
    world = ["--seed", str(DEMO_SEED), "--start", start.isoformat(), "--scenario", stage.scenario.name]
    environment = child_environment(settings, "") | {"DATABASE_URL": ""}
    log_file = settings.data_dir / "demo.log"
    async with opened_database(settings, create=True) as database, redis_for(settings) as redis_url:
        past = await start_child(Child("history", ["demo-history", *world], environment, log_file))
        stop = asyncio.Event()
        worker: asyncio.Task[None] | None = None
        simulator: Simulator | None = None
        try:
            if clock.is_real:  # else its time would run on while nobody looks
                simulator = await _simulator(world, environment, log_file)
            # The crew's library takes a second and a half to load: while the others start.
            await asyncio.to_thread(_load_the_crew)
            if await asyncio.wait_for(past.wait(), START_TIMEOUT_S) != 0:
                raise SettingsError(f"the demo's history could not be written; see {log_file}")
            if clock.start is not None:
                clock = RunClock.beginning(clock.start, clock.speed)
                environment |= clock.environment()
            if simulator is None:
                simulator = await _simulator(world, environment, log_file)
            site = await _site(database, simulator, stage, clock)
            environment = environment | {
                "REDIS_URL": redis_url,
                "OPEN_METEO_BASE_URL": str(simulator.endpoints["open_meteo_url"]),
                "SOLARK_USERNAME": str(simulator.endpoints["solark_username"]),
                "SOLARK_PASSWORD": str(simulator.endpoints["solark_password"]),
            }
            child = Child("worker", ["run", "--role", "worker"], environment, log_file)
            worker = asyncio.create_task(supervise([child], stop))
            yield Running(
                settings=replace(
                    settings, redis_url=redis_url, environment={**settings.environment, **clock.environment()}
                ),
                database=database,
                site=site,
                clock=clock,
                script=stage.script,
                control_url=str(simulator.endpoints["control_url"]),
                platforms=stage.flags.platforms,
                kept=stage.flags.keep,
                until_resolved=stage.flags.until == "resolved",
                for_s=stage.flags.for_s,
            )
        finally:
            stop.set()
            await end(past, "history")
            if worker is not None:
                with contextlib.suppress(ChildGaveUp):
                    await worker
            if simulator is not None:
                await end(simulator.process, "simulator")


async def _simulator(world: list[str], environment: Mapping[str, str], log_file: Path) -> Simulator:
    process = await start_child(
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


async def _site(database: Database, simulator: Simulator, stage: _Stage, clock: RunClock) -> Site:
    """The demo's site with its devices at the simulator's addresses, written to the database for the worker."""
    from simulator.default_site import site_in
    from simulator.server import Endpoints, at_endpoints

    told = {name: value for name, value in simulator.endpoints.items() if name != "site"}
    moved = at_endpoints(site_in(stage.scenario), Endpoints(**told))
    site = moved.model_copy(update={"device": tuple(_paced(device, clock.speed) for device in moved.device)})
    await sites.sync(database, DEFAULT_ORG_ID, site)
    planned = next((each for each in MODES if each == stage.flags.plan), None)
    mode: Mode = "auto" if planned or stage.script is None or stage.script.miners == "auto" else "off"
    for miner in site.miner:  # the worker runs them by their profiles until somebody says otherwise
        wish = Wish(miner.id, mode, until=None, set_by=HOST.name, set_at=clock.now(), request_id=None)
        await wishes.put(database, DEFAULT_ORG_ID, site.id, wish)
    if planned is not None:
        await plan_modes.put(database, DEFAULT_ORG_ID, site.id, PlanMode(planned, HOST.name, clock.now()))
    return site


def _paced(device: Device, speed: float) -> Device:
    """How often a device is read. Where time runs fast each second of ours is many of the site's, so it is read once a
    second, and is expected to be heard from accordingly: three times in what it usually takes to be missed once."""
    if speed <= QUICK:
        return device.model_copy(update={"poll_interval_s": POLL_INTERVAL_S.get(device.kind)})
    expected_s = max(device.interval_s, 3.0 * speed)
    return device.model_copy(update={"poll_interval_s": 1.0, "upload_interval_s": expected_s})


async def write_history(settings: Settings, scenario: str, seed: int, start_text: str) -> None:
    """`commandcenter demo-history`: the virtual site's past, as the connectors would have stored it."""
    now = datetime.fromisoformat(start_text)
    world, rows = demo_world(now, scenario, seed)
    async with opened_database(settings, create=True) as database:
        await readings.upsert(database, DEFAULT_ORG_ID, rows)
        await add_outlook(database, world.site, world, now)
        await add_scores(database, world.site, now)
