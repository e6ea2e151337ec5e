"""Short questions that lean on the turn before: "and yesterday?", "what about solar?", "is that good?"."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from agents.local_model.asked import Asked, read
from agents.local_model.follow_periods import day_of, period_of, shifted
from agents.local_model.intents import (
    IDLE_W,
    Advice,
    At,
    Average,
    Chart,
    Compare,
    Extreme,
    Forecast,
    HowLong,
    Intent,
    Judge,
    Now,
    Policy,
    Range,
    Side,
    Summary,
    Total,
    Trend,
    Unclear,
    WhenCrossed,
    WhenExtreme,
)
from agents.local_model.metric_words import Threshold, metric_for
from agents.local_model.rules_figures import at_time, average, extreme, total
from agents.local_model.rules_site import flow_in, warmth
from agents.local_model.rules_times import crossed
from energy.period_words import Phrase

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


def words_of(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


_LEADS = r"(?:(?:and|ok|okay|so|then|what about|how about|what of|also|or|but|for|on|in|please|what|was|is|it) )*"
_STEP = re.compile(
    rf"{_LEADS}(?:the )?(?:(?P<unit>day|night|week|weekend|month|year) (?P<way>before|after|prior|earlier)|"
    r"(?P<way_first>previous|next|following) (?P<unit_last>day|night|week|weekend|month|year))"
    r"(?: (?:that|it|last|then|this))?(?: (?:too|as well))?"
)
_CLOCK = re.compile(rf"{_LEADS}(?:at )?(?P<clock>\d{{1,2}}(?::\d\d)? ?(?:am|pm)|\d{{1,2}}:\d\d|noon|midnight|midday)")
_AHEAD = re.compile(rf"{_LEADS}(?:tonight|tomorrow(?: \w+)?|now|right now|next \w+|this evening|later today)")
_THAT_LIMIT = re.compile(r"\b(?:above|below|over|under|past|at|than|exceed|reach|hit|cross) (?:that|this|it)\b")
_LIMITS = (("critical", "critical"), ("minimum|floor|lowest", "minimum"), ("target|maximum|highest", "target"))
# A question of these words alone has no subject of its own: it speaks of what was asked before.
_FUNCTION_WORDS = words_of(
    """
    and ok okay so then also but or what when was were is are did does do the its it that this they them there how
    long high low much many far often times time of on in for at about around to a an i we be been have had has ever
    peak peaked maximum max highest most top lowest minimum least bottom high point average mean total altogether all
    go went gone get got reach reached hit above below over under past than exceed exceeded cross crossed fall fell
    drop dropped rise rose stay stayed last first value figure kwh kw w % v c f am pm noon midnight more less which
    coldest warmest hottest coolest run ran running per by hourly daily each every
    hour day happen happened spend spent typical exactly there up down use used make made
    """
)
_MOST_WORDS = 11
_VERDICT = re.compile(r"(?:is|are) (?:that|this|it|they)(?: \w+)? \w+|good|bad|ok")
_BELOW = r"\b(?:below|under|fall|fell|drop|dropped|less)\b"
_OWN_WAY = r"\b(?:above|below|over|under|fall|fell|drop|dropped|rise|rose|exceed|exceeded|more|less)\b"


def continued(asked: Asked, previous: Intent) -> Intent | None:
    """The intent of a short follow-up, or None where the question stands by itself."""
    bare = _bare(asked)
    if _VERDICT.fullmatch(asked.text):
        metric = metric_of(previous)
        if metric and re.search(r"good|ok|okay|normal|fine|bad|healthy|enough|safe|high|low|right", asked.text):
            if isinstance(previous, Extreme | WhenExtreme):
                return Judge(metric, previous.period, previous.which)
            return _beside_other_days(previous) or Judge(metric)
    if re.fullmatch(
        r"(?:and )?(?:when|what time|when was that|what time was that|at what time|when did that happen)", asked.text
    ):
        return WhenExtreme(previous.metric, previous.which, previous.period) if isinstance(previous, Extreme) else None
    if _CHART_IT.fullmatch(asked.text):
        return _charted(previous)
    for rule in (_same_again, _stepped, _without_miners, _ahead, _limit, _clocked, _inherited):
        intent = rule(asked, previous)
        if intent is not None:
            return intent
    if not bare or not (asked.periods or asked.metrics) or _SHOW.match(asked.text):
        return None
    intent = previous
    if asked.metrics:
        intent = _with_metric(previous, asked.metrics)
        if isinstance(intent, Total):
            intent = replace(intent, flow=flow_in(asked))
    if intent is not None and asked.periods:
        intent = _with_period(intent, asked.periods[0].wording)
    return intent


def is_step(question: str) -> bool:
    """Whether a question only moves to a neighbouring period ("and the day before?")."""
    return _STEP.fullmatch(read(question).text) is not None


def is_judgement(question: str) -> bool:
    """Whether a question only asks for a verdict on what was said ("is that good?")."""
    return _VERDICT.fullmatch(read(question).text) is not None


def as_answered(question: str, intent: Intent, answer: str) -> Intent:
    """The intent of a conversation's first turn that is still known, put right by its answer.

    The turns before it are forgotten, so "and the day before?" may stand first; what was answered says what was meant.
    """
    # "At 12:00 yesterday" is when it happened, "for 8 h 5 min" is a duration.
    line, asked = read(re.sub(r"(?i)\bat \d{1,2}:\d\d( [ap]m)?", "at", answer.split("\n")[0])), read(question)
    periods = [
        p for p in line.periods if re.search(r"last|past", line.text[p.start : p.end]) or "last " not in p.wording
    ]
    if len(line.metrics) != 1 or not periods:
        return intent
    metric = line.metrics[0]
    spoken = periods[-1] if re.match(r"(?:at|on|yesterday|today)\b", line.text) else periods[0]
    period = asked.period or spoken.wording
    if metric_of(intent) not in (metric, None) or isinstance(intent, Unclear | Summary | Judge | Now):
        if asked.metrics or not isinstance(intent, Unclear | Summary | Extreme | WhenExtreme | HowLong | WhenCrossed):
            return intent
        return Range(metric, period) if metric in _LEVELS else Total((metric,), period)
    if asked.periods or isinstance(intent, Compare | At) or period_of(intent) is None or getattr(intent, "last", False):
        return intent
    return _with_period(intent, period) or intent


def metric_of(intent: Intent) -> str | None:
    """The metric that a turn was about, if it was about one."""
    if isinstance(intent, Now | Total):
        return intent.metrics[0] if intent.metrics else "soc"
    metric = getattr(intent, "metric", None)
    return metric if isinstance(metric, str) else None


def _beside_other_days(previous: Intent) -> Intent | None:
    """A day's energy is good or bad beside other days."""
    if not isinstance(previous, Total) or previous.metrics[0] in _LEVELS or day_of(previous.period) is None:
        return None
    return Total(previous.metrics[:1], "last 7 days", "day", previous.flow)


