"""What people want of miners and batteries, as a plan must take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from energy.plan.problem import AsSet, MinerState, Preference, Steps
from energy.preferences import preferences_from
from energy.site import Limits, Site
from energy.units import format_clock
from services.plan_modes import Mode
from store.relays import RelayState
from store.wishes import Wish, wish_after

Kept = Mapping[str, Any]  # a person's preferences as they are kept: what they set themselves alone


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a plan must take a miner: kept on or off until a moment (None: all along), or free (`on` None).

    `then` is what holds after `until`: free, or off.
    """

    on: bool | None = None
    until: datetime | None = None
    then: Literal["free", "off"] = "free"
    wish: Wish | None = None

    def note(self, miner_id: str, names: Mapping[str, str], zone: ZoneInfo, now: datetime) -> str:
        """Why the plan leaves the miner alone; "" where it does not."""
        if self.on is None:
            return ""
        back = f'it is the plan\'s again with "/miners auto {miner_id}"'
        if self.wish is None:
            return f"{miner_id} was never handed over, so the plan leaves it {_word(self.on)}; {back}."
        if self.wish.mode in ("hand_on", "hand_off"):
            return f"{miner_id} was switched {_word(self.on)} at its relay, so the plan leaves it so; {back}."
        who = names.get(self.wish.set_by, self.wish.set_by)
        until = f" until {format_clock(self.until, zone, now=now)}" if self.until is not None else ""
        return f"{miner_id} is kept {_word(self.on)}{until} by {who}, so the plan leaves it so; {back}."


def as_wanted(wish: Wish | None, mode: Mode, *, on: bool) -> Wanted:
    """What the wish for a miner, which is `on` or off now, means for a plan.

    Where plans act, a person's word and a hand at the relay bind them until the miner is handed back. Where they only
    advise, a miner that is on or off without a time limit is merely how it stands, and the plan says what would be
    better.
    """
    if wish is None:
        return Wanted() if mode == "advise" else Wanted(on)
    if wish.mode == "auto":
        return Wanted()
    kept = wish.mode in ("on", "hand_on")
    if wish.until is None:
        return Wanted() if mode == "advise" else Wanted(kept, wish=wish)
    after = next((each for each in wish.before if each.until is None or each.until > wish.until), None)
    goes_off = after is None or after.mode != "auto"
    return Wanted(kept, wish.until, "off" if goes_off and mode != "advise" else "free", wish)


def with_wish(state: MinerState, wanted: Wanted, steps: Steps, owners: Sequence[Kept]) -> MinerState:
    """The miner as the plan must take it, by what is wanted of it and by what its owners prefer."""
    preference = _priority(owners) or state.preference
    if wanted.on is None:
        return replace(state, preference=preference)
    if wanted.until is None:
        return replace(state, preference="always" if wanted.on else "never")
    until_s = int(wanted.until.timestamp())
    before = steps.starts_s < until_s
    allowed = state.allowed
    if allowed is not None and wanted.on:
        allowed = allowed | before  # a person's start is not bound by the hours
    if wanted.then == "off":
        allowed = before if allowed is None else allowed & before
    return replace(
        state,
        preference=preference,
        allowed=allowed,
        run_until_s=until_s if wanted.on else None,
        off_until_s=None if wanted.on else until_s,
    )


def as_it_is_set(state: MinerState, wish: Wish | None, relay: RelayState | None, site: Site) -> MinerState:
    """The miner with what would become of it while nobody plans, as its wish is kept.

    Without a wish, what we switched on is switched off, and what somebody else did is left so.
    """
    limits = site.limits  # the site's alone: those of a person bind that person's own starts
    own = replace(state.as_set or AsSet(), hold_soc_pct=max(limits.miner_min_soc_pct, limits.min_soc_pct))
    if wish is None:
        stays = state.on and relay is not None and relay.changed_by != "us"
        found = replace(own, mode="left_on" if stays else "off", hold_soc_pct=0.0)
    elif wish.mode == "hand_on":  # a hand is respected, except below the owner's minimum for everything
        found = replace(own, mode="left_on", hold_soc_pct=limits.min_soc_pct)
    elif wish.mode == "hand_off":
        found = replace(own, mode="off")
    elif wish.until is None:
        found = replace(own, mode=wish.mode)
    else:
        after = wish_after(wish, wish.until).mode
        then: Literal["on", "off", "auto"] = "on" if after == "on" else "auto" if after == "auto" else "off"
        found = replace(own, mode=wish.mode, until_s=int(wish.until.timestamp()), then=then)
    return replace(state, as_set=found)


def strictest_limits(site: Site, owners: Sequence[Kept]) -> Limits:
    """The site's limits, and those that its owners set for themselves where they are stricter."""
    found = {name: getattr(site.limits, name) for name in ("min_soc_pct", "safe_min_soc_pct", "miner_min_soc_pct")}
    for kept in owners:
        own = preferences_from(kept)
        for name in found:
            if name in kept:
                found[name] = max(found[name], getattr(own, name))
    found["safe_min_soc_pct"] = min(max(found["min_soc_pct"], found["safe_min_soc_pct"]), 99.0)
    found["miner_min_soc_pct"] = max(found["min_soc_pct"], found["miner_min_soc_pct"])
    found["safe_max_soc_pct"] = max(site.limits.safe_max_soc_pct, found["safe_min_soc_pct"] + 1.0)
    return site.limits.model_copy(update=found)


def _priority(owners: Sequence[Kept]) -> Preference | None:
    """What the owners set for miners: "never" of one is enough, "always" must be everybody's; None where none did.

    "excess_solar" is what holds for whoever set nothing, so that it says nothing about plans.
    """
    said = [preferences_from(kept).miner_priority for kept in owners]
    if "never" in said:
        return "never"
    return "always" if said and all(each == "always" for each in said) else None


def _word(on: bool) -> str:
    return "on" if on else "off"
