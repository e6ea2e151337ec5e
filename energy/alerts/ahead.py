"""Alerts about the days to come: little sun tomorrow, and more sun soon than the battery takes."""

from __future__ import annotations

from datetime import timedelta

from energy.alerts.rule import Level, Rule, Signal
from energy.alerts.situation import DaysAhead, Situation, age_of
from energy.units import format_clock, format_energy, format_percent, format_power

CLOUDY = Rule(
    id="cloudy_tomorrow",
    level=Level.INFO,
    title="Little sun tomorrow",
    cleared="Tomorrow is seen brighter again",
    for_s=600,
    keep_firing_s=3_600,
    cooldown_s=20 * 3_600,
    inhibited_by=("reserve_breach", "battery_critical"),
    group="forecast",
)
COMING = Rule(
    id="surplus_coming",
    level=Level.INFO,
    title="Surplus is coming",
    cleared="The surplus that was coming is over",
    for_s=600,
    keep_firing_s=3_600,
    cooldown_s=20 * 3_600,
    inhibited_by=("surplus", "implausible_data"),
    group="hints",
)


def cloudy_tomorrow(s: Situation) -> tuple[Signal, ...]:
    """In the evening: tomorrow's sun is under half of the last week's mean (clears at 65 %), and the battery would fall
    below its safe minimum and 10 % by the morning after. Unknown without a fresh forecast or three days to compare."""
    d = s.days_ahead
    if d is None:
        return ()
    known = _fresh(s, d) and None not in (d.solar_tomorrow_kwh, d.usual_solar_kwh, d.lowest_tomorrow_pct)
    if not known or d.solar_tomorrow_kwh is None or d.usual_solar_kwh is None or d.lowest_tomorrow_pct is None:
        return (Signal(rule_id=CLOUDY.id, active=None),)
    firing, safe_pct = s.is_firing(CLOUDY.id), s.site.limits.safe_min_soc_pct
    evening = s.settings.evening_from_h <= s.now.astimezone(s.site.zone).hour < s.settings.evening_until_h
    share = s.settings.cloudy_clear_share if firing else s.settings.cloudy_share
    dull = d.usual_solar_kwh > 0 and d.solar_tomorrow_kwh < share * d.usual_solar_kwh
    low = d.lowest_tomorrow_pct < safe_pct + s.settings.cloudy_margin_pct
    return (
        Signal(
            rule_id=CLOUDY.id,
            active=dull and low and evening,
            taken_at=d.issued_at,
            what=f"Tomorrow brings about {format_energy(d.solar_tomorrow_kwh)} of sun; the last days brought "
            f"{format_energy(d.usual_solar_kwh)}.",
            why=f"The battery would fall to {format_percent(round(d.lowest_tomorrow_pct))}; the safe minimum is "
            f"{format_percent(safe_pct)}.",
            do=_prepare(s),
            action="grid_charge" if _may_charge(s) else "stop_miners" if s.running_miners() else None,
            chart="soc_pct",
        ),
    )


def surplus_coming(s: Situation) -> tuple[Signal, ...]:
    """The sun of the next six hours beyond the house is more than the battery takes, by what the first miner that is
    off would use in two hours, and than running miners use (clears at half of it). Where no miner is off that might
    run, or the plan is followed, there is no hint to give."""
    d, soc = s.days_ahead, s.seen("soc_pct")
    if d is None or not s.site.miner:
        return ()
    if not _fresh(s, d) or soc is None or s.site.battery is None:
        return (Signal(rule_id=COMING.id, active=None),)
    room_kwh = max(100.0 - soc.value, 0.0) / 100.0 * s.site.battery.usable_kwh
    hours = max((d.surplus_until - s.now).total_seconds(), 0.0) / 3_600
    used_kwh = sum(miner.power_w for miner in s.running_miners()) / 1_000.0 * hours
    left_kwh = d.surplus_kwh - used_kwh - room_kwh
    idle = s.idle_miners()
    if not idle or d.followed:
        return (Signal(rule_id=COMING.id, active=False),)
    needed_kwh = idle[0].power_w / 1_000.0 * s.settings.coming_hours
    firing = s.is_firing(COMING.id)
    until = format_clock(d.surplus_until, s.site.zone, now=s.now)
    return (
        Signal(
            rule_id=COMING.id,
            active=left_kwh > (needed_kwh / 2 if firing else needed_kwh),
            taken_at=d.issued_at,
            what=f"Until {until} about {format_energy(d.surplus_kwh)} of sun come beyond what the house uses, and the "
            f"battery takes {format_energy(room_kwh)} of it.",
            why="What is not used then is sold cheaply or lost.",
            do=f"Start {idle[0].id} ({format_power(idle[0].power_w)}), or wash, cool or charge a car then.",
            action="start_miners",
            chart="solar_w",
        ),
    )


def _fresh(s: Situation, d: DaysAhead) -> bool:
    return age_of(d.issued_at, s.now) <= timedelta(seconds=s.settings.forecast_usable_s)


def _may_charge(s: Situation) -> bool:
    grid = s.site.grid
    return grid.present and grid.import_allowed and s.site.plan.grid_charge and s.view["grid_present"].value is True


def _prepare(s: Situation) -> str:
    if _may_charge(s):
        return "Charge the battery from the grid tonight, while it is cheap."
    running = s.running_miners()
    if running:
        return f"Save what the battery holds: stop {' and '.join(miner.id for miner in running)} tonight."
    return "Save what the battery holds, and put off what can wait."
