"""What the worker does when: one table. Intervals are in UTC, counted from the epoch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from jobs.briefs import queue_briefs
from jobs.claims import NotDone, claim, give_back
from jobs.forecasting import make_forecasts
from jobs.housekeeping import keep_house
from jobs.planning import make_plan, plan_on_events
from jobs.polling import fetch_details, poll_devices
from jobs.prices import fetch_hash_price, fetch_prices
from jobs.scoring import score_yesterday
from jobs.training import train_models
from jobs.weather import fetch_forecast, fetch_weather_now
from jobs.work import Work

log = structlog.get_logger()
FAILED = "job_failed"


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A job that runs once in every `every_s` seconds, on one of the workers.

    It is triggered every `tick_s` (a divisor or a multiple of 60 s), so that a run that could not be done is not put
    off for the whole interval.
    """

    name: str
    tick_s: int
    every_s: int
    run: Callable[[Work], Awaitable[object]]
    timeout_s: float
    claimed: bool = True  # False: the job claims finer slots itself


SCHEDULE: tuple[Scheduled, ...] = (
    Scheduled("poll", 5, 5, poll_devices, 60, claimed=False),
    Scheduled("details", 300, 3600, fetch_details, 60),
    Scheduled("weather", 60, 1800, fetch_forecast, 60),
    Scheduled("weather_now", 60, 600, fetch_weather_now, 60),
    Scheduled("hash_price", 300, 1800, fetch_hash_price, 60),
    Scheduled("prices", 300, 3600, fetch_prices, 60),
    Scheduled("forecast", 60, 3600, make_forecasts, 90, claimed=False),
    Scheduled("training", 600, 86_400, train_models, 660, claimed=False),
    Scheduled("scoring", 600, 86_400, score_yesterday, 660, claimed=False),
    Scheduled("plan", 60, 900, make_plan, 120),
    Scheduled("plan_events", 60, 60, plan_on_events, 120),
    Scheduled("briefs", 60, 60, queue_briefs, 60),
    Scheduled("housekeeping", 3600, 86_400, keep_house, 300),
)


def schedule_for(work: Work) -> Sequence[Scheduled]:
    """The table, with more frequent polls where a device of this site wants them (1 s at the least).

    Triggers come in real time: where a demo's clock runs fast, they come as much more often.
    """
    shortest_s = min((work.poll_interval_s(device_id) for device_id in work.polled), default=5.0)
    poll_s = next(tick_s for tick_s in (5, 4, 3, 2, 1) if tick_s <= max(shortest_s, 1))
    table = tuple(replace(job, tick_s=poll_s) if job.name == "poll" else job for job in SCHEDULE)
    if work.speed == 1.0:
        return table
    return tuple(replace(job, tick_s=_real_tick_s(job.tick_s, work.speed)) for job in table)


def _real_tick_s(tick_s: int, speed: float) -> int:
    """The longest tick that arq's schedule can keep and that is no longer than `tick_s` of the site's time."""
    real_s = max(tick_s / speed, 1.0)
    return max(each for each in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60, 300, 600, 1800, 3600) if each <= real_s)


async def run_scheduled(work: Work, job: Scheduled) -> None:
    """Run a job if its slot is free. A job's failure is logged with its traceback and ends only this run."""
    try:
        if job.claimed and not await claim(work, job.name, job.every_s):
            return
        async with asyncio.timeout(job.timeout_s):
            await job.run(work)
    except NotDone:
        await _give_back(work, job)
    except TimeoutError:
        log.error("job_timed_out", job=job.name, timeout_s=job.timeout_s)
    except Exception as error:  # noqa: BLE001  arq would hide it, and it is logged
        work.surprises.failed(FAILED, job.name, error)
        await _give_back(work, job)
    else:
        work.surprises.succeeded(FAILED, job.name)


async def _give_back(work: Work, job: Scheduled) -> None:
    if not job.claimed:
        return
    try:
        await give_back(work, job.name)
    except Exception:  # then the job waits for its next slot
        log.warning("slot_not_given_back", job=job.name, exc_info=True)


def as_arq_function(job: Scheduled) -> Callable[[dict[str, Any]], Awaitable[None]]:
    """The job in the shape that arq calls; the context holds the `Work`."""

    async def function(ctx: dict[str, Any]) -> None:
        await run_scheduled(ctx["work"], job)

    function.__qualname__ = function.__name__ = job.name
    return function
