"""A client that we did not write, victron-mqtt (the library behind Home Assistant's "Victron GX"), looks at a GX.

Usage: judge.py HOST PORT. Reads only. Prints one JSON object: the installation, its devices, each metric's value,
and the values again once the site has changed (it waits for a battery level below 50 %). The test listens for writes.
"""

from __future__ import annotations

import asyncio
import json
import sys

from victron_mqtt import Hub, OperationMode


async def main() -> None:
    """Connect, list, wait for a change, list again."""
    hub = Hub(sys.argv[1], int(sys.argv[2]), None, None, False, operation_mode=OperationMode.READ_ONLY)
    await hub.connect()
    try:
        await asyncio.wait_for(hub.wait_for_first_refresh(), 20)
        found = {"installation": hub.installation_id, "devices": devices(hub), "first": values(hub)}
        print("ready", file=sys.stderr, flush=True)
        for _ in range(200):
            if float(values(hub).get("battery.battery_soc", 100)) < 50:
                break
            await asyncio.sleep(0.05)
        found["later"] = values(hub)
    finally:
        await hub.disconnect()
    print(json.dumps(found, default=str))


def devices(hub: Hub) -> dict[str, dict[str, object]]:
    """What the library took the devices for."""
    return {
        device.device_type.code: {"model": device.model, "serial": device.serial_number, "name": device.name}
        for device in hub.devices.values()
    }


def values(hub: Hub) -> dict[str, object]:
    """Device type and metric to value, of all metrics."""
    return {
        f"{device.device_type.code}.{metric.short_id}": getattr(metric.value, "name", metric.value)
        for device in hub.devices.values()
        for metric in device.metrics
    }


asyncio.run(main())
