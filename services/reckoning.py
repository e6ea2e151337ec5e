"""Long reckonings beside the event loop: functions that run in child processes, so that nothing waits for them.

A child is a plain process of ours that reads calls from a pipe, niced, without the parent's memory. It ends with the
parent, however that ends, since its pipe does. Functions are module-level, and they and what they take and give can be
pickled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
IDLE_S = 600.0


class ReckoningError(Exception):
    """A reckoning gave no result."""


class ReckoningLate(ReckoningError):
    """It took too long and was ended."""


class ReckoningFailed(ReckoningError):
    """It raised an error, or its process died; the message says which."""


class Reckons(Protocol):
    """What runs such functions."""

    async def warm(self, function: Callable[..., T], *args: Any, timeout_s: float) -> T:
        """The result out of the process that is kept, with what it has loaded. One call at a time; others wait."""

    async def once(self, function: Callable[..., T], *args: Any, timeout_s: float) -> T:
        """The result out of a process of its own, which gives its memory back."""

    async def close(self) -> None:
        """End all processes. Calls that run fail."""


class Reckoner:
    """`Reckons` in child processes. The kept one ends after `idle_s` without a call and starts again when needed."""

    def __init__(self, *, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s

    async def warm(self, function: Callable[..., T], *args: Any, timeout_s: float) -> T:
        """Raises `ReckoningLate` and `ReckoningFailed`."""
        raise NotImplementedError

    async def once(self, function: Callable[..., T], *args: Any, timeout_s: float) -> T:
        """Raises `ReckoningLate` and `ReckoningFailed`."""
        raise NotImplementedError

    async def close(self) -> None:
        """End all children and wait for it."""


class InlineReckoner:
    """`Reckons` in a thread of this process: for a command that ends soon anyway."""

    async def warm(self, function: Callable[..., T], *args: Any, timeout_s: float) -> T:
        """Raises `ReckoningLate` (the thread goes on to its end, unheard) and `ReckoningFailed`."""
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.to_thread(function, *args)
        except TimeoutError as error:
            raise ReckoningLate(f"{function.__name__} took longer than {timeout_s:g} s") from error
        except Exception as error:
            raise ReckoningFailed(f"{function.__name__}: {type(error).__name__}: {error}") from error

    async def once(self, function: Callable[..., T], *args: Any, timeout_s: float) -> T:
        """As `warm`."""
        return await self.warm(function, *args, timeout_s=timeout_s)

    async def close(self) -> None:
        """There is nothing to end."""
