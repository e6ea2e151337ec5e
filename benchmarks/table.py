"""The table that every benchmark prints: measured against the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A figure and its target, an upper bound unless `at_least` is set."""

    name: str
    measured: float
    unit: str
    target: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.measured >= self.target if self.at_least else self.measured <= self.target


def print_table(title: str, rows: Sequence[Row]) -> int:
    """Print the rows; 1 when one misses its target, else 0."""
    width = max(len(row.name) for row in rows)
    print(title)
    for row in rows:
        bound = ">=" if row.at_least else "<="
        verdict = "ok" if row.met else "MISSED"
        print(
            f"  {row.name:<{width}}  {row.measured:>10.1f} {row.unit:<4}  {bound} {row.target:g} {row.unit}  {verdict}"
        )
    return int(not all(row.met for row in rows))
