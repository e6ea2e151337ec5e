"""A bank's state of charge from its voltage and back, along the site's curve of (volts, SOC %) points at rest.

Linear between the points, and the first or last point's value outside them. The curve is one of a bank at rest: while
it charges the voltage reads high and while it discharges it reads low, so thresholds keep a distance between them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

Curve = Sequence[tuple[float, float]]


def soc_from_voltage(curve: Curve, volts: float) -> float:
    """SOC (%) at `volts` (V) on a curve that rises in volts. ValueError without points."""
    return _between([(v, soc) for v, soc in _points(curve)], volts)


def voltage_from_soc(curve: Curve, soc_pct: float) -> float:
    """Volts (V) at `soc_pct` (%); where the curve is flat, the highest voltage of that SOC, which is the safe side.

    Raises ValueError for a curve without points.
    """
    highest = {soc: volts for volts, soc in _points(curve)}  # of equal SOC the last, which has the most volts, stays
    return _between(list(highest.items()), soc_pct)


def _points(curve: Curve) -> Curve:
    if not curve:
        raise ValueError("the voltage curve has no points; give the site a battery.voltage_curve")
    return curve


def _between(points: list[tuple[float, float]], x: float) -> float:
    if x <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]
