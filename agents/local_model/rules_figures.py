"""Rules for figures: charts, when, how long, comparisons, trends, extremes, averages, energies, now."""

from __future__ import annotations

import re
from typing import Literal

from agents.local_model.asked import Asked
from agents.local_model.intents import (
    At,
    Average,
    Chart,
    Compare,
    Extreme,
    Intent,
    Now,
    OwnShare,
    Range,
    Summary,
    Total,
    Trend,
    Unclear,
    WhenExtreme,
    Which,
)
from agents.local_model.metric_words import metrics_in
from agents.local_model.rules_times import RULES as TIMES
from agents.local_model.rules_times import WHEN
from energy.period_clocks import is_day, moment_clock, names_one_day

_LEVELS = ("soc", "battery_voltage", "battery_temperature")
_HIGH = (
    r"\b(?:peak|peaked|maximum|highest|most|top|record|best|biggest|largest|how high|"
    r"strongest|high point|greatest|max out|hottest)\b"
)
_LOW = (
    r"\b(?:lowest|minimum|how low|least|low point|bottom(?:ed)?|smallest|worst|deepest|"
    r"weakest|coldest|how far (?:did|down))\b"
)
WHENCE = (
    r"\bwhere\b.*\b(?:power|energy|electricity)\b.*\bfrom\b|\bwhat is (?:powering|feeding|supplying)\b|"
    r"\bfrom (?:the )?(?:solar|grid|sun|battery) or\b"
)
_FALLING_NOW = r"\b(?:decreas\w+|declin\w+|going down|falling|lower|worse|less|dropping)\b"
_OPPOSITE = {
    "yesterday": "today",
    "today": "yesterday",
    "last week": "this week",
    "this week": "last week",
    "last month": "this month",
    "this month": "last month",
    "last year": "this year",
    "this year": "last year",
    "last night": "2 days ago",
}


def chart(asked: Asked) -> Intent | None:
    """A picture, asked for by name or by "show me the last 24 hours"."""
    named = asked.has(r"\b(?:chart|graph|plot|draw|diagram|curve|picture|visuali[sz]e|image)s?\b")
    shown = asked.has(r"^(?:please |can you |could you )?(?:show|see|display|give)(?: me| us)?\b") and bool(
        asked.periods
    )
    figure = asked.has(rf"{_HIGH}|{_LOW}|\baverage\b|\btotal\b|\bhow much\b|{WHEN}")
    if not named and (not shown or figure):
        return None
    if (
        asked.has(r"\b(?:drawing|draw(?:n)?)\b")
        and not asked.has(r"\bdraw (?:me |a |the |my )")
        and not asked.has(r"\b(?:chart|graph|plot)")
    ):
        return None
    kind: Literal["power", "energy", "soc"] = "power"
    metrics = metrics_in(re.sub(r"\bdraw\b", "", asked.rest))  # "draw" is the order here, no load
    if "soc" in metrics and not ({"solar", "load", "grid"} & set(metrics)):
        kind = "soc"
    elif asked.has(r"\b(?:energy|kwh|bars?|daily|per day|by day|each day|hourly|per hour|by hour|total)\b"):
        kind = "energy"
    elif metrics and not asked.has(r"\bpower\b") and _is_long(asked.period or ""):
        kind = "energy"  # a week of flows is a thicket; its days say more
    return Chart(kind, asked.period or "last 24 hours", metrics[0] if metrics else None)


def _is_long(period: str) -> bool:
    if re.search(r"week\b|month|year|^in |weekend|quarter|half|^q\d", period):
        return True
    days = re.fullmatch(r"last (\d+) days", period)
    return days is not None and int(days[1]) > 3


