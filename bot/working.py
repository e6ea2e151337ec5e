"""What a chat shows while an answer is being worked on: that we are at it, and after a while at what."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from bot.message import Address
from bot.ports import Outlet, Progress

STEP_EVERY_S = 1.0  # platforms take about one change a second


@contextlib.asynccontextmanager
async def working(
    outlet: Outlet, address: Address, *, after_s: float, every_s: float, steps_after_s: float
) -> AsyncIterator[Progress]:
    """Show the typing indicator from `after_s` on, every `every_s`, and the newest step from `steps_after_s` on.

    Yields the function that takes the steps. Quick answers show nothing: each call would cost more than it tells.
    """
    step = ""

    async def progress(text: str) -> None:
        nonlocal step
        step = text

    async def show_working() -> None:
        await asyncio.sleep(after_s)
        while True:
            with contextlib.suppress(Exception):  # an indicator that fails must not cost the answer
                await outlet.show_working(address)
            await asyncio.sleep(every_s)

    async def show_steps() -> None:
        shown = ""
        await asyncio.sleep(steps_after_s)
        while True:
            if step != shown:
                shown = step
                with contextlib.suppress(Exception):
                    await outlet.show_progress(address, shown)
            await asyncio.sleep(STEP_EVERY_S)

    tasks = [asyncio.create_task(show_working()), asyncio.create_task(show_steps())]
    try:
        yield progress
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
