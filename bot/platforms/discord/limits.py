"""Discord's rate limits: what its headers say is obeyed, and a long wait is the caller's to decide on.

The SDK's own limits wait for up to half a minute inside a call, after the answer too, and its way of not waiting
(`max_ratelimit_timeout`) refuses calls that the limit still allows.
"""

from __future__ import annotations

import asyncio

import aiohttp
import discord
from discord.http import HTTPClient, Ratelimit

# A longer wait becomes `discord.RateLimited`; a shorter one costs less than trying again.
LONGEST_WAIT_S = 1.0


class Limit(Ratelimit):
    """One bucket."""

    def __init__(self) -> None:
        super().__init__(None)

    async def acquire(self) -> None:
        """Take one call out of the bucket; waits a little where it is empty, raises `RateLimited` for longer."""
        self._last_request = self._loop.time()
        if self.is_expired():
            self._refill()
        if self.remaining <= 0 and self.expires is not None:
            wait_s = self.expires - self._loop.time()
            if wait_s > LONGEST_WAIT_S:
                raise discord.RateLimited(wait_s)
            await asyncio.sleep(wait_s)
            self._refill()
        self.remaining -= 1
        self.outgoing += 1

    def _refill(self) -> None:
        self.remaining, self.expires, self.dirty = self.limit - self.outgoing, None, False

    async def __aexit__(self, *_: object) -> None:
        self.outgoing -= 1


class LimitedHTTP(HTTPClient):
    """The SDK's HTTP client with these limits."""

    def __init__(self, loop: asyncio.AbstractEventLoop, trace: aiohttp.TraceConfig) -> None:
        super().__init__(loop, http_trace=trace)
        # Its constructor takes no less than 30 s, against bots that repeat a limited call at once; ours wait.
        self.max_ratelimit_timeout = LONGEST_WAIT_S

    def get_ratelimit(self, key: str) -> Ratelimit:
        """The bucket of a route."""
        if key not in self._buckets:
            self._buckets[key] = Limit()
            self._try_clear_expired_ratelimits()
        return self._buckets[key]
