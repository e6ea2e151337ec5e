"""What the tests of the reckoner let its children do; they import this module by its name."""

from __future__ import annotations

import os
import time


def double(number: int) -> int:
    return 2 * number


def process_id() -> int:
    return os.getpid()


def about_me() -> tuple[int, int, str]:
    return os.getpid(), os.nice(0), os.environ["OMP_NUM_THREADS"]


def talk() -> str:
    print("a library says something")
    return "heard"


def fail(word: str) -> None:
    raise ValueError(f"no {word} here")


def die(code: int) -> None:
    os._exit(code)


def sleep(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def big(count: int) -> bytes:
    return bytes(count)
