"""What does not wait for the GX's next regular reading, and that it stays rare."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.victron.news import Allowance, is_news
from energy.reading import Reading
from tests.victron_stage import FAST, on_stage

SLOW = replace(FAST, interval_s=30.0, early_s=0.2)


async def test_a_lost_grid_and_a_big_load_are_told_at_once_and_a_small_one_is_not() -> None:
    async with on_stage() as stage:
        gx = stage.gx(pace=SLOW)
        async with aclosing(gx.readings()) as readings:
            assert (await anext(readings)).grid_present is True
            began = time.monotonic()
            stage.still.move(grid_present=False, grid_import_w=0.0, solar_w_victron=3_800.0)
            lost = await asyncio.wait_for(anext(readings), 10)
            assert lost.grid_present is False
            stage.still.move(load_w=5_300.0, battery_charge_w=-1_500.0)
            loaded = await asyncio.wait_for(anext(readings), 10)
            assert loaded.load_w == 5_300.0
            assert time.monotonic() - began < SLOW.interval_s
            stage.still.move(load_w=5_400.0)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(readings), 1.5)
        await gx.close()


def _reading(**values: Any) -> Reading:
    now = datetime(2026, 6, 1, 19, 0, tzinfo=UTC)
    return Reading(site_id="ranch", source="victron", device_id="cerbo", taken_at=now, **values)


@pytest.mark.parametrize(
    ("before", "after", "news"),
    [
        ({"load_w": 2_000.0}, {"load_w": 2_999.0}, False),
        ({"load_w": 2_000.0}, {"load_w": 3_000.0}, True),
        ({"battery_charge_w": 500.0}, {"battery_charge_w": -500.0}, True),
        ({"soc_pct": 60.0}, {"soc_pct": 57.5}, False),
        ({"soc_pct": 60.0}, {"soc_pct": 57.0}, True),
        ({"soc_pct": 60.0}, {}, True),
        ({}, {"solar_w": 0.0}, True),
        ({"fault_codes": ()}, {"fault_codes": ("HighTemperature",)}, True),
        ({"inverter_state": "inverting"}, {"inverter_state": "fault"}, True),
        ({"battery_voltage_v": 52.0}, {"battery_voltage_v": 54.0}, False),
    ],
)
def test_news_is_what_changes_what_one_would_do(before: dict[str, Any], after: dict[str, Any], news: bool) -> None:
    assert is_news(_reading(**before), _reading(**after)) is news


def test_early_readings_stay_rarer_than_regular_ones_so_that_the_cadence_stays_what_it_is() -> None:
    allowance = Allowance()
    taken = [at for at in range(600) if allowance.take(float(at))]
    assert taken[:4] == [0, 1, 2, 20]
    assert len(taken) == 3 + 600 // 20 - 1
