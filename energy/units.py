"""How figures are written for people: the preferred power and temperature unit, signs spoken in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from energy.reading import FIELDS, Kind

PowerUnit = Literal["auto", "W", "kW"]
TemperatureUnit = Literal["C", "F"]
Language = Literal["en", "de", "es", "fr"]
MINUS = "−"


@dataclass(frozen=True, slots=True)
class UnitPreferences:
    """A person's display units. `auto` writes powers under 1 kW in W and others in kW."""

    power: PowerUnit = "auto"
    temperature: TemperatureUnit = "C"
    hour_24: bool = True
    language: Language = "en"  # of the names of days and months


DEFAULT_UNITS = UnitPreferences()

_DAYS: dict[Language, tuple[str, ...]] = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "de": ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
    "es": ("lun", "mar", "mié", "jue", "vie", "sáb", "dom"),
    "fr": ("lun", "mar", "mer", "jeu", "ven", "sam", "dim"),
}
_MONTHS: dict[Language, tuple[str, ...]] = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "de": ("Jan", "Feb", "März", "Apr", "Mai", "Juni", "Juli", "Aug", "Sep", "Okt", "Nov", "Dez"),
    "es": ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"),
    "fr": ("janv", "févr", "mars", "avr", "mai", "juin", "juil", "août", "sept", "oct", "nov", "déc"),
}


def day_name(day: date, units: UnitPreferences = DEFAULT_UNITS) -> str:
    """The day's short name in the person's language: `Tue`, `Di`."""
    return _DAYS[units.language][day.weekday()]


def month_name(day: date, units: UnitPreferences = DEFAULT_UNITS) -> str:
    """The month's short name in the person's language: `Dec`, `Dez`."""
    return _MONTHS[units.language][day.month - 1]


def format_power(watts: float, units: UnitPreferences = DEFAULT_UNITS) -> str:
    """`850 W`, `3.2 kW`, by preference; the sign is kept."""
    if units.power == "W" or (units.power == "auto" and abs(watts) < 999.5):
        return f"{_number(watts, 0)} W"
    return f"{_number(watts / 1000, 2 if abs(watts) < 9_995 else 1)} kW"


def format_energy(kwh: float) -> str:
    """`0.42 kWh`, `12.3 kWh`, `1,240 kWh`."""
    return f"{_number(kwh, 2 if abs(kwh) < 9.995 else 1 if abs(kwh) < 999.95 else 0)} kWh"


def format_percent(percent: float) -> str:
    """`63 %`, and `63.5 %` when the tenth says something."""
    rounded = round(percent, 1)
    return f"{_number(rounded, 0 if rounded == round(rounded) else 1)} %"


def format_temperature(celsius: float, units: UnitPreferences = DEFAULT_UNITS) -> str:
    """`21.5 °C` or `70.7 °F`."""
    if units.temperature == "F":
        return f"{_number(celsius * 9 / 5 + 32, 1)} °F"
    return f"{_number(celsius, 1)} °C"


def format_value(field: str, value: float | bool | str | None, units: UnitPreferences = DEFAULT_UNITS) -> str:
    """A value of a `Reading` field as people read it; unknown is said as unknown."""
    if value is None:
        return "unknown"
    kind = FIELDS[field].kind
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if kind is Kind.POWER:
        return format_power(value, units)
    if kind is Kind.PERCENT:
        return format_percent(value)
    if kind is Kind.TEMPERATURE:
        return format_temperature(value, units)
    return f"{_number(value, 1)} {FIELDS[field].unit}".strip()


def spoken_flow(field: str, watts: float, units: UnitPreferences = DEFAULT_UNITS) -> str:
    """A signed flow in words: `discharging at 1.2 kW`, `exporting 300 W`, `idle`; never a bare minus sign."""
    amount = format_power(abs(watts), units)
    idle = abs(watts) < 1
    if field == "battery_charge_w":
        return "idle" if idle else f"charging at {amount}" if watts > 0 else f"discharging at {amount}"
    if field == "grid_import_w":
        return "no grid flow" if idle else f"importing {amount}" if watts > 0 else f"exporting {amount}"
    return format_power(watts, units)


def format_duration(duration: timedelta) -> str:
    """`40 s`, `12 min`, `3 h 20 min`, `2 days`."""
    seconds = round(duration.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{round(hours / 24)} days"


def format_clock(moment: datetime, zone: ZoneInfo, *, now: datetime, units: UnitPreferences = DEFAULT_UNITS) -> str:
    """A moment in local words: `14:02` today, `yesterday 14:02`, `Tue 14:02` this week, else `2026-11-20 14:02`."""
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    clock = local.strftime("%H:%M") if units.hour_24 else local.strftime("%I:%M %p").lstrip("0")
    days = (today - local.date()).days
    if days == 0:
        return clock
    if days == 1:
        return f"yesterday {clock}"
    if 1 < days < 7:
        return f"{day_name(local, units)} {clock}"
    return f"{local.strftime('%Y-%m-%d')} {clock}"


def _number(value: float, decimals: int) -> str:
    text = f"{abs(value):,.{decimals}f}"
    zero = not any(ch in "123456789" for ch in text)
    return text if value >= 0 or zero else MINUS + text
