"""The chart that goes with an alert: its figure over the two hours before, its thresholds, the moment it fired."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from charts.specs import AlertChart, Line, Threshold
from energy.alerts import battery, devices, inverter, miners, power
from energy.alerts.message import filled, shown
from energy.alerts.table import BY_ID
from energy.naming import source_name
from energy.units import format_clock, format_duration, format_value
from services.alert_series import AlertSeries, Figure, alert_series

if TYPE_CHECKING:
    from energy.alerts.episode import Episode
    from services.scope import Scope


class HasEpisode(Protocol):
    """What the store keeps of an alert."""

    @property
    def episode(self) -> Episode: ...


async def alert_chart(scope: Scope, stored: HasEpisode) -> AlertChart | None:
    """The chart of an episode in the person's units and zone, or None where none says anything."""
    episode = stored.episode
    found = await alert_series(scope, episode)
    if found is None:
        return None
    sources = {name for figure in found.figures for name in figure.rows.source.split("+") if name}
    return AlertChart(
        title=_finding(scope, episode, found),
        zone=scope.zone,
        start=found.period.start,
        end=found.period.end,
        as_of=max(min(scope.as_of, found.period.end), found.period.start),
        site=scope.site.name,
        source=source_name(scope.site, sorted(sources)) or "",
        units=scope.units,
        lines=tuple(_line(figure) for figure in found.figures),
        began_at=episode.since,
        fired_at=episode.fired_at or episode.since,
        over_at=episode.clear_since or episode.resolved_at if episode.resolved_at is not None else None,
        severity=episode.level.value,
        thresholds=tuple(Threshold(limit.value, limit.label, limit.level.value) for limit in found.limits),
    )


def _line(figure: Figure) -> Line:
    rows = figure.rows
    return Line.of(
        figure.field, rows.times.tolist(), rows.values.tolist(), cadence_s=rows.cadence_s, label=figure.label
    )


def _finding(scope: Scope, episode: Episode, found: AlertSeries) -> str:
    """What was found, short enough for a title."""
    said = _SAID.get(episode.rule_id)
    signal, units = episode.signal, scope.units
    since = format_clock(episode.since, scope.zone, now=scope.as_of, units=units)
    if episode.rule_id == devices.SILENT.id:
        device = scope.site.device_by_id(episode.subject)
        name = source_name(scope.site, episode.subject) or episode.subject
        same_kind = [each for each in scope.site.device if device is not None and each.kind == device.kind]
        last = max(float(figure.rows.known().times[-1]) for figure in found.figures)
        heard = format_clock(datetime.fromtimestamp(last, UTC), scope.zone, now=scope.as_of, units=units)
        return f"{name if len(same_kind) == 1 else episode.subject} silent since {heard}"
    if episode.rule_id == devices.STUCK.id:
        figure = found.figures[0]
        value = figure.rows.known().values[-1]
        return f"{figure.label} stands still at {format_value(figure.field, float(value), units)}"
    if episode.rule_id == power.GENERATOR.id:
        return f"Generator runs for {format_duration((episode.resolved_at or scope.as_of) - episode.since)}"
    if said is not None and signal.value is not None and signal.threshold is not None:
        value, threshold = (shown(each, signal.unit, units) for each in (signal.value, signal.threshold))
        return said.format(value=value, threshold=threshold, subject=episode.subject)
    if episode.rule_id in _CODES and len(found.figures) == 1:  # a code has no figure of its own: say which is drawn
        label = found.figures[0].label
        return f"{_CODES[episode.rule_id]} since {since}: {label[0].lower()}{label[1:]}"
    if episode.rule_id.startswith("custom:") and signal.what:
        return filled(signal, units).rstrip(".")
    rule = BY_ID.get(episode.rule_id)
    title = "Alert" if rule is None else _SHORT.get(rule.id, rule.title)
    if rule is not None and rule.of == "miner":
        title = f"{episode.subject}: {title[0].lower()}{title[1:]}"
    return f"{title} since {since}" if len(title) < _LONG else title


_LONG = 28
_CODES = {inverter.FAULT.id: "Fault", inverter.WARNED.id: "Code"}
_SHORT = {
    power.OUTAGE.id: "Grid gone",
    miners.DRAWS_OFF.id: "Draws though off",
    miners.NOT_OFF.id: "Cannot be switched off",
    miners.BY_HAND.id: "Turned by hand",
}
_SAID = {
    battery.CRITICAL.id: "Battery at {value}, under {threshold}",
    battery.LOW.id: "Battery at {value}, under {threshold}",
    battery.HOT.id: "Battery at {value}, over {threshold}",
    battery.COLD.id: "Battery at {value}, under {threshold}",
    battery.RESERVE.id: "Lowest will be {value}, reserve {threshold}",
    power.DISCHARGE.id: "Discharge {value}, over {threshold}",
    power.LOAD.id: "Load {value}, over {threshold}",
    power.SOLAR.id: "Solar {value}, under {threshold}",
    power.SURPLUS.id: "{value} left over",
    miners.IDLE.id: "{subject} draws only {value}",
    miners.DRAWS_OFF.id: "{subject} is off and draws {value}",
}
