"""The word after a stop that nobody planned, or a long one: how long we were away, and what was missed."""

from __future__ import annotations

import asyncio

from jobs.work import Work


async def keep_worker_beat(work: Work, stop: asyncio.Event) -> None:
    """Say that a worker runs, each 10 s, and at the end that it stopped on purpose; on start tell what was missed."""
    raise NotImplementedError
