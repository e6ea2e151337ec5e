"""A Cerbo GX (Venus OS) over MQTT as a stream of readings.

The GX speaks only to listeners: it wants a keepalive every 30 s. The first one asks for everything, later ones for
changes only, and every few minutes everything is asked for again, because values that never change would look dead
and a lost message would stay lost. The broker being up says nothing about the GX: without any message for a while
the connection is torn down and made anew, which is also how a broker that froze is left behind.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets as randomness
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import aiomqtt

from connectors.device import Clock, DeviceDetails, DeviceSecrets, utc_now
from connectors.errors import ConnectorError, CredentialsRefused, Malformed, Unreachable
from connectors.refusals import Refusals
from connectors.victron.broker import access_to
from connectors.victron.news import Allowance, is_news
from connectors.victron.topics import SUBSCRIPTIONS, Values
from connectors.victron.translate import SOURCE, details_of, reading_of
from connectors.watch import DeviceWatch
from energy.reading import Reading
from energy.site import Device, Site

_REFUSED = (4, 5, 134, 135)  # CONNACK: bad user name or password, not authorised (MQTT 3.1.1 and 5)
_SUBSCRIPTION_DENIED = 0x80
_KEPT_READINGS = 360  # an hour of a consumer that does not come
_QUIET_AT_MOST_S = 0.5  # a busy GX may never pause
_QUIET_S = 0.05  # the GX sends the values of one moment in a burst: a reading is taken after it, not in it


@dataclass(frozen=True, slots=True)
class Pace:
    """Intervals in s."""

    interval_s: float = 10.0  # between readings, where nothing important happens
    early_s: float = 1.0  # and where something does, at the least
    keepalive_s: float = 30.0
    full_refresh_s: float = 165.0  # a value that two of them do not repeat is gone: within six minutes
    silence_s: float = 30.0  # ten missed heartbeats
    first_retry_s: float = 1.0
    longest_retry_s: float = 60.0
    answer_s: float = 10.0  # for connecting, for the portal id, for a complete first set of values


class VictronGx:
    """One GX. `readings()` connects and reconnects by itself; it raises only when a person must act."""

    def __init__(
        self,
        site: Site,
        device: Device,
        secrets: DeviceSecrets,
        *,
        pace: Pace | None = None,
        now: Clock = utc_now,
        watch: DeviceWatch | None = None,
    ) -> None:
        self.device_id = device.id
        self.source = SOURCE
        self._site, self._device, self._secrets = site, device, secrets
        self._pace = pace or (Pace(interval_s=device.poll_interval_s) if device.poll_interval_s else Pace())
        self._now = now
        self._watch = watch or DeviceWatch()
        self._refusals = Refusals()
        self._client_id = f"commandcenter-{device.id}-{randomness.token_hex(4)}"
        self._portal_id = device.portal_id
        self._values = Values()
        self._malformed: set[str] = set()
        self._complete = asyncio.Event()
        self._heard_at: datetime | None = None
        self._heard_monotonic_s = 0.0
        self._buffer: deque[Reading] = deque(maxlen=_KEPT_READINGS)
        self._news = asyncio.Event()
        self._stirred = asyncio.Event()
        self._allowance = Allowance()
        self._running: asyncio.Task[None] | None = None
        self._users = 0
        self._problem: ConnectorError | None = None

    @property
    def problem(self) -> ConnectorError | None:
        """Why nothing comes at the moment, or None while the GX is heard."""
        return self._problem

    async def readings(self) -> AsyncIterator[Reading]:
        """Readings, the oldest first: one per `interval_s`, and what is news at once. Raises CredentialsRefused."""
        async with self._connection() as running:
            while True:
                while self._buffer:
                    yield self._buffer.popleft()
                if running.done():
                    return
                self._news.clear()
                await _either(running, self._news)

    async def details(self) -> DeviceDetails:
        """Model, firmware and ESS settings as the GX said them. Raises a ConnectorError when it does not answer."""
        async with self._connection() as running:
            try:
                async with asyncio.timeout(self._pace.answer_s * 2):
                    await _either(running, self._complete)
            except TimeoutError as error:
                raise self._problem or Unreachable(f"{self.device_id}: the GX does not answer") from error
            return details_of(self._device, self._values, self._portal_id or "", self._heard_at or self._now())

    async def close(self) -> None:
        """End the connection; running iterations end too."""
        running = self._running
        # Again and again: on Python 3.11 a TaskGroup that fails in the same moment swallows the cancellation.
        while running is not None and not running.done():
            running.cancel()
            await asyncio.wait({running}, timeout=1.0)
        if running is not None and not running.cancelled():
            running.exception()  # it was told to whoever iterated; here it only counts as seen

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncio.Task[None]]:
        """The connection's task, shared by all who need it and ended by the last."""
        self._refusals.check()
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._stay_connected(), name=f"victron-{self.device_id}")
        self._users += 1
        try:
            yield self._running
        finally:
            self._users -= 1
            if self._users == 0:
                await self.close()

    async def _stay_connected(self) -> None:
        retry_s = self._pace.first_retry_s
        while True:
            try:
                await self._session()
            except CredentialsRefused as error:
                self._forget(error)  # raised, so whoever reads tells of it
                self._refusals.refused(error)
                raise
            except ConnectorError as error:
                if self._complete.is_set():
                    retry_s = self._pace.first_retry_s
                self._forget(error)
                self._watch.failed(self.device_id, error)
            # Spread out, or everybody who lost the same broker comes back in the same instant.
            await asyncio.sleep(retry_s * random.uniform(0.5, 1.0))
            retry_s = min(retry_s * 2, self._pace.longest_retry_s)

    def _forget(self, error: ConnectorError) -> None:
        self._problem = error
        self._complete.clear()
        self._values.clear()
        self._malformed.clear()

    async def _session(self) -> None:
        """One connection, until it breaks: then a ConnectorError says how."""
        access = await asyncio.to_thread(access_to, self._device, self._secrets)
        try:
            async with _Client(
                access.host,
                access.port,
                username=access.username,
                password=access.password,
                tls_context=access.tls,
                identifier=self._client_id,
                keepalive=15,
                timeout=self._pace.answer_s,
            ) as client:
                self._refusals.accepted()
                portal_id = await self._find_portal(client)
                granted = await client.subscribe([(f"N/{portal_id}/{topic}", 0) for topic in SUBSCRIPTIONS])
                if all(getattr(code, "value", code) >= _SUBSCRIPTION_DENIED for code in granted):
                    raise CredentialsRefused(
                        f"{self.device_id}: this user may not read the site {portal_id} at {access.host}; check "
                        "portal_id and the user's access to the site in VRM"
                    )
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._listen(client, portal_id))
                    tasks.create_task(self._keep_alive(client, portal_id))
                    tasks.create_task(self._produce())
        except aiomqtt.MqttError as error:
            raise self._translated(error) from error
        except ExceptionGroup as group:
            first = group.exceptions[0]
            raise (self._translated(first) if isinstance(first, aiomqtt.MqttError) else first) from group

    async def _find_portal(self, client: aiomqtt.Client) -> str:
        """The portal id: from the settings, or from the one topic that a GX keeps on its broker even while asleep."""
        if self._portal_id is None:
            topic = "N/+/system/+/Serial"
            await client.subscribe(topic)
            try:
                async with asyncio.timeout(self._pace.answer_s):
                    message = await anext(client.messages)
            except TimeoutError as error:
                raise Unreachable(
                    f"{self.device_id}: no GX announces itself at {self._device.host}; set portal_id, the VRM portal id"
                ) from error
            await client.unsubscribe(topic)
            self._portal_id = str(message.topic).split("/")[1]
        return self._portal_id

    async def _listen(self, client: aiomqtt.Client, portal_id: str) -> None:
        clock = asyncio.get_running_loop().time
        prefix = f"N/{portal_id}/"
        try:
            async with asyncio.timeout(self._pace.silence_s) as silence:
                async for message in client.messages:
                    path = str(message.topic).removeprefix(prefix)
                    if message.retain or path.startswith("N/"):
                        continue  # kept by the broker from some earlier time: says nothing about now
                    at = clock()
                    silence.reschedule(at + self._pace.silence_s)
                    self._heard_at, self._heard_monotonic_s = self._now(), at
                    self._hear(path, _payload(message), at)
        except TimeoutError as error:
            raise Unreachable(
                f"{self.device_id}: the broker at {self._device.host} is there, but nothing came from the GX for "
                f"{self._pace.silence_s:g} s; is it on and connected?"
            ) from error

    def _hear(self, path: str, payload: bytes, at: float) -> None:
        try:
            self._values.hear(path, payload, at)
        except Malformed as error:
            self._malformed.add(path)
            self._problem = Malformed(f"{self.device_id}: {error}")
            self._watch.failed(self.device_id, self._problem)
            return
        self._malformed.discard(path)
        self._stirred.set()
        if path == "full_publish_completed" and self._is_ours(payload):
            self._complete.set()
        if self._complete.is_set() and len(self._values) and not self._malformed:
            self._problem = None
            self._watch.succeeded(self.device_id)

    def _is_ours(self, payload: bytes) -> bool:
        """Old firmware echoes nothing; then any completion will do."""
        try:
            echo = json.loads(payload).get("full-publish-completed-echo")
        except (ValueError, AttributeError):
            return False
        return echo is None or echo == self._client_id

    async def _keep_alive(self, client: aiomqtt.Client, portal_id: str) -> None:
        clock = asyncio.get_running_loop().time
        everything = json.dumps({"keepalive-options": [{"full-publish-completed-echo": self._client_id}]})
        changes = json.dumps({"keepalive-options": ["suppress-republish"]})
        asked_at: float | None = None
        while True:
            if asked_at is None or not self._complete.is_set() or clock() - asked_at >= self._pace.full_refresh_s:
                asked_at, payload = clock(), everything
            else:
                payload = changes
            await client.publish(f"R/{portal_id}/keepalive", payload)
            await asyncio.sleep(self._pace.keepalive_s)

    async def _produce(self) -> None:
        """A reading every `interval_s` while the GX is heard; into the buffer, whether or not somebody reads."""
        clock = asyncio.get_running_loop().time
        produced_at = clock()  # what an earlier connection heard is no news
        try:
            async with asyncio.timeout(self._pace.answer_s):
                await self._complete.wait()
        except TimeoutError:
            if len(self._values):
                self._complete.set()  # very old firmware does not say when it has said everything
        while True:
            await self._until_quiet()
            # Two refreshes without a value: the GX does not have it any more, however much else it says.
            self._values.drop_older_than(clock() - 2 * self._pace.full_refresh_s - self._pace.silence_s)
            if self._heard_monotonic_s > produced_at and self._heard_at is not None:
                produced_at = self._heard_monotonic_s
                reading = reading_of(self._site, self._device, self._values, self._heard_at)
                self._buffer.append(reading)
                self._news.set()
                await self._until_news(reading)
            else:
                await asyncio.sleep(self._pace.interval_s)

    async def _until_quiet(self) -> None:
        """The end of the burst in which the GX sends the values of one moment."""
        clock = asyncio.get_running_loop().time
        latest = clock() + _QUIET_AT_MOST_S
        while clock() - self._heard_monotonic_s < _QUIET_S and clock() < latest:
            await asyncio.sleep(_QUIET_S)

    async def _until_news(self, last: Reading) -> None:
        """The time of the next reading, which comes early when something important has changed since `last`."""
        clock = asyncio.get_running_loop().time
        due_at, soonest_at = clock() + self._pace.interval_s, clock() + self._pace.early_s
        while (left_s := due_at - clock()) > 0:
            self._stirred.clear()
            try:
                async with asyncio.timeout(left_s):
                    await self._stirred.wait()
                    await self._until_quiet()
                    await asyncio.sleep(soonest_at - clock())
            except TimeoutError:
                return
            now = reading_of(self._site, self._device, self._values, last.taken_at)
            if is_news(last, now) and self._allowance.take(clock()):
                return

    def _translated(self, error: BaseException) -> ConnectorError:
        where = f"{self._device.host}"
        code = getattr(error, "rc", None)
        if isinstance(error, aiomqtt.MqttCodeError) and getattr(code, "value", code) in _REFUSED:
            name = self.device_id.upper().replace("-", "_")
            return CredentialsRefused(
                f"{self.device_id}: the MQTT broker at {where} refused the user name or password; "
                f"check {name}_USERNAME and {name}_PASSWORD or {name}_TOKEN"
            )
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return Unreachable(
                f"{self.device_id}: the certificate of {where} is not trusted ({error}); name its authority in ca_file"
            )
        return Unreachable(f"{self.device_id}: no MQTT connection to {where} ({error or 'closed'})")


def connect(site: Site, device: Device, secrets: DeviceSecrets, clock: Clock = utc_now) -> VictronGx:
    """The registry's factory. Nothing is sent before `readings()` or `details()`."""
    return VictronGx(site, device, secrets, now=clock)


class _Client(aiomqtt.Client):
    """Closes the socket of a connection that did not come about: aiomqtt leaves it open, one per attempt."""

    async def __aenter__(self) -> Self:
        try:
            return await super().__aenter__()
        except aiomqtt.MqttError:
            self._client.disconnect()
            raise


def _payload(message: aiomqtt.Message) -> bytes:
    return message.payload if isinstance(message.payload, bytes) else b""


async def _either(running: asyncio.Task[None], event: asyncio.Event) -> None:
    """Until the event is set; the connection's end raises its error, a closed connection ends quietly."""
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if running.done() and not running.cancelled():
        running.result()
