"""A site with two miners and its conditions at noon, for tests of interlocks and the auto mode."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from energy.interlocks import Conditions, MinerRecord, Observed
from energy.site import Battery, Device, Grid, Inverter, Limits, Miner, Site

NOON = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)  # 12:00 in Los Angeles
CURVE = ((45.0, 0.0), (47.0, 15.0), (50.0, 40.0), (52.0, 60.0), (54.5, 80.0), (56.0, 100.0))
_MINERS: tuple[dict[str, Any], ...] = (
    {"id": "s21", "name": "S21+", "power_w": 3878, "hashrate_ths": 235, "device": "garage", "channel": 0},
    {"id": "s19", "name": "S19", "power_w": 3250, "hashrate_ths": 95, "device": "garage", "channel": 1, "priority": 2},
)


def ranch(miner: dict[str, Any] | None = None, **changes: Any) -> Site:
    """The site; `miner` changes its first miner, the others replace parts of the site."""
    parts: dict[str, Any] = {
        "id": "ranch",
        "timezone": "America/Los_Angeles",
        "limits": Limits(min_soc_pct=30, miner_min_soc_pct=50),
        "battery": Battery(usable_kwh=30, voltage_curve=CURVE),
        "grid": Grid(present=True),
        "inverter": Inverter(max_output_w=15000, islanded_max_w=12000),
        "device": (Device(id="garage", kind="shelly", host="192.168.1.50"),),
        "miner": (Miner(**(_MINERS[0] | (miner or {}))), Miner(**_MINERS[1])),
    }
    return Site(**(parts | changes))


def seen(value: float, *, age_min: float = 1, now: datetime = NOON) -> Observed:
    """A figure of the Cerbo, `age_min` minutes old."""
    return Observed(value, now - timedelta(minutes=age_min), "cerbo")


def relay(on: bool | None = False, *, changed_min: float = 120, now: datetime = NOON, **changes: Any) -> MinerRecord:
    """A relay with a meter that was heard a moment ago and switched `changed_min` minutes ago."""
    parts: dict[str, Any] = {
        "on": on,
        "power_w": 3200.0 if on else 0.0,
        "read_at": now - timedelta(seconds=20),
        "changed_at": now - timedelta(minutes=changed_min),
        "starts_today": 0,
    }
    return MinerRecord(**(parts | changes))


def conditions(*, now: datetime = NOON, **changes: Any) -> Conditions:
    """A sunny noon: 70 %, 53 V, 9 kW of sun, 1.5 kW of load, grid there, both miners off."""
    parts: dict[str, Any] = {
        "now": now,
        "soc_pct": seen(70, now=now),
        "battery_voltage_v": seen(53, now=now),
        "battery_temperature_c": seen(20, now=now),
        "solar_w": seen(9000, now=now),
        "load_w": seen(1500, now=now),
        "battery_charge_w": seen(7500, now=now),
        "grid_import_w": seen(0, now=now),
        "generator_w": None,
        "grid_present": True,
        "fault_codes": (),
        "miners": {"s21": relay(now=now), "s19": relay(now=now)},
    }
    return Conditions(**(parts | changes))
