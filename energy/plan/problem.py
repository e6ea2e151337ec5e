"""What a plan is made from: frozen values, in W, kWh, % of charge, epoch seconds and the site's currency per kWh.

Powers are positive; a scenario is one possible course of solar and base load (the load without miners). The steps grow
from 15 to 60 minutes, so that 36 hours stay quick to solve and the next hours stay sharp.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Preference = Literal["plan", "always", "excess_solar", "never"]

MINUTE_S = 60
QUARTER_S = 900
HOUR_S = 3_600
DAY_S = 86_400
MIDDLE, LOW, HIGH = "p50", "p10", "p90"


@dataclass(frozen=True)
class Steps:
    """Consecutive steps: start (epoch s) and length (minutes) of each."""

    starts_s: Ints
    minutes: Ints

    def __post_init__(self) -> None:
        starts_s, minutes = np.asarray(self.starts_s, dtype=np.int64), np.asarray(self.minutes, dtype=np.int64)
        if starts_s.ndim != 1 or starts_s.shape != minutes.shape or not starts_s.size:
            raise ValueError("steps: at least one step, and one length per start")
        if np.any(minutes <= 0) or np.any(starts_s[1:] != (starts_s + minutes * 60)[:-1]):
            raise ValueError("steps: each must begin where the one before it ends")
        object.__setattr__(self, "starts_s", starts_s)
        object.__setattr__(self, "minutes", minutes)

    @property
    def count(self) -> int:
        return int(self.starts_s.size)

    @property
    def hours(self) -> Floats:
        """The length of each step in hours."""
        return np.asarray(self.minutes / 60.0, dtype=np.float64)

    @property
    def end_s(self) -> int:
        return int(self.starts_s[-1] + self.minutes[-1] * 60)

    def index_at(self, moment_s: float) -> int | None:
        """The step that holds this moment, or None outside of them."""
        if not self.starts_s[0] <= moment_s < self.end_s:
            return None
        return int(np.searchsorted(self.starts_s, moment_s, side="right")) - 1


def growing_steps(now_s: int, hours: float = 36, *, fine_hours: float = 2, middle_hours: float = 8) -> Steps:
    """Steps from the minute of `now_s`: to the end of its quarter hour, then 15 minutes for `fine_hours`, then 30 until
    `middle_hours`, then 60.

    The first one is as short as what is left of its quarter: the battery's level of now is that at its start, and what
    flowed before is in it already. Longer steps begin on their own full half hour or hour, where prices change.
    """
    quarter_s = now_s // QUARTER_S * QUARTER_S
    at, starts, minutes = now_s // MINUTE_S * MINUTE_S, [], []
    while at < quarter_s + hours * HOUR_S:
        passed_h = (at - quarter_s) / HOUR_S
        if passed_h >= middle_hours and at % HOUR_S == 0:
            length = 60
        elif passed_h >= fine_hours and at % (2 * QUARTER_S) == 0:
            length = 30
        else:
            length = (QUARTER_S - at % QUARTER_S) // MINUTE_S
        starts.append(at)
        minutes.append(length)
        at += length * MINUTE_S
    return Steps(np.array(starts), np.array(minutes))


@dataclass(frozen=True)
class Scenario:
    """A course of solar and base load (W, mean per step). `p10` is the cautious one: little sun and much load."""

    name: str
    weight: float
    solar_w: Floats
    base_load_w: Floats


@dataclass(frozen=True)
class BatteryState:
    """The bank. SOC in % of `usable_kwh`. Charging slows from `taper_from_pct` on to `taper_end_w` at 100 %."""

    usable_kwh: float
    soc_pct: float
    hard_floor_pct: float = 20.0
    reserve_pct: float = 30.0
    max_soc_pct: float = 100.0
    charge_w: float = 9_000.0
    discharge_w: float = 9_000.0
    charge_efficiency: float = 0.96
    discharge_efficiency: float = 0.96
    taper_from_pct: float = 90.0
    taper_end_w: float = 1_000.0
    wear_per_kwh: float = 0.02  # per kWh charged, and per kWh discharged

    def kwh(self, pct: float) -> float:
        """What this level holds (kWh)."""
        return self.usable_kwh * pct / 100.0

    def pct(self, kwh: float) -> float:
        return 100.0 * kwh / self.usable_kwh

    def accepts_w(self, soc_pct: float) -> float:
        """How much the battery takes at this level (W, at its terminals)."""
        if soc_pct >= self.max_soc_pct:
            return 0.0
        if soc_pct <= self.taper_from_pct or self.taper_from_pct >= 100:
            return self.charge_w
        end_w = min(self.taper_end_w, self.charge_w)
        return end_w + (self.charge_w - end_w) * (100.0 - soc_pct) / (100.0 - self.taper_from_pct)


@dataclass(frozen=True)
class Outage:
    """An announced time without grid: [from_s, until_s)."""

    from_s: int
    until_s: int


@dataclass(frozen=True)
class GridState:
    """The grid: whether it is there and what may flow: `import_allowed` for loads, `charge_allowed` for the battery."""

    present: bool = True
    import_allowed: bool = True
    export_allowed: bool = True
    charge_allowed: bool = False
    max_import_w: float | None = None
    max_export_w: float | None = None
    outages: tuple[Outage, ...] = ()

    def there(self, starts_s: int, minutes: int) -> bool:
        """Whether the grid is there for the whole of a step."""
        ends_s = starts_s + minutes * 60
        return self.present and not any(o.from_s < ends_s and o.until_s > starts_s for o in self.outages)


@dataclass(frozen=True)
class Prices:
    """Per kWh and step; NaN is unknown and replaced by a named fallback (energy/plan/prices.py)."""

    import_per_kwh: Floats
    export_per_kwh: Floats
    demand_per_kw: float = 0.0  # for the highest import of the billing period
    peak_so_far_w: float = 0.0
    fallback_per_kwh: float = 0.30  # where no price at all is known


@dataclass(frozen=True)
class InverterState:
    """What the inverter gives (W) beside the grid, and without it; None is no limit."""

    max_output_w: float | None = None
    islanded_max_w: float | None = None

    def limit_w(self, grid_there: bool) -> float:
        own = self.max_output_w if grid_there or self.islanded_max_w is None else self.islanded_max_w
        return math.inf if own is None else own


@dataclass(frozen=True)
class MinerPower:
    """A power at which a miner can run, and what it hashes then."""

    power_w: float
    hashrate_ths: float


@dataclass(frozen=True)
class AsSet:
    """How a miner is set: what it does while nobody plans.

    `mode`: "on", "off", "auto" by its own levels, or "left_on": a hand switched it on, and nobody does so again once it
    is off. It holds until `until_s` (None: all along), then `then`. Below `hold_soc_pct` it is stopped whatever is
    wanted; the auto mode stops it at `stop_soc_pct` already, and lets it run on `needs_excess_w` of sun beyond need,
    within the steps that are `allowed`.
    """

    mode: Literal["on", "off", "auto", "left_on"] = "auto"
    until_s: int | None = None
    then: Literal["on", "off", "auto"] = "off"
    hold_soc_pct: float = 0.0
    start_soc_pct: float = 60.0
    stop_soc_pct: float = 50.0
    needs_excess_w: float = 0.0
    allowed: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class MinerState:
    """A miner, and what it did so far. `kind` names identical miners, which are started in order.

    `changed_ago_min`: for how many minutes it has been on or off when the first step begins. `allowed` is True per step
    in which people and hours let it run. `run_until_s`, `off_until_s`: somebody wants it on, or off, until then.
    `modes` are lower powers than `power_w`. It takes power for `ramp_min` after a start before it hashes. Its heat is
    worth something per kWh while it is colder than `heat_below_c` outdoors. `as_set` is for the course without a plan.
    """

    id: str
    name: str
    power_w: float
    hashrate_ths: float
    hash_value_per_kwh: float
    on: bool = False
    changed_ago_min: float = 1e6
    min_on_min: float = 15.0
    min_off_min: float = 10.0
    starts_left_today: int = 8
    max_starts_per_day: int = 8
    start_soc_pct: float = 60.0
    stop_soc_pct: float = 50.0
    priority: int = 1
    kind: str = ""
    run_hours: float = 0.0  # how long it ran in its life: among identical ones, the least worn starts first
    start_cost: float = 0.02
    max_temperature_c: float | None = None
    preference: Preference = "plan"
    allowed: NDArray[np.bool_] | None = None
    run_until_s: int | None = None
    off_until_s: int | None = None
    modes: tuple[MinerPower, ...] = ()
    ramp_min: float = 0.0
    heat_value_per_kwh: float = 0.0
    heat_below_c: float = 15.0
    as_set: AsSet | None = None

    @property
    def powers(self) -> tuple[MinerPower, ...]:
        """Full power first, then the modes."""
        return (MinerPower(self.power_w, self.hashrate_ths), *self.modes)

    @property
    def least_w(self) -> float:
        """The least that it can run with."""
        return min(p.power_w for p in self.powers)

    def at(self, power_w: float) -> MinerPower:
        """The way of running that is nearest to this power."""
        return min(self.powers, key=lambda p: abs(p.power_w - power_w))

    def running_at(self, power_w: float) -> MinerState:
        """The same miner with the way of running nearest to this power as its only one."""
        way = self.at(power_w)
        value = self.hash_value_per_h(way) / (way.power_w / 1_000.0)
        return replace(self, power_w=way.power_w, hashrate_ths=way.hashrate_ths, hash_value_per_kwh=value, modes=())

    def hash_value_per_h(self, power: MinerPower) -> float:
        """What an hour of hashing earns at that power."""
        return self.hash_value_per_kwh * self.power_w / 1_000.0 * power.hashrate_ths / self.hashrate_ths

    def forced(self, minutes_from_now: float) -> bool | None:
        """Whether minimum on or off time still holds it then: True on, False off, None free."""
        dwell = self.min_on_min if self.on else self.min_off_min
        return self.on if self.changed_ago_min + minutes_from_now < dwell else None


@dataclass(frozen=True)
class Weights:
    """What soft limits and changes cost, in currency. Large against prices, small for the solver's tolerances."""

    reserve_per_kwh_h: float = 0.15  # one kWh below the reserve for an hour, in any scenario
    floor_per_kwh_h: float = 20.0
    short_per_kwh: float = 50.0  # the house goes without
    wish_per_kwh: float = 2.0  # "always" and "run until" not kept, "excess solar" exceeded
    later_per_kwh_h: float = 2e-5  # free energy is used early rather than late
    leave_plan_per_kwh: float = 0.004
    change_gain: float = 0.05  # a new plan must be better by this much, else the last one stays


