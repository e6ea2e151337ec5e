"""The arq worker under supervision: Redis may go away and come back, the process stays.

arq ends its main loop when a connection breaks (python-arq/arq#498), so it is built anew in a loop. Redis only
triggers: each slot is claimed in the database, so a doubled trigger does nothing, and while Redis is away the
schedule is kept from here.
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
from jobs.control import keep_control
from jobs.planning import keep_planning
from jobs.schedule import Scheduled, as_arq_function, run_scheduled, schedule_for
from jobs.streaming import listen
from jobs.watching import keep_watching
from jobs.work import Work

log = structlog.get_logger()
POLL_DELAY_S = 0.05  # arq's default of 0.5 s eats a quarter of a 2 s budget
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 2.0
DRAIN_S = 8.0  # of the 10 s that a process has between SIGTERM and its end
CONTROL_ENDS_S = 8.0  # counted from the end of the drain at the latest, which takes no time as a rule
WATCH_EVERY_S, ANSWER_S = 1.0, 2.0
CLOCK_JUMP_S = 5.0
FIRST_RESTART_PAUSE_S, LONGEST_RESTART_PAUSE_S = 1.0, 300.0
STEADY_AFTER_S = 600.0


class _ClockJumped(Exception):
    """The wall clock moved by itself: arq's schedule would storm or stall until it is built anew."""


async def run_worker(
    work: Work, redis_url: str, stop: asyncio.Event, *, progress: Progress | None = None, queue: str = "cc:queue"
) -> None:
    """Poll, listen, watch, control and keep the schedule until `stop` is set; running jobs then end within 10 s."""
    controlling = asyncio.create_task(_restarted(partial(_control, work, stop), "control"))
    watching = asyncio.create_task(_restarted(partial(keep_watching, work, stop), "watch"))
    background = [
        asyncio.create_task(_restarted(partial(listen, work, device), f"listen:{device.device_id}"))
        for device in work.streamed.values()
    ]
    background.append(asyncio.create_task(_restarted(partial(keep_backfilling, work, progress), "backfill")))
    background.append(asyncio.create_task(_restarted(partial(keep_planning, work), "plan")))
    try:
        await _Triggers(work, redis_url, queue).run(stop)
        await asyncio.wait({controlling, watching}, timeout=CONTROL_ENDS_S)
    finally:
        for task in (controlling, watching, *background):
            task.cancel()
        await asyncio.gather(controlling, watching, *background, return_exceptions=True)


async def _control(work: Work, stop: asyncio.Event) -> None:
    """Look after the miners, and the inverter's settings, where the site has any."""
    if not work.site.miner and not work.inverter_settings:
        return
    if work.wake is None:
        await keep_control(work, None, stop)
        return
    async with work.wake.listening("control") as woken:
        await keep_control(work, woken, stop)