def compare(asked: Asked) -> Intent | None:
    """Two periods, or one against its counterpart."""
    comparing = asked.has(
        r"\b(?:compare[ds]?|comparison|comparing|versus|vs|than|against|difference between|"
        r"more or less|better or worse|same as|relative to)\b"
    )
    if not comparing or asked.threshold is not None:
        return None
    if len(asked.metrics) >= 2 and len(asked.periods) < 2 and not asked.has(r"\bthan (?:last|yesterday|the)\b"):
        period = asked.period
        return Total(asked.metrics[:3], period) if period else Now(asked.metrics)
    if not asked.periods and not asked.has(r"\b(?:usual|normal|average|before)\b"):
        return None
    metric = asked.metric or "solar"
    also = None if asked.metric else "load"  # "how does today compare to yesterday": what came and what went
    if asked.metric is None and asked.has(r"\b(?:us(?:e|ed|ing)|power|energy)\b"):
        metric, also = "load", None
    wordings = _at_the_same_hours([p.wording for p in asked.periods])
    if wordings == ["yesterday"] and asked.has(r"\bday before\b"):
        wordings.append("the day before yesterday")
    if asked.has(r"\b(?:week|weekend|month|year) before\b(?! last)"):
        return Unclear()  # "the one before" has no wording of its own yet; a wrong one would be worse
    if len(wordings) >= 2 and wordings[0] == wordings[1]:
        return Total(asked.metrics[:3], wordings[0]) if len(asked.metrics) >= 2 else Unclear()
    if len(wordings) >= 2:
        return Compare(metric, wordings[0], wordings[1], also)
    only = wordings[0] if wordings else "last 7 days"
    return Compare(metric, _OPPOSITE.get(only, "today"), only, also)


def _at_the_same_hours(wordings: list[str]) -> list[str]:
    """Two days of which the hours are said once ("today and yesterday between 2 and 5 pm") are compared by them."""
    hours = {" from " + w.rpartition(" from ")[2] for w in wordings if " from " in w}
    if len(hours) != 1 or not all(" from " in w or w == "today" or names_one_day(w) for w in wordings):
        return wordings
    return [w if " from " in w else w + next(iter(hours)) for w in wordings]


def trend(asked: Asked) -> Intent | None:
    """Rising or falling."""
    moving = asked.has(
        r"\b(?:increas\w+|decreas\w+|trend\w*|improv\w+|declin\w+|grow\w*|going (?:up|down)|"
        r"rising|falling|getting (?:better|worse|lower|higher|less|more)|"
        r"drop(?:ping)|up or down)\b"
    )
    if not moving or asked.threshold is not None or asked.has(WHEN):
        return None
    if asked.metric in ("soc", "battery") and not asked.periods:
        return Now(("soc", "battery"), "discharging" if asked.has(_FALLING_NOW) else "charging")
    if not asked.metrics:
        return Unclear()
    return Trend(asked.metrics[0], asked.period or ("today" if asked.metric in _LEVELS else "last 7 days"))


def extreme(asked: Asked) -> Intent | None:
    """The highest and lowest, and when they were."""
    high, low = asked.has(_HIGH), asked.has(_LOW)
    if not high and not low:
        return None
    metric = _subject(asked)
    if asked.has(r"\bor\b") and len(_powers(asked)) > 1:
        return None  # "miners or house": both, and the reader compares
    if metric is None:
        return None
    if high and low and asked.has(r"\band\b"):
        return Range(metric, asked.period or "today")
    metric, flipped = _direction(asked, metric)
    chosen: Which = "max" if high else "min"
    unit = re.search(
        r"\b(?:best|worst|highest|lowest|top|biggest|which|what|"
        r"most productive)(?: \w+){0,2} (hour|day)\b",
        asked.text,
    )
    if unit and metric not in _LEVELS:
        by: Literal["hour", "day"] = "hour" if unit[1] == "hour" else "day"
        return Total((metric,), asked.period or ("today" if by == "hour" else "last 7 days"), by, None, chosen)
    if flipped:
        chosen = "max" if asked.has(r"\b(?:lowest|minimum|least|smallest)\b") else "min"
    period = asked.period or "today"
    return WhenExtreme(metric, chosen, period) if asked.has(WHEN) else Extreme(metric, chosen, period)


def _subject(asked: Asked) -> str | None:
    if asked.metric is not None:
        return asked.metric
    if asked.has(r"\b(?:power|energy|w|kw|watts)\b"):
        return "load"
    return "soc" if asked.has(r"\bhow (?:low|high)\b") else None