@dataclass(frozen=True)
class Problem:
    """All that a plan is made from. `day_starts_s`: the local midnights after now, for starts per day."""

    steps: Steps
    scenarios: tuple[Scenario, ...]
    prices: Prices
    grid: GridState = field(default_factory=GridState)
    battery: BatteryState | None = None
    inverter: InverterState = field(default_factory=InverterState)
    miners: tuple[MinerState, ...] = ()
    weights: Weights = field(default_factory=Weights)
    temperature_c: Floats | None = None
    day_starts_s: tuple[int, ...] = ()
    end_value_per_kwh: float | None = None
    last_on: Mapping[str, Floats] | None = None  # the last plan on these steps: 1 on, 0 off, NaN not planned then
    zone: str = "UTC"
    currency: str = "USD"
    notes: tuple[str, ...] = ()  # what stood in for something unknown; the plan repeats it

    def __post_init__(self) -> None:
        if not self.scenarios or sum(s.name == MIDDLE for s in self.scenarios) != 1:
            raise ValueError(f'plan: give scenarios, one of them called "{MIDDLE}"')
        columns: list[tuple[str, NDArray[np.generic]]] = [
            (s.name, values) for s in self.scenarios for values in (s.solar_w, s.base_load_w)
        ]
        columns += [("prices", self.prices.import_per_kwh), ("prices", self.prices.export_per_kwh)]
        columns += [(m.id, m.allowed) for m in self.miners if m.allowed is not None]
        if self.temperature_c is not None:
            columns.append(("temperature_c", self.temperature_c))
        for name, values in columns:
            if np.shape(values) != (self.steps.count,):
                raise ValueError(f"plan: {name} must have one value for each of the {self.steps.count} steps")
        for scenario in self.scenarios:
            if not (np.all(np.isfinite(scenario.solar_w)) and np.all(np.isfinite(scenario.base_load_w))):
                raise ValueError(f"plan: solar and load of {scenario.name} must be known in every step")
        if self.battery is not None and not self.battery.usable_kwh > 0:
            raise ValueError("plan: usable_kwh must be above 0; leave the battery out where there is none")
        if self.battery is not None and not math.isfinite(self.battery.soc_pct):
            raise ValueError("plan: the battery's level must be known")
        if len({m.id for m in self.miners}) != len(self.miners):
            raise ValueError("plan: each miner must stand once")

    @property
    def middle(self) -> Scenario:
        return next(s for s in self.scenarios if s.name == MIDDLE)

    @property
    def low(self) -> Scenario:
        """The cautious scenario; the middle one where there is no other."""
        return next((s for s in self.scenarios if s.name == LOW), self.middle)

    def grid_there(self) -> NDArray[np.bool_]:
        """Per step whether the grid is there."""
        pairs = zip(self.steps.starts_s.tolist(), self.steps.minutes.tolist(), strict=True)
        return np.array([self.grid.there(start, minutes) for start, minutes in pairs], dtype=bool)


def hash_value_per_kwh(
    hashprice_per_phs_day: float, hashrate_ths: float, power_w: float, pool_fee_pct: float = 0.0
) -> float:
    """What a kWh earns in this miner: hash price [per PH/s and day] × TH/s / 1000 / 24 / kW, net of the pool's fee."""
    per_hour = hashprice_per_phs_day * hashrate_ths / 1_000.0 / 24.0
    return per_hour / (power_w / 1_000.0) * (1.0 - pool_fee_pct / 100.0)
