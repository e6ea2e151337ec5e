"""What plain words ask for: "tell me when solar passes 8 kW" is one figure against one limit.

Every word has to be understood: what is left over may turn the meaning round ("without miners", "in the evening"), so
it gets a question and no rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from energy.alerts.rule import Level
from energy.reading import FIELDS, Kind

LONGEST_TEXT = 200
USUAL_FOR_S = 60.0
_FOR_AT_MOST_S = 24 * 3_600.0


@dataclass(frozen=True, slots=True)
class Question:
    """What we need to know before there can be a rule."""

    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the words mean, as the fields of a CustomRule."""

    field: str
    sign: int
    rising: bool
    inclusive: bool
    threshold: float
    for_s: float
    level: Level


_LOW_SOC_PCT = 50.0  # a battery that "reaches" so little may come from above
_LOW_C = 10.0
_EXAMPLE = '"tell me when solar passes 8 kW" or "warn me if the battery drops below 45 %"'
_OF_BATTERY = ("soc_pct", "battery_charge_w", "battery_voltage_v", "battery_temperature_c")
_SUBJECTS: tuple[tuple[str, str, int], ...] = (  # the longer words first: "battery voltage" is no "battery"
    (r"battery temperature|temperature of the battery|battery temp|temperature|temp", "battery_temperature_c", 1),
    (r"battery voltage|voltage of the battery|voltage|volts", "battery_voltage_v", 1),
    (r"discharges?|discharging|battery discharges?|battery output", "battery_charge_w", -1),
    (r"battery charge power|battery charges?|charge power|charging", "battery_charge_w", 1),
    (r"grid exports?|exports?|exporting|feed[- ]in", "grid_import_w", -1),
    (r"grid imports?|imports?|importing|grid power|grid", "grid_import_w", 1),
    (r"solar|pv|sun|panels?|production|generation", "solar_w", 1),
    (r"generator|genset", "generator_w", 1),
    (r"miners?|mining|miner power", "miner_w", 1),
    (r"load|consumption|usage|demand|house|we use|uses?|using", "load_w", 1),
    (r"battery|batteries|bank|soc|state of charge|charge level|charge", "soc_pct", 1),
    (r"battery|batteries|bank", "battery_voltage_v", 1),  # the unit decides
    (r"battery|batteries|bank", "battery_temperature_c", 1),
)
_NOT_THE_BATTERY = (
    r"grid|solar|panels?|pv|generator|miners?|house|outside|room|inverter|ac|cells?|outdoors?|ambient|air|weather|water"
)
_QUALIFIED = re.compile(
    r"\b(?:at night|by night|during|tonight|tomorrow|today|after|before|until|daily|at noon|average|a day|"
    r"per day|on (?:week|mon|tue|wed|thu|fri|sat|sun)\w*|(?:in|within) \d+ ?\w+)\b"
)
_NOT_AT_ALL = re.compile(r"(?:please )?(?:don't|do not|never|stop|forget|remove)\b")
_NEGATED = re.compile(r"n't\b|\b(?:not|never|no longer|no more|any ?more|cannot|stop\w*|cease\w*|quit\w*)\b")
_NEUTRAL = r"is|are|goes|go|gets?|stays?|remains?|comes?"
_UP = r"rises?|climbs?|grows?|increases?|jumps?"
_DOWN = r"drops?|falls?|sinks?|decreases?|dips?"
_OVER = r"above|over|past|beyond|more than|higher than|greater than|>"
_UNDER = r"below|under|less than|lower than|<"
_CONDITION = re.compile(
    r"(?:(?<![a-z])|(?=[<>]))(?:"
    rf"(?P<over>passes|exceeds|(?:(?:{_NEUTRAL}|{_UP}) )?(?:{_OVER})(?!=))"
    rf"|(?P<under>(?:(?:{_NEUTRAL}|{_DOWN}) )?(?:{_UNDER})(?!=))"
    rf"|(?P<least>(?:(?:{_NEUTRAL}) )?at least|>=|(?:{_UP})(?: up)? to)"
    rf"|(?P<most>(?:(?:{_NEUTRAL}) )?at most|<=|(?:{_DOWN})(?: down)? to)"
    r"|(?P<reaches>reach(?:es)?|hits?|(?:goes|gets?|comes?)(?: up)? to)"
    r")\s*(?P<number>[-−]?\d[\d,.]*)\s*"
    r"(?P<unit>kw|kilowatts?|w|watts?|%|percent|pct|v|volts?|°?\s?[cf]|degrees(?: [cf])?|celsius|fahrenheit)?(?![a-z])"
)
_FOR = re.compile(
    r"\bfor (?:more than |at least |over )?(?P<many>\d+(?:\.\d+)?|half an?|an?|one) ?"
    r"(?P<unit>s|sec\w*|m|min\w*|h|hours?|hrs?|days?|d)\b"
)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_FILLERS = re.compile(
    r"\b(?:an? (?:alert|alarm|message|warning|note)|critical|urgent|urgently|emergency|warning|wake|up|warn|alert|"
    r"alarm|notify|tell|told|let|know|message|ping|text|send|give|inform|informed|like|want|would|i'd|i|to|be|hear|"
    r"about|me|us|please|pls|hey|hi|ok|okay|can|could|you|when|whenever|if|once|as soon as|every time|each time|it|"
    r"the|our|my|we|of|at|is|are|has|have|draws?|drawing|produces?|producing|makes?|making|gives?|delivers?|runs?|"
    r"running|takes?|power|output|level|value|reading|total|current|currently|now)\b"
)
_UNIT_KINDS = {"k": Kind.POWER, "w": Kind.POWER, "%": Kind.PERCENT, "p": Kind.PERCENT, "v": Kind.VOLTAGE}
_UNIT_WORDS = {Kind.POWER: "W or kW", Kind.PERCENT: "%", Kind.VOLTAGE: "V", Kind.TEMPERATURE: "°C or °F"}


