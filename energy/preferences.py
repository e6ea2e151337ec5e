"""A person's preferences: their own limits, alerts and display. Never looser than the limits of the site.

Every refused value says what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Literal
from zoneinfo import ZoneInfo

from energy import preference_values as values
from energy.preference_values import PreferenceError as PreferenceError
from energy.preference_values import QuietHours as QuietHours
from energy.site import Site
from energy.units import Language, PowerUnit, TemperatureUnit, UnitPreferences, format_percent

MinerPriority = Literal["excess_solar", "always", "never"]
Group = Literal["battery", "alerts", "display"]

LANGUAGES = MappingProxyType({"en": "English", "de": "German", "es": "Spanish", "fr": "French"})


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a person prefers. `timezone` None is the site's; `quiet_hours` are local, and may pass midnight."""

    min_soc_pct: float = 30
    safe_min_soc_pct: float = 40
    safe_max_soc_pct: float = 80
    miner_priority: MinerPriority = "excess_solar"
    miner_min_soc_pct: float = 50
    alerts: bool = True
    email: str | None = None
    sms_number: str | None = None
    critical_only: bool = False
    quiet_hours: QuietHours | None = None
    alert_routes: tuple[str, ...] = ()  # the ways to the person in their order; () = the chat used last first
    timezone: str | None = None
    temperature_unit: TemperatureUnit = "C"
    power_unit: PowerUnit = "auto"
    date_language: Language = "en"
    brief_time: str = "usual"  # "07:30" local, "off", or what is usual for the role

    @property
    def units(self) -> UnitPreferences:
        """How figures are written for this person."""
        return UnitPreferences(self.power_unit, self.temperature_unit, language=self.date_language)

    @property
    def zone(self) -> ZoneInfo | None:
        """The person's own time zone, or None for the site's."""
        return None if self.timezone is None else ZoneInfo(self.timezone)


@dataclass(frozen=True, slots=True)
class PersonalLimits:
    """What binds a person's own commands: the stricter of the site's limits and their preferences."""

    min_soc_pct: float
    miner_min_soc_pct: float
    miner_priority: MinerPriority


def personal_limits(preferences: Preferences, site: Site) -> PersonalLimits:
    """The limits for this person's commands on this site; never looser than the site's."""
    limits = site.limits
    return PersonalLimits(
        min_soc_pct=max(limits.min_soc_pct, preferences.min_soc_pct),
        miner_min_soc_pct=max(limits.miner_min_soc_pct, preferences.miner_min_soc_pct),
        miner_priority=preferences.miner_priority,
    )


@dataclass(frozen=True, slots=True)
class PreferenceKind:
    """One preference as people see it: its key, its label, what is allowed, and the choices where there are few."""

    name: str
    label: str
    group: Group
    allowed: str
    parse: Callable[[str], Any]
    show: Callable[[Any], str]
    choices: tuple[str, ...] = ()
    also: tuple[str, ...] = ()  # other words for it


_SOC_FIELDS = ("min_soc_pct", "safe_min_soc_pct", "safe_max_soc_pct", "miner_min_soc_pct")
_ON_OFF = ("on", "off")
_PERCENT = "0 to 100 %"
PREFERENCES: tuple[PreferenceKind, ...] = (
    PreferenceKind(
        "min_soc_pct",
        "minimum SOC",
        "battery",
        _PERCENT,
        values.percent,
        format_percent,
        (),
        ("critical soc", "soc minimum"),
    ),
    PreferenceKind(
        "safe_min_soc_pct", "safe minimum SOC", "battery", _PERCENT, values.percent, format_percent, (), ("safe min",)
    ),
    PreferenceKind(
        "safe_max_soc_pct",
        "safe maximum SOC",
        "battery",
        _PERCENT,
        values.percent,
        format_percent,
        (),
        ("safe max", "max soc"),
    ),
    PreferenceKind(
        "miner_priority",
        "miner priority",
        "battery",
        "excess_solar, always or never",
        values.one_of("excess_solar", "always", "never", words={"excess": "excess_solar", "solar": "excess_solar"}),
        str,
        ("excess_solar", "always", "never"),
        ("priority", "miners priority", "mining priority"),
    ),
    PreferenceKind(
        "miner_min_soc_pct",
        "miner minimum SOC",
        "battery",
        _PERCENT,
        values.percent,
        format_percent,
        (),
        ("miners minimum", "mining minimum", "minimum soc for miners", "minimum soc for the miners"),
    ),
    PreferenceKind(
        "alerts", "alerts", "alerts", "on or off", values.flag, values.shown_flag, _ON_OFF, ("alerting", "alarms")
    ),
    PreferenceKind(
        "email",
        "email",
        "alerts",
        'an address, or "none"',
        values.email,
        values.shown_or_none,
        (),
        ("mail", "e mail", "email address"),
    ),
    PreferenceKind(
        "sms_number",
        "SMS number",
        "alerts",
        'a number with its country code, or "none"',
        values.phone,
        values.shown_or_none,
        (),
        ("sms", "phone", "phone number", "mobile", "cell"),
    ),
    PreferenceKind(
        "critical_only",
        "critical alerts only",
        "alerts",
        "on or off",
        values.flag,
        values.shown_flag,
        _ON_OFF,
        ("only critical",),
    ),
    PreferenceKind(
        "quiet_hours",
        "quiet hours",
        "alerts",
        'two local times such as 22:00-07:00, or "none"',
        values.quiet_hours,
        values.shown_quiet,
        (),
        ("quiet time", "do not disturb", "night rest"),
    ),
    PreferenceKind(
        "alert_routes",
        "ways for alerts",
        "alerts",
        f'some of {", ".join(values.ROUTES)} in the order to try them, or "none" for the chat used last',
        values.alert_routes,
        values.shown_routes,
        (),
        ("alert ways", "alert route", "routes", "ways", "channels", "alert channels", "ways to me"),
    ),
    PreferenceKind(
        "timezone",
        "time zone",
        "display",
        'a time zone such as America/Los_Angeles, or "site"',
        values.zone_name,
        lambda value: "the site's" if value is None else str(value),
        (),
        ("zone", "tz"),
    ),
    PreferenceKind(
        "temperature_unit",
        "temperature unit",
        "display",
        "C or F",
        values.one_of("C", "F", words={"celsius": "C", "fahrenheit": "F", "°c": "C", "°f": "F"}),
        lambda value: f"°{value}",
        ("C", "F"),
        ("temperature", "temperatures", "degrees", "fahrenheit", "celsius"),
    ),
    PreferenceKind(
        "power_unit",
        "power unit",
        "display",
        "auto, W or kW",
        values.one_of("auto", "W", "kW", words={"watt": "W", "watts": "W", "kilowatt": "kW", "kilowatts": "kW"}),
        str,
        ("auto", "W", "kW"),
        ("power", "powers", "watts", "kilowatts"),
    ),
    PreferenceKind(
        "date_language",
        "language of dates",
        "display",
        f"{', '.join(LANGUAGES)}; for the names of days and months",
        values.one_of(*LANGUAGES, words={name.lower(): code for code, name in LANGUAGES.items()}),
        lambda value: LANGUAGES.get(value, value),
        tuple(LANGUAGES),
        ("language", "date language", "dates", "locale"),
    ),
    PreferenceKind(
        "brief_time",
        "daily brief",
        "display",
        'a local time such as 07:30, "off", or "usual" (07:30 for owners and operators, off for viewers)',
        values.brief_time,
        values.shown_brief_time,
        (),
        ("brief", "daily report", "time of the brief", "morning report", "summary"),
    ),
)
_BY_NAME = MappingProxyType({kind.name: kind for kind in PREFERENCES})


