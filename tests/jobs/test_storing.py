"""What the log tells of values that cannot be true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from structlog.testing import capture_logs

from energy.reading import Reading
from jobs.storing import store
from tests.jobs.stage import events, work_of


def _reading(second: int, soc_pct: float) -> Reading:
    at = datetime.now(UTC) - timedelta(minutes=5) + timedelta(seconds=second)
    return Reading(site_id="ranch", source="test", device_id="cerbo", taken_at=at, soc_pct=soc_pct, load_w=400.0)


async def test_an_impossible_value_is_logged_when_it_begins_and_when_it_is_over(database):
    work = work_of(database)
    with capture_logs() as logs:
        for second, soc_pct in enumerate((50.0, 250.0, 250.0, 251.0, 50.0, 51.0)):
            assert await store(work, [_reading(second, soc_pct)]) == 1
    told = events(logs, "reading_rejected", "reading_accepted_again")
    assert told == ["reading_rejected", "reading_accepted_again"]
