"""Which network addresses a person's own target may lead to: public ones, and what the owner allows by name.

Names are resolved here, and the connection goes to the very address that was checked: a name that answers otherwise
a moment later (DNS rebinding) changes nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]  # a host's addresses

RESOLVE_WITHIN_S = 5.0
_MORE_REFUSED = tuple(
    ipaddress.ip_network(text)
    for text in (
        "100.64.0.0/10",  # shared (carriers; also where a cloud keeps its metadata: 100.100.100.200)
        "168.63.129.16/32",  # a cloud's own host agent, in the public range
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "::/8",  # v4-compatible, v4-mapped and NAT64 with them: an address in disguise
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",  # Teredo and other special uses
        "2002::/16",  # 6to4
        "fec0::/10",
    )
)


class AddressRefused(Exception):
    """The host leads where a person's target must not; the message says where, and the remedy."""


class NotResolved(Exception):
    """The name has no address at the moment."""


def is_loopback_name(host: str) -> bool:
    """Whether that is this machine by name or address."""
    return host == "localhost" or (_parsed(host) is not None and bool(getattr(_parsed(host), "is_loopback", False)))


def is_public(text: str) -> bool:
    """Whether that is a unicast address of the public internet and no other in disguise."""
    address = _parsed(text)
    if address is None:
        return False
    if any(address in network for network in _MORE_REFUSED if network.version == address.version):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    )


def is_near(text: str) -> bool:
    """Whether that is a private or loopback address: what an owner can allow. Metadata and multicast are not."""
    address = _parsed(text)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address is None or address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if address == ipaddress.ip_address("fd00:ec2::254"):  # a cloud's metadata
        return False
    return address.is_private or address.is_loopback


async def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as the system sees it; numbers in odd spellings too (2130706433 is 127.0.0.1)."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotResolved(f"{host} has no address") from error
    return list(dict.fromkeys(str(each[4][0]) for each in found))


async def checked_addresses(
    host: str, port: int, *, allow_private: Collection[str] = (), resolver: Resolver = resolved
) -> Sequence[str]:
    """The addresses to connect to, best first. Raises `AddressRefused` when one of them is bad, and `NotResolved`."""
    try:
        async with asyncio.timeout(RESOLVE_WITHIN_S):
            found = await resolver(host, port)
    except TimeoutError as error:
        raise NotResolved(f"{host} was not found within {RESOLVE_WITHIN_S:g} s") from error
    if not found:
        raise NotResolved(f"{host} has no address")
    allowed = host.lower().rstrip(".") in allow_private
    for text in found:
        if not is_public(text) and not (allowed and is_near(text)):
            raise AddressRefused(
                f"{host} leads to {text}, which is no public address; the site's owner can allow a host of the own "
                "network with NOTIFY_ALLOW_PRIVATE"
            )
    return found


def _parsed(text: str) -> Address | None:
    """The address, None for what is none; one with a zone (%eth0) is none."""
    if "%" in text:
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
