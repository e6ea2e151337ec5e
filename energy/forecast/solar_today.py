"""What was measured today says something of the next hours: they lean to it, less and less the further away they are.

Of the hours just over it is known what the forecast would have said of them, with the sky as it was forecast, and what
came. Their ratio is drawn to 1 as if some more hours had come as forecast, so that a low sun moves nothing.
"""

from __future__ import annotations

import numpy as np

from energy.forecast.hours import Floats

HOURS_BACK = 2
E_FOLDING_H = 3.0
PULL = 0.15  # of the peak, in hours: so much of what was forecast counts as having come
LEAST, MOST = 0.4, 1.6
HEARD_BELOW, HEARD_ABOVE = 0.8, 1.25  # a ratio beyond these is told


def ratio_today(actual_w: Floats, said_w: Floats, peak_w: float) -> float:
    """What came over what was said of the last hours (NaN unknown); 1 where that is too little to tell."""
    known = np.isfinite(actual_w) & np.isfinite(said_w)
    pull = PULL * peak_w
    ratio = (float(actual_w[known].sum()) + pull) / (float(said_w[known].sum()) + pull)
    return min(max(ratio, LEAST), MOST)


def leaning(ratio: float, lead_h: Floats) -> Floats:
    """What the hours so far ahead (0: the hour that begins now) are multiplied by."""
    factor: Floats = 1.0 + (ratio - 1.0) * np.exp(-(lead_h + 1.0) / E_FOLDING_H)
    return factor
