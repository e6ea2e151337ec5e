"""The portal's statistics: a day of 15-minute flows as readings, and its own forecast as powers. Pure.

`false` in place of a series means that there is none, and an empty object comes as a list, as PHP writes it. Times of
replies are epoch milliseconds, of the interval's start. Energies are kWh per interval, of forecasts Wh; instantaneous
codes come as [ms, mean, min, max].
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.numbers import mapping, number
from energy.reading import Quality, Reading
from energy.site import Site
from energy.weather import HOUR, IssuedPower, PowerHour

STEP = timedelta(minutes=15)
SOC, VOLTAGE = "bs", "bv"
# Flows by their ends: P solar, G grid, g generator, B battery, c consumers, b into the battery, g (second) to the grid.
_TO_LOAD, _TO_BATTERY = ("Pc", "Gc", "Bc", "gc"), ("Pb", "Gb", "gb")
_SOLAR, _FROM_BATTERY, _GENERATOR = ("Pc", "Pb", "Pg"), ("Bc", "Bg"), ("gc", "gb")
_FROM_GRID, _TO_GRID = ("Gc", "Gb"), ("Pg", "Bg")
FLOWS = ("Pb", "Pc", "Pg", "Gb", "Gc", "Bc", "Bg", "gb", "gc")
SOLAR_FORECAST, LOAD_FORECAST = "solar_yield_forecast", "vrm_consumption_fc"

Series = Mapping[int, float]  # epoch ms of an interval's start -> its value


def series_of(body: Any, code: str) -> Series:
    """One series of an answer of `stats`; empty where there is none."""
    rows = mapping(mapping(body).get("records")).get(code)
    found: dict[int, float] = {}
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, list) or len(row) < 2:
            continue
        at_ms, value = number(row[0]), number(row[1])
        if at_ms is not None and value is not None and 0 < at_ms < 1e14:
            found[int(at_ms)] = value
    return found


def day_readings(
    flows: Any, levels: Any, *, site: Site, source: str, device_id: str, start: datetime, end: datetime, now: datetime
) -> list[Reading]:
    """The readings of [start, end) out of the answers for `FLOWS` and for SOC and voltage, ascending.

    Powers are the means of the 15 minutes that begin at `taken_at`; an interval that is not over yet is left out. A
    flow that the day does not have is 0 beside its others; a quantity without any of its flows is unknown.
    """
    by_code = {code: series_of(flows, code) for code in FLOWS}
    soc, volts = series_of(levels, SOC), series_of(levels, VOLTAGE)
    moments = {at_ms for series in (*by_code.values(), soc, volts) for at_ms in series}
    first_ms, end_ms = int(start.timestamp() * 1000), int(min(end, now).timestamp() * 1000)
    step_ms = int(STEP.total_seconds() * 1000)
    readings = []
    for at_ms in sorted(moments):
        if at_ms < first_ms or at_ms + step_ms > end_ms:
            continue
        readings.append(
            Reading(
                site_id=site.id,
                source=source,
                device_id=device_id,
                taken_at=datetime.fromtimestamp(at_ms / 1000, UTC),
                quality=Quality.BACKFILLED,
                soc_pct=_rounded(soc.get(at_ms)),
                battery_voltage_v=_rounded(volts.get(at_ms), 2),
                **_powers(by_code, at_ms, site),
            )
        )
    return readings


def _powers(by_code: Mapping[str, Series], at_ms: int, site: Site) -> dict[str, Any]:
    logged = any(at_ms in series for series in by_code.values())

    def watts(into: tuple[str, ...], out_of: tuple[str, ...] = ()) -> float | None:
        if not logged or not any(by_code[code] for code in (*into, *out_of)):
            return None
        kwh = sum(by_code[code].get(at_ms, 0.0) for code in into)
        kwh -= sum(by_code[code].get(at_ms, 0.0) for code in out_of)
        return _rounded(kwh * 1000.0 / (STEP / HOUR))

    grid_w = watts(_FROM_GRID, _TO_GRID)
    if grid_w is None and logged and not site.grid.present:
        grid_w = 0.0  # the GX was there and the site has no grid: that is a known zero
    return {
        "solar_w": watts(_SOLAR),
        "load_w": watts(_TO_LOAD),
        "battery_charge_w": watts(_TO_BATTERY, _FROM_BATTERY),
        "grid_import_w": grid_w,
        "generator_w": watts(_GENERATOR),
    }


def issued_power(body: Any, *, source: str, issued_at: datetime) -> IssuedPower | None:
    """The portal's own forecast out of an answer with hourly Wh; None before the portal knows the site well enough."""
    solar, load = series_of(body, SOLAR_FORECAST), series_of(body, LOAD_FORECAST)
    hours = tuple(
        PowerHour(
            start=datetime.fromtimestamp(at_ms / 1000, UTC),
            solar_w=_not_negative(solar.get(at_ms)),  # Wh in one hour are the hour's mean W
            load_w=_not_negative(load.get(at_ms)),
        )
        for at_ms in sorted({*solar, *load})
    )
    return IssuedPower(issued_at, source, hours) if hours else None


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits) + 0.0  # + 0.0 turns -0.0 into 0.0


def _not_negative(value: float | None) -> float | None:
    return None if value is None else max(_rounded(value) or 0.0, 0.0)
