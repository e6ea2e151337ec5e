"""What a miner needs next, from what is wanted of it, how its relay stands and how the site is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from energy.interlocks import Block, Conditions, auto_wants, hold_blocks
from energy.site import Miner, Site
from jobs.hands import OFF_NOT_CONFIRMED, timer_ended
from store.relays import RelayState
from store.wishes import Wish

Do = Literal["nothing", "renew", "start", "stop", "end", "give_up"]
Why = Literal["", "held", "automatic", "over", "off", "too_low"]
RENEW_SHARE = 1 / 3  # of the timer: two renewals may fail before it ends
MINIMUM_SOC = "minimum_soc"


@dataclass(frozen=True, slots=True)
class Step:
    """What to do, why, and the words for it. `end` puts an end to a wish whose time is over, without a switch."""

    do: Do
    why: Why = ""
    blocks: tuple[Block, ...] = ()
    because: str = ""


NOTHING = Step("nothing")


def next_step(site: Site, miner: Miner, wish: Wish | None, state: RelayState | None, c: Conditions) -> Step:
    """The next step for `miner` at `c.now`."""
    if state is None:
        return NOTHING  # never seen: the first look comes first
    mode = wish.mode if wish is not None else None
    if mode in ("hand_on", "hand_off"):
        return _by_hand(site, miner, state, c) if mode == "hand_on" else NOTHING
    if wish is not None and wish.until is not None and c.now >= wish.until:
        return Step("stop", "over") if mode in ("on", "auto") and state.on is not False else Step("end", "over")
    if mode == "on":
        return _wanted(site, miner, state, c)
    if mode == "auto":
        return _automatic(site, miner, state, c)
    return _unwanted(wish, state, c)


def renewal_due(site: Site, state: RelayState, c: Conditions) -> bool:
    """Whether a third of the timer has passed, or the relay has lost it (a restart does that)."""
    if state.timer_until is None:
        return True
    return state.timer_until - c.now <= timedelta(seconds=site.control.timer_s * (1 - RENEW_SHARE))


def _wanted(site: Site, miner: Miner, state: RelayState, c: Conditions) -> Step:
    if state.on is None:
        return NOTHING
    if not state.on:
        return Step("start")
    blocks = hold_blocks(site, miner, c)
    if blocks:
        return Step("stop", "held", blocks)
    return Step("renew") if renewal_due(site, state, c) else NOTHING


def _automatic(site: Site, miner: Miner, state: RelayState, c: Conditions) -> Step:
    if state.on is None:
        return NOTHING
    if state.on and (blocks := hold_blocks(site, miner, c)):
        return Step("stop", "held", blocks)
    wants = auto_wants(site, miner, c, running=state.on)
    if wants.on is state.on:
        return Step("renew") if state.on and renewal_due(site, state, c) else NOTHING
    return Step("start" if wants.on else "stop", "automatic", because=wants.because)


def _unwanted(wish: Wish | None, state: RelayState, c: Conditions) -> Step:
    """It should be off: OFF is sent again until it works, or the relay's own timer must have ended it."""
    if state.on is False or (wish is None and state.changed_by != "us"):
        return NOTHING
    if not state.reachable and timer_ended(state, c.now):
        return Step("give_up") if state.problem == OFF_NOT_CONFIRMED else NOTHING
    return Step("stop", "off")


def _by_hand(site: Site, miner: Miner, state: RelayState, c: Conditions) -> Step:
    """A hand is respected, except below the owner's minimum for everything."""
    if not state.on:
        return NOTHING
    limits = site.limits.model_copy(update={"miner_min_soc_pct": site.limits.min_soc_pct})
    blocks = hold_blocks(site.model_copy(update={"limits": limits}), miner, c)
    low = tuple(block for block in blocks if block.rule == MINIMUM_SOC)
    return Step("stop", "too_low", low) if low else NOTHING
