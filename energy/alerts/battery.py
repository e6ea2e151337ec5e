"""Alerts about the battery: its level in SOC or in volts, no level at all, its temperature, the forecast's reserve."""

from __future__ import annotations

from datetime import datetime, timedelta

from energy.alerts.levels import above, below
from energy.alerts.rule import Action, Level, Rule, Signal
from energy.alerts.situation import Situation, age_of, sources
from energy.units import format_clock, format_duration, format_percent, spoken_flow
from energy.voltage import voltage_from_soc

CRITICAL = Rule(
    id="battery_critical",
    level=Level.CRITICAL,
    title="Battery critical",
    cleared="The battery is back above its minimum",
    for_s=120,
    keep_firing_s=600,
    cooldown_s=1_800,
    reraise_s=8 * 3_600,
    group="battery",
)
LOW = Rule(
    id="battery_low",
    level=Level.WARNING,
    title="Battery low",
    cleared="The battery is back above its safe minimum",
    for_s=300,
    keep_firing_s=600,
    cooldown_s=3_600,
    inhibited_by=("battery_critical",),
    group="battery",
)
UNKNOWN = Rule(
    id="battery_unknown",
    level=Level.CRITICAL,
    title="Battery level unknown",
    cleared="The battery's level is known again",
    for_s=900,
    keep_firing_s=60,
    cooldown_s=1_800,
    reraise_s=8 * 3_600,
    group="devices",
)
HOT = Rule(
    id="battery_hot",
    level=Level.CRITICAL,
    title="Battery too hot",
    cleared="The battery has cooled down",
    for_s=120,
    keep_firing_s=600,
    cooldown_s=1_800,
    reraise_s=2 * 3_600,
    group="battery",
)
COLD = Rule(
    id="battery_cold",
    level=Level.WARNING,
    title="Battery too cold",
    cleared="The battery is warm enough again",
    for_s=300,
    keep_firing_s=900,
    cooldown_s=3_600,
    group="battery",
    of="check",
)
RESERVE = Rule(
    id="reserve_breach",
    level=Level.WARNING,
    title="Reserve will be reached",
    cleared="The forecast no longer reaches the reserve",
    for_s=300,
    keep_firing_s=900,
    cooldown_s=2 * 3_600,
    inhibited_by=("battery_critical",),
    group="forecast",
)


def critical(s: Situation) -> tuple[Signal, ...]:
    """Under the site's minimum SOC (or its volts); clears 3 % above it."""
    floor = s.site.limits.min_soc_pct
    return _level(s, CRITICAL, floor, s.settings.critical_voltage_v, "critical minimum")


def low(s: Situation) -> tuple[Signal, ...]:
    """Under the site's safe minimum SOC (or its volts); clears 3 % above it."""
    floor = s.site.limits.safe_min_soc_pct
    return _level(s, LOW, floor, s.settings.safe_min_voltage_v, "safe minimum")


def _level(s: Situation, rule: Rule, floor_pct: float, floor_v: float | None, floor: str) -> tuple[Signal, ...]:
    by_volts = any(miner.by_voltage for miner in s.site.miner)
    in_soc, in_volts = _in_soc(s, rule, floor_pct, floor), _in_volts(s, rule, floor_pct, floor_v, floor)
    known = [in_volts, in_soc] if by_volts else [in_soc, in_volts]
    return (next((each for each in known if each is not None), Signal(rule_id=rule.id, active=None)),)


def _in_soc(s: Situation, rule: Rule, floor_pct: float, floor: str) -> Signal | None:
    soc = s.seen("soc_pct")
    if soc is None:
        return None
    active = below(soc.value, s.is_firing(rule.id), floor_pct, floor_pct + s.settings.battery_clear_pct)
    return Signal(
        rule_id=rule.id,
        active=active,
        devices=sources(soc),
        taken_at=soc.taken_at,
        value=soc.value,
        threshold=floor_pct,
        unit="%",
        lower_is_worse=True,
        what=f"The battery is at {{value}}, under the {floor} of {{threshold}}{_flow(s)}." if active else "",
        waits=f"The battery was under the {floor} of {{threshold}}, and is barely back at {{value}}{_flow(s)}."
        if active
        else "",
        why=_why(rule),
        do=_relief(s)[0] if active else "",
        action=_relief(s)[1] if active else None,
        chart="soc_pct",
    )