def _same_again(asked: Asked, previous: Intent) -> Intent | None:
    """ "In Fahrenheit?" asks the same in another unit; "since when?" when a machine that runs was started."""
    if re.fullmatch(r"(?:and )?in (?:degrees )?(?:fahrenheit|celsius|[cfw]|kw)", asked.text):
        return previous
    metric = metric_of(previous)
    if isinstance(previous, Now) and metric in ("miners", "generator") and re.fullmatch(r"since when", asked.text):
        return WhenCrossed(metric, IDLE_W, "both", "last 30 days", last=True)
    return None


def _stepped(asked: Asked, previous: Intent) -> Intent | None:
    match, period = _STEP.fullmatch(asked.text), period_of(previous)
    if match is None or period is None:
        return None
    after = (match["way"] or match["way_first"]) in ("after", "next", "following")
    other = shifted(period, match["unit"] or match["unit_last"], 1 if after else -1)
    return None if other is None else _with_period(previous, other)


def _ahead(asked: Asked, previous: Intent) -> Intent | None:
    if _AHEAD.fullmatch(asked.text) is None:
        return None
    if isinstance(previous, Advice):
        return replace(previous, when=asked.future or "now")
    if asked.future is None:
        metric = metric_of(previous)
        return Now(("soc", "battery") if metric == "soc" else (metric,)) if metric else None
    if isinstance(previous, Forecast):
        return replace(previous, when=asked.future)
    return Forecast(metric_of(previous), asked.future) if metric_of(previous) else None