class _Triggers:
    """Runs the schedule's jobs in time: through arq while Redis is there, by itself while it is not."""

    def __init__(self, work: Work, redis_url: str, queue: str) -> None:
        self._work = work
        self._redis = RedisSettings.from_dsn(redis_url)
        self._redis.conn_retries = 0  # the loop below retries, and notices `stop` meanwhile
        self._queue = queue
        self._schedule = schedule_for(work)
        self._trouble: str | None = None
        self._endings: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        stopping = asyncio.create_task(stop.wait())
        unaided: asyncio.Task[None] | None = None
        pause_s = FIRST_PAUSE_S
        try:
            while not stop.is_set():
                worker = self._worker()
                running = asyncio.create_task(worker.async_run())
                watching = asyncio.create_task(self._watch(worker))
                connected = asyncio.create_task(_connected(worker))
                await asyncio.wait({running, watching, connected, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if connected.done() and connected.exception() is None:
                    await _cancelled(unaided)
                    unaided, pause_s = None, FIRST_PAUSE_S
                    self._note_connected()
                    await asyncio.wait({running, watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
                error = _error_of(running) or _error_of(watching) or _error_of(connected)
                await _cancelled(watching, connected)
                # In a task of its own: a slow device must not hold up the next worker.
                ending = asyncio.create_task(_end(worker, running))
                self._endings.add(ending)
                ending.add_done_callback(self._endings.discard)
                if stop.is_set():
                    break
                if isinstance(error, _ClockJumped):
                    log.warning("clock_jumped", by_s=round(float(str(error))))
                    continue
                self._note_lost(error)
                unaided = unaided or asyncio.create_task(self._run_unaided())
                await asyncio.wait({stopping}, timeout=pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
        finally:
            await _cancelled(unaided, stopping)
            await asyncio.gather(*self._endings, return_exceptions=True)

    def _note_connected(self) -> None:
        if self._trouble is None:
            log.info("worker_ready", site=self._work.site.id)
        elif self._trouble:
            log.info("redis_back", site=self._work.site.id)
        self._trouble = ""

    def _note_lost(self, error: BaseException | None) -> None:
        """Log a loss once. `_trouble` is None before the first connection, "" while all is well."""
        kind = "redis_lost" if isinstance(error, RedisError | OSError | TimeoutError) else "worker_failed"
        if self._trouble == kind:
            return
        self._trouble = kind
        if kind == "redis_lost":
            log.warning("redis_lost", reason=str(error) or "no answer")
        else:
            log.error("worker_failed", exc_info=error)

    async def _run_unaided(self) -> None:
        """The schedule without Redis. The slots in the database hold it to once, as ever."""
        ticks = {job.name: 0.0 for job in self._schedule}
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                now = self._work.monotonic()
                for job in self._schedule:
                    if now >= ticks[job.name]:
                        ticks[job.name] = now + job.tick_s
                        running.add(asyncio.create_task(run_scheduled(self._work, job)))
                running = {task for task in running if not task.done()}
                await asyncio.sleep(0.5)
        finally:
            if running:
                _, late = await asyncio.wait(running, timeout=DRAIN_S)
                await _cancelled(*late)

    async def _watch(self, worker: Worker) -> None:
        """Raise when Redis stops to answer, which arq would wait for without end, or when the wall clock jumps."""
        ahead_s = self._ahead_s()
        misses = 0
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            if worker._pool is not None:
                try:
                    async with asyncio.timeout(ANSWER_S):
                        await _write(worker)
                except TimeoutError:
                    misses += 1
                    if misses == 2:  # one may be ours: this process was held up itself
                        raise
                else:
                    misses = 0
            jump_s = self._ahead_s() - ahead_s
            if abs(jump_s) > CLOCK_JUMP_S:
                raise _ClockJumped(jump_s)

    def _ahead_s(self) -> float:
        return self._work.clock().timestamp() - self._work.monotonic()

    def _worker(self) -> Worker:
        return Worker(
            functions=[],
            cron_jobs=_cron_jobs(self._schedule, self._queue),
            redis_settings=self._redis,
            queue_name=self._queue,
            handle_signals=False,
            poll_delay=POLL_DELAY_S,
            ctx={"work": self._work},
            job_serializer=_to_json,
            job_deserializer=json.loads,
            keep_result=0,
            max_tries=1,
            timezone=UTC,  # a local zone skips an hour when clocks change
            log_results=False,
            health_check_interval=30,
        )


def _cron_jobs(schedule: Sequence[Scheduled], queue: str) -> list[CronJob]:
    jobs = []
    for job in schedule:
        times: dict[str, Any]
        if job.tick_s < 60:
            times = {"second": set(range(0, 60, job.tick_s))}
        elif job.tick_s < 3600:
            times = {"minute": set(range(0, 60, job.tick_s // 60)), "second": 2}
        else:
            times = {"hour": set(range(0, 24, job.tick_s // 3600)), "minute": 0, "second": 2}
        jobs.append(
            cron(
                cast(WorkerCoroutine, as_arq_function(job)),
                name=f"{queue}:{job.name}",  # the job's key in Redis, which other installations may share
                run_at_startup=True,
                timeout=job.timeout_s + 5,
                **times,
            )
        )
    return jobs


async def _connected(worker: Worker) -> None:
    while worker._pool is None:
        await asyncio.sleep(0.02)
    async with asyncio.timeout(ANSWER_S):
        await _write(worker)


async def _write(worker: Worker) -> None:
    """A Redis that answers but takes nothing (its disk or memory is full) triggers nothing either."""
    await worker.pool.set(f"{worker.queue_name}:alive", "1", ex=60)


async def _end(worker: Worker, running: asyncio.Task[None]) -> None:
    """Let running jobs end, then drop the connection; a Redis that is gone must not hold us up."""
    worker.allow_pick_jobs = False
    running.cancel()
    tasks = list(worker.tasks.values())
    if tasks:
        await asyncio.wait(tasks, timeout=DRAIN_S)
    await _cancelled(running, *tasks)
    if worker._pool is not None:
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(1):
                await worker._pool.aclose(close_connection_pool=True)


async def _cancelled(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel and wait for the end; results and errors are taken note of elsewhere or nowhere."""
    present = [task for task in tasks if task is not None]
    for task in present:
        task.cancel()
    await asyncio.gather(*present, return_exceptions=True)


def _error_of(task: asyncio.Task[Any]) -> BaseException | None:
    return task.exception() if task.done() and not task.cancelled() else None


async def _restarted(run: Callable[[], Awaitable[None]], name: str) -> None:
    """Run to its end; a failure is logged and the run starts again after a pause, which grows when it fails at once."""
    clock = asyncio.get_running_loop().time
    pause_s = FIRST_RESTART_PAUSE_S
    while True:
        began = clock()
        try:
            return await run()
        except Exception:  # whatever it was, the next device must go on
            if clock() - began > STEADY_AFTER_S:
                pause_s = FIRST_RESTART_PAUSE_S
            log.exception("background_job_failed", job=name, again_in_s=pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_RESTART_PAUSE_S)


def _to_json(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload, default=str).encode()
