"""Values that were refused as impossible (an SOC of 250 %, a NaN, a reading from the future), as an alert's signal.

They are taken out before they are stored, so no rule sees them; they are counted in the database, whichever worker
met them, and that is looked at here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from energy.alerts.evaluate import Judged
from energy.alerts.plausible import IMPLAUSIBLE
from energy.alerts.rule import Signal
from energy.naming import source_name
from energy.reading import FIELDS
from energy.site import Site
from jobs.work import Work
from store.rejections import RejectedCount, rejected_since

CHECK = "impossible"
ASK_EVERY_S = 30.0
QUIET_ASK_EVERY_S = 150.0  # while there is nothing: the rule waits for ten minutes in any case
STANDS_FOR_INTERVALS = 3.0  # so many intervals of its device an impossible value stands for
STANDS_AT_LEAST_S = 90.0
MOST_NAMED = 3


class Impossible:
    """Asks now and then, and at once when this worker met something new."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._found: Sequence[RejectedCount] = ()
        self._asked_s: float | None = None
        self._stands = False
        self._known: frozenset[tuple[str, str]] = frozenset()

    async def judged(self, now: datetime) -> Judged:
        """The check for impossible values, as one more of the data's plausibility."""
        work, known = self._work, frozenset(self._work.rejected)
        now_s = work.monotonic()
        every_s = ASK_EVERY_S if known or self._stands else QUIET_ASK_EVERY_S
        if self._asked_s is None or now_s - self._asked_s >= every_s or known != self._known:
            self._found = await rejected_since(work.database, work.org_id, work.site.id, now - timedelta(days=1))
            self._asked_s, self._known = now_s, known
        signal = impossible_values(work.site, self._found, now)
        self._stands = bool(signal.active)
        return IMPLAUSIBLE, signal


def impossible_values(site: Site, found: Sequence[RejectedCount], now: datetime) -> Signal:
    """Active while a device's last impossible value is younger than three of its intervals (90 s at the least)."""
    standing = [each for each in found if timedelta(0) <= now - each.last_at <= _stands_for(site, each.device_id)]
    newest: Mapping[tuple[str, str], RejectedCount] = {
        (each.device_id, each.field): each for each in sorted(standing, key=lambda each: each.last_at)
    }
    named = sorted(newest.values(), key=lambda each: (each.device_id, each.field))
    parts = [_said(site, each) for each in named[:MOST_NAMED]]
    more = len(named) - len(parts)
    listed = "; ".join(parts) + (f"; and {more} more" if more > 0 else "")
    charted = [each.field for each in named if each.field in FIELDS]
    return Signal(
        rule_id=IMPLAUSIBLE.id,
        active=bool(named),
        subject=CHECK,
        devices=tuple(dict.fromkeys(each.device_id for each in named)),
        taken_at=max((each.last_at for each in named), default=None),
        what=f"Impossible values are refused: {listed}." if named else "",
        why="What is refused is unknown meanwhile: alerts, interlocks and answers do without it.",
        do="Look at the device's own display, and at its units, its registers and its clock.",
        chart=charted[0] if charted else None,
    )


def _stands_for(site: Site, device_id: str) -> timedelta:
    device = site.device_by_id(device_id)
    interval_s = device.interval_s if device is not None else 300.0
    return timedelta(seconds=max(STANDS_FOR_INTERVALS * interval_s, STANDS_AT_LEAST_S))


def _said(site: Site, each: RejectedCount) -> str:
    spoken = source_name(site, each.device_id)
    device = each.device_id if spoken in (None, each.device_id) else f"{spoken} ({each.device_id})"
    if each.field not in FIELDS:
        return f"a reading of {device} {each.last_reason}"
    return f"{FIELDS[each.field].label.lower()} of {device}: {each.last_reason}"
