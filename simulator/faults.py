"""Faults that a test orders from the outside: what goes wrong at which target, how often or how long."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal, get_args

# code401 is SolArk's second way to say 401: HTTP 200 with code 401 inside. gone is for MQTT: a device is unplugged.
FaultKind = Literal["timeout", "401", "code401", "429", "html", "nulls", "frozen", "gone"]
FAULT_KINDS: tuple[str, ...] = get_args(FaultKind)
RETRY_AFTER_S = 2


@dataclass(slots=True)
class Fault:
    """A fault in force: for `left` more answers (None = without number), until `ends` on the monotonic clock."""

    kind: str
    left: int | None = None
    ends: float | None = None


class Faults:
    """The faults in force, by target: `solark`, `victron`, `shelly:<device id>`, `open_meteo`."""

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
        """The fault that the next answer of `target` has to show, if any; uses one up."""
        if self.peek(target) is None:
            return None
        fault = self._by_target[target]
        if fault.left is not None:
            fault.left -= 1
        return self.peek(target) if fault.kind == "frozen" else fault.kind

    def in_force(self) -> dict[str, str]:
        """Target to fault, of those that are in force now."""
        return {target: kind for target in list(self._by_target) if (kind := self.peek(target)) is not None}
