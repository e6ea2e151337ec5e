"""The Victron side of the virtual site: a Cerbo GX on an MQTT broker of its own, or on one that is already there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from simulator.distortions import Distortions
from simulator.victron.broker import embedded_broker
from simulator.victron.gx import DEFAULT_PORTAL_ID, Timings, VirtualGx
from simulator.victron.ports import TARGET, Clock, Faults, NoFaults, Physics
from simulator.victron.tree import Wiring

__all__ = ["DEFAULT_PORTAL_ID", "NoFaults", "Timings", "VirtualGx", "Wiring", "serve_victron"]

REFUSED = "401"


@asynccontextmanager
async def serve_victron(
    site: Physics,
    clock: Clock,
    faults: Faults,
    port: int = 0,
    *,
    broker: tuple[str, int] | None = None,
    portal_id: str | None = None,
    wiring: Wiring | None = None,
    timings: Timings | None = None,
    values_clock: Clock | None = None,
    distortions: Distortions | None = None,
) -> AsyncIterator[tuple[str, int]]:
    """Serve the GX of `site` and yield (host, port) of its MQTT broker.

    Without `broker` an embedded one listens on loopback at `port` (0 takes a free one). With it, the GX attaches to
    the broker at that (host, port). The portal id is the site's own where its Victron device names one.

    Faults of target "victron": timeout and offline (silence), duplicate (each message twice), frozen (values stand
    still, the heartbeat goes on), nulls, html
    (payloads that are not JSON), gone (the battery monitor is unplugged), 401 (embedded broker only: callers are thrown
    out and refused). 429 has no meaning in MQTT and changes nothing. A fault with a count lasts as many ticks.
    """
    described = next((d.portal_id for d in site.site.device if d.kind == "victron_mqtt" and d.portal_id), None)
    gx = VirtualGx(
        site,
        clock,
        faults,
        portal_id=portal_id or described or DEFAULT_PORTAL_ID,
        wiring=wiring,
        timings=timings,
        values_clock=values_clock,
        distortions=distortions,
    )

    async with AsyncExitStack() as stack:
        on_tick = None
        if broker is None:
            # The GX itself knows no password: it is let in by the door before any fault, and kept in by `keep`.
            own = await stack.enter_async_context(
                embedded_broker(port, admits=lambda _user, _password: faults.peek(TARGET) != REFUSED)
            )
            broker = (own.host, own.port)

            async def on_tick(fault: str | None) -> None:
                if fault == REFUSED:
                    await own.throw_out(keep=gx.client_id)

        running = asyncio.create_task(gx.run(*broker, on_tick=on_tick))
        try:
            await _online_or_failed(gx, running)
            yield broker
        finally:
            # Again and again: on Python 3.11 a TaskGroup that fails in the same moment swallows the cancellation.
            while not running.done():
                running.cancel()
                await asyncio.wait({running}, timeout=1.0)


async def _online_or_failed(gx: VirtualGx, running: asyncio.Task[None], timeout_s: float = 10.0) -> None:
    online = asyncio.create_task(gx.online.wait())
    try:
        await asyncio.wait({online, running}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        if not online.done():
            raise TimeoutError(f"the virtual GX did not reach its MQTT broker within {timeout_s:g} s")
    finally:
        online.cancel()
