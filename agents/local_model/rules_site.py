"""Rules that need a second look: sun, tariff, relays, single miners, base load, daily use, the last time."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from agents.local_model.asked import Asked
from agents.local_model.intents import (
    IDLE_W,
    DeviceFact,
    Extreme,
    Intent,
    Now,
    Policy,
    Total,
    WhenCrossed,
    WhenExtreme,
)
from agents.local_model.metric_words import metric_for
from agents.local_model.rules_figures import RULES as FIGURES
from agents.local_model.rules_figures import chart
from agents.local_model.rules_times import WHEN, crossed

_LEVELS = ("soc", "battery_voltage", "battery_temperature")
_ASKS_WHICH = r"\b(?:which|what|where|list|show|how)\b"
_ONE_MINER = (
    r"\bs(?:19|21)\S*|\bdump load\b|\bminer (?:#?\d|[abc]|one|two|three)\b|"
    r"\b(?:first|second|third|primary|other) miner\b"
)
_DECIDES = (
    r"\b(?:should|can|could|may|shall|ok|okay|safe|worth|enough|better|start at|stop at|threshold|limits?|soc|level|"
    r"rules?|hash\w*|th/s|rated|specifications?|will|would)\b"
)
_WITHOUT_MINERS = (
    r"\b(?:without|except|excluding|minus|other than|not counting|besides|apart from|less) "
    r"(?:the |my |our )?(?:bitcoin )?(?:miners?|mining)\b|\bbase ?load\b|\bbase-load\b"
)
_DAILY = r"\b(?:per day|a day|each day|every day|daily)\b"
_HOURLY = r"\b(?:by hour|per hour|each hour|every hour|hourly|hour by hour|by the hour)\b"
_AVERAGE = r"\b(?:average|mean|typical(?:ly)?|usual(?:ly)?)\b"
_PICTURE = r"\b(?:chart|graph|plot|diagram|curve|picture)s?\b"
_PEAK = r"\b(?:peak|maximum|highest|most|lowest|minimum|least)\b"
_BELOW = r"\b(?:below|under|less than|lower than)\b"
_ABOVE = r"\b(?:above|over|more than|higher than|exceed\w*)\b"
_ROLLING = re.compile(r"\b(?:in|over|during|within|for) the (?:last|past) (week|month|year)\b")
_ROLLING_DAYS = {"week": "last 7 days", "month": "last 30 days", "year": "last 365 days"}
_LONG_AGO = "last 30 days"


def sun(asked: Asked) -> Intent | None:
    """When the sun rises and sets."""
    rise = asked.has(r"\b(?:sunrise|sunup|dawn)\b|\bsun\b.*\b(?:rises?|rising|rose|comes? up|came up|up)\b")
    down = asked.has(r"\b(?:sunset|sundown|dusk)\b|\bsun\b.*\b(?:sets?|setting|goes? down|went down|down)\b")
    daylight = asked.has(r"\b(?:hours of )?daylight\b")
    if not (rise or down or daylight) or set(asked.metrics) - {"solar"} or asked.threshold is not None:
        return None
    if asked.has(r"\b(?:battery|charge|panels?|production|produc\w+|solar|before|after|between|since|was)\b"):
        past = asked.has(r"\b(?:when|what time) was (?:the )?(?:sunrise|sunset|dawn|dusk)\b|\bsun(?:rise|set) was\b")
        if not past:
            return None
    terse = re.fullmatch(r"(?:\w+ )?\w+", asked.rest) is not None
    if not terse and not asked.has(rf"{WHEN}|\b(?:time|how long|how many hours|today|tonight|tomorrow)\b"):
        return None
    if any(p.wording not in ("today", "yesterday", "last night") for p in asked.periods):
        return DeviceFact("sun_another_day")
    return DeviceFact("sunrise" if rise or daylight else "sunset")


def tariff(asked: Asked) -> Intent | None:
    """What a kWh costs and earns."""
    if asked.has(r"\b(?:save|saved|earn\w*|bills?|spen[dt]|pay|paid|compare|latest|best|cheaper)\b") or asked.periods:
        return None
    if asked.has(
        r"\btariffs?\b|\b(?:price|cost|rate)s? (?:of|for|per) (?:a |one |the |my |our |grid |imported |exported )*"
        r"(?:kwh|power|electricity|energy|import\w*|export\w*)\b|\b(?:electricity|grid|kwh) (?:price|rate|tariff)s?\b|"
        r"\b(?:import|export|feed-?in|peak|off-peak) (?:price|tariff)s?\b|\b(?:on-|off-)?peak (?:hours|rates?)\b|"
        r"\bdoes (?:grid power|grid electricity|electricity|power|a kwh) cost\b"
    ):
        return Policy("tariff")
    return None


def relays(asked: Asked) -> Intent | None:
    """Which relay switches which miner."""
    if asked.has(r"\b(?:relay|channel|output|switch)(?:e?s)?\b") and asked.has(_ASKS_WHICH) and not asked.periods:
        return DeviceFact("relays") if asked.has(r"\b(?:relay|channel)s?\b") or "miners" in asked.metrics else None
    return DeviceFact("relays") if asked.has(r"^(?:where|what plug|which plug)\b") and asked.has(_ONE_MINER) else None


def one_miner(asked: Asked) -> Intent | None:
    """One miner's running and power, which nothing measures by itself."""
    if not asked.has(_ONE_MINER) or asked.has(_DECIDES):
        return None
    if asked.has(r"\b(?:is|are|was|were|did|does|do|has|how much|how long|when|running|status|now|power|draw\w*)\b"):
        return DeviceFact("one_miner", "shelly")
    return None


