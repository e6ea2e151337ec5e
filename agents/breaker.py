"""A circuit breaker: after repeated failures a model is left alone for a while, then tried once."""

from __future__ import annotations

import time
from collections.abc import Callable

OPENS_AFTER = 3
OPEN_S = 30.0
OPEN_AT_MOST_S = 600.0
_TRIAL_S = 60.0  # a trial that never reported back counts as lost after this


class CircuitBreaker:
    """Closed (all calls go through), open (none), half-open (one trial). The clock is seconds that only rise."""

    def __init__(
        self, *, opens_after: int = OPENS_AFTER, open_s: float = OPEN_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._opens_after = opens_after
        self._open_s = open_s
        self._clock = clock
        self._failures = 0
        self._times_opened = 0
        self._open_until: float | None = None
        self._trial_until = float("-inf")

    @property
    def is_open(self) -> bool:
        """Whether calls are being refused right now."""
        return self._open_until is not None and self._clock() < self._open_until

    def allow(self) -> bool:
        """Whether a call may be made. After the pause exactly one caller gets True until it reports."""
        if self._open_until is None:
            return True
        now = self._clock()
        if now < self._open_until or now < self._trial_until:
            return False
        self._trial_until = now + _TRIAL_S
        return True

    def succeeded(self) -> None:
        """A call ended well: closed again."""
        self._failures = self._times_opened = 0
        self._open_until = None
        self._trial_until = float("-inf")

    def failed(self, *, after_s: float | None = None, permanent: bool = False) -> None:
        """A call failed; `permanent` opens at once. Each opening in a row lasts twice as long as the one before.

        `after_s` is how long the service asked to be left alone: it is, for `OPEN_AT_MOST_S` at the most.
        """
        self._failures += 1
        was_trial = self._open_until is not None
        self._trial_until = float("-inf")
        pause_s = after_s or 0.0
        if permanent or was_trial or self._failures >= self._opens_after:
            pause_s = max(pause_s, self._open_s * 2**self._times_opened)
            self._times_opened = min(self._times_opened + 1, 10)
        if pause_s > 0:
            self._open_until = self._clock() + min(pause_s, OPEN_AT_MOST_S)
