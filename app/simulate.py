"""`commandcenter simulate`: the virtual site alone, its endpoints printed."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args

import typer

from app.run import stop_on_signal
from app.settings import SettingsError
from services.transfer import EARLIEST_YEAR, LATEST_YEAR

if TYPE_CHECKING:
    from simulator.physics import VirtualSite

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
    from simulator.scenarios import SCENARIOS
    from simulator.server import serve

    if world.scenario not in SCENARIOS:
        raise SettingsError(f"--scenario {world.scenario}: must be one of {', '.join(SCENARIOS)}")
    wiring: Wiring | None = next((known for known in WIRINGS if known == world.wiring), None)
    if wiring is None:
        raise SettingsError(f"--wiring {world.wiring}: must be one of {', '.join(WIRINGS)}")
    if not 0 < world.speed <= 100_000:
        raise SettingsError(f"--speed {world.speed:g}: must be above 0, and 100000 at the most")
    if not 1 <= world.sites <= MOST_SITES:
        raise SettingsError(f"--sites {world.sites}: must be 1 to {MOST_SITES}")
    start = _start(world.start)
    clock = SimClock(start, world.speed)
    born = start - timedelta(days=HISTORY_DAYS)
    worlds = fleet(world.sites, seed=world.seed, start=born, wiring=wiring, scenario=SCENARIOS[world.scenario])
    with stop_on_signal() as stop:
        async with contextlib.AsyncExitStack() as stack:
            for virtual in worlds:
                if world.attended:
                    _hand_over(virtual, start)
                endpoints = await stack.enter_async_context(serve(virtual, clock))
                _tell(virtual.site.id, asdict(endpoints), as_json=as_json)
            await stop.wait()


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
