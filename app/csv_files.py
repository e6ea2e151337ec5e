"""`commandcenter import` and `export`: readings as CSV."""

from __future__ import annotations

import csv
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from app.opening import moment, opened_database, scope_for, site_of
from app.settings import Settings, SettingsError
from energy.reading import READING_COLUMNS, Reading
from energy.site import Site
from services.scope import DEFAULT_ORG_ID
from services.transfer import BadHeader, BadRow, Defaults, csv_rows, read_csv, stored_readings
from store import readings, sites
from store.database import Database

EXIT_BAD_ROWS = 3
DEFAULT_SITE_ID = "home"
END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ImportFlags:
    """The flags of `import`."""

    file: Path
    source: str
    device: str
    strict: bool


async def import_csv(settings: Settings, flags: ImportFlags, errors: TextIO = sys.stderr) -> int:
    """Import a file in one transaction; bad rows go to `errors`. Returns the exit code."""
    described = settings.site()
    site_id = settings.site_id or (described.id if described else DEFAULT_SITE_ID)
    good: list[Reading] = []
    bad = 0
    try:
        with flags.file.open(encoding="utf-8-sig", newline="") as file:
            for row in read_csv(file, Defaults(site_id, flags.source, flags.device)):
                if isinstance(row, BadRow):
                    bad += 1
                    print(row, file=errors)
                else:
                    good.append(row)
    except OSError as error:
        raise SettingsError(f"{flags.file}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{flags.file}: is not UTF-8 ({error.reason} at byte {error.start})") from error
    except BadHeader as error:
        raise SettingsError(f"{flags.file}: {error}") from error
    if bad and flags.strict:
        print(f"nothing imported: {bad} bad lines and --strict", file=errors)
        return EXIT_BAD_ROWS
    async with opened_database(settings, create=True) as database:
        await _know_sites(database, described, {reading.site_id for reading in good} or {site_id})
        stored = await readings.upsert(database, DEFAULT_ORG_ID, good)
    ahead = sum(reading.taken_at > datetime.now(UTC) for reading in good)
    if ahead:
        print(f"note: {ahead} readings lie in the future; they are seen from their own time on", file=errors)
    print(f"{stored} readings imported" + (f", {bad} bad lines left out" if bad else ""))
    return EXIT_BAD_ROWS if bad else 0


async def export_csv(settings: Settings, start: str | None, end: str | None, out: TextIO = sys.stdout) -> int:
    """Write the site's readings as CSV, oldest first; returns how many."""
    async with opened_database(settings, create=False) as database:
        site = await site_of(settings, database)
        scope = await scope_for(database, site, at=END_OF_TIME)  # whatever is stored, the future of a forecast file too
        first = moment(start, site).astimezone(UTC) if start else None
        last = moment(end, site).astimezone(UTC) if end else None
        return await _written(stored_readings(scope, first, last), out)


async def _written(rows: AsyncIterator[Reading], out: TextIO) -> int:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(READING_COLUMNS)
    count = 0
    async for reading in rows:
        writer.writerows(csv_rows([reading]))
        count += 1
    return count


async def _know_sites(database: Database, described: Site | None, site_ids: set[str]) -> None:
    if described is not None:
        await sites.sync(database, DEFAULT_ORG_ID, described)
    for site_id in site_ids - set(await sites.list_ids(database, DEFAULT_ORG_ID)):
        await sites.sync(database, DEFAULT_ORG_ID, Site(id=site_id, name=site_id))
