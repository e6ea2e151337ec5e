"""How much a bank of a kind usually loses, by time and by cycling, from published ageing models.

LiFePO4: Naumann et al., J. Energy Storage 17 (2018) 153 (calendar: Arrhenius, level, square root of time) and J. Power
Sources 451 (2020) 227666 (cycles: rate, depth, square root of full cycles), Sony/Murata US26650 cells.
NMC: Schmalstieg et al., J. Power Sources 257 (2014) 325, Sanyo UR18650E cells: calendar by voltage and temperature with
time^0.75, cycles by voltage and depth with the square root of charge. Its cycle term was measured near 35 °C and 1 C.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from energy.forecast.hours import Floats

Kind = Literal["LiFePO4", "NMC"]

_GAS = 8.3144598  # J / (mol K)
_REFERENCE_K = 298.15
_DAY_S, _YEAR_DAYS = 86_400.0, 365.25
_NMC_AH = 2.15  # of the cell that the NMC constants belong to
_USUAL_C, _USUAL_SOC, _USUAL_DEPTH, _USUAL_RATE = 25.0, 0.5, 0.5, 0.25
_NAMES: dict[str, Kind] = {
    "lifepo4": "LiFePO4",
    "lfp": "LiFePO4",
    "nmc": "NMC",
    "linimncoo2": "NMC",
    "lithium-ion": "NMC",
    "li-ion": "NMC",
}


@dataclass(frozen=True)
class Use:
    """How a bank is used: full cycles a year, usual depth and level (shares), rate (C), temperature (°C)."""

    full_cycles_per_year: float
    depth: float = _USUAL_DEPTH
    soc: float = _USUAL_SOC
    c_rate: float = _USUAL_RATE
    temperature_c: float = _USUAL_C


@dataclass(frozen=True)
class Lost:
    """Shares of the capacity that are gone after those years, by time alone and by cycling."""

    calendar: Floats
    cycles: Floats

    @property
    def total(self) -> Floats:
        return np.minimum(self.calendar + self.cycles, 1.0)


def kind_of(chemistry: str) -> Kind | None:
    """Which published model holds for a chemistry as the settings name it; None where none does."""
    return _NAMES.get(chemistry.strip().lower().replace(" ", ""))


def usual_loss(kind: Kind, use: Use, years: Floats) -> Lost:
    """What banks of that kind usually lose in that use."""
    at = np.maximum(np.asarray(years, dtype=np.float64), 0.0)
    kelvin = use.temperature_c + 273.15
    soc, depth = float(np.clip(use.soc, 0.0, 1.0)), float(np.clip(use.depth, 0.0, 1.0))
    full = use.full_cycles_per_year * at
    if kind == "LiFePO4":
        warm = np.exp(-17_126.0 / _GAS * (1.0 / kelvin - 1.0 / _REFERENCE_K))
        level = 2.8575 * (soc - 0.5) ** 3 + 0.60225
        calendar = 1.2571e-5 * warm * level * np.sqrt(at * _YEAR_DAYS * _DAY_S)
        rate, deep = 0.0630 * use.c_rate + 0.0971, 4.0253 * (depth - 0.6) ** 3 + 1.0923
        return Lost(calendar, 0.01 * rate * deep * np.sqrt(full))
    volts = 3.24 + 0.92 * soc  # the model's cell at rest, between 20 and 100 %
    calendar = max((7.543 * volts - 23.75) * 1e6, 0.0) * np.exp(-6_976.0 / kelvin) * (at * _YEAR_DAYS) ** 0.75
    each = 7.348e-3 * (volts - 3.667) ** 2 + 7.6e-4 + 4.081e-3 * depth
    return Lost(calendar, each * np.sqrt(full * 2.0 * _NMC_AH))
