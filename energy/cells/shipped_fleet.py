"""The fleet curves that come with the package (energy/cells/fleet/fleet.json, described in CARD.md beside it)."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

from energy.cells.fade import FadePoints, Fleet, Spread


@cache
def shipped_fleet() -> Fleet:
    """Curves of lab cells: remaining capacity by full cycles."""
    text = resources.files("energy.cells").joinpath("fleet", "fleet.json").read_text(encoding="utf-8")
    return fleet_from_json(text)


def fleet_from_json(text: str) -> Fleet:
    """A fleet as benchmarks/train_fleet_fade.py writes it."""
    said = json.loads(text)
    return Fleet(
        curves=tuple(FadePoints(name, c["cycles"], c["soh"]) for name, c in said["curves"].items()),
        spreads=tuple(Spread(s["ahead"], s["share"]) for s in said["spreads"]),
        version=said["version"],
        licence=said["licence"],
    )


def fleet_to_json(fleet: Fleet) -> str:
    """The file's text: one curve a line."""
    curves = ",\n".join(
        f"  {json.dumps(c.name)}: {json.dumps({'cycles': c.cycles.tolist(), 'soh': c.soh.tolist()})}"
        for c in fleet.curves
    )
    head = json.dumps({"version": fleet.version, "licence": fleet.licence})[1:-1]
    spreads = json.dumps([{"ahead": s.ahead, "share": s.share} for s in fleet.spreads])
    return f'{{{head}, "spreads": {spreads}, "curves": {{\n{curves}\n}}}}\n'
