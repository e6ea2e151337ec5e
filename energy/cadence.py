"""How far apart a series' rows usually are, row by row: what tells a gap from a slower source.

A series may change its pace: five-minute rows from a vendor's history, then ten-second rows heard live. One cadence for
all of it would call every slow row a gap, so each row has the cadence of its surroundings.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GAP_CADENCES = 2.0
DEFAULT_CADENCE_S = 300.0
NEAREST_STEPS = 12

Times = NDArray[np.int64]
Values = NDArray[np.float64]
Cadence = float | Values  # one for all rows, or one per row (n,)


def median_cadence_s(times: Times, default: float = DEFAULT_CADENCE_S) -> float:
    """The usual distance of rows in seconds; `default` for fewer than two rows."""
    return float(np.median(np.diff(times))) if times.size > 1 else default


def local_cadences_s(times: Times, default: float = DEFAULT_CADENCE_S) -> Values:
    """(n,) the cadence around each row (s): the median of the 12 steps nearest to it.

    Of two middle steps the longer one counts where the pace changes (12 steps), and the shorter one in a series of
    fewer rows, where a single gap must not pass for the pace. `default` for fewer than two rows.
    """
    steps = np.diff(times).astype(np.float64)
    if steps.size == 0:
        return np.full(times.size, default)
    if steps.size < NEAREST_STEPS:
        return np.full(times.size, np.sort(steps)[(steps.size - 1) // 2])
    windows = np.lib.stride_tricks.sliding_window_view(steps, NEAREST_STEPS)
    medians = np.partition(windows, NEAREST_STEPS // 2, axis=1)[:, NEAREST_STEPS // 2]
    first_step = np.clip(np.arange(times.size) - NEAREST_STEPS // 2, 0, steps.size - NEAREST_STEPS)
    return np.asarray(medians[first_step], dtype=np.float64)


def weights_s(times: Times, cadence_s: Cadence) -> Values:
    """(n,) seconds that each row stands for: until the next row, or one cadence before a gap and at the end."""
    if times.size == 0:
        return np.empty(0, np.float64)
    cadences = np.broadcast_to(np.asarray(cadence_s, dtype=np.float64), times.shape)
    steps = np.empty(times.size, np.float64)
    steps[:-1] = np.diff(times)
    steps[-1] = cadences[-1]
    return np.where(steps > GAP_CADENCES * cadences, cadences, steps)


def gaps_after(times: Times, cadence_s: Cadence) -> NDArray[np.bool_]:
    """(n,) whether a gap follows the row; the last row has none after it."""
    found = np.zeros(times.size, dtype=np.bool_)
    if times.size > 1:
        cadences = np.broadcast_to(np.asarray(cadence_s, dtype=np.float64), times.shape)
        found[:-1] = np.diff(times) > GAP_CADENCES * cadences[:-1]
    return found
