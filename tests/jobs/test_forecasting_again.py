"""A reckoning that failed or came too late is tried again: real child processes, ended before they are done."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from energy.reading import Reading
from jobs.forecasting import make_forecasts, make_forecasts_now
from jobs.schedule import Scheduled, run_scheduled
from jobs.training import drop_strays, train_models
from jobs.work import Work
from services import member_logs
from services.reckoning import InlineReckoner, Reckoner
from simulator.default_site import DEFAULT_SITE
from store import forecasts, model_files, readings, sites
from store.database import Database, sqlite_url

NOW = datetime(2026, 5, 20, 17, 20, tzinfo=UTC)
ORG, SITE = "home", DEFAULT_SITE.id
T = TypeVar("T")


class Hurried(InlineReckoner):
    """Gives the first calls a child process and so little time that it is ended; the others have all they need."""

    def __init__(self, late: int) -> None:
        self.late, self.calls = late, 0
        self._children = Reckoner()

    async def warm(self, function: Callable[..., T], *args: Any, timeout_s: float) -> T:
        self.calls += 1
        if self.calls > self.late:
            return await super().warm(function, *args, timeout_s=timeout_s)
        return await self._children.once(function, *args, timeout_s=0.02)

    async def close(self) -> None:
        await self._children.close()


@pytest.fixture
async def work(tmp_path: Path) -> AsyncIterator[Work]:
    database = await Database.open(sqlite_url(tmp_path / "site.db"), migrate=True)
    try:
        await sites.sync(database, ORG, DEFAULT_SITE)
        moments = [NOW - timedelta(minutes=n) for n in range(0, 2_000, 10)]
        rows = [
            Reading(site_id=SITE, source="t", device_id="solark", taken_at=at, solar_w=0.0, load_w=900.0, miner_w=0.0)
            for at in moments
        ]
        await readings.upsert(database, ORG, rows)
        site = DEFAULT_SITE.model_copy(update={"array": ()})  # the load alone: it is quick
        given: dict[str, Any] = {"clock": lambda: NOW, "data_dir": tmp_path}
        yield Work(database=database, site=site, polled={}, streamed={}, weather=None, **given)
    finally:
        await database.close()


async def test_a_forecast_that_came_too_late_is_made_with_the_next_tick(work: Work) -> None:
    work.reckoner = hurried = Hurried(late=1)
    await make_forecasts(work)
    assert await forecasts.newest(work.database, ORG, SITE, "load", as_of=NOW) is None
    await make_forecasts(work)
    await make_forecasts(work)
    assert hurried.calls == 2
    assert await forecasts.newest(work.database, ORG, SITE, "load", as_of=NOW) is not None


async def test_after_three_failures_it_waits_for_the_next_hour(work: Work) -> None:
    work.reckoner = hurried = Hurried(late=3)
    for _ in range(5):
        await make_forecasts(work)
    assert hurried.calls == 3
    work.clock = lambda: NOW + timedelta(hours=1)
    await make_forecasts(work)
    assert hurried.calls == 4
    assert await forecasts.newest(work.database, ORG, SITE, "load", as_of=work.clock()) is not None


async def test_a_forecast_that_the_schedule_cut_off_is_made_with_the_next_tick(work: Work) -> None:
    work.reckoner = InlineReckoner()
    await run_scheduled(work, Scheduled("forecast", 60, 3600, make_forecasts, 0.02, claimed=False))
    assert await forecasts.newest(work.database, ORG, SITE, "load", as_of=NOW) is None
    await run_scheduled(work, Scheduled("forecast", 60, 3600, make_forecasts, 60, claimed=False))
    assert await forecasts.newest(work.database, ORG, SITE, "load", as_of=NOW) is not None


async def test_a_training_that_failed_is_tried_again_the_same_night(work: Work) -> None:
    work.reckoner = hurried = Hurried(late=1)
    await train_models(work)
    assert await model_files.of_site(work.database, ORG, SITE) == []
    await train_models(work)
    await train_models(work)
    assert hurried.calls == 2
    assert [each.target for each in await model_files.of_site(work.database, ORG, SITE)] == ["load"]


async def test_the_log_takes_the_first_issue_of_each_local_day_also_where_midnight_was_missed(work: Work) -> None:
    work.reckoner = InlineReckoner()
    work.site = work.site.model_copy(update={"timezone": "Asia/Kathmandu"})  # midnight is at 18:15 UTC
    for day, hour, minute in ((20, 18, 20), (20, 18, 50), (20, 19, 10), (21, 2, 0), (21, 22, 0), (22, 1, 0)):
        moment = datetime(2026, 5, day, hour, minute, tzinfo=UTC)
        work.clock = lambda at=moment: at
        await make_forecasts_now(work)
    assert work.data_dir is not None
    kept = member_logs.read(work.data_dir / "models" / SITE / "load-said.npz")
    assert kept is not None
    issued = [datetime.fromtimestamp(moment, UTC) for moment in sorted({*kept.issued_s.tolist()})]
    assert [(each.day, each.hour) for each in issued] == [(20, 18), (20, 19), (21, 22)]


async def test_what_killed_trainings_left_is_deleted_after_a_day_and_what_is_used_stays(work: Work) -> None:
    work.reckoner = InlineReckoner()
    assert work.data_dir is not None
    folder = work.data_dir / "models" / SITE
    folder.mkdir(parents=True)
    yesterday = time.time() - 90_000
    for name in ("load-said.npz.77.new", "load-1-killed.pkl", "load-1-killed.npz", "load-said.npz"):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (yesterday, yesterday))
    (folder / "load-1-running.pkl.78.new").write_bytes(b"x")
    await train_models(work)
    for made in folder.glob("load-1-2026*"):
        os.utime(made, (yesterday, yesterday))
    assert await drop_strays(work) == 0
    version = (await model_files.of_site(work.database, ORG, SITE))[0].version
    names = sorted(each.name for each in folder.iterdir())
    assert names == sorted([f"{version}.pkl", f"{version}.npz", "load-1-running.pkl.78.new", "load-said.npz"])
