"""Fetching the weather forecast and archiving it as issued: models are trained and scored on what was known then."""

from __future__ import annotations

from connectors.errors import ConnectorError, TryLater
from jobs.claims import NotDone
from jobs.polling import PAUSE_AFTER_BUSY_S
from jobs.work import Work
from store import weather

SOURCE = "weather"


async def fetch_forecast(work: Work) -> None:
    """Keep the forecast of now under its issue time; a failure is logged when it is news. Raises `NotDone`."""
    if work.weather is None:
        return
    if work.pause_left_s(SOURCE):
        raise NotDone
    try:
        issued = await work.weather.forecast(work.site)
    except ConnectorError as error:
        work.watch.failed(SOURCE, error)
        if isinstance(error, TryLater):
            work.pause(SOURCE, PAUSE_AFTER_BUSY_S if error.after_s is None else error.after_s)
        raise NotDone from error
    work.watch.succeeded(SOURCE)
    await weather.insert(work.database, work.org_id, work.site.id, issued)
