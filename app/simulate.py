"""`commandcenter simulate`: the virtual site alone, its endpoints printed."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import typer

from app.run import stop_on_signal
from app.settings import SettingsError

HISTORY_DAYS = 30


@dataclass(frozen=True, slots=True)
class World:
    """The flags of `simulate`. The world has a past of 30 days before `start`."""

    seed: int
    speed: float
    start: str | None
    sites: int
    scenario: str
    wiring: str


async def simulate(world: World, *, as_json: bool) -> None:
    """Serve the virtual sites until a signal ends it."""
    from simulator.clock import SimClock
    from simulator.default_site import default_site
    from simulator.history import virtual_site
    from simulator.scenarios import SCENARIOS
    from simulator.server import serve

    if world.scenario not in SCENARIOS:
        raise SettingsError(f"--scenario {world.scenario}: must be one of {', '.join(SCENARIOS)}")
    if world.wiring not in ("solark", "both"):
        raise SettingsError(f"--wiring {world.wiring}: must be solark or both")
    if not 0 < world.speed <= 100_000:
        raise SettingsError(f"--speed {world.speed:g}: must be above 0, and 100000 at the most")
    if not 1 <= world.sites <= 50:
        raise SettingsError(f"--sites {world.sites}: must be 1 to 50")
    start = _start(world.start)
    clock = SimClock(start, world.speed)
    with stop_on_signal() as stop:
        async with contextlib.AsyncExitStack() as stack:
            for number in range(world.sites):
                name = "ranch" if number == 0 else f"ranch-{number + 1}"
                site = default_site("both" if world.wiring == "both" else "solark", site_id=name)
                virtual = virtual_site(
                    site,
                    seed=world.seed + number,
                    end=start,
                    days=HISTORY_DAYS,
                    wiring="both" if world.wiring == "both" else "solark",
                    scenario=SCENARIOS[world.scenario],
                )
                endpoints = await stack.enter_async_context(serve(virtual, clock))
                _tell(name, asdict(endpoints), as_json=as_json)
            await stop.wait()


def _start(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f'--start "{text}" is not a time; write 2026-06-21T12:00:00-07:00') from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _tell(site_id: str, endpoints: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"site": site_id, **endpoints}))
        return
    typer.echo(f"{site_id}:")
    for name, value in endpoints.items():
        typer.echo(f"  {name}: {value}")
