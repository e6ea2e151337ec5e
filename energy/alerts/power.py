"""Alerts about power: rapid discharge, unexpected load, too little sun, the grid, the generator, surplus."""

from __future__ import annotations

from datetime import timedelta

from energy.alerts.levels import above, below, between_bounds
from energy.alerts.rule import Level, Rule, Signal
from energy.alerts.situation import Situation, oldest, sources
from energy.series import time_weighted_mean
from energy.site import Miner
from energy.units import format_duration, format_power

DISCHARGE = Rule(
    id="rapid_discharge",
    level=Level.WARNING,
    title="Rapid discharge",
    cleared="The battery is no longer discharged fast",
    for_s=120,
    keep_firing_s=300,
    cooldown_s=1_800,
    group="load",
)
LOAD = Rule(
    id="unexpected_load",
    level=Level.WARNING,
    title="Unexpected load",
    cleared="The load is as usual again",
    for_s=1_800,
    keep_firing_s=900,
    cooldown_s=2 * 3_600,
    inhibited_by=("rapid_discharge", "implausible_data"),
    group="load",
)
SOLAR = Rule(
    id="solar_low",
    level=Level.WARNING,
    title="Solar under-performing",
    cleared="Solar gives what it should again",
    for_s=3_600,
    keep_firing_s=1_800,
    cooldown_s=6 * 3_600,
    inhibited_by=("inverter_fault", "implausible_data"),
    group="solar",
)
OUTAGE = Rule(
    id="grid_outage",
    level=Level.CRITICAL,
    title="Grid outage",
    cleared="The grid is back",
    for_s=10,
    keep_firing_s=60,
    cooldown_s=300,
    reraise_s=8 * 3_600,
    group="grid",
)
GENERATOR = Rule(
    id="generator_long",
    level=Level.WARNING,
    title="Generator runs long",
    cleared="The generator has stopped",
    for_s=4 * 3_600,
    keep_firing_s=600,
    reraise_s=4 * 3_600,
    group="generator",
)
SURPLUS = Rule(
    id="surplus",
    level=Level.INFO,
    title="Surplus worth using",
    cleared="The surplus is over",
    for_s=600,
    keep_firing_s=1_200,
    cooldown_s=20 * 3_600,
    inhibited_by=("implausible_data", "inverter_fault"),
    group="hints",
)


def rapid_discharge(s: Situation) -> tuple[Signal, ...]:
    """More than 5 kW out of the battery beyond what our miners draw; clears at 4 kW. Where the miners' power lies
    between bounds the discharge must be too much, or not, at both."""
    charge = s.seen("battery_charge_w")
    if charge is None:
        return (Signal(rule_id=DISCHARGE.id, active=None),)
    firing, out_w = s.is_firing(DISCHARGE.id), -charge.value
    low_w, high_w = s.miners_watts()
    active = between_bounds(
        above(out_w - high_w, firing, s.settings.discharge_w, s.settings.discharge_clear_w),
        above(out_w - low_w, firing, s.settings.discharge_w, s.settings.discharge_clear_w),
    )
    return (
        Signal(
            rule_id=DISCHARGE.id,
            active=active,
            devices=sources(charge),
            taken_at=charge.taken_at,
            value=out_w - high_w,
            threshold=s.settings.discharge_w,
            unit="W",
            what=f"The battery gives {format_power(out_w)}, of which our miners do not explain {{value}}: {_runs(s)}."
            if active
            else "",
            why="At this rate the bank is empty within hours." + _empty_in(s, out_w) if active else "",
            do="Find what is switched on: heating, cooking, a pump or a car that is charging.",
            action="stop_miners" if s.running_miners() else None,
            chart="battery_charge_w",
        ),
    )


def _runs(s: Situation) -> str:
    """What is known to run, with its watts."""
    parts = [_miner_watts(s, miner) for miner in s.running_miners()]
    load = s.seen("load_w")
    if load is not None:
        low_w, high_w = s.miners_watts()
        other_w = load.value - (low_w + high_w) / 2
        parts.append(f"other loads {format_power(max(other_w, 0.0))}")
    return ", ".join(parts) if parts else "what runs is not known"


def _miner_watts(s: Situation, miner: Miner) -> str:
    low_w, high_w = s.relay_watts(miner)
    return f"{miner.id} {format_power(high_w)}" + ("" if low_w == high_w else " at the most")


