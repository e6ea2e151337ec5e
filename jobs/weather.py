"""Fetching the weather forecast and archiving it as issued: models are trained and scored on what was known then."""

from __future__ import annotations

from connectors.errors import ConnectorError
from jobs.work import Work
from store import weather

SOURCE = "weather"


async def fetch_forecast(work: Work) -> None:
    """Keep the forecast of now under its issue time; a failure is logged when it is news."""
    if work.weather is None:
        return
    try:
        issued = await work.weather.forecast(work.site)
    except ConnectorError as error:
        work.watch.failed(SOURCE, error)
        return
    work.watch.succeeded(SOURCE)
    await weather.insert(work.database, work.org_id, work.site.id, issued)
