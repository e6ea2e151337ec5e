"""Asking a service of the internet: its trouble is logged when it begins and ends, and its pauses are kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from connectors.errors import ConnectorError, TryLater
from jobs.claims import NotDone
from jobs.polling import PAUSE_AFTER_BUSY_S
from jobs.work import Work

_T = TypeVar("_T")


async def asked(work: Work, name: str, ask: Callable[[], Awaitable[_T]]) -> _T:
    """What the service of that name answers. Raises `NotDone` when it does not, or wants to be left alone."""
    if work.pause_left_s(name):
        raise NotDone
    try:
        answer = await ask()
    except ConnectorError as error:
        work.watch.failed(name, error)
        if isinstance(error, TryLater):
            work.pause(name, PAUSE_AFTER_BUSY_S if error.after_s is None else error.after_s)
        raise NotDone from error
    work.watch.succeeded(name)
    return answer
