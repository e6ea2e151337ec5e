"""Miners of many vendors by way of pyasic, which is an optional extra of the installation.

pyasic swallows errors and answers True or False without looking, so nothing of that is believed: what the miner does
is seen in its hash rate.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable
from typing import Any, TypeVar

from connectors.errors import Unreachable, Unsupported
from connectors.miner_api import LOOK_EVERY_S, PATIENCE_S, miner_name, wait_until_quiet
from energy.site import Miner

EXTRA = 'pip install "commandcenter[miners]"'

_T = TypeVar("_T")


class PyasicMiner:
    """One miner that pyasic recognises by its answers. Raises the errors of `connectors.errors`."""

    def __init__(
        self,
        miner: Miner,
        *,
        timeout_s: float = 15.0,
        patience_s: float = PATIENCE_S,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self.name = miner_name(miner)
        self._miner = miner
        self._timeout_s, self._patience_s, self._look_every_s = timeout_s, patience_s, look_every_s
        self._found: Any = None

    async def stop(self) -> None:
        """Tell the miner to stop; comes back when it no longer hashes. Raises NotTaken when it goes on."""
        found = await self._recognised()
        await self._within(found.stop_mining(), "stop")
        await wait_until_quiet(
            self._miner, self._shown_ths, patience_s=self._patience_s, look_every_s=self._look_every_s
        )

    async def resume(self) -> None:
        """Tell the miner to hash again, which takes minutes to show."""
        found = await self._recognised()
        await self._within(found.resume_mining(), "resume")

    async def hashrate_ths(self) -> float | None:
        """TH/s by the miner's own figures; None where it tells none."""
        found = await self._recognised()
        rate = await self._within(found.get_hashrate(), "tell its hash rate")
        if rate is None:
            return None
        return float(rate.into(type(rate.unit).TH).rate)

    async def close(self) -> None:
        """Forget the miner; pyasic keeps no connection open."""
        self._found = None

    async def _shown_ths(self) -> float:
        """The hash rate; without one, what the miner says of itself: only a clear "not mining" counts as quiet."""
        rate_ths = await self.hashrate_ths()
        if rate_ths is not None:
            return rate_ths
        found = await self._recognised()
        mining = await self._within(found.is_mining(), "tell whether it hashes")
        return 0.0 if mining is False else self._miner.hashrate_ths

    async def _recognised(self) -> Any:
        """pyasic's object for the miner, found once by asking its ports."""
        if self._found is None:
            try:
                pyasic = await asyncio.to_thread(importlib.import_module, "pyasic")  # it takes a second
            except ImportError as error:
                raise Unsupported(
                    f'{self.name} is set to api = "pyasic", which is not installed here; install it with {EXTRA}'
                ) from error
            self._found = await self._within(pyasic.get_miner(self._miner.api_host), "say what it is")
            if self._found is None:
                raise Unreachable(
                    f"{self.name} at {self._miner.api_host} is no miner that pyasic recognises; check that it has "
                    "power and has booted, and api_host in commandcenter.toml"
                )
            if self._miner.api_port is not None and self._found.rpc is not None:
                self._found.rpc.port = self._miner.api_port
        return self._found

    async def _within(self, asked: Awaitable[_T], what: str) -> _T:
        """What pyasic gives, within our own time: its own patience is minutes, its errors are of any kind."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asked
        except TimeoutError as error:
            raise Unreachable(
                f"{self.name} did not {what} within {self._timeout_s:g} s; check that the miner has power",
                maybe_done=True,
            ) from error
        except NotImplementedError as error:  # pyasic's word for a firmware that it has no such command for
            raise Unsupported(
                f"{self.name} cannot {what}: pyasic knows no way for this firmware; take api out of the miner in "
                "commandcenter.toml"
            ) from error
        except Exception as error:  # pyasic documents none of what it raises
            raise Unreachable(
                f"{self.name} did not {what} ({type(error).__name__}); look at its own web page", maybe_done=True
            ) from error
