"""What is known of the machine: its disk, and its clock by what the services that we call say of the time."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web

from connectors.clock_skew import GOOD_FOR_S, ClockSkew
from connectors.http import HttpClient, Remedies
from jobs.host import host_now
from store.database import Database
from tests.connectors.serving import serving
from tests.jobs.stage import work_of

NOW = datetime(2026, 11, 24, 12, 0, 0, 500_000, tzinfo=UTC)
REMEDIES = Remedies("check it", "check them")


def dated(moment: datetime, **more: str) -> dict[str, str]:
    return {"date": format_datetime(moment.replace(microsecond=0), usegmt=True)} | more


async def test_the_free_share_is_that_of_the_folder_where_the_data_lies(database: Database, tmp_path: Path) -> None:
    share = (await host_now(work_of(database, data_dir=tmp_path))).disk_free_share
    usage = shutil.disk_usage(tmp_path)
    assert share == pytest.approx(usage.free / usage.total, abs=0.05)
    assert (await host_now(work_of(database))).disk_free_share is None
    assert (await host_now(work_of(database, data_dir=tmp_path / "gone"))).disk_free_share is None


@pytest.mark.parametrize(
    ("ahead", "skew_s"),
    [
        (timedelta(0), 0.0),
        (timedelta(seconds=0.4), 0.0),  # the header has whole seconds
        (timedelta(seconds=90), 89.5),
        (timedelta(seconds=-90), -89.5),
        (timedelta(hours=1), 3599.5),
    ],
)
def test_the_skew_is_what_is_certain_of_it(ahead: timedelta, skew_s: float) -> None:
    clock = ClockSkew()
    clock.note("weather.example", dated(NOW - ahead), NOW)
    assert clock.skew_s() == pytest.approx(skew_s, abs=0.51)


def test_one_wrong_server_alarms_nobody_and_old_news_are_none() -> None:
    ran_s = 0.0
    clock = ClockSkew(monotonic=lambda: ran_s)
    assert clock.skew_s() is None
    clock.note("wrong.example", dated(NOW - timedelta(hours=2)), NOW)
    clock.note("right.example", dated(NOW), NOW)
    assert clock.skew_s() == 0.0
    ran_s = GOOD_FOR_S + 1
    assert clock.skew_s() is None


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}, dated(NOW - timedelta(hours=1), age="3600")])
def test_an_answer_without_a_date_or_out_of_a_cache_says_nothing(headers: dict[str, str]) -> None:
    clock = ClockSkew()
    clock.note("weather.example", headers, NOW)
    assert clock.skew_s() is None


async def test_every_call_beyond_the_own_network_tells_of_the_time() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.json_response({}, headers={"Date": format_datetime(NOW - timedelta(minutes=5), usegmt=True)})

    skew = ClockSkew()
    async with serving(handle) as server:
        local = HttpClient("a relay", server.url, REMEDIES, local=True, clock=lambda: NOW, skew=skew)
        await local.get_json("/")
        assert skew.skew_s() is None  # a device's clock need not be right
        cloud = HttpClient("a cloud", server.url, REMEDIES, clock=lambda: NOW, skew=skew)
        await cloud.get_json("/")
        await local.close()
        await cloud.close()
    assert skew.skew_s() == pytest.approx(300, abs=1.1)
