"""What the jobs share: one value, built by the entry point, passed to every job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from connectors.device import PolledDevice, StreamedDevice
from connectors.watch import DeviceWatch
from energy.site import Site
from energy.weather import IssuedForecast
from services.scope import DEFAULT_ORG_ID
from store.database import Database

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.now(UTC)


class WeatherService(Protocol):
    """Where forecasts come from."""

    async def forecast(self, site: Site) -> IssuedForecast: ...


@dataclass(slots=True)
class Work:
    """The site, its open devices and the database. `paused_until` holds devices that asked for a pause."""

    database: Database
    site: Site
    polled: Mapping[str, PolledDevice]
    streamed: Mapping[str, StreamedDevice]
    weather: WeatherService | None
    org_id: str = DEFAULT_ORG_ID
    clock: Clock = utc_now
    watch: DeviceWatch = field(default_factory=DeviceWatch)
    paused_until: dict[str, datetime] = field(default_factory=dict)
    backfill_days: int = 30

    def poll_interval_s(self, device_id: str) -> float:
        """The device's own interval, else the vendors' etiquette: 60 s for a cloud, 30 s on the LAN."""
        device = self.site.device_by_id(device_id)
        if device is not None and device.poll_interval_s is not None:
            return device.poll_interval_s
        return 60.0 if device is not None and device.kind == "solark_cloud" else 30.0
