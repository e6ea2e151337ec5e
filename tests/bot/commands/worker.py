"""The worker's end of a request, without relays: it takes what is queued, and says how it ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from services.scope import DEFAULT_ORG_ID, Scope
from store import control, relays, wishes
from store.relays import RelayState
from store.wishes import Wish

LEASE_S = 30.0


async def relays_read(scope: Scope, on: Sequence[str] = (), problem: str | None = None) -> None:
    """What the worker last saw: these miners on for two hours, the others off."""
    now = scope.now
    for miner in scope.site.miner:
        running = miner.id in on
        state = RelayState(
            miner_id=miner.id,
            on=running,
            power_w=miner.power_w if running else 0.0,
            energy_kwh=12.5,
            read_at=now,
            changed_at=now - timedelta(hours=2),
            changed_by="us",
            problem=problem,
        )
        await relays.put(scope.database, DEFAULT_ORG_ID, scope.site.id, state)


async def work_off(scope: Scope) -> list[str]:
    """Do everything that is queued; the requests' ids."""
    done: list[str] = []
    place = (scope.database, DEFAULT_ORG_ID, scope.site.id)
    while (request := await control.claim_next(*place, now=scope.now, lease_s=LEASE_S)) is not None:
        on = request.action == "miners.start"
        results = {}
        for miner in request.arguments["miners"]:
            if request.action != "miners.auto":
                await relays.put(
                    *place,
                    RelayState(
                        miner_id=miner, on=on, read_at=scope.now, changed_at=scope.now, changed_by="us", power_w=0.0
                    ),
                )
            mode = {"miners.start": "on", "miners.stop": "off", "miners.auto": "auto"}[request.action]
            wish = Wish(miner, mode, None, request.person_id or "host", scope.now, request.request_id)  # type: ignore[arg-type]
            await wishes.put(*place, wish)
            results[miner] = {"says": f"{miner} is {mode}, read back from its relay."}
        await control.finish(
            scope.database, DEFAULT_ORG_ID, request.request_id, state="done", results=results, now=scope.now
        )
        done.append(request.request_id)
    return done


@contextlib.asynccontextmanager
async def working(scope: Scope) -> AsyncIterator[list[str]]:
    """A worker that does what is queued, as long as the block runs."""
    done: list[str] = []

    async def work() -> None:
        while True:
            done.extend(await work_off(scope))
            await asyncio.sleep(0.01)

    task = asyncio.create_task(work())
    try:
        yield done
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
