"""The portal's statistics: days of history, and its own forecast of sun and consumption."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from connectors.device import DaySeries, DeviceSecrets
from connectors.vrm import VrmPortal
from connectors.vrm.stats import day_readings, issued_power, series_of
from energy.reading import Quality
from energy.site import Device, Grid, Site
from energy.weather import IssuedPower, PowerHour
from tests.connectors.serving import serving
from tests.connectors.stage import on_stage

START = datetime(2026, 6, 1, 7, tzinfo=UTC)
MS = int(START.timestamp() * 1000)
QUARTER_MS = 900_000
GRID = Site(id="ranch", timezone="America/Los_Angeles", grid=Grid(present=True))
OFF_GRID = Site(id="ranch", timezone="America/Los_Angeles")


def readings(flows: Any, levels: Any = None, *, site: Site = GRID, now: datetime | None = None) -> list[Any]:
    return day_readings(
        {"records": flows},
        {"records": levels if levels is not None else []},
        site=site,
        source="victron_vrm",
        device_id="vrm",
        start=START,
        end=START + timedelta(days=1),
        now=now or START + timedelta(days=2),
    )


@pytest.mark.parametrize(
    "body",
    [
        {"records": {"bs": False}},
        {"records": []},
        {"records": {}},
        {"records": None},
        {},
        [],
        None,
        {"records": {"bs": [None, [], [MS], ["soon", 3], [MS, None], [MS, "NaN"], [-4, 4.0], [1e20, 4.0]]}},
    ],
)
def test_no_data_is_no_data_in_whatever_shape_it_comes(body):
    assert series_of(body, "bs") == {}


def test_of_a_mean_with_its_extremes_the_mean_counts():
    assert series_of({"records": {"bs": [[MS, 55.5, 51.0, 60.0], [MS + QUARTER_MS, "56.1"]]}}, "bs") == {
        MS: 55.5,
        MS + QUARTER_MS: 56.1,
    }


def test_flows_become_mean_powers_in_our_signs():
    flows = {
        "Pc": [[MS, 0.25]],
        "Pb": [[MS, 0.5]],
        "Pg": [[MS, 0.125]],
        "Gc": [[MS, 0.05]],
        "Gb": False,
        "Bc": [[MS, 0.1]],
        "Bg": False,
        "gc": [[MS, 0.2]],
        "gb": False,
    }
    (reading,) = readings(flows, {"bs": [[MS, 55.46, 55, 56]], "bv": [[MS, 52.311, 52, 53]]})
    assert (reading.taken_at, reading.quality) == (START, Quality.BACKFILLED)
    assert reading.solar_w == 3500
    assert reading.load_w == 2400
    assert reading.battery_charge_w == 1600
    assert reading.grid_import_w == -300
    assert reading.generator_w == 800
    assert (reading.soc_pct, reading.battery_voltage_v) == (55.5, 52.31)
    assert reading.solar_w + reading.grid_import_w + reading.generator_w == reading.load_w + reading.battery_charge_w


def test_a_flow_that_the_portal_leaves_out_is_zero_beside_others_and_unknown_alone():
    flows = {"Pc": [[MS, 0.25]], "Bc": [[MS, 0.1], [MS + QUARTER_MS, 0.2]], "Gc": False}
    first, second = readings(flows)
    assert (first.solar_w, first.load_w, first.battery_charge_w) == (1000, 1400, -400)
    assert (second.solar_w, second.load_w, second.battery_charge_w) == (0, 800, -800)
    assert (first.grid_import_w, first.generator_w) == (None, None)
    (only_soc,) = readings({}, {"bs": [[MS, 50.0, 50, 50]]})
    assert (only_soc.soc_pct, only_soc.load_w, only_soc.grid_import_w) == (50, None, None)


def test_without_a_grid_its_import_is_a_known_zero():
    (reading,) = readings({"Bc": [[MS, 0.1]]}, site=OFF_GRID)
    assert reading.grid_import_w == 0


def test_hours_of_other_days_and_intervals_that_are_not_over_are_left_out():
    rows = [[MS + n * QUARTER_MS, 0.1] for n in range(-2, 100)]
    assert len(readings({"Bc": rows})) == 96
    now = START + timedelta(hours=1, minutes=14)
    assert [r.taken_at for r in readings({"Bc": rows}, now=now)] == [
        START + timedelta(minutes=15 * n) for n in range(4)
    ]


async def test_a_day_is_asked_for_by_the_sites_own_midnights():
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"success": True, "records": [], "totals": []})

    async with serving(handler) as server:
        site = GRID
        device = Device(id="vrm", kind="victron_vrm", plant_id=7, base_url=server.url)
        portal = VrmPortal(site, device, DeviceSecrets(token=SecretStr("t")), clock=lambda: START)
        assert isinstance(portal, DaySeries)
        assert await portal.day(date(2026, 3, 8)) == []  # 23 hours: the clocks go forward
        await portal.close()
    assert server.asked == ["GET /v2/installations/7/stats"] * 2
    kinds = [query["type"] for query in server.queries]
    assert kinds == ["kwh", "custom"]
    for query in server.queries:
        assert query["interval"] == "15mins"
        assert int(query["end"]) - int(query["start"]) == 23 * 3600
        assert (
            int(query["start"]) == datetime(2026, 3, 8, 8, tzinfo=UTC).timestamp()
        )  # in seconds, though they answer ms


async def test_a_day_of_history_agrees_with_what_was_the_case():
    async with on_stage("vrm", hours=30) as stage:
        async with stage.connected() as device:
            assert isinstance(device, DaySeries)
            found = await device.day(date(2026, 6, 1))
        assert len(found) == 96
        for reading in found:
            moments = [reading.taken_at + timedelta(minutes=1.5 + 3 * n) for n in range(5)]
            states = [stage.world.state_at(moment) for moment in moments]
            for name in ("solar_w", "load_w", "battery_charge_w", "grid_import_w", "soc_pct", "battery_voltage_v"):
                mean = sum(getattr(state, name) for state in states) / len(states)
                assert getattr(reading, name) == pytest.approx(mean, rel=0.01, abs=1.5), name


async def test_todays_history_ends_with_the_last_full_quarter_and_tomorrow_has_none():
    async with on_stage("vrm", hours=6.2) as stage, stage.connected() as device:
        assert isinstance(device, DaySeries)
        assert len(await device.day(date(2026, 6, 1))) == 24
        assert await device.day(date(2026, 6, 2)) == []
        assert await device.day(date(2026, 5, 1)) == []  # before the site was there


def test_watt_hours_of_an_hour_are_its_mean_watts():
    body = {
        "records": {
            "solar_yield_forecast": [[MS, 1284.9], [MS + 3_600_000, -0.2]],
            "vrm_consumption_fc": [[MS, 700.0], [MS + 7_200_000, 800.04]],
        }
    }
    assert issued_power(body, source="victron_vrm", issued_at=START) == IssuedPower(
        START,
        "victron_vrm",
        (
            PowerHour(START, 1284.9, 700.0),
            PowerHour(START + timedelta(hours=1), 0.0, None),
            PowerHour(START + timedelta(hours=2), None, 800.0),
        ),
    )


@pytest.mark.parametrize(
    "records", [{"solar_yield_forecast": False, "vrm_consumption_fc": False}, [], {"solar_yield_forecast": []}]
)
def test_a_portal_that_does_not_forecast_yet_says_nothing(records):
    assert issued_power({"records": records}, source="victron_vrm", issued_at=START) is None


async def test_the_portals_forecast_reaches_two_days_ahead_and_is_dark_at_night():
    async with on_stage("vrm", hours=36) as stage, stage.connected() as device:
        assert isinstance(device, VrmPortal)
        issued = await device.power_forecast()
        now = stage.clock.now()
    assert issued is not None
    assert (issued.source, issued.issued_at) == ("victron_vrm", now)
    starts = [hour.start for hour in issued.hours]
    assert starts[0] == datetime(2026, 6, 2, 7, tzinfo=UTC)  # today's midnight at the site
    assert starts == [starts[0] + timedelta(hours=n) for n in range(len(starts))]
    assert starts[-1] >= now + timedelta(hours=47)
    by_hour = {hour.start.astimezone(stage.site.zone).hour: hour for hour in issued.hours}
    assert by_hour[0].solar_w == 0
    assert (by_hour[12].solar_w or 0) > 4_000
    assert all((hour.load_w or 0) > 100 for hour in issued.hours)


async def test_a_young_installation_has_no_forecast():
    async with on_stage("vrm", hours=6) as stage, stage.connected() as device:
        assert isinstance(device, VrmPortal)
        assert await device.power_forecast() is None
