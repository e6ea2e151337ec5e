"""Which connector reads which kind of device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from connectors.device import Clock, DeviceSecrets, PolledDevice, StreamedDevice, utc_now
from energy.site import Device, Site

__all__ = ["CONNECTORS", "Connect", "DeviceSecrets", "connect"]

Connect: TypeAlias = Callable[[Site, Device, DeviceSecrets, Clock], PolledDevice | StreamedDevice]


def connect(
    site: Site, device: Device, secrets: DeviceSecrets, clock: Clock = utc_now
) -> PolledDevice | StreamedDevice:
    """The connector of `device`, which dates by `clock` what comes without a date. It connects with the first reading.

    Raises LookupError for a kind that is not read by a connector, such as `csv`, which is imported.
    """
    if device.kind not in CONNECTORS:
        raise LookupError(
            f'device "{device.id}" of kind "{device.kind}" is not read live; kinds that are: {", ".join(CONNECTORS)}'
        )
    return CONNECTORS[device.kind](site, device, secrets, clock)


# Each imports its connector when it is first wanted: a site with relays alone loads no MQTT.


def _solark_cloud(site: Site, device: Device, secrets: DeviceSecrets, clock: Clock) -> PolledDevice:
    from connectors.solark.client import connect

    return connect(site, device, secrets, clock)


def _shelly(site: Site, device: Device, secrets: DeviceSecrets, clock: Clock) -> PolledDevice:
    from connectors.shelly.client import connect

    return connect(site, device, secrets, clock)


def _victron_mqtt(site: Site, device: Device, secrets: DeviceSecrets, clock: Clock) -> StreamedDevice:
    from connectors.victron import connect

    return connect(site, device, secrets, clock)


def _victron_vrm(site: Site, device: Device, secrets: DeviceSecrets, clock: Clock) -> PolledDevice:
    from connectors.vrm import connect

    return connect(site, device, secrets, clock)


CONNECTORS: Mapping[str, Connect] = MappingProxyType(
    {"solark_cloud": _solark_cloud, "shelly": _shelly, "victron_mqtt": _victron_mqtt, "victron_vrm": _victron_vrm}
)
