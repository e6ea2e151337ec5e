"""Faults that a test or a scenario orders from the outside: what goes wrong at which target, how often or how long.

Of those that concern whole answers one is in force per target; wrong figures (simulator/distortions.py) come on top,
one per field.

timeout, 401, 429, html, nulls: the answer. code401: SolArk's second way to say 401, HTTP 200 with code 401 inside.
offline: nothing listens any more, of any target. gone: a part is unplugged (at the GX its battery monitor), a miner
has no power on its network; elsewhere as offline. frozen (without a field): all values stand still. late: what is told
is `by_s` old (2 h), with the stamps of that time. out_of_order: every other minute so (10 min). duplicate: each message
comes twice. lost, stuck, refused befall commands only. lost: done, but the answer never comes. stuck: a yes, and
nothing happens.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal, get_args

from simulator.distortions import DISTORTIONS, Distortion, Distortions

AnswerFault = Literal["timeout", "401", "code401", "429", "html", "nulls", "frozen", "gone", "offline"]
TimeFault = Literal["late", "out_of_order", "duplicate"]
CommandFault = Literal["lost", "stuck", "refused"]
TIME_FAULTS = frozenset(get_args(TimeFault))
COMMAND_FAULTS = frozenset(get_args(CommandFault))
FAULT_KINDS: tuple[str, ...] = get_args(AnswerFault) + get_args(TimeFault) + get_args(CommandFault)
_LATE_BY_S = {"late": 7_200.0, "out_of_order": 600.0}
_WHILE_MADE = frozenset({"frozen", *TIME_FAULTS})
RETRY_AFTER_S = 2


@dataclass(slots=True)
class Fault:
    """A fault in force: for `left` more answers (None = without number), until `ends` on the monotonic clock."""

    kind: str
    left: int | None = None
    ends: float | None = None
    by_s: float = 0.0


class AnswerLost(Exception):
    """The command was done, and its answer must never arrive."""


class Faults:
    """The faults in force, by target: `solark`, `victron`, `vrm`, `shelly:<device id>`, `miner:<miner id>`, and
    those of the weather, `open_meteo` and `openweathermap`."""

    def __init__(self) -> None:
        self._by_target: dict[str, Fault] = {}
        self.distortions = Distortions()

    def order(
        self,
        target: str,
        kind: str,
        *,
        count: int | None = None,
        seconds: float | None = None,
        field: str | None = None,
        value: float | str | None = None,
        by_s: float | None = None,
        codes: tuple[str, ...] = (),
    ) -> None:
        """Order `kind` at `target` for the next `count` answers, or for `seconds` of real time; "none" ends it.

        A wrong figure needs its `field`, and "value" its `value`; alarms need `codes`; a clock, late and out_of_order
        take `by_s`. "none" with a `field` (or a kind of distortion there) ends that one alone. Raises ValueError.
        """
        if kind == "none":
            self.distortions.end(target, field)
            if field is None:
                self._by_target.pop(target, None)
            return
        ends = None if seconds is None else time.monotonic() + seconds
        if kind in DISTORTIONS and (kind != "frozen" or field is not None):
            if count is not None:
                raise ValueError(f'"{kind}" is not counted; give "seconds", or end it with "none"')
            told = Distortion(kind, field or "", value=value, by_s=by_s or 0.0, codes=codes, ends=ends)
            self.distortions.order(target, told)
            return
        if kind not in FAULT_KINDS:
            known = sorted({*FAULT_KINDS, *DISTORTIONS})
            raise ValueError(f'fault "{kind}" is not known; there are none, {", ".join(known)}')
        if kind == "duplicate" and target.partition(":")[0] in ("shelly", "miner"):
            raise ValueError(f'"duplicate" is for what speaks by itself or tells of uploads, not for {target}')
        self._by_target[target] = Fault(kind, count, ends, _LATE_BY_S.get(kind, 0.0) if by_s is None else by_s)

    def peek(self, target: str) -> str | None:
        """The fault in force at `target`, without using one up."""
        fault = self._by_target.get(target)
        if fault is None:
            return None
        # values are frozen while an answer is made, which is after it was counted
        spent = fault.left is not None and fault.left < (0 if fault.kind in _WHILE_MADE else 1)
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
        return self.peek(target) if fault.kind in _WHILE_MADE else fault.kind

    def late_s(self, target: str, now_s: float) -> float:
        """How old what `target` tells at `now_s` (simulated epoch s) is, beyond its usual age."""
        kind = self.peek(target)
        if kind not in _LATE_BY_S or (kind == "out_of_order" and int(now_s // 60) % 2 == 0):
            return 0.0
        return self._by_target[target].by_s

    def in_force(self) -> dict[str, str]:
        """Target to fault, and target with field to the distortion there, of those that are in force now."""
        answers = {target: kind for target in list(self._by_target) if (kind := self.peek(target)) is not None}
        return answers | self.distortions.in_force()
