"""Faults that a test orders from the outside: what goes wrong at which target, how often or how long."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal, get_args

# code401 is SolArk's second way to say 401: HTTP 200 with code 401 inside. gone: a device is unplugged (MQTT, miners).
# The last three befall commands only. lost: done, but the answer never comes. stuck: a yes, and nothing happens.
FaultKind = Literal["timeout", "401", "code401", "429", "html", "nulls", "frozen", "gone", "lost", "stuck", "refused"]
FAULT_KINDS: tuple[str, ...] = get_args(FaultKind)
COMMAND_FAULTS = frozenset({"lost", "stuck", "refused"})
RETRY_AFTER_S = 2


@dataclass(slots=True)
class Fault:
    """A fault in force: for `left` more answers (None = without number), until `ends` on the monotonic clock."""

    kind: str
    left: int | None = None
    ends: float | None = None


class AnswerLost(Exception):
    """The command was done, and its answer must never arrive."""


class Faults:
    """The faults in force, by target: `solark`, `victron`, `shelly:<device id>`, `miner:<miner id>`, `open_meteo`."""

    def __init__(self) -> None:
        self._by_target: dict[str, Fault] = {}

    def order(self, target: str, kind: str, *, count: int | None = None, seconds: float | None = None) -> None:
        """Order `kind` at `target` for the next `count` answers, or for `seconds` of real time; "none" ends it."""
        if kind == "none":
            self._by_target.pop(target, None)
            return
        if kind not in FAULT_KINDS:
            raise ValueError(f'fault "{kind}" is not known; there are none, {", ".join(FAULT_KINDS)}')
        ends = None if seconds is None else time.monotonic() + seconds
        self._by_target[target] = Fault(kind, count, ends)

    def peek(self, target: str) -> str | None:
        """The fault in force at `target`, without using one up."""
        fault = self._by_target.get(target)
        if fault is None:
            return None
        # values are frozen while an answer is made, which is after it was counted
        spent = fault.left is not None and fault.left < (0 if fault.kind == "frozen" else 1)
        if spent or (fault.ends is not None and time.monotonic() >= fault.ends):
            del self._by_target[target]
            return None
        return fault.kind

    def take(self, target: str) -> str | None:
        """The fault that the next answer of `target` has to show, if any; uses one up. Commands' faults are left."""
        kind = self.peek(target)
        if kind is None or kind in COMMAND_FAULTS:
            return None
        return self._used(target)

    def take_command(self, target: str) -> str | None:
        """The fault that the next command to `target` meets, one of `COMMAND_FAULTS`; uses one up."""
        return self._used(target) if self.peek(target) in COMMAND_FAULTS else None

    def _used(self, target: str) -> str | None:
        fault = self._by_target[target]
        if fault.left is not None:
            fault.left -= 1
        return self.peek(target) if fault.kind == "frozen" else fault.kind

    def in_force(self) -> dict[str, str]:
        """Target to fault, of those that are in force now."""
        return {target: kind for target in list(self._by_target) if (kind := self.peek(target)) is not None}
