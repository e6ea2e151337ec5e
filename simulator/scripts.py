"""What happens in a scenario and when: orders to the simulator's own endpoint, timed from the moment it is begun.

Each script has the alerts that must come of it, and nothing else may: they are what `demo` waits for, and what its
tests hold it to. The begin and the weather are fixed, so that the same scenario is the same story each time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import structlog

from simulator.clock import SimClock

log = structlog.get_logger()
Order = Callable[[str, Mapping[str, Any]], object]  # `ControlServer.order`
MINUTE_S = 60.0
_LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An order at `at_s` (simulated, from the begin): `body` posted to `path` of `simulator.control`."""

    at_s: float
    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """An alert that must be told and resolve; `subjects` are those of its rule that must, where it has several."""

    rule_id: str
    subjects: tuple[str, ...] = ("",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A story. `begins_at` is the site's local time at its begin; `speed` the usual pace (simulated s per second).

    `miners` is how the demo leaves them: by their profiles, or off. All is over `over_after_s` (simulated) after the
    begin at the latest.
    """

    story: str
    begins_at: str
    speed: float
    steps: tuple[Step, ...]
    expected: tuple[Expected, ...]
    over_after_s: float
    miners: str = "auto"

    def begin(self, site_zone: Any) -> datetime:
        """The moment at which it begins (aware)."""
        return datetime.fromisoformat(self.begins_at).replace(tzinfo=site_zone)


def _fault(at_min: float, target: str, fault: str, **more: Any) -> Step:
    return Step(at_s=at_min * MINUTE_S, path="/faults", body={"target": target, "fault": fault, **more})


STORM_CODES: tuple[str, ...] = (
    *("Overload", "HighTemperature", "LowBattery", "Ripple", "PhaseRotation", "TemperatureSensor", "VoltageSensor"),
    *("GridDisconnected", "HighDcVoltage", "HighDcCurrent", "8"),
)
STORM_BMS_CODES: tuple[str, ...] = (
    *("LowVoltage", "HighVoltage", "LowCellVoltage", "HighCellVoltage", "CellImbalance", "HighChargeCurrent"),
    *("HighDischargeCurrent", "InternalFailure", "BmsCable"),
)

SCRIPTS: Mapping[str, Script] = MappingProxyType(
    {
        "outage": Script(
            story="the grid fails after half a minute and returns two minutes later",
            begins_at="2026-06-21T11:00",
            speed=1.0,
            steps=(
                Step(at_s=30, path="/grid", body={"present": False}),
                Step(at_s=150, path="/grid", body={"present": True}),
            ),
            expected=(Expected(rule_id="grid_outage"),),
            over_after_s=6 * MINUTE_S,
        ),
        "low_battery": Script(
            story="a late evening after dark days: 7 kW too many are on, until somebody starts the generator",
            begins_at="2026-06-16T21:30",
            speed=40.0,
            steps=(
                _fault(1, "site", "load", value=7_000),
                _fault(29, "site", "none"),
                _fault(29, "site", "generator_stuck", value=10_500),
                _fault(75, "site", "none"),
            ),
            expected=(
                Expected(rule_id="rapid_discharge"),
                Expected(rule_id="battery_low"),
                Expected(rule_id="battery_critical"),
            ),
            over_after_s=100 * MINUTE_S,
            miners="off",
        ),
        "dead_array": Script(
            story="near midday the south array and half of the barn's give nothing for an hour and a half",
            begins_at="2026-06-21T10:30",
            speed=60.0,
            steps=(
                _fault(5, "site", "dead_array", field="south", value=1.0),
                _fault(5, "site", "dead_array", field="barn", value=0.5),
                _fault(105, "site", "none"),
            ),
            expected=(Expected(rule_id="solar_low"),),
            over_after_s=180 * MINUTE_S,
            miners="off",
        ),
        "storm_of_faults": Script(
            story="twenty faults of inverter and battery at once, for two minutes",
            begins_at="2026-06-21T10:00",
            speed=6.0,
            steps=(
                _fault(0.5, "victron", "inverter_fault", codes=list(STORM_CODES)),
                _fault(0.5, "victron", "bms_alarm", codes=list(STORM_BMS_CODES)),
                _fault(2.5, "victron", "none"),
            ),
            expected=(
                Expected(
                    rule_id="inverter_fault",
                    subjects=(
                        *(f"vebus/276 {'error 8' if code == '8' else code}" for code in STORM_CODES),
                        *(f"battery/512 {code}" for code in STORM_BMS_CODES),
                    ),
                ),
            ),
            over_after_s=15 * MINUTE_S,
        ),
        "bad_sensor": Script(
            story="in the evening the shunt's SOC stands still for two hours; its power has the wrong sign at first",
            begins_at="2026-06-18T20:30",
            speed=60.0,
            steps=(
                _fault(5, "victron", "frozen", field="soc_pct"),
                _fault(5, "victron", "swapped", field="battery_charge_w"),
                _fault(30, "victron", "none", field="battery_charge_w"),
                _fault(135, "victron", "none"),
            ),
            expected=(
                Expected(rule_id="implausible_data", subjects=("balance",)),
                Expected(rule_id="stuck_sensor", subjects=("cerbo/soc_pct",)),
            ),
            over_after_s=165 * MINUTE_S,
            miners="off",
        ),
    }
)


@dataclass(slots=True)
class Player:
    """Plays a script once it is begun."""

    script: Script
    clock: SimClock
    begun_at: datetime | None = None
    _begun: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> datetime:
        """Let the story begin now, if it has not; when it began (simulated)."""
        if self.begun_at is None:
            self.begun_at = self.clock.now()
            self._begun.set()
        return self.begun_at

    @asynccontextmanager
    async def playing(self, order: Order) -> AsyncIterator[None]:
        """Give the orders, each in its time, while the block runs."""
        task = asyncio.create_task(self._play(order))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _play(self, order: Order) -> None:
        await self._begun.wait()
        assert self.begun_at is not None
        for step in sorted(self.script.steps, key=lambda each: each.at_s):
            await self._until(self.begun_at + timedelta(seconds=step.at_s))
            try:
                order(step.path, step.body)
            except ValueError as error:  # the rest of the story goes on
                log.error("script_step_refused", path=step.path, reason=str(error))
                continue
            log.info("script_step", path=step.path, order=json.dumps(dict(step.body)))

    async def _until(self, moment: datetime) -> None:
        while (left_s := (moment - self.clock.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left_s / self.clock.speed, 1.0) if self.clock.speed else _LOOK_EVERY_S)
