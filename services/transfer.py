"""Readings as CSV, in and out: UTF-8, a header, `taken_at` in ISO-8601 with offset, empty = unknown.

`fault_codes` are joined by "|" ("-" = the device says that there are none).
"""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

from energy.reading import FIELDS, READING_COLUMNS, Kind, Quality, Reading, impossible
from services.scope import Scope, require
from store import readings

NO_FAULTS = "-"
EARLIEST_YEAR, LATEST_YEAR = 2000, 2100


class BadHeader(ValueError):
    """The CSV's header is missing or has unknown columns; nothing was read."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a row gets where its columns do not say."""

    site_id: str
    source: str
    device_id: str


@dataclass(frozen=True, slots=True)
class BadRow:
    """Why a line was left out, in the form `line N: column: reason`."""

    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.column}: {self.reason}"


def read_csv(file: TextIO, defaults: Defaults) -> Iterator[Reading | BadRow]:
    """The readings of a CSV, and a `BadRow` for every line that is none. Raises `BadHeader`."""
    rows = csv.reader(file)
    header = [name.strip().lstrip("\ufeff") for name in next(rows, [])]
    if "taken_at" not in header:
        raise BadHeader('line 1: the header needs the column "taken_at"; the columns are ' + ", ".join(READING_COLUMNS))
    unknown = [name for name in header if name not in READING_COLUMNS]
    if unknown:
        raise BadHeader(f'line 1: unknown column "{unknown[0]}"; the columns are {", ".join(READING_COLUMNS)}')
    doubled = [name for name in header if header.count(name) > 1]
    if doubled:
        raise BadHeader(f'line 1: the column "{doubled[0]}" stands twice')
    while True:
        try:
            cells = next(rows, None)
        except csv.Error as error:
            yield BadRow(rows.line_num, "row", str(error))
            continue
        if cells is None:
            return
        if cells:
            yield _row(rows.line_num, header, cells, defaults)


def csv_rows(batch: Iterable[Reading]) -> Iterator[list[str]]:
    """The cells of each reading in the order of `READING_COLUMNS`."""
    for reading in batch:
        yield [_cell(getattr(reading, column)) for column in READING_COLUMNS]


async def stored_readings(scope: Scope, start: datetime | None, end: datetime | None) -> AsyncIterator[Reading]:
    """All readings of the site with start <= taken_at < end, oldest first, up to `scope.as_of`."""
    require(scope, "viewer")
    async for reading in readings.stream(
        scope.database, scope.org_id, scope.site.id, start=start, end=end, as_of=scope.as_of
    ):
        yield reading


def _row(line: int, header: list[str], cells: list[str], defaults: Defaults) -> Reading | BadRow:
    if len(cells) != len(header):
        return BadRow(line, "row", f"has {len(cells)} cells, the header {len(header)}")
    values: dict[str, Any] = {}
    for column, cell in zip(header, cells, strict=True):
        text = cell.strip()
        if text == "":
            continue
        try:
            values[column] = _parsed(column, text)
        except ValueError as error:
            return BadRow(line, column, str(error))
    if "taken_at" not in values:
        return BadRow(line, "taken_at", "is empty; every row needs its time")
    named = {"site_id": defaults.site_id, "source": defaults.source, "device_id": defaults.device_id}
    return Reading(**({**named, "quality": Quality.BACKFILLED} | values))


def _parsed(column: str, text: str) -> Any:
    if column == "taken_at":
        return _time(text)
    if column == "quality":
        try:
            return Quality(text)
        except ValueError as error:
            raise ValueError(f'"{text}" is none of {", ".join(Quality)}') from error
    if column == "fault_codes":
        return () if text == NO_FAULTS else tuple(text.split("|"))
    field = FIELDS.get(column)
    if field is None or field.kind is Kind.TEXT:
        return text
    if field.kind is Kind.FLAG:
        flags = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if text.lower() not in flags:
            raise ValueError(f'"{text}" is neither true nor false')
        return flags[text.lower()]
    try:
        value = float(text if "_" not in text else "with _")  # Python reads 1_0 as ten, a spreadsheet does not
    except ValueError as error:
        raise ValueError(f'"{text[:40]}" is not a number') from error
    reason = impossible(field, value)
    if reason:
        raise ValueError(reason)
    return value


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f'"{text[:40]}" is not an ISO-8601 time such as 2026-11-20T14:05:00-08:00') from error
    if moment.tzinfo is None:
        raise ValueError(f'"{text}" has no offset; write 2026-11-20T14:05:00-08:00 or …Z')
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise ValueError(f'"{text}" lies outside the years {EARLIEST_YEAR} to {LATEST_YEAR}')
    return moment.astimezone(UTC)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "|".join(value) or NO_FAULTS
    if isinstance(value, float):
        return repr(value)
    return str(value)
