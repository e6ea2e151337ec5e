"""Short questions that lean on the turn before: "and yesterday?", "what about solar?", "is that good?"."""

from __future__ import annotations

import re
from dataclasses import replace

from agents.local_model.asked import Asked
from agents.local_model.intents import (
    At,
    Average,
    Chart,
    Compare,
    Extreme,
    HowLong,
    Intent,
    Judge,
    Now,
    Range,
    Summary,
    Total,
    Trend,
    WhenCrossed,
    WhenExtreme,
)

_LEAD = re.compile(
    r"^(?:and|ok|okay|so|then|what about|how about|what of|same for|same|also|now|but|or|for|"
    r"the|my|on|in|it|was|is|that|please|show|me) "
)
_CHART_IT = re.compile(
    r"(?:(?:please|and|now|can|could|you|show|give|me|us|draw|make|a|the|it|that|this|as|in|of|for) )*"
    r"(?:chart|graph|plot|draw|graphically)(?: (?:it|that|this|please|of|for|me))*"
)
_SHOW = re.compile(
    r"(?:please |and |now |can you |could you )*(?:show|draw|plot|graph|chart) "
)  # wants a picture, anew
_WITH_PERIOD = (Average, Range, Extreme, WhenExtreme, WhenCrossed, HowLong, Trend, Summary, Chart)
_LEVELS = ("soc", "battery_voltage", "battery_temperature")


def continued(asked: Asked, previous: Intent) -> Intent | None:
    """The intent of a short follow-up, or None where the question stands by itself."""
    bare = _bare(asked)
    if re.fullmatch(r"(?:is|are) (?:that|this|it|they)(?: \w+)? \w+|good|bad|ok", asked.text):
        metric = metric_of(previous)
        if metric and re.search(r"good|ok|okay|normal|fine|bad|healthy|enough|safe|high|low|right", asked.text):
            if isinstance(previous, Extreme | WhenExtreme):
                return Judge(metric, previous.period, previous.which)
            return Judge(metric)
    if re.fullmatch(
        r"(?:when|what time|when was that|what time was that|at what time|when did that happen)", asked.text
    ):
        return WhenExtreme(previous.metric, previous.which, previous.period) if isinstance(previous, Extreme) else None
    if _CHART_IT.fullmatch(asked.text):
        return _charted(previous)
    if not bare or not (asked.periods or asked.metrics) or _SHOW.match(asked.text):
        return None
    intent: Intent | None = previous
    if asked.metrics:
        intent = _with_metric(previous, asked.metrics)
    if intent is not None and asked.periods:
        intent = _with_period(intent, asked.periods[0].wording)
    return intent


def metric_of(intent: Intent) -> str | None:
    """The metric that a turn was about, if it was about one."""
    if isinstance(intent, Now | Total):
        return intent.metrics[0] if intent.metrics else "soc"
    return getattr(intent, "metric", None)


def _bare(asked: Asked) -> bool:
    """Nothing but a lead-in, a metric and a period: no verb of its own."""
    rest = f"{asked.rest} "
    while (match := _LEAD.match(rest)) is not None:
        rest = rest[match.end() :]
    led = rest != f"{asked.rest} "
    words = rest.split()
    known = {
        "battery",
        "level",
        "soc",
        "solar",
        "load",
        "grid",
        "generator",
        "miners",
        "miner",
        "production",
        "usage",
        "power",
        "voltage",
        "temperature",
        "consumption",
        "import",
        "export",
        "panels",
        "pv",
        "the",
        "my",
        "chart",
        "graph",
        "plot",
        "it",
        "that",
        "a",
        "me",
    }
    return len(words) <= 4 and all(w in known for w in words) and (led or bool(asked.periods) or not words)


def _with_period(intent: Intent, period: str) -> Intent | None:
    if isinstance(intent, _WITH_PERIOD):
        return replace(intent, period=period)
    if isinstance(intent, Total):
        return replace(intent, period=period)
    if isinstance(intent, Compare):
        return replace(intent, a=period)
    if isinstance(intent, Now):
        metrics = intent.metrics
        if not metrics:
            return Summary(period)
        return Range(metrics[0], period) if metrics[0] in _LEVELS else Total(metrics, period)
    return None


def _with_metric(intent: Intent, metrics: tuple[str, ...]) -> Intent | None:
    metric = metrics[0]
    if isinstance(intent, Now):
        return Now(("soc", "battery") if metric == "soc" else metrics)
    if isinstance(intent, Total):
        return Range(metric, intent.period) if metric in _LEVELS else replace(intent, metrics=metrics, flow=None)
    if isinstance(intent, Range) and metric not in _LEVELS:
        return Total(metrics, intent.period)
    if isinstance(intent, Average | Range | Extreme | WhenExtreme | Compare | Trend):
        return replace(intent, metric=metric)
    if isinstance(intent, Summary):
        return Range(metric, intent.period) if metric in _LEVELS else Total(metrics, intent.period)
    if isinstance(intent, Chart):
        return replace(intent, kind="soc" if metric == "soc" else "power", metric=metric)
    return None


def _charted(intent: Intent) -> Intent | None:
    period = intent.a if isinstance(intent, Compare) else getattr(intent, "period", None)
    if isinstance(intent, Chart) or (period is None and not isinstance(intent, Now)):
        return None
    if isinstance(intent, At):
        period = "yesterday" if intent.period.startswith("yesterday") else "today"
    return Chart("soc" if metric_of(intent) == "soc" else "power", period or "last 24 hours", metric_of(intent))
