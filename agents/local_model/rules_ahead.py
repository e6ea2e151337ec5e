"""Rules for the plan, its reasons, what if, and what the sun will be enough for."""

from __future__ import annotations

import re
from typing import Literal

from agents.local_model.asked import Asked
from agents.local_model.intents import Accuracy, Advice, Forecast, Intent, PlanShown, WhatIf, WhyPlanned

_MINERS = r"\b(?:miners?|mining|mine|bitcoin|s19\S*|s21\S*|asics?|rigs?)\b"
_NAMED = re.compile(r"\b(?:s\d\d[\w+-]*|(?:primary|dump load)(?: s\d\d[\w+-]*)?(?: [ab])?)(?!\S)")
_CLOUDY = (
    r"\b(?:cloud\w*|overcast|dull|rain\w*|grey|gray|no sun|less sun|little sun|bad weather|snow\w*)\b|"
    r"% (?:of )?(?:the |its )?(?:usual )?sun\b|\bhalf (?:the|of the|as much) sun\b"
)
_COUNTS = {"one": 1, "a": 1, "another": 1, "two": 2, "three": 3, "four": 4}
_PAST = r"\b(?:was|were|did|got|had|yesterday|last)\b"


def what_if(asked: Asked) -> Intent | None:
    """What would be otherwise with one thing changed."""
    if not asked.has(r"^(?:and |so |but )*what (?:if|would|happens if)\b|^suppose\b|^if (?:i|we|tomorrow)\b"):
        return None
    battery = re.search(r"(?P<kwh>\d+(?:\.\d+)?) kwh\b", asked.text)
    if battery is not None and asked.has(r"\bbatter|\bstorage\b|\bpack\b"):
        count = re.search(r"\b(one|two|three|four|another|a) (?:more|extra|additional)\b", asked.text)
        times = _COUNTS[count[1]] if count is not None else 1
        return WhatIf("more_battery", extra_kwh=float(battery["kwh"]) * times, days=_days_back(asked))
    if asked.has(_CLOUDY):
        share = re.search(r"\b(\d{1,3}) %", asked.text)
        pct = int(share[1]) if share else 50 if asked.has(r"\bhalf\b") else -1
        day = re.search(r"\btoday\b|\btomorrow\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b", asked.text)
        return WhatIf("cloudy", day=day[0] if day else "", sun_pct=pct)
    if asked.has(_MINERS) and asked.has(r"\b(?:run|ran|start|started|mine|mined|leave|left|keep|kept|turn|switch)\b"):
        named = _named(asked)
        return WhatIf("run_miners", miners=named, until=_until(asked))
    return None


def _named(asked: Asked) -> str:
    """The miners as they were said: "both s19s", "s21 and s19-1"; "" means all."""
    match = re.search(
        r"\b(?:run|ran|start|started|leave|left|keep|kept|turn on|switch on|mine with|mined with) (?:the )?(.+?)"
        r"(?: (?:on|running|until|till|til|for|through|all|over|overnight|tonight|today|tomorrow|now)\b|$)",
        asked.text,
    )
    words = match[1] if match else ""
    return words if re.search(r"\d|primary|dump", words) else ""


def _until(asked: Asked) -> str:
    match = re.search(r"\b(?:until|till|til|for) (.+)$", asked.text)
    if match is not None:
        words = match[0] if match[0].startswith("for") else f"until {match[1]}"
        return words.replace("sunrise", "07:00").replace("the morning", "07:00").replace("sunset", "18:00")
    if asked.has(r"\b(?:over ?night|all night|through the night|tonight)\b"):
        return "tomorrow 07:00" if not asked.has(r"\btomorrow\b") else "for 36 hours"
    return "for 24 hours" if asked.has(r"\ball day\b|\b24 hours\b") else "midnight"


def _days_back(asked: Asked) -> int:
    span = re.search(r"\b(\d{1,2}) (days?|weeks?|months?)\b", asked.text)
    if span is not None:
        return int(span[1]) * {"d": 1, "w": 7, "m": 30}[span[2][0]]
    return 7 if asked.has(r"\bweek\b") else 90 if asked.has(r"\bquarter\b|\bthree months\b") else 30


