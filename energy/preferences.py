"""A person's preferences: their own limits, alerts and display. Never looser than the limits of the site.

Every refused value says what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import time
from types import MappingProxyType
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from energy.site import Site
from energy.units import Language, PowerUnit, TemperatureUnit, UnitPreferences, format_percent

MinerPriority = Literal["excess_solar", "always", "never"]
Group = Literal["battery", "alerts", "display"]
QuietHours = tuple[time, time]

LANGUAGES = MappingProxyType({"en": "English", "de": "German", "es": "Spanish", "fr": "French"})


class PreferenceError(ValueError):
    """A value that is not allowed; the message says what is."""


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
    timezone: str | None = None
    temperature_unit: TemperatureUnit = "C"
    power_unit: PowerUnit = "auto"
    date_language: Language = "en"

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
_YES = ("yes", "on", "true", "1", "y")
_NO = ("no", "off", "false", "0", "n")
_NO_PLACES = ("localtime", "posixrules", "Factory")  # files of the zone database that name no place
_NONE = ("none", "off", "no", "nothing", "never", "-", "")


def _percent(text: str) -> float:
    match = re.fullmatch(r"(\d{1,3}(?:[.,]\d+)?)\s*(?:%|percent|pct)?", text)
    value = float(match[1].replace(",", ".")) if match else -1.0
    if not 0 <= value <= 100:
        raise PreferenceError("it must be a percentage from 0 to 100")
    return value


def _flag(text: str) -> bool:
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise PreferenceError("it must be on or off")


def _one_of(*allowed: str, words: Mapping[str, str] | None = None) -> Callable[[str], str]:
    known = {value.lower().replace("_", " "): value for value in allowed} | dict(words or {})

    def parse(text: str) -> str:
        found = known.get(text.lower().replace("_", " ").replace("-", " "))
        if found is None:
            raise PreferenceError(f"it must be one of {', '.join(allowed)}")
        return found

    return parse


def _email(text: str) -> str | None:
    if text.lower() in _NONE:
        return None
    if len(text) > 254 or not re.fullmatch(r"[^\s@<>,;\"]{1,64}@[^\s@<>,;\"]+\.[A-Za-z]{2,}", text):
        raise PreferenceError('it must be an address such as ann@example.org, or "none"')
    return text


def _phone(text: str) -> str | None:
    if text.lower() in _NONE:
        return None
    digits = re.sub(r"[\s().-]", "", text)
    if not re.fullmatch(r"\+[1-9]\d{6,14}", digits):
        raise PreferenceError('it must be a number with its country code, such as +14155550123, or "none"')
    return digits


def _quiet(text: str) -> QuietHours | None:
    if text.lower() in _NONE:
        return None
    parts = re.split(r"\s*(?:-|–|to|until)\s*", text.lower().removeprefix("from "))
    clocks = [_clock(part) for part in parts]
    if len(clocks) != 2 or None in clocks or clocks[0] == clocks[1]:
        raise PreferenceError('it must be two local times such as 22:00-07:00, or "none"')
    return cast(QuietHours, (clocks[0], clocks[1]))


def _clock(text: str) -> time | None:
    match = re.fullmatch(r"(\d{1,2})(?::(\d{2}))?\s*(am|pm)?", text.strip())
    if match is None:
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    if match[3] is not None:
        hour = hour % 12 + (12 if match[3] == "pm" else 0) if 1 <= hour <= 12 else 99
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _zone(text: str) -> str | None:
    if text.lower() in (*_NONE, "site", "the site's"):
        return None
    name = text.strip().replace(" ", "_")
    try:
        if name not in _NO_PLACES:
            return ZoneInfo(name).key
    except (
        ZoneInfoNotFoundError,
        ValueError,
        OSError,
    ):  # a folder of zones is an OSError; perhaps only the case differs
        found = next((zone for zone in available_timezones() if zone.lower() == name.lower()), None)
        if found is not None:
            return found
    raise PreferenceError('it must be a time zone such as America/Los_Angeles or Europe/Berlin, or "site"')


def _shown_flag(value: bool) -> str:
    return "on" if value else "off"


def _shown_or_none(value: object) -> str:
    return "none" if value is None else str(value)


def _shown_quiet(value: QuietHours | None) -> str:
    return "none" if value is None else f"{value[0]:%H:%M}-{value[1]:%H:%M}"


_ON_OFF = ("on", "off")
_PERCENT = "0 to 100 %"
PREFERENCES: tuple[PreferenceKind, ...] = (
    PreferenceKind(
        "min_soc_pct", "minimum SOC", "battery", _PERCENT, _percent, format_percent, (), ("critical soc", "soc minimum")
    ),
    PreferenceKind(
        "safe_min_soc_pct", "safe minimum SOC", "battery", _PERCENT, _percent, format_percent, (), ("safe min",)
    ),
    PreferenceKind(
        "safe_max_soc_pct",
        "safe maximum SOC",
        "battery",
        _PERCENT,
        _percent,
        format_percent,
        (),
        ("safe max", "max soc"),
    ),
    PreferenceKind(
        "miner_priority",
        "miner priority",
        "battery",
        "excess_solar, always or never",
        _one_of("excess_solar", "always", "never", words={"excess": "excess_solar", "solar": "excess_solar"}),
        str,
        ("excess_solar", "always", "never"),
        ("priority", "miners priority", "mining priority"),
    ),
    PreferenceKind(
        "miner_min_soc_pct",
        "miner minimum SOC",
        "battery",
        _PERCENT,
        _percent,
        format_percent,
        (),
        ("miners minimum", "mining minimum", "minimum soc for miners", "minimum soc for the miners"),
    ),
    PreferenceKind("alerts", "alerts", "alerts", "on or off", _flag, _shown_flag, _ON_OFF, ("alerting", "alarms")),
    PreferenceKind(
        "email",
        "email",
        "alerts",
        'an address, or "none"',
        _email,
        _shown_or_none,
        (),
        ("mail", "e mail", "email address"),
    ),
    PreferenceKind(
        "sms_number",
        "SMS number",
        "alerts",
        'a number with its country code, or "none"',
        _phone,
        _shown_or_none,
        (),
        ("sms", "phone", "phone number", "mobile", "cell"),
    ),
    PreferenceKind(
        "critical_only", "critical alerts only", "alerts", "on or off", _flag, _shown_flag, _ON_OFF, ("only critical",)
    ),
    PreferenceKind(
        "quiet_hours",
        "quiet hours",
        "alerts",
        'two local times such as 22:00-07:00, or "none"',
        _quiet,
        _shown_quiet,
        (),
        ("quiet time", "do not disturb", "night rest"),
    ),
    PreferenceKind(
        "timezone",
        "time zone",
        "display",
        'a time zone such as America/Los_Angeles, or "site"',
        _zone,
        lambda value: "the site's" if value is None else str(value),
        (),
        ("zone", "tz"),
    ),
    PreferenceKind(
        "temperature_unit",
        "temperature unit",
        "display",
        "C or F",
        _one_of("C", "F", words={"celsius": "C", "fahrenheit": "F", "°c": "C", "°f": "F"}),
        lambda value: f"°{value}",
        ("C", "F"),
        ("temperature", "temperatures", "degrees", "fahrenheit", "celsius"),
    ),
    PreferenceKind(
        "power_unit",
        "power unit",
        "display",
        "auto, W or kW",
        _one_of("auto", "W", "kW", words={"watt": "W", "watts": "W", "kilowatt": "kW", "kilowatts": "kW"}),
        str,
        ("auto", "W", "kW"),
        ("power", "powers", "watts", "kilowatts"),
    ),
    PreferenceKind(
        "date_language",
        "language of dates",
        "display",
        f"{', '.join(LANGUAGES)}; for the names of days and months",
        _one_of(*LANGUAGES, words={name.lower(): code for code, name in LANGUAGES.items()}),
        lambda value: LANGUAGES.get(value, value),
        tuple(LANGUAGES),
        ("language", "date language", "dates", "locale"),
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
    if preferences.quiet_hours is not None:
        plain["quiet_hours"] = _shown_quiet(preferences.quiet_hours)
    return plain


def preferences_from(stored: Mapping[str, Any]) -> Preferences:
    """The preferences out of stored data. A key or value that this version does not know is left at its default."""
    found = Preferences()
    for name, value in stored.items():
        kind = _BY_NAME.get(name)
        if kind is None:
            continue
        try:
            text = _shown_flag(value) if isinstance(value, bool) else "none" if value is None else str(value)
            found = replace(found, **{name: kind.parse(text)})
        except PreferenceError:
            continue
    try:
        _check_order(found)
    except PreferenceError:
        usual = Preferences()
        found = replace(found, **{name: getattr(usual, name) for name in _SOC_FIELDS})
    return found
