"""Long reckonings beside the event loop: functions that run in child processes, so that nothing waits for them.

A child is a plain process of ours that reads calls from a pipe, niced, without the parent's memory. It ends with the
parent, however that ends, since its pipe does. Functions are module-level, and they and what they take and give can be
pickled.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import sys
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from services import reckoning_child

T = TypeVar("T")
IDLE_S = 600.0
DIES_WITHIN_S = 2.0
# One reckoning at a time, on a machine that has other things to do: more threads only take each other's turns.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


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
        self._one_at_a_time = asyncio.Lock()
        self._kept: _Child | None = None
        self._children: set[_Child] = set()
        self._idle: asyncio.Task[None] | None = None
        self._closed = False

    async def warm(self, function: Callable[..., T], *args: Any, timeout_s: float) -> T:
        """Raises `ReckoningLate` and `ReckoningFailed`; the time that a call waits for others does not count."""
        async with self._one_at_a_time:
            self._stop_waiting()
            if self._kept is not None and not self._kept.alive:
                await self._ended(self._kept)
                self._kept = None
            if self._kept is None:
                self._kept = await self._started()
            child = self._kept
            try:
                return await self._asked(child, function, args, timeout_s)
            finally:
                if child.alive and not self._closed:
                    self._idle = asyncio.create_task(self._end_when_idle(child))

    async def once(self, function: Callable[..., T], *args: Any, timeout_s: float) -> T:
        """Raises `ReckoningLate` and `ReckoningFailed`."""
        child = await self._started()
        try:
            return await self._asked(child, function, args, timeout_s)
        finally:
            await self._ended(child)

    async def close(self) -> None:
        """End all children and wait for it; calls that run fail, and so do later ones."""
        self._closed = True
        self._stop_waiting()
        await asyncio.gather(*(self._ended(child) for child in set(self._children)))

    @property
    def processes(self) -> tuple[int, ...]:
        """The ids of the children that live."""
        return tuple(child.pid for child in self._children if child.alive)

    async def _started(self) -> _Child:
        if self._closed:
            raise ReckoningFailed("this process is ending")
        try:
            child = await _Child.start()
        except OSError as error:
            raise ReckoningFailed(f"no process for it could be started: {error}") from error
        self._children.add(child)
        if self._closed:  # meanwhile
            await self._ended(child)
            raise ReckoningFailed("this process is ending")
        return child

    async def _asked(self, child: _Child, function: Callable[..., T], args: tuple[Any, ...], timeout_s: float) -> T:
        name = function.__name__
        call = pickle.dumps((function, args), protocol=pickle.HIGHEST_PROTOCOL)
        answered = False
        try:
            async with asyncio.timeout(timeout_s):
                done, result = await child.ask(call)
            answered = True
        except TimeoutError as error:
            raise ReckoningLate(f"{name} took longer than {timeout_s:g} s and was ended") from error
        except (EOFError, ConnectionError) as error:
            await child.wait()
            raise ReckoningFailed(f"{name}: its process died ({child.died_of})") from error
        finally:
            if not answered:  # late, dead or cancelled: its next answer would be taken for another call's
                await self._ended(child)
        if not done:
            raise ReckoningFailed(f"{name}: {result}")
        value: T = result
        return value

    async def _ended(self, child: _Child) -> None:
        try:
            await child.end()
        finally:
            self._children.discard(child)

    async def _end_when_idle(self, child: _Child) -> None:
        await asyncio.sleep(self._idle_s)
        async with self._one_at_a_time:
            if self._kept is child:
                self._kept = None
            await self._ended(child)

    def _stop_waiting(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None


class _Child:
    """One process, and the two pipes to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._calls, self._answers = process, process.stdin, process.stdout
        self.pid = process.pid
        self._ending = False

    @classmethod
    async def start(cls) -> _Child:
        """Start one; it imports from where this process imports."""
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                reckoning_child.__name__,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={
                    **os.environ,
                    **ONE_THREAD,
                    "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
                },
                start_new_session=True,  # Ctrl-C in a terminal is for the parent
            )
        )

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    @property
    def died_of(self) -> str:
        code = self._process.returncode
        return f"signal {-code}" if code is not None and code < 0 else f"code {code}"

    async def ask(self, call: bytes) -> tuple[bool, Any]:
        """Whether it went well, and the result or what was wrong. Raises EOFError or ConnectionError when it died."""
        self._calls.write(reckoning_child.framed(call))
        await self._calls.drain()
        length = await self._answers.readexactly(reckoning_child.LENGTH_BYTES)
        answer = await self._answers.readexactly(int.from_bytes(length, "big"))
        done, result = pickle.loads(answer)
        return bool(done), result

    async def end(self) -> None:
        """Kill it and wait for its end: what it writes it writes at once or not at all."""
        if self.alive and not self._ending:
            self._ending = True
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()
        self._calls.close()

    async def wait(self) -> None:
        """Wait for the end of one whose pipes have ended; it is killed should it live on.

        A kill of what is dead already would take its exit code away from the event loop.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DIES_WITHIN_S):
                await self._process.wait()
        await self.end()


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
