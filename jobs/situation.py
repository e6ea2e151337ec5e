"""What the alert rules look at, from the database and from what the worker remembers: energy.alerts.Situation."""

from __future__ import annotations

from datetime import datetime

from energy.alerts.situation import Key, Situation
from jobs.work import Work

NOTHING: frozenset[Key] = frozenset()


class SituationBuilder:
    """Keeps what does not change between two looks, and asks the database for the rest."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def at(
        self, now: datetime, *, firing: frozenset[Key] = NOTHING, pending: frozenset[Key] = NOTHING
    ) -> Situation:
        """The site as the rules see it at `now` (aware UTC); `firing` and `pending` are the open episodes' keys."""
        raise NotImplementedError
