"""Decisions about rows, free of SQL: what two reports of one instant become, and the rollups of the hours around.

A rollup is a function of the rows from one hour before its hour to one hour after it, whatever the order in which
they arrived: a field's cadence is the median distance of its rows in those three hours, and that around each row where
the pace changes in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from energy.cadence import Cadence, Times, Values, local_cadences_s, median_cadence_s
from energy.reading import NUMERIC_FIELDS, Quality
from energy.rollup import HOUR_S, Rollup, hourly_rollups

HOUR_MS = HOUR_S * 1000
HOURS_BEFORE = 1  # what a rollup looks at, on either side of its hour
HOURS_AFTER = 1
_CHANGE = 1.5  # steps this much longer or shorter than the median are a change of pace, or a gap

# The order of the columns of a row in this module: `VALUE_COLUMNS` after the time.
VALUE_COLUMNS: tuple[str, ...] = (
    *NUMERIC_FIELDS,
    "grid_present",
    "inverter_state",
    "fault_codes",
    "source",
    "quality",
)
_SOURCE = len(VALUE_COLUMNS) - 2
_QUALITY = len(VALUE_COLUMNS) - 1

Row = tuple[Any, ...]


def merged_row(stored: Row, incoming: Row) -> Row:
    """What to keep when the same device reports the same instant twice.

    The later report replaces the earlier one; but a value seen live is never lost to a backfilled one: of a live and
    a backfilled report the live one counts, and the other fills what it left unknown.
    """
    stored_backfilled = stored[_QUALITY] == Quality.BACKFILLED
    incoming_backfilled = incoming[_QUALITY] == Quality.BACKFILLED
    if stored_backfilled == incoming_backfilled:
        return incoming
    live, filler = (incoming, stored) if stored_backfilled else (stored, incoming)
    values = (f if v is None else v for v, f in zip(live[:_SOURCE], filler[:_SOURCE], strict=True))
    return (*values, live[_SOURCE], live[_QUALITY])


@dataclass(frozen=True, slots=True)
class Run:
    """Hours without a wide gap between them whose rollups change (epoch hours, the last one included)."""

    first: int
    last: int

    @property
    def needed_ms(self) -> tuple[int, int]:
        """The rows, from and until (half-open), that the rollups of these hours depend on."""
        return (self.first - HOURS_BEFORE) * HOUR_MS, (self.last + 1 + HOURS_AFTER) * HOUR_MS


def runs(times_ms: Sequence[int]) -> list[Run]:
    """The runs of hours whose rollups depend on rows at `times_ms` (rising)."""
    found: list[Run] = []
    for hour in sorted({ms // HOUR_MS for ms in times_ms}):
        first, last = hour - HOURS_AFTER, hour + HOURS_BEFORE
        # Runs whose rows overlap are read together, so that no row is fetched twice.
        if found and first - HOURS_BEFORE <= found[-1].last + 1 + HOURS_AFTER:
            found[-1] = Run(found[-1].first, last)
        else:
            found.append(Run(first, last))
    return found


def unique_seconds(times_ms: NDArray[np.int64], values: NDArray[np.float64]) -> tuple[Times, Values]:
    """Rows in whole seconds; of several in one second the last one stays (a series needs rising times)."""
    times = times_ms // 1000
    if times.size < 2:
        return times, values
    last_of_second = np.append(np.diff(times) > 0, True)
    return (times, values) if bool(last_of_second.all()) else (times[last_of_second], values[last_of_second])


def field_rollups_of(rows: Mapping[int, Row], run: Run) -> Iterator[tuple[str, Rollup]]:
    """(field, rollup) of the run's hours with known rows, out of all rows of `run.needed_ms` keyed by time (ms)."""
    ordered = sorted(rows)
    if not ordered:
        return
    times_ms = np.array(ordered, dtype=np.int64)
    columns = np.array([rows[ms][: len(NUMERIC_FIELDS)] for ms in ordered], dtype=np.float64)
    spans: dict[bytes, list[_Span]] = {}
    for index, field in enumerate(NUMERIC_FIELDS):
        known = ~np.isnan(columns[:, index])
        if not known.any():
            continue
        times, values = unique_seconds(times_ms[known], columns[known, index])
        pattern = known.tobytes()
        if pattern not in spans:  # most fields are known in the same rows
            spans[pattern] = list(_even_spans(times, run))
        for span in spans[pattern]:
            rows_of = slice(span.first, span.last)
            for rollup in hourly_rollups(times[rows_of], values[rows_of], span.cadence_s):
                if rollup.start_s < span.until_s:
                    yield field, rollup


@dataclass(frozen=True, slots=True)
class _Span:
    """Rows [first, last) of neighbouring hours that are worked out together, and the time (s) where the hours end."""

    first: int
    last: int
    until_s: int
    cadence_s: Cadence


def _even_spans(times: Times, run: Run) -> Iterator[_Span]:
    """Stretches of hours with one cadence; an hour in which the pace changes is a stretch of its own.

    A stretch has one row more than its hours, for the weight of the last one; but none from beyond an empty hour,
    which a rollup does not look past.
    """
    edges = (np.arange(run.first - HOURS_BEFORE, run.last + HOURS_AFTER + 2) * HOUR_S).tolist()
    at = np.searchsorted(times, edges, side="left").tolist()
    begun: tuple[int, float] | None = None  # first row and cadence of the stretch
    for here in range(HOURS_BEFORE, len(edges) - 1 - HOURS_AFTER):
        if at[here] == at[here + 1]:
            continue
        seen = slice(at[here - HOURS_BEFORE], at[here + 1 + HOURS_AFTER])
        steps = np.diff(times[seen])
        cadence_s = _rounded(median_cadence_s(times[seen]))
        changes = steps.size > 1 and (steps.max() > _CHANGE * cadence_s or steps.min() * _CHANGE < cadence_s)
        last_row = at[here + 1] + (at[here + 1] < at[here + 2])
        if begun is not None and (changes or begun[1] != cadence_s):
            yield _Span(begun[0], at[here] + 1, edges[here], begun[1])
            begun = None
        if changes:
            around = local_cadences_s(times[seen])
            rows_here = slice(at[here] - seen.start, last_row - seen.start)
            yield _Span(at[here], last_row, edges[here + 1], around[rows_here])
            continue
        if begun is None:
            begun = at[here], cadence_s
        if at[here + 1] == at[here + 2]:
            yield _Span(begun[0], at[here + 1], edges[here + 1], cadence_s)
            begun = None
    if begun is not None:
        last = len(edges) - 1 - HOURS_AFTER
        yield _Span(begun[0], at[last] + 1, edges[last], begun[1])


def _rounded(cadence_s: float) -> float:
    """A jittering cadence in whole seconds, so that neighbouring hours share it and are worked out together."""
    return float(round(cadence_s)) if cadence_s >= 10 else max(cadence_s, 1.0)
