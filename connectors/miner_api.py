"""A miner's own API: the gentle way to stop it before its relay opens, and to let it hash again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from connectors.device import MinerApi
from connectors.errors import NotTaken
from energy.site import Miner

LOOK_EVERY_S = 1.0
PATIENCE_S = 20.0
STILL_HASHING_SHARE = 0.05  # of the hash rate that the settings give

Hashrate: TypeAlias = Callable[[], Awaitable[float | None]]
Connect: TypeAlias = Callable[[Miner], MinerApi]


def connect(miner: Miner) -> MinerApi:
    """The API of `miner` as its settings describe it; nothing is sent yet. LookupError for a miner without one."""
    if miner.api is None or miner.api_host is None:
        raise LookupError(f'miner "{miner.id}" has no api in commandcenter.toml; its relay alone stops it')
    return APIS[miner.api](miner)


def miner_name(miner: Miner) -> str:
    """How messages call the miner's API."""
    return f"the API of miner {miner.id}"


async def wait_until_quiet(miner: Miner, hashrate_ths: Hashrate, *, patience_s: float, look_every_s: float) -> None:
    """Come back when the miner no longer hashes by its own figures, which take seconds to fall.

    Raises NotTaken when it still hashes after `patience_s`. A rate that it does not tell counts as quiet: its power is
    then all there is to see.
    """
    limit_ths = miner.hashrate_ths * STILL_HASHING_SHARE
    until = time.monotonic() + patience_s
    while (rate_ths := await hashrate_ths()) is not None and rate_ths > limit_ths:
        if time.monotonic() >= until:
            raise NotTaken(
                f"{miner_name(miner)} was told to stop and does not show within {patience_s:g} s that it did; "
                "look at its own web page"
            )
        await asyncio.sleep(look_every_s)


# Each imports its client when it is first wanted: most sites have one kind of firmware, and many have no API at all.


def _cgminer(miner: Miner) -> MinerApi:
    from connectors.cgminer import CgminerApi

    return CgminerApi(miner)


def _pyasic(miner: Miner) -> MinerApi:
    from connectors.pyasic_miner import PyasicMiner

    return PyasicMiner(miner)


APIS: Mapping[str, Connect] = MappingProxyType({"cgminer": _cgminer, "pyasic": _pyasic})