def _limit(asked: Asked, previous: Intent) -> Intent | None:
    if not isinstance(previous, Policy) or asked.periods or len(asked.text.split()) > _MOST_WORDS // 2:
        return None
    if asked.metric == "miners":
        return Policy("miners")
    return next((Policy(which) for words, which in _LIMITS if asked.has(rf"\b(?:{words})\b")), None)


def _clocked(asked: Asked, previous: Intent) -> Intent | None:
    match, metric = _CLOCK.fullmatch(asked.text), metric_of(previous)
    day = day_of(period_of(previous))
    if match is None or metric is None or day is None:
        return None
    at = at_time(replace(asked, text=f"at {match['clock']}", metrics=(metric,), periods=()))
    if not isinstance(at, At):
        return None
    return replace(at, period=re.sub(r"^.+?(?= from )", day, at.period))


def _inherited(asked: Asked, previous: Intent) -> Intent | None:
    """A question about the same metric and period: when its peak was, how long it was above that, "and 6 kW?"."""
    metric, limit = metric_of(previous), asked.threshold
    words = re.sub(r"\d+(?:\.\d+)?", "", asked.rest).split()
    if metric is None or asked.metrics or len(words) > _MOST_WORDS or not set(words) <= _FUNCTION_WORDS:
        return None
    if limit is None and isinstance(previous, WhenCrossed | HowLong) and _THAT_LIMIT.search(asked.text):
        unit = {"soc": "%", "battery_voltage": "V", "battery_temperature": "°C"}.get(metric, "W")
        limit = Threshold(previous.threshold, unit)
    if limit is not None:
        metric = metric_for(limit, (metric,))[0] if limit.unit else metric
    period = period_of(previous)
    spans = asked.periods or ((Phrase(0, 0, period),) if period else ())
    full = replace(asked, metrics=(metric,), periods=spans, threshold=limit)
    if limit is not None:
        return _other_limit(full, previous)
    by = _broken_down(asked, previous, metric, period)
    if by is not None:
        return by
    if asked.has(r"\bhow (?:long|often|many)\b"):
        return _how_long(full, previous)
    for rule in (warmth, extreme, average, at_time):
        intent = rule(full)
        if intent is not None:
            return _same_flow(intent, previous)
    if asked.has(r"\b(?:total|altogether|in all|kwh|how much)\b") and spans:
        return total(full)
    return None


def _other_limit(asked: Asked, previous: Intent) -> Intent | None:
    if isinstance(previous, WhenCrossed) and previous.last and asked.threshold is not None:
        return replace(previous, metric=asked.metrics[0], threshold=asked.threshold.value, also=None)
    intent = crossed(asked)
    if intent is None and asked.threshold is not None:
        intent = WhenCrossed(asked.metrics[0], asked.threshold.value, "rising", asked.period or "today")
    same = isinstance(intent, WhenCrossed) and isinstance(previous, WhenCrossed) and intent.metric == previous.metric
    # "and 6 kW?" goes the way of the question before, unless it says one of its own.
    if same and isinstance(intent, WhenCrossed) and isinstance(previous, WhenCrossed) and not asked.has(_OWN_WAY):
        return replace(intent, direction=previous.direction, also=previous.also)
    if isinstance(intent, WhenCrossed) and isinstance(previous, HowLong) and not asked.has(r"\bwhen\b"):
        own: Side | None = "below" if asked.has(_BELOW) else "above" if asked.has(_OWN_WAY) else None
        return HowLong(intent.metric, intent.threshold, own or previous.side, intent.period)
    return intent


