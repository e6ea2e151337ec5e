"""Rules for when and how long: thresholds, starts and stops, full and empty."""

from __future__ import annotations

import re
from typing import Literal

from agents.local_model.asked import Asked
from agents.local_model.intents import IDLE_W, HowLong, Intent, WhenCrossed, WhenExtreme
from agents.local_model.metric_words import metric_for

_LEVELS = ("soc", "battery_voltage", "battery_temperature")
WHEN = (
    r"\b(?:when|what time|which hour|at which time|time of|what hour|how many times|how often|"
    r"what day|which day)\b"
)
_FALLING = (
    r"\b(?:below|under|drop\w*|fall|falls|fell|fallen|down to|lower than|less than|dip\w*|decreas\w*|sink|sank)\b"
)
_RISING = (
    r"\b(?:above|over|exceed\w*|rise|rose|risen|climb\w*|more than|higher than|go up|went up|"
    r"up to|surpass\w*|at least|past)\b"
)


def crossed(asked: Asked) -> Intent | None:
    """When a threshold was crossed, and for how long."""
    limit = asked.threshold
    long = asked.has(r"\bhow (?:long|many hours|much time|many minutes)\b")
    if long and limit is None:
        return _how_long_running(asked)
    if limit is None:
        return None
    metric, also = metric_for(limit, asked.metrics)
    period = asked.period or ("last 7 days" if asked.has(r"\blast time\b") else "today")
    below = asked.has(_FALLING)
    if long:
        side: Literal["above", "below"] = "below" if below else "above"
        return HowLong(metric, limit.value, side, period)
    past = (
        bool(asked.periods)
        or asked.has(rf"{WHEN}|\b(?:did|has|have|was|were)\b")
        or asked.has(r"\b(?:hit|reach|reached|cross|crossed|exceed\w*)\b")
    )
    if not past:
        return None
    neutral = metric in _LEVELS and not asked.has(_RISING)
    direction: Literal["rising", "falling", "both"] = "falling" if below else "both" if neutral else "rising"
    return WhenCrossed(metric, limit.value, direction, period, also)


def _how_long_running(asked: Asked) -> Intent | None:
    period = asked.period or "today"
    if asked.metric in ("miners", "generator", "solar", "load"):
        return HowLong(asked.metric, IDLE_W, "above", period)
    if asked.metric == "battery":
        discharging = asked.has(r"\bdischarg\w+")
        return HowLong("battery", -IDLE_W if discharging else IDLE_W, "below" if discharging else "above", period)
    if asked.metric == "grid":
        exporting = asked.has(r"\b(?:export\w*|sold|sell\w*)\b")
        return HowLong("grid", -IDLE_W if exporting else IDLE_W, "below" if exporting else "above", period)
    return None


def started(asked: Asked) -> Intent | None:
    """When something started or stopped: its power left the noise, or fell back into it."""
    if (
        asked.threshold is not None
        or not re.search(rf"{WHEN}|\bfirst\b", asked.rest)  # "the first week of november" is a period
        or asked.has(r"\b(?:should|can|will|do|does)\b")
    ):
        return None
    period = asked.period or "today"
    stopping = asked.has(r"\b(?:stop|stopped|end|ended|quit|turn(?:ed)? off|went off|go off|down|set)\b")
    direction: Literal["rising", "falling"] = "falling" if stopping else "rising"
    begins = stopping or asked.has(
        r"\b(?:start|started|begin|began|come (?:up|on)|came (?:up|on)|turn(?:ed)? on|first|"
        r"kick\w*)\b"
    )
    if not begins:
        return None
    if asked.metric in ("solar", "miners", "generator"):
        return WhenCrossed(asked.metric, IDLE_W, direction, period)
    if asked.metric in ("battery", "grid"):
        back = asked.has(r"\b(?:discharg\w+|export\w*|sell\w*)\b")
        if back:
            return WhenCrossed(asked.metric, -IDLE_W, "rising" if stopping else "falling", period)
        return WhenCrossed(asked.metric, IDLE_W, direction, period)
    return None


def full(asked: Asked) -> Intent | None:
    """When the battery was full or lowest, said without a figure."""
    if asked.metric not in ("soc", "battery") or asked.threshold is not None or not asked.has(WHEN):
        return None
    if not asked.has(r"\b(?:did|was|were|got|has)\b"):
        return None
    if asked.has(r"\bfull\b|\bfully\b"):
        return WhenExtreme("soc", "max", asked.period or "today")
    return WhenExtreme("soc", "min", asked.period or "today") if asked.has(r"\bempty\b") else None


def ran(asked: Asked) -> Intent | None:
    """Whether a machine ran: the time that it did."""
    if (
        asked.threshold is None
        and asked.periods
        and asked.metric in ("miners", "generator")
        and asked.has(r"^(?:did|was|were|have|has)\b.*\b(?:run|ran|running|on|mine|mining|active|work\w*)\b")
    ):
        return HowLong(asked.metric, IDLE_W, "above", asked.period or "today")
    return None


RULES = (crossed, started, full, ran)
