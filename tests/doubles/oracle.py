"""A script that answers like a sensible model: one fitting tool call by keywords, then the tool's own sentence."""

from __future__ import annotations

import json
import re

from agents.selector import route
from agents.tools.metrics import METRICS, Metric
from tests.doubles.openai_server import Call, Request, Say, Step

_PERIOD = re.compile(
    r"yesterday|today|last night|tonight|this (?:week|month|year)|(?:in )?the last (?:hour|\d+ \w+)|last (?:\d+ )?\w+",
    re.I,
)
_SETTINGS = re.compile(r"\b(min|minimum|max|maximum|target|threshold|limit|specif|inverter model|rate|policy)", re.I)
_GENERAL = re.compile(
    r"best practice|latest|research|trend|in general|technolog|\btech\b|maintenance|upgrade|sizing", re.I
)
_THRESHOLD = re.compile(r"(\d[\d,.]*)\s*(kw|w|%)", re.I)


def oracle(request: Request) -> Step:
    """The next step for a request of the crew: a name, a tool call, or the answer."""
    if not request.tools and not request.tool_results:
        return Say(_without_tools(request))
    if request.tool_results:
        return Say("\n".join(_sentence(result) for result in request.tool_results))
    question = request.question
    if _GENERAL.search(question):
        return Say("In general: keep LiFePO4 between 20 and 80 percent. This is general knowledge, not your data.")
    name, arguments = _choice(question, request.tool_names)
    return Call.of(name, **arguments)


def _choice(question: str, offered: list[str]) -> tuple[str, dict[str, object]]:
    found = find_metrics(question)
    metric = found[0].name if found else "soc"
    period = _PERIOD.search(question)
    threshold = _THRESHOLD.search(question)
    if _SETTINGS.search(question) and period is None and "site_settings" in offered:
        return "site_settings", {}
    if threshold and period and "when_crossed" in offered:
        watts = float(threshold[1].replace(",", "")) * (1000 if threshold[2].lower() == "kw" else 1)
        return "when_crossed", {"metric": metric, "threshold": watts, "period": period[0]}
    if "inverter" in question.lower() and "device_details" in offered:
        return "device_details", {"device": "inverter"}
    if re.search(r"\b(chart|graph|plot)\b", question, re.I) and "draw_chart" in offered:
        return "draw_chart", {"kind": "power", "period": period[0] if period else "today"}
    if period and "tonight" not in period[0].lower() and "history_statistics" in offered:
        return "history_statistics", {"metric": metric, "period": period[0]}
    return "current_state", {}


def _without_tools(request: Request) -> str:
    text = " ".join(str(message["content"]) for message in request.messages)
    if "Reply with one name only" in text:
        return route(text.rsplit("user:", 1)[-1].split("Reply with one name")[0]).agents[0]
    return "\n".join(str(m["content"]) for m in request.messages if m["role"] == "user")


def _sentence(result: str) -> str:
    try:
        return str(json.loads(result)["text"])
    except (ValueError, KeyError, TypeError):
        return result


_BY_WORD = {word: m.name for m in METRICS.values() for word in (m.name, m.field, *m.synonyms)}
_LONGEST_FIRST = sorted(_BY_WORD, key=len, reverse=True)


def find_metrics(question: str) -> list[Metric]:
    """The metrics that a sentence names, in the order of their first mention; longer phrases win over their parts."""
    rest = question.lower()
    hits: dict[str, int] = {}
    for word in _LONGEST_FIRST:
        pattern = rf"(?<![a-z0-9_]){re.escape(word)}(?![a-z0-9_])"
        for match in re.finditer(pattern, rest):
            name = _BY_WORD[word]
            hits[name] = min(hits.get(name, match.start()), match.start())
        rest = re.sub(pattern, lambda m: " " * len(m[0]), rest)
    return [METRICS[name] for name in sorted(hits, key=lambda n: hits[n])]
