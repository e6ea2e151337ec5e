"""Where a course of levels turns, and what energy was counted between two moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy.cadence import weights_s
from energy.forecast.hours import Floats, Ints
from energy.series import Series

_SPIKE = 5.0  # times the usual peak (95th percentile): no battery does that; a counter was reset


def cleaned_power(charge_w: Series) -> tuple[Series, tuple[str, ...]]:
    """The known rows without spikes such as a reset meter gives, and what was left out."""
    known = charge_w.known()
    size = np.abs(known.values)
    busy = size[size > 1.0]
    if busy.size < 20:
        return known, ()
    spikes = size > _SPIKE * float(np.quantile(busy, 0.95))
    if not spikes.any():
        return known, ()
    cleaned = Series(known.times, np.where(spikes, np.nan, known.values), known.cadence_s, known.source)
    return cleaned, (f"{int(spikes.sum())} rows of battery power are spikes (a meter reset?) and are left out.",)


@dataclass(frozen=True)
class Counted:
    """Energy so far (kWh) in both directions and known time (s), at moments in rising order."""

    at_s: Floats
    charged_kwh: Floats
    discharged_kwh: Floats
    known_s: Floats

    @classmethod
    def of(cls, charge_w: Series) -> Counted:
        """From powers (W, + charging). A row stands until the next; a gap over two cadences is unknown, not zero."""
        times = charge_w.times.astype(np.float64)
        weights = weights_s(charge_w.times, charge_w.row_cadences_s)
        known = ~np.isnan(charge_w.values)
        watts, seconds = np.nan_to_num(charge_w.values), np.where(known, weights, 0.0)
        columns = [np.maximum(watts, 0.0) * seconds / 3.6e6, np.maximum(-watts, 0.0) * seconds / 3.6e6, seconds]
        at_s = np.stack([times, times + weights], axis=1).ravel()
        sums = [np.concatenate([[0.0], np.cumsum(column)]) for column in columns]
        return cls(at_s, *(np.stack([s[:-1], s[1:]], axis=1).ravel() for s in sums))

    def between(self, start_s: Floats, end_s: Floats) -> tuple[Floats, Floats, Floats]:
        """Charged and discharged (kWh), and the share of the time that is known, per pair of moments."""
        if not self.at_s.size:
            none = np.zeros(np.shape(start_s))
            return none, none, none
        found = [
            np.interp(end_s, self.at_s, column) - np.interp(start_s, self.at_s, column)
            for column in (self.charged_kwh, self.discharged_kwh, self.known_s)
        ]
        return found[0], found[1], np.asarray(found[2] / np.maximum(end_s - start_s, 1.0), dtype=np.float64)


def turning_points(levels: Floats, least: float) -> Ints:
    """The rows at which a course turns, first and last included; turns smaller than `least` are passed over."""
    if levels.size < 2:
        return np.arange(levels.size, dtype=np.int64)
    moved = np.concatenate([[0], np.flatnonzero(np.diff(levels) != 0) + 1])
    values = levels[moved].tolist()
    turns: list[int] = [0]
    low = high = 0
    direction = 0
    for i, value in enumerate(values):
        if value > values[high]:
            high = i
        if value < values[low]:
            low = i
        if direction >= 0 and values[high] - value >= least:
            if direction > 0 or high > 0:
                turns.append(high)
            direction, low = -1, i
            high = i
        elif direction <= 0 and value - values[low] >= least:
            if direction < 0 or low > 0:
                turns.append(low)
            direction, high = 1, i
            low = i
    turns.append(high if direction > 0 else low if direction < 0 else len(values) - 1)
    if turns[-1] != len(values) - 1:
        turns.append(len(values) - 1)
    return np.unique(moved[np.array(turns)]).astype(np.int64)
