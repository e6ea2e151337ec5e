"""The CSV of readings: what goes out comes in again, and a bad line is named."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest

from energy.reading import READING_COLUMNS, Quality, Reading
from services.ingest import record
from services.transfer import BadHeader, BadRow, Defaults, csv_rows, read_csv, stored_readings
from store.rejections import rejected_since
from tests.services.stage import NOON, reading, stocked

DEFAULTS = Defaults("ranch", "import", "csv")


def _read(text: str) -> list[Reading | BadRow]:
    return list(read_csv(io.StringIO(text), DEFAULTS))


async def test_an_export_read_again_is_the_same(tmp_path: Path) -> None:
    whole = reading("solark", NOON, soc_pct=63.5, grid_import_w=-120.25, grid_present=True, inverter_state="normal")
    none_known = reading("cerbo", NOON - timedelta(minutes=5))
    scope = await stocked(tmp_path, [whole, none_known])
    out = io.StringIO()
    csv.writer(out).writerow(READING_COLUMNS)
    csv.writer(out).writerows(csv_rows([row async for row in stored_readings(scope, None, None)]))
    assert _read(out.getvalue()) == [none_known, whole]
    await scope.database.close()


def test_missing_columns_get_the_defaults_and_empty_cells_are_unknown() -> None:
    (row,) = _read("taken_at,soc_pct,load_w\n2026-11-20T14:05:00-08:00,55.5,\n")
    assert isinstance(row, Reading)
    assert (row.site_id, row.source, row.device_id) == ("ranch", "import", "csv")
    assert (row.soc_pct, row.load_w, row.quality) == (55.5, None, Quality.BACKFILLED)
    assert row.taken_at.isoformat() == "2026-11-20T22:05:00+00:00"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2026-11-20T14:05:00,50", 'line 2: taken_at: "2026-11-20T14:05:00" has no offset'),
        ("soon,50", 'line 2: taken_at: "soon" is not an ISO-8601 time'),
        (",50", "line 2: taken_at: is empty"),
        ("0001-01-01T00:00:00+10:00,50", 'line 2: taken_at: "0001-01-01T00:00:00+10:00" lies outside the years'),
        ("0001-01-01T00:00:00Z,50", 'line 2: taken_at: "0001-01-01T00:00:00Z" lies outside the years'),
        ("2026-11-20T14:05:00Z,1_0", 'line 2: soc_pct: "1_0" is not a number'),
        ("2026-11-20T14:05:00Z,250", "line 2: soc_pct: 250 % is outside 0 to 100"),
        ("2026-11-20T14:05:00Z,half", 'line 2: soc_pct: "half" is not a number'),
        ("2026-11-20T14:05:00Z,nan", "line 2: soc_pct: nan is not a number"),
        ("2026-11-20T14:05:00Z", "line 2: row: has 1 cells, the header 2"),
    ],
)
def test_a_bad_line_is_named_with_column_and_reason(line: str, said: str) -> None:
    (bad,) = _read(f"taken_at,soc_pct\n{line}\n")
    assert str(bad).startswith(said)


@pytest.mark.parametrize(
    ("header", "said"), [("soc_pct", "needs the column"), ("taken_at,soc", 'unknown column "soc"'), ("", "needs the")]
)
def test_a_bad_header_is_refused_before_any_row(header: str, said: str) -> None:
    with pytest.raises(BadHeader, match=said):
        _read(f"{header}\n2026-11-20T14:05:00Z,1\n")


async def test_impossible_values_are_taken_out_counted_and_the_rest_is_kept(tmp_path: Path) -> None:
    scope = await stocked(tmp_path, [])
    batch = [reading("solark", NOON, soc_pct=250.0, load_w=800.0), reading("solark", NOON + timedelta(hours=1))]
    done = await record(scope.database, "home", batch, now=NOON)
    assert done.stored == 1
    assert [(device, r.field) for device, r in done.rejections] == [("solark", "soc_pct"), ("solark", "taken_at")]
    kept = [row async for row in stored_readings(scope, None, None)]
    assert [(row.soc_pct, row.load_w) for row in kept] == [(None, 800.0)]
    counted = await rejected_since(scope.database, "home", "ranch", NOON - timedelta(days=1))
    assert {c.field: c.times for c in counted} == {"soc_pct": 1, "taken_at": 1}
    await scope.database.close()
