"""How much is taken on at once, and how much one account may ask of us."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

_REMEMBERED_ACCOUNTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatLimits:
    """How much is taken on at once."""

    per_person_per_minute: int = 20  # questions; whoever asks too much can still stop a miner
    commands_per_person_per_minute: int = 60  # taps too
    waiting_per_conversation: int = 10
    answering_at_once: int = 8
    answer_timeout_s: float = 120.0
    render_timeout_s: float = 30.0
    give_up_sending_after_s: float = 3_600.0
    oldest_resumed: timedelta = timedelta(hours=24)
    oldest_command: timedelta = timedelta(minutes=10)
    oldest_stop: timedelta = timedelta(hours=1)
    working_shown_after_s: float = 0.0  # of a question; a command is mostly answered before anybody could see it
    command_working_shown_after_s: float = 0.3
    typing_every_s: float = 4.5
    steps_shown_after_s: float = 1.5
    audit_rows_per_stranger_and_hour: int = 20


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
