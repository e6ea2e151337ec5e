"""Which metrics and thresholds a tidied question names."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Earlier lines win over later ones for the same words; a found phrase is taken out of the text.
_METRIC_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("battery_voltage", r"\b(?:battery )?voltage\b|\bhow many v\b|\bin v\b"),
        ("battery_temperature", r"\b(?:battery |cell |bank )?temperature\b|\bhow (?:hot|warm|cold)\b"),
        (
            "soc",
            r"\b(?:battery )?(?:soc|state of charge)\b|\b(?:battery|charge|bank) (?:level|%|status|"
            r"state|capacity left)(?!\w)|"
            r"\bhow (?:full|empty|charged) (?:is|was|are)\b|% (?:of )?battery\b|\bbattery left\b|"
            r"\bhow much battery\b",
        ),
        (
            "battery",
            r"\bbattery (?:power|flow|current|rate|charge|charging|discharge|discharging|use|usage)\b|"
            r"\bdischarg\w+|\bcharging\b|"
            r"\bcharge rate\b|\bcharged\b|\b(?:in|out of|into|from) (?:the |my )?battery\b",
        ),
        ("miners", r"\bminers?\b|\bmining\b|\bmined?\b|\bbitcoin\b|\basics?\b|\bs19\w*|\bs21\+?|\bhash\w*"),
        ("generator", r"\bgenerators?\b"),
        (
            "solar",
            r"\bsolar\b|\bpv\b|\bpanels?\b|\barrays?\b|\bsun\b|\bsunlight\b|\bproduction\b|\bproduc(?:e|ed|es|ing)\b|"
            r"\bgenerat(?:e|ed|es|ing|ion)\b|\bharvest\w*|\byield\b",
        ),
        (
            "grid",
            r"\bgrid\b|\butility\b|\bmains\b|\b(?:im|ex)port(?:s|ed|ing)?\b|\bpg&?e\b|\bfe?e?d in\b|"
            r"\bsold\b|\bsell(?:ing)?\b|"
            r"\bbuy(?:ing)?\b|\bbought\b",
        ),
        (
            "load",
            r"\bloads?\b|\bconsum\w+|\busage\b|\b(?:house|home|ranch|cabin)\b|\bdemand\b|"
            r"\b(?:energy|power|electricity) (?:use|used)\b|\bburn\w*",
        ),
        (
            "some power",
            r"\bmuch (?:power|energy|electricity)\b|"
            r"\b(?:i|we|you) (?:usually |typically |normally |am |are |been )?us(?:e|ed|ing)\b|"
            r"\b(?:am|are|was|were|did|do) (?:i|we) us(?:e|ing)\b|\bus(?:es|ing)\b",
        ),
        ("some draw", r"\bdraw(?:s|ing|n)?\b"),
        ("soc", r"\bbatter(?:y|ies)\b|\bbank\b"),
    )
)
_WARMTH = r"\b(?:cold(?:est|er)?|hot(?:test|ter)?|warm(?:est|er)?|cool(?:est|er)?|overheat\w*|fr[eo]ez\w*|froze)\b"
_UNIT = r"(?P<unit>kw|w|%|v|c|f)"
_THRESHOLD = re.compile(
    rf"(?<![\d:.-])(?P<number>-?\d+(?:\.\d+)?) ?{_UNIT}(?![a-z0-9])|"
    r"\b(?:hit|hits|reach|reached|reaches|cross|crossed|exceed|exceeded|above|over|below|under|to|than) "
    r"(?P<bare>\d+(?:\.\d+)?)(?![\d.])\b(?! ?(?:am|pm|days?|hours?|minutes?|weeks?|months?|kwh|kw|w|%|v|c|f|:|/))"
)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number with its unit as asked: `unit` is W, %, V or °C; None when the question gave none."""

    value: float
    unit: str | None


def metrics_in(text: str) -> tuple[str, ...]:
    """The metrics that a tidied text names, in order of first mention."""
    rest = text
    found: dict[str, int] = {}
    for name, pattern in _METRIC_PATTERNS:
        for match in pattern.finditer(rest):
            found[name] = min(found.get(name, match.start()), match.start())
        rest = pattern.sub(lambda m: " " * len(m[0]), rest)
    # "the battery is charging" is one subject, not two.
    if "battery" in found and "soc" in found and not re.search(r"\bsoc\b|\blevel\b|\bstate of charge\b|%", text):
        del found["soc"]
    # A cold battery is no low one.
    if "soc" in found and "battery_temperature" not in found and re.search(_WARMTH, text):
        found["battery_temperature"] = found.pop("soc")
    if "battery_temperature" in found and not re.search(r"\bsoc\b|\blevel\b|\bcharge\b|%|\band\b", text):
        found.pop("soc", None)  # "how hot is the battery"
    # What the miners or the battery draw is theirs; a draw by itself is the load's.
    if "some draw" in found:
        at = found.pop("some draw")
        if set(found) == {"soc"}:
            found = {"battery": found["soc"]}
        elif not found:
            found["load"] = at
    # "how much did we use" is the load, but "how much power do the miners use" is not.
    if "some power" in found:
        at = found.pop("some power")
        if not set(found) - {"soc"}:
            found["load"] = at
    # "grid power usage" and "solar generation of the house": the flow that is named first is the subject.
    return tuple(sorted(found, key=lambda name: found[name]))


def threshold_in(text: str) -> Threshold | None:
    """The first power, percentage, voltage or temperature in a tidied text; kW become W and °F become °C."""
    match = _THRESHOLD.search(text)
    if match is None:
        return None
    if match["bare"] is not None:
        return Threshold(float(match["bare"]), None)
    value, unit = float(match["number"]), match["unit"]
    if unit == "kw":
        return Threshold(value * 1000, "W")
    if unit == "f":
        return Threshold(round((value - 32) * 5 / 9, 2), "°C")
    return Threshold(value, {"w": "W", "c": "°C", "v": "V"}.get(unit, unit))


def metric_for(threshold: Threshold, metrics: tuple[str, ...]) -> tuple[str, str | None]:
    """The metric that a threshold is about, and a second reading where the question names none."""
    powers = [m for m in metrics if m not in ("soc", "battery_voltage", "battery_temperature")]
    if threshold.unit == "%":
        return "soc", None
    if threshold.unit == "V":
        return "battery_voltage", None
    if threshold.unit == "°C":
        return "battery_temperature", None
    if threshold.unit is None:
        if metrics:
            return metrics[0], None
        return ("soc", None) if threshold.value <= 100 else ("solar", "load")
    if powers:
        return powers[0], None
    return ("battery", None) if "soc" in metrics else ("solar", "load")
