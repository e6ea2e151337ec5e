"""Alerts about the miners and their relays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from energy.alerts.levels import above, below
from energy.alerts.rule import Level, Rule, Signal
from energy.alerts.situation import RelayNow, Situation
from energy.site import Miner
from energy.units import format_power

IDLE = Rule(
    id="miner_idle",
    level=Level.WARNING,
    title="Miner draws too little",
    cleared="The miner draws its power again",
    for_s=300,
    keep_firing_s=300,
    cooldown_s=3_600,
    inhibited_by=("relay_fault", "grid_outage"),
    group="miners",
    of="miner",
)
DRAWS_OFF = Rule(
    id="miner_draws_off",
    level=Level.CRITICAL,
    title="Miner draws power though it is off",
    cleared="The miner draws nothing any more",
    for_s=90,
    keep_firing_s=60,
    cooldown_s=900,
    reraise_s=3_600,
    group="miners",
    of="miner",
)
BY_HAND = Rule(
    id="relay_by_hand",
    level=Level.INFO,
    title="Relay turned by hand",
    cleared="The relay is commanded from here again",
    group="relays",
    of="miner",
)
NOT_OFF = Rule(
    id="relay_not_off",
    level=Level.CRITICAL,
    title="Relay cannot be switched off",
    cleared="The relay is off",
    for_s=30,
    reraise_s=1_800,
    group="relays",
    of="miner",
)


def idle(s: Situation) -> tuple[Signal, ...]:
    """On for 15 minutes and under 50 % of its rated power; clears at 70 %, or when it is switched off."""

    def judged(miner: Miner, relay: RelayNow) -> Signal:
        firing = s.is_firing(IDLE.id, miner.id)
        active: bool | None = False
        if relay.on is None or (relay.on and relay.power_w is None):
            active = None
        elif relay.on and relay.power_w is not None:
            share = relay.power_w / miner.power_w
            low = below(share, firing, s.settings.miner_share, s.settings.miner_clear_share)
            start = timedelta(seconds=s.settings.miner_start_s)
            active = low and (firing or relay.changed_at is None or s.now - relay.changed_at >= start)
        drawn = "" if relay.power_w is None else f" of {format_power(miner.power_w)}"
        return Signal(
            rule_id=IDLE.id,
            active=active,
            value=relay.power_w,
            threshold=s.settings.miner_share * miner.power_w,
            unit="W",
            lower_is_worse=True,
            what=f"{miner.id} is on and draws {{value}}{drawn}.",
            why="It earns nothing, or too little.",
            do="Look at its own page, its network and its pool.",
            chart="miner_w",
        )

    return _each(s, judged)


def draws_off(s: Situation) -> tuple[Signal, ...]:
    """Off, and still above 100 W: the contact is stuck, or it is wired past the relay. Clears at 30 W or when on."""

    def judged(miner: Miner, relay: RelayNow) -> Signal:
        firing = s.is_firing(DRAWS_OFF.id, miner.id)
        active: bool | None = False
        if relay.on is None or (relay.on is False and relay.power_w is None):
            active = None
        elif relay.on is False and relay.power_w is not None:
            active = above(relay.power_w, firing, s.settings.miner_off_w, s.settings.miner_off_clear_w)
        return Signal(
            rule_id=DRAWS_OFF.id,
            active=active,
            value=relay.power_w,
            threshold=s.settings.miner_off_w,
            unit="W",
            what=f"The relay of {miner.id} says off, and {{value}} flow through it.",
            why="Nothing here can stop this miner; it will empty the battery.",
            do="Cut its power at the breaker, and change the relay.",
            chart="miner_w",
        )

    return _each(s, judged)


def by_hand(s: Situation) -> tuple[Signal, ...]:
    """Turned at the relay, not by us, and not commanded since."""

    def judged(miner: Miner, relay: RelayNow) -> Signal:
        left = "on, without a timer" if relay.hand == "on" else "off"
        return Signal(
            rule_id=BY_HAND.id,
            active=relay.hand is not None,
            what=f"{miner.id} was switched {relay.hand} by hand at its relay. It is left {left}.",
            why="The plan leaves it alone until somebody commands it here.",
            do=f"Start or stop {miner.id} here, or set it to auto, to take it over again.",
            chart="miner_w",
        )

    return _each(s, judged)


def not_off(s: Situation) -> tuple[Signal, ...]:
    """It must be off, and its relay does not answer or was not seen off. Only a relay that is seen off clears it, or
    the wish for it to be on."""
    found = []
    for miner in s.site.miner:
        relay = s.relays.get(miner.id)
        if relay is None:
            continue
        silent = not relay.reachable or not s.is_current(relay.read_at)
        if relay.wanted != "off":
            active: bool | None = False
        elif relay.on is False:
            active = None if silent else False
        else:
            active = True
        how = "does not answer" if silent else "was told and is still on"
        found.append(
            Signal(
                rule_id=NOT_OFF.id,
                active=active,
                subject=miner.id,
                devices=(miner.device,),
                what=f"{miner.id} must be off, and its relay {how}.",
                why=f"It may go on drawing {format_power(miner.power_w)} until the relay's own timer ends.",
                do="Look at the relay's power and Wi-Fi, or cut the miner at the breaker. We keep on trying.",
                chart="miner_w",
            )
        )
    return tuple(found)


def _each(s: Situation, judged: Callable[[Miner, RelayNow], Signal]) -> tuple[Signal, ...]:
    """One signal per miner whose relay is known; unknown while the relay is silent."""
    found = []
    for miner in s.site.miner:
        relay = s.relays.get(miner.id)
        if relay is None:
            continue
        current = relay.reachable and s.is_current(relay.read_at)
        signal = judged(miner, relay)
        found.append(
            replace(
                signal,
                subject=miner.id,
                devices=(miner.device,),
                taken_at=relay.read_at,
                active=signal.active if current else None,
            )
        )
    return tuple(found)
