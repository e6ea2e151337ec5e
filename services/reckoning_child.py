"""The child of `services.reckoning`: reads calls from its input, writes their results to its output, and ends with it.

A message is its length (8 bytes) and a pickle. Both ends are ours: nothing else can write to these pipes.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
from typing import Any, BinaryIO

LENGTH_BYTES = 8
NICENESS = 10


def framed(message: bytes) -> bytes:
    """The message as it goes through the pipe."""
    return len(message).to_bytes(LENGTH_BYTES, "big") + message


def main() -> None:
    """Serve until the input ends; then end at once, also in the middle of a reckoning."""
    # Signals to the group are for the parent, which ends this process in its own time.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(NICENESS)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the replies
    calls: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, calls), daemon=True).start()
    while True:
        try:
            replies.write(framed(_answer(calls.get())))
            replies.flush()
        except BrokenPipeError:
            os._exit(0)


def _listen(calls_in: BinaryIO, calls: queue.SimpleQueue[bytes]) -> None:
    while True:
        length = calls_in.read(LENGTH_BYTES)
        if len(length) < LENGTH_BYTES:
            os._exit(0)  # the parent is gone
        calls.put(calls_in.read(int.from_bytes(length, "big")))


def _answer(call: bytes) -> bytes:
    try:
        function, args = pickle.loads(call)
        result: Any = function(*args)
        return pickle.dumps((True, result), protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # noqa: BLE001  the parent raises it
        return pickle.dumps((False, f"{type(error).__name__}: {error}"))


if __name__ == "__main__":
    main()
