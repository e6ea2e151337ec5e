"""What our forecasts are made from, as it was known at a moment: measured hours, issued weather, the described site."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from energy.forecast.hours import NO_HOURS, Hours, Ints
from energy.site import Site
from store.database import Database


@dataclass(frozen=True)
class Measured:
    """The site's own figures by the hour (means), by its rules for merging; NaN is unknown."""

    solar_w: Hours = NO_HOURS
    base_load_w: Hours = NO_HOURS
    curtailed_s: Ints = np.empty(0, dtype=np.int64)


async def measured(db: Database, org_id: str, site: Site, *, start: datetime, as_of: datetime) -> Measured:
    """The hours from `start` that were over at `as_of`, and which of them were curtailed."""
    raise NotImplementedError
