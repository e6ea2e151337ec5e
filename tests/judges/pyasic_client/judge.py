"""pyasic, the library that knows most miners' firmware, recognises a miner, and our connector speaks through it.

Usage: judge.py HOST WHAT, with our own packages on PYTHONPATH. Prints one JSON object with what it saw.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pyasic

from connectors.errors import ConnectorError
from connectors.miner_api import connect
from connectors.pyasic_miner import PyasicMiner
from energy.site import Miner


async def main() -> None:
    """Read, stop and resume; or stop alone, where it must fail."""
    host, what = sys.argv[1], sys.argv[2]
    address = {"api": "pyasic", "api_host": host}
    miner = Miner(id="s19-1", name="S19", power_w=3250, hashrate_ths=95, device="garage", channel=1, **address)
    connected = connect(miner)
    assert isinstance(connected, PyasicMiner)
    api = PyasicMiner(miner, timeout_s=10, patience_s=0.5, look_every_s=0.1)
    found: dict[str, Any] = {}
    try:
        if what == "all":
            known = await pyasic.get_miner(host)
            found["kind"] = type(known).__name__
            found["before"] = await connected.hashrate_ths()
        await api.stop()
        found["stopped"] = await api.hashrate_ths()
        await api.resume()
    except ConnectorError as error:
        found["error"] = [type(error).__name__, str(error)]
    await api.close()
    await connected.close()
    print(json.dumps(found))


asyncio.run(main())
