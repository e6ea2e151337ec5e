"""Relay channels with their device-side timers, and how a miner's power follows its relay."""

from __future__ import annotations

from bisect import bisect_right

from simulator.physics.state import RelayView

BOOT_S = 30.0
ASLEEP_W = 40.0  # control board and fans of a miner that was told to stop
_FULL_S = 180.0
BOOT_SHARE = 0.08  # fans and control board while the firmware boots


class RelayChannel:
    """The switchings of one channel in time order (epoch seconds); a running timer is a switching still to come."""

    def __init__(self, start_s: float, *, automatic: bool) -> None:
        self._times = [start_s]
        self._states = [False]
        self._timer: tuple[float, float] | None = None
        self._welded: tuple[float, float | None] | None = None
        self.automatic = automatic

    def switch(self, at_s: float, on: bool, until_s: float | None = None) -> None:
        """Set the output from `at_s` on; with `until_s` it flips back then. Any older timer ends."""
        keep = bisect_right(self._times, at_s)
        del self._times[keep:], self._states[keep:]
        if self._states[-1] != on:
            self._times.append(at_s)
            self._states.append(on)
        self._timer = None
        if until_s is not None:
            self._timer = (at_s, until_s)
            self._times.append(until_s)
            self._states.append(not on)

    def state(self, at_s: float) -> tuple[bool, float]:
        """Whether the output is on at `at_s`, and since when."""
        index = -1 if at_s >= self._times[-1] else max(bisect_right(self._times, at_s) - 1, 0)
        return self._states[index], self._times[index]

    def weld(self, at_s: float, welded: bool) -> None:
        """Let the contact stick closed from `at_s` on, whatever the output says; or come free."""
        if welded:
            self._welded = (at_s, None)
        elif self._welded is not None:
            self._welded = (self._welded[0], at_s)

    def contact(self, at_s: float) -> tuple[bool, float]:
        """Whether power flows through the channel at `at_s`, and since when: its output, unless the contact sticks."""
        on, since_s = self.state(at_s)
        if on or self._welded is None:
            return on, since_s
        from_s, until_s = self._welded
        if at_s < from_s or (until_s is not None and at_s >= until_s):
            return False, since_s if until_s is None else max(since_s, until_s)
        if from_s > since_s:
            return True, from_s
        return True, self.state(since_s - 0.001)[1]  # it was on then, and the contact never opened

    def view(self, at_s: float) -> RelayView:
        """The channel as a device reports it at `at_s`."""
        on, since_s = self.state(at_s)
        running = self._timer if self._timer and self._timer[0] <= at_s < self._timer[1] else None
        return RelayView(
            on=on,
            since_s=since_s,
            automatic=self.automatic,
            timer_started_s=running[0] if running else None,
            timer_until_s=running[1] if running else None,
        )


def miner_draw_w(power_w: float, on_for_s: float) -> float:
    """What a miner draws `on_for_s` seconds after its relay closed: it boots, then the chips ramp up."""
    if on_for_s >= _FULL_S:
        return power_w
    if on_for_s < BOOT_S:
        return power_w * BOOT_SHARE
    return power_w * (BOOT_SHARE + (1 - BOOT_SHARE) * (on_for_s - BOOT_S) / (_FULL_S - BOOT_S))


def woken_draw_w(power_w: float, awake_for_s: float) -> float:
    """What a miner draws `awake_for_s` seconds after it was told to hash again: its chips ramp up, it need not boot."""
    ramp_s = _FULL_S - BOOT_S
    return ASLEEP_W + (power_w - ASLEEP_W) * min(awake_for_s / ramp_s, 1.0)