def read_words(text: str) -> Heard | Question:
    """What the words ask for, or a question back where they are not clear. It never guesses a unit."""
    said = " ".join(text.split())
    if len(said) > LONGEST_TEXT:
        return Question(f"That is long. Can you say it in one sentence, such as {_EXAMPLE}?")
    words = said.lower().replace("’", "'").strip(" .!?")
    held = _FOR.search(words)
    words = _FOR.sub(" ", words)
    if re.search(r"\bbetween\b", words):
        return Question("I watch one limit at a time. Above or below what value first? Two alerts make a range.")
    found = list(_CONDITION.finditer(words))
    if not found:
        return _no_condition(words)
    if len(found) > 1 or re.search(r"\b(?:and|or|unless|while)\b", words):
        return Question("I can watch one figure against one limit. Which one first? The other can be a second alert.")
    match = found[0]
    if _NOT_AT_ALL.match(words) or _QUALIFIED.search(words):
        return Question("I watch a figure at all hours, as it is measured. Shall I? Then say it without the rest.")
    if _NEGATED.search(words):
        return Question(f"Can you say it without a not? Over or under what value shall I tell you, such as {_EXAMPLE}?")
    before = words[: match.start()]
    subject = _subject(before, words, match["unit"])
    if isinstance(subject, Question):
        return subject
    label, field, sign, pattern = subject
    threshold = _threshold(field, label, match["number"], match["unit"])
    if isinstance(threshold, Question):
        return threshold
    odd = _left_over(f"{before} , {words[match.end() :]}", field, pattern)
    if odd is not None:
        return odd
    rising = not (match["under"] or match["most"])
    inclusive = not (match["over"] or match["under"])
    refused = _both_ways(match, field, label, threshold) or _never_told(
        field, sign, label, threshold, rising, inclusive
    )
    for_s = USUAL_FOR_S if held is None else _seconds(held)
    if refused is None and for_s > _FOR_AT_MOST_S:
        refused = Question("It can hold for a day at the most. For how many minutes or hours should it?")
    return refused or Heard(
        field=field,
        sign=sign,
        rising=rising,
        inclusive=inclusive,
        threshold=threshold,
        for_s=for_s,
        level=_level(words),
    )


def _seconds(held: re.Match[str]) -> float:
    many = held["many"]
    count = 0.5 if many.startswith("half") else float(many) if many[0].isdigit() else 1.0
    return count * _SECONDS[held["unit"][0]]


def _no_condition(words: str) -> Question:
    if re.search(r"\b(?:outage|grid (?:goes|is) (?:down|off|out)|power (?:cut|fails?))\b", words):
        return Question("Outages are told anyway. Is there a figure that you want watched, too?")
    subject = _subject(words, words, None)
    if isinstance(subject, Question):
        return Question(f"Which figure should I watch, and against what limit? For example {_EXAMPLE}.")
    unit = _UNIT_WORDS[FIELDS[subject[1]].kind]
    return Question(f"Above or below what value of {subject[0]} (in {unit}) should I tell you?")


