"""Alerts about the sources of data and the machine that we run on."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from energy.alerts.levels import above, below
from energy.alerts.rule import Level, Rule, Signal
from energy.alerts.situation import DeviceNow, Situation, age_of
from energy.merge import STALE_AFTER_INTERVALS
from energy.naming import source_name
from energy.reading import FIELDS
from energy.series import Series, energy_kwh
from energy.site import Device
from energy.units import format_duration, format_value

SILENT = Rule(
    id="device_silent",
    level=Level.WARNING,
    title="Device silent",
    cleared="The device is heard again",
    for_s=60,
    keep_firing_s=60,
    cooldown_s=900,
    inhibited_by=("credentials_refused",),
    group="devices",
    of="device",
)
REFUSED = Rule(
    id="credentials_refused",
    level=Level.WARNING,
    title="Credentials refused",
    cleared="The credentials are accepted again",
    cooldown_s=3_600,
    reraise_s=24 * 3_600,
    group="devices",
    of="device",
)
STUCK = Rule(
    id="stuck_sensor",
    level=Level.WARNING,
    title="Stuck sensor",
    cleared="The figure moves again",
    keep_firing_s=600,
    cooldown_s=6 * 3_600,
    inhibited_by=("device_silent",),
    group="data",
    of="field",
)
CLOCK = Rule(
    id="host_clock",
    level=Level.WARNING,
    title="Clock is wrong",
    cleared="The clock is right again",
    for_s=300,
    keep_firing_s=300,
    cooldown_s=3_600,
    group="host",
)
DISK = Rule(
    id="host_disk",
    level=Level.WARNING,
    title="Disk nearly full",
    cleared="The disk has room again",
    for_s=300,
    keep_firing_s=600,
    cooldown_s=6 * 3_600,
    reraise_s=24 * 3_600,
    group="host",
)
MAINTENANCE = Rule(
    id="maintenance_due",
    level=Level.INFO,
    title="Maintenance due",
    cleared="The maintenance is done",
    group="hints",
    of="task",
)

_STEADY_POWERS = ("load_w", "battery_charge_w", "solar_w", "grid_import_w")


def silent(s: Situation) -> tuple[Signal, ...]:
    """Nothing newer than 2.5 upload intervals (s) of the device; before its first word, since it was expected."""
    return tuple(
        _silent(s, device, known)
        for device in s.site.device
        if device.kind != "csv" and (known := s.devices.get(device.id)) is not None
    )


def _silent(s: Situation, device: Device, known: DeviceNow) -> Signal:
    age_s = age_of(known.heard_at or known.expected_since, s.now).total_seconds()
    limit_s = STALE_AFTER_INTERVALS * device.interval_s
    active: bool | None = age_s > limit_s
    if not active and known.heard_at is None and s.is_firing(SILENT.id, device.id):
        active = None  # expected since a restart only: that it was silent before stands
    length = format_duration(timedelta(seconds=age_s))
    since = f"has not been heard for {length}" if known.heard_at else f"was never heard in {length}"
    return Signal(
        rule_id=SILENT.id,
        active=active,
        subject=device.id,
        devices=(device.id,),
        value=age_s,
        threshold=limit_s,
        unit="s",
        what=f"{_name(s, device.id)} {since}." if active else "",
        why="What it measures is unknown meanwhile, and other alerts cannot see it.",
        do="Look at its power, its network and the service behind it.",
    )


def _name(s: Situation, device_id: str) -> str:
    spoken = source_name(s.site, device_id)
    return device_id if spoken is None or spoken == device_id else f"{spoken} ({device_id})"


def refused(s: Situation) -> tuple[Signal, ...]:
    """The device or its service refuses our credentials."""
    return tuple(
        Signal(
            rule_id=REFUSED.id,
            active=known.refused,
            subject=device_id,
            devices=(device_id,),
            what=f"{_name(s, device_id)} refuses our credentials.",
            why="No data comes from it until they are renewed.",
            do=f"Check {device_id.upper().replace('-', '_')}_USERNAME, _PASSWORD or _TOKEN, and run the doctor.",
        )
        for device_id, known in s.devices.items()
    )


def stuck(s: Situation) -> tuple[Signal, ...]:
    """A figure of one device that has not moved by a hair although its rows go on: a power that is not 0 for half an
    hour; for two hours the SOC while 3 % of the bank flowed, or volts while over 500 W were drawn. Unknown without
    enough rows."""
    found = []
    for device_id, by_field in s.device_history.items():
        for name, rows in by_field.items():
            long_s = s.settings.stuck_power_s if name in _STEADY_POWERS else s.settings.stuck_battery_s
            active = _stands_still(s, name, rows, by_field.get("battery_charge_w"), long_s)
            last_s = int(rows.times[-1]) if rows.times.size else None
            value = None if last_s is None else float(rows.values[-1])
            shown = "" if value is None or value != value else format_value(name, value)
            found.append(
                Signal(
                    rule_id=STUCK.id,
                    active=active,
                    subject=f"{device_id}/{name}",
                    devices=(device_id,),
                    what=f"{FIELDS[name].label} from {_name(s, device_id)} has stood at {shown} for "
                    f"{format_duration(timedelta(seconds=long_s))} or more."
                    if active
                    else "",
                    why="The sensor or its gateway may be frozen, and what is decided on it would be wrong.",
                    do="Restart the gateway, and compare with the device's own display.",
                    chart=name,
                )
            )
    return tuple(found)


def _stands_still(s: Situation, name: str, rows: Series, charge: Series | None, long_s: float) -> bool | None:
    if name not in _STEADY_POWERS and name not in ("soc_pct", "battery_voltage_v"):
        return False
    now_s = s.now.timestamp()
    recent = rows.between(now_s - long_s - 2 * rows.cadence_s, now_s + 1).known()
    if recent.times.size < s.settings.stuck_rows or now_s - recent.times[-1] > STALE_AFTER_INTERVALS * rows.cadence_s:
        return None
    if float(np.ptp(recent.values)) != 0.0:
        return False
    if recent.times[-1] - recent.times[0] < long_s:
        return None
    if name in _STEADY_POWERS:
        return bool(recent.values[-1] != 0.0)
    return _should_have_moved(s, name, float(recent.values[-1]), charge, now_s - long_s, now_s)


def _should_have_moved(
    s: Situation, name: str, value: float, charge: Series | None, start_s: float, end_s: float
) -> bool | None:
    """Volts fall while the battery is drawn from; the SOC moves with the share of the bank that flowed."""
    flows = None if charge is None else charge.between(start_s, end_s).known()
    if charge is None or flows is None or flows.times.size < s.settings.stuck_rows:
        return None
    if name == "battery_voltage_v":
        return bool(flows.values.mean() < -s.settings.stuck_flow_w)
    kwh, battery = energy_kwh(charge, start_s, end_s), s.site.battery
    if kwh is None or battery is None:
        return None
    if value >= s.settings.stuck_full_pct and kwh > 0:
        return False
    return abs(kwh) / battery.usable_kwh * 100 >= s.settings.stuck_bank_pct


def clock(s: Situation) -> tuple[Signal, ...]:
    """The host's clock is more than a minute off; clears at 10 s."""
    if s.host is None:
        return ()
    skew_s, firing = s.host.clock_skew_s, s.is_firing(CLOCK.id)
    limit_s, clear_s = s.settings.clock_skew_s, s.settings.clock_skew_clear_s
    off_by = "" if skew_s is None else format_duration(timedelta(seconds=abs(skew_s)))
    return (
        Signal(
            rule_id=CLOCK.id,
            active=None if skew_s is None else above(abs(skew_s), firing, limit_s, clear_s),
            value=None if skew_s is None else abs(skew_s),
            threshold=limit_s,
            unit="s",
            what=f"This machine's clock is {off_by} {'ahead' if (skew_s or 0.0) > 0 else 'behind'}.",
            why="Data looks older or newer than it is, and times in answers are wrong.",
            do="Set up time synchronisation (NTP) on this machine.",
        ),
    )


