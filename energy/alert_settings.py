"""What an owner may set about alerts: the tables `[alerts]` and `[[maintenance]]` of `commandcenter.toml`.

The SOC floors are `[limits]`. Only the levels at which alerts set stand here; where they clear follows from them, so
that nobody can take away the distance that keeps noise from ringing (energy/alerts/settings.py).
"""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from energy.alerts.escalation import EscalationSettings
from energy.alerts.settings import DEFAULTS, AlertSettings
from energy.site_values import Identifier, Number, Part, Percent, Volts, Watts, Whole

DUE_AT = time(9)  # local: a reminder that comes at midnight wakes somebody

_DISCHARGE_CLEARS = DEFAULTS.discharge_clear_w / DEFAULTS.discharge_w
_SURPLUS_CLEARS = DEFAULTS.surplus_clear_w / DEFAULTS.surplus_w
_BASE_LOAD_CLEARS = (DEFAULTS.base_load_clear_factor - 1) / (DEFAULTS.base_load_factor - 1)
_BASE_EXTRA_CLEARS = DEFAULTS.base_load_clear_extra_w / DEFAULTS.base_load_extra_w
_SOLAR_CLEARS_ABOVE = DEFAULTS.solar_clear_share - DEFAULTS.solar_share
_DISK_CLEARS = DEFAULTS.disk_free_clear_share / DEFAULTS.disk_free_share


class Alerts(Part):
    """When alerts set. Volts decide in place of the voltage curve (and of an SOC that is not known) where they are
    given. `escalation_after_minutes`: how long after a critical alert was first told, unless somebody acknowledges it,
    it goes to the next channel and person; [] = never."""

    discharge_w: Annotated[Watts, Field(gt=0)] = DEFAULTS.discharge_w
    critical_voltage_v: Volts | None = DEFAULTS.critical_voltage_v
    safe_min_voltage_v: Volts | None = DEFAULTS.safe_min_voltage_v
    voltage_clear_v: Annotated[Volts, Field(ge=0.1, le=20)] = DEFAULTS.voltage_clear_v
    soc_clear_pct: Annotated[Percent, Field(ge=1, le=20)] = DEFAULTS.battery_clear_pct
    surplus_w: Annotated[Watts, Field(gt=0)] = DEFAULTS.surplus_w
    generator_hours: Annotated[Number, Field(gt=0, le=168)] = DEFAULTS.generator_s / 3_600
    base_load_factor: Annotated[Number, Field(ge=1.2, le=10)] = DEFAULTS.base_load_factor
    base_load_extra_w: Annotated[Watts, Field(gt=0)] = DEFAULTS.base_load_extra_w
    solar_share_pct: Annotated[Percent, Field(gt=0, le=80)] = DEFAULTS.solar_share * 100
    disk_free_pct: Annotated[Percent, Field(gt=0, le=50)] = DEFAULTS.disk_free_share * 100
    escalation_after_minutes: Annotated[tuple[Annotated[Number, Field(gt=0, le=1_440)], ...], Field(max_length=6)] = (
        10,
        30,
        60,
    )

    @field_validator("escalation_after_minutes")
    @classmethod
    def _rising(cls, minutes: tuple[float, ...]) -> tuple[float, ...]:
        if any(later <= earlier for earlier, later in itertools.pairwise(minutes)):
            raise ValueError("must rise, such as [10, 30, 60]: each is counted from when it was first told")
        return minutes

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        critical_v, safe_v = self.critical_voltage_v, self.safe_min_voltage_v
        if critical_v is not None and safe_v is not None and critical_v > safe_v:
            raise ValueError("critical_voltage_v must be at most safe_min_voltage_v")
        return self

    def levels(self) -> AlertSettings:
        """The set and clear levels that the rules judge by."""
        return AlertSettings(
            battery_clear_pct=self.soc_clear_pct,
            critical_voltage_v=self.critical_voltage_v,
            safe_min_voltage_v=self.safe_min_voltage_v,
            voltage_clear_v=self.voltage_clear_v,
            discharge_w=self.discharge_w,
            discharge_clear_w=self.discharge_w * _DISCHARGE_CLEARS,
            base_load_factor=self.base_load_factor,
            base_load_clear_factor=1 + (self.base_load_factor - 1) * _BASE_LOAD_CLEARS,
            base_load_extra_w=self.base_load_extra_w,
            base_load_clear_extra_w=self.base_load_extra_w * _BASE_EXTRA_CLEARS,
            solar_share=self.solar_share_pct / 100,
            solar_clear_share=self.solar_share_pct / 100 + _SOLAR_CLEARS_ABOVE,
            generator_s=self.generator_hours * 3_600,
            surplus_w=self.surplus_w,
            surplus_clear_w=self.surplus_w * _SURPLUS_CLEARS,
            disk_free_share=self.disk_free_pct / 100,
            disk_free_clear_share=self.disk_free_pct / 100 * _DISK_CLEARS,
        )

    def escalation(self) -> EscalationSettings:
        """When an alert that nobody acknowledges is passed on."""
        return EscalationSettings(after_s=tuple(minutes * 60.0 for minutes in self.escalation_after_minutes))


class MaintenanceTask(Part):
    """Something to be done now and then: `title` goes on from "It is time to". Due `every_days` after `last_done`, or
    on `first_due` while it was never done; both are dates where the site is."""

    id: Identifier
    title: Annotated[str, Field(min_length=1, max_length=80)]
    every_days: Annotated[Whole, Field(ge=1, le=3_660)]
    last_done: date | None = None
    first_due: date | None = None

    @model_validator(mode="after")
    def _one_date(self) -> Self:
        if (self.last_done is None) == (self.first_due is None):
            raise ValueError("give last_done, or first_due while it was never done, such as last_done = 2026-05-01")
        return self

    def due_at(self, zone: ZoneInfo) -> datetime:
        """When it is due (aware UTC): at nine in the morning of its day."""
        if self.first_due is not None:
            day = self.first_due
        else:
            day = (self.last_done or date.min) + timedelta(days=self.every_days)
        return datetime.combine(day, DUE_AT, zone).astimezone(UTC)