def _subject(before: str, words: str, unit: str | None) -> tuple[str, str, int, str] | Question:
    """The words, the field, its sign and its pattern. Of several, the first that is measured in that unit."""
    named = [
        (match[0], field, sign, pattern)
        for pattern, field, sign in _SUBJECTS
        if (match := re.search(rf"\b(?:{pattern})\b", before)) is not None
    ]
    if not named:
        return Question("Which figure is it: solar, load, battery (SOC), voltage, temperature, grid or generator?")
    kind = None if unit is None else _kind(unit)
    chosen = next((each for each in named if FIELDS[each[1]].kind is kind), named[0])
    if FIELDS[chosen[1]].kind in (Kind.VOLTAGE, Kind.TEMPERATURE) and re.search(rf"\b(?:{_NOT_THE_BATTERY})\b", words):
        return Question("I know the battery's voltage and temperature, and no others. Do you mean the battery's?")
    return chosen


def _left_over(words: str, field: str, pattern: str) -> Question | None:
    """A question where a word is neither the subject nor a filler: it may change what is meant."""
    words = re.sub(rf"\b(?:{pattern})\b", " ", words)
    if field in _OF_BATTERY:
        words = re.sub(r"\b(?:battery|batteries|bank)\b", " ", words)
    left = re.findall(r"[^\W_][^\W_']*(?:'\w+)?", _FILLERS.sub(" ", words))
    if not left:
        return None
    if left[0] == "for":
        return Question('I cannot read how long it should hold. For how many minutes or hours, such as "for 10 min"?')
    if field == "miner_w":
        return Question("I watch what all miners draw together, at all hours. Over or under what value of that?")
    return Question(
        f'What does "{" ".join(left[:3])}" mean for it? I watch one figure against one limit; say it without the rest, '
        f"such as {_EXAMPLE}."
    )


def _both_ways(match: re.Match[str], field: str, label: str, threshold: float) -> Question | None:
    """A question where what is reached may be reached from either side."""
    kind = FIELDS[field].kind
    unclear = kind is Kind.VOLTAGE or (kind is Kind.PERCENT and threshold <= _LOW_SOC_PCT)
    if not match["reaches"] or not (unclear or (kind is Kind.TEMPERATURE and threshold <= _LOW_C)):
        return None
    named = "the battery" if field == "soc_pct" else label
    amount = f"{threshold:g} {FIELDS[field].unit}"
    return Question(f"Should I tell you when {named} falls to {amount}, or when it rises to it?")


def _never_told(field: str, sign: int, label: str, threshold: float, rising: bool, inclusive: bool) -> Question | None:
    """A question where the limit can never be passed, or always is."""
    bounds = sorted((sign * FIELDS[field].minimum, sign * FIELDS[field].maximum))
    end, start = (bounds[1], bounds[0]) if rising else (bounds[0], bounds[1])
    if threshold == end and not inclusive:
        return Question(f"{label.capitalize()} never gets beyond that. Which value do you mean?")
    if threshold == start and inclusive:
        return Question(f"{label.capitalize()} is always so. Which value do you mean?")
    return None


def _kind(unit: str) -> Kind:
    return _UNIT_KINDS.get(unit[:1], Kind.TEMPERATURE)


def _threshold(field: str, label: str, number: str, unit: str | None) -> float | Question:
    kind = FIELDS[field].kind
    if unit is None:
        return Question(f"{number} of what? Please give {label} in {_UNIT_WORDS[kind]}.")
    if _kind(unit) is not kind:
        return Question(f"{label.capitalize()} is measured in {_UNIT_WORDS[kind]}. Which value do you mean?")
    unit = unit.replace("°", "").replace("degrees", "").strip()
    value = _value(number)
    if value is None:
        return Question(f'I cannot read "{number}" as a number. Can you write it like 8000 or 8.5?')
    if unit.startswith("w") and re.fullmatch(r"[-−]?\d{1,3}(?:\.\d{3})+", number):
        return Question(f"Is {number} W {value:g} W, or {number.replace('.', '')} W? Please write it without the dot.")
    if kind is Kind.POWER and unit.startswith("k"):
        value *= 1_000
    if kind is Kind.TEMPERATURE:
        if not unit:
            return Question(f"{number} degrees Celsius or Fahrenheit?")
        value = round((value - 32) * 5 / 9, 2) if unit.startswith("f") else value
    lowest, highest = FIELDS[field].minimum, FIELDS[field].maximum
    if not max(lowest, 0.0 if kind is Kind.POWER else lowest) <= value <= highest:
        return Question(f"{label.capitalize()} never gets there. Which value do you mean?")
    return value


def _value(number: str) -> float | None:
    text = number.replace("−", "-").rstrip(".,")
    text = re.sub(r",(?=\d{3}(?:\D|$))", "", text).replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None


def _level(words: str) -> Level:
    if re.search(r"\b(?:critical|urgent|urgently|emergency|wake (?:me|us))\b", words):
        return Level.CRITICAL
    return Level.WARNING if re.search(r"\b(?:warn|alarm|alert)\b", words) else Level.INFO
