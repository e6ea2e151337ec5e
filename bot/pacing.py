"""How fast each platform lets us speak. What matters most goes first, and a full chat holds up no other.

The figures are those of facts/PLATFORMS.md. What a platform asks for itself (`Retry-After`) closes a chat for so long,
and the whole platform once several of its chats ask at the same time. What is critical tries again after ten minutes
however long it asked for.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from bot.message import Address

MOST_CHATS = 5_000  # remembered
CHATS_THAT_CLOSE_ALL = 3  # so many chats that ask for a pause at once mean that the platform does
NO_ONE_PLATFORM = ("webhook", "apprise", "email")  # each address leads to another service, of somebody else
CRITICAL = 3
LONGEST_FOR_CRITICAL_S = 600.0


@dataclass(frozen=True, slots=True)
class Limit:
    """So many messages in so many seconds."""

    count: int
    per_s: float


@dataclass(frozen=True, slots=True)
class Pace:
    """What one platform permits: in a direct chat, in a group, and in all chats together."""

    direct: tuple[Limit, ...] = ()
    group: tuple[Limit, ...] = ()
    all: tuple[Limit, ...] = ()


_PER_SECOND = Limit(1, 1.0)
_DISCORD = (Limit(5, 5.0),)
PACES: Mapping[str, Pace] = {
    "telegram": Pace(direct=(_PER_SECOND,), group=(_PER_SECOND, Limit(20, 60.0)), all=(Limit(30, 1.0),)),
    "slack": Pace(direct=(_PER_SECOND,), group=(_PER_SECOND,)),
    "discord": Pace(direct=_DISCORD, group=_DISCORD, all=(Limit(50, 1.0),)),
    "email": Pace(direct=(_PER_SECOND,), all=(Limit(10, 1.0),)),
    "sms": Pace(direct=(_PER_SECOND,), all=(Limit(1, 1.0),)),  # carriers take about one a second from one number
    "webhook": Pace(direct=(Limit(5, 1.0),)),
    "apprise": Pace(direct=(_PER_SECOND,)),
}


class Gate:
    """Lets through no more than its limits permit, those of the highest rank first, else in the order of asking."""

    def __init__(self, limits: Sequence[Limit], now: Callable[[], float]) -> None:
        self._limits = limits
        self._now = now
        self._passed: deque[float] = deque(maxlen=max((limit.count for limit in limits), default=1))
        self._waiting: list[tuple[int, int, asyncio.Future[bool]]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None
        self._closed_at = self._closed_until = self._booked_until = float("-inf")
        self.troubled_since: float | None = None  # when it was closed first, without a success since

    @property
    def idle(self) -> bool:
        """Whether nobody waits, and nothing is remembered that a new one would not know."""
        return not self._waiting and self.closed_s() <= 0 and self._free_at(0) <= self._now()

    def closed_s(self, rank: int = 0) -> float:
        """How long one of this rank leaves the platform alone here, because it asked for that (s); 0 when not."""
        return max(0.0, self._open_at(rank) - self._now())

    def _open_at(self, rank: int) -> float:
        if rank < CRITICAL:
            return self._closed_until
        return min(self._closed_until, self._closed_at + LONGEST_FOR_CRITICAL_S)

    def close(self, seconds: float) -> None:
        """Let nobody through for so long; who waits is turned away, since another way may be quicker."""
        now = self._closed_at = self._now()
        self._closed_until = max(self._closed_until, now + seconds)
        if self.troubled_since is None:
            self.troubled_since = now
        for _, _, future in self._waiting:
            if not future.done():
                future.set_result(False)
        self._waiting.clear()

    def opened(self) -> None:
        """A message arrived: there is no trouble (any more)."""
        self.troubled_since = None

    def wait_s(self, rank: int) -> float:
        """About how long somebody of this rank would wait from now on (s)."""
        ahead = sum(1 for other, _, future in self._waiting if -other >= rank and not future.done())
        return max(0.0, self._free_at(ahead, rank) - self._now())

    def book_s(self, rank: int) -> float:
        """In how many seconds to come again, for one who does not wait here: each is given a time of its own."""
        slowest = max((limit.per_s / limit.count for limit in self._limits), default=0.0)
        self._booked_until = max(self._booked_until + slowest, self._now() + self.wait_s(rank))
        return self._booked_until - self._now()

    async def through(self, rank: int) -> bool:
        """Wait until it is this one's turn; False when the platform wants a pause first."""
        if self.closed_s(rank) > 0:
            return False
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (-rank, next(self._order), future))
        self._pump()
        return await future

    def _free_at(self, ahead: int, rank: int = 0) -> float:
        """When one of this rank may pass with so many before them."""
        passed = [*self._passed]
        moment = now = self._now()
        for _ in range(ahead + 1):
            moment = max(now, self._open_at(rank))
            for limit in self._limits:
                if len(passed) >= limit.count:
                    moment = max(moment, passed[-limit.count] + limit.per_s)
            passed.append(moment)
        return moment

    def _pump(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            if self._waiting[0][2].done():  # given up
                heapq.heappop(self._waiting)
                continue
            wait_s = self._free_at(0, -self._waiting[0][0]) - self._now()
            if wait_s > 0:
                # A timer may ring a little early by the clock's grain; the loop then asks once more.
                self._timer = asyncio.get_running_loop().call_later(wait_s, self._pump)
                return
            future = heapq.heappop(self._waiting)[2]
            self._passed.append(self._now())
            future.set_result(True)


class Pacing:
    """The gates of all platforms and their chats."""

    def __init__(self, paces: Mapping[str, Pace] = PACES, now: Callable[[], float] | None = None) -> None:
        self._paces = paces
        self._now = now or _loop_time
        self._platforms: dict[str, Gate] = {}
        self._chats: OrderedDict[tuple[str, str], Gate] = OrderedDict()

    def closed_s(self, address: Address, rank: int = 0) -> float:
        """How long a message of this rank leaves the platform alone there, because it asked for that (s)."""
        return max(gate.closed_s(rank) for gate in self._gates(address))

    def troubled_s(self, address: Address) -> float:
        """For how long nothing has arrived there because of such pauses (s)."""
        since = [gate.troubled_since for gate in self._gates(address) if gate.troubled_since is not None]
        return self._now() - min(since) if since else 0.0

    def wait_s(self, address: Address, rank: int) -> float:
        """About how long a message of this rank would wait (s)."""
        return max(gate.wait_s(rank) for gate in self._gates(address))

    def book_s(self, address: Address, rank: int) -> float:
        """In how many seconds to come again instead of waiting."""
        return max(gate.book_s(rank) for gate in self._gates(address))

    async def through(self, address: Address, rank: int) -> bool:
        """Wait for the chat's turn, then for the platform's; False when it wants a pause first."""
        chat, platform = self._gates(address)
        return await chat.through(rank) and await platform.through(rank)

    def close(self, address: Address, seconds: float) -> None:
        """The platform asked for a pause in this chat; the third chat at the same time closes the platform."""
        chat, platform = self._gates(address)
        chat.close(seconds)
        if address.platform in NO_ONE_PLATFORM:
            return
        closed = [
            gate.closed_s() for (name, _), gate in self._chats.items() if name == address.platform and gate.closed_s()
        ]
        if len(closed) >= CHATS_THAT_CLOSE_ALL:
            platform.close(min(closed))

    def opened(self, address: Address) -> None:
        """Something arrived there."""
        for gate in self._gates(address):
            gate.opened()

    def _gates(self, address: Address) -> tuple[Gate, Gate]:
        platform, pace = address.platform, self._paces.get(address.platform, Pace())
        if platform not in self._platforms:
            self._platforms[platform] = Gate(pace.all, self._now)
        key = (platform, address.chat_id)
        if key not in self._chats:
            # Only Telegram has another pace in groups, whose ids are negative there.
            limits = pace.group if address.chat_id.startswith("-") else pace.direct
            self._chats[key] = Gate(limits, self._now)
            self._forget_idle()
        self._chats.move_to_end(key)
        return self._chats[key], self._platforms[platform]

    def _forget_idle(self) -> None:
        while len(self._chats) > MOST_CHATS:
            key, gate = next(iter(self._chats.items()))
            if not gate.idle:
                self._chats.move_to_end(key)
                return
            del self._chats[key]


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
