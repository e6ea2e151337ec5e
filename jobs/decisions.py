"""What a miner needs next, from what is wanted of it, how its relay stands and how the site is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from connectors.device import Channel
from energy.conditions import usable
from energy.following import Wanted
from energy.interlocks import Block, Conditions, auto_wants, hold_blocks, plan_wants
from energy.site import Miner, Site
from energy.units import format_percent
from jobs.hands import OFF_NOT_CONFIRMED, timer_ended
from jobs.relays import STOPPED_BELOW_W
from store.relays import RelayState
from store.wishes import Wish, wish_after

Do = Literal["nothing", "renew", "start", "stop", "end", "give_up"]
Why = Literal["", "held", "automatic", "plan", "over", "off", "too_low"]
RENEW_SHARE = 1 / 3  # of the timer: two renewals may fail before it ends
MINIMUM_SOC = "minimum_soc"
ABOVE_FLOOR_SOC_PCT = 5.0  # what a miner that the limits stopped needs above them, lest it be stopped again at once


@dataclass(frozen=True, slots=True)
class Step:
    """What to do, why, and the words for it. `end` puts an end to a wish whose time is over, without a switch."""

    do: Do
    why: Why = ""
    blocks: tuple[Block, ...] = ()
    because: str = ""


NOTHING = Step("nothing")


def flows(seen: Channel | RelayState) -> bool:
    """Whether power flows through a contact that should be open: it is stuck."""
    return seen.on is False and (seen.power_w or 0.0) >= STOPPED_BELOW_W


def is_off(seen: Channel | RelayState) -> bool:
    """Whether the miner is off really: its relay is open, and no power flows all the same."""
    return seen.on is False and not flows(seen)


def next_step(
    site: Site,
    miner: Miner,
    wish: Wish | None,
    state: RelayState | None,
    c: Conditions,
    plan: Mapping[str, Wanted] | None = None,
    *,
    held: bool = False,
) -> Step:
    """The next step for `miner` at `c.now`. An automatic one follows `plan`, and its own levels where that is None.

    While it is `held` its own levels stop it, and start nothing.
    """
    if state is None:
        return NOTHING  # never seen: the first look comes first
    mode = wish.mode if wish is not None else None
    if mode in ("hand_on", "hand_off"):
        return _by_hand(site, miner, state, c) if mode == "hand_on" else NOTHING
    if wish is not None and wish.until is not None and c.now >= wish.until:
        if mode == "on" and not is_off(state) and _goes_on(miner, wish, c, plan):
            return Step("end", "over")
        return Step("stop", "over") if mode in ("on", "auto") and not is_off(state) else Step("end", "over")
    if wish is not None and mode == "on":
        return _wanted(site, miner, wish, state, c)
    if mode == "auto":
        return _automatic(site, miner, state, c, None if plan is None else plan.get(miner.id), held=held)
    return _unwanted(wish, state, c)


def _goes_on(miner: Miner, wish: Wish, c: Conditions, plan: Mapping[str, Wanted] | None) -> bool:
    """Whether a miner whose time is over is handed back to a plan that is followed and wants it on."""
    planned = None if plan is None else plan.get(miner.id)
    return planned is not None and planned.on and wish_after(wish, c.now).mode == "auto"


def renewal_due(site: Site, state: RelayState, c: Conditions) -> bool:
    """Whether a third of the timer has passed, or the relay has lost it (a restart does that)."""
    if state.timer_until is None:
        return True
    return state.timer_until - c.now <= timedelta(seconds=site.control.timer_s * (1 - RENEW_SHARE))


def comes_back_at(site: Site, miner: Miner) -> str:
    """The level at which a miner that the limits stopped may come back, in words."""
    if miner.start_voltage_v is not None:
        return f"{miner.start_voltage_v:.2f} V"
    return f"SOC {format_percent(_back_at_soc_pct(site, miner))}"


def _is_back(site: Site, miner: Miner, c: Conditions) -> bool:
    if miner.start_voltage_v is not None:
        volts = usable(c.battery_voltage_v, c.now)
        return volts is not None and volts >= miner.start_voltage_v
    soc_pct = usable(c.soc_pct, c.now)
    return soc_pct is not None and soc_pct >= _back_at_soc_pct(site, miner)


def _back_at_soc_pct(site: Site, miner: Miner) -> float:
    floor = max(site.limits.miner_min_soc_pct, site.limits.min_soc_pct)
    return min(max(floor + ABOVE_FLOOR_SOC_PCT, miner.start_soc_pct), 100.0)


def _wanted(site: Site, miner: Miner, wish: Wish, state: RelayState, c: Conditions) -> Step:
    if state.on is None:
        return NOTHING
    if not state.on:
        return NOTHING if wish.held and not _is_back(site, miner, c) else Step("start")
    blocks = hold_blocks(site, miner, c)
    if blocks:
        return Step("stop", "held", blocks)
    return Step("renew") if renewal_due(site, state, c) else NOTHING


def _automatic(
    site: Site, miner: Miner, state: RelayState, c: Conditions, planned: Wanted | None, *, held: bool
) -> Step:
    if state.on is None:
        return NOTHING
    if state.on and (blocks := hold_blocks(site, miner, c)):
        return Step("stop", "held", blocks)
    if planned is None:
        wants = auto_wants(site, miner, c, running=state.on)
    else:
        wants = plan_wants(site, miner, c, running=state.on, planned=planned.on, because=planned.clause)
    if wants.on is state.on:
        return Step("renew") if state.on and renewal_due(site, state, c) else NOTHING
    if wants.on and planned is None and held:
        return NOTHING
    return Step("start" if wants.on else "stop", "plan" if wants.by_plan else "automatic", because=wants.because)


def _unwanted(wish: Wish | None, state: RelayState, c: Conditions) -> Step:
    """It should be off: OFF is sent again until it works, or the relay's own timer must have ended it."""
    if wish is None and state.changed_by != "us":
        return NOTHING
    if is_off(state) and state.problem != OFF_NOT_CONFIRMED:
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
