"""Which way the panels really look, learned from what they gave: a mix of a few planes that fits the history.

A roof whose tilt and azimuth nobody wrote down, or that looks two ways, is a sum of planes. Non-negative least squares
(Lawson and Hanson) with the residuals reweighted so that large ones count as absolute errors do, drawn towards the
described arrays so that one day of history moves it a little and a month moves it all the way.
"""

from __future__ import annotations

import numpy as np

from energy.forecast.hours import Floats
from energy.forecast.sky import CLEAREST, USUAL_CLEARNESS, Panel, Sky, equator_deg, prior_w

LOOKS = (-120, -80, -40, 0, 40, 80, 120)  # degrees from the equator's direction
LOOK_TILT_DEG = 28.0
FLAT_TILT_DEG = 3.0
HALF_LIFE_DAYS = 30.0
PULL_HOURS = 1.0  # the described arrays weigh as so many hours of full sun that are off by a twentieth
_ROUNDS = 4


def plane_basis(sky: Sky, panels: tuple[Panel, ...], clearness: Floats) -> Floats:
    """(n, columns): W that the described arrays, and planes that look every way with their rating, would give.

    The described arrays come first. Each comes twice: with the sky split into beam and diffuse at that clearness, and
    as its share of a clear sky, which is what clearness means to a plane where it was measured by other panels.
    """
    kwp = sum(panel.kwp for panel in panels)
    ways = [(FLAT_TILT_DEG, 0.0), *((LOOK_TILT_DEG, float(look)) for look in LOOKS)]
    groups = [panels]
    groups += [(Panel(kwp, tilt_deg, (equator_deg(sky.latitude) + look) % 360),) for tilt_deg, look in ways]
    known = np.where(np.isfinite(clearness), np.clip(clearness, 0.0, CLEAREST), USUAL_CLEARNESS)
    split = [prior_w(sky, group, known) for group in groups]
    share = [prior_w(sky, group, np.ones(known.shape)) * known for group in groups]
    return np.column_stack(split + share)


def fitted_shares(basis: Floats, actual_w: Floats, age_days: Floats, peak_w: float) -> Floats:
    """The share of each plane (W of it per W of basis), from hours whose actual power is known (NaN: not used)."""
    from scipy.optimize import nnls

    described = np.zeros(basis.shape[1])
    described[0] = 1.0
    used = np.isfinite(actual_w) & (basis.max(axis=1) > 0)
    if not used.any():
        return described
    rows, wanted = basis[used] / peak_w, actual_w[used] / peak_w
    recent = 0.5 ** (age_days[used] / HALF_LIFE_DAYS)
    pull = np.sqrt(PULL_HOURS * 0.05) * np.eye(basis.shape[1])
    shares = described
    for _ in range(_ROUNDS):
        off = np.abs(rows @ shares - wanted)
        weight = np.sqrt(recent / np.maximum(off / 0.05, 1.0))
        left = np.vstack([rows * weight[:, None], pull])
        right = np.concatenate([wanted * weight, pull @ described])
        shares, _ = nnls(left, right)
    return np.asarray(shares, dtype=np.float64)
