"""The cloud's power flow in our signs. Pure.

The flow carries magnitudes; flags tell the direction (`toBat` charging, `batTo` discharging, `gridTo` importing,
`toGrid` exporting). Some captures carry signs as well, inconsistently, so a single flag always wins. Without exactly
one flag the raw sign is all there is (import +, discharge +), and the quality says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from connectors.numbers import flag, number
from energy.reading import Quality, balance_w

ABSENT_SOC_PCT = -100.0  # what a battery without communication reports
BALANCE_NOISE_W = 200.0


@dataclass(frozen=True, slots=True)
class Flow:
    """Powers in W and SOC in %, signs as in `energy.reading`; None is unknown."""

    soc_pct: float | None
    battery_charge_w: float | None
    solar_w: float | None
    load_w: float | None
    grid_import_w: float | None
    generator_w: float | None
    battery_fault: bool
    quality: Quality

    @property
    def grid_flows(self) -> bool:
        """Whether power crosses the grid connection right now, which proves that there is a grid."""
        return bool(self.grid_import_w)


def flow(data: Mapping[str, Any]) -> Flow | None:
    """The flow of the `data` of `plant/energy/{id}/flow`, or None where the cloud has a gap.

    In a gap every value is 0 or missing, the SOC too: that is no measurement, a real inverter always has a SOC.
    """
    soc_pct = number(data.get("soc"))
    raw = {name: number(data.get(name)) for name in _POWERS}
    if not soc_pct and not any(raw.values()):
        return None
    if soc_pct == ABSENT_SOC_PCT:
        soc_pct = None
    charge_w, charge_known = _directed(raw["battPower"], data, positive="toBat", negative="batTo", raw_sign=-1)
    import_w, import_known = _directed(raw["gridOrMeterPower"], data, positive="gridTo", negative="toGrid", raw_sign=1)
    translated = Flow(
        soc_pct=soc_pct,
        battery_charge_w=charge_w,
        solar_w=_solar_w(raw, data),
        load_w=_magnitude(raw["loadOrEpsPower"]),
        grid_import_w=import_w,
        generator_w=_magnitude(raw["genPower"]),
        battery_fault=flag(data.get("bmsCommFaultFlag")) is True,
        quality=Quality.GOOD if charge_known and import_known else Quality.DEGRADED,
    )
    if flag(data.get("existsMeter")) is False and not translated.load_w:
        # without a load sensor the cloud shows 0: what the other flows leave over is the load
        translated = replace(translated, load_w=_load_from_balance(translated), quality=Quality.DEGRADED)
    if None in (translated.soc_pct, translated.solar_w, translated.load_w):
        translated = replace(translated, quality=Quality.DEGRADED)
    return translated


_POWERS = ("pvPower", "battPower", "gridOrMeterPower", "loadOrEpsPower", "genPower", "minPower")


def _directed(
    value: float | None, data: Mapping[str, Any], *, positive: str, negative: str, raw_sign: int
) -> tuple[float | None, bool]:
    """The signed power, and whether its direction was stated."""
    if value is None:
        return None, False
    if value == 0:
        return 0.0, True
    is_positive, is_negative = flag(data.get(positive)) is True, flag(data.get(negative)) is True
    if is_positive != is_negative:
        return (abs(value) if is_positive else -abs(value)), True
    return raw_sign * value, False


def _solar_w(raw: Mapping[str, float | None], data: Mapping[str, Any]) -> float | None:
    """Panels on the inverter plus AC-coupled ones (`minPower`); unknown when an existing part is."""
    pv_w, ac_coupled_w = _magnitude(raw["pvPower"]), _magnitude(raw["minPower"])
    if pv_w is None or (ac_coupled_w is None and flag(data.get("existsMin")) is True):
        return None
    return pv_w + (ac_coupled_w or 0.0)


def _load_from_balance(partial: Flow) -> float | None:
    left_over_w = balance_w(replace(partial, load_w=0.0))
    if left_over_w is None or left_over_w < -BALANCE_NOISE_W:
        return None
    return max(left_over_w, 0.0)


def _magnitude(value: float | None) -> float | None:
    return None if value is None else abs(value)
