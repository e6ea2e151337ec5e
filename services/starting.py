"""Which of some miners may be started now, together, and which rules hold the others back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from energy.interlocks import Block, Conditions, start_blocks
from energy.preferences import PersonalLimits
from services.conditions import conditions
from services.scope import Scope


@dataclass(frozen=True, slots=True)
class Starting:
    """Miner ids that may start, in the site's order; the blocks of the others; and on what this was decided."""

    allowed: tuple[str, ...]
    blocked: Mapping[str, tuple[Block, ...]]
    found: Conditions


async def look_at(scope: Scope, miners: Sequence[str], personal: PersonalLimits | None) -> Starting:
    """Ask the interlocks for each miner, the most important one first; those before it count as load already."""
    site = scope.site
    found = await conditions(scope.database, scope.org_id, site, scope.now)
    wanted = sorted((miner for miner in site.miner if miner.id in miners), key=lambda miner: miner.priority)
    allowed: list[str] = []
    blocked: dict[str, tuple[Block, ...]] = {}
    also_starting_w = 0.0
    for miner in wanted:
        blocks = start_blocks(site, miner, found, personal=personal, also_starting_w=also_starting_w)
        if blocks:
            blocked[miner.id] = blocks
            continue
        allowed.append(miner.id)
        if not found.miners[miner.id].on:
            also_starting_w += miner.power_w
    gone = [miner for miner in miners if miner not in {each.id for each in wanted}]
    for miner_id in gone:
        blocked[miner_id] = (Block("unknown_miner", "it is not in the site's settings any more", None),)
    return Starting(tuple(miner.id for miner in site.miner if miner.id in allowed), blocked, found)
