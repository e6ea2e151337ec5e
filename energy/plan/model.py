"""A mixed-integer linear program in the making: blocks of variables, rows of constraints, and HiGHS to solve it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from energy.plan.problem import Floats, Ints

_ANCHOR = 30.0  # currency; about what a day moves, so that the gap grows with sites that move more


@dataclass(frozen=True)
class Solved:
    """`values` is None where nothing was found; `words` says why, or that time ran out with what there was."""

    values: Floats | None
    objective: float
    words: str


class Model:
    """Minimise cost · x, with bounds and rows; kW, kWh and currency keep the figures near 1."""

    def __init__(self) -> None:
        self._lower: list[Floats] = []
        self._upper: list[Floats] = []
        self._cost: list[Floats] = []
        self._integer: list[Ints] = []
        self._size = 0
        self._rows: list[int] = []
        self._columns: list[int] = []
        self._factors: list[float] = []
        self._low: list[float] = []
        self._high: list[float] = []

    def block(
        self,
        size: int,
        lower: float | Floats = 0.0,
        upper: float | Floats = math.inf,
        cost: float | Floats = 0.0,
        *,
        integer: bool = False,
    ) -> Ints:
        """New variables; returns their numbers."""
        for kept, given in ((self._lower, lower), (self._upper, upper), (self._cost, cost)):
            kept.append(np.broadcast_to(np.asarray(given, dtype=np.float64), (size,)))
        self._integer.append(np.full(size, int(integer), dtype=np.int64))
        numbers = np.arange(self._size, self._size + size, dtype=np.int64)
        self._size += size
        return numbers

    def row(
        self, columns: Sequence[int], factors: Sequence[float], low: float = -math.inf, high: float = math.inf
    ) -> None:
        """low <= sum of factor × variable <= high. A variable that stands twice has both factors."""
        number = len(self._low)
        self._rows.extend([number] * len(columns))
        self._columns.extend(int(c) for c in columns)
        self._factors.extend(factors)
        self._low.append(low)
        self._high.append(high)

    def solve(self, time_limit_s: float, gap: float) -> Solved:
        """Solve with HiGHS within the time, until no solution can be better by more than about `gap` (currency).

        HiGHS knows a share of the objective only, which is never reached where plans bring about nothing; so a constant
        is part of the objective while it searches.
        """
        self.block(1, 1.0, 1.0, -_ANCHOR)
        from scipy.optimize import Bounds, LinearConstraint, milp  # loads slowly, so only here
        from scipy.sparse import csr_array

        shape = (len(self._low), self._size)
        matrix = csr_array((self._factors, (self._rows, self._columns)), shape=shape)
        found = milp(
            c=np.concatenate(self._cost),
            integrality=np.concatenate(self._integer),
            bounds=Bounds(np.concatenate(self._lower), np.concatenate(self._upper)),
            constraints=LinearConstraint(matrix, np.array(self._low), np.array(self._high)),
            options={"time_limit": time_limit_s, "mip_rel_gap": gap / _ANCHOR},
        )
        if found.x is None:
            words = {1: f"it found nothing within {time_limit_s:g} s", 2: "the limits contradict each other"}
            return Solved(None, math.inf, words.get(found.status, f"the solver failed ({found.message})"))
        late = f"the search was ended after {time_limit_s:g} s with the best so far" if found.status == 1 else ""
        return Solved(np.asarray(found.x, dtype=np.float64), float(found.fun) + _ANCHOR, late)
