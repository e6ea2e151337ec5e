"""Restraint after refused credentials: a wrong password tried every minute locks accounts and fills nonce tables."""

from __future__ import annotations

import time
from collections.abc import Callable

from connectors.errors import CredentialsRefused

FIRST_PAUSE_S = 30.0
LONGEST_PAUSE_S = 1800.0


class Refusals:
    """Counts refusals in a row. The first costs nothing (it may be a hiccup); later ones pause, doubling to 30 min."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._in_a_row = 0
        self._again_at = 0.0
        self._last: CredentialsRefused | None = None

    def check(self) -> None:
        """Raise the last refusal again while its pause lasts."""
        if self._last is not None and self._monotonic() < self._again_at:
            raise CredentialsRefused(str(self._last))

    def refused(self, error: CredentialsRefused) -> None:
        """Remember a refusal."""
        self._in_a_row += 1
        self._last = error
        doublings = min(self._in_a_row - 2, 16)
        pause_s = 0.0 if doublings < 0 else min(FIRST_PAUSE_S * 2**doublings, LONGEST_PAUSE_S)
        self._again_at = self._monotonic() + pause_s

    def accepted(self) -> None:
        """Forget the refusals."""
        self._in_a_row = 0
        self._last = None
