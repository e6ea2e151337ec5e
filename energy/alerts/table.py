"""All built-in alert rules, each with the function that judges a site by it."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from energy.alerts import ahead, battery, devices, inverter, miners, plausible, power
from energy.alerts.rule import Rule, Signal
from energy.alerts.situation import Situation

Judge = Callable[[Situation], tuple[Signal, ...]]

RULES: tuple[tuple[Rule, Judge], ...] = (
    (battery.CRITICAL, battery.critical),
    (battery.LOW, battery.low),
    (battery.UNKNOWN, battery.unknown),
    (battery.HOT, battery.hot),
    (battery.COLD, battery.cold),
    (battery.RESERVE, battery.reserve),
    (ahead.CLOUDY, ahead.cloudy_tomorrow),
    (power.DISCHARGE, power.rapid_discharge),
    (power.LOAD, power.unexpected_load),
    (power.SOLAR, power.solar_low),
    (power.OUTAGE, power.grid_outage),
    (power.GENERATOR, power.generator_long),
    (power.SURPLUS, power.surplus),
    (ahead.COMING, ahead.surplus_coming),
    (inverter.FAULT, inverter.faults),
    (inverter.WARNED, inverter.warnings),
    (inverter.RELAY, inverter.relay_errors),
    (miners.IDLE, miners.idle),
    (miners.DRAWS_OFF, miners.draws_off),
    (miners.BY_HAND, miners.by_hand),
    (miners.NOT_OFF, miners.not_off),
    (devices.SILENT, devices.silent),
    (devices.REFUSED, devices.refused),
    (devices.STUCK, devices.stuck),
    (plausible.IMPLAUSIBLE, plausible.implausible),
    (devices.MAINTENANCE, devices.maintenance),
    (devices.CLOCK, devices.clock),
    (devices.DISK, devices.disk),
)
BY_ID: MappingProxyType[str, Rule] = MappingProxyType({rule.id: rule for rule, _ in RULES})