def _in_volts(s: Situation, rule: Rule, floor_pct: float, floor_v: float | None, floor: str) -> Signal | None:
    volts = s.seen("battery_voltage_v")
    curve = s.site.battery.voltage_curve if s.site.battery is not None else ()
    if volts is None or (floor_v is None and not curve):
        return None
    if floor_v is not None:
        set_v, clear_v = floor_v, floor_v + s.settings.voltage_clear_v
    else:
        set_v = voltage_from_soc(curve, floor_pct)
        clear_v = voltage_from_soc(curve, min(floor_pct + s.settings.battery_clear_on_curve_pct, curve[-1][1]))
    active = below(volts.value, s.is_firing(rule.id), set_v, clear_v)
    return Signal(
        rule_id=rule.id,
        active=active,
        devices=sources(volts),
        taken_at=volts.taken_at,
        value=volts.value,
        threshold=round(set_v, 2),
        unit="V",
        lower_is_worse=True,
        what=f"The battery is at {{value}}, under the {floor} of {{threshold}}{_flow(s)}." if active else "",
        waits=f"The battery was under the {floor} of {{threshold}}, and is barely back at {{value}}{_flow(s)}."
        if active
        else "",
        why=_why(rule),
        do=_relief(s)[0] if active else "",
        action=_relief(s)[1] if active else None,
        chart="battery_voltage_v",
    )


def _flow(s: Situation) -> str:
    charge = s.seen("battery_charge_w")
    return "" if charge is None else f", {spoken_flow('battery_charge_w', charge.value)}"


def _why(rule: Rule) -> str:
    if rule is CRITICAL:
        return "Below this the bank wears and the inverter may shut the site down."
    return "Little is left for the night or for a cloudy morning."


def _relief(s: Situation) -> tuple[str, Action | None]:
    """What to do about an emptying battery, and the button for it."""
    running = s.running_miners()
    if running:
        return f"Stop {' and '.join(miner.id for miner in running)}.", "stop_miners"
    if s.site.grid.present and s.site.grid.import_allowed and s.view["grid_present"].value is True:
        return "Charge from the grid, or switch off what is not needed.", "grid_charge"
    return "Switch off what is not needed, or start the generator.", None


def unknown(s: Situation) -> tuple[Signal, ...]:
    """Neither SOC nor volts are known where the site has a battery, or once told of one. No data is not ok."""
    names = ("soc_pct", "battery_voltage_v")
    last = max((at for name in names if (at := s.view[name].taken_at) is not None), default=None)
    if s.site.battery is None and last is None:
        return ()
    active = all(s.seen(name) is None for name in names)
    since = "was never heard" if last is None else f"is {format_duration(age_of(last, s.now))} old"
    return (
        Signal(
            rule_id=UNKNOWN.id,
            active=active,
            what=f"The battery's level is unknown: the newest figure {since}." if active else "",
            why="Nothing watches the battery now, and no miner is started on unknown figures.",
            do="Look at the device that tells the SOC, its power and its network.",
            chart="soc_pct",
        ),
    )


def hot(s: Situation) -> tuple[Signal, ...]:
    """Above the site's limit; clears 3 °C below it."""
    limit_c, seen = s.site.control.max_battery_temperature_c, s.seen("battery_temperature_c")
    if seen is None:
        return (Signal(rule_id=HOT.id, active=None),)
    return (
        Signal(
            rule_id=HOT.id,
            active=above(seen.value, s.is_firing(HOT.id), limit_c, limit_c - s.settings.temperature_clear_c),
            devices=sources(seen),
            taken_at=seen.taken_at,
            value=seen.value,
            threshold=limit_c,
            unit="°C",
            what="The battery is at {value} and may have at most {threshold}.",
            waits="The battery was over its {threshold}, and has cooled to {value} so far.",
            why="Heat damages the cells and can end in a fire.",
            do="Stop charging and heavy loads, and look after the room's cooling.",
            action="stop_miners" if s.running_miners() else None,
            chart="battery_temperature_c",
        ),
    )


