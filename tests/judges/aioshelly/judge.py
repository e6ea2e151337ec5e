"""A client that we did not write, aioshelly (the library behind Home Assistant's "Shelly"), uses a relay.

Usage: judge.py HOST PORT PASSWORD NONCE_LIFE_S. Prints one JSON object with what it saw.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import aiohttp
from aioshelly.common import ConnectionOptions, get_info
from aioshelly.exceptions import InvalidAuthError, RpcCallError
from aioshelly.rpc_device import RpcDevice, RpcUpdateType


async def main() -> None:
    """Initialise over the WebSocket, read, switch with a timer, hear the notice, outlive the nonce, fail as a thief."""
    host, port, password, nonce_life_s = sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
    found: dict[str, Any] = {}
    updates: list[str] = []
    heard = asyncio.Event()

    def on_update(device: RpcDevice, kind: RpcUpdateType) -> None:
        updates.append(kind.name)
        if kind is RpcUpdateType.STATUS and device.status["switch:1"]["output"]:
            heard.set()

    async with aiohttp.ClientSession() as session:
        found["info"] = await get_info(session, host, port=port)
        options = ConnectionOptions(host, "admin", password, port=port)
        device = await RpcDevice.create(session, None, options)
        device.subscribe_updates(on_update)
        await device.initialize()
        found |= {"initialized": device.initialized, "model": device.model, "version": device.version}
        found["requires_auth"] = device.requires_auth
        found["before"] = {key: value for key, value in device.status.items() if key.startswith("switch:")}
        found["config"] = device.config["switch:1"]
        found["methods"] = await device.methods_list()
        found["set"] = await device.call_rpc("Switch.Set", {"id": 1, "on": True, "toggle_after": 900})
        await asyncio.wait_for(heard.wait(), 5)
        found["noticed"] = device.status["switch:1"]
        await asyncio.sleep(nonce_life_s + 0.2)
        await device.update_status()
        found["after_the_nonce_expired"] = device.status["switch:1"]
        await device.switch_set(1, False)
        await device.update_status()
        found["off"] = device.status["switch:1"]
        try:
            await device.call_rpc("Switch.Set", {"id": 9, "on": True})
        except RpcCallError as error:
            found["no_such_channel"] = error.code
        await device.shutdown()
        thief = await RpcDevice.create(session, None, ConnectionOptions(host, "admin", password + "x", port=port))
        try:
            await thief.initialize()
        except InvalidAuthError:
            found["wrong_password"] = "refused"
        await thief.shutdown()
    found["updates"] = updates
    print(json.dumps(found))


asyncio.run(main())
