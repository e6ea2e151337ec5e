"""Who gets the daily brief when: queued on each person's own clock, composed when it is sent."""

from __future__ import annotations

from jobs.work import Work


async def queue_briefs(work: Work) -> int:
    """Queue the briefs whose time has come; how many. Run it each minute: each brief is queued once."""
    raise NotImplementedError
