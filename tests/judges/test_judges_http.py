"""Clients that we did not write use the simulated SolArk cloud and Shelly, and see what the physics says."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from simulator.clock import SimClock
from simulator.server import serve
from tests.judges.environments import judge_python
from tests.simulator.worlds import NOON, world

HERE = Path(__file__).parent
UPLOAD = NOON.replace(minute=0, second=0)
PASSWORD = "relay-secret"
pytestmark = [pytest.mark.judge, pytest.mark.timeout(300)]


async def judged(name: str, *arguments: str, script: str = "judge.py") -> dict[str, Any]:
    """What the judge `name` found; its words are the failure when it breaks down."""
    python = await asyncio.to_thread(judge_python, HERE / name)
    judge = await asyncio.create_subprocess_exec(
        str(python),
        "-I",  # apart from our own packages
        str(HERE / name / script),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(judge.communicate(), 60)
    assert judge.returncode == 0, err.decode()
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.mark.parametrize("wiring", ["solark", "both"])
async def test_pysolark_reads_what_the_physics_says(wiring: str) -> None:
    site = world(days=9, wiring=wiring)  # type: ignore[arg-type]  # parametrised literal
    async with serve(site, SimClock(NOON, speed=0), victron=False) as e:
        found = await judged(
            "pysolark", e.solark_url, e.solark_username, e.solark_password, "123456", UPLOAD.date().isoformat()
        )
    state, totals = site.state_at(UPLOAD), site.totals_at(UPLOAD)
    flow = found["flow"]
    assert flow["pv_power"] == round(state.solar_w_solark)
    assert flow["load_power"] == round(state.load_w)
    assert flow["soc"] == round(state.solark_soc_pct)
    battery_w = flow["battery_power"] * ((flow["to_battery"] or 0) - (flow["from_battery"] or 0))
    grid_w = flow["grid_power"] * ((flow["from_grid"] or 0) - (flow["to_grid"] or 0))
    assert battery_w == pytest.approx(state.battery_charge_w - state.solar_w_victron, abs=1)
    assert grid_w == pytest.approx(state.grid_import_w, abs=1)
    assert flow["pv_power"] + grid_w - battery_w - flow["load_power"] == pytest.approx(0, abs=3)
    assert found["plants"][0]["plant_id"] == 123456
    assert found["plant"]["timezone"]["code"] == "America/Los_Angeles"
    assert found["plant"]["total_power"] == 14.6
    assert found["realtime"]["updated_at"] == "2026-06-10T20:00:00+00:00"
    day = {series["label"]: series["records"] for series in found["day"]["series"]}
    assert len(day["PV"]) == 157
    assert day["PV"][-1]["value"] == pytest.approx(state.solar_w_solark, abs=0.06)
    assert found["power"]["records"] == day["PV"]
    month = {series["label"]: sum(r["value"] for r in series["records"]) for series in found["month"]["series"]}
    assert month["Load"] == pytest.approx(totals.load_kwh, abs=0.6)
    assert month["PV"] == pytest.approx(totals.solar_solark_kwh, abs=0.6)
    assert found["use"]["pv"] == pytest.approx(found["realtime"]["etoday"], abs=0.11)


async def test_pysolark_is_refused_with_a_wrong_password_and_renews_with_the_refresh_token() -> None:
    site = world()
    async with serve(site, SimClock(NOON, speed=0), victron=False) as e:
        found = await judged("pysolark", e.solark_url, e.solark_username, e.solark_password, "123456", "2026-06-10")
    assert found["wrong_password"] == {"code": 102}
    assert found["renewed"] is True
    assert found["after_renewal"] == found["flow"]["soc"]
    assert found["expires_in"] == 3_599
    assert found["bad_token"]["kind"] == "HTTPError"


async def test_aioshelly_initialises_switches_with_a_timer_and_hears_of_it() -> None:
    site = world()
    async with serve(site, SimClock(NOON, speed=20), victron=False, shelly_password=PASSWORD, nonce_life_s=2.0) as e:
        host, _, port = e.shelly_urls["garage"].partition(":")
        found = await judged("aioshelly", host, port, PASSWORD, "2.0")
    assert found["info"]["gen"] == 2
    assert (found["initialized"], found["requires_auth"], found["model"]) == (True, True, "SPSW-104PE16EU")
    assert found["before"]["switch:0"]["output"] is True
    assert found["before"]["switch:0"]["apower"] == pytest.approx(3_878, rel=0.01)
    assert found["config"]["initial_state"] == "off"
    assert "Switch.Set" in found["methods"]
    assert found["set"] == {"was_on": False}
    assert (found["noticed"]["output"], found["noticed"]["source"]) == (True, "WS_in")
    assert found["noticed"]["timer_duration"] == 900
    assert found["after_the_nonce_expired"]["output"] is True
    assert found["after_the_nonce_expired"]["apower"] > 260
    assert (found["off"]["output"], found["off"]["apower"]) == (False, 0)
    assert "timer_duration" not in found["off"]
    assert found["no_such_channel"] == -105
    assert found["wrong_password"] == "refused"
    assert "STATUS" in found["updates"]


async def test_aioshelly_uses_a_relay_of_the_first_generation() -> None:
    site = world()
    serving = serve(
        site,
        SimClock(NOON, speed=0),
        victron=False,
        shelly_password=PASSWORD,
        shelly_models={"garage": "shelly4pro"},
    )
    async with serving as e:
        host, _, port = e.shelly_urls["garage"].partition(":")
        found = await judged("aioshelly", host, port, PASSWORD, script="judge_gen1.py")
    assert (found["initialized"], found["requires_auth"], found["model"]) == (True, True, "SHSW-44")
    assert found["before"]["relays"][0]["ison"] is True
    assert found["before"]["meters"][0]["power"] == pytest.approx(3_878, rel=0.01)
    assert found["settings"]["default_state"] == "off"
    assert (found["set"]["ison"], found["set"]["timer_remaining"]) == (True, 900)
    assert (found["on"]["ison"], found["on"]["has_timer"], found["on"]["source"]) == (True, True, "http")
    assert (found["off"]["ison"], found["off"]["has_timer"]) == (False, False)
    assert found["wrong_password"] == "refused"
