"""Figures in the unit that a question names: "battery temperature in F", "load in kW"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.local_model.found import Found
from energy.units import MINUS, PowerUnit, UnitPreferences, format_power

_FAHRENHEIT = re.compile(r"fahrenheit|\bin (?:degrees )?°? ?f\b|°f\b|\bdegrees f\b", re.IGNORECASE)
_CELSIUS = re.compile(r"celsius|centigrade|\bin (?:degrees )?°? ?c\b|°c\b|\bdegrees c\b", re.IGNORECASE)
_POWER = re.compile(r"\bin (kw|kilowatts?|w|watts?)\b", re.IGNORECASE)
_TEMPERATURE = re.compile(rf"({MINUS}?[\d,]+(?:\.\d+)?) °([CF])")
_POWER_SAID = re.compile(r"[\d,]+(?:\.\d+)? k?W\b(?!h)")


def in_asked_units(text: str, question: str, found: Found) -> str:
    """An answer with its temperatures and powers in the units that the question names, as it is where it names none."""
    if _FAHRENHEIT.search(question):
        text = _TEMPERATURE.sub(lambda m: _converted(m, "F"), text)
    elif _CELSIUS.search(question):
        text = _TEMPERATURE.sub(lambda m: _converted(m, "C"), text)
    named = _POWER.search(question)
    if named is None:
        return text
    unit: PowerUnit = "kW" if named[1].lower().startswith("k") else "W"
    exact = dict(_powers([r.facts for r in found.results]))  # what was rounded for kW has its watts in the facts
    return _POWER_SAID.sub(lambda m: _power(m[0], unit, exact), text)


def _converted(match: re.Match[str], unit: str) -> str:
    if match[2] == unit:
        return match[0]
    value = float(match[1].replace(MINUS, "-").replace(",", ""))
    other = value * 9 / 5 + 32 if unit == "F" else (value - 32) * 5 / 9
    return f"{other:.1f} °{unit}".replace("-", MINUS)


def _power(said: str, unit: PowerUnit, exact: Mapping[str, float]) -> str:
    number, of = said.split(" ")
    if of == unit:
        return said
    rounded_w = float(number.replace(",", "")) * (1000 if of == "kW" else 1)
    return format_power(exact.get(said, rounded_w), UnitPreferences(power=unit))


def _powers(values: Sequence[Any]) -> Iterator[tuple[str, float]]:
    for value in values:
        if isinstance(value, Mapping):
            number, said = value.get("value"), _POWER_SAID.search(str(value.get("said", "")))
            if said and isinstance(number, int | float):
                yield said[0], abs(float(number))
            yield from _powers(list(value.values()))
        elif isinstance(value, list):
            yield from _powers(value)
