"""How much one account may ask of us."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

_REMEMBERED_ACCOUNTS = 10_000


class RateLimit:
    """At most `count` events within `window_s` seconds for each key; what is refused does not count."""

    def __init__(self, count: int, window_s: float, monotonic: Callable[[], float]) -> None:
        self._count = count
        self._window_s = window_s
        self._monotonic = monotonic
        self._events: OrderedDict[str, deque[float]] = OrderedDict()
        self._told: dict[str, float] = {}

    def wait_s(self, key: str) -> float:
        """0 when one more event is fine (it is then counted), else the seconds until it would be."""
        now = self._monotonic()
        events = self._events.setdefault(key, deque())
        self._events.move_to_end(key)
        if len(self._events) > _REMEMBERED_ACCOUNTS:
            forgotten, _ = self._events.popitem(last=False)
            self._told.pop(forgotten, None)
        while events and events[0] <= now - self._window_s:
            events.popleft()
        if len(events) < self._count:
            events.append(now)
            return 0.0
        return events[0] + self._window_s - now

    def first_refusal(self, key: str) -> bool:
        """Whether the person has not been told yet within this window; from now on they have."""
        now = self._monotonic()
        told = self._told.get(key)
        if told is not None and told > now - self._window_s:
            return False
        self._told[key] = now
        return True
