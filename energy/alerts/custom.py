"""A person's own alerts in plain words: "tell me when solar passes 8 kW". What makes no sense gets a question back.

They live in the same episodes as the built-in rules. Each clears a little back from its threshold, so that it does not
ring with noise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from energy.alerts.levels import above, below
from energy.alerts.rule import Level, Rule, Signal
from energy.alerts.situation import Situation, oldest, sources
from energy.preferences import Preferences
from energy.reading import FIELDS, Kind
from energy.site import Site
from energy.units import format_percent, format_power, format_temperature

MOST_PER_PERSON = 20
LONGEST_TEXT = 200
_FOR_AT_MOST_S = 24 * 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomRule:
    """Tell when `sign * field` passes `threshold` (in the field's unit), upwards when `rising`.

    `for_s`: how long it must hold (s). `said` is what the person wrote.
    """

    field: str
    sign: int
    rising: bool
    threshold: float
    for_s: float
    level: Level
    said: str

    @property
    def condition(self) -> str:
        """The same for the same condition, whatever its words: so nobody has one twice."""
        turned = "" if self.sign > 0 else "minus-"
        return f"custom:{turned}{self.field}:{'over' if self.rising else 'under'}:{self.threshold:g}"

    @property
    def id(self) -> str:
        """The condition, with its `for` and level where they are not the usual: people who ask the same share it."""
        held = "" if self.for_s == _USUAL_FOR_S else f":{self.for_s:g}s"
        return f"{self.condition}{held}{'' if self.level is Level.INFO else f':{self.level}'}"

    @property
    def clear_at(self) -> float:
        """Where it clears: 2 % SOC, 0.3 V, 1 °C, or 5 % and at least 100 W back from the threshold."""
        kind = FIELDS[self.field].kind
        back = {Kind.PERCENT: 2.0, Kind.VOLTAGE: 0.3, Kind.TEMPERATURE: 1.0}.get(
            kind, max(0.05 * abs(self.threshold), 100.0)
        )
        return self.threshold - back if self.rising else self.threshold + back

    @property
    def words(self) -> str:
        """The condition in words: "solar over 8.00 kW for 10 min"."""
        held = f" for {self.for_s / 60:g} min" if self.for_s != _USUAL_FOR_S else ""
        return f"{_label(self)} {'over' if self.rising else 'under'} {_amount(self)}{held}"

    @property
    def rule(self) -> Rule:
        """It as a rule among the others."""
        return Rule(
            id=self.id,
            level=self.level,
            title=self.words[0].upper() + self.words[1:],
            cleared=f"No longer {self.words}",
            for_s=self.for_s,
            keep_firing_s=300.0,
            cooldown_s=900.0,
            group="custom",
        )


@dataclass(frozen=True, slots=True)
class Question:
    """What we need to know before there can be a rule."""

    says: str


_USUAL_FOR_S = 60.0
_LOW_SOC_PCT = 50.0  # a battery that "reaches" so little may come from above
_EXAMPLE = '"tell me when solar passes 8 kW" or "warn me if the battery drops below 45 %"'
_SUBJECTS: tuple[tuple[str, str, int], ...] = (  # the longer words first: "battery voltage" is no "battery"
    (r"battery temperature|temperature of the battery|battery temp|temperature|temp", "battery_temperature_c", 1),
    (r"battery voltage|voltage of the battery|voltage|volts", "battery_voltage_v", 1),
    (r"discharge|discharging|battery discharges?|battery output", "battery_charge_w", -1),
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
_NOT_THE_BATTERY = r"grid|solar|panels?|pv|generator|miners?|house|outside|room|inverter|ac"
_QUALIFIED = re.compile(
    r"\b(?:at night|by night|during|between|tonight|tomorrow|today|after|before|until|daily|at noon|average|a day|"
    r"per day|on (?:week|mon|tue|wed|thu|fri|sat|sun)\w*|(?:in|within) \d+ ?\w+|not|never|don't|stop|forget|remove)\b"
)
_RISING = (
    r"passes|exceeds|rises? above|goes (?:above|over)|gets? (?:above|over)|is (?:above|over)|climbs? (?:above|over)|"
    r"reaches|hits|more than|at least|higher than|greater than|above|over|>=?"
)
_FALLING = r"(?:drops?|falls?|goes|sinks?|gets?|is) (?:below|under|to)|less than|lower than|at most|below|under|<=?"
_UNIT = r"kw|kilowatts?|w|watts?|%|percent|pct|v|volts?|°?\s?[cf]|degrees(?: [cf])?|celsius|fahrenheit"
_CONDITION = re.compile(
    rf"(?:(?<![a-z])|(?=[<>]))(?:(?P<rising>{_RISING})|(?P<falling>{_FALLING}))\s*"
    rf"(?P<number>[-−]?\d[\d,.]*)\s*(?P<unit>{_UNIT})?(?![a-z])"
)
_FOR = re.compile(r"\bfor (?:more than |at least )?(\d+(?:\.\d+)?) ?(s|sec\w*|m|min\w*|h|hours?|hrs?)\b")
_UNIT_KINDS = {"k": Kind.POWER, "w": Kind.POWER, "%": Kind.PERCENT, "p": Kind.PERCENT, "v": Kind.VOLTAGE}
_UNIT_WORDS = {Kind.POWER: "W or kW", Kind.PERCENT: "%", Kind.VOLTAGE: "V", Kind.TEMPERATURE: "°C or °F"}


def parse_custom(text: str) -> CustomRule | Question:
    """The rule that the words mean, or a question back where they are not clear. It never guesses a unit."""
    said = " ".join(text.split())
    if len(said) > LONGEST_TEXT:
        return Question(f"That is long. Can you say it in one sentence, such as {_EXAMPLE}?")
    words = said.lower().replace("’", "'").strip(" .!?")
    held = _FOR.search(words)
    words = _FOR.sub(" ", words)
    found = list(_CONDITION.finditer(words))
    if not found:
        return _no_condition(words)
    if len(found) > 1 or re.search(r"\b(?:and|or|unless|while)\b", words):
        return Question("I can watch one figure against one limit. Which one first? The other can be a second alert.")
    match = found[0]
    if _QUALIFIED.search(words):
        return Question("I watch a figure at all hours, as it is measured. Shall I? Then say it without the rest.")
    subject = _subject(words[: match.start()], match["unit"])
    if isinstance(subject, Question):
        return subject
    label, field, sign = subject
    threshold = _threshold(field, label, match["number"], match["unit"])
    if isinstance(threshold, Question):
        return threshold
    if field == "soc_pct" and match["rising"] in ("reaches", "hits") and threshold <= _LOW_SOC_PCT:
        return Question(f"Should I tell you when the battery falls to {threshold:g} %, or when it rises to it?")
    rising = match["rising"] is not None
    for_s = _USUAL_FOR_S if held is None else float(held[1]) * {"s": 1, "m": 60, "h": 3_600}[held[2][0]]
    if for_s > _FOR_AT_MOST_S:
        return Question("It can hold for a day at the most. For how many minutes or hours should it?")
    return CustomRule(
        field=field, sign=sign, rising=rising, threshold=threshold, for_s=for_s, level=_level(words), said=said
    )


def added(rules: Sequence[CustomRule], new: CustomRule) -> tuple[CustomRule, ...] | Question:
    """A person's rules with one more; a question when they have it already or have 20."""
    if any(rule.condition == new.condition for rule in rules):
        return Question(f"You already have an alert for {new.words}. Shall I change or remove it?")
    if len(rules) >= MOST_PER_PERSON:
        return Question(f"You have {len(rules)} alerts of your own, which is the most. Which one shall I remove?")
    return (*rules, new)


def from_preferences(preferences: Preferences, site: Site) -> tuple[CustomRule, ...]:
    """What a person's own battery limits ask for beyond the site's: only where they are stricter."""
    own = (
        ("minimum SOC", preferences.min_soc_pct, site.limits.min_soc_pct, Level.CRITICAL),
        ("safe minimum SOC", preferences.safe_min_soc_pct, site.limits.safe_min_soc_pct, Level.WARNING),
    )
    return tuple(
        CustomRule(
            field="soc_pct",
            sign=1,
            rising=False,
            threshold=mine,
            for_s=300.0,
            level=level,
            said=f"your own {name} of {mine:g} %",
        )
        for name, mine, sites, level in own
        if mine > sites
    )


_ID = re.compile(
    r"custom:(?P<turned>minus-)?(?P<field>\w+):(?P<way>over|under):(?P<threshold>-?[\d.e+-]+)(?::(?P<for>[\d.e+]+)s)?"
    r"(?::(?:warning|critical))?"
)


def rule_from_id(rule_id: str, level: Level) -> Rule | None:
    """The rule that a custom id stands for, when nobody has it any more; None for what is no such id."""
    match = _ID.fullmatch(rule_id)
    if match is None or match["field"] not in FIELDS:
        return None
    return CustomRule(
        field=match["field"],
        sign=-1 if match["turned"] else 1,
        rising=match["way"] == "over",
        threshold=float(match["threshold"]),
        for_s=_USUAL_FOR_S if match["for"] is None else float(match["for"]),
        level=level,
        said="",
    ).rule


def custom_signal(custom: CustomRule, s: Situation) -> Signal:
    """What a person's own rule sees; unknown while its figure is."""
    seen = s.seen(custom.field)
    if seen is None:
        return Signal(rule_id=custom.id, active=None)
    value, firing = custom.sign * seen.value, s.is_firing(custom.id)
    passed = above if custom.rising else below
    return Signal(
        rule_id=custom.id,
        active=passed(value, firing, custom.threshold, custom.clear_at),
        devices=sources(seen),
        taken_at=oldest(seen),
        value=value,
        threshold=custom.threshold,
        unit=FIELDS[custom.field].unit,
        lower_is_worse=not custom.rising,
        what=f"{_label(custom)[0].upper()}{_label(custom)[1:]} is {{value}}, "
        f"{'over' if custom.rising else 'under'} {{threshold}}.",
        waits=f"{_label(custom)[0].upper()}{_label(custom)[1:]} was {'over' if custom.rising else 'under'} "
        "{threshold}, and is barely back at {value}.",
        why=f'You asked: "{custom.said}".',
        chart=custom.field,
    )


def _no_condition(words: str) -> Question:
    if re.search(r"\b(?:outage|grid (?:goes|is) (?:down|off|out)|power (?:cut|fails?))\b", words):
        return Question("Outages are told anyway. Is there a figure that you want watched, too?")
    subject = _subject(words, None)
    if isinstance(subject, Question):
        return Question(f"Which figure should I watch, and against what limit? For example {_EXAMPLE}.")
    unit = _UNIT_WORDS[FIELDS[subject[1]].kind]
    return Question(f"Above or below what value of {subject[0]} (in {unit}) should I tell you?")


def _subject(words: str, unit: str | None) -> tuple[str, str, int] | Question:
    """The words, the field and its sign. Of several that may be meant, the first that is measured in that unit."""
    named = [
        (match[0], field, sign)
        for pattern, field, sign in _SUBJECTS
        if (match := re.search(rf"\b(?:{pattern})\b", words)) is not None
    ]
    if not named:
        return Question("Which figure is it: solar, load, battery (SOC), voltage, temperature, grid or generator?")
    kind = None if unit is None else _kind(unit)
    chosen = next((each for each in named if FIELDS[each[1]].kind is kind), named[0])
    if FIELDS[chosen[1]].kind in (Kind.VOLTAGE, Kind.TEMPERATURE) and re.search(rf"\b(?:{_NOT_THE_BATTERY})\b", words):
        return Question("I know the battery's voltage and temperature, and no others. Do you mean the battery's?")
    return chosen


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
    if re.search(r"\b(?:critical|urgent|emergency|wake me)\b", words):
        return Level.CRITICAL
    return Level.WARNING if re.search(r"\b(?:warn|alarm|alert)\b", words) else Level.INFO


def _label(custom: CustomRule) -> str:
    turned = {"battery_charge_w": "battery discharge", "grid_import_w": "grid export"}
    return turned[custom.field] if custom.sign < 0 else FIELDS[custom.field].label.lower()


def _amount(custom: CustomRule) -> str:
    kind = FIELDS[custom.field].kind
    if kind is Kind.POWER:
        return format_power(custom.threshold)
    if kind is Kind.PERCENT:
        return format_percent(custom.threshold)
    return format_temperature(custom.threshold) if kind is Kind.TEMPERATURE else f"{custom.threshold:g} V"
