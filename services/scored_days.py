"""How right the forecasts of the last days were, out of the scores that are kept of each day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from energy.brief import BriefLine
from services.outlook_values import Nothing
from services.scope import Scope, require
from store import scores
from store.scores import Score

DAYS = 30
_TARGETS = ("solar", "load", "soc")
_NAMES = {"solar": "Solar", "load": "Load", "soc": "Battery level"}


async def scored_days(scope: Scope, days: int = DAYS) -> list[Score]:
    """The scores of the last days, up to yesterday."""
    require(scope, "viewer")
    today = scope.as_of.astimezone(scope.zone).date()
    return await scores.between(
        scope.database, scope.org_id, scope.site.id, today - timedelta(days=days), today - timedelta(days=1)
    )


def scored_lines(found: Sequence[Score]) -> list[BriefLine] | Nothing:
    """A line per forecast: its mean accuracy by day and by hour, that of persistence, and what the band held."""
    lines = [line for target in _TARGETS if (line := _line(target, [s for s in found if s.target == target]))]
    if not lines:
        return Nothing(
            "No day has been scored yet: that takes a whole day with a forecast made before it, and the worker running "
            "in the night after it."
        )
    return lines


def _line(target: str, found: Sequence[Score]) -> BriefLine | None:
    day, hour = _mean(found, "acc_day"), _mean(found, "acc_hour")
    if day is None and hour is None:
        return None
    main = f"{_NAMES[target]} {100 * (day if day is not None else hour or 0.0):.0f} % right"
    parts = [f" over {len(found)} {'day' if len(found) == 1 else 'days'}"]
    parts += [f"{100 * hour:.0f} % hour by hour"] if day is not None and hour is not None else []
    persistence = _mean(found, "persistence_hour")
    parts += [f"the day before would have been {100 * persistence:.0f} %"] if persistence is not None else []
    held = _mean(found, "coverage")
    parts += [f"{100 * held:.0f} % of the hours lay in the range, meant are 80 %"] if held is not None else []
    return BriefLine(main, f"{', '.join(parts)}.")


def _mean(found: Sequence[Score], name: str) -> float | None:
    values = [score.values.get(name) for score in found]
    known = [float(value) for value in values if isinstance(value, int | float)]
    return sum(known) / len(known) if known else None