def other_temperature(asked: Asked) -> Intent | None:
    """Temperatures that nothing measures."""
    if asked.has(
        r"\b(?:inverter|garage|room|inside|indoor|panels?|miners?|s19\S*|s21\S*|cpu|heat ?sink|generator)s? "
        r"(?:\w+ )?temperature\b|\btemperature (?:of|in) (?:the |my )?(?:inverter|garage|room|house|panels?|miners?)\b|"
        r"\bhow (?:hot|warm|cold|cool) (?:is|are|was|were|did) (?:the |my )?"
        r"(?:inverter|garage|room|house|panels?|miners?|s19\S*|s21\S*)\b"
    ):
        return DeviceFact("other_temperature")
    return None


def warmth(asked: Asked) -> Intent | None:
    """The warmest and coldest of the battery."""
    if asked.metric != "battery_temperature" or asked.threshold is not None:
        return None
    high = asked.has(r"\b(?:warmest|hottest)\b|\bhow (?:hot|warm) did\b")
    if not high and not asked.has(r"\b(?:coldest|coolest)\b|\bhow (?:cold|cool) did\b"):
        return None
    which: Literal["max", "min"] = "max" if high else "min"
    period = asked.period or ("last 7 days" if asked.has(r"\b(?:which|what) (?:day|night)\b") else "today")
    kind = WhenExtreme if asked.has(WHEN) else Extreme
    return kind("battery_temperature", which, period)


def base_load(asked: Asked) -> Intent | None:
    """The house without its miners."""
    if not asked.has(_WITHOUT_MINERS) or asked.has(_PICTURE) or "solar" in asked.metrics:
        return None
    period = asked.period or ("last night" if asked.has(r"\bnight\b") else None)
    if period is None and not asked.has(rf"\bdid\b|\bkwh\b|\bused\b|{_AVERAGE}|{_DAILY}"):
        return Now(("load", "miners"), "base_load")
    by: Literal["day"] | None = "day" if asked.has(_DAILY) else None
    usual = "last 7 days" if by or asked.has(_AVERAGE) else "today"
    peak = asked.has(_PEAK)
    return Total(("load", "miners"), period or usual, by, note="peak_without_miners" if peak else "without_miners")


