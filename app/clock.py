"""The one clock of a run: the real time, or in the demo a time that begins elsewhere and may run faster.

Every process of a demo reads the same clock: its three figures are passed on in an environment variable. A real
installation never sets it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

VARIABLE = "COMMANDCENTER_DEMO_CLOCK"  # internal: from the demo to its worker and its simulator


@dataclass(frozen=True, slots=True)
class RunClock:
    """`now` and `monotonic` of a run. `start` (aware) is what it says at the real epoch second `began_s`; None is the
    real time. `speed`: seconds that pass on it per real second."""

    start: datetime | None = None
    began_s: float = 0.0
    speed: float = 1.0
    _born: tuple[float, float] = field(default_factory=lambda: (time.time(), time.monotonic()), repr=False)

    @classmethod
    def beginning(cls, start: datetime, speed: float = 1.0) -> RunClock:
        """A clock that says `start` (aware) at this moment."""
        if speed <= 0:
            raise ValueError("a clock's speed must be above 0")
        return cls(start.astimezone(UTC), time.time(), speed)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> RunClock:
        """The clock that the parent process passed on; the real time where it passed none."""
        text = environment.get(VARIABLE, "")
        if not text:
            return cls()
        start, began, speed = text.split(" ")
        return cls(datetime.fromisoformat(start), float(began), float(speed))

    def environment(self) -> dict[str, str]:
        """What to pass on to a child process."""
        if self.start is None:
            return {}
        return {VARIABLE: f"{self.start.isoformat()} {self.began_s!r} {self.speed!r}"}

    @property
    def is_real(self) -> bool:
        """Whether it is the real time."""
        return self.start is None

    def now(self) -> datetime:
        """The time now, aware, in UTC. A demo's clock does not follow when the real one is set."""
        if self.start is None:
            return datetime.now(UTC)
        born_epoch_s, born_s = self._born
        elapsed_s = born_epoch_s - self.began_s + (time.monotonic() - born_s)
        return self.start + timedelta(seconds=elapsed_s * self.speed)

    def monotonic(self) -> float:
        """A clock in s that only rises, at the same speed."""
        return time.monotonic() * self.speed

    def real_s(self, seconds: float) -> float:
        """How many real seconds `seconds` of this clock take: for waits that the event loop measures."""
        return seconds / self.speed


REAL = RunClock()
