"""What an alert is, written a second time and in seconds: the reference that the engine is held to."""

from __future__ import annotations

from dataclasses import dataclass

from energy.alerts.rule import Level, Rule

SAME_CLOCK_S = 5.0  # what the clocks of two workers may differ by
BREAK_S = 900.0  # a first sign is forgotten after so long without data, or after the rule's own `for`
Said = tuple[str, bool]  # what happened, and whether people hear of it


@dataclass
class Modelled:
    """One rule on one subject. Every moment is in seconds on the same clock; None is never."""

    rule: Rule
    state: str = "none"
    number: int = 0
    since: float = 0.0
    seen: float | None = None
    clear: float | None = None
    unknown: float | None = None
    told: float | None = None
    muted: float | None = None
    not_before: float | None = None

    @property
    def fires(self) -> bool:
        return self.state in ("firing", "acknowledged")

    @property
    def is_open(self) -> bool:
        return self.fires or self.state == "pending"

    def is_muted(self, now: float) -> bool:
        return self.muted is not None and now < self.muted

    def look(self, active: bool | None, taken: float, now: float, *, steady: bool, hushed: bool) -> list[Said]:
        """What a look at the site at `now` does, with a figure that was measured at `taken`."""
        if self.state == "none" and not active:
            return []
        if self.state != "none":
            self._live_in(now)
        moment = min(taken, now)
        if active is None or (self.seen is not None and moment < self.seen):
            if self.state == "pending" and self.unknown is None:
                self.unknown = now
            return []
        self.seen = moment
        at = now if steady else moment
        return self._bad(at, now, hushed) if active else self._good(at, now)

    def _bad(self, at: float, now: float, hushed: bool) -> list[Said]:
        forgotten = self.unknown is not None and now - self.unknown > max(BREAK_S, self.rule.for_s)
        self.unknown = self.clear = None
        began = not self.is_open
        if began:
            self.number += self.state in ("none", "resolved")
            self.state, self.told = "pending", None
        if began or (self.state == "pending" and forgotten):
            self.since = at
        if self.state == "pending":
            if at - self.since < self.rule.for_s or (self.not_before is not None and now < self.not_before):
                return [("pending", False)] if began else []
            self.state, self.not_before = "firing", None
            self.told = None if hushed or self.is_muted(now) else now
            return [("fired", self.told is not None)]
        if self.state == "acknowledged" or hushed or self.is_muted(now):
            return []
        again = self.rule.reraise_s is not None and self.told is not None and now - self.told >= self.rule.reraise_s
        # critical, and a mute ended since it was told
        muted = self.rule.level is Level.CRITICAL and self.told is not None and self.muted is not None
        if self.told is None or again or (muted and (self.told or 0.0) < (self.muted or 0.0) <= now):
            self.told = now
            return [("raised", True)]
        return []

    def _good(self, at: float, now: float) -> list[Said]:
        self.unknown = None
        if self.state == "pending":
            self.state = "ok"
            return [("lapsed", False)]
        if not self.fires:
            return []
        self.clear = at if self.clear is None else self.clear
        if at - self.clear < self.rule.keep_firing_s:
            return []
        self.not_before = now + self.rule.cooldown_s if self.rule.cooldown_s else None
        return self._over(now)

    def _over(self, now: float) -> list[Said]:
        self.state = "resolved"
        return [("resolved", self.told is not None and not self.is_muted(now))]

    def acknowledge(self) -> list[Said]:
        if self.state != "firing":
            return []
        self.state = "acknowledged"
        return [("acknowledged", False)]

    def mute(self, until: float | None) -> list[Said]:
        self.muted = until
        return [("muted", False)]

    def close(self, now: float) -> list[Said]:
        """Ended for another reason than its figures."""
        if self.fires:
            return self._over(now)
        if self.state == "pending":
            self.state = "ok"
            return [("lapsed", False)]
        return []

    def _live_in(self, now: float) -> None:
        """After the clock was set back nothing lies in the future."""
        if self.not_before is not None:
            self.not_before = min(self.not_before, now + self.rule.cooldown_s)
        moments = (self.since, self.seen, self.clear, self.told, self.unknown)
        if max(moment for moment in moments if moment is not None) <= now + SAME_CLOCK_S:
            return
        self.since, self.seen = min(self.since, now), None
        self.clear = None if self.clear is None else min(self.clear, now)
        self.told = None if self.told is None else min(self.told, now)
        self.unknown = None if self.unknown is None else min(self.unknown, now)
