"""The worker as the application puts it together: what it may switch, and how it is woken."""

from __future__ import annotations

import asyncio
import time

import pytest

from app.opening import queue_of
from app.processes.worker import opened, run
from app.settings import settings_from
from store.wake import Wake
from tests.jobs.ranch import on_ranch, ranch_site
from tests.jobs.stage import until


def settings_of(ranch, tmp_path):
    environment = {"SOLARK_USERNAME": ranch.endpoints.solark_username, "SOLARK_PASSWORD": "x"}
    environment["OPEN_METEO_BASE_URL"] = ranch.endpoints.open_meteo_url
    return settings_from(data=tmp_path, environment=environment)


@pytest.mark.parametrize("writes", [False, True])
async def test_relays_miners_and_only_where_it_is_allowed_the_inverter_s_settings_are_opened(
    database, tmp_path, writes
):
    site = ranch_site(s19_1={"api": "cgminer", "api_host": "127.0.0.1"})
    site = site.model_copy(
        update={"inverter": site.inverter.model_copy(update={"allow_settings_writes": writes})},
    )
    async with on_ranch(database, site) as ranch, opened(settings_of(ranch, tmp_path), database, ranch.site) as work:
        assert list(work.switched) == ["garage"]
        assert list(work.miner_apis) == ["s19-1"]
        assert list(work.inverter_settings) == (["solark"] if writes else [])
        assert set(work.polled) == {"solark", "garage"}


async def test_a_confirmed_request_wakes_the_worker_and_its_end_wakes_whoever_waits(database, redis_url, tmp_path):
    async with on_ranch(database) as ranch:
        settings = settings_of(ranch, tmp_path)
        stop = asyncio.Event()
        working = asyncio.create_task(run(settings, database, ranch.site, redis_url, stop))
        wake = Wake(redis_url, queue_of(settings, ranch.site))
        try:
            await until(lambda: ranch.looked_at("s21"), within_s=10)
            await asyncio.sleep(0.3)
            async with wake.listening("report") as heard:
                assert await anext(heard) == "report"  # once for the connection
                began = time.monotonic()
                for action in ("start", "stop") * 3:
                    request_id = await ranch.ask(action, "s21")
                    await wake.publish("control")
                    assert await asyncio.wait_for(anext(heard), 3) == "report"
                    assert (await ranch.ended(request_id)).state == "done"
                assert time.monotonic() - began < 3.0  # by itself it looks once a second
        finally:
            stop.set()
            await asyncio.wait_for(working, 12)
            await wake.close()