def _empty_in(s: Situation, out_w: float) -> str:
    soc = s.seen("soc_pct")
    if soc is None or s.site.battery is None:
        return ""
    above_pct = soc.value - s.site.limits.min_soc_pct
    hours = above_pct / 100 * s.site.battery.usable_kwh * 1_000 / out_w
    return f" The minimum of {s.site.limits.min_soc_pct:g} % is {hours:.1f} h away." if hours > 0 else ""


def unexpected_load(s: Situation) -> tuple[Signal, ...]:
    """The load without miners is over twice the usual of this hour and 1.5 kW above it; clears at 1.4 times or 0.7 kW
    above. Unknown without a usual one."""
    load, usual_w = s.seen("load_w"), s.usual_base_load_w
    if load is None or usual_w is None:
        return (Signal(rule_id=LOAD.id, active=None),)
    c, firing = s.settings, s.is_firing(LOAD.id)
    set_w = max(usual_w * c.base_load_factor, usual_w + c.base_load_extra_w)
    clear_w = max(usual_w * c.base_load_clear_factor, usual_w + c.base_load_clear_extra_w)
    low_w, high_w = s.miners_watts()
    active = between_bounds(
        above(load.value - high_w, firing, set_w, clear_w), above(load.value - low_w, firing, set_w, clear_w)
    )
    return (
        Signal(
            rule_id=LOAD.id,
            active=active,
            devices=sources(load),
            taken_at=load.taken_at,
            value=load.value - high_w,
            threshold=set_w,
            unit="W",
            what=f"Loads other than the miners draw {{value}}; usual at this hour is {format_power(usual_w)}.",
            why="Something may have been left on.",
            do="Look what is switched on.",
            chart="load_w",
        ),
    )


def solar_low(s: Situation) -> tuple[Signal, ...]:
    """The last half hour gave less than half of what the forecast's weather promises (clears at 65 %), or without a
    forecast less than 8 % of a clear sky (clears at 20 %).

    A low sun, and a full battery that throttles the panels, say nothing: unknown while firing, not active before.
    """
    c, firing = s.settings, s.is_firing(SOLAR.id)
    solar = s.seen("solar_w")
    expected_w = s.clear_sky_w if s.forecast_solar_w is None else s.forecast_solar_w
    kwp = s.site.solar_kwp
    if solar is None or expected_w is None:
        return (Signal(rule_id=SOLAR.id, active=None),)
    least_w = c.solar_min_expected_w_per_kwp * (kwp if kwp is not None else 5.0)
    throttled = _may_throttle(s)
    if expected_w < least_w or throttled is not False:
        return (Signal(rule_id=SOLAR.id, active=None if firing or throttled is None else False),)
    mean_w = _recent_mean(s, "solar_w", solar.value)
    forecast = s.forecast_solar_w is not None
    set_share, clear_share = (
        (c.solar_share, c.solar_clear_share) if forecast else (c.solar_clear_sky_share, c.solar_clear_sky_clear_share)
    )
    active = below(mean_w, firing, set_share * expected_w, clear_share * expected_w)
    basis = "the forecast's weather" if forecast else "a clear sky"
    return (
        Signal(
            rule_id=SOLAR.id,
            active=active,
            devices=sources(solar),
            taken_at=solar.taken_at,
            value=mean_w,
            threshold=round(set_share * expected_w, 1),
            unit="W",
            lower_is_worse=True,
            what=f"Solar gave {{value}} in the last half hour; {basis} promises {format_power(expected_w)}.",
            why="An array may be off, shaded or covered, and the battery fills less.",
            do="Look at the inverter's strings, the breakers and the panels.",
            chart="solar_w",
        ),
    )


def _may_throttle(s: Situation) -> bool | None:
    """Whether a full battery may hold the panels back: nothing is exported, and SOC is high; None when not known."""
    if s.site.grid.present and s.site.grid.export_allowed and s.view["grid_present"].value is not False:
        return False
    soc = s.seen("soc_pct")
    if soc is not None:
        return soc.value >= s.settings.full_soc_pct
    charge = s.seen("battery_charge_w")
    if charge is not None and charge.value < -s.settings.night_solar_w:
        return False  # a battery that is discharged in daylight takes all that the panels give
    return False if s.site.battery is None and s.view["soc_pct"].value is None and s.site.grid.present else None


