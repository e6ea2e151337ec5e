"""The connection on which Discord tells us what happens: resumed where it can be, never given up silently."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import discord
import structlog
import yarl
from discord.gateway import DiscordWebSocket, ReconnectWebSocket

from bot.platforms.discord.client import request_trace
from bot.platforms.discord.limits import LimitedHTTP

log = structlog.get_logger()

# Text of messages is privileged in Discord; it comes without asking in direct chats and where we are mentioned.
INTENTS = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
_SHORT_S = 5.0  # a connection that ends sooner has not helped
_CONNECT_TIMEOUT_S = 60.0
# Discord's close codes after which the same connection is refused again: token, shards, version, intents.
_HOPELESS = frozenset({4004, 4010, 4011, 4012, 4013, 4014})


class GatewayClient(discord.Client):
    """The SDK's client with a connection loop of our own.

    The SDK's own waits up to 17 minutes between two tries, goes round without a pause where a server accepts and closes
    at once, and can be pointed at another gateway only for the whole process.
    """

    def __init__(
        self,
        *,
        gateway_url: str | None,
        heard: Callable[[], None],
        trouble: Callable[[str], None],
        first_pause_s: float = 1.0,
        longest_pause_s: float = 60.0,
        identify_every_s: float = 5.0,
        silence_s: float = 60.0,
    ) -> None:
        # The SDK's warnings hold addresses, and those of interactions hold their tokens.
        sdk_log = logging.getLogger("discord")
        sdk_log.setLevel(max(sdk_log.level, logging.ERROR))
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # we have nothing to say aloud
        super().__init__(
            intents=INTENTS,
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            heartbeat_timeout=silence_s,
        )
        self._gateway_url = gateway_url
        self._heard = heard
        self._in_trouble = trouble
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._identify_every_s = identify_every_s
        self._identified_at = -identify_every_s

    def _get_state(self, **options: Any) -> Any:
        # where the SDK's own kinds of client put their parts in, before anything holds the HTTP client
        self.http = LimitedHTTP(self.loop, request_trace())
        return super()._get_state(**options)

    async def connect(self, *, reconnect: bool = True) -> None:  # noqa: ARG002 - the SDK's signature; we always do
        """Listen until cancelled; raises `discord.ConnectionClosed` where trying again would not help."""
        resume: dict[str, Any] = {}
        failures = 0
        while True:
            began = time.monotonic()
            try:
                await self._listen(**resume)
            except ReconnectWebSocket as again:
                resume = self._session() if again.resume else {"session": None}
                reason = "Discord closed the connection"
            except discord.ConnectionClosed as closed:
                if closed.code in _HOPELESS:
                    raise
                resume = self._session()
                reason = f"Discord closed the connection ({closed.code})"
            except (OSError, aiohttp.ClientError, TimeoutError, discord.DiscordException) as error:
                resume = self._session()
                reason = f"Discord's gateway cannot be reached ({type(error).__name__})"
            self.dispatch("disconnect")
            failures = failures + 1 if time.monotonic() - began < _SHORT_S else 1
            if failures > 1:
                self._in_trouble(reason)
            await asyncio.sleep(self._pause_s(failures))

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:  # noqa: ARG002
        """Discord takes one new session in five seconds."""
        now = time.monotonic()
        pause_s = max(0.0, self._identified_at + self._identify_every_s - now)
        self._identified_at = now + pause_s
        await asyncio.sleep(pause_s)

    async def _listen(self, **resume: Any) -> None:
        resume.setdefault("gateway", yarl.URL(self._gateway_url or await self._gateway_of_discord()))
        session = resume.pop("session", None)
        opening = DiscordWebSocket.from_client(self, session=session, resume=session is not None, **resume)
        self.ws = await asyncio.wait_for(opening, timeout=_CONNECT_TIMEOUT_S)
        while True:
            await self.ws.poll_event()
            self._heard()

    def _session(self) -> dict[str, Any]:
        """Where to go on, so that nothing is lost that happened meanwhile."""
        if self.ws is None or self.ws.session_id is None:
            return {"session": None}
        gateway = yarl.URL(self._gateway_url) if self._gateway_url else self.ws.gateway
        return {"session": self.ws.session_id, "sequence": self.ws.sequence, "gateway": gateway}

    async def _gateway_of_discord(self) -> str:
        _, url, _ = await self.http.get_bot_gateway()
        return url

    def _pause_s(self, failures: int) -> float:
        """None after a connection that lasted; then doubling, with jitter."""
        if failures <= 1:
            return random.uniform(0.0, 0.1 * self._first_pause_s)
        doubled = self._first_pause_s * 2.0 ** min(failures - 2, 10)
        return min(self._longest_pause_s, doubled) * random.uniform(0.5, 1.0)

    async def hang_up(self) -> None:
        """Close the gateway alone: nothing more comes in, replies can still go out."""
        if self.ws is not None and self.ws.open:
            await self.ws.close(code=1000)
