"""Rules for decisions, limits and what is to come."""

from __future__ import annotations

import re

from agents.local_model.asked import Asked
from agents.local_model.intents import Advice, Forecast, Intent, Judge, Policy

_DECIDE = (
    r"\b(?:should|can|could|may|shall|ok to|okay to|safe to|good idea|good time|worth|"
    r"advis\w+|recommend\w*|do (?:i|we) (?:have|need)|"
    r"enough|is it time|would you|smart|sense|wise)\b"
)
_MINERS = r"\b(?:miners?|mining|mine|bitcoin|s19\w*|s21\S*|asics?|rigs?)\b"


def miners(asked: Asked) -> Intent | None:
    """Whether to run the miners, when to start and stop them."""
    if not asked.has(_MINERS):
        return None
    when = _when(asked)
    if asked.threshold is not None and asked.threshold.unit == "%" and asked.has(_DECIDE) and not asked.periods:
        return Policy("miners")
    if asked.has(r"\b(?:when|at what|what soc|which soc|what (?:battery )?level)\b") and not asked.has(
        r"\b(?:did|was|were|has|last)\b"
    ):
        if asked.has(r"\b(?:stop|shut|off|pause|end|quit)\b"):
            return Advice("stop_miners", when)
        if asked.has(r"\b(?:start|run|on|begin|resume|mine)\b"):
            return Advice("start_miners", when)
    if asked.has(_DECIDE) and not asked.has(r"\bdid\b|\bhow (?:much|many)\b(?!.*\b(?:can|could|should)\b)"):
        if asked.has(r"\b(?:stop|shut|turn off|switch off|pause)\b"):
            return Advice("stop_miners", when)
        return Advice("run_miners", when)
    if asked.has(r"\bmin(?:e|ing|ers?) (?:tonight|tomorrow|now|today)\b$") and not asked.has(
        r"\b(?:how|what|are|is|did)\b"
    ):
        return Advice("run_miners", when)
    if re.fullmatch(r"(?:run|start) (?:the )?(?:bitcoin )?miners?(?: (?:now|tonight|right now))?", asked.text):
        return Advice("run_miners", when)
    return None


def charging(asked: Asked) -> Intent | None:
    """Charging from the grid, and when to charge."""
    charge = r"\bcharg(?:e|ing)\b"
    if (
        asked.has(r"\bshould (?:i|we) (?:be )?charg(?:e|ing)\b")
        and not asked.has(r"\bgrid\b")
        and not asked.has(_APPLIANCE)
    ):
        return Advice("charge_time", _when(asked))
    if asked.has(charge) and asked.has(r"\bgrid\b") and asked.has(_DECIDE):
        return Advice("grid_charge", _when(asked))
    if asked.has(charge) and asked.has(
        r"\b(?:best|good|right|ideal|cheapest|optimal) (?:time|hours?|moment)\b|\bwhen (?:should|"
        r"to|is best|do i|can i)\b"
    ):
        return Advice("charge_time", _when(asked))
    return None


def generator(asked: Asked) -> Intent | None:
    """Whether to run the generator."""
    if "generator" in asked.metrics and asked.has(_DECIDE) and asked.has(r"\b(?:run|start|turn on|on|use|need)\b"):
        return Advice("run_generator", _when(asked))
    return None


