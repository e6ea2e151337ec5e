"""What the benchmarks of alerts count, on a small scale; how long it takes is for them."""

from __future__ import annotations

from pathlib import Path

from benchmarks.alert_drain import drained
from benchmarks.alert_load import cost


async def test_alerts_at_once_arrive_once_on_each_platform_the_critical_ones_first(tmp_path: Path) -> None:
    found = await drained(tmp_path, 50)
    assert [each.platform for each in found] == ["telegram", "slack", "discord"]
    assert [each.arrived for each in found] == [each.alerts for each in found] == [30, 10, 10]
    assert [(each.lost, each.doubled, each.out_of_order) for each in found] == [(0, 0, 0)] * 3


async def test_many_sites_are_watched_over_one_database_and_their_noise_becomes_episodes(tmp_path: Path) -> None:
    found = await cost(tmp_path, 10, 2)
    assert found.looks_s > 0
    assert found.transitions >= 1
