"""`commandcenter simulate`: the virtual site alone, its endpoints printed."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args

import typer

from app.clock import RunClock
from app.run import stop_on_signal
from app.settings import SettingsError
from services.transfer import EARLIEST_YEAR, LATEST_YEAR

if TYPE_CHECKING:
    from simulator.physics import Scenario, VirtualSite

HISTORY_DAYS = 30
MOST_SITES = 50
Wiring = Literal["solark", "both"]
WIRINGS: tuple[Wiring, ...] = get_args(Wiring)


@dataclass(frozen=True, slots=True)
class World:
    """The flags of `simulate`. The world has a past of 30 days before `start`."""

    seed: int
    speed: float
    start: str | None
    sites: int
    scenario: str
    wiring: str
    attended: bool = False  # the relays wait for commands from `start` on, instead of following the SOC by themselves


async def simulate(world: World, *, as_json: bool) -> None:
    """Serve the virtual sites until a signal ends it."""
    from simulator.clock import SimClock
    from simulator.fleet import fleet
    from simulator.scripts import SCRIPTS, Player
    from simulator.server import serve

    scenario = scenario_called(world.scenario)
    wiring: Wiring | None = next((known for known in WIRINGS if known == world.wiring), None)
    if wiring is None:
        raise SettingsError(f"--wiring {world.wiring}: must be one of {', '.join(WIRINGS)}")
    if not 0 < world.speed <= 100_000:
        raise SettingsError(f"--speed {world.speed:g}: must be above 0, and 100000 at the most")
    if not 1 <= world.sites <= MOST_SITES:
        raise SettingsError(f"--sites {world.sites}: must be 1 to {MOST_SITES}")
    shared = RunClock.of(os.environ)  # with the demo that started us
    start = _start(world.start) if shared.start is None else shared.start
    speed, elapsed_s = (world.speed, 0.0) if shared.is_real else (shared.speed, time.time() - shared.began_s)
    clock = SimClock(start, speed, elapsed_s=elapsed_s)
    born = start - timedelta(days=HISTORY_DAYS)
    worlds = fleet(world.sites, seed=world.seed, start=born, wiring=wiring, scenario=scenario)
    with stop_on_signal() as stop:
        async with contextlib.AsyncExitStack() as stack:
            for virtual in worlds:
                if world.attended:
                    _hand_over(virtual, start)
                script = SCRIPTS.get(scenario.name)
                player = None if script is None else Player(script, clock)
                served = serve(virtual, clock, tick_s=_tick_s(speed), player=player, dated=shared.is_real)
                endpoints = await stack.enter_async_context(served)
                if player is not None and not world.attended:  # nobody says when
                    player.begin()
                _tell(virtual.site.id, asdict(endpoints), as_json=as_json)
            await stop.wait()


def scenario_called(name: str) -> Scenario:
    """The scenario of that name, with hyphens or underscores; `SettingsError` names those that exist."""
    from simulator.scenarios import SCENARIOS, scenario_named

    try:
        return scenario_named(name)
    except ValueError as error:
        raise SettingsError(f"--scenario {name}: must be one of {', '.join(SCENARIOS)}") from error


def _tick_s(speed: float) -> float:
    """The GX looks at its values once a second, and about once in ten simulated seconds where time runs fast."""
    return min(1.0, max(10.0 / speed, 0.25))


def _hand_over(virtual: VirtualSite, at: datetime) -> None:
    """Leave every relay as it stands: one that was switched once follows nothing by itself any more."""
    for miner in virtual.site.miner:
        on = virtual.relay(miner.device, miner.channel, at).on
        virtual.set_relay(miner.device, miner.channel, on, at=at)


def _start(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f'--start "{text}" is not a time; write 2026-06-21T12:00:00-07:00') from error
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise SettingsError(f'--start "{text}" lies outside the years {EARLIEST_YEAR} to {LATEST_YEAR}')
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _tell(site_id: str, endpoints: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"site": site_id, **endpoints}))
        return
    typer.echo(f"{site_id}:")
    for name, value in endpoints.items():
        typer.echo(f"  {name}: {value}")
