"""A Shelly relay as a polled device that can be switched, whichever generation it is of."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from connectors.device import Channel, Clock, DeviceDetails, DeviceSecrets, utc_now
from connectors.errors import CredentialsRefused, Malformed, Unreachable
from connectors.http import HttpClient
from connectors.numbers import flag, mapping, number, text
from connectors.shelly import status as translate
from connectors.shelly.gen1 import FirstGeneration
from connectors.shelly.gen2 import SecondGeneration
from connectors.shelly.language import Identity, Language, device_name, remedies_of
from connectors.shelly.rpc import ShellyRpc
from energy.reading import Reading
from energy.site import Device, Site

SOURCE = "shelly"
LONGEST_TIMER_S = 3_600.0


class ShellyRelay:
    """Reads and switches one relay; `miner_w` is the power of its channels that carry a miner of the site."""

    source = SOURCE

    def __init__(
        self, site: Site, device: Device, secrets: DeviceSecrets, *, timeout_s: float = 5.0, clock: Clock = utc_now
    ) -> None:
        self.device_id = device.id
        self._site = site
        self._clock = clock
        self._carrying = frozenset(miner.channel for miner in site.miner if miner.device == device.id)
        self._name = device_name(device.id)
        self._url, self._secrets, self._timeout_s = base_url(device), secrets, timeout_s
        self._door = HttpClient(
            self._name,
            self._url,
            remedies_of(device.id),
            timeout_s=timeout_s,
            largest_bytes=1_000_000,
            local=True,
            clock=clock,
        )
        self._recognising = asyncio.Lock()
        self._identity: Identity | None = None
        self._language: Language | None = None
        self._speaker: tuple[bool, str | None, bool] | None = None

    async def read(self) -> list[Reading]:
        """One reading of the whole relay at this moment."""
        known = await self.channels()
        return [
            Reading(
                site_id=self._site.id,
                source=self.source,
                device_id=self.device_id,
                taken_at=self._clock(),
                miner_w=translate.miner_w(known, self._carrying),
                fault_codes=translate.fault_codes(known),
            )
        ]

    async def channels(self) -> tuple[Channel, ...]:
        """Every switch of the relay as it stands."""
        language = await self._recognised()
        try:
            return await language.channels()
        except CredentialsRefused:
            self._identity = None  # its login may have been switched on since it was recognised
            raise

    async def switch_on(self, channel: int, *, off_after_s: float) -> None:
        """Switch `channel` on until the relay itself switches it off after `off_after_s`, an hour at the most.

        See `SwitchedDevice` for what an error says about the output.
        """
        if not (math.isfinite(off_after_s) and 1 <= off_after_s <= LONGEST_TIMER_S):
            raise ValueError(f"off_after_s must be 1 to {LONGEST_TIMER_S:g} s, not {off_after_s:g}")
        await self._switch(channel, True, off_after_s)

    async def switch_off(self, channel: int) -> None:
        """Switch `channel` off, for good."""
        await self._switch(channel, False, None)

    async def details(self) -> DeviceDetails:
        """Model, firmware and the switches' settings."""
        self._identity = None  # the firmware may have been updated since
        language = await self._recognised()
        known = await self.channels()
        listed = await language.settings(known)
        identity = self._identity
        return DeviceDetails(
            device_id=self.device_id,
            kind="shelly",
            model=identity.model if identity else None,
            firmware=identity.firmware if identity else None,
            serial_tail=identity.serial[-4:] if identity and identity.serial else None,
            settings=listed,
            taken_at=self._clock(),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._door.close()
        if self._language is not None:
            await self._language.close()

    async def _switch(self, channel: int, on: bool, off_after_s: float | None) -> None:
        try:
            language = await self._recognised()
        except Unreachable as error:  # it was only asked who it is
            raise Unreachable(str(error), maybe_done=False) from error
        await language.switch(channel, on, off_after_s=off_after_s)

    async def _recognised(self) -> Language:
        """The device's language; who it is, is asked once."""
        async with self._recognising:
            if self._identity is None or self._language is None:
                identity = self._identity_in(await self._door.get_json("/shelly"))
                gen1 = identity.generation == 1
                # a new language for another device only: login state and pauses belong to the device
                speaker = (gen1, identity.serial, gen1 and identity.wants_login)
                if self._language is None or speaker != self._speaker:
                    if self._language is not None:
                        await self._language.close()
                    self._language, self._speaker = self._speaking(identity), speaker
                self._identity = identity
            return self._language

    def _speaking(self, identity: Identity) -> Language:
        if identity.generation == 1:
            return FirstGeneration(
                self.device_id, self._url, self._secrets, identity, timeout_s=self._timeout_s, clock=self._clock
            )
        rpc = ShellyRpc(self.device_id, self._url, self._secrets.password, timeout_s=self._timeout_s, clock=self._clock)
        return SecondGeneration(rpc, identity.model)

    def _identity_in(self, told: Any) -> Identity:
        """Who the device is by its answer; Malformed where that is not a Shelly's."""
        answer = mapping(told)
        generation, first = number(answer.get("gen")), text(answer.get("type"))
        if generation is None and first is not None and text(answer.get("mac")) is not None:
            meters = number(answer.get("num_meters"))
            return Identity(
                generation=1,
                model=first,
                firmware=text(answer.get("fw")),
                serial=text(answer.get("mac")),
                wants_login=flag(answer.get("auth")) is True,
                meters=None if meters is None else int(meters),
            )
        if generation is None or generation < 2:
            raise Malformed(f"{self._name} does not answer like a Shelly; check its host in commandcenter.toml")
        return Identity(
            generation=int(generation),
            model=text(answer.get("model")),
            firmware=text(answer.get("ver")),
            serial=text(answer.get("mac")) or text(answer.get("id")),
            wants_login=flag(answer.get("auth_en")) is True,
            meters=None,
        )


def base_url(device: Device) -> str:
    """Where the relay's web interface lives: its `base_url`, else `host` (which may carry a port) and `port`."""
    if device.base_url:
        return device.base_url
    host = device.host or ""
    if host.count(":") > 1 and not host.startswith("["):
        host = f"[{host}]"
    scheme = "https" if device.tls else "http"
    return f"{scheme}://{host}:{device.port}" if device.port else f"{scheme}://{host}"


def connect(site: Site, device: Device, secrets: DeviceSecrets, clock: Clock = utc_now) -> ShellyRelay:
    """The device as the settings describe it."""
    return ShellyRelay(site, device, secrets, clock=clock)
