"""A plan: what each step does and why, what it brings, and what could not be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Method = Literal["milp", "fallback"]
BatteryMode = Literal["self_use", "hold", "grid_charge"]


@dataclass(frozen=True)
class Reason:
    """Why: a code for machines, a sentence for people, and its figures."""

    code: str
    text: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Violation:
    """Something that was wanted and could not be kept, from `start_s` on, and why; in which `scenario`."""

    code: str
    start_s: int
    amount: float
    text: str
    scenario: str = "p50"


@dataclass(frozen=True)
class Change:
    """A miner's step that is not what the last plan said, and why."""

    miner_id: str
    start_s: int
    on: bool
    reason: Reason


@dataclass(frozen=True)
class PlanStep:
    """One step, in the middle scenario (W, means): battery + is charging, grid + is import. `soc_pct` is at its end."""

    start_s: int
    minutes: int
    on: frozenset[str]
    solar_w: float
    base_load_w: float
    miner_w: float
    battery_charge_w: float
    grid_import_w: float
    curtailed_w: float
    battery_mode: BatteryMode
    soc_pct: Mapping[str, float]
    import_cost: float
    export_revenue: float
    hash_value: float
    wear_cost: float
    hash_ph_days: float
    battery_reason: Reason
    miner_reasons: Mapping[str, Reason]
    power_w: Mapping[str, float] = field(default_factory=dict)  # of each miner that runs
    heat_value: float = 0.0

    @property
    def end_s(self) -> int:
        return self.start_s + self.minutes * 60

    @property
    def hours(self) -> float:
        return self.minutes / 60.0


@dataclass(frozen=True)
class Plan:
    """`objective` is what the solver weighed (currency, lower is better), soft limits included."""

    method: Method
    steps: tuple[PlanStep, ...]
    objective: float
    violations: tuple[Violation, ...] = ()
    notes: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def money(self) -> float:
        """What the plan brings: hash, heat and export, less import and wear, in the site's currency."""
        brought = sum(s.hash_value + s.heat_value + s.export_revenue for s in self.steps)
        return brought - sum(s.import_cost + s.wear_cost for s in self.steps)

    @property
    def miner_kwh(self) -> float:
        return sum(s.miner_w * s.hours for s in self.steps) / 1_000.0

    @property
    def hash_ph_days(self) -> float:
        return sum(s.hash_ph_days for s in self.steps)

    @property
    def import_kwh(self) -> float:
        return sum(max(s.grid_import_w, 0.0) * s.hours for s in self.steps) / 1_000.0

    @property
    def export_kwh(self) -> float:
        return sum(max(-s.grid_import_w, 0.0) * s.hours for s in self.steps) / 1_000.0

    def step_at(self, moment_s: float) -> PlanStep | None:
        """The step that holds this moment, or None."""
        return next((s for s in self.steps if s.start_s <= moment_s < s.end_s), None)

    def lowest_soc(self, scenario: str) -> tuple[float, int] | None:
        """The lowest SOC (%) of a scenario and when its step ends; None without a battery."""
        ends = [(s.soc_pct[scenario], s.end_s) for s in self.steps if scenario in s.soc_pct]
        return min(ends) if ends else None
