"""Fetching weather and archiving it as issued: models are trained and scored on what was known then.

Three sources: the forecast of the weather service, the weather now with its alerts, and the powers that a vendor's
portal foresees for the site. Each is logged when its trouble begins and when it ends, and none waits for another.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, runtime_checkable

from connectors.device import Connected
from connectors.errors import ConnectorError, Unreachable
from energy.weather import IssuedPower
from jobs.asking import asked
from jobs.claims import claim
from jobs.polling import READ_TIMEOUT_S, note_failure
from jobs.work import Work
from store import power_forecasts, weather, weather_now

SOURCE = "weather"
NOW_SOURCE = "weather_now"
POWER_EVERY_S = 3_600.0
POWER_EVENT = "power_forecast_failed"


@runtime_checkable
class ForecastsPower(Connected, Protocol):
    """A device whose vendor forecasts the site's powers; None while it does not."""

    async def power_forecast(self) -> IssuedPower | None: ...


async def fetch_forecast(work: Work) -> None:
    """Keep the forecasts of now under their issue times; a failure is logged when it is news.

    Raises `NotDone` when the weather service did not give one; the portals have slots of their own.
    """
    portals = [device for device in work.polled.values() if isinstance(device, ForecastsPower)]
    await asyncio.gather(*(_fetch_power(work, device) for device in portals))
    service = work.weather
    if service is None:
        return
    issued = await asked(work, SOURCE, lambda: service.forecast(work.site))
    await weather.insert(work.database, work.org_id, work.site.id, issued)


async def fetch_weather_now(work: Work) -> None:
    """Keep the weather now and the alerts in force; a failure is logged when it is news. Raises `NotDone`."""
    service = work.weather_now
    if service is None:
        return
    seen = await asked(work, NOW_SOURCE, lambda: service.current(work.site))
    await weather_now.put(work.database, work.org_id, work.site.id, seen, now=work.clock())


async def _fetch_power(work: Work, device: ForecastsPower) -> None:
    """A portal's forecast, once an hour; the device's own pauses are kept, and its polls tell of its troubles."""
    if work.pause_left_s(device.device_id):
        return
    if not await claim(work, f"power_forecast:{device.device_id}", POWER_EVERY_S):
        return
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            issued = await device.power_forecast()
    except TimeoutError:
        note_failure(work, device, Unreachable(f"{device.device_id} did not answer within {READ_TIMEOUT_S:g} s"))
    except ConnectorError as error:
        note_failure(work, device, error)
    except Exception as error:  # noqa: BLE001  the weather must not wait for it, and it is logged
        work.surprises.failed(POWER_EVENT, device.device_id, error)
    else:
        work.surprises.succeeded(POWER_EVENT, device.device_id)
        if issued is not None:
            await power_forecasts.insert(work.database, work.org_id, work.site.id, issued)
