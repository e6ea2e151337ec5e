"""What there is to say of a day's solar before its first watt: when the sun rises, and yesterday's peak."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.tools.metrics import Metric
from agents.tools.words import period_argument, said
from energy.naming import source_name
from energy.periods import local_midnight
from energy.sun import sunrise_sunset
from energy.units import format_clock
from services import history

if TYPE_CHECKING:
    from agents.tools.desk import ToolDesk
    from services.history import Statistics
    from services.scope import Scope

_NO_SUN_W = 1.0


async def no_sun_yet(desk: ToolDesk, metric: Metric, found: Statistics) -> str | None:
    """A sentence where today has had no solar so far, else None: the highest of nothing but 0 W is no peak."""
    scope, highest = desk.scope, found.maximum
    today = scope.as_of.astimezone(scope.zone).date()
    is_today = found.period.start == local_midnight(today, scope.zone)
    if metric.field != "solar_w" or not is_today or highest is None or highest.value >= _NO_SUN_W:
        return None
    text = f"There has been no solar yet today{_sunrise(scope)}."
    before = await history.statistics(scope, metric.field, period_argument(scope, "yesterday"))
    peak = before.maximum
    if peak is None or peak.value < _NO_SUN_W:
        return text
    source = source_name(scope.site, before.source) if before.source else None
    desk.note_instant(f"{metric.field}_max", peak.value, metric.described.unit, peak.at, source)
    at = format_clock(peak.at, scope.zone, now=peak.at, units=scope.units)
    return f"{text} Yesterday's peak was {said(scope, metric, peak.value)} at {at}."


def _sunrise(scope: Scope) -> str:
    site = scope.site
    if site.latitude is None or site.longitude is None:
        return ""
    sun = sunrise_sunset(scope.as_of.astimezone(scope.zone).date(), site.latitude, site.longitude)
    if sun is None:
        return ""
    verb = "was" if scope.as_of >= sun[0] else "is"
    return f": sunrise {verb} at {format_clock(sun[0], scope.zone, now=sun[0], units=scope.units)}"
