"""How many calls a service allows us: counted before each call, so that the limit is kept instead of run into."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from connectors.device import Clock, utc_now
from connectors.errors import TryLater

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400


class Allowance:
    """Calls per window of the wall clock: the counters of a minute, an hour or a UTC day begin anew when it does.

    `limits` is the number of calls by the length of the window (s). One instance may serve several clients: services
    count per address or per key, not per client.
    """

    def __init__(self, name: str, limits: Mapping[int, float], *, clock: Clock = utc_now) -> None:
        self._name, self._limits, self._clock = name, dict(limits), clock
        self._used: dict[int, tuple[int, float]] = {}

    def spend(self, weight: float = 1.0) -> None:
        """Count a call that is about to be made. Raises TryLater, and counts nothing, when it would be one too many."""
        now_s = self._clock().timestamp()
        windows = {length_s: int(now_s // length_s) for length_s in self._limits}
        used = {length_s: self._used_in(length_s, window) for length_s, window in windows.items()}
        for length_s in sorted(windows, reverse=True):
            if used[length_s] + weight > self._limits[length_s]:
                pause_s = (windows[length_s] + 1) * length_s - now_s
                raise TryLater(
                    f"{self._name}: our {self._limits[length_s]:g} calls per {_WORDS.get(length_s, f'{length_s} s')} "
                    "are used up; it is tried again when the next begins",
                    after_s=pause_s,
                )
        for length_s, window in windows.items():
            self._used[length_s] = (window, used[length_s] + weight)

    def left(self, length_s: int) -> float:
        """How many calls the present window of that length has left."""
        return self._limits[length_s] - self._used_in(length_s, int(self._clock().timestamp() // length_s))

    def _used_in(self, length_s: int, window: int) -> float:
        counted, used = self._used.get(length_s, (window, 0.0))
        return used if counted == window else 0.0


_WORDS = {MINUTE_S: "minute", HOUR_S: "hour", DAY_S: "day"}


class Bucket:
    """A stock of `size` calls that fills up by one every `refill_s`: a rolling window, as Victron's portal has one."""

    def __init__(self, size: int, refill_s: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._size, self._refill_s, self._monotonic = size, refill_s, monotonic
        self._stock = float(size)
        self._filled_at = monotonic()

    async def take(self) -> None:
        """Take a call out, after the short wait that an empty stock costs."""
        while True:
            now_s = self._monotonic()
            self._stock = min(self._stock + (now_s - self._filled_at) / self._refill_s, self._size)
            self._filled_at = now_s
            if self._stock >= 1.0:
                self._stock -= 1.0
                return
            await asyncio.sleep((1.0 - self._stock) * self._refill_s)