def find_preference(words: str) -> PreferenceKind | None:
    """The preference that people call so ("min soc", "Minimum SOC", "timezone"), or None."""
    wanted = _plain(words)
    return next(
        (kind for kind in PREFERENCES if wanted in {_plain(w) for w in (kind.name, kind.label, *kind.also)}), None
    )


def _plain(words: str) -> str:
    text = re.sub(r"[^a-z ]", " ", words.lower())
    text = re.sub(r"\b(?:my|the|a|battery|batteries|pct|percent|level|limit|setting|preference)\b", " ", text)
    text = text.replace("minimum", "min").replace("maximum", "max").replace("state of charge", "soc")
    text = re.sub(r"\bminers\b", "miner", text)
    return re.sub(r"\s+", "", text)


def changed(preferences: Preferences, name: str, text: str) -> Preferences:
    """The preferences with one value changed, parsed from what a person wrote; "default" takes it back.

    Raises PreferenceError for a name that is none, a value that is not allowed, or SOC limits out of order.
    """
    kind = _BY_NAME.get(name)
    if kind is None:
        raise PreferenceError(f'there is no preference "{name[:40]}"; there are {", ".join(_BY_NAME)}')
    written = " ".join(text.split())
    if written.lower() == "default":
        value = getattr(Preferences(), name)
    else:
        try:
            value = kind.parse(written)
        except PreferenceError as error:
            raise PreferenceError(f'{kind.label}: "{written[:40]}" is not allowed; {error}') from error
    after = replace(preferences, **{name: value})
    if name in _SOC_FIELDS:
        _check_order(after)
    return after


def _check_order(p: Preferences) -> None:
    if not p.min_soc_pct <= p.safe_min_soc_pct < p.safe_max_soc_pct:
        raise PreferenceError(
            f"minimum SOC ({format_percent(p.min_soc_pct)}) must be at most the safe minimum "
            f"({format_percent(p.safe_min_soc_pct)}), and that below the safe maximum "
            f"({format_percent(p.safe_max_soc_pct)}); change the other one first"
        )
    if p.miner_min_soc_pct < p.min_soc_pct:
        raise PreferenceError(
            f"miner minimum SOC ({format_percent(p.miner_min_soc_pct)}) must be at least the minimum SOC "
            f"({format_percent(p.min_soc_pct)}); change that one first"
        )


def shown(preferences: Preferences, name: str) -> str:
    """A preference's value as people read it."""
    return _BY_NAME[name].show(getattr(preferences, name))


def to_mapping(preferences: Preferences) -> dict[str, Any]:
    """Plain data of what differs from the defaults, from which `preferences_from` rebuilds them."""
    usual = Preferences()
    kept = {f.name: getattr(preferences, f.name) for f in fields(Preferences)}
    plain = {name: value for name, value in kept.items() if value != getattr(usual, name)}
    if preferences.alert_routes:
        plain["alert_routes"] = values.shown_routes(preferences.alert_routes)
    if preferences.quiet_hours is not None:
        plain["quiet_hours"] = values.shown_quiet(preferences.quiet_hours)
    return plain


def preferences_from(stored: Mapping[str, Any]) -> Preferences:
    """The preferences out of stored data. A key or value that this version does not know is left at its default."""
    found = Preferences()
    for name, value in stored.items():
        kind = _BY_NAME.get(name)
        if kind is None:
            continue
        try:
            text = values.shown_flag(value) if isinstance(value, bool) else "none" if value is None else str(value)
            found = replace(found, **{name: kind.parse(text)})
        except PreferenceError:
            continue
    try:
        _check_order(found)
    except PreferenceError:
        usual = Preferences()
        found = replace(found, **{name: getattr(usual, name) for name in _SOC_FIELDS})
    return found
