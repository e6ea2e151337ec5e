"""What the members of a blend said before: the ground of their weights, of the band, and of what is noticed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from energy.forecast.hours import DAY_S, HOUR_S, NO_HOURS, Floats, Hours, Ints

KEPT_DAYS = 75
_NO_TIMES = np.empty(0, dtype=np.int64)
_NO_VALUES = np.empty(0)


@dataclass(frozen=True)
class MemberLog:
    """One line per (issue, target hour): each member's forecast (W, NaN where it had none), the blend's `p50`, and the
    `scale` and `group` by which the band measures its error."""

    issued_s: Ints = field(default_factory=lambda: _NO_TIMES)
    starts_s: Ints = field(default_factory=lambda: _NO_TIMES)
    members: Mapping[str, Floats] = field(default_factory=dict)
    p50: Floats = field(default_factory=lambda: _NO_VALUES)
    scale: Floats = field(default_factory=lambda: _NO_VALUES)
    group: Ints = field(default_factory=lambda: _NO_TIMES)

    def with_issue(
        self, issued_s: int, starts_s: Ints, members: Mapping[str, Floats], p50: Floats, scale: Floats, group: Ints
    ) -> MemberLog:
        """The log with one more issue; what is older than `KEPT_DAYS` falls out."""
        keep = self.issued_s >= issued_s - KEPT_DAYS * DAY_S
        names = list(dict.fromkeys([*self.members, *members]))
        old, new = int(keep.sum()), starts_s.size

        def joined(name: str) -> Floats:
            before = self.members[name][keep] if name in self.members else np.full(old, np.nan)
            return np.concatenate([before, members.get(name, np.full(new, np.nan))])

        return MemberLog(
            np.concatenate([self.issued_s[keep], np.full(new, issued_s, dtype=np.int64)]),
            np.concatenate([self.starts_s[keep], starts_s]),
            {name: joined(name) for name in names},
            np.concatenate([self.p50[keep], p50]),
            np.concatenate([self.scale[keep], scale]),
            np.concatenate([self.group[keep], group]),
        )

    def actual(self, history: Hours, moment_s: int) -> Floats:
        """What was measured for each line, as far as it was known at that moment (NaN)."""
        known = history if self.starts_s.size else NO_HOURS
        over = self.starts_s + HOUR_S <= moment_s
        return np.where(over, known.at(self.starts_s), np.nan)

    def age_days(self, moment_s: int) -> Floats:
        """How long ago each line's hour was."""
        age: Floats = (moment_s - self.starts_s) / DAY_S
        return age
