"""A few orders in plain words, as the command that they mean.

Only a text that is such an order from its first word to its last counts; everything else is a question. So "stop the
miners" acts at once, as /miners stop does, and "should I stop the miners?" is answered.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from bot.commands import plain_alerts
from energy.preferences import find_preference

LONGEST = 120  # characters; an order is short

_POLITE = r"(?:(?:please|pls|ok|okay|now|hey),? )*"
_AFTER = r"(?:,? (?:please|pls|plz|now|right now|immediately|at once|asap|thanks|thank you|thx))*"
_NUMBER = r"(?:\d+(?:\.\d+)?|half an|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve)"
_WEEKDAY = r"(?:(?:next|this|on) )?(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
_CLOCK = r"(?:\d{1,2}(?::\d\d)?(?: ?(?:am|pm))?|noon|midnight)"
_DATE = r"\d{4}-\d\d-\d\d"
_DAY = rf"(?:tonight|tomorrow|today|{_WEEKDAY}|{_DATE})"
_SPAN = rf"for (?:the next )?{_NUMBER} ?(?:m|min(?:ute)?s?|h|hrs?|hours?|d|days?|w|weeks?)"
_UNTIL = (
    rf"(?:until|till|til) (?:{_DAY}(?:,? (?:at )?{_CLOCK}|,? (?:morning|noon|evening|night))?|{_CLOCK}(?: {_DAY})?)"
)
_TIME = rf"(?: (?P<time>{_SPAN}|{_UNTIL}))?"

_ID = r"[a-z]{1,12}-?\d[a-z0-9+_-]{0,19}"  # one way to match each id, or a list of them takes exponential time
_ALL = r"(?:(?:all|both|the|my|our|of) )*(?:bitcoin |btc )?(?:miners?|asics?|mining)"
_SOME = rf"(?:(?:both|the|my|our|all) )*(?:(?:antminers?|miners?) )?{_ID}(?:(?:,| and|, and) {_ID})*(?: miners?)?"
_MINERS = rf"(?:(?P<all>{_ALL})|(?P<some>{_SOME}))"
_STOP = r"(?:stop|halt|kill|pause|(?:turn|switch|power) off|shut (?:down|off))"
_START = r"(?:start|resume|(?:turn|switch|power) on)"
# A stop is always safe, so everyday words for it count as well. There is nothing else that a bare "stop" could stop.
_EVERYTHING = r"(?:everything|it all|all of (?:it|them)|them all|all)"
_STOP_ALL = (
    rf"(?:(?:emergency stop|e-stop|{_STOP} {_EVERYTHING}|(?:turn|switch|power|shut) {_EVERYTHING} (?:off|down)"
    rf"|(?:all|everything) (?:off|stop)){_TIME}|(?:stop|halt)(?: stop)*)"
)

_WE_ARE = r"(?:i'?m|i am|we'?re|we are)"


def _miners(action: str) -> Callable[[re.Match[str]], str]:
    def build(match: re.Match[str]) -> str:
        which = match["some"] or "all"
        time = match.groupdict().get("time") or ""
        return f"/miners {action} {which} {time}".rstrip()

    return build


def _preference(match: re.Match[str]) -> str | None:
    kind = find_preference(match["name"])
    return None if kind is None else f"/prefs set {kind.name} {match['value'].strip()}"


def _unit(match: re.Match[str]) -> str:
    word = match["unit"].lower()
    if word[0] in "fc":
        return f"/prefs set temperature_unit {word[0].upper()}"
    return f"/prefs set power_unit {'W' if word in ('w', 'watt', 'watts') else 'kW'}"


_ORDERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]], ...] = tuple(
    (re.compile(f"{_POLITE}{pattern}{_AFTER}", re.IGNORECASE), build)
    for pattern, build in (
        (rf"{_STOP} {_MINERS}{_TIME}", _miners("stop")),
        (rf"(?:turn|switch|power|shut) {_MINERS} (?:off|down){_TIME}", _miners("stop")),
        (rf"{_MINERS} off{_TIME}", _miners("stop")),
        (_STOP_ALL, lambda m: f"/miners stop all {m['time'] or ''}".rstrip()),
        (rf"{_START} {_MINERS}{_TIME}", _miners("start")),
        (rf"(?:turn|switch|power) {_MINERS} on{_TIME}", _miners("start")),
        (
            rf"(?:put|set|switch|hand|return) {_MINERS} (?:back )?(?:over )?(?:to|on|in|into) (?:the )?auto(?:matic)?"
            r"(?: mode)?",
            _miners("auto"),
        ),
        (
            r"(?:set|change|make|put) (?:my|the) (?P<name>[a-z][a-z _-]{2,40}?) (?:to|=|at) (?P<value>\S.{0,60}?)",
            _preference,
        ),
        (
            r"(?:use|show me|show|switch to|give me) (?:temperatures? in |powers? in )?(?:degrees )?"
            r"(?P<unit>fahrenheit|celsius|watts?|kilowatts?|kw|w)",
            _unit,
        ),
        (r"turn (?:my )?alerts (?P<value>on|off)", lambda m: f"/prefs set alerts {m['value'].lower()}"),
        (r"turn (?P<value>on|off) (?:my )?alerts", lambda m: f"/prefs set alerts {m['value'].lower()}"),
        (
            rf"{_WE_ARE} (?:going )?(?:away|gone|on vacation|on holidays?|out of town) (?P<time>{_SPAN}|{_UNTIL})",
            lambda m: f"/away {m['time']}",
        ),
        (rf"{_WE_ARE} (?:back|back home|home again|home)(?: again)?", lambda _: "/away off"),
        (r"help(?: me)?", lambda _: "/help"),
        *plain_alerts.orders(_TIME),
    )
)


def _without_ornaments(text: str) -> str:
    """The text without characters that cannot be seen, and without emoji, full stops and the like around it."""
    seen = "".join(each for each in text if unicodedata.category(each) != "Cf")
    start, end = 0, len(seen)
    while start < end and _is_ornament(seen[start]):
        start += 1
    while start < end and (_is_ornament(seen[end - 1]) or seen[end - 1] in ".!…。！‼"):
        end -= 1
    return seen[start:end]


def _is_ornament(character: str) -> bool:
    return character.isspace() or (
        not character.isascii() and unicodedata.category(character) in ("So", "Sk", "Mn", "Me")
    )


def _asks(character: str) -> bool:
    if character.isascii():
        return character == "?"
    name = unicodedata.name(character, "")
    return "QUESTION" in name or "INTERROBANG" in name or name in _DOUBTS


_DOUBTS = ("THINKING FACE", "SHRUG")


def command_of(text: str) -> str | None:
    """The command that an order in plain words means, or None: then it is a question."""
    if len(text) > 4 * LONGEST:
        return None
    shown = _without_ornaments(text.replace("’", "'"))
    words = " ".join(shown.split())
    if len(words) > LONGEST or "\n" in shown.strip():
        return None
    if (command := plain_alerts.list_or_rule(words)) is not None:
        return command
    if any(map(_asks, text)):
        return None
    for pattern, build in _ORDERS:
        match = pattern.fullmatch(words)
        if match is not None and (order := build(match)) is not None:
            return order
    return None
