"""The dead man's switch: a URL is called while everything works, and whoever owns it raises the alarm when it is not.

It is called only while polling, evaluating and delivering are all fresh; their beats are in the database.
"""

from __future__ import annotations

import asyncio

from jobs.work import Work


async def keep_heartbeat(work: Work, url: str, stop: asyncio.Event) -> None:
    """Call `url` each minute while all is well, until `stop` is set."""
    raise NotImplementedError
