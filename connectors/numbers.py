"""Vendors' values as numbers, flags and texts: what cannot be understood is None, never 0."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any


def number(value: Any) -> float | None:
    """A finite number out of an int, a float or a numeric text ("53.3"); None for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        parsed = float(value)
    except (ValueError, OverflowError):
        return None
    return parsed if math.isfinite(parsed) else None


def flag(value: Any) -> bool | None:
    """A truth value out of true/false, 1/0, or their texts; None for everything else."""
    if isinstance(value, bool):
        return value
    return {"1": True, "true": True, "0": False, "false": False}.get(str(value).strip().lower())


def text(value: Any) -> str | None:
    """A non-empty text, or None."""
    return value.strip() or None if isinstance(value, str) else None


def instant(value: Any) -> datetime | None:
    """An ISO-8601 text with an offset or `Z` as aware UTC; None without one, because the zone would be a guess."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo is not None else None


def mapping(value: Any) -> dict[str, Any]:
    """The JSON object, or an empty one where the vendor sent something else."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """The JSON objects of a list; empty where the vendor sent something else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
