"""Which change of a GX does not wait for the next regular reading: a lost grid, a fault, a big load."""

from __future__ import annotations

from dataclasses import dataclass, field

from energy.reading import Reading

_STATES = ("grid_present", "inverter_state", "fault_codes")
_POWERS = ("solar_w", "load_w", "battery_charge_w", "grid_import_w", "generator_w")
_JUMP_W = 1_000.0
_JUMP_SOC_PCT = 3.0


def is_news(before: Reading, after: Reading) -> bool:
    """Whether a state changed, a power by 1 kW or more, or the SOC by 3 %; also what comes to be known or unknown."""
    if any(getattr(before, name) != getattr(after, name) for name in _STATES):
        return True
    return any(_jumped(getattr(before, name), getattr(after, name), _JUMP_W) for name in _POWERS) or _jumped(
        before.soc_pct, after.soc_pct, _JUMP_SOC_PCT
    )


def _jumped(before: float | None, after: float | None, by: float) -> bool:
    if before is None or after is None:
        return before is not after
    return abs(after - before) >= by


@dataclass(slots=True)
class Allowance:
    """How many early readings there may be: `most` at once, one more each `each_s`.

    More of them would make the short steps the usual ones, and the regular steps look like gaps (energy/cadence.py).
    """

    most: int = 3
    each_s: float = 20.0
    _left: float = field(default=0.0, init=False)
    _at: float | None = field(default=None, init=False)

    def take(self, at: float) -> bool:
        """Take one at `at` (monotonic s), if there is one."""
        gained = float(self.most) if self._at is None else (at - self._at) / self.each_s
        self._left, self._at = min(self._left + gained, float(self.most)), at
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
