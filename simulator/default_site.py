"""The demo's site: the Solar Shack ranch, as its `commandcenter.toml` would describe it."""

from __future__ import annotations

from energy.site import (
    Array,
    Battery,
    Device,
    Economics,
    Grid,
    Inverter,
    Limits,
    Miner,
    Prefer,
    Site,
    Sum,
    Tariff,
    TariffPeriod,
)
from simulator.physics.inputs import Wiring
from simulator.physics.scenario import Scenario

PLANT_ID = 123456
PORTAL_ID = "c0619ab12345"
_VOLTAGE_CURVE = ((45.0, 0.0), (47.0, 15.0), (50.0, 40.0), (52.0, 60.0), (54.5, 80.0), (56.0, 100.0))


def default_site(wiring: Wiring = "solark", *, site_id: str = "ranch", name: str = "Solar Shack") -> Site:
    """The ranch: 14.6 kWp, a SolArk 15K, a 30 kWh LiFePO4 bank, a Cerbo GX, an S21+ and two S19 on a Shelly.

    The hosts are the addresses on the ranch; `at_endpoints` in `simulator.server` puts the simulator's in.
    """
    both = wiring == "both"
    arrays = (
        Array(name="south", kwp=7.3, tilt_deg=25, azimuth_deg=180, device="solark"),
        Array(name="barn", kwp=7.3, tilt_deg=20, azimuth_deg=200, device="cerbo" if both else "solark"),
    )
    from_shunt = Prefer(prefer=("cerbo", "solark"))
    return Site(
        id=site_id,
        name=name,
        timezone="America/Los_Angeles",
        latitude=37.3,
        longitude=-121.9,
        inverter_model="SolArk 15K",
        limits=Limits(min_soc_pct=30, safe_min_soc_pct=40, safe_max_soc_pct=80, miner_min_soc_pct=50),
        battery=Battery(
            usable_kwh=30.0,
            chemistry="LiFePO4",
            max_charge_w=9000,
            max_discharge_w=9000,
            voltage_curve=_VOLTAGE_CURVE,
        ),
        grid=Grid(present=True, import_allowed=False, export_allowed=True, max_import_w=12000),
        inverter=Inverter(max_output_w=15000, islanded_max_w=12000),
        tariff=Tariff(
            period=(
                TariffPeriod(name="peak", import_per_kwh=0.42, export_per_kwh=0.05, hours="16-21"),
                TariffPeriod(name="off-peak", import_per_kwh=0.28, export_per_kwh=0.03, hours="21-16"),
            )
        ),
        array=arrays,
        device=(
            Device(id="solark", kind="solark_cloud", plant_id=PLANT_ID),
            Device(id="cerbo", kind="victron_mqtt", host="venus.local", portal_id=PORTAL_ID),
            # A Pro 4PM: 16 A a channel, its contacts are rated at 250 V.
            Device(id="garage", kind="shelly", host="192.168.1.50"),
        ),
        merge={
            "soc_pct": from_shunt,
            "battery_charge_w": from_shunt,  # the SolArk sees its own terminals only
            "battery_voltage_v": from_shunt,
            "battery_temperature_c": from_shunt,
            "grid_present": from_shunt,  # the GX knows within seconds, the cloud within minutes
            "solar_w": Sum(sum=("solark", "cerbo")) if both else Prefer(prefer=("solark",)),
            "miner_w": Prefer(prefer=("garage",)),
        },
        miner=(
            Miner(
                id="s21",
                name="Primary S21+",
                model="Antminer S21+",
                power_w=3878,
                hashrate_ths=235,
                device="garage",
                channel=0,
                priority=1,
            ),
            Miner(
                id="s19-1",
                name="Dump load S19 A",
                model="Antminer S19",
                power_w=3250,
                hashrate_ths=95,
                device="garage",
                channel=1,
                priority=2,
                start_soc_pct=85,
                stop_soc_pct=75,
            ),
            Miner(
                id="s19-2",
                name="Dump load S19 B",
                model="Antminer S19",
                power_w=3250,
                hashrate_ths=95,
                device="garage",
                channel=2,
                priority=3,
                start_soc_pct=92,
                stop_soc_pct=85,
            ),
        ),
        economics=Economics(hashprice_per_phs_day=45.0, pool_fee_pct=2.0, currency="USD"),
    )


DEFAULT_SITE = default_site()


def site_in(scenario: Scenario, wiring: Wiring = "solark") -> Site:
    """The ranch as its owner would describe it in a scenario: without a grid where there is none."""
    site = default_site(wiring)
    return site.model_copy(update={"grid": Grid(present=False)}) if scenario.off_grid else site