def trouble(asked: Asked) -> Intent | None:
    """Low battery, high discharge, unexpected load."""
    watts = asked.threshold.value if asked.threshold and asked.threshold.unit == "W" else None
    if not asked.periods and asked.has(r"\bwhy\b.*\b(?:discharg\w+|drain\w*|dropping|going down|low)\b"):
        return Advice("draining", None, watts)
    if (
        asked.has(
            r"\bunexpected (?:load|draw|usage|consumption)\b|\bhigh (?:discharge|load|draw|usage|consumption)\b|"
            r"\bwhy (?:is|am|are|does|do)\b.*\b(?:discharg\w+|draining|dropping|load|high|using|usage|"
            r"so (?:much|low))\b|"
            r"\bwhat (?:is (?:using|drawing|draining|consuming|eating|pulling)|uses|draws|consumes|eats)\b"
        )
        and not asked.periods
    ):
        return Advice("high_discharge", None, watts)
    if asked.has(
        r"\b(?:handle|deal with|manage|respond|react|what (?:should|do|can) (?:i|we) do|"
        r"what to do)\b.*\b(?:low|empty|critical|battery|soc)\b|"
        r"\bwhat happens (?:if|when|below|at|under)\b.*\b(?:battery|soc|level|%)(?!\w)|"
        r"\b(?:if|when) (?:the |my )?(?:battery|soc) (?:is|gets|runs|goes) (?:too )?(?:low|"
        r"empty)\b|\blow battery (?:situations?|procedure|policy|plan|what)\b"
    ):
        return Advice("low_battery", None)
    return None


_APPLIANCE = (
    r"\b(?:ac|a/c|air ?con\w*|heater|car|ev|oven|stove|dryer|washer|washing|laundry|pump|dishwasher|"
    r"pool|fridge|freezer|heat|welder|tools?|tesla|truck|well|kettle|microwave|iron)\b"
)
_RUN = r"\b(?:run|use|start|charge|plug|turn on|power|cook|heat|cool|wash|do)\b"


def surplus(asked: Asked) -> Intent | None:
    """Whether something else can be run."""
    watts = asked.threshold.value if asked.threshold and asked.threshold.unit == "W" else None
    if asked.has(_DECIDE) and asked.has(_RUN) and asked.has(_APPLIANCE) and not asked.has(r"\b(?:was|were|did)\b"):
        return Advice("surplus", _when(asked), watts)
    if asked.has(r"\b(?:surplus|excess|spare)\b|\bextra (?:power|solar|energy|production)\b") and not asked.periods:
        return Advice("surplus", _when(asked))
    return None


def forecast(asked: Asked) -> Intent | None:
    """What is to come."""
    ahead = asked.future is not None and asked.future != "tonight"
    if asked.metric in (None, "soc", "battery") and asked.has(
        r"\b(?:enough|save|saving|spare|last (?:through|until|till|the|all))\b.*\b(?:tonight|the night)\b"
    ):
        return Forecast("soc", "tonight")
    if asked.has(r"\b(?:forecast\w*|predict\w*|prognosis|outlook)\b"):
        return Forecast(asked.metric, asked.future or asked.period)
    if asked.has(
        r"\b(?:will|going to|gonna|expect(?:ed)?|would)\b|\bhow long (?:will|until|till|before|can|do i have)\b|"
        r"\bwhen (?:will|do|does|is) (?:the |my |we |i )?\w+ (?:be|get|reach|hit|full|empty|"
        r"run out)\b|\btime to (?:full|empty)\b|"
        r"\b(?:last|make it|get) (?:through|until|till) (?:the )?(?:night|morning|sunrise|dawn)\b|"
        r"\bhow many hours (?:left|remaining|of battery)\b|"
        r"\b(?:runtime|time|hours) (?:left|remaining)\b|\buntil (?:full|empty)\b"
    ) and not asked.has(r"\b(?:did|was|were)\b"):
        night = asked.has(r"\b(?:night|morning|sunrise|dawn|tonight)\b")
        return Forecast(asked.metric, asked.future or ("tonight" if night else None))
    if ahead and not asked.has(r"\b(?:did|was|were|been)\b"):
        return Forecast(asked.metric, asked.future)
    return None


_PAST = r"\b(?:was|were|did|got|get|went|go|reached|hit|has been|have been|had|so far|highest|lowest)\b"
_LIMIT_WORDS = (
    r"\b(?:threshold|limits?|critical|reserve|target|policy|policies|rules?|cut-?off|setpoint|"
    r"set point|allowed|safe|floor|ceiling|settings?)\b"
)


