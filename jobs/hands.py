"""Whose hand moved a relay: what is seen now against what was known of it last. Pure.

The relay's own word for what switched it comes first: a button or an app is a hand, however long we were away. Where
it does not tell, its timer does: our own switching on always has one, so an output that went off when its timer was
due was nobody's hand, and one that is on without a timer, or beyond it, was not ours.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from connectors.device import Channel
from store.relays import RelayState
from store.wishes import Wish

By = Literal["us", "hand", "timer", "unknown"]
OFF_NOT_CONFIRMED = "OFF was sent, and the relay was not seen off since"  # a relay's problem
TIMER_SLACK = timedelta(seconds=5)  # a timer that has ended shows so by then
EARLY = timedelta(seconds=1.5)  # devices tell whole seconds, by a clock of their own
AFTER_POWER_LOSS = frozenset({"init", "boot", "power_on", "powerup", "restore"})
# What switched it, in the words of both generations and in small letters; our own commands come as "http" or "HTTP_in".
AT_THE_RELAY = frozenset({"button", "switch", "input"})
OTHERS_COMMANDS = frozenset({"cloud", "shc", "mqtt", "ws_in", "ws_out", "udp", "ble", "bluetooth", "matter", "zigbee"})
OWN_AUTOMATION = frozenset({"loopback", "schedule", "script"})


def moved_by(before: RelayState | None, seen: Channel, wish: Wish | None, now: datetime) -> By | None:
    """Who moved the output since `before` was known; None while it stands as it did, or was never seen before."""
    if seen.on is None or before is None:
        return None
    if before.on is None:  # a command of ours had an unknown outcome
        if by_somebody(seen):
            return "hand"
        return "us" if seen.on and seen.timer_left_s is not None else "unknown"
    if seen.on and before.on:
        return _while_on(before, seen, wish, now)
    if seen.on:
        return _went_on(seen, wish)
    return _went_off(before, seen, wish, now) if before.on else None


def automatic(seen: Channel) -> bool:
    """Whether the device moved the output by a rule of its own: a schedule or script on it."""
    return seen.switched_by in OWN_AUTOMATION


def by_somebody(seen: Channel) -> bool:
    """Whether the relay itself says that a person or another system switched it last."""
    word = (seen.switched_by or "").lower()
    return word in AT_THE_RELAY or word in OTHERS_COMMANDS


def timer_ended(before: RelayState | None, now: datetime) -> bool:
    """Whether the timer that was seen last must have run out by now, with some slack."""
    return before is not None and before.timer_until is not None and now > before.timer_until + TIMER_SLACK


def _while_on(before: RelayState, seen: Channel, wish: Wish | None, now: datetime) -> By | None:
    if not timer_ended(before, now) or (wish is not None and wish.mode == "off"):
        return None  # of the last: our OFF has not worked so far
    if seen.timer_left_s is not None:  # renewed by us, unless somebody's switching on has a timer too (`auto_off`)
        return "hand" if by_somebody(seen) else None
    return "unknown" if seen.switched_by in AFTER_POWER_LOSS else "hand"  # its timer would have ended it


def _went_on(seen: Channel, wish: Wish | None) -> By:
    if by_somebody(seen):
        return "hand"
    if seen.timer_left_s is not None and wish is not None and wish.mode in ("on", "auto"):
        return "us"  # a command whose effect we did not see
    return "unknown" if seen.switched_by in AFTER_POWER_LOSS else "hand"


def _went_off(before: RelayState, seen: Channel, wish: Wish | None, now: datetime) -> By:
    if by_somebody(seen):
        return "hand"
    if before.timer_until is not None and now >= before.timer_until - EARLY:
        return "timer"
    if before.timer_until is None and seen.switched_by == "timer":
        return "timer"
    if seen.errors or seen.switched_by in AFTER_POWER_LOSS:
        return "unknown"  # a protection of the relay, or no power for a while
    return "us" if wish is not None and wish.mode == "off" else "hand"
