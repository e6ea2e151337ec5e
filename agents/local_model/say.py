"""Words for composing: nouns of metrics, moments, percentages, notes on age and gaps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from energy.units import format_percent

NOUNS: Mapping[str, str] = MappingProxyType(
    {
        "soc": "battery level",
        "solar": "solar",
        "load": "load",
        "battery": "battery power",
        "grid": "grid",
        "generator": "generator",
        "battery_voltage": "battery voltage",
        "battery_temperature": "battery temperature",
        "miners": "miners",
    }
)
LEVELS = ("soc", "battery_voltage", "battery_temperature")
NO_READINGS = "There are no readings yet, so I cannot say: once a device has reported, ask again."
_ENOUGH_COVERED = 90


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def noun(metric: str) -> str:
    """What a metric is called in a sentence."""
    return NOUNS.get(metric, metric.replace("_", " "))


def percent(value: Any) -> str:
    """`63 %`; a level that is unknown says so."""
    return format_percent(float(value)) if isinstance(value, int | float) else "unknown"


def moment(fact: Mapping[str, Any] | None, period: str = "") -> str:
    """A fact's moment in local words, without the day where the period has said it: "at 12:10"."""
    text = str((fact or {}).get("at", ""))
    if not text:
        return ""
    if period.startswith("yesterday"):
        text = text.removeprefix("yesterday ")
    named = re.match(r"(\w{3})\w*day \d{4}-", period)
    if named:
        text = text.removeprefix(f"{named[1]} ")
    return f"at {text}"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def coverage_note(facts: Mapping[str, Any]) -> str | None:
    """A note where readings cover too little of a period."""
    covered = facts.get("covered_pct")
    if not isinstance(covered, int | float) or covered >= _ENOUGH_COVERED:
        return None
    return f"Readings cover only {percent(round(covered))} of that time."


def age_note(state: Mapping[str, Any], metrics: Iterable[str]) -> str | None:
    """A note that names the old figures among `metrics`, with their age."""
    old = [(name, state[name]) for name in metrics if isinstance(state.get(name), Mapping) and state[name].get("old")]
    if not old:
        return None
    moments = {(entry["at"], entry["old"]) for _, entry in old}
    if len(moments) == 1:
        at, age = next(iter(moments))
        what = "This is old" if len(old) == 1 else "These figures are old"
        return f"{what}: from {at}, {age} ago; nothing newer has come in."
    parts = [f"{noun(name)} from {entry['at']} ({entry['old']} ago)" for name, entry in old[:3]]
    return f"Old figures: {', '.join(parts)}."


def lines(*parts: str | None) -> str:
    """The parts that say something, a line each."""
    return "\n".join(part for part in parts if part)
