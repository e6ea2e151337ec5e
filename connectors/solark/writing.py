"""Writing the master inverter's settings over the SolArk cloud: the whole block, read back until it shows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from connectors.device import GridCharge
from connectors.errors import ConnectorError, Malformed, NotTaken, TryLater, Unreachable, Unsupported
from connectors.solark.api import PORTAL, SolArkApi
from connectors.solark.day_plan import NotUnderstood, differences, grid_charge, with_grid_charge

PATIENCE_S = 60.0  # a write takes 15 to 60 s to reach the inverter and to come back
LOOK_EVERY_S = 5.0

MasterBlock = Callable[[], Awaitable[tuple[str, Any]]]


class SettingsWriter:
    """Writes for one plant. `master_block` gives the master's serial number and its settings as they are now."""

    def __init__(
        self,
        api: SolArkApi,
        master_block: MasterBlock,
        *,
        patience_s: float = PATIENCE_S,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._api = api
        self._master_block = master_block
        self._patience_s, self._look_every_s = patience_s, look_every_s
        self._one_at_a_time = asyncio.Lock()

    async def set_grid_charge(self, on: bool) -> GridCharge:
        """Let every slot of the day plan charge from the grid, or none; what was read back.

        Nothing is written where all is so already. Raises Unsupported for a block that is not understood (nothing is
        written then), NotTaken when the write was refused or does not show in time.
        """
        async with self._one_at_a_time:
            try:
                serial, block = await self._master_block()
            except Unreachable as error:  # it was only asked
                raise Unreachable(str(error), maybe_done=False) from error
            try:
                wanted = with_grid_charge(block, on, serial=serial)
            except NotUnderstood as error:
                raise Unsupported(
                    f"{self._api.name}: the inverter's settings block is not safe to write ({error}); nothing was "
                    "written; set grid charging at the inverter itself"
                ) from error
            if not differences(wanted, block):
                return grid_charge(block)
            trouble = await self._write(serial, wanted)
            return await self._read_back(serial, wanted, trouble)

    async def _write(self, serial: str, wanted: dict[str, Any]) -> ConnectorError | None:
        """Send the block once. An answer that never came, or made no sense, is given back: only reading tells more."""
        try:
            await self._api.post(f"common/setting/{serial}/set", wanted)
        except Unreachable as error:
            if not error.maybe_done:
                raise
            return error
        except (TryLater, Malformed) as error:
            return error
        return None

    async def _read_back(self, serial: str, wanted: dict[str, Any], trouble: ConnectorError | None) -> GridCharge:
        until = time.monotonic() + self._patience_s
        what = "nothing could be read back"
        while True:
            await asyncio.sleep(min(self._look_every_s, self._patience_s))
            try:
                block = await self._api.get(f"common/setting/{serial}/read")
            except (Unreachable, TryLater, Malformed) as error:
                trouble = error
            else:
                different = differences(wanted, block)
                if not different:
                    return grid_charge(block)
                what = f"{', '.join(different[:3])} differ"
            if time.monotonic() >= until:
                raise NotTaken(
                    f"{self._api.name}: the inverter does not show the new settings after {self._patience_s:g} s "
                    f"({what}); look at the inverter's page at {PORTAL}"
                ) from trouble
