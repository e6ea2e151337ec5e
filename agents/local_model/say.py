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
_ONE_DAY = re.compile(r"^(?:[A-Z]\w+day )?\d{4}-\d\d-\d\d$|^the day before yesterday$")
_SEVERAL_DAYS = re.compile(r"this (?:week|month|year)|last \d+ (?:days|weeks|months)")
_DAY_AND_CLOCK = re.compile(r"(?P<day>yesterday|[^\W\d_]{2,4}|\d{4}-\d\d-\d\d) (?P<clock>.+)")


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
    """A fact's moment in local words, without the day where the period has said it: "at 12:10", "on Fri at 12:10"."""
    text = str((fact or {}).get("at", ""))
    match = _DAY_AND_CLOCK.fullmatch(text)
    if match is None:
        today = "today " if _SEVERAL_DAYS.match(period) else ""
        return f"{today}at {text}" if text else ""
    day, clock = match["day"], match["clock"]
    if _ONE_DAY.search(period) or (day == "yesterday" and period.startswith("yesterday")):
        return f"at {clock}"
    return f"yesterday at {clock}" if day == "yesterday" else f"on {day} at {clock}"


def when(period: str) -> str:
    """A period's label inside a sentence: "in the last 6 hours", "on Tuesday 2026-11-17", "yesterday"."""
    if re.match(r"last (?:\d|hour|minute)", period):
        return f"in the {period}"
    if re.match(r"(?:[A-Z]\w+day )?\d{4}-\d\d-\d\d$", period):
        return f"on {period}"
    if re.match(r"\d{4}-\d\d-\d\d to ", period):
        return f"from {period}"
    return f"in {period}" if re.match(r"[A-Z][a-z]+ \d{4}$", period) else period


def the(period: str) -> str:
    """A period's label as a thing: "the last 6 hours", "yesterday"."""
    return f"the {period}" if re.match(r"last (?:\d|hour|minute)", period) else period


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def coverage_note(facts: Mapping[str, Any]) -> str | None:
    """A note where readings cover too little of a period."""
    covered = facts.get("covered_pct")
    if not isinstance(covered, int | float) or covered >= _ENOUGH_COVERED:
        return None
    return f"Readings cover only {percent(round(covered))} of {the(str(facts.get('period', 'that time')))}."


def age_note(state: Mapping[str, Any], metrics: Iterable[str]) -> str | None:
    """A note that names the old figures among `metrics`, with their age."""
    old = [(name, state[name]) for name in metrics if isinstance(state.get(name), Mapping) and state[name].get("old")]
    if not old:
        return None
    moments = {(entry["at"], entry["old"]) for _, entry in old}
    if len(moments) == 1 and len(old) > 1:
        at, age = next(iter(moments))
        return f"These figures are old: from {at}, {age} ago; nothing newer has come in."
    parts = [f"{noun(name)} from {entry['at']}, {entry['old']} ago" for name, entry in old[:3]]
    return f"Old: {'; '.join(parts)}."


def by_old_figures(state: Mapping[str, Any], metrics: Iterable[str], verdict: str) -> str:
    """A verdict that says first when it rests on old figures."""
    ages = [state[name]["old"] for name in metrics if isinstance(state.get(name), Mapping) and state[name].get("old")]
    return f"On figures that are {ages[0]} old, {verdict[:1].lower()}{verdict[1:]}" if ages else verdict


def lines(*parts: str | None) -> str:
    """The parts that say something, a line each."""
    return "\n".join(part for part in parts if part)
