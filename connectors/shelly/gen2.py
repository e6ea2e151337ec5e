"""Shellys of the second generation and later: their switches by RPC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.device import Channel, SettingValue
from connectors.errors import Malformed, Unsupported
from connectors.shelly import status as translate
from connectors.shelly.rpc import ShellyRpc


class SecondGeneration:
    """Speaks RPC with a device that says `gen` 2 or more."""

    def __init__(self, rpc: ShellyRpc, model: str | None) -> None:
        self._rpc = rpc
        self._model = model

    async def channels(self) -> tuple[Channel, ...]:
        """Every switch as it stands."""
        known = translate.channels(await self._rpc.call("Shelly.GetStatus"))
        if not known:
            raise Unsupported(f"{self._rpc.name} has no switch; use a relay model, or set it to the switch profile")
        return known

    async def switch(self, channel: int, on: bool, *, off_after_s: float | None) -> None:
        """`Switch.Set`; its answer tells only what was before."""
        params: dict[str, Any] = {"id": channel, "on": on}
        if off_after_s is not None:
            params["toggle_after"] = off_after_s
        result = await self._rpc.call("Switch.Set", params)
        if not isinstance(result.get("was_on"), bool):
            raise Malformed(f"{self._rpc.name} answered a switching with something else; read its state again")

    async def settings(self, known: Sequence[Channel]) -> Mapping[str, SettingValue]:
        """The switches' settings."""
        return translate.settings(await self._rpc.call("Shelly.GetConfig"), known, self._model)

    async def close(self) -> None:
        """Close the connection."""
        await self._rpc.close()
