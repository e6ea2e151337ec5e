"""The readings of the last two hours, kept in memory and topped up from the database.

They are read once, then only what came since, whichever worker stored it. A row that comes late, out of order or twice
changes nothing here: it is history, which nobody is alerted about.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np

from energy.cadence import local_cadences_s, median_cadence_s
from energy.reading import Reading
from energy.series import EMPTY, Series
from jobs.work import Work
from store import readings

KEPT = ("solar_w", "load_w", "battery_charge_w", "grid_import_w", "soc_pct", "battery_voltage_v")
WINDOW = timedelta(hours=2, minutes=10)  # what stands still for two hours needs a little more
STEP_S = 10  # one row of a device in so long is enough
SEARCH_EVERY = timedelta(minutes=10)  # for devices that the settings do not describe
CLOCK_SET_BACK = timedelta(seconds=5)
_UNKNOWN = math.nan
_TRIM_AT = 64


class _Rows:
    """One device's figures, rising in time, at most one row in ten seconds: of several the last known values count."""

    def __init__(self, device_id: str) -> None:
        self._device_id = device_id
        self._times: list[int] = []
        self._values: list[list[float]] = []
        self._series: dict[str, Series] = {}

    def add(self, reading: Reading) -> None:
        at_s = int(reading.taken_at.timestamp())
        values = [_UNKNOWN if (v := getattr(reading, name)) is None else float(v) for name in KEPT]
        if self._times and at_s < self._times[-1]:
            return
        if self._times and at_s // STEP_S == self._times[-1] // STEP_S:
            before = self._values[-1]
            self._values[-1] = [old if math.isnan(new) else new for new, old in zip(values, before, strict=True)]
            self._times[-1] = at_s
        else:
            self._times.append(at_s)
            self._values.append(values)
        self._series.clear()

    def drop_before(self, start_s: int) -> None:
        if len(self._times) > _TRIM_AT and self._times[_TRIM_AT] < start_s:
            keep = next((i for i, at_s in enumerate(self._times) if at_s >= start_s), len(self._times))
            del self._times[:keep], self._values[:keep]
            self._series.clear()

    def series(self, field: str) -> Series:
        """The known rows of a field."""
        if field not in self._series:
            column = KEPT.index(field)
            values = np.array([row[column] for row in self._values], np.float64)
            known = ~np.isnan(values)
            times = np.array(self._times, np.int64)[known]
            self._series[field] = Series(
                times, values[known], median_cadence_s(times), self._device_id, local_cadences_s(times)
            )
        return self._series[field]


class Recent:
    """Each device's newest reading (`latest`) and its figures of the last two hours."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.latest: dict[str, Reading] = {}
        self.version = 0  # grows with every change
        self._rows: dict[str, _Rows] = {}
        self._since: dict[str, datetime] = {}
        self._searched_at: datetime | None = None
        self._asked_at: datetime | None = None

    async def top_up(self, now: datetime) -> None:
        """Take in what was stored since; `now` is aware UTC.

        Rows that lie ahead count for a device whose readings come like that: its clock is a little fast. Of any other
        they were written before our own clock was set back.
        """
        work = self._work
        until = now + max(work.ahead.values(), default=timedelta(0))
        if self._asked_at is not None and now < self._asked_at - CLOCK_SET_BACK:
            self._forget()
        searching = self._searched_at is None or now - self._searched_at >= SEARCH_EVERY
        newest = await readings.latest(work.database, work.org_id, work.site.id, as_of=now) if searching else {}
        known = self._known(newest, until)
        rows = await readings.newer(work.database, work.org_id, work.site.id, known, until=until)
        if searching:
            self._searched_at = now
        self._asked_at = now
        for reading in newest.values():
            self._note(reading)
        start_s = int((until - WINDOW).timestamp())
        for reading in rows:
            if reading.taken_at > now + work.ahead.get(reading.device_id, timedelta(0)):
                continue
            device_id, changed = reading.device_id, self._note(reading)
            since = self._since.get(device_id)
            if changed or since is None or reading.taken_at > since:
                self._rows.setdefault(device_id, _Rows(device_id)).add(reading)
            self._since[device_id] = reading.taken_at
        for kept in self._rows.values():
            kept.drop_before(start_s)

    def series(self, device_id: str, field: str) -> Series:
        """A device's known rows of one of the fields in `KEPT`; empty for a device that has not been heard."""
        rows = self._rows.get(device_id)
        return EMPTY if rows is None else rows.series(field)

    def _known(self, newest: Mapping[str, Reading], until: datetime) -> dict[str, datetime]:
        start = until - WINDOW
        names = {device.id for device in self._work.site.device if device.kind != "csv"} | set(newest)
        return {name: max(self._since.get(name, start), start) for name in names | set(self.latest)}

    def _note(self, reading: Reading) -> bool:
        """Whether the reading says something new about now."""
        before = self.latest.get(reading.device_id)
        if before is not None and (reading.taken_at < before.taken_at or reading == before):
            return False
        self.latest[reading.device_id] = reading
        self.version += 1
        return True

    def _forget(self) -> None:
        """The clock was set back: what was taken later than now is read again when its time has come."""
        self.latest.clear()
        self._rows.clear()
        self._since.clear()
        self._searched_at = None
        self.version += 1
