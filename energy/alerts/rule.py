"""What an alert rule is, and what it says about a site at one moment.

A rule's `for_s`, `keep_firing_s`, `cooldown_s` and `reraise_s` decide when people hear of it
(energy/alerts/episode.py); its set and clear levels live in its function, which is told whether the rule is firing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

Action = Literal["stop_miners", "grid_charge", "start_miners"]
SubjectKind = Literal["site", "device", "miner", "field", "code", "check", "task"]


class Level(StrEnum):
    """How much it matters. Critical passes quiet hours and is passed on until somebody acknowledges it."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info, 2 for critical: the higher, the more it matters."""
        return _RANKS.index(self)


def writable(text: str) -> str:
    """A device's word as every database and chat takes it: without NUL and without halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


_RANKS = (Level.INFO, Level.WARNING, Level.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of alert. Times in seconds.

    `for_s`: how long it must be seen active before it fires. `keep_firing_s`: how long it must be seen clear before it
    resolves. `cooldown_s`: how long after a resolve the next one waits at least. `reraise_s`: how often it is told
    again while nobody acknowledges it; None = once. `of` is what a subject of this rule is. While one of `inhibited_by`
    is open on the same thing (energy/alerts/together.py), this one is kept but not told. Rules of one `group` that fire
    together are one message. `cleared` says that it is over.
    """

    id: str
    level: Level
    title: str
    cleared: str
    for_s: float = 0.0
    keep_firing_s: float = 0.0
    cooldown_s: float = 0.0
    reraise_s: float | None = None
    inhibited_by: tuple[str, ...] = ()
    group: str = "site"
    of: SubjectKind = "site"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What a rule sees now. `active` None is unknown, which neither fires nor resolves anything.

    `subject` is what it is about where a rule has several (a device, a miner, a fault code); `devices` are those that
    the figures come from. `taken_at` (aware UTC) is when the figure was measured; None = it is about this moment. A
    `steady` one is a flag or a code without noise: one reading is evidence for as long as it is fresh, else `for` and
    the like count in the time of the measurements. `value` and `threshold` are in `unit`; in `what`, `{value}` and
    `{threshold}` stand for the two as the reader's units have them; `waits` is said in its place once the value is back
    on the good side of its threshold, but not yet long or far enough. `chart` is the field to draw.
    """

    rule_id: str
    active: bool | None
    subject: str = ""
    devices: tuple[str, ...] = ()
    taken_at: datetime | None = None
    steady: bool = False
    value: float | None = None
    threshold: float | None = None
    unit: str = ""
    lower_is_worse: bool = False
    what: str = ""
    waits: str = ""
    why: str = ""
    do: str = ""
    action: Action | None = None
    chart: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "subject", writable(self.subject))

    @property
    def is_past(self) -> bool:
        """Whether the value is on the bad side of its threshold; a signal without figures counts as such."""
        if self.value is None or self.threshold is None:
            return True
        return self.value < self.threshold if self.lower_is_worse else self.value > self.threshold

    @property
    def key(self) -> tuple[str, str]:
        """The rule and its subject: of each there is one episode at a time."""
        return self.rule_id, self.subject
