"""Values of preferences that a button offers, where a chat has no forms: a step up and down, and what is usual."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energy.preferences import PreferenceError, changed
from energy.units import MINUS

if TYPE_CHECKING:
    from energy.preferences import PreferenceKind, Preferences

_STEP_PCT = 5
_USUAL_PCT: dict[str, tuple[int, ...]] = {
    "min_soc_pct": (20, 30, 40),
    "safe_min_soc_pct": (30, 40, 50),
    "safe_max_soc_pct": (80, 90, 100),
    "miner_min_soc_pct": (40, 50, 60, 70),
}
_USUAL: dict[str, tuple[str, ...]] = {
    "quiet_hours": ("none", "22:00-07:00", "21:00-06:00", "23:00-08:00"),
    "email": ("none",),
    "sms_number": ("none",),
    "timezone": ("site",),
}


def usual_values(preferences: Preferences, kind: PreferenceKind) -> list[tuple[str, str]]:
    """Labels and values for `kind` that would be taken now; all its choices where it has them."""
    if kind.choices:
        return [(_label(kind, choice), choice) for choice in kind.choices]
    offered = [(value, value) for value in _USUAL.get(kind.name, ())]
    if kind.name in _USUAL_PCT:
        now = float(getattr(preferences, kind.name))
        down, up = max(0.0, now - _STEP_PCT), min(100.0, now + _STEP_PCT)
        offered = [
            (f"{MINUS}{_STEP_PCT} ({kind.show(down)})", f"{down:g}"),
            (f"+{_STEP_PCT} ({kind.show(up)})", f"{up:g}"),
        ]
        offered += [(kind.show(value), str(value)) for value in _USUAL_PCT[kind.name]]
    return [(label, value) for label, value in offered if _changes(preferences, kind, value)]


def _changes(preferences: Preferences, kind: PreferenceKind, value: str) -> bool:
    try:
        return changed(preferences, kind.name, value) != preferences
    except PreferenceError:
        return False


def _label(kind: PreferenceKind, choice: str) -> str:
    return choice if choice in ("on", "off") else kind.show(choice).replace("_", " ")
