"""A person's own alerts in plain words: "tell me when solar passes 8 kW". What makes no sense gets a question back.

They live in the same episodes as the built-in rules. Each clears a little back from its threshold, so that it does not
ring with noise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from energy.alerts.custom_words import USUAL_FOR_S, read_words
from energy.alerts.custom_words import Question as Question
from energy.alerts.levels import above, below
from energy.alerts.rule import Level, Rule, Signal
from energy.alerts.situation import Situation, oldest, sources
from energy.preferences import Preferences
from energy.reading import FIELDS, Kind
from energy.site import Site
from energy.units import format_percent, format_power, format_temperature

MOST_PER_PERSON = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomRule:
    """Tell when `sign * field` passes `threshold` (in the field's unit), upwards when `rising`.

    `for_s`: how long it must hold (s). `said` is what the person wrote. With `inclusive` it is enough to reach the
    threshold. `owner` is the person id of who asked ("" while nobody has it yet): what one person acknowledges or
    mutes is never another's, though both ask the same.
    """

    field: str
    sign: int
    rising: bool
    threshold: float
    for_s: float
    level: Level
    said: str
    inclusive: bool = False
    owner: str = ""

    @property
    def condition(self) -> str:
        """The same for the same condition, whatever its words: so nobody has one twice."""
        turned = "" if self.sign > 0 else "minus-"
        return f"custom:{turned}{self.field}:{_WAYS[self.rising, self.inclusive]}:{self.threshold:g}"

    @property
    def id(self) -> str:
        """The condition, with its `for` and level where they are not the usual, and whose it is."""
        held = "" if self.for_s == USUAL_FOR_S else f":{self.for_s:g}s"
        level = "" if self.level is Level.INFO else f":{self.level}"
        return f"{self.condition}{held}{level}{f':@{self.owner}' if self.owner else ''}"

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
        held = f" for {self.for_s / 60:g} min" if self.for_s != USUAL_FOR_S else ""
        return f"{_label(self)} {_passed(self, _amount(self))}{held}"

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


_WAYS = {(True, False): "over", (False, False): "under", (True, True): "least", (False, True): "most"}


def parse_custom(text: str) -> CustomRule | Question:
    """The rule that the words mean, or a question back where they are not clear. It never guesses a unit."""
    heard = read_words(text)
    if isinstance(heard, Question):
        return heard
    return CustomRule(
        field=heard.field,
        sign=heard.sign,
        rising=heard.rising,
        threshold=heard.threshold,
        for_s=heard.for_s,
        level=heard.level,
        said=" ".join(text.split()),
        inclusive=heard.inclusive,
    )


def added(rules: Sequence[CustomRule], new: CustomRule) -> tuple[CustomRule, ...] | Question:
    """A person's rules with one more; what to do instead when they have it already or have 20."""
    if any(rule.condition == new.condition for rule in rules):
        return Question(f"You already have an alert for {new.words}. /rules lists yours, to change or remove it.")
    if len(rules) >= MOST_PER_PERSON:
        return too_many()
    return (*rules, new)


def too_many() -> Question:
    """Says that the person has as many as one may have."""
    return Question(
        f"You have {MOST_PER_PERSON} alerts of your own, which is the most. Make room first: /rules lists yours, "
        "/rules remove N takes one away."
    )


def from_preferences(preferences: Preferences, site: Site, owner: str = "") -> tuple[CustomRule, ...]:
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
            owner=owner,
        )
        for name, mine, sites, level in own
        if mine > sites
    )


_ID = re.compile(
    r"custom:(?P<turned>minus-)?(?P<field>\w+):(?P<way>over|under|least|most):(?P<threshold>-?[\d.e+-]+)"
    r"(?::(?P<for>[\d.e+]+)s)?(?::(?:warning|critical))?(?::@(?P<owner>\S+))?"
)


def rule_from_id(rule_id: str, level: Level) -> Rule | None:
    """The rule that a custom id stands for, when nobody has it any more; None for what is no such id."""
    match = _ID.fullmatch(rule_id)
    if match is None or match["field"] not in FIELDS:
        return None
    rising, inclusive = next(each for each, way in _WAYS.items() if way == match["way"])
    return CustomRule(
        field=match["field"],
        sign=-1 if match["turned"] else 1,
        rising=rising,
        threshold=float(match["threshold"]),
        for_s=USUAL_FOR_S if match["for"] is None else float(match["for"]),
        level=level,
        said="",
        inclusive=inclusive,
        owner=match["owner"] or "",
    ).rule


def custom_signal(custom: CustomRule, s: Situation) -> Signal:
    """What a person's own rule sees; unknown while its figure is."""
    seen = s.seen(custom.field)
    if seen is None:
        return Signal(rule_id=custom.id, active=None)
    value, firing = custom.sign * seen.value, s.is_firing(custom.id)
    passed = above if custom.rising else below
    reached = custom.inclusive and not firing and value == custom.threshold
    label = _label(custom)[0].upper() + _label(custom)[1:]
    return Signal(
        rule_id=custom.id,
        active=reached or passed(value, firing, custom.threshold, custom.clear_at),
        devices=sources(seen),
        taken_at=oldest(seen),
        value=value,
        threshold=custom.threshold,
        unit=FIELDS[custom.field].unit,
        lower_is_worse=not custom.rising,
        what=f"{label} is {{value}}, {_passed(custom, '{threshold}')}.",
        waits=f"{label} was {_passed(custom, '{threshold}')}, and is barely back at {{value}}.",
        why=f'You asked: "{custom.said}".',
        chart=custom.field,
    )


def _passed(custom: CustomRule, amount: str) -> str:
    way = "over" if custom.rising else "under"
    return f"at {amount} or {way}" if custom.inclusive else f"{way} {amount}"


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
