"""What a question asks for, as values. Metric names are those of `agents.tools.metrics`, periods are plain wording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Which = Literal["max", "min"]
Direction = Literal["rising", "falling", "both"]
Side = Literal["above", "below"]
IDLE_W = 50.0  # less than this is a relay's and a meter's noise, no running machine


@dataclass(frozen=True, slots=True)
class Now:
    """Current figures; no metrics means the whole site. `asked` is a yes/no question such as "importing"."""

    metrics: tuple[str, ...] = ()
    asked: str | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """Energy (kWh) of powers over a period, by hour or day when asked; `flow` is the direction that was meant."""

    metrics: tuple[str, ...]
    period: str
    by: Literal["hour", "day"] | None = None
    flow: Literal["positive", "negative"] | None = None
    best: Which | None = None  # only the hour or day with the most or least was asked for
    note: Literal["money", "without_miners", "peak_without_miners"] | None = None


@dataclass(frozen=True, slots=True)
class Average:
    """The time-weighted mean over a period."""

    metric: str
    period: str


@dataclass(frozen=True, slots=True)
class Range:
    """Lowest, highest and mean over a period: what "my battery yesterday" wants."""

    metric: str
    period: str


@dataclass(frozen=True, slots=True)
class At:
    """A metric at a time of day that has passed."""

    metric: str
    period: str
    clock: str


@dataclass(frozen=True, slots=True)
class Extreme:
    """The highest or lowest value of a period."""

    metric: str
    which: Which
    period: str


@dataclass(frozen=True, slots=True)
class WhenExtreme:
    """When the highest or lowest value of a period was."""

    metric: str
    which: Which
    period: str


@dataclass(frozen=True, slots=True)
class WhenCrossed:
    """When a metric went through a threshold (W, %, V or °C). `also` is a second reading of a vague question."""

    metric: str
    threshold: float
    direction: Direction
    period: str
    also: str | None = None
    last: bool = False  # only the latest time was asked for


@dataclass(frozen=True, slots=True)
class HowLong:
    """How long a metric was above or below a threshold."""

    metric: str
    threshold: float
    side: Side
    period: str


@dataclass(frozen=True, slots=True)
class Compare:
    """One metric in two periods."""

    metric: str
    a: str
    b: str
    also: str | None = None


@dataclass(frozen=True, slots=True)
class Trend:
    """Whether a metric rises or falls over a period."""

    metric: str
    period: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What happened in a period: solar, load, battery, grid."""

    period: str


@dataclass(frozen=True, slots=True)
class OwnShare:
    """How much of the load did not come from the grid."""

    period: str


@dataclass(frozen=True, slots=True)
class DeviceFact:
    """Something about the equipment: inverter, panels, battery, miners, one_miner, relays, devices, health,
    last_reading, firmware, serial, site; or about the place: sunrise, sunset, sun_another_day, other_temperature.

    `device` is the one that was named, in device_details' words.
    """

    what: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """One of the site's limits: minimum, target, critical, miners, charge_rate, discharge_rate, grid, tariff, all."""

    which: str


@dataclass(frozen=True, slots=True)
class Judge:
    """Whether a figure is good, against the site's limits: the current one, or the extreme of a period."""

    metric: str
    period: str | None = None
    which: Which | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """A decision: run_miners, start_miners, stop_miners, enough_for_miners, grid_charge, charge_time, use_surplus,
    low_battery, high_discharge, draining, surplus, run_generator.

    `when` is the time that was asked about ("tonight"), `watts` a power that the question states.
    """

    about: str
    when: str | None = None
    watts: float | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """Something to come; `about` narrows a question on the battery: when it is full, or empty."""

    metric: str | None
    when: str | None
    about: Literal["", "full", "empty"] = ""


@dataclass(frozen=True, slots=True)
class PlanShown:
    """What the plan does."""


@dataclass(frozen=True, slots=True)
class WhyPlanned:
    """Why a miner (or the battery) is on or off by the plan; no miner means all, no time means now."""

    miner: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The plan with one thing changed; the fields are those of the tool `what_if`."""

    kind: Literal["run_miners", "cloudy", "more_battery"]
    miners: str = ""
    until: str = ""
    day: str = ""
    sun_pct: int = -1
    extra_kwh: float = 0.0
    days: int = 30


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How right the forecasts were."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of a period."""

    kind: Literal["power", "energy", "soc"]
    period: str
    metric: str | None = None


@dataclass(frozen=True, slots=True)
class Knowledge:
    """General knowledge about equipment; `topic` is a key of `notes.NOTES` or "other"."""

    topic: str


@dataclass(frozen=True, slots=True)
class Recall:
    """Earlier conversations."""


@dataclass(frozen=True, slots=True)
class Switch:
    """Miners to be started, stopped or handed to the automatic: proposed, for a tap. `miners` and `until` as said."""

    action: Literal["start", "stop", "auto"]
    miners: str = "all"
    until: str = ""


@dataclass(frozen=True, slots=True)
class NotYet:
    """Something that cannot be done from a question: control, alert, setting, outages, an `order` not understood."""

    what: str


@dataclass(frozen=True, slots=True)
class Greeting:
    """Hello."""


@dataclass(frozen=True, slots=True)
class Thanks:
    """Thank you, or goodbye."""


@dataclass(frozen=True, slots=True)
class Help:
    """What can be asked."""


@dataclass(frozen=True, slots=True)
class OutOfScope:
    """Not about this site: web (latest news), finance, weather, general."""

    kind: Literal["web", "finance", "weather", "general"]


@dataclass(frozen=True, slots=True)
class Unclear:
    """About energy, but not understood."""

    metrics: tuple[str, ...] = ()


Intent = (
    Now
    | Total
    | Average
    | Range
    | At
    | Extreme
    | WhenExtreme
    | WhenCrossed
    | HowLong
    | Compare
    | Trend
    | Summary
    | OwnShare
    | DeviceFact
    | Policy
    | Judge
    | Advice
    | Forecast
    | PlanShown
    | WhyPlanned
    | WhatIf
    | Accuracy
    | Chart
    | Knowledge
    | Recall
    | Switch
    | NotYet
    | Greeting
    | Thanks
    | Help
    | OutOfScope
    | Unclear
)
