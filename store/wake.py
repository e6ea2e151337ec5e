"""Waking others up: who has put something into the database says so over Redis, and who waits looks at once.

Redis only triggers. Without it nothing is lost: whoever waits looks into the database now and then anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import redis.asyncio
import structlog
from redis.exceptions import RedisError

log = structlog.get_logger()

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
ANSWER_WITHIN_S = 2.0
_PING_AFTER_S = 5.0
_LOST = (RedisError, OSError, asyncio.TimeoutError)


class Woken:
    """The channels that were woken and not asked for yet, each once; waiting for one may be cut off at any time."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._any = asyncio.Event()

    def add(self, channel: str) -> None:
        """Note that a channel was woken."""
        self._names[channel] = None
        self._any.set()

    def __aiter__(self) -> Woken:
        return self

    async def __anext__(self) -> str:
        await self._any.wait()
        name = next(iter(self._names))
        del self._names[name]
        if not self._names:
            self._any.clear()
        return name


class Wake:
    """The channels of one installation: `identity` (`app.opening.queue_of`) keeps them apart from others' in Redis."""

    def __init__(self, redis_url: str, identity: str) -> None:
        self._url = redis_url
        self._prefix = f"{identity}:wake:"
        self._publisher = self._connect()
        self._lost = False

    async def publish(self, channel: str) -> None:
        """Wake whoever listens to `channel`. Never raises for a Redis that is away: they look by themselves later."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await self._publisher.publish(self._prefix + channel, b"1")
        except _LOST as error:
            if not self._lost:
                log.warning("wake_lost", reason=str(error) or "no answer")
            self._lost = True
        else:
            if self._lost:
                log.info("wake_back")
            self._lost = False

    @contextlib.asynccontextmanager
    async def listening(self, *channels: str) -> AsyncIterator[Woken]:
        """The names of channels as they are woken, without end; a lost Redis is connected to again.

        After every (re)connection each channel is given once: something may have been said meanwhile.
        """
        woken = Woken()
        task = asyncio.create_task(self._listen(channels, woken))
        try:
            yield woken
        finally:
            task.cancel()
            (ended,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(ended, Exception):
                raise ended

    async def close(self) -> None:
        """Close the connection that publishes."""
        with contextlib.suppress(*_LOST):  # it may be gone already
            await self._publisher.aclose()

    async def _listen(self, channels: tuple[str, ...], woken: Woken) -> None:
        pause_s, lost = FIRST_PAUSE_S, False
        while True:
            client = self._connect()
            subscription = client.pubsub()
            try:
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    await subscription.subscribe(*(self._prefix + channel for channel in channels))
                if lost:
                    log.info("wake_listening_again", channels=channels)
                pause_s, lost = FIRST_PAUSE_S, False
                for channel in channels:
                    woken.add(channel)
                await self._pass_on(subscription, woken)
            except _LOST as error:
                if not lost:
                    log.warning("wake_not_listening", channels=channels, reason=str(error) or "no answer")
                lost = True
            finally:
                with contextlib.suppress(*_LOST):  # closing what is broken breaks too
                    await subscription.aclose()  # type: ignore[no-untyped-call]  # redis-py 5 has no types here
                    await client.aclose()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _pass_on(self, subscription: redis.asyncio.client.PubSub, woken: Woken) -> None:
        asked = False
        while True:
            message = await subscription.get_message(timeout=_PING_AFTER_S)
            if message is None:
                # Silence may be a connection that died without a word: a second silence after a ping says so.
                if asked:
                    raise TimeoutError("no answer to a ping")
                await subscription.ping()
                asked = True
                continue
            asked = False
            if message["type"] == "message":
                woken.add(message["channel"].decode().removeprefix(self._prefix))

    def _connect(self) -> redis.asyncio.Redis:
        return redis.asyncio.from_url(self._url, socket_connect_timeout=ANSWER_WITHIN_S)  # type: ignore[no-any-return,no-untyped-call]
