"""Alerts about figures that cannot all be true: signs or units swapped, flows that do not add up, sun at night."""

from __future__ import annotations

from datetime import timedelta

from energy.alerts.levels import above
from energy.alerts.rule import Level, Rule, Signal
from energy.alerts.situation import Situation, oldest, sources
from energy.conditions import Observed
from energy.series import energy_kwh
from energy.units import format_duration, format_power

IMPLAUSIBLE = Rule(
    id="implausible_data",
    level=Level.WARNING,
    title="Implausible data",
    cleared="The figures fit each other again",
    for_s=600,
    keep_firing_s=900,
    cooldown_s=6 * 3_600,
    inhibited_by=("device_silent",),
    group="data",
    of="check",
)
_WHY = "Alerts, interlocks and answers that rest on these figures may be wrong."
_MOVED_PCT = 4.0  # SOC and battery energy are compared once both moved by so much of the bank


def implausible(s: Situation) -> tuple[Signal, ...]:
    """One signal per check: the balance of flows, the size of powers, the battery's sign, sun at night."""
    return _balance(s), _size(s), _battery_sign(s), _night_sun(s)


def _balance(s: Situation) -> Signal:
    """More than 20 % of the largest flow and 400 W stay unexplained; clears at 10 % and 300 W."""
    flows = [s.seen(name) for name in ("solar_w", "load_w", "battery_charge_w")]
    grid = s.seen("grid_import_w")
    if grid is None and not s.site.grid.present and s.view.number("grid_import_w") is None:
        grid_w: float | None = 0.0
    else:
        grid_w = None if grid is None else grid.value
    solar, load, charge = flows
    generator = s.seen("generator_w")
    silent_generator = generator is None and s.view.number("generator_w") is not None
    if solar is None or load is None or charge is None or grid_w is None or silent_generator:
        return _signal("balance", None)
    generator_w = 0.0 if generator is None else generator.value
    rest_w = abs(solar.value + grid_w + generator_w - load.value - charge.value)
    largest_w = max(abs(solar.value), abs(grid_w), generator_w, abs(load.value), abs(charge.value))
    c = s.settings
    set_w = c.unexplained_share * largest_w + c.unexplained_w
    clear_w = c.unexplained_clear_share * largest_w + c.unexplained_clear_w
    active = above(rest_w, s.is_firing(IMPLAUSIBLE.id, "balance"), set_w, clear_w)
    known = (solar, load, charge, grid, generator)
    what = "Sun, grid, generator, load and battery do not add up: {value} are unexplained."
    do = "Check the signs and units of the newest device, and that every source is in the settings."
    return _signal("balance", active, *known, value=rest_w, threshold=set_w, unit="W", what=what, do=do)


def _size(s: Situation) -> Signal:
    """A power that is too large for what is installed, or a load smaller than that of our own metered miners."""
    solar, load, charge = s.seen("solar_w"), s.seen("load_w"), s.seen("battery_charge_w")
    if solar is None and load is None and charge is None:
        return _signal("size", None)
    kwp, battery = s.site.solar_kwp, s.site.battery
    problem = ""
    if solar is not None and kwp is not None and solar.value > s.settings.solar_over_kwp * kwp * 1_000:
        problem = f"Solar of {format_power(solar.value)} is more than {kwp:g} kWp can give."
    elif charge is not None and battery is not None and _over(s, charge.value, battery.max_charge_w):
        problem = f"{format_power(charge.value)} into the battery is far over its limit."
    elif charge is not None and battery is not None and _over(s, -charge.value, battery.max_discharge_w):
        problem = f"{format_power(-charge.value)} out of the battery is far over its limit."
    elif load is not None and _is_less_than_miners(s, load):
        problem = f"The load is told as {format_power(load.value)}, and the miners alone draw more."
    do = "Check whether a device tells kW where W are expected, or the reverse."
    if not problem and None in (solar, load, charge):
        return _signal("size", None)
    return _signal("size", bool(problem), solar, load, charge, what=problem, do=do)


def _over(s: Situation, watts: float, limit_w: float | None) -> bool:
    return limit_w is not None and limit_w > 0 and watts > s.settings.battery_over_limit * limit_w


def _is_less_than_miners(s: Situation, load: Observed) -> bool:
    """The miners' meters show much more than the load; those that were switched on lately are not in it yet."""
    miners_w = 0.0
    for miner in s.site.miner:
        relay = s.relays.get(miner.id)
        settled = relay is not None and relay.changed_at is not None and relay.changed_at <= load.taken_at
        if relay is not None and relay.on and settled and s.is_current(relay.read_at):
            miners_w += relay.power_w or 0.0
    return miners_w > 1_000.0 and load.value < 0.5 * miners_w


def _battery_sign(s: Situation) -> Signal:
    """Over the history the SOC rose while the battery was told to discharge, or the reverse: both by 4 % of the bank
    or more."""
    soc, charge, battery = s.history.get("soc_pct"), s.history.get("battery_charge_w"), s.site.battery
    if soc is None or charge is None or battery is None:
        return _signal("battery_sign", None)
    levels = soc.known()
    if levels.times.size < 2:
        return _signal("battery_sign", None)
    first_s, last_s = int(levels.times[0]), int(levels.times[-1])
    kwh = energy_kwh(charge, first_s, last_s)
    if kwh is None:
        return _signal("battery_sign", None)
    soc_pct, flow_pct = float(levels.values[-1] - levels.values[0]), kwh / battery.usable_kwh * 100
    both = min(abs(soc_pct), abs(flow_pct)) >= _MOVED_PCT
    if not both:
        return _signal("battery_sign", None if s.is_firing(IMPLAUSIBLE.id, "battery_sign") else False)
    span = format_duration(timedelta(seconds=last_s - first_s))
    moved = "rose" if soc_pct > 0 else "fell"
    what = f"The SOC {moved} by {abs(soc_pct):.0f} % in {span}, and the battery's power says the opposite."
    do = "Check the sign of the battery's power: charging is positive here."
    return _signal("battery_sign", soc_pct * flow_pct < 0, s.seen("battery_charge_w"), what=what, do=do)


def _night_sun(s: Situation) -> Signal:
    """Solar power while the sun is down; clears with the power, or when the sun is up."""
    solar = s.seen("solar_w")
    if solar is None or s.clear_sky_w is None:
        return _signal("night_sun", None)
    firing = s.is_firing(IMPLAUSIBLE.id, "night_sun")
    limit_w = s.settings.night_solar_w
    active = s.clear_sky_w <= 0 and above(solar.value, firing, limit_w, limit_w / 3)
    what = "Solar is told as {value} while the sun is down."
    do = "Check the site's place and time zone in the settings, and the device's clock."
    return _signal("night_sun", active, solar, value=solar.value, threshold=limit_w, unit="W", what=what, do=do)


def _signal(
    check: str,
    active: bool | None,
    *known: Observed | None,
    value: float | None = None,
    threshold: float | None = None,
    unit: str = "",
    what: str = "",
    do: str = "",
) -> Signal:
    return Signal(
        rule_id=IMPLAUSIBLE.id,
        active=active,
        subject=check,
        devices=sources(*known),
        taken_at=oldest(*known),
        value=value,
        threshold=threshold,
        unit=unit,
        what=what,
        why=_WHY,
        do=do,
        chart=_CHARTS[check],
    )


_CHARTS = {"balance": "load_w", "size": "load_w", "battery_sign": "battery_charge_w", "night_sun": "solar_w"}
