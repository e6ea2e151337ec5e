"""A GX as Victron's VRM portal knows it: the stand-in for MQTT, the history, and the portal's own forecast.

The GX uploads as often as it is set to (Settings, VRM online portal, Log interval: 1 minute to 1 day, mostly 15
minutes); asking more often gives the same values. For a figure of now MQTT is better: name the GX before the portal in
`prefer`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

from connectors.device import Clock, DeviceDetails, DeviceSecrets, utc_now
from connectors.errors import Malformed
from connectors.numbers import mapping, number, objects, text
from connectors.victron.translate import details_of, reading_of
from connectors.vrm.api import Query, VrmApi
from connectors.vrm.diagnostics import Diagnostics, diagnostics_of
from connectors.vrm.stats import FLOWS, LOAD_FORECAST, SOC, SOLAR_FORECAST, VOLTAGE, day_readings, issued_power
from energy.periods import local_midnight
from energy.reading import Reading
from energy.site import Device, Site
from energy.weather import IssuedPower

SOURCE = "victron_vrm"
FRESH_S = 55.0  # once a minute is what the portal is asked at the most
FORGET_AFTER_INTERVALS = 2
SHORTEST_FORGET = timedelta(minutes=5)
MOST_VALUES = 1_000
FORECAST_AHEAD = timedelta(hours=48)


class VrmPortal:
    """One installation, whose number in the portal's addresses is the device's `plant_id`.

    `fresh_s` is how long the answer with all values is kept, for readings and for details.
    """

    source = SOURCE

    def __init__(
        self,
        site: Site,
        device: Device,
        secrets: DeviceSecrets,
        *,
        fresh_s: float = FRESH_S,
        timeout_s: float = 15.0,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.device_id = device.id
        self._site, self._device, self._clock, self._monotonic = site, device, clock, monotonic
        self._fresh_s = fresh_s
        self._kept: tuple[float, Diagnostics | None] | None = None
        self._portal_id = device.portal_id
        self._api = VrmApi(
            device.id, secrets.token, base_url=device.base_url, timeout_s=timeout_s, clock=clock, monotonic=monotonic
        )

    async def read(self) -> list[Reading]:
        """What the GX uploaded last; empty while the portal has nothing of it.

        `taken_at` is when the GX logged it; the same upload read twice gives the same reading.
        """
        known = await self._diagnostics()
        if known is None:
            return []
        reading = reading_of(self._site, self._device, known.values, known.taken_at)
        return [replace(reading, source=self.source)]

    async def day(self, day: date) -> list[Reading]:
        """The 15-minute means of the site's local calendar `day`, quality BACKFILLED; empty when there are none."""
        start = local_midnight(day, self._site.zone)
        end = local_midnight(day + timedelta(days=1), self._site.zone)
        span: Query = (("interval", "15mins"), ("start", _seconds(start)), ("end", _seconds(end)))
        flows = await self._stats("kwh", span, FLOWS)
        levels = await self._stats("custom", span, (SOC, VOLTAGE))
        return day_readings(
            flows,
            levels,
            site=self._site,
            source=self.source,
            device_id=self.device_id,
            start=start,
            end=end,
            now=self._clock(),
        )

    async def power_forecast(self) -> IssuedPower | None:
        """What the portal expects of the sun and the consumers from today's midnight on, for 48 hours from now.

        None while it does not forecast: it wants about 30 days of history.
        """
        now = self._clock()
        start = local_midnight(now.astimezone(self._site.zone).date(), self._site.zone)
        span: Query = (("interval", "hours"), ("start", _seconds(start)), ("end", _seconds(now + FORECAST_AHEAD)))
        body = await self._stats("forecast", span, (SOLAR_FORECAST, LOAD_FORECAST))
        return issued_power(body, source=self.source, issued_at=self._clock())

    async def details(self) -> DeviceDetails:
        """What the GX is, and its ESS settings as it uploaded them."""
        known = await self._diagnostics()
        if known is None:
            raise Malformed(f"{self._api.name} has no values of installation {self._device.plant_id} yet")
        portal_id = await self._known_portal_id()
        details = details_of(self._device, known.values, portal_id or "", known.taken_at)
        return details if portal_id else replace(details, serial_tail=None)

    async def close(self) -> None:
        """Close the connection."""
        await self._api.close()

    async def _diagnostics(self) -> Diagnostics | None:
        now_s = self._monotonic()
        if self._kept is not None and now_s - self._kept[0] < self._fresh_s:
            return self._kept[1]
        body = await self._api.get(f"installations/{self._device.plant_id}/diagnostics", [("count", MOST_VALUES)])
        forget_after = timedelta(seconds=FORGET_AFTER_INTERVALS * self._device.interval_s)
        known = diagnostics_of(body, forget_after=max(forget_after, SHORTEST_FORGET))
        self._kept = (now_s, known)
        return known

    async def _stats(self, kind: str, span: Query, codes: tuple[str, ...]) -> object:
        query = [("type", kind), *span, *(("attributeCodes[]", code) for code in codes)]
        return await self._api.get(f"installations/{self._device.plant_id}/stats", query)

    async def _known_portal_id(self) -> str | None:
        if self._portal_id is None:
            me = mapping((await self._api.get("users/me")).get("user"))
            user = number(me.get("id"))
            if user is None:
                return None
            query = [("idSite", self._device.plant_id or 0)]
            listed = await self._api.get(f"users/{user:.0f}/installations", query)
            found = [each for each in objects(listed.get("records")) if each.get("idSite") == self._device.plant_id]
            self._portal_id = next((text(each.get("identifier")) for each in found), None)
        return self._portal_id


def connect(site: Site, device: Device, secrets: DeviceSecrets, clock: Clock = utc_now) -> VrmPortal:
    """The device as the settings describe it."""
    return VrmPortal(site, device, secrets, clock=clock)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
