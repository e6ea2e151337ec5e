"""Whether the figures of a text come from tool results: those that do not are left out, sentence by sentence.

A figure is a number with a unit of energy or of money, or a time of day. It is traced when a source holds the same
number within the digits that the text shows, in W or kW alike. Sources are this question's tool results, the question
itself, and the earlier turns, whose figures were traced when they were written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_NUMBER = re.compile(r"[-−+]?\d[\d,]*(?:\.\d+)?")
_FIGURE = re.compile(
    r"(?<![\w.,:])(?P<number>\d[\d,]*(?:\.\d+)?)\s?(?P<unit>kwh|mwh|wh|kwp|kw|mw|w|"
    r"(?:kilo|mega)?watts?(?:[- ]hours?)?|%|per ?cent|pct|volts?|v|°\s?[cf]|degrees|amps?|a|ah|th/s|"
    r"usd|eur|gbp|chf|cad|aud|dollars?|euros?|pounds?|cents?)(?!\w)",
    re.IGNORECASE,
)
_PRICE = re.compile(r"[$€£]\s?(?P<number>\d[\d,]*(?:\.\d+)?)")
_CLOCK = re.compile(
    r"(?<![\d:])(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::\d{2})?\s?(?P<half>[ap]\.?m\b\.?)?", re.IGNORECASE
)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(?:T[\d:+.-]+)?|\d{1,2}:\d{2}(?::\d{2})?")  # not numbers to be traced to
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}T(\d{2}):(\d{2})")
_GENERAL = re.compile(
    r"\b(?:in general|generally|typical(?:ly)?|usual(?:ly)?|as a rule|rule of thumb)\b", re.IGNORECASE
)
_OWN = re.compile(
    r"\b(?:your?|now|current(?:ly)?|today|yesterday|tonight|last|this|"
    r"the (?:battery|soc|load|solar|panels|grid|miners?|house|site|inverter|generator))\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+(?=\S)")
_SCALES = (1.0, 1_000.0, 0.001)  # W and kW, Wh and kWh; nothing else is told in thousands


@dataclass(frozen=True, slots=True)
class Traced:
    """A text with only traced figures, and the sentences that were left out."""

    text: str
    left_out: tuple[str, ...]
    lost_its_start: bool  # the first sentence is gone, and with it the answer


class Sources:
    """Every number and time of day that an answer may use."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._numbers: set[float] = set()
        self._clocks: set[tuple[int, int]] = set()
        for text in texts:
            self._clocks.update(clock for match in _CLOCK.finditer(text) for clock in _clocks(match))
            self._numbers.update(abs(_value(match[0])) for match in _NUMBER.finditer(_MOMENT.sub(" ", text)))

    def know_number(self, shown: str, unit: str) -> bool:
        """Whether a source holds the shown number, within half of its last digit; powers and energies in W or kW."""
        scales = _SCALES if "w" in unit.lower() else (1.0,)
        value, decimals = _value(shown), len(shown.partition(".")[2])
        tolerance = 0.51 * 10.0**-decimals
        return any(abs(number * scale - value) <= tolerance for number in self._numbers for scale in scales)

    def know_clock(self, match: re.Match[str]) -> bool:
        """Whether a source names this time of day, in 24 or 12 hours."""
        return bool(set(_clocks(match)) & self._clocks)


def only_traced(text: str, sources: Sources) -> Traced:
    """The text without the sentences that hold an untraced figure."""
    left_out: list[str] = []
    lines: list[str] = []
    first_sentence: str | None = None
    for line in text.split("\n"):
        sentences = _SENTENCE.split(line)
        first_sentence = first_sentence if first_sentence is not None else sentences[0]
        kept = [sentence for sentence in sentences if _is_traced(sentence, sources)]
        left_out += [sentence for sentence in sentences if sentence not in kept]
        lines.append(" ".join(kept))
    shown = "\n".join(line for line in lines if line.strip())
    return Traced(shown, tuple(left_out), first_sentence in left_out)


def shown_in(text: str) -> Callable[[float | str | None], bool]:
    """A test whether a figure's value is shown in `text`: a number within the digits shown, a moment by its clock."""
    clocks = {clock for match in _CLOCK.finditer(text) for clock in _clocks(match)}
    plain = _MOMENT.sub(" ", text)
    numbers = [(_value(m[0]), len(m[0].partition(".")[2])) for m in _NUMBER.finditer(plain)]

    def shown(value: float | str | None) -> bool:
        if value is None:
            return False
        if isinstance(value, str):
            moment = _ISO.match(value)
            return (int(moment[1]), int(moment[2])) in clocks if moment else bool(value) and value in text
        size = abs(value)
        return any(
            abs(size * scale - abs(number)) <= 0.51 * 10.0**-decimals
            for number, decimals in numbers
            for scale in ((1.0, 0.001) if number else (1.0,))
        )

    return shown


def _is_traced(sentence: str, sources: Sources) -> bool:
    if _GENERAL.search(sentence) and not _OWN.search(sentence):
        return True  # said to be general knowledge, and not about this site
    without_clocks = _CLOCK.sub(" ", sentence)
    return (
        all(sources.know_clock(match) for match in _CLOCK.finditer(sentence))
        and all(sources.know_number(match["number"], match["unit"]) for match in _FIGURE.finditer(without_clocks))
        and all(sources.know_number(match["number"], "") for match in _PRICE.finditer(without_clocks))
    )


def _value(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))


def _clocks(match: re.Match[str]) -> list[tuple[int, int]]:
    hour, minute, half = int(match["hour"]) % 24, int(match["minute"]), (match["half"] or "").lower()[:1]
    if half:
        return [(hour % 12 + (12 if half == "p" else 0), minute)]
    return [(hour, minute)]
