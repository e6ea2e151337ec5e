"""A whole site as `simulate` serves it, read through the registry, and its weather."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from connectors.device import DeviceSecrets
from connectors.errors import CredentialsRefused, Malformed, TryLater, Unreachable
from connectors.open_meteo import OpenMeteo
from connectors.registry import connect
from energy.merge import merge
from energy.site import Array, Site
from energy.weather import IssuedForecast
from simulator.clock import SimClock
from simulator.default_site import default_site
from simulator.faults import Faults
from simulator.open_meteo import OpenMeteoServer
from simulator.physics import VirtualSite
from simulator.scenarios import scenario_named
from simulator.server import at_endpoints, serve
from simulator.web import listening
from tests.connectors.stage import first_reading

DAWN = datetime(2026, 6, 1, 7, 0, tzinfo=UTC)  # midnight at the site
EAST_AND_WEST = (
    Array(name="east", kwp=5, tilt_deg=40, azimuth_deg=90),
    Array(name="west", kwp=5, tilt_deg=40, azimuth_deg=270),
)


@pytest.mark.parametrize("wiring", ["solark", "both"])
async def test_the_site_as_a_whole_balances_through_the_registry(wiring):
    described = _uploading_every_second(default_site(wiring))
    now = datetime.now(UTC)
    start = now - timedelta(hours=6)
    world = VirtualSite(described, seed=3, start=start, wiring=wiring, scenario=scenario_named("sunny"))
    async with serve(world, SimClock(now), shelly_password="relay") as endpoints:
        site = at_endpoints(described, endpoints)
        secrets = {
            "solark": DeviceSecrets(endpoints.solark_username, SecretStr(endpoints.solark_password)),
            "garage": DeviceSecrets(password=SecretStr("relay")),
            "cerbo": DeviceSecrets(),
        }
        opened = [connect(site, device, secrets[device.id]) for device in site.device]
        readings = await asyncio.gather(*(first_reading(device) for device in opened))
        for device in opened:
            await device.close()
    view = merge(site, {reading.device_id: reading for reading in readings}, now=now)
    truth = world.state_at(min(reading.taken_at for reading in readings))
    assert view.stale_devices == view.silent_devices == ()
    assert view.number("solar_w") == pytest.approx(truth.solar_w, rel=0.1, abs=100)
    assert view.number("soc_pct") == pytest.approx(truth.soc_pct, abs=2)
    assert view.number("miner_w") == pytest.approx(sum(truth.miner_w.values()), rel=0.1, abs=5)
    assert view.balance_w == pytest.approx(0, abs=300)


def _uploading_every_second(site: Site) -> Site:
    """Else the cloud would be up to 5 minutes older than the GX, and the flows of two moments do not meet."""
    devices = tuple(d.model_copy(update={"upload_interval_s": 1.0}) if d.id == "solark" else d for d in site.device)
    return site.model_copy(update={"device": devices})


async def forecast(*, fault: str | None = None, timeout_s: float = 5.0) -> tuple[VirtualSite, IssuedForecast]:
    site = default_site().model_copy(update={"array": EAST_AND_WEST})
    world = VirtualSite(site, seed=1, start=DAWN, wiring="solark", scenario=scenario_named("sunny"))
    clock, faults = SimClock(DAWN + timedelta(hours=20), speed=0), Faults()
    if fault:
        faults.order("open_meteo", fault)
    async with listening(OpenMeteoServer(world, clock, faults).app()) as port:
        service = OpenMeteo(f"http://127.0.0.1:{port}", timeout_s=timeout_s, clock=clock.now)
        try:
            return world, await service.forecast(site)
        finally:
            await service.close()


async def test_each_hour_of_the_forecast_fits_the_sun_that_shone_in_it():
    world, issued = await forecast()
    day = [hour for hour in issued.hours if DAWN <= hour.start < DAWN + timedelta(hours=19)]
    assert len(day) == 19

    def miss(shift_h: int) -> float:
        return sum(abs((hour.ghi_w_m2 or 0) - _mean_ghi(world, hour.start + timedelta(hours=shift_h))) for hour in day)

    assert miss(0) < 0.5 * min(miss(-1), miss(1))


def _mean_ghi(world: VirtualSite, start: datetime) -> float:
    moments = [max(start + timedelta(minutes=m), DAWN) for m in range(0, 60, 5)]
    return sum(world.state_at(moment).ghi_w_m2 for moment in moments) / len(moments)


async def test_an_east_roof_has_its_sun_in_the_morning_and_a_west_roof_in_the_afternoon():
    _, issued = await forecast()
    morning, afternoon = (issued.hour_at(DAWN + timedelta(hours=h)) for h in (8, 18))
    assert morning is not None
    assert afternoon is not None
    assert (morning.tilted_w_m2["east"] or 0) > 2 * (morning.tilted_w_m2["west"] or 0)
    assert (afternoon.tilted_w_m2["west"] or 0) > 2 * (afternoon.tilted_w_m2["east"] or 0)


async def test_the_forecast_reaches_from_yesterday_to_three_days_ahead():
    _, issued = await forecast()
    assert issued.issued_at == DAWN + timedelta(hours=20)
    starts = [hour.start for hour in issued.hours]
    assert starts == sorted(set(starts))
    assert starts[0] <= DAWN
    assert starts[-1] - issued.issued_at > timedelta(hours=60)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("429", TryLater),
        ("html", Malformed),
        ("nulls", Malformed),
        ("401", CredentialsRefused),
        ("timeout", Unreachable),
    ],
)
async def test_the_weather_services_troubles_have_the_same_kinds_as_a_devices(fault, error):
    with pytest.raises(error, match="Open-Meteo"):
        await forecast(fault=fault, timeout_s=0.3)
