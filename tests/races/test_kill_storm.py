"""The kill storm, a small one: workers and bots that are killed at every moment lose nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.kill_storm import storm


@pytest.mark.timeout(600)
async def test_twenty_kills_lose_no_alert_and_double_no_more_than_were_killed(tmp_path: Path) -> None:
    found = await storm(20, tmp_path, seed=2)
    assert found.kills == 20
    assert found.faults >= 20
    assert (found.lost, found.fired_wrongly) == (0, 0)
    assert 0 <= found.doubled <= found.kills
    assert found.not_over <= found.doubled  # of two copies nobody knows the first