def _direction(asked: Asked, metric: str) -> tuple[str, bool]:
    # Discharge and export are the negative side of their metric, so the most of them is the lowest value.
    if metric == "soc" and asked.has(r"\bdischarg\w+\b"):
        metric = "battery"
    if metric == "battery" and asked.has(r"\bdischarg\w+\b"):
        return metric, True
    return metric, metric == "grid" and asked.has(r"\b(?:export\w*|sold|sell\w*)\b")


def average(asked: Asked) -> Intent | None:
    """The mean of a period."""
    if not asked.has(r"\b(?:average|mean|typical(?:ly)?|on average|usual(?:ly)?)\b") or asked.has(
        r"\bwhat do(?:es)?\b.*\bmean\b"
    ):
        return None
    metric = _subject(asked)
    return Average(metric, asked.period or "last 7 days") if metric else None


def at_time(asked: Asked) -> Intent | None:
    """A figure at a time of day."""
    if asked.metric in _LEVELS and asked.has(r"\bat (?:sunrise|dawn|daybreak|sunup|sunset|dusk|sundown)\b"):
        return Range(asked.metric, "last night")  # it starts at sunset and ends at sunrise
    named = moment_clock(asked.period or "")
    if named is not None and len({moment_clock(p.wording) for p in asked.periods} - {None}) > 1:
        return Unclear(asked.metrics)  # from one day's clock to another's: no wording of its own
    if named is not None and asked.period is not None:  # the day and the clock are one period already
        one = asked.metric is not None and len(_powers(asked)) < 2
        return At(asked.metrics[0], asked.period, named) if one else None
    match = re.search(
        r"\bat (?P<hour>\d{1,2})(?::(?P<minute>\d\d))? ?(?P<half>am|pm)?\b(?! ?(?:%|w|kw|v)\b)|"
        r"\bat (?P<word>noon|midnight|midday)\b",
        asked.text,
    )
    if match is None or asked.metric is None:
        return None
    if match["word"]:
        hour, minute = (0 if match["word"] == "midnight" else 12), 0
    else:
        hour, minute = int(match["hour"]), int(match["minute"] or 0)
        if match["half"]:
            hour = hour % 12 + (12 if match["half"] == "pm" else 0)
    if hour > 23 or minute > 59:
        return Unclear()  # there is no such time
    minute = min(minute, 49)  # the ten minutes from here stay within the hour
    day = asked.period or "today"
    if day.startswith(("yesterday", "last night")):
        day = "yesterday"
    if not is_day(day):
        return None  # a clock within many days is no single figure
    clock = f"{hour}:{minute:02d}"
    return At(asked.metric, f"{day} from {clock} to {hour}:{minute + 10:02d}", clock)


def own_share(asked: Asked) -> Intent | None:
    """How independent of the grid a period was."""
    if asked.has(
        r"\bself[- ]?(?:sufficien\w+|consum\w+)\b|(?:%|\b(?:percent|share|fraction|part|much)) of (?:my |our |the )?"
        r"(?:energy|power|load|consumption|usage)\b.*\b(?:solar|grid|own|panels?)\b|\bindependen\w+\b"
    ) and (asked.periods or not asked.has(r"\bnow\b")):
        return OwnShare(asked.period or "today")
    return None


def total(asked: Asked) -> Intent | None:
    """Energy over a period; of a level, its range; without a metric, what happened."""
    energy = asked.has(r"\b(?:kwh|energy|total|totals)\b")
    if not asked.periods:
        if energy and asked.metrics and asked.has(r"\b(?:total|kwh|did|produced|generated|used|imported|exported)\b"):
            return Total(_powers(asked) or ("load",), "today", _by(asked), _flow(asked))
        if asked.has(
            r"\bhow much\b.*\bdid\b|\bdid\b.*\b(?:produce|generate|use|consume|import|export|make)\b"
        ) and _powers(asked):
            return Total(_powers(asked), "today", _by(asked), _flow(asked))
        return None
    period = asked.periods[0].wording
    powers = _powers(asked)
    if asked.metrics and asked.metric in _LEVELS and not energy:
        return Range(asked.metrics[0], period)
    if powers:
        return Total(powers[:3], period, _by(asked), _flow(asked))
    if asked.has(r"\b(?:use|used|using|usage)\b"):
        return Total(("load",), period, _by(asked), None)
    if energy and asked.metric == "soc":
        return Total(("battery",), period, _by(asked), _flow(asked))
    if energy:
        return Total(("solar", "load"), period, _by(asked), None)
    if asked.metrics:
        return Total(("battery",), period, _by(asked), _flow(asked))
    return Summary(period)


