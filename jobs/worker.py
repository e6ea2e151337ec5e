"""The arq worker under supervision: Redis may go away and come back, the process stays.

arq ends its main loop when a connection breaks (python-arq/arq#498), so it is built anew in a loop. Redis only
triggers: each slot is claimed in the database, so a doubled trigger does nothing and a lost one waits for the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC
from functools import partial
from typing import Any, cast

import structlog
from arq.connections import RedisSettings
from arq.cron import CronJob, cron
from arq.typing import WorkerCoroutine
from arq.worker import Worker
from redis.exceptions import RedisError

from jobs.backfill import Progress, keep_backfilling
from jobs.schedule import SCHEDULE, Scheduled, as_arq_function
from jobs.streaming import listen
from jobs.work import Work

log = structlog.get_logger()
POLL_DELAY_S = 0.05  # arq's default of 0.5 s eats a quarter of a 2 s budget
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 3.0
DRAIN_S = 10.0
RESTART_PAUSE_S = 10.0


async def run_worker(
    work: Work, redis_url: str, stop: asyncio.Event, *, progress: Progress | None = None, queue: str = "cc:queue"
) -> None:
    """Poll, listen, backfill and keep the schedule until `stop` is set; then let running jobs end within 10 s."""
    background = [
        asyncio.create_task(_restarted(partial(listen, work, device), f"listen:{device.device_id}"))
        for device in work.streamed.values()
    ]
    background.append(asyncio.create_task(_restarted(partial(keep_backfilling, work, progress), "backfill")))
    try:
        await _keep_running(work, RedisSettings.from_dsn(redis_url), stop, queue)
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)


async def _keep_running(work: Work, redis: RedisSettings, stop: asyncio.Event, queue: str) -> None:
    redis.conn_retries = 0  # the loop below retries, and notices `stop` meanwhile
    pause_s = FIRST_PAUSE_S
    in_trouble = False
    while not stop.is_set():
        worker = _arq_worker(work, redis, queue)
        running = asyncio.create_task(worker.async_run())
        stopping = asyncio.create_task(stop.wait())
        healthy = asyncio.create_task(_connected(worker))
        await asyncio.wait({running, stopping, healthy}, return_when=asyncio.FIRST_COMPLETED)
        if healthy.done() and not running.done():
            if in_trouble:
                log.info("redis_back")
            in_trouble, pause_s = False, FIRST_PAUSE_S
            if not stop.is_set():
                log.info("worker_ready", site=work.site.id)
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, healthy):
            task.cancel()
        if running.done():
            error = running.exception()
            if not isinstance(error, RedisError | OSError):
                log.error("worker_failed", exc_info=error)
            elif not in_trouble:
                log.warning("redis_lost", reason=str(error))
            in_trouble = True
        await _end(worker, running)
        if not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


def _arq_worker(work: Work, redis: RedisSettings, queue: str) -> Worker:
    return Worker(
        functions=[],
        cron_jobs=_cron_jobs(SCHEDULE),
        redis_settings=redis,
        queue_name=queue,
        handle_signals=False,
        poll_delay=POLL_DELAY_S,
        ctx={"work": work},
        job_serializer=_to_json,
        job_deserializer=json.loads,
        keep_result=0,
        max_tries=1,
        timezone=UTC,  # a local zone skips an hour when clocks change
        log_results=False,
        health_check_interval=30,
    )


def _cron_jobs(schedule: Sequence[Scheduled]) -> list[CronJob]:
    jobs = []
    for job in schedule:
        times: dict[str, Any]
        if job.every_s < 60:
            times = {"second": set(range(0, 60, job.every_s))}
        elif job.every_s < 3600:
            times = {"minute": set(range(0, 60, job.every_s // 60)), "second": 2}
        else:
            times = {"hour": set(range(0, 24, job.every_s // 3600)), "minute": 0, "second": 2}
        jobs.append(
            cron(
                cast(WorkerCoroutine, as_arq_function(job)),
                name=job.name,
                run_at_startup=True,
                timeout=job.timeout_s + 5,
                **times,
            )
        )
    return jobs


async def _connected(worker: Worker) -> None:
    while worker._pool is None:
        await asyncio.sleep(0.02)
    await worker._pool.ping()


async def _end(worker: Worker, running: asyncio.Task[None]) -> None:
    """Let running jobs end, then drop the connection; a Redis that is gone must not hold us up."""
    worker.allow_pick_jobs = False
    tasks = list(worker.tasks.values())
    if tasks:
        await asyncio.wait(tasks, timeout=DRAIN_S)
    running.cancel()
    for task in tasks:
        task.cancel()
    await asyncio.gather(running, *tasks, return_exceptions=True)
    if worker._pool is not None:
        with contextlib.suppress(RedisError, OSError):
            await worker._pool.aclose(close_connection_pool=True)


async def _restarted(run: Callable[[], Awaitable[None]], name: str) -> None:
    """Run to its end; a failure is logged and the run starts again after a pause."""
    while True:
        try:
            return await run()
        except Exception:  # whatever it was, the next device must go on
            log.exception("background_job_failed", job=name)
            await asyncio.sleep(RESTART_PAUSE_S)


def _to_json(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload, default=str).encode()
