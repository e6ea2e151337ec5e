"""A bank of known capacity, efficiency and taper on a sunny site, measured every five minutes, for tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy.plan.problem import BatteryState
from energy.series import Series
from energy.site import Battery, Site

START_S = 1_780_272_000  # 2026-06-01 00:00 UTC
STEP_S = 300


@dataclass(frozen=True)
class Bank:
    """What its meters tell, as series: level (%), power (W, + charging), surplus (W), temperature (°C)."""

    soc: Series
    charge_w: Series
    surplus_w: Series
    temperature_c: Series

    def first_days(self, days: float) -> Bank:
        end_s = START_S + days * 86_400
        return Bank(*(each.between(0, end_s) for each in (self.soc, self.charge_w, self.surplus_w, self.temperature_c)))


def series(values: object, times: object = None) -> Series:
    """Five-minute rows."""
    column = np.asarray(values, dtype=np.float64)
    at = START_S + STEP_S * np.arange(column.size) if times is None else np.asarray(times)
    return Series(at.astype(np.int64), column, float(STEP_S), "bank")


def bank(
    days: int = 60,
    usable_kwh: float = 28.0,
    efficiency: float = 0.95,
    taper_from_pct: float = 88.0,
    fades_per_day: float = 0.0,
    seed: int = 1,
) -> Bank:
    """A bank that the sun fills and the night empties, with noisy meters and a level in whole percent."""
    dice = np.random.default_rng(seed)
    count = days * 86_400 // STEP_S
    hour = np.arange(count) * STEP_S / 3_600 % 24
    clouds = np.repeat(dice.uniform(0.3, 1.0, days), count // days)
    sun = np.where((hour > 6) & (hour < 19), np.sin(np.clip((hour - 6) / 13, 0, 1) * np.pi), 0) * 9_000 * clouds
    surplus = sun - np.where((hour > 17) & (hour < 23), 2_600, 900) * dice.uniform(0.8, 1.2, count)
    level, levels, powers = 60.0, np.zeros(count), np.zeros(count)
    for i in range(count):
        kwh = usable_kwh * (1 - fades_per_day * i * STEP_S / 86_400)
        state = BatteryState(
            kwh, level, charge_w=6_000, taper_from_pct=taper_from_pct, taper_end_w=800, hard_floor_pct=10
        )
        power = min(surplus[i], state.accepts_w(level)) if surplus[i] > 0 else (surplus[i] if level > 10 else 0.0)
        stored = power * (efficiency if power > 0 else 1 / efficiency) * STEP_S / 3.6e6
        level = min(max(level + 100 * stored / kwh, 0.0), 100.0)
        levels[i], powers[i] = level, power
    measured = powers * dice.normal(1.0, 0.01, count)
    return Bank(series(np.round(levels)), series(measured), series(surplus), series(25 + 5 * np.sin(hour / 24 * 6.283)))


def site(usable_kwh: float = 30.0, chemistry: str = "LiFePO4") -> Site:
    """A site with that bank in its settings."""
    return Site(
        id="ranch",
        timezone="America/Los_Angeles",
        battery=Battery(usable_kwh=usable_kwh, chemistry=chemistry),
    )
