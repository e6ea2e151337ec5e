"""A ranch whose readings follow simple curves, so that a test can say what a figure must be."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from energy.reading import Reading
from energy.site import Array, Battery, Device, Grid, Miner, Site

ZONE = ZoneInfo("America/Los_Angeles")
NOW = datetime(2026, 5, 6, 14, 2, tzinfo=ZONE).astimezone(UTC)  # a Wednesday
DAYS = 9

RANCH = Site(
    id="ranch",
    name="Solar Shack",
    timezone="America/Los_Angeles",
    latitude=37.3,
    longitude=-121.9,
    inverter_model="SolArk 15K",
    battery=Battery(usable_kwh=30, max_charge_w=9000, max_discharge_w=8000),
    grid=Grid(present=True, export_allowed=True),
    array=(Array(name="south", kwp=14.6),),
    device=(
        Device(id="solark", kind="solark_cloud", plant_id=123456),
        Device(id="cerbo", kind="victron_mqtt", host="venus.local", upload_interval_s=300),
        Device(id="garage", kind="shelly", host="192.168.1.50"),
    ),
    miner=(Miner(id="s21", name="Primary S21+", power_w=3878, hashrate_ths=235, device="garage"),),
    merge={"soc_pct": {"prefer": ["cerbo", "solark"]}},
)


def solar_w(hour: float) -> float:
    """Panels over a cloudless day: 10 kW at noon, nothing before 6 and after 18."""
    return round(max(0.0, 10_000 * math.sin(math.pi * (hour - 6) / 12)), 1)


def soc_pct(hour: float) -> float:
    """Lowest (40 %) at 6:00, highest (80 %) at 18:00."""
    return round(60 - 20 * math.cos(math.pi * (hour - 6) / 12), 2)


def ranch_readings(end: datetime = NOW, days: int = DAYS) -> list[Reading]:
    """Readings of both systems, a fifth of a degree of physics: 1.5 kW of load, the battery takes the rest."""
    rows: list[Reading] = []
    last = end.replace(minute=end.minute // 5 * 5, second=0, microsecond=0)
    for step in range(days * 288, -1, -1):
        at = last - timedelta(minutes=5 * step)
        local = at.astimezone(ZONE)
        hour = local.hour + local.minute / 60
        solar, load = solar_w(hour), 1_500.0
        rows.append(
            Reading(
                site_id="ranch",
                source="solark",
                device_id="solark",
                taken_at=at,
                soc_pct=soc_pct(hour) - 3,
                solar_w=solar,
                load_w=load,
                battery_charge_w=solar - load,
                grid_import_w=0.0,
                grid_present=True,
            )
        )
        rows.append(
            Reading(
                site_id="ranch",
                source="victron",
                device_id="cerbo",
                taken_at=at,
                soc_pct=soc_pct(hour),
                battery_voltage_v=round(48 + soc_pct(hour) / 20, 2),
                battery_temperature_c=21.5,
            )
        )
    return rows