def _powers(asked: Asked) -> tuple[str, ...]:
    return tuple(m for m in asked.metrics if m not in _LEVELS)


def _by(asked: Asked) -> Literal["hour", "day"] | None:
    if asked.has(r"\b(?:by hour|per hour|each hour|every hour|hourly|hour by hour|by the hour)\b"):
        return "hour"
    return "day" if asked.has(r"\b(?:by day|per day|each day|every day|daily|day by day|a day)\b") else None


def _flow(asked: Asked) -> Literal["positive", "negative"] | None:
    if asked.has(r"\b(?:export\w*|sold|sell\w*|feed in|fed in|discharg\w+|out of (?:the |my )?battery)\b"):
        return "negative"
    return (
        "positive" if asked.has(r"\b(?:import\w*|bought|buy\w*|charged|charging|into (?:the |my )?battery)\b") else None
    )


_YES_NO: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "outage",
        r"\b(?:grid|power|utility)\b.*\b(?:up|down|out|outage|back|present|available|off|"
        r"connected|there)\b|\boutage\b|\bblackout\b",
        ("grid",),
    ),
    ("exporting", r"\bexport\w*|\bsell\w*|\bfeeding\b", ("grid",)),
    ("importing", r"\b(?:am|are|is|do) .*\b(?:grid|import\w*|utility|mains)\b|\bimporting\b", ("grid",)),
    ("discharging", r"\bdischarg\w+|\bdraining\b|\bon battery\b", ("soc", "battery")),
    ("charging", r"\bcharging\b", ("soc", "battery")),
    (
        "miners_on",
        r"\bminers?\b.*\b(?:on|off|running|run|mining|up|active|working)\b|\b(?:is|are) (?:it|we|"
        r"you|they) mining\b",
        ("miners",),
    ),
    ("generator_on", r"\bgenerator\b.*\b(?:on|off|running|run|active)\b", ("generator",)),
)


def now(asked: Asked) -> Intent | None:
    """Current figures: of one metric, or of everything."""
    question = not asked.has(r"^(?:how|what)\b") and asked.has(
        r"^(?:is|are|am|do|does|has|have|any)\b|\b(?:am i|are we|is it|is the|are the|is my)\b"
    )
    if question and not asked.has(WHENCE) and not asked.has(r"\bcharging or discharging\b|\b(?:im|ex)porting or\b"):
        for name, pattern, metrics in _YES_NO:
            if asked.has(pattern):
                return Now(metrics, name)
    if asked.has(WHENCE):
        return Now(("solar", "battery", "grid", "load"))
    if asked.metrics:
        general = asked.has(r"\b(?:what is (?:happening|going on|up)|how is|how are|status|overview)\b") and asked.has(
            r"\bsystem\b"
        )
        if general:
            return Now()
        metrics = asked.metrics
        if metrics[0] in ("soc", "battery") or asked.has(r"\bbattery (?:status|state)\b"):
            metrics = ("soc", "battery", *[m for m in metrics[1:] if m not in ("soc", "battery")])
        return Now(tuple(dict.fromkeys(metrics))[:4])
    if asked.has(
        r"\b(?:status|what is (?:happening|going on|up|new)|how (?:is|are) (?:it|things|"
        r"everything|we|the system|the ranch|the site)|overview|report|"
        r"summary|dashboard|readings?|figures|stats|system|everything|right now|currently|"
        r"current state|state)\b|^now$|^sup$"
    ):
        return Now()
    if asked.has(r"\b(?:power|energy|electricity)\b"):
        return Now(("soc", "battery", "solar", "load"))
    if asked.has(r"\bcharge\b|\bhow full\b"):
        return Now(("soc", "battery"))
    return None


RULES = (chart, *TIMES, own_share, compare, trend, extreme, average, at_time, total, now)
