"""Where the GX's broker is and how to be let in: address, user, TLS."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from connectors.device import DeviceSecrets
from connectors.errors import Unreachable
from energy.site import Device

CLOUD = "mqtt.victronenergy.com"  # as `host`: the cloud broker that serves this portal id
_CLOUD_DOMAIN = ".victronenergy.com"


@dataclass(frozen=True, slots=True)
class Access:
    """Everything that a connection needs. `tls` is None for plain MQTT."""

    host: str
    port: int
    username: str | None
    password: str | None = field(repr=False)
    tls: ssl.SSLContext | None


def access_to(device: Device, secrets: DeviceSecrets) -> Access:
    """The access to a device. Raises Unreachable when the CA file cannot be read. Reads files: not for the event loop.

    A token opens the cloud broker (with the VRM e-mail as user name), or is the password that pairing made on a GX.
    """
    host = device.host or "venus.local"
    if host == CLOUD and device.portal_id:
        host = cloud_host(device.portal_id)
    in_cloud = host.endswith(_CLOUD_DOMAIN)
    username = secrets.username
    password = secrets.password.get_secret_value() if secrets.password else None
    if secrets.token is not None:
        token = secrets.token.get_secret_value()
        password = f"Token {token}" if in_cloud else token
    if password is not None and username is None:
        username = "commandcenter"  # a GX checks the password alone, but MQTT carries none without a user name
    tls = _context(device) if device.tls or in_cloud else None
    return Access(host, device.port or (8883 if tls else 1883), username, password, tls)


def cloud_host(portal_id: str) -> str:
    """The cloud broker of a portal id: the sum of its characters modulo 128 (Victron's dbus-flashmq README)."""
    return f"mqtt{sum(ord(character) for character in portal_id.lower().strip()) % 128}{_CLOUD_DOMAIN}"


class _Socket(ssl.SSLSocket):
    """Closes itself when the handshake fails: paho drops it open, and each retry would leak one."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def _context(device: Device) -> ssl.SSLContext:
    """Certificate and host name are always checked: by the system's authorities, or by `ca_file` alone."""
    try:
        context = ssl.create_default_context(cafile=device.ca_file)
    except OSError as error:
        raise Unreachable(
            f'{device.id}: cannot read the certificate authority "{device.ca_file}" ({error}); check ca_file'
        ) from error
    context.sslsocket_class = _Socket
    return context
