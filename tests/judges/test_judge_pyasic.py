"""pyasic recognises our virtual miner, and our connector stops and wakes it through pyasic without believing it."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from simulator.cgminer import listening_miner
from tests.connectors.miner_stage import TARGET, MinerStage, miner_stage
from tests.judges.environments import judge_python

FOLDER = Path(__file__).parent / "pyasic_client"
HOST, PORT = "127.0.0.28", 4028  # pyasic asks at this port alone; the address is loopback that nobody else uses
pytestmark = [pytest.mark.judge, pytest.mark.timeout(300)]


async def judged(stage: MinerStage, what: str) -> dict[str, Any]:
    """What the judge found at the stage's miner; its words are the failure when it breaks down."""
    python = await asyncio.to_thread(judge_python, FOLDER)
    try:
        async with listening_miner(stage.server, HOST, PORT):
            judge = await asyncio.create_subprocess_exec(
                str(python),
                str(FOLDER / "judge.py"),
                HOST,
                what,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": str(FOLDER.parents[2])},
            )
            out, err = await asyncio.wait_for(judge.communicate(), 120)
    except OSError as error:
        pytest.skip(f"{HOST}:{PORT} cannot be listened at here: {error}")
    assert judge.returncode == 0, err.decode()
    found: dict[str, Any] = json.loads(out)
    return found


async def test_pyasic_recognises_the_miner_and_stops_and_wakes_it() -> None:
    async with miner_stage() as stage:
        found = await judged(stage, "all")
        asked = stage.server.asked
        assert stage.truth.asleep is False
    assert found["kind"] == "BOSMiner"
    assert found["before"] == pytest.approx(95, rel=0.02)
    assert found["stopped"] == 0
    assert "error" not in found
    assert (asked.count("pause"), asked.count("resume")) == (1, 1)


@pytest.mark.parametrize("fault", ["stuck", "refused"])
async def test_a_miner_that_goes_on_hashing_is_seen_whatever_pyasic_says(fault: str) -> None:
    async with miner_stage() as stage:
        stage.faults.order(TARGET, fault)
        found = await judged(stage, "stop")
    assert found["error"][0] == "NotTaken"
    assert "does not show within 0.5 s" in found["error"][1]


async def test_a_miner_without_power_is_unreachable() -> None:
    async with miner_stage(on_for_s=None) as stage:
        found = await judged(stage, "stop")
    assert found["error"][0] == "Unreachable"
    assert "no miner that pyasic recognises" in found["error"][1]