def cold(s: Situation) -> tuple[Signal, ...]:
    """Below the site's limit, or charged below freezing; clears 3 °C above, or when charging ends."""
    seen, charge = s.seen("battery_temperature_c"), s.seen("battery_charge_w")
    if seen is None:
        return (Signal(rule_id=COLD.id, active=None), Signal(rule_id=COLD.id, active=None, subject="charging"))
    limit_c, clear_c = s.site.control.min_battery_temperature_c, s.settings.temperature_clear_c
    plain = Signal(
        rule_id=COLD.id,
        active=below(seen.value, s.is_firing(COLD.id), limit_c, limit_c + clear_c),
        devices=sources(seen),
        taken_at=seen.taken_at,
        value=seen.value,
        threshold=limit_c,
        unit="°C",
        lower_is_worse=True,
        what="The battery is at {value} and must have at least {threshold}.",
        waits="The battery was under its {threshold}, and has warmed to {value} so far.",
        why="A cold bank gives and takes little power.",
        do="Warm the room before the bank is used hard.",
        chart="battery_temperature_c",
    )
    return plain, _cold_charge(s, seen.value, None if charge is None else charge.value)


def _cold_charge(s: Situation, celsius: float, charge_w: float | None) -> Signal:
    firing, limit_c = s.is_firing(COLD.id, "charging"), s.settings.cold_charge_c
    if s.site.battery is not None and "fe" not in s.site.battery.chemistry.lower():
        return Signal(rule_id=COLD.id, active=False, subject="charging")  # lead may be charged in the cold
    frozen = below(celsius, firing, limit_c, limit_c + s.settings.temperature_clear_c)
    active: bool | None = False
    if frozen:
        active = None if charge_w is None else charge_w > (0.0 if firing else s.settings.cold_charge_w)
    seen, charge = s.seen("battery_temperature_c"), s.seen("battery_charge_w")
    return Signal(
        rule_id=COLD.id,
        active=active,
        subject="charging",
        devices=sources(seen, charge),
        taken_at=min(each.taken_at for each in (seen, charge) if each is not None),
        value=celsius,
        threshold=limit_c,
        unit="°C",
        lower_is_worse=True,
        what=f"The battery is at {{value}}, below {{threshold}}{_flow(s)}.",
        waits=f"The battery was charged below {{threshold}}, and has warmed to {{value}} so far{_flow(s)}.",
        why="Charging below freezing damages LiFePO4 cells for good.",
        do="Limit the charge current, or warm the bank first.",
        chart="battery_temperature_c",
    )


def reserve(s: Situation) -> tuple[Signal, ...]:
    """The forecast reaches the reserve within 18 hours; clears when its lowest level is 2 % above it. No forecast, no
    signal; a forecast older than 6 hours says nothing."""
    f = s.forecast
    if f is None:
        return ()
    if age_of(f.issued_at, s.now) > timedelta(seconds=s.settings.forecast_usable_s):
        return (Signal(rule_id=RESERVE.id, active=None),)
    ends = s.now + timedelta(seconds=s.settings.reserve_horizon_s)
    reached = f.reached_at is not None and f.reached_at <= ends
    kept = f.lowest_pct >= f.reserve_pct + s.settings.reserve_clear_pct
    active = reached or (s.is_firing(RESERVE.id) and not kept)
    clock = "" if f.reached_at is None else _clock(s, f.reached_at)
    lowest_at = _clock(s, f.lowest_at)
    when = f"reached at {clock}" if clock else "missed by little"
    do, action = _relief(s)
    short = f"{format_percent(max(f.reserve_pct - f.lowest_pct, 0.0))} under it"
    return (
        Signal(
            rule_id=RESERVE.id,
            active=active,
            taken_at=f.issued_at,
            value=f.lowest_pct,
            threshold=f.reserve_pct,
            unit="%",
            lower_is_worse=True,
            what=f"The reserve of {{threshold}} will be {when}; the lowest will be {{value}} at {lowest_at}, {short}."
            if active
            else "",
            why=f.because,
            do=do,
            action=action,
            chart="soc_pct",
        ),
    )


def _clock(s: Situation, moment: datetime) -> str:
    """The local time alone: what is told lies within a day."""
    return format_clock(moment, s.site.zone, now=moment)
