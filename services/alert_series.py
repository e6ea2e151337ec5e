"""The figures behind an alert: what it is about, over the two hours before it fired and up to now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from energy.alerts import battery, devices, inverter, miners, power
from energy.alerts.episode import Episode
from energy.alerts.rule import Level
from energy.periods import Period
from energy.reading import FIELDS, NUMERIC_FIELDS
from energy.series import Series, with_gaps_marked
from energy.site import Miner
from energy.voltage import voltage_from_soc
from services import history
from services.scope import Scope, require
from store import readings

BEFORE = timedelta(hours=2)
LEAD_IN = timedelta(minutes=15)
AFTER = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
FLOWS = ("solar_w", "load_w", "battery_charge_w", "grid_import_w")

_WITHOUT_CHART = (devices.CLOCK.id, devices.DISK.id, devices.MAINTENANCE.id, devices.REFUSED.id)
_OF_FLOWS = (power.OUTAGE.id, power.SURPLUS.id)
_OF_A_MINER = (miners.IDLE.id, miners.DRAWS_OFF.id, miners.BY_HAND.id, miners.NOT_OFF.id, inverter.RELAY.id)
_BEYOND_MINERS = (power.DISCHARGE.id, power.LOAD.id)
_CUSTOM = "custom:"
_CHECKS_OF_FLOWS = ("balance", "size", "battery_sign")
_SILENT_FIELDS = (*FLOWS, "miner_w"), ("soc_pct",), ("battery_voltage_v",)
_MINERS_FROM_W = 50.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One series to draw, with the name that people know it by."""

    field: str
    label: str
    rows: Series


@dataclass(frozen=True, slots=True)
class Limit:
    """A level at which an alert fires, in the unit and sign of the figures."""

    value: float
    label: str
    level: Level


@dataclass(frozen=True, slots=True)
class AlertSeries:
    """What there is to draw of an alert in `period`: figures of one unit, and its limits."""

    period: Period
    figures: tuple[Figure, ...]
    limits: tuple[Limit, ...] = ()


async def alert_series(scope: Scope, episode: Episode) -> AlertSeries | None:
    """The figures of an episode; None where a chart would say nothing, or nothing is known of that time."""
    require(scope, "viewer")
    if episode.rule_id in _WITHOUT_CHART:
        return None
    span = _span(scope, episode)
    figures = await _figures(scope, episode, span)
    if figures:
        return AlertSeries(span, figures, _limits(scope, episode))
    flows = await _flows(scope, span)
    return AlertSeries(span, flows) if flows else None


def _span(scope: Scope, episode: Episode) -> Period:
    fired_at = episode.fired_at or episode.since
    start = max(min(fired_at - BEFORE, episode.since - LEAD_IN), fired_at - LONGEST)
    end = scope.as_of if episode.resolved_at is None else min(scope.as_of, episode.resolved_at + AFTER)
    end = max(min(end, fired_at + LONGEST), fired_at + timedelta(minutes=1))
    return Period(_minute(start), end, "")


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


async def _figures(scope: Scope, episode: Episode, span: Period) -> tuple[Figure, ...]:
    rule_id, subject = episode.rule_id, episode.subject
    if rule_id in _OF_FLOWS or subject in _CHECKS_OF_FLOWS:
        return await _flows(scope, span)
    if rule_id == devices.SILENT.id:
        return await _of_device(scope, subject, span)
    if rule_id == devices.STUCK.id:
        device_id, _, field = subject.partition("/")
        return await _own(scope, device_id, (field,), span) if field in NUMERIC_FIELDS else ()
    if rule_id in _OF_A_MINER:
        miner = next((each for each in scope.site.miner if each.id == subject), None)
        return () if miner is None else await _of_miner(scope, miner, span)
    charted = episode.signal.chart
    if charted is None or charted not in NUMERIC_FIELDS:
        return ()
    rows = await _rows(scope, charted, span)
    if rows is None:
        return ()
    if rule_id in _BEYOND_MINERS:
        return (await _without_miners(scope, charted, rows, span),)
    return (Figure(charted, FIELDS[charted].label, rows),)


async def _rows(scope: Scope, field: str, span: Period) -> Series | None:
    found = await history.series(scope, field, span)
    return found if found.known().times.size else None


async def _flows(scope: Scope, span: Period) -> tuple[Figure, ...]:
    found = []
    for field in FLOWS:
        if field == "grid_import_w" and not scope.site.grid.present:
            continue
        rows = await _rows(scope, field, span)
        if rows is not None:
            found.append(Figure(field, FIELDS[field].label, rows))
    return tuple(found)


