"""How far this machine's clock is off, by the Date headers of the services that we call anyway.

There is one clock per machine, so there is one note of it per process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

GOOD_FOR_S = 6 * 3600.0
ROUNDED_BY_S = 1.0  # the header has whole seconds, cut off


class ClockSkew:
    """The newest finding of each host; the smallest of them counts, so that one wrong server alarms nobody."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._by_host: dict[str, tuple[float, float]] = {}

    def note(self, host: str, headers: Mapping[str, str], now: datetime) -> None:
        """An answer of `host` came at `now` (our clock). Answers without a date, or out of a cache, say nothing."""
        text = headers.get("date")
        if text is None or headers.get("age") not in (None, "0"):
            return
        try:
            dated = parsedate_to_datetime(text)
        except ValueError:
            return
        dated = dated if dated.tzinfo else dated.replace(tzinfo=UTC)
        ahead_s = now.timestamp() - dated.timestamp()
        # Anything within the cut-off second is right; beyond it the nearer end is what is certain.
        skew_s = ahead_s if ahead_s < 0 else max(ahead_s - ROUNDED_BY_S, 0.0)
        self._by_host[host] = (self._monotonic(), skew_s)

    def skew_s(self) -> float | None:
        """How far our clock is ahead (s), negative: behind; None when nobody told lately."""
        oldest = self._monotonic() - GOOD_FOR_S
        found = [skew for at, skew in self._by_host.values() if at >= oldest]
        return min(found, key=abs, default=None)


SKEW = ClockSkew()