def daily(asked: Asked) -> Intent | None:
    """Use per day, and averages by the hour."""
    if (
        asked.threshold is not None
        or asked.future
        or asked.has(rf"{_PICTURE}|{_PEAK}|{WHEN}|\bhow many (?:hours|times)\b")
    ):
        return None
    if asked.has(r"\b(?:should|can|could|limits?|compare\w*|versus|vs|than|trend\w*|increas\w+|decreas\w+)\b"):
        return None
    powers = tuple(m for m in asked.metrics if m not in _LEVELS)[:3]
    if asked.has(_DAILY) and powers and not asked.periods:
        return Total(powers, "last 7 days", "day", flow_in(asked))
    if asked.has(_HOURLY) and asked.has(_AVERAGE) and asked.metric is not None:
        return Total((asked.metric,), asked.period or "today", "hour")
    return None


def flow_in(asked: Asked) -> Literal["positive", "negative"] | None:
    """The direction of a grid or battery flow that a question means."""
    if asked.has(r"\b(?:export\w*|sold|sell\w*|discharg\w+)\b"):
        return "negative"
    return "positive" if asked.has(r"\b(?:import\w*|bought|buy\w*|charged|charging)\b") else None


def last_time(asked: Asked) -> Intent | None:
    """When something was so the last time."""
    if asked.periods or not asked.has(
        r"\blast (?:time|at|above|below|under|over|full|empty|reach\w*|hit|run|ran|on|start\w*|import\w*|export\w*|"
        r"drop\w*|exceed\w*)\b|\b(?:when|what day)\b.*\blast\b"
    ):
        return None
    if asked.has(r"\b(?:reading|update|seen|report\w*|talk\w*|spoke|asked|said)\b"):
        return None
    limit = asked.threshold
    if limit is not None:
        metric, also = metric_for(limit, asked.metrics)
        side: Literal["rising", "falling", "both"] = (
            "falling" if asked.has(_BELOW) else "rising" if asked.has(_ABOVE) else "both"
        )
        return WhenCrossed(metric, limit.value, side, _LONG_AGO, also, last=True)
    if asked.metric in ("soc", "battery") and asked.has(r"\bfull(?:y)?\b"):
        return WhenCrossed("soc", 100, "both", _LONG_AGO, last=True)
    if asked.metric in ("generator", "miners"):
        return WhenCrossed(asked.metric, IDLE_W, "both", _LONG_AGO, last=True)
    if asked.metric == "grid" and asked.has(r"\b(?:import\w*|export\w*|sold|sell|bought|buy)\b"):
        back = asked.has(r"\b(?:export\w*|sold|sell)\b")
        return WhenCrossed("grid", -IDLE_W if back else IDLE_W, "both", _LONG_AGO, last=True)
    return None


def rolling(asked: Asked) -> Intent | None:
    """ "In the last week" with a threshold: the last seven days, no calendar week."""
    match = _ROLLING.search(asked.text)
    if match is None or asked.threshold is None or len(asked.periods) != 1:
        return None
    days = replace(asked.periods[0], wording=_ROLLING_DAYS[match[1]])
    return crossed(replace(asked, periods=(days,)))


def drawn(asked: Asked) -> Intent | None:
    """Power that is drawn is no order to draw a picture; "draw solar yesterday" is one."""
    if asked.has(r"^(?:please |can you |could you |now )*draw\b") and asked.metrics:
        return chart(replace(asked, text=f"chart {asked.text}"))
    if not asked.has(r"\b(?:did|does|do|is|are|was|were)\b.*\bdraw(?:s|n|ing)?\b") or asked.has(_PICTURE):
        return None
    if asked.has(r"\bdraw (?:me|it|that|this)\b"):
        return None
    return next((intent for rule in FIGURES if rule is not chart and (intent := rule(asked)) is not None), None)


RULES = (
    sun,
    tariff,
    relays,
    other_temperature,
    one_miner,
    warmth,
    base_load,
    last_time,
    rolling,
    daily,
    drawn,
)
