"""Victron's values in our fields and units. Battery + = charging, grid + = import: the signs are the same as ours."""

from __future__ import annotations

from datetime import datetime

from connectors.device import DeviceDetails, SettingValue
from connectors.victron.topics import Values
from energy.reading import Reading
from energy.site import Device, Site

SOURCE = "victron"
_SYSTEM = "system/0"
_PHASES = ("L1", "L2", "L3")
_GRID_LOST = "GridLost"
_DEAD_MAINS_V = 50.0  # well below any grid's 100-240 V: what a meter shows of a grid that is down
_NOISE_W = 50.0  # a flow that cannot be negative may be measured as slightly negative
# dbus-systemcalc-py: /SystemState/State
_STATES = {
    0: "off",
    1: "low power",
    2: "fault",
    3: "bulk charging",
    4: "absorption charging",
    5: "float charging",
    6: "storage",
    7: "equalising",
    8: "passing through",
    9: "inverting",
    10: "assisting",
    11: "power supply",
    244: "sustaining",
    252: "externally controlled",
    256: "discharging",
    257: "sustaining",
    258: "recharging",
    259: "scheduled charging",
}
_SHORE_OR_GRID, _GENERATOR, _INVERTING = (1, 3), 2, 240


def reading_of(site: Site, device: Device, values: Values, taken_at: datetime) -> Reading:
    """One reading of everything that the GX has said. Powers in W, rounded to 0.1 (they arrive as float32)."""
    load_w = _load_w(values)
    return Reading(
        site_id=site.id,
        source=SOURCE,
        device_id=device.id,
        taken_at=taken_at,
        soc_pct=_rounded(values.number(f"{_SYSTEM}/Dc/Battery/Soc"), 1),
        battery_charge_w=_rounded(values.number(f"{_SYSTEM}/Dc/Battery/Power"), 1),
        battery_voltage_v=_rounded(values.number(f"{_SYSTEM}/Dc/Battery/Voltage"), 2),
        battery_temperature_c=_rounded(values.number(f"{_SYSTEM}/Dc/Battery/Temperature"), 1),
        solar_w=_not_negative(_solar_w(values)),
        load_w=_not_negative(load_w),
        grid_import_w=_grid_import_w(site, values, load_w),
        generator_w=_not_negative(_phases_w(values, "Genset")),
        grid_present=_grid_present(site, values),
        inverter_state=_state(values),
        fault_codes=_fault_codes(values),
    )


def details_of(device: Device, values: Values, portal_id: str, taken_at: datetime) -> DeviceDetails:
    """What the GX is, and its ESS settings (read only)."""
    cgwacs = "settings/0/Settings/CGwacs"
    settings: dict[str, SettingValue] = {
        "ess_minimum_soc_pct": values.number(f"{cgwacs}/BatteryLife/MinimumSocLimit"),
        "ess_mode": _ess_mode(values.number(f"{cgwacs}/BatteryLife/State")),
        "grid_setpoint_w": values.number(f"{cgwacs}/AcPowerSetPoint"),
        "max_charge_power_w": _limit(values.number(f"{cgwacs}/MaxChargePower")),
        "max_discharge_power_w": _limit(values.number(f"{cgwacs}/MaxDischargePower")),
        "max_feed_in_power_w": _limit(values.number(f"{cgwacs}/MaxFeedInPower")),
        "max_charge_current_a": _limit(values.number("settings/0/Settings/SystemSetup/MaxChargeCurrent")),
        "battery_max_charge_current_a": next((v for _, v in values.of("battery", "Info/MaxChargeCurrent")), None),
        "battery_monitor": values.first_text("battery", "ProductName"),
        "solar_charger": values.first_text("solarcharger", "ProductName"),
        "inverter": values.first_text("vebus", "ProductName"),
        "grid_meter": values.first_text("grid", "ProductName"),
    }
    for relay in (0, 1):
        state = values.number(f"{_SYSTEM}/Relay/{relay}/State")
        settings[f"relay_{relay + 1}_on"] = None if state is None else state == 1
    return DeviceDetails(
        device_id=device.id,
        kind=device.kind,
        model=values.first_text("platform", "Device/Model") or "Victron GX",
        firmware=values.first_text("platform", "Firmware/Installed/Version"),
        serial_tail=portal_id[-4:],
        taken_at=taken_at,
        settings={name: value for name, value in settings.items() if value is not None},
    )


