"""Storing what devices report: impossible values are taken out and counted, the rest is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from energy.reading import Reading, Rejection, sanitised
from store import readings
from store.database import Database
from store.rejections import count_rejections


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many readings were stored, and what was refused in them: (device id, rejection)."""

    stored: int
    rejections: tuple[tuple[str, Rejection], ...]


async def record(database: Database, org_id: str, batch: Sequence[Reading], *, now: datetime) -> Recorded:
    """Store a batch. Readings from the future are quarantined whole, impossible values become unknown."""
    kept: list[Reading] = []
    rejections: list[tuple[Reading, Rejection]] = []
    for reading in batch:
        cleaned, refused = sanitised(reading, now=now)
        rejections.extend((reading, rejection) for rejection in refused)
        if cleaned is not None:
            kept.append(cleaned)
    stored = await readings.upsert(database, org_id, kept) if kept else 0
    if rejections:
        await count_rejections(database, org_id, rejections, now=now)
    return Recorded(stored, tuple((reading.device_id, rejection) for reading, rejection in rejections))
