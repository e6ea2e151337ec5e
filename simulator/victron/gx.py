"""A virtual Cerbo GX: what dbus-flashmq does with keepalives, reads and writes (Venus OS 3.70, its src/state.cpp).

Timers run on the monotonic clock of this machine, not on the virtual site's: a client sends its keepalive every 30 s
of its own time, so at 60 times the speed a virtual minute would silence the GX between any two of them. The values
and the stamps in heartbeats follow the virtual clock.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic

import structlog
from amqtt.client import MQTTClient
from amqtt.errors import AMQTTError, ClientError, ConnectError, MQTTError

from simulator.distortions import Distortions
from simulator.victron.broker import close_transport
from simulator.victron.ports import TARGET, Clock, Faults, Physics
from simulator.victron.tree import BATTERY, Counters, Leaf, Value, Wiring, leaves, nulled

log = structlog.get_logger()

DEFAULT_PORTAL_ID = "c0619ab12345"
FULL_REPUBLISHES_PER_S = 3
OnTick = Callable[[str | None], Awaitable[None]]
_SILENT = ("timeout", "offline")
_HTML = b"<html><body>502 Bad Gateway</body></html>"
_MQTT_TROUBLE = (OSError, AMQTTError, MQTTError, ClientError, ConnectError)


@dataclass(frozen=True, slots=True)
class Timings:
    """How long things take, in s; tests shorten them."""

    keepalive_s: float = 60.0
    heartbeat_s: float = 3.0
    tick_s: float = 1.0
    reconnect_s: float = 1.0


class VirtualGx:
    """The GX of one virtual site; `run` keeps it on a broker until it is cancelled."""

    def __init__(
        self,
        physics: Physics,
        clock: Clock,
        faults: Faults,
        *,
        portal_id: str = DEFAULT_PORTAL_ID,
        wiring: Wiring | None = None,
        timings: Timings | None = None,
        values_clock: Clock | None = None,
        distortions: Distortions | None = None,
    ) -> None:
        """`values_clock` is the time of the values told, where that is another one; `distortions` are what it tells
        wrongly."""
        self.portal_id = portal_id
        self.client_id = f"gx-{portal_id}-{secrets.token_hex(4)}"
        self.online = asyncio.Event()
        self._physics, self._clock, self._faults = physics, clock, faults
        self._values_clock = values_clock or clock
        self._distortions = distortions or Distortions()
        # A scenario may take the grid away that the site's description has.
        grid = physics.site.grid.model_copy(update={"present": physics.has_grid})
        self._site = physics.site.model_copy(update={"grid": grid})
        self._wiring = wiring or Wiring(chargers=physics.wiring != "solark")
        self._timings = timings or Timings()
        self._counters = Counters()
        self._counted_at = clock.now()
        self._fault: str | None = None
        self._written: dict[str, Value] = {}
        self._tree = self._measured()
        self._sent: dict[str, bytes] = {}
        self._alive_until = -1.0
        self._next_heartbeat = 0.0
        self._tokens = FULL_REPUBLISHES_PER_S
        self._tokens_filled_at = monotonic()
        self._client: MQTTClient | None = None

    @property
    def alive(self) -> bool:
        """Whether a keepalive came in the last 60 s, so that changes are published."""
        return monotonic() < self._alive_until

    async def run(self, host: str, port: int, *, on_tick: OnTick | None = None) -> None:
        """Stay connected to the broker at `host:port`, for ever; `on_tick` hears of the fault in force each tick."""
        reachable = True
        while True:
            try:
                await self._session(host, port, on_tick)
            except* _MQTT_TROUBLE as trouble:
                self.online.clear()
                if reachable:
                    log.warning("virtual_gx_lost_broker", host=host, port=port, reason=repr(trouble.exceptions[0]))
                reachable = False
            else:
                reachable = True
            await asyncio.sleep(self._timings.reconnect_s * random.uniform(0.8, 1.2))

    async def _session(self, host: str, port: int, on_tick: OnTick | None) -> None:
        config = {"auto_reconnect": False, "keep_alive": 20, "connection_timeout": 5, "plugins": {}}
        client = MQTTClient(client_id=self.client_id, config=config)
        await _connect(client, f"mqtt://{host}:{port}/")
        try:
            await client.subscribe([(f"R/{self.portal_id}/#", 0), (f"W/{self.portal_id}/#", 0)])
            self._client = client
            self._sent = {path: _payload(leaf) for path, leaf in self._tree.items()}  # only changes from here on
            # The only retained topic: it announces the portal id even while the GX says nothing else.
            serial = f"N/{self.portal_id}/system/0/Serial"
            await client.publish(serial, _payload(Leaf(self.portal_id)), qos=0, retain=True)
            self.online.set()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(client))
                tasks.create_task(self._tick_for_ever(on_tick))
        finally:
            self._client = None
            with suppress(*_MQTT_TROUBLE):  # already gone, or going
                await client.disconnect()
            close_transport(client)

    async def _listen(self, client: MQTTClient) -> None:
        while True:
            message = await client.deliver_message()
            if message is None:
                raise ConnectionResetError("the broker closed the connection")
            if self._fault in _SILENT:
                continue
            letter, _, rest = str(message.topic).partition("/")
            path = rest.partition("/")[2]
            if letter == "W":
                await self._write(path, bytes(message.data))
            elif path == "keepalive":
                await self._keep_alive(bytes(message.data))
            elif not message.data:
                await self._read(path)

    async def _tick_for_ever(self, on_tick: OnTick | None) -> None:
        while True:
            self._fault = self._faults.take(TARGET)  # where faults are counted, a tick is one answer
            if on_tick is not None:
                await on_tick(self._fault)
            await self._tick()
            await asyncio.sleep(self._timings.tick_s)

    async def _tick(self) -> None:
        fault = self._fault
        if fault in _SILENT:
            return
        if fault != "frozen":
            before, self._tree = self._tree, self._measured()
            for path in before.keys() - self._tree.keys():
                self._sent.pop(path, None)
                await self._publish(path, b"")  # zero length: the device is gone; sent even while asleep
        if not self.alive:
            return
        await self._publish_leaves(p for p, leaf in self._tree.items() if self._sent.get(p) != _payload(leaf))
        if monotonic() >= self._next_heartbeat:
            self._next_heartbeat = monotonic() + self._timings.heartbeat_s
            await self._publish("heartbeat", json.dumps({"value": self._unix_s}).encode())

    async def _keep_alive(self, payload: bytes) -> None:
        if b"suppress-republish" not in payload and self._take_token():
            await self._publish_leaves(self._tree)
            done: dict[str, int | str] = {"value": self._unix_s}
            echo = _echo(payload)
            if echo is not None:
                done["full-publish-completed-echo"] = echo
            await self._publish("full_publish_completed", json.dumps(done).encode())
        self._alive_until = monotonic() + self._timings.keepalive_s

    async def _read(self, path: str) -> None:
        """One leaf, or every leaf below a path; without wildcards, and answered whether awake or not."""
        below = path.rstrip("/") + "/"
        await self._publish_leaves(p for p in self._tree if p == path or p.startswith(below))
        if path == "system/0/Serial":  # the keepalive of old firmware
            self._alive_until = monotonic() + self._timings.keepalive_s

    async def _write(self, path: str, payload: bytes) -> None:
        """Take a value that the path accepts, and echo it; anything else gets no answer, as on the real one."""
        leaf = self._tree.get(path)
        try:
            value = json.loads(payload)["value"]
        except (ValueError, KeyError, TypeError):
            return
        if leaf is None or not leaf.accepts(value):
            return
        self._written[path] = value
        self._tree = self._with_written(self._tree)
        if self.alive:
            await self._publish_leaves([path])

    async def _publish_leaves(self, paths: Iterable[str]) -> None:
        spoiled = self._fault == "html"
        for path in list(paths):
            leaf = self._tree.get(path)
            if leaf is not None:
                payload = _payload(leaf)
                self._sent[path] = payload
                await self._publish(path, _HTML if spoiled else payload)

    async def _publish(self, path: str, payload: bytes) -> None:
        if self._client is not None:
            for _ in range(2 if self._fault == "duplicate" else 1):
                await self._client.publish(f"N/{self.portal_id}/{path}", payload, qos=0)

    def _measured(self) -> dict[str, Leaf]:
        now = self._values_clock.now()
        state = self._physics.state_at(now)
        hours = max((now - self._counted_at).total_seconds(), 0.0) / 3600
        self._counted_at = now
        self._counters.count(state, hours=hours, day=now.astimezone(self._physics.site.zone).toordinal())
        tree = leaves(self._site, state, self._wiring, self._counters, self.portal_id)
        if self._fault == "nulls":
            tree = nulled(tree)
        if self._fault == "gone":
            tree = {path: leaf for path, leaf in tree.items() if not path.startswith(BATTERY + "/")}
            tree |= {path: Leaf(None) for path in tree if path.startswith("system/0/Dc/Battery/")}
        return self._distorted(self._with_written(tree))

    def _distorted(self, tree: dict[str, Leaf]) -> dict[str, Leaf]:
        if not self._distortions.of(TARGET):
            return tree
        told = self._distortions.leaves(TARGET, {path: leaf.value for path, leaf in tree.items()})
        return {path: replace(tree.get(path, Leaf(None)), value=value) for path, value in told.items()}

    def _with_written(self, tree: dict[str, Leaf]) -> dict[str, Leaf]:
        for path, value in self._written.items():
            leaf = tree.get(path)
            if leaf is not None:
                tree[path] = Leaf(value, leaf.minimum, leaf.maximum, leaf.writable, leaf.choices)
        return tree

    def _take_token(self) -> bool:
        """Full republishes are limited to 3 in a second; one too many keeps alive but publishes nothing."""
        if monotonic() - self._tokens_filled_at >= 1:
            self._tokens, self._tokens_filled_at = FULL_REPUBLISHES_PER_S, monotonic()
        self._tokens -= 1
        return self._tokens >= 0

    @property
    def _unix_s(self) -> int:
        return int(self._clock.now().timestamp() + self._distortions.stamp_s(TARGET))


async def _connect(client: MQTTClient, uri: str) -> None:
    """Connect in a task of its own: amqtt turns a cancelled connect into a ConnectError, and we would go on."""
    connecting = asyncio.ensure_future(client.connect(uri, cleansession=True))
    try:
        await asyncio.wait({connecting})
    except asyncio.CancelledError:
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        raise
    connecting.result()


def _payload(leaf: Leaf) -> bytes:
    content: dict[str, Value] = {"value": leaf.value}
    if leaf.minimum is not None:
        content |= {"min": leaf.minimum, "max": leaf.maximum}
    return json.dumps(content).encode()


def _echo(payload: bytes) -> str | None:
    try:
        options = json.loads(payload)["keepalive-options"]
        return next((str(o["full-publish-completed-echo"]) for o in options if isinstance(o, dict)), None)
    except (ValueError, KeyError, TypeError):
        return None
