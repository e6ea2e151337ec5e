"""What the worker does when: one table. Intervals are in UTC, counted from the epoch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from jobs.claims import claim
from jobs.polling import fetch_details, poll_devices
from jobs.weather import fetch_forecast
from jobs.work import Work

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A job that runs every `every_s` seconds (a divisor or a multiple of 60) on one of the workers."""

    name: str
    every_s: int
    run: Callable[[Work], Awaitable[object]]
    timeout_s: float
    claimed: bool = True  # False: the job claims finer slots itself


SCHEDULE: tuple[Scheduled, ...] = (
    Scheduled("poll", 5, poll_devices, 30, claimed=False),
    Scheduled("details", 3600, fetch_details, 60),
    Scheduled("weather", 1800, fetch_forecast, 60),
)


async def run_scheduled(work: Work, job: Scheduled) -> None:
    """Run a job if its slot is free. A job's failure is logged with its traceback and ends only this run."""
    if job.claimed and not await claim(work, job.name, job.every_s):
        return
    try:
        async with asyncio.timeout(job.timeout_s):
            await job.run(work)
    except TimeoutError:
        log.error("job_timed_out", job=job.name, timeout_s=job.timeout_s)


def as_arq_function(job: Scheduled) -> Callable[[dict[str, Any]], Awaitable[None]]:
    """The job in the shape that arq calls; the context holds the `Work`."""

    async def function(ctx: dict[str, Any]) -> None:
        await run_scheduled(ctx["work"], job)

    function.__qualname__ = function.__name__ = job.name
    return function
