"""What is said of alerts in plain words, as the command that it means: in hand, muted, listed, or to be watched."""

from __future__ import annotations

import re
from collections.abc import Callable

Build = Callable[[re.Match[str]], str | None]

_ALERTS = r"(?:all |the |my |any |open |active |current )*(?:alerts?|alarms?|notifications?)"
_ACK = r"(?:ack|acknowledged?)"
_MUTE = r"(?:mute|silence|snooze)"
_NOW = r"(?: (?:is|are|there|open|active|on|here|now|right now))*"
# Lists, though they are asked for.
_LIST = re.compile(
    rf"(?:(?:what|which) (?:is |are )?(?:the )?(?:open |active )?(?:alerts?|alarms?){_NOW}"
    rf"|(?:are there|is there|do (?:we|i) have) {_ALERTS}{_NOW}"
    rf"|(?:show|list|give)(?: me)? {_ALERTS}{_NOW}"
    r"|(?:open|active|any) (?:alerts?|alarms?))",
    re.IGNORECASE,
)
_WATCH = re.compile(
    r"(?:please |pls |hey |ok |okay |and )*(?:(?P<always>(?:warn|alert|notify|alarm|wake) (?:me|us)(?: up)?)"
    r"|(?:tell|message|ping|text) (?:me|us)|let (?:me|us) know)(?: please)? "
    r"(?:when|whenever|if|once|as soon as) (?P<what>\S.*)",
    re.IGNORECASE,
)
_A_LIMIT = re.compile(
    r"(?:\b(?:passes|exceeds|above|over|below|under|reach(?:es)?|hits?|drops?|falls?|sinks?|rises?|climbs?|goes|gets?|"
    r"more than|less than|at least|at most|higher than|lower than|greater than)\b|[<>]).*\d",
    re.IGNORECASE,
)
_ASKED = re.compile(  # of what was or will be: a question, whatever limit it names
    r"\b(?:was|were|did|had|has|have|been|will|would|going to|yesterday|ago|last|earlier)\b", re.IGNORECASE
)


def orders(time: str) -> tuple[tuple[str, Build], ...]:
    """The patterns of orders; `time` matches a time after them, as the group "time"."""
    return (
        (rf"{_ACK} (?:all(?: (?:of )?(?:them|(?:the )?(?:alerts?|alarms?)))?|everything)", lambda _: "/ack all"),
        (rf"{_ACK}(?: (?:it|this|that|the (?:alert|alarm)))?", lambda _: "/ack"),
        (rf"{_ACK} (?:(?:alert|alarm) )?#?(?P<id>\d{{1,9}})", lambda m: f"/ack {m['id']}"),
        (rf"{_MUTE} {_ALERTS}{time}", lambda m: f"/mute all {m['time'] or ''}".rstrip()),
        (rf"{_MUTE} (?:(?:alert|alarm) )?#?(?P<id>\d{{1,9}}){time}", _mute_one),
        (rf"(?:unmute|unsilence|stop muting) (?:{_ALERTS}|everything|all)", lambda _: "/unmute all"),
    )


def list_or_rule(words: str) -> str | None:
    """The command for "what alerts are open?" and "tell me when solar passes 8 kW"; None for anything else."""
    if _LIST.fullmatch(words.rstrip("?! .")):
        return "/alerts"
    watch = _WATCH.fullmatch(words)
    if watch is None or words.endswith("?") or _ASKED.search(watch["what"]):
        return None
    # "Tell me when the battery is full" may be a question; "warn me" never is.
    return f"/rules add {words}" if watch["always"] or _A_LIMIT.search(watch["what"]) else None


def _mute_one(match: re.Match[str]) -> str:
    return f"/mute {match['id']} {match['time'] or ''}".rstrip()
