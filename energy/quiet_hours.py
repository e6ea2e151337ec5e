"""Quiet hours: until when somebody wants to be left alone, on their own clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from energy.preferences import QuietHours


def quiet_until(hours: QuietHours | None, zone: ZoneInfo, now: datetime) -> datetime | None:
    """When the quiet hours that hold at `now` end (aware UTC); None outside of them. They may pass midnight.

    A time that the clock shows twice begins with the first and ends with the second; one that it skips is the moment
    just as long after midnight.
    """
    if hours is None:
        return None
    begin, end = hours
    today = now.astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        last = day if begin < end else day + timedelta(days=1)
        starts = datetime.combine(day, begin, zone).astimezone(UTC)
        ends = max(datetime.combine(last, end.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1))
        if starts <= now < ends:
            return ends
    return None