def policy(asked: Asked) -> Intent | None:
    """The owner's limits. "What is the minimum SOC?" is one; "the minimum SOC yesterday" is a figure."""
    allowed = asked.has(r"\b(?:can|may|allowed|permitted|have you got|do you have)\b")
    if asked.periods or asked.has(r"\bwhen\b") or (asked.has(_PAST) and not allowed):
        return None
    if allowed and asked.metric == "soc" and asked.has(r"\bhow low\b|\blowest\b"):
        return Policy("minimum")
    about_soc = "soc" in asked.metrics or "battery" in asked.metrics
    limit = asked.has(_LIMIT_WORDS)
    if asked.has(
        r"\b(?:max(?:imum)?|highest|top)\b.*\b(?:charge|charging) (?:rate|power|current|speed)\b|"
        r"\b(?:charge|charging) (?:rate|power|current) limit\b|\bhow fast can\b.*\bcharge\b"
    ):
        return Policy("charge_rate")
    if asked.has(
        r"\b(?:max(?:imum)?|highest|top)\b.*\b(?:discharge|discharging) (?:rate|power|current|"
        r"speed)\b|\bdischarge (?:rate |power )?limit\b"
    ):
        return Policy("discharge_rate")
    if asked.has(r"\btariffs?\b"):
        return Policy("tariff")
    if asked.has(_MINERS) and (
        limit or asked.has(r"\b(?:minimum|maximum)\b") or asked.has(r"\b(?:start|stop)\b.*\b(?:soc|level)\b")
    ):
        return Policy("miners")
    if "grid" in asked.metrics and (limit or asked.has(r"\bmaximum\b")):
        return Policy("grid")
    lowest, highest = (
        asked.has(r"\bminimum\b|\bfloor\b|\bcut-?off\b|\breserve\b"),
        asked.has(r"\btarget\b|\bmaximum\b|\bceiling\b"),
    )
    if about_soc and lowest and highest:
        return Policy("range")
    if asked.has(r"\bcritical\b") and (about_soc or lowest):
        return Policy("critical")
    if (about_soc and lowest) or asked.has(r"\breserve\b"):
        return Policy("minimum")
    if about_soc and highest:
        return Policy("target")
    if (
        limit
        and (about_soc or not asked.metrics)
        and asked.has(r"\b(?:what|which|show|list|tell|my|the|your|our)\b|^\w+$")
    ):
        return Policy("all")
    return None


def judge(asked: Asked) -> Intent | None:
    """Whether a figure is good: "is that ok?", "is my battery too low?"."""
    if asked.has(
        r"^(?:is|are) .*\b(?:soc|battery)\b.*\b(?:above|below|under|over|within|"
        r"inside)\b.*\b(?:minimum|target|limits?|range)\b"
    ):
        return Judge("soc")
    good = (
        r"(?:getting low|good|ok|okay|normal|fine|bad|healthy|enough|safe|high|low|too low|"
        r"too high|alright|all right)"
    )
    if asked.has(rf"^(?:and )?(?:is|are) (?:that|this|it|they)(?: \w+)? {good}\b|^{good}$"):
        return Judge(asked.metric or "soc")
    if asked.metric in ("soc", "battery") and asked.has(
        rf"\bis (?:my |the |our )?(?:battery|soc|battery level|state of charge|bank)(?: level)?(?: \w+)? {good}\b"
    ):
        return Judge("soc")
    return None


def _when(asked: Asked) -> str | None:
    if asked.future:
        return asked.future
    if asked.has(r"\bover ?night\b|\bthrough the night\b"):
        return "tonight"
    return "now" if asked.has(r"\b(?:now|right now|currently|at the moment)\b") else None


RULES = (miners, charging, generator, trouble, surplus, judge, forecast, policy)
