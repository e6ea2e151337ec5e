"""What people write as a preference's value, read and shown. A refused value says what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import time
from typing import cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

QuietHours = tuple[time, time]
ROUTES = ("telegram", "slack", "discord", "webhook", "apprise", "email", "sms")


class PreferenceError(ValueError):
    """A value that is not allowed; the message says what is."""


_YES = ("yes", "on", "true", "1", "y")
_NO = ("no", "off", "false", "0", "n")
_NO_PLACES = ("localtime", "posixrules", "Factory")  # files of the zone database that name no place
_NONE = ("none", "off", "no", "nothing", "never", "-", "")


def percent(text: str) -> float:
    """0 to 100, with or without a sign."""
    match = re.fullmatch(r"(\d{1,3}(?:[.,]\d+)?)\s*(?:%|percent|pct)?", text)
    value = float(match[1].replace(",", ".")) if match else -1.0
    if not 0 <= value <= 100:
        raise PreferenceError("it must be a percentage from 0 to 100")
    return value


def flag(text: str) -> bool:
    """On or off, in the words that people use."""
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise PreferenceError("it must be on or off")


def one_of(*allowed: str, words: Mapping[str, str] | None = None) -> Callable[[str], str]:
    """A parser of one of a few words; `words` are other names for them."""
    known = {value.lower().replace("_", " "): value for value in allowed} | dict(words or {})

    def parse(text: str) -> str:
        found = known.get(text.lower().replace("_", " ").replace("-", " "))
        if found is None:
            raise PreferenceError(f"it must be one of {', '.join(allowed)}")
        return found

    return parse


def email(text: str) -> str | None:
    """An address, or None."""
    if text.lower() in _NONE:
        return None
    if len(text) > 254 or not re.fullmatch(r"[^\s@<>,;\"]{1,64}@[^\s@<>,;\"]+\.[A-Za-z]{2,}", text):
        raise PreferenceError('it must be an address such as ann@example.org, or "none"')
    return text


def phone(text: str) -> str | None:
    """A number with its country code, without spaces, or None."""
    if text.lower() in _NONE:
        return None
    digits = re.sub(r"[\s().-]", "", text)
    if not re.fullmatch(r"\+[1-9]\d{6,14}", digits):
        raise PreferenceError('it must be a number with its country code, such as +14155550123, or "none"')
    return digits


def quiet_hours(text: str) -> QuietHours | None:
    """Two different local times, or None."""
    if text.lower() in _NONE:
        return None
    parts = re.split(r"\s*(?:-|–|to|until)\s*", text.lower().removeprefix("from "))
    clocks = [clock(part) for part in parts]
    if len(clocks) != 2 or None in clocks or clocks[0] == clocks[1]:
        raise PreferenceError('it must be two local times such as 22:00-07:00, or "none"')
    return cast(QuietHours, (clocks[0], clocks[1]))


def clock(text: str) -> time | None:
    """A time of day: `7:30`, `7`, `7 pm`; None where it is none."""
    match = re.fullmatch(r"(\d{1,2})(?::(\d{2}))?\s*(am|pm)?", text.strip())
    if match is None:
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    if match[3] is not None:
        hour = hour % 12 + (12 if match[3] == "pm" else 0) if 1 <= hour <= 12 else 99
    return time(hour, minute) if hour < 24 and minute < 60 else None


def zone_name(text: str) -> str | None:
    """The name of a time zone, or None for the site's."""
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


def shown_flag(value: bool) -> str:
    """`on` or `off`."""
    return "on" if value else "off"


def shown_or_none(value: object) -> str:
    """The value, or `none`."""
    return "none" if value is None else str(value)


def shown_quiet(value: QuietHours | None) -> str:
    """`22:00-07:00`, or `none`."""
    return "none" if value is None else f"{value[0]:%H:%M}-{value[1]:%H:%M}"


def brief_time(text: str) -> str:
    """A time of day as `07:30`, or `off`, or `usual`."""
    low = text.lower().removeprefix("at ")
    if low in ("usual", "default"):
        return "usual"
    if low in _NONE:
        return "off"
    at = clock(low)
    if at is None:
        raise PreferenceError('it must be a local time such as 07:30, "off" or "usual"')
    return f"{at:%H:%M}"


def shown_brief_time(value: str) -> str:
    """The time, `off`, or what is usual."""
    return "07:30 for owners and operators, else off" if value == "usual" else value


def alert_routes(text: str) -> tuple[str, ...]:
    """The ways to try, in their order; () for none."""
    if text.lower() in _NONE:
        return ()
    named = re.split(r"\s*(?:,|;|>|->|→|\bthen\b|\band\b|\s)\s*", text.lower())
    found = tuple(dict.fromkeys({"e-mail": "email", "mail": "email"}.get(word, word) for word in named if word))
    if unknown := [word for word in found if word not in ROUTES]:
        raise PreferenceError(f'"{unknown[0][:20]}" is no way; there are {", ".join(ROUTES)}, and "none"')
    return found


def shown_routes(value: tuple[str, ...]) -> str:
    """The ways as people write them."""
    return ", ".join(value) or "none"