def why(asked: Asked) -> Intent | None:
    """Why a miner is on or off, why the battery is held."""
    if not asked.has(r"^(?:and |so |but )*(?:why|how come|what is the reason)\b"):
        return None
    at = re.search(
        r"\b(?:(?P<day>today|yesterday|tomorrow) )?at (?P<clock>\d{1,2}(?::\d\d)?(?: ?[ap]m)?)"
        r"(?: (?P<after>today|yesterday|tomorrow))?(?!\S)",
        asked.text,
    )
    day = (at["day"] or at["after"]) if at else ("tomorrow 12:00" if asked.has(r"\btomorrow\b") else "")
    moment = f"{day or ''} {at['clock'] if at else ''}".strip()
    if asked.has(_MINERS):
        named = _NAMED.search(asked.text)
        return WhyPlanned(named[0] if named else "", moment)
    if asked.has(r"\bbattery\b") and asked.has(r"\bplan\w*\b|\bheld\b|\bhold\w*\b|\bcharg\w+ from (?:the )?grid\b"):
        return WhyPlanned("battery", moment)
    return WhyPlanned("", moment) if asked.has(r"\bplan\b|\bplanned\b") else None


def plan(asked: Asked) -> Intent | None:
    """What the plan does, and when the miners will run."""
    if asked.has(r"\b(?:generator|upgrade|tariff|phone|rate) plan\b|\b(?:i|we) plan\b"):
        return None
    if asked.has(
        r"^(?:show (?:me )?|tell me |give me )?(?:the |your |my |our |today (?:is )?|tonight |tomorrow |current )*plan"
        r"(?: (?:please|now|today|tonight|for .+|tomorrow))?$|\bwhat (?:is|are) (?:the |your |our |my |today )*"
        r"(?:tonight |current |new |next )?plans?\b|\bwhat (?:is|have you) planned\b|\bwhat does the plan\b"
        r"|\bwhat will the (?:miners?|battery) do\b"
    ):
        return PlanShown()
    if asked.has(_MINERS) and asked.has(r"\bwhen (?:will|do|does|are|is)\b") and not asked.has(_PAST):
        return Advice("start_miners", asked.future) if asked.has(r"\b(?:run|start|mine|on|next|be)\b") else None
    return None


def accuracy(asked: Asked) -> Intent | None:
    """How right the forecasts were."""
    if asked.has(r"\b(?:forecast\w*|prediction\w*|predict)\b") and asked.has(
        r"\b(?:accura\w+|right|reliable|wrong|scores?|scorecard|trust|precise|hit rate|how good)\b"
    ):
        return Accuracy()
    return None


def enough(asked: Asked) -> Intent | None:
    """Whether the sun is enough for the miners."""
    sun = r"\b(?:sun|solar|pv|power|surplus)\b"
    if not (asked.has(_MINERS) and asked.has(r"\benough\b|\bsufficient\b") and asked.has(sun)):
        return None
    if asked.has(_PAST) or (asked.has(r"\bnow\b") and asked.future is None):
        return None
    return Advice("enough_for_miners", asked.future or "tomorrow")


def battery(asked: Asked) -> Intent | None:
    """When the battery will be full, or empty."""
    past = r"\b(?:was|were|did|got|had|yesterday)\b"
    if asked.metric not in ("soc", "battery") or asked.threshold is not None or asked.has(past):
        return None
    about: Literal["", "full", "empty"] = ""
    if asked.has(r"\b(?:when|what time|how long|how soon|will|time)\b"):
        if asked.has(r"\bfull(?:y)?\b|\b100 %"):
            about = "full"
        elif asked.has(r"\b(?:empty|run out|flat|dead|runs out)\b|\bhow long\b.*\blasts?\b(?!.*night)"):
            about = "empty"
    return Forecast("soc", asked.future, about) if about else None


_APPLIANCE = (
    r"\b(?:car|ev|tesla|truck|dryer|washer|washing|laundry|dishwasher|pool|pump|heater|oven|ac|air ?con\w*|welder|"
    r"appliances?)\b"
)


def appliance(asked: Asked) -> Intent | None:
    """When to charge a car or to run something big."""
    when = r"\b(?:when|best time|what time|good time|which day|what hours?)\b"
    if asked.has(_APPLIANCE) and asked.has(when) and not asked.has(_PAST):
        return Advice("use_surplus", asked.future)
    return None


def generator(asked: Asked) -> Intent | None:
    """Whether the generator will be needed."""
    if "generator" in asked.metrics and asked.has(r"\b(?:will|shall|going to)\b.*\b(?:need|run|start|have)\b"):
        return Advice("run_generator", asked.future)
    return None


def sunny(asked: Asked) -> Intent | None:
    """Whether the sun will shine: what that brings is forecast."""
    if asked.has(r"\b(?:sunny|cloudy|overcast|sunshine)\b") and asked.future is not None and not asked.has(_PAST):
        return Forecast("solar", asked.future)
    return None


RULES = (what_if, why, plan, accuracy, enough, battery, appliance, generator, sunny)