def _phases_w(values: Values, flow: str) -> float | None:
    """The sum over phases; a phase that is null is not connected, and all null means unknown."""
    known = [values.number(f"{_SYSTEM}/Ac/{flow}/{phase}/Power") for phase in _PHASES]
    return _total(known)


def _solar_w(values: Values) -> float | None:
    """Chargers plus AC-coupled inverters, wherever they feed in."""
    return _total(
        [
            values.number(f"{_SYSTEM}/Dc/Pv/Power"),
            *(_phases_w(values, flow) for flow in ("PvOnGrid", "PvOnOutput", "PvOnGenset")),
        ]
    )


def _load_w(values: Values) -> float | None:
    """AC consumption, plus DC loads where the GX measures or computes them."""
    ac_w = _phases_w(values, "Consumption")
    if ac_w is None:
        return None
    return ac_w + (values.number(f"{_SYSTEM}/Dc/System/Power") or 0.0)


def _grid_import_w(site: Site, values: Values, load_w: float | None) -> float | None:
    import_w = _phases_w(values, "Grid")
    if import_w is None and not site.grid.present and load_w is not None:
        return 0.0  # the GX is alive and the site has no grid: that is a known zero
    return _rounded(import_w, 1)


def _grid_present(site: Site, values: Values) -> bool | None:
    """Whether the grid is up. A meter's voltage decides, then the inverter's alarm, then its active input.

    While a generator feeds the input nobody measures the grid: unknown.
    """
    if not site.grid.present:
        return None
    volts = [v for phase in _PHASES for _, v in values.of("grid", f"Ac/{phase}/Voltage")]
    if volts:
        return max(volts) > _DEAD_MAINS_V
    if any(value == 2 for _, value in values.of("vebus", f"Alarms/{_GRID_LOST}")):
        return False
    source = values.number(f"{_SYSTEM}/Ac/ActiveIn/Source")
    if source in _SHORE_OR_GRID:
        return True
    return False if source == _INVERTING else None


def _state(values: Values) -> str | None:
    state = values.number(f"{_SYSTEM}/SystemState/State")
    return None if state is None else _STATES.get(int(state), f"state {state:g}")


def _fault_codes(values: Values) -> tuple[str, ...] | None:
    """Alarms (2), warnings (1) and error numbers of all devices; () when they all say none, None when none speaks.

    A lost grid is no fault of the inverter's: `grid_present` tells of it.
    """
    codes: list[str] = []
    heard = False
    for service in ("vebus", "battery"):
        for instance, name, level in values.below(service, "Alarms"):
            heard = True
            if level in (1, 2) and name != _GRID_LOST:
                codes.append(f"{service}/{instance} {name}{' warning' if level == 1 else ''}")
    for service, tail in (("vebus", "VebusError"), ("solarcharger", "ErrorCode")):
        for instance, code in values.of(service, tail):
            heard = True
            if code:
                codes.append(f"{service}/{instance} error {code:g}")
    return tuple(codes) if heard else None


def _ess_mode(state: float | None) -> str | None:
    if state is None:
        return None
    if state == 9:
        return "keep batteries charged"
    if 1 <= state <= 8:
        return "optimised with BatteryLife"
    return "optimised without BatteryLife" if 10 <= state <= 12 else "external control"


def _limit(value: float | None) -> float | None:
    return None if value is None or value < 0 else value  # -1 says: no limit


def _total(parts: list[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits) + 0.0  # + 0.0 turns -0.0 into 0.0


def _not_negative(value: float | None) -> float | None:
    if value is not None and -_NOISE_W <= value < 0:
        return 0.0
    return _rounded(value, 1)
