"""The levels at which the rules set and clear, beside the site's own limits. Units are in the names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """Set and clear levels. A pair (`..._w`, `..._clear_w`) sets above the first and clears at or below the second.

    The distance between the two is what keeps noise from ringing: SOC estimates move by about 0.7 % (sigma), battery
    volts by about 0.5 V with the load.
    """

    battery_clear_pct: float = 3.0  # how far above its floor the SOC must be to clear
    battery_clear_on_curve_pct: float = 10.0  # the same on the voltage curve, which reads high while charging
    critical_voltage_v: float | None = None  # instead of the voltage curve, and for sites without one
    safe_min_voltage_v: float | None = None
    voltage_clear_v: float = 0.8

    discharge_w: float = 5_000.0  # beyond our own miners
    discharge_clear_w: float = 4_000.0
    base_load_factor: float = 2.0  # of the usual base load of this hour
    base_load_clear_factor: float = 1.4
    base_load_extra_w: float = 1_500.0  # at least so much above it
    base_load_clear_extra_w: float = 700.0

    solar_share: float = 0.5  # of the weather's forecast
    solar_clear_share: float = 0.65
    solar_clear_sky_share: float = 0.08  # without a forecast; thick cloud lets about 10 % through
    solar_clear_sky_clear_share: float = 0.2
    solar_min_expected_w_per_kwp: float = 100.0  # below that the sun is too low to judge
    solar_mean_s: float = 1_800.0
    full_soc_pct: float = 97.0  # from here on a site that may not export throttles its panels

    generator_w: float = 200.0
    generator_clear_w: float = 50.0
    generator_s: float = 4 * 3_600.0  # so long is long

    stuck_power_s: float = 1_800.0  # a power that is not 0 never stands still so long
    stuck_battery_s: float = 7_200.0
    stuck_rows: int = 6
    stuck_flow_w: float = 500.0  # what must be drawn for still volts to be strange; a charger may hold them still
    stuck_bank_pct: float = 3.0  # of the bank must have flowed for a still SOC to be strange
    stuck_full_pct: float = 99.0  # a full battery stays full while it is charged
    unexplained_share: float = 0.2  # of the largest flow
    unexplained_w: float = 400.0
    unexplained_clear_share: float = 0.1
    unexplained_clear_w: float = 300.0
    solar_over_kwp: float = 1.4  # panels at a cloud's edge give up to about 1.3 of their rating
    night_solar_w: float = 300.0
    battery_over_limit: float = 1.5

    temperature_clear_c: float = 3.0
    cold_charge_c: float = 0.0  # a LiFePO4 cell that is charged below freezing is damaged
    cold_charge_w: float = 200.0

    miner_share: float = 0.5  # of its rated power
    miner_clear_share: float = 0.7
    miner_start_s: float = 900.0
    miner_off_w: float = 100.0
    miner_off_clear_w: float = 30.0

    surplus_w: float = 3_000.0
    surplus_clear_w: float = 2_000.0
    held_back_share: float = 0.8  # of the forecast, as what throttled panels would surely give
    reserve_horizon_s: float = 18 * 3_600.0
    reserve_clear_pct: float = 2.0
    forecast_usable_s: float = 6 * 3_600.0
    cloudy_share: float = 0.5  # of the last week's mean
    cloudy_clear_share: float = 0.65
    cloudy_margin_pct: float = 10.0  # above the safe minimum; a battery that stays higher needs no warning
    evening_from_h: int = 17  # local; what comes later can be prepared for, what comes at night wakes people
    evening_until_h: int = 22
    coming_hours: float = 2.0  # for so long the first idle miner could run on it

    clock_skew_s: float = 60.0
    clock_skew_clear_s: float = 10.0
    disk_free_share: float = 0.10
    disk_free_clear_share: float = 0.15


DEFAULTS = AlertSettings()
