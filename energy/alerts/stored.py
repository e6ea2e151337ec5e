"""An episode as plain data (for JSON columns), and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from energy.alerts.episode import Episode, State
from energy.alerts.rule import Level, Signal

_MOMENTS = tuple(f.name for f in fields(Episode) if "datetime" in str(f.type))
_SIGNAL = tuple(f.name for f in fields(Signal))


def episode_to_mapping(episode: Episode) -> dict[str, Any]:
    """Strings, numbers, lists and None alone; moments in ISO 8601 with their offset."""
    plain: dict[str, Any] = {f.name: getattr(episode, f.name) for f in fields(Episode)}
    for name in _MOMENTS:
        plain[name] = _text(plain[name])
    signal = {name: getattr(episode.signal, name) for name in _SIGNAL}
    signal["devices"] = list(episode.signal.devices)
    signal["taken_at"] = _text(episode.signal.taken_at)
    return plain | {"level": str(episode.level), "state": str(episode.state), "signal": signal}


def episode_from_mapping(stored: Mapping[str, Any]) -> Episode:
    """The episode out of what `episode_to_mapping` gave. Keys that this version does not know are left out; KeyError
    or ValueError when a needed one is missing or unreadable."""
    known = {f.name: stored[f.name] for f in fields(Episode) if f.name in stored}
    for name in _MOMENTS:
        known[name] = _moment(known.get(name))
    signal = {name: stored["signal"][name] for name in _SIGNAL if name in stored["signal"]}
    signal["devices"] = tuple(signal.get("devices", ()))
    signal["taken_at"] = _moment(signal.get("taken_at"))
    known |= {"level": Level(stored["level"]), "state": State(stored["state"]), "signal": Signal(**signal)}
    if known["since"] is None:
        raise ValueError("an episode needs the moment that it began at (since)")
    return Episode(**known)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
