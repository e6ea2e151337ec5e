"""Hourly rollups of a field: what a sum over months needs, without its rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy.cadence import Cadence, Times, Values, weights_s

HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Rollup:
    """One UTC hour of one field of one device. Means are time-weighted over the `covered_s` known seconds.

    `positive_mean` and `negative_mean` are the means of max(v, 0) and max(-v, 0): charge and discharge, import and
    export. `mean * covered_s / 3.6e6` is the hour's energy in kWh when the field is a power in W.
    """

    start_s: int
    mean: float
    minimum: float
    minimum_at_s: int
    maximum: float
    maximum_at_s: int
    covered_s: float
    positive_mean: float
    negative_mean: float


def hourly_rollups(times: Times, values: Values, cadence_s: Cadence) -> list[Rollup]:
    """The rollups of all UTC hours with at least one known row; rows as in `Series`, weights as in `weights_s`.

    `cadence_s` is one for all rows, or one per row.
    """
    known = ~np.isnan(values)
    if not known.all():
        times, values = times[known], values[known]
        cadence_s = cadence_s[known] if isinstance(cadence_s, np.ndarray) else cadence_s
    if times.size == 0:
        return []
    weights = weights_s(times, cadence_s)
    hours = times // HOUR_S
    starts = np.concatenate([[0], np.flatnonzero(np.diff(hours)) + 1])
    ends = np.append(starts[1:], times.size)
    covered = np.add.reduceat(weights, starts)
    mean = np.add.reduceat(values * weights, starts) / covered
    positive = np.add.reduceat(np.maximum(values, 0.0) * weights, starts) / covered
    negative = np.add.reduceat(np.maximum(-values, 0.0) * weights, starts) / covered
    rollups = []
    for i, (first, last) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        low = first + int(values[first:last].argmin())
        high = first + int(values[first:last].argmax())
        rollups.append(
            Rollup(
                start_s=int(hours[first]) * HOUR_S,
                mean=float(mean[i]),
                minimum=float(values[low]),
                minimum_at_s=int(times[low]),
                maximum=float(values[high]),
                maximum_at_s=int(times[high]),
                covered_s=float(covered[i]),
                positive_mean=float(positive[i]),
                negative_mean=float(negative[i]),
            )
        )
    return rollups
