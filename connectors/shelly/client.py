"""A Shelly relay as a polled device."""

from __future__ import annotations

from connectors.device import Channel, Clock, DeviceDetails, DeviceSecrets, utc_now
from connectors.errors import Malformed, Unsupported
from connectors.numbers import mapping, number, text
from connectors.shelly import status as translate
from connectors.shelly.rpc import ShellyRpc
from energy.reading import Reading
from energy.site import Device, Site

SOURCE = "shelly"


class ShellyRelay:
    """Reads one relay; `miner_w` is the power of its channels that carry a miner of the site."""

    source = SOURCE

    def __init__(
        self, site: Site, device: Device, secrets: DeviceSecrets, *, timeout_s: float = 5.0, clock: Clock = utc_now
    ) -> None:
        self.device_id = device.id
        self._site = site
        self._clock = clock
        self._carrying = frozenset(miner.channel for miner in site.miner if miner.device == device.id)
        self._rpc = ShellyRpc(device.id, base_url(device), secrets.password, timeout_s=timeout_s, clock=clock)
        self._identity: dict[str, object] | None = None

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
        await self._recognise()
        known = translate.channels(await self._rpc.call("Shelly.GetStatus"))
        if not known:
            raise Unsupported(f"{self._rpc.name} has no switch; use a relay model, or set it to the switch profile")
        return known

    async def details(self) -> DeviceDetails:
        """Model, firmware and the switches' settings."""
        self._identity = None  # the firmware may have been updated since
        known = await self.channels()
        identity = await self._recognise()
        config = await self._rpc.call("Shelly.GetConfig")
        identifier = text(identity.get("mac")) or text(identity.get("id"))
        return DeviceDetails(
            device_id=self.device_id,
            kind="shelly",
            model=text(identity.get("model")),
            firmware=text(identity.get("ver")),
            serial_tail=identifier[-4:] if identifier else None,
            settings=translate.settings(config, known),
            taken_at=self._clock(),
        )

    async def close(self) -> None:
        """Close the connection."""
        await self._rpc.close()

    async def _recognise(self) -> dict[str, object]:
        """The device's identity, asked for once; refuses a first-generation device, which speaks another language."""
        if self._identity is None:
            identity = mapping(await self._rpc.identity())
            generation = number(identity.get("gen"))
            if generation is None and text(identity.get("type")) is not None:
                raise Unsupported(
                    f"{self._rpc.name} is a first-generation Shelly ({identity['type']}), which is not supported yet; "
                    "use a Plus, Pro or Gen3 relay"
                )
            if generation is None or generation < 2:
                raise Malformed(f"{self._rpc.name} does not answer like a Shelly; check its host in commandcenter.toml")
            self._identity = identity
        return self._identity


def base_url(device: Device) -> str:
    """Where the relay's web interface lives: its `base_url`, else `host` (which may carry a port) and `port`."""
    if device.base_url:
        return device.base_url
    host = device.host or ""
    if host.count(":") > 1 and not host.startswith("["):
        host = f"[{host}]"
    scheme = "https" if device.tls else "http"
    return f"{scheme}://{host}:{device.port}" if device.port else f"{scheme}://{host}"


def connect(site: Site, device: Device, secrets: DeviceSecrets) -> ShellyRelay:
    """The device as the settings describe it."""
    return ShellyRelay(site, device, secrets)
