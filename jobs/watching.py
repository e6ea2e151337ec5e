"""The watch: every rule judged on each stored push, and every ten seconds; the store decides what is told once."""

from __future__ import annotations

import asyncio

from jobs.work import Work

EVERY_S = 10.0  # between two looks when nothing comes in


async def keep_watching(work: Work, stop: asyncio.Event) -> None:
    """Judge the site on every stored push (the first at once, then at most once a second) and every 10 s.

    Whatever goes wrong is logged once and tried again with the next look. Ends when `stop` is set.
    """
    raise NotImplementedError
