"""A plant that gives less than its weather explains, day after day: snow, soiling, a string that is off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from energy.forecast.hours import Floats

Looks = Literal["covered or off", "a part is off", "soiling", "snow or dirt"]
LATELY_DAYS = 4
BEFORE_DAYS = 30
NOTICED_BELOW = 0.75
COVERED_BELOW = 0.25


@dataclass(frozen=True)
class Persistent:
    """What is left of the usual power, since how many days, and what that looks like."""

    ratio: float
    days: int
    looks: Looks


def notice(ratio: Floats, *, frost: bool = False) -> Persistent | None:
    """From daily ratios of actual over expected (NaN unknown, the last one yesterday's); None where nothing is odd.

    Noticed when the middle of the last four known days is below 0.75 of what was usual in the month before, and each
    of the last three is below 0.85 of it: one bad forecast or one dark day is no finding. With `frost`, what comes and
    goes may be snow as well as dirt.
    """
    known = ratio[np.isfinite(ratio)]
    if known.size < 2 * LATELY_DAYS:
        return None
    usual = float(np.median(known[-BEFORE_DAYS - LATELY_DAYS : -LATELY_DAYS]))
    if usual <= 0:
        return None
    relative = known / usual
    lately = float(np.median(relative[-LATELY_DAYS:]))
    if lately >= NOTICED_BELOW or np.any(relative[-3:] >= 0.85):
        return None
    above = np.flatnonzero(relative >= 0.85)
    days = int(known.size - 1 - above[-1]) if above.size else int(known.size)
    if lately < COVERED_BELOW:
        return Persistent(lately, days, "covered or off")
    since = relative[-days:]
    steady = float(np.std(since)) < 0.1 and abs(float(since[0]) - lately) < 0.12
    if steady:
        return Persistent(lately, days, "a part is off")
    return Persistent(lately, days, "snow or dirt" if frost else "soiling")
