"""What the jobs share: one value, built by the entry point, passed to every job."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import structlog

from connectors.device import InverterSettings, MinerApi, PolledDevice, StreamedDevice, SwitchedDevice
from connectors.watch import DeviceWatch
from energy.prices import PriceHour
from energy.reading import Reading
from energy.site import Site
from energy.weather import IssuedForecast, WeatherNow
from services.reckoning import Reckons
from services.scope import DEFAULT_ORG_ID
from store.database import Database
from store.wake import Wake

Clock = Callable[[], datetime]
log = structlog.get_logger()


def utc_now() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.now(UTC)


class WeatherService(Protocol):
    """Where forecasts come from."""

    async def forecast(self, site: Site) -> IssuedForecast: ...


class CurrentWeather(Protocol):
    """Where the weather now and its alerts come from."""

    async def current(self, site: Site) -> WeatherNow: ...


class HashPriceService(Protocol):
    """Where the hash price comes from; it is held against the last one."""

    async def current(self, last: float | None = None) -> float: ...


class PriceService(Protocol):
    """Where energy prices by the hour come from."""

    async def current(self) -> Sequence[PriceHour]: ...


class Surprises:
    """Failures that nobody foresaw: each is logged with its traceback when it begins, and once when it is over."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}

    def failed(self, event: str, name: str, error: Exception) -> None:
        """Note a failure; call it where the exception is being handled."""
        lines = str(error).splitlines() or [""]
        text = f"{type(error).__name__}: {lines[0]}"  # a database puts the row that it refused below
        if self._known.get((event, name)) != text:
            self._known[event, name] = text
            log.exception(event, name=name)

    def succeeded(self, event: str, name: str) -> None:
        """Note a success."""
        if self._known.pop((event, name), None) is not None:
            log.info("failure_over", after=event, name=name)


@dataclass(slots=True)
class Unsaved:
    """A batch that the database did not take, and how often it failed while others went through."""

    readings: list[Reading]
    tries: int = 0


@dataclass(frozen=True, slots=True)
class ControlPace:
    """How quickly relays are looked after (s)."""

    tick_s: float = 1.0  # between two looks for requests, when nobody wakes us
    look_s: float = 10.0  # between two looks at a relay, at the most
    request_lease_s: float = 10.0  # a request that failed for a reason of ours is taken up again after so long
    call_s: float = 8.0  # one exchange with a relay
    read_back_s: float = 3.0
    lease_s: float = 6.0  # another worker takes over well within this time after this one was killed
    record_s: float = 1.0  # a switch waits no longer for its record
    api_s: float = 30.0  # telling a miner to stop, or to mine
    power_look_s: float = 1.0  # between two looks at the power of a miner that is stopping
    first_retry_s: float = 1.0  # an OFF that did not arrive is sent again after pauses from here ...
    last_retry_s: float = 30.0  # ... to here
    start_retry_s: float = 300.0  # a start that failed for the relay's sake
    resume_s: float = 300.0  # a miner that boots is told to mine for so long
    ending_s: float = 5.0  # what is being switched may end in this time when the process is told to


@dataclass(slots=True)
class Work:
    """The site, its open devices and the database; and what a worker remembers from one run of a job to the next."""

    database: Database
    site: Site
    polled: Mapping[str, PolledDevice]
    streamed: Mapping[str, StreamedDevice]
    weather: WeatherService | None
    switched: Mapping[str, SwitchedDevice] = field(default_factory=dict)  # by device
    miner_apis: Mapping[str, MinerApi] = field(default_factory=dict)  # by miner
    inverter_settings: Mapping[str, InverterSettings] = field(default_factory=dict)  # by device
    weather_now: CurrentWeather | None = None
    hash_price: HashPriceService | None = None
    prices: PriceService | None = None
    wake: Wake | None = None
    reckoner: Reckons | None = None  # long reckonings run here; None: in a thread
    pace: ControlPace = ControlPace()
    org_id: str = DEFAULT_ORG_ID
    clock: Clock = utc_now
    monotonic: Callable[[], float] = time.monotonic
    speed: float = 1.0  # seconds of both clocks per real second; another one in a demo alone
    backfill_days: int = 30
    data_dir: Path | None = None  # where this machine keeps our data
    lease_s: float = 15.0  # a stream is silent for up to twice as long after its worker was killed
    watch: DeviceWatch = field(default_factory=DeviceWatch)
    surprises: Surprises = field(default_factory=Surprises)
    planning: asyncio.Lock = field(default_factory=asyncio.Lock)  # one plan at a time
    said: dict[str, str] = field(default_factory=dict)  # what stands in the log already, by event
    tried_slots: dict[str, datetime] = field(default_factory=dict)
    failures: dict[str, tuple[datetime, int]] = field(default_factory=dict)  # by job: the slot, and how often it failed
    being_read: set[str] = field(default_factory=set)
    rejected: set[tuple[str, str]] = field(default_factory=set)  # (device, field) with impossible values now
    unsaved: deque[Unsaved] = field(default_factory=lambda: deque(maxlen=2_000))
    polled_s: float | None = None  # when the devices were last gone through (monotonic)
    stirred: asyncio.Event = field(default_factory=asyncio.Event)  # something that alerts look at has changed
    answered_at: dict[str, datetime] = field(default_factory=dict)  # by device, for this worker
    ahead: dict[str, timedelta] = field(default_factory=dict)  # by device: how far its clock is ahead of ours
    refused_at: dict[str, datetime] = field(
        default_factory=dict
    )  # by device: it refuses our credentials since its last
    _paused_until: dict[str, float] = field(default_factory=dict)

    async def wake_up(self, channel: str) -> None:
        """Tell the other processes that there is something for them; without Redis they find it by themselves."""
        if self.wake is not None:
            await self.wake.publish(channel)

    def poll_interval_s(self, device_id: str) -> float:
        """The device's own interval, else the vendors' etiquette: 60 s for a cloud, 30 s on the LAN."""
        device = self.site.device_by_id(device_id)
        if device is not None and device.poll_interval_s is not None:
            return device.poll_interval_s
        return 60.0 if device is not None and device.kind == "solark_cloud" else 30.0

    def pause(self, name: str, seconds: float) -> None:
        """Leave a device or service alone for a while; the wall clock may jump meanwhile."""
        self._paused_until[name] = self.monotonic() + seconds

    def pause_left_s(self, name: str) -> float:
        """How long a device or service must still be left alone (s); 0 when it need not."""
        return max(self._paused_until.get(name, 0.0) - self.monotonic(), 0.0)

    def end_pause(self, name: str) -> None:
        """Lift a pause."""
        self._paused_until.pop(name, None)
