"""aioshelly uses a relay of the first generation, over its HTTP half.

Usage: judge_gen1.py HOST PORT PASSWORD. Prints one JSON object with what it saw. aioshelly asks such devices at port 80
and, where their firmware speaks it, over CoAP; here its connections are led to PORT, and the model is one without.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import aiohttp
from aioshelly.block_device import COAP, BlockDevice
from aioshelly.common import ConnectionOptions, get_info
from aioshelly.exceptions import InvalidAuthError


class Elsewhere(aiohttp.TCPConnector):
    """Connects to one port, whatever was asked for."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    async def _resolve_host(self, host: str, port: int, traces: Any = None) -> Any:
        return await super()._resolve_host(host, self._port, traces)


class NoCoap(COAP):
    """No CoAP on this network."""

    async def request(self, ip: str, path: str) -> None:
        raise OSError("no CoAP here")


async def main() -> None:
    """Initialise, read, switch with a timer, switch off, fail as a thief."""
    host, port, password = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    found: dict[str, Any] = {}
    async with aiohttp.ClientSession(connector=Elsewhere(port)) as session:
        found["info"] = await get_info(session, host)
        device = await BlockDevice.create(session, NoCoap(), ConnectionOptions(host, "admin", password))
        await device.initialize()
        found |= {"initialized": device.initialized, "model": device.model, "requires_auth": device.requires_auth}
        found["before"] = device.status
        found["settings"] = device.settings["relays"][1]
        found["set"] = await device.http_request("get", "relay/1", {"turn": "on", "timer": 900})
        await device.update_status()
        found["on"] = device.status["relays"][1]
        found["off"] = await device.http_request("get", "relay/1", {"turn": "off"})
        await device.shutdown()
        thief = await BlockDevice.create(session, NoCoap(), ConnectionOptions(host, "admin", password + "x"))
        try:
            await thief.initialize()
        except InvalidAuthError:
            found["wrong_password"] = "refused"
        await thief.shutdown()
    print(json.dumps(found))


asyncio.run(main())
