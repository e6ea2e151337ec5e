"""The library behind Home Assistant's "Victron GX" connects to our virtual Cerbo GX and believes what it reads."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from tests.brokers import any_broker
from tests.judges.environments import judge_python
from tests.victron_stage import PORTAL, on_stage
from tests.victron_stage import first as first_reading

FOLDER = Path(__file__).parent / "victron_mqtt"
pytestmark = [pytest.mark.judge, pytest.mark.timeout(300)]


@pytest.mark.parametrize("broker", ["embedded", "mosquitto where there is one"])
async def test_a_foreign_hub_discovers_the_gx_and_reads_what_the_site_is(tmp_path: Path, broker: str) -> None:
    python = await asyncio.to_thread(judge_python, FOLDER)
    if broker == "embedded":
        found = await _judged(python, None)
    else:
        async with any_broker(tmp_path) as port:
            found = await _judged(python, port)
    assert found["installation"] == PORTAL
    devices, first, later = found["devices"], found["first"], found["later"]
    assert {"system", "battery", "solarcharger", "grid", "vebus"} <= set(devices)
    assert devices["battery"]["model"] == "SmartShunt 500A/50mV"
    assert devices["grid"]["serial"] == "BN1720KLMNO"
    assert first["system.system_dc_battery_soc"] == pytest.approx(63.5)
    assert first["system.system_dc_battery_power"] == pytest.approx(1500)
    assert first["battery.battery_voltage"] == pytest.approx(52.43, abs=0.01)
    assert first["system.system_dc_pv_power"] == pytest.approx(3000)
    assert first["solarcharger.solarcharger_yield_power"] == pytest.approx(3000)
    assert first["system.system_consumption_power_l1"] == pytest.approx(2300)
    assert first["system.system_grid_power_l1"] == pytest.approx(800)
    assert first["grid.grid_power"] == pytest.approx(800)
    assert later["battery.battery_soc"] == pytest.approx(42)
    assert later["system.system_dc_battery_power"] == pytest.approx(-900)
    assert found["written"] == []
    ours = found["ours"]
    assert ours.soc_pct == pytest.approx(first["system.system_dc_battery_soc"], abs=0.1)
    assert ours.battery_charge_w == pytest.approx(first["system.system_dc_battery_power"], abs=1)
    assert ours.load_w == pytest.approx(first["system.system_consumption_power_l1"], abs=1)
    assert ours.grid_import_w == pytest.approx(first["grid.grid_power"], abs=1)


async def _judged(python: Path, broker_port: int | None) -> dict[str, Any]:
    async with on_stage(broker_port=broker_port) as stage, aiomqtt.Client("127.0.0.1", stage.port) as spy:
        await spy.subscribe("W/#")
        judge = await asyncio.create_subprocess_exec(
            str(python),
            str(FOLDER / "judge.py"),
            "127.0.0.1",
            str(stage.port),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert judge.stderr is not None
        said = b""
        while b"ready" not in (line := await judge.stderr.readline()):
            assert line, f"the judge gave up: {said.decode()}"
            said += line
        ours = await first_reading(stage.gx())
        stage.still.move(soc_pct=42.0, battery_charge_w=-900.0, grid_import_w=-1600.0)
        out, err = await judge.communicate()
        written = [str((await anext(spy.messages)).topic) for _ in range(len(spy.messages))]
    assert judge.returncode == 0, err.decode()
    found: dict[str, Any] = json.loads(out) | {"ours": ours, "written": written}
    return found