def disk(s: Situation) -> tuple[Signal, ...]:
    """Less than a tenth of the disk is free; clears at 15 %."""
    if s.host is None:
        return ()
    free = s.host.disk_free_share
    limit, clear = s.settings.disk_free_share, s.settings.disk_free_clear_share
    return (
        Signal(
            rule_id=DISK.id,
            active=None if free is None else below(free, s.is_firing(DISK.id), limit, clear),
            value=None if free is None else free * 100,
            threshold=limit * 100,
            unit="%",
            lower_is_worse=True,
            what="{value} of this machine's disk are free.",
            why="When it is full nothing is stored any more.",
            do="Make room, or move old backups away.",
        ),
    )


def maintenance(s: Situation) -> tuple[Signal, ...]:
    """Every task whose date has come; it clears when its date is moved or the task is gone."""
    tasks = {task.id: task for task in s.maintenance}
    return tuple(
        Signal(
            rule_id=MAINTENANCE.id,
            active=task_id in tasks and tasks[task_id].due_at <= s.now,
            subject=task_id,
            what=f"It is time to {tasks[task_id].title}." if task_id in tasks else "",
            why="Small care keeps the yield and the warranty.",
            do="Do it, and mark it as done.",
        )
        for task_id in sorted(set(tasks) | s.open_subjects(MAINTENANCE.id))
    )
