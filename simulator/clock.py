"""The simulator's clock: real time, or time that runs faster from a chosen start."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class SimClock:
    """Simulated time, advancing `speed` seconds per real second: `start` (aware; None = now) at construction, or
    `elapsed_s` real seconds before it."""

    def __init__(self, start: datetime | None = None, speed: float = 1.0, *, elapsed_s: float = 0.0) -> None:
        if speed < 0:
            raise ValueError("speed must not be negative; 0 stands still and moves by advance()")
        self.speed = speed
        self._start = (start or datetime.now(UTC)).astimezone(UTC)
        self._born = time.monotonic() - elapsed_s
        self._jumped = timedelta()

    def now(self) -> datetime:
        """The simulated time, aware, UTC."""
        return self._start + self._jumped + timedelta(seconds=(time.monotonic() - self._born) * self.speed)

    def advance(self, by: timedelta) -> None:
        """Jump ahead."""
        if by < timedelta():
            raise ValueError("simulated time only moves ahead")
        self._jumped += by
