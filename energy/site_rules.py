"""Rules of a site that span its parts: miners that would switch without end, and ids that people could mix up.

Each function raises ValueError with the keys and the remedy.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from energy.naming import plain
from energy.voltage import Curve, voltage_from_soc

if TYPE_CHECKING:
    from energy.site import Limits, Miner


def check_starts(miners: Sequence[Miner], limits: Limits, curve: Curve) -> None:
    """A miner must start above the level at which the owner's limit stops it again."""
    floor_pct = limits.miner_min_soc_pct
    for miner in miners:
        if not miner.by_voltage:
            if miner.start_soc_pct <= floor_pct:
                raise ValueError(
                    f'miner "{miner.id}": start_soc_pct ({miner.start_soc_pct:g}) must be above '
                    f"limits.miner_min_soc_pct ({floor_pct:g}), or it would switch without end; raise start_soc_pct "
                    "or lower miner_min_soc_pct"
                )
            continue
        floor_v = voltage_from_soc(curve, floor_pct) if curve else 0.0
        if miner.start_voltage_v is not None and miner.start_voltage_v <= floor_v:
            raise ValueError(
                f'miner "{miner.id}": start_voltage_v ({miner.start_voltage_v:g}) must be above {floor_v:.2f} V, '
                f"which is limits.miner_min_soc_pct ({floor_pct:g}) on battery.voltage_curve, or it would switch "
                "without end; raise start_voltage_v or lower miner_min_soc_pct"
            )


def check_ids(miners: Sequence[Miner]) -> None:
    """No id may be read as another miner's id or name."""
    for one, other in itertools.permutations(miners, 2):
        if plain(one.id) == plain(other.id):
            raise ValueError(
                f'miner "{one.id}": "{other.id}" is the same id but for hyphens and underscores; rename one of them'
            )
        if plain(one.id) == plain(other.name):
            raise ValueError(
                f'miner "{one.id}": "{other.name}" is the name of "{other.id}", so the id could mean either; '
                "rename one of them"
            )
