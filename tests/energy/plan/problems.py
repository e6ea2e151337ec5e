"""Small planning problems in June: a sunny day on a site in California, as tests change it."""

from __future__ import annotations

from typing import Any

import numpy as np

from energy.plan.problem import (
    BatteryState,
    GridState,
    InverterState,
    MinerState,
    Prices,
    Problem,
    Scenario,
    Steps,
    growing_steps,
)

MORNING_S = 1_781_535_600 - 1_781_535_600 % 3_600  # 2026-06-15 08:00 in Los Angeles
S21 = MinerState("s21", "S21+", 3_878.0, 235.0, 0.111, priority=1)
S19 = MinerState("s19", "S19", 3_250.0, 95.0, 0.054, priority=2, kind="s19")
S19_TWO = MinerState("s19-2", "S19 two", 3_250.0, 95.0, 0.054, priority=2, kind="s19")


def local_hours(steps: Steps) -> Any:
    """The local hour of the middle of each step."""
    return ((steps.starts_s + steps.minutes * 30 - 7 * 3_600) % 86_400) / 3_600.0


def sunny(steps: Steps, peak_w: float = 12_000.0) -> Any:
    """A clear June day."""
    at = local_hours(steps)
    return np.where((at > 6) & (at < 19), np.sin(np.clip((at - 6) / 13, 0, 1) * np.pi) * peak_w, 0.0)


def problem(now_s: int = MORNING_S, hours: float = 36, **changes: Any) -> Problem:
    """A sunny site with a grid, time-of-use prices, 30 kWh at 60 % and two miners."""
    steps = changes.pop("steps", None) or growing_steps(now_s, hours)
    at, sun, base = local_hours(steps), sunny(steps, changes.pop("peak_w", 12_000.0)), np.full(steps.count, 900.0)
    price = np.where((at >= 16) & (at < 21), 0.42, 0.28)
    midnight = int((now_s - 7 * 3_600) // 86_400 * 86_400 + 86_400 + 7 * 3_600)
    parts: dict[str, Any] = {
        "steps": steps,
        "scenarios": tuple(
            Scenario(name, weight, sun * share, base * more)
            for name, weight, share, more in (("p10", 0.2, 0.6, 1.4), ("p50", 0.6, 1.0, 1.0), ("p90", 0.2, 1.15, 0.8))
        ),
        "prices": Prices(price, np.full(steps.count, 0.05)),
        "grid": GridState(),
        "battery": BatteryState(30.0, 60.0, hard_floor_pct=20, reserve_pct=30),
        "inverter": InverterState(15_000, 12_000),
        "miners": (S21, S19),
        "day_starts_s": (midnight, midnight + 86_400),
        "zone": "America/Los_Angeles",
    }
    return Problem(**(parts | changes))


def flat(count: int, solar_w: Any, base_w: Any, **changes: Any) -> Problem:
    """Hourly steps with one scenario."""
    steps = Steps(MORNING_S + 3_600 * np.arange(count), np.full(count, 60))
    course = Scenario("p50", 1.0, np.broadcast_to(solar_w, count) * 1.0, np.broadcast_to(base_w, count) * 1.0)
    prices = changes.pop("prices", None) or Prices(np.full(count, 0.28), np.full(count, 0.05))
    return problem(steps=steps, scenarios=(course,), prices=prices, **changes)
