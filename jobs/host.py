"""What is known of the machine that we run on: how full its disk is, and how wrong its clock."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from connectors.clock_skew import SKEW
from energy.alerts.situation import HostNow
from jobs.work import Work


async def host_now(work: Work) -> HostNow:
    """The free share of the fullest disk that we write to, and the clock's skew; None where it is not known."""
    folders = [work.data_dir] if work.data_dir is not None else []
    shares = [share for folder in folders if (share := await asyncio.to_thread(_free_share, folder)) is not None]
    return HostNow(clock_skew_s=SKEW.skew_s(), disk_free_share=min(shares, default=None))


def _free_share(folder: Path) -> float | None:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return usage.free / usage.total if usage.total else None
