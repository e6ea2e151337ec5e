"""The simulator's own endpoint: order faults, look behind the curtain, put a hand on relays, miners and the grid."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from simulator.clock import SimClock
from simulator.faults import Faults
from simulator.orders import order_fault
from simulator.physics import PhysicalState, VirtualSite
from simulator.shelly_relays import ShellyRelays

Begin = Callable[[], datetime]  # begins the script; when it began


class ControlServer:
    """GET /state and POST /begin, /faults, /relay, /reboot, /trip, /weld, /miner, /grid, /advance of one site."""

    def __init__(
        self,
        world: VirtualSite,
        clock: SimClock,
        faults: Faults,
        targets: frozenset[str],
        relays: Mapping[str, ShellyRelays],
        begin: Begin | None = None,
    ) -> None:
        self._begin = begin
        self._world, self._clock, self._faults, self._targets, self._relays = world, clock, faults, targets, relays
        self._orders: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "/begin": self._begin_script,
            "/faults": self._order_fault,
            "/relay": self._switch_relay,
            "/reboot": self._reboot,
            "/trip": self._trip,
            "/weld": self._weld,
            "/miner": self._tell_miner,
            "/grid": self._switch_grid,
            "/advance": self._advance,
        }

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application()
        app.router.add_get("/state", self._state)
        for path in self._orders:
            app.router.add_post(path, self._ordered)
        return app

    def order(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Do what `body` says at `path`, such as "/faults"; what came of it. ValueError names what is wrong."""
        return self._orders[path](body)

    async def _ordered(self, request: web.Request) -> web.Response:
        try:
            return web.json_response(self.order(request.path, await _body(request)))
        except ValueError as error:
            raise _bad(str(error)) from error

    async def _state(self, _: web.Request) -> web.Response:
        now = self._clock.now()
        relays = {
            f"{device_id}:{channel}": asdict(view) for (device_id, channel), view in self._world.relays(now).items()
        }
        return web.json_response(
            {
                "now": now.isoformat(),
                "physics": _plain(self._world.state_at(now)),
                "totals": asdict(self._world.totals_at(now)),
                "relays": relays,
                "commands": {device_id: device.commands for device_id, device in self._relays.items()},
                "faults": self._in_force(),
                "seed": self._world.seed,
                "scenario": self._world.scenario.name,
                "wiring": self._world.wiring,
            }
        )

    def _begin_script(self, _: Mapping[str, Any]) -> dict[str, Any]:
        """The scenario's script begins now, if it has not: `{"begun_at"}`."""
        if self._begin is None:
            raise ValueError("this scenario has no script")
        return {"begun_at": self._begin().isoformat()}

    def _order_fault(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"target", "fault", "count": n|null, "seconds": s|null, "field", "value", "by_s", "codes"}`; fault "none"
        ends what is in force, with a "field" that alone. See `simulator.orders`."""
        order_fault(body, self._faults, self._targets, self._world, self._clock.now())
        return {"faults": self._in_force()}

    def _in_force(self) -> dict[str, Any]:
        misfortunes = self._world.misfortunes.in_force(self._clock.now().timestamp())
        return self._faults.in_force() | {f"site {name}": figure for name, figure in misfortunes.items()}

    def _switch_relay(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"device", "channel", "on", "seconds": s|null, "source": "button"}`: as if somebody pressed the button."""
        relays, channel = self._named_channel(body)
        if not isinstance(body.get("on"), bool):
            raise ValueError('needs "on" (true or false)')
        seconds = body.get("seconds")
        if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0):
            raise ValueError('"seconds" must be more than 0, or left out')
        relays.switch(channel, body["on"], seconds, str(body.get("source", "button")))
        return asdict(relays.view(channel))

    def _reboot(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"device"}`: as if the relay lost its power for a moment."""
        relays = self._named(body)
        relays.reboot(counters=relays.model.generation == 1)
        return {"outputs": [relays.view(channel).on for channel in relays.channels]}

    def _trip(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"device", "channel", "error": "overpower"}`: a protection of the relay acts."""
        relays, channel = self._named_channel(body)
        relays.trip(channel, str(body.get("error", "overpower")))
        return asdict(relays.view(channel))

    def _weld(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"device", "channel", "welded"}`: the contact sticks closed, whatever the relay says; or comes free."""
        relays, channel = self._named_channel(body)
        self._world.weld(relays.device.id, channel, body.get("welded") is not False, at=self._clock.now())
        return asdict(relays.view(channel))

    def _tell_miner(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"miner", "asleep"}`: as if somebody told the miner at its own web page to stop or to hash."""
        known = {miner.id for miner in self._world.site.miner}
        if body.get("miner") not in known or not isinstance(body.get("asleep"), bool):
            raise ValueError(f'needs "miner" (one of {", ".join(sorted(known))}) and "asleep" (true or false)')
        now = self._clock.now()
        self._world.set_asleep(body["miner"], body["asleep"], at=now)
        return asdict(self._world.miner(body["miner"], now))

    def _named_channel(self, body: Mapping[str, Any]) -> tuple[ShellyRelays, int]:
        relays, channel = self._named(body), body.get("channel", 0)
        if isinstance(channel, bool) or not isinstance(channel, int) or channel not in relays.channels:
            raise ValueError(f'needs "channel", 0 to {len(relays.channels) - 1}')
        return relays, channel

    def _named(self, body: Mapping[str, Any]) -> ShellyRelays:
        relays = self._relays.get(str(body.get("device")))
        if relays is None:
            raise ValueError(f'needs "device", one of {", ".join(self._relays)}')
        return relays

    def _switch_grid(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"present": true|false, "seconds": s|null}`: an outage by hand, or its end."""
        if not isinstance(body.get("present"), bool):
            raise ValueError('needs "present" (true or false)')
        now = self._clock.now()
        self._world.set_grid(body["present"], _until(body, now), at=now)
        return {"grid_present": self._world.state_at(now).grid_present}

    def _advance(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"seconds": s}`: jump ahead in simulated time."""
        seconds = body.get("seconds")
        if not isinstance(seconds, int | float) or seconds < 0:
            raise ValueError('needs "seconds", 0 or more')
        self._clock.advance(timedelta(seconds=seconds))
        return {"now": self._clock.now().isoformat()}


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.text())
    except ValueError:
        raise _bad("the body must be JSON") from None
    if not isinstance(body, dict):
        raise _bad("the body must be a JSON object")
    return body


def _bad(reason: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": reason}), content_type="application/json")


def _until(body: Mapping[str, Any], now: datetime) -> datetime | None:
    seconds = body.get("seconds")
    return None if seconds is None else now + timedelta(seconds=float(seconds))


def _plain(state: PhysicalState) -> dict[str, Any]:
    values = {field.name: getattr(state, field.name) for field in fields(state)}
    return values | {"at": state.at.isoformat(), "miner_w": dict(state.miner_w), "solar_w": state.solar_w}
