"""From a question's text to an `Intent`: an ordered table of rules over tidied words. Pure: no clock, no I/O."""

from __future__ import annotations

import re
from collections.abc import Callable

from agents.local_model import rules_advice, rules_ahead, rules_figures, rules_talk
from agents.local_model.asked import Asked, read
from agents.local_model.follow_up import continued
from agents.local_model.intents import Greeting, Intent, NotYet, Switch, Thanks, Unclear

Rule = Callable[[Asked], Intent | None]

# The order decides: plans and what if, talk and what lies outside, then decisions and limits, then figures.
RULES: tuple[Rule, ...] = (*rules_ahead.RULES, *rules_talk.RULES, *rules_advice.RULES, *rules_figures.RULES)
_MOST_PARTS = 3
_TAILS = ("when", "why", "how", "what", "which", "where")
_PARTS = re.compile(
    r"[?!;]+[\s\"']+(?=\w)|\.\s+(?=\w)|,?\s+(?:and|but|also)\s+(?=(?:what|when|how|should|"
    r"which|is|are|did|will|can|show)\b)",
    re.IGNORECASE,
)
# A question of its own beside an order, and none about when or whether.
_ASKS = re.compile(
    r"\W*(?:how (?!about)|what (?!if)|is |are |which |show |who )(?!.*\b(?:not|but|except|unless|if)\b)", re.IGNORECASE
)


def understand(question: str, previous: Intent | None = None) -> Intent:
    """What `question` asks for; `previous` is the intent of the turn before, for "and yesterday?".

    Never raises: what is not understood is `Unclear` or `OutOfScope`.
    """
    asked = read(question)
    if previous is not None:
        intent = continued(asked, previous)
        if intent is not None:
            return intent
    return _first_match(asked)


def understand_parts(question: str, previous: Intent | None = None) -> list[Intent]:
    """The intents of a question that may ask several things ("what is the SOC, and how much solar yesterday?")."""
    parts = [part for part in _PARTS.split(question.strip()) if part.strip(" ?!.,")]
    if any(part.strip(" ?!.,").lower() in _TAILS for part in parts[1:]):
        return [understand(question, previous)]  # "... and when?" belongs to what stands before it
    if not 1 < len(parts) <= _MOST_PARTS:
        return [understand(question, previous)]
    intents: list[Intent] = []
    for part in parts:
        intents.append(understand(part, intents[-1] if intents else previous))
    if any(isinstance(one, Switch) for one in intents):
        # "Stop the miners. Except s21." One sentence may turn the other around.
        pairs = zip(parts, intents, strict=True)
        if not all(isinstance(one, Switch | Greeting | Thanks) or _ASKS.match(part) for part, one in pairs):
            return [NotYet("order")]
    clear: list[Intent] = [one for one in intents if not isinstance(one, Unclear | Greeting | Thanks)]
    return clear or [understand(question, previous)]


def _first_match(asked: Asked) -> Intent:
    for rule in RULES:
        intent = rule(asked)
        if intent is not None:
            return intent
    return Unclear(asked.metrics)