def _how_long(asked: Asked, previous: Intent) -> Intent | None:
    if not isinstance(previous, WhenCrossed):
        return crossed(asked)
    falling = previous.direction == "falling" if abs(previous.threshold) != IDLE_W else previous.threshold < 0
    side: Side = "below" if falling else "above"
    if not asked.has(r"\blong\b|\bhours\b"):
        return replace(previous, period=asked.period or previous.period)  # "how many times?"
    return HowLong(previous.metric, previous.threshold, side, asked.period or previous.period)


def _broken_down(asked: Asked, previous: Intent, metric: str, period: str | None) -> Intent | None:
    match = re.search(r"\b(?:(?:per|by|each|every|a) (?P<unit>hour|day)|(?P<whole>hourly|daily))\b", asked.text)
    if match is None or period is None or not isinstance(previous, Total | Average | Range):
        return None
    by: Literal["hour", "day"] = "hour" if "hour" in match[0] else "day"
    metrics = previous.metrics if isinstance(previous, Total) else (metric,)
    return Total(metrics, asked.period or period, by, getattr(previous, "flow", None))


def _without_miners(asked: Asked, previous: Intent) -> Intent | None:
    period = asked.period or period_of(previous)
    if period is None or not asked.has(r"\b(?:without|excluding|except|minus|less)\b.*\b(?:miners?|mining)\b"):
        return None
    if metric_of(previous) != "load" or len(asked.text.split()) > _MOST_WORDS // 2 + 1:
        return None
    return Total(("load", "miners"), period, note="without_miners")


def _same_flow(intent: Intent, previous: Intent) -> Intent:
    """The most of a discharge or an export is the lowest value of its metric."""
    back = getattr(previous, "flow", None) == "negative"
    if back and isinstance(intent, Extreme | WhenExtreme):
        return replace(intent, which="min" if intent.which == "max" else "max")
    return intent


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
    if isinstance(intent, WhenCrossed):
        return replace(intent, period=period, last=False)
    if isinstance(intent, _WITH_PERIOD):
        return replace(intent, period=period)
    if isinstance(intent, Total):
        return replace(intent, period=period)
    if isinstance(intent, At):
        return _at_on(intent, period)
    if isinstance(intent, Compare):
        return replace(intent, a=period)
    if isinstance(intent, Judge):
        return Range(intent.metric, period) if intent.metric in _LEVELS else Total((intent.metric,), period)
    if isinstance(intent, Now):
        metrics = intent.metrics
        if not metrics:
            return Summary(period)
        return Range(metrics[0], period) if metrics[0] in _LEVELS else Total(metrics, period)
    return None


def _at_on(intent: At, period: str) -> Intent:
    # The same time of another day; of a longer period there is no one such time.
    if " from " in period:
        return replace(intent, period=period)
    if day_of(period) is None:
        return Range(intent.metric, period) if intent.metric in _LEVELS else Total((intent.metric,), period)
    return replace(intent, period=re.sub(r"^.+?(?= from )", period, intent.period))


def _with_metric(intent: Intent, metrics: tuple[str, ...]) -> Intent | None:
    metric = metrics[0]
    if isinstance(intent, Now):
        return Now(("soc", "battery") if metric == "soc" else metrics)
    if isinstance(intent, Total):
        return (
            Range(metric, intent.period)
            if metric in _LEVELS
            else replace(intent, metrics=metrics, flow=None, note=None)
        )
    if isinstance(intent, Range) and metric not in _LEVELS:
        return Total(metrics, intent.period)
    if isinstance(intent, Average | Range | Extreme | WhenExtreme | Compare | Trend | At | Forecast):
        return replace(intent, metric=metric)
    if isinstance(intent, WhenCrossed | HowLong):
        return replace(intent, metric=metric) if metric not in _LEVELS and intent.metric not in _LEVELS else None
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