async def _own(scope: Scope, device_id: str, fields: tuple[str, ...], span: Period) -> tuple[Figure, ...]:
    """A device's own rows: the merged ones may be filled by another."""
    found = []
    for field in fields:
        by_device = await readings.field_rows(
            scope.database,
            scope.org_id,
            scope.site.id,
            field,
            span.start,
            span.end + history.AT_THE_END,
            as_of=scope.as_of,
        )
        rows = by_device.get(device_id)
        if rows is not None and rows.known().times.size:
            found.append(Figure(field, FIELDS[field].label, with_gaps_marked(rows)))
    return tuple(found)


async def _of_device(scope: Scope, device_id: str, span: Period) -> tuple[Figure, ...]:
    """What a device told before it fell silent: its powers, else its level. Fields of one unit go together."""
    for fields in _SILENT_FIELDS:
        found = await _own(scope, device_id, fields, span)
        if found:
            return found
    return ()


async def _of_miner(scope: Scope, miner: Miner, span: Period) -> tuple[Figure, ...]:
    found = await _own(scope, miner.device, ("miner_w",), span)
    shared = [each.id for each in scope.site.miner if each.device == miner.device]
    label = miner.id if len(shared) == 1 else " + ".join(shared)
    return tuple(replace(figure, label=label) for figure in found)


async def _without_miners(scope: Scope, field: str, rows: Series, span: Period) -> Figure:
    """The figure as the rule judges it: what our own miners draw is taken off."""
    drawn = (await history.series(scope, "miner_w", span)).known() if scope.site.miner else None
    if drawn is None or not drawn.times.size or float(drawn.values.max()) < _MINERS_FROM_W:
        return Figure(field, FIELDS[field].label, rows)
    which = np.clip(np.searchsorted(drawn.times, rows.times, side="right") - 1, 0, None)
    age_s = rows.times - drawn.times[which]
    fresh = (age_s >= -drawn.cadence_s) & (age_s <= 3 * drawn.cadence_s)
    miners_w = np.where(fresh, drawn.values[which], np.nan)
    values = rows.values + miners_w if field == "battery_charge_w" else rows.values - miners_w
    return Figure(field, f"{FIELDS[field].label.split()[0]} without miners", replace(rows, values=values))


def _limits(scope: Scope, episode: Episode) -> tuple[Limit, ...]:
    signal, rule_id = episode.signal, episode.rule_id
    if signal.threshold is None or rule_id in _OF_FLOWS or rule_id == devices.SILENT.id:
        return ()
    if rule_id in (battery.CRITICAL.id, battery.LOW.id):
        return _floors(scope, episode)
    if rule_id.startswith(_CUSTOM):
        sign = -1 if rule_id.startswith(f"{_CUSTOM}minus-") else 1
        return (Limit(sign * signal.threshold, "own limit", episode.level),)
    if rule_id == power.DISCHARGE.id:
        return (Limit(-signal.threshold, "limit", episode.level),)
    label = "at least" if signal.lower_is_worse else "at most"
    return (Limit(signal.threshold, _LABELS.get(rule_id, label), episode.level),)


_LABELS = {battery.RESERVE.id: "reserve", power.GENERATOR.id: "runs from", power.LOAD.id: "limit"}


def _floors(scope: Scope, episode: Episode) -> tuple[Limit, ...]:
    """Both floors of the battery, in the unit in which it was judged."""
    limits, levels, fired = scope.site.limits, scope.site.alerts.levels(), episode.signal.threshold
    floors = {
        battery.LOW.id: (limits.safe_min_soc_pct, levels.safe_min_voltage_v, "safe min", Level.WARNING),
        battery.CRITICAL.id: (limits.min_soc_pct, levels.critical_voltage_v, "minimum", Level.CRITICAL),
    }
    curve = scope.site.battery.voltage_curve if scope.site.battery is not None else ()
    found = []
    for rule_id, (soc_pct, volts, label, level) in floors.items():
        value: float | None = soc_pct
        if episode.signal.unit == "V":
            value = volts if volts is not None else voltage_from_soc(curve, soc_pct) if curve else None
        if rule_id == episode.rule_id and fired is not None:
            value = fired  # as it was when it fired
        if value is not None:
            found.append(Limit(value, label, level))
    return tuple(found)