def _held_back_w(s: Situation) -> float:
    """What the panels could give beyond what they do (W) while a full battery throttles them; 0 where not known."""
    solar = s.seen("solar_w")
    if s.forecast_solar_w is None or solar is None or _may_throttle(s) is not True:
        return 0.0
    return max(0.0, s.settings.held_back_share * s.forecast_solar_w - solar.value)


def _recent_mean(s: Situation, name: str, otherwise: float) -> float:
    rows = s.history.get(name)
    if rows is None:
        return otherwise
    end_s = s.now.timestamp() + 1
    mean = time_weighted_mean(rows, end_s - s.settings.solar_mean_s, end_s)
    return otherwise if mean is None else mean


def grid_outage(s: Situation) -> tuple[Signal, ...]:
    """The grid is gone, told by `grid_present` alone: zero import is no outage. Only where the site has a grid."""
    if not s.site.grid.present:
        return ()
    merged = s.view["grid_present"]
    known = not merged.stale and isinstance(merged.value, bool) and s.is_current(merged.taken_at)
    soc = s.seen("soc_pct")
    left = "" if soc is None else f" The battery is at {soc.value:.0f} %."
    return (
        Signal(
            rule_id=OUTAGE.id,
            active=merged.value is False if known else None,
            devices=merged.sources,
            taken_at=merged.taken_at if known else None,
            steady=True,
            what=f"The grid is gone; the site runs on its own.{left}",
            why="The battery and the sun must carry everything until it returns.",
            do="Stop what can wait, the miners first." if s.running_miners() else "Use little until it returns.",
            action="stop_miners" if s.running_miners() else None,
            chart="grid_import_w",
        ),
    )


def generator_long(s: Situation) -> tuple[Signal, ...]:
    """The generator has run for four hours (`generator_s`), above 200 W; it has stopped at 50 W."""
    seen = s.seen("generator_w")
    if seen is None:
        return (Signal(rule_id=GENERATOR.id, active=None),)
    long = format_duration(timedelta(seconds=s.settings.generator_s))
    runs = s.is_firing(GENERATOR.id) or (GENERATOR.id, "") in s.pending
    return (
        Signal(
            rule_id=GENERATOR.id,
            active=above(seen.value, runs, s.settings.generator_w, s.settings.generator_clear_w),
            devices=sources(seen),
            taken_at=seen.taken_at,
            value=seen.value,
            threshold=s.settings.generator_w,
            unit="W",
            what=f"The generator has run for more than {long} and gives {{value}}.",
            why="It burns fuel, and may have been forgotten.",
            do="Look at the fuel and the oil, and stop it if the battery is filled.",
            chart="generator_w",
        ),
    )


def surplus(s: Situation) -> tuple[Signal, ...]:
    """Over 3 kW charged or exported while the battery is at its safe maximum or above; clears at 2 kW, or 5 % under the
    safe maximum. What a full battery keeps the panels from giving counts too, where a forecast tells it. It names the
    first miner that is off and would fit."""
    soc, charge = s.seen("soc_pct"), s.seen("battery_charge_w")
    grid = s.seen("grid_import_w") if s.site.grid.present else None
    if soc is None or charge is None or (s.site.grid.present and grid is None):
        return (Signal(rule_id=SURPLUS.id, active=None),)
    generator = s.seen("generator_w")
    spare_w = charge.value - (grid.value if grid is not None else 0.0) - (generator.value if generator else 0.0)
    spare_w += _held_back_w(s)
    firing, full_pct = s.is_firing(SURPLUS.id), s.site.limits.safe_max_soc_pct
    enough = above(spare_w, firing, s.settings.surplus_w, s.settings.surplus_clear_w)
    idle = [miner for miner in s.idle_miners() if miner.power_w <= spare_w]
    use = f"Start {idle[0].id} ({format_power(idle[0].power_w)})" if idle else "Run what can be run now"
    return (
        Signal(
            rule_id=SURPLUS.id,
            active=enough and not below(soc.value, True, full_pct, full_pct - 5 if firing else full_pct),
            devices=sources(soc, charge, grid),
            taken_at=oldest(soc, charge, grid),
            value=spare_w,
            threshold=s.settings.surplus_w,
            unit="W",
            what=f"{{value}} are left over, and the battery is at {soc.value:.0f} %.",
            why="What is not used now is sold cheaply or lost.",
            do=f"{use}, or wash, cool or charge a car.",
            action="start_miners" if idle else None,
            chart="solar_w",
        ),
    )
