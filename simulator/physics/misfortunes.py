"""What goes wrong in the physical world of a site: dead panels, a generator that does not stop, heat, hungry loads.

Each begins and ends at a moment of simulated time, so the past stays as it was, however often it is asked for.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from typing import Literal, get_args

Misfortune = Literal["dead_array", "generator_stuck", "battery_temperature", "load", "draws_nothing"]
MISFORTUNES: tuple[Misfortune, ...] = get_args(Misfortune)


class Misfortunes:
    """Which misfortune is in force at what time, each with its subject ("" for the whole site) and its figure.

    `dead_array`: the share of an array (by its name) that gives nothing; `generator_stuck`: W that it gives, needed or
    not; `battery_temperature`: °C; `load`: W more than the household draws; `draws_nothing`: W that a miner (by its id)
    draws at the most though it is on.
    """

    def __init__(self) -> None:
        self._switched: dict[tuple[Misfortune, str], list[tuple[float, float | None]]] = {}

    def begin(self, kind: Misfortune, subject: str, figure: float, at_s: float, until_s: float | None = None) -> None:
        """Let it be so from `at_s` on (epoch), until `until_s` where one is given; an earlier one of the kind ends."""
        self._set(kind, subject, at_s, figure)
        if until_s is not None:
            insort(self._switched[kind, subject], (until_s, None), key=lambda each: each[0])

    def end(self, at_s: float, kind: Misfortune | None = None, subject: str | None = None) -> None:
        """End those of `kind` and `subject` (None: any) at `at_s`."""
        for known_kind, known_subject in list(self._switched):
            if kind in (None, known_kind) and subject in (None, known_subject):
                self._set(known_kind, known_subject, at_s, None)

    def _set(self, kind: Misfortune, subject: str, at_s: float, figure: float | None) -> None:
        rows = self._switched.setdefault((kind, subject), [])
        del rows[bisect_right(rows, at_s, key=lambda each: each[0]) :]
        rows.append((at_s, figure))

    def figure(self, kind: Misfortune, subject: str, at_s: float) -> float | None:
        """The figure in force at `at_s`, or None."""
        rows = self._switched.get((kind, subject))
        if rows is None:
            return None
        index = bisect_right(rows, at_s, key=lambda each: each[0])
        return rows[index - 1][1] if index else None

    def dead_arrays(self, at_s: float, names: Sequence[str]) -> tuple[tuple[str, float], ...]:
        """(array, share that gives nothing) of those that are dead at `at_s`."""
        if not self._switched:
            return ()
        known = ((name, self.figure("dead_array", name, at_s)) for name in names)
        return tuple((name, share) for name, share in known if share)

    def in_force(self, at_s: float) -> dict[str, float]:
        """Kind and subject ("dead_array south") to figure, of those in force at `at_s`."""
        found = ((kind, subject, self.figure(kind, subject, at_s)) for kind, subject in self._switched)
        return {f"{kind} {subject}".strip(): figure for kind, subject, figure in found if figure is not None}
