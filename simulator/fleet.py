"""Many virtual sites at once, each a world of its own: for operators with hundreds of them, and for load tests."""

from __future__ import annotations

from datetime import datetime

from simulator.default_site import site_in
from simulator.physics import Scenario, VirtualSite, Wiring
from simulator.scenarios import SCENARIOS


def fleet(
    count: int, *, seed: int, start: datetime, wiring: Wiring = "solark", scenario: Scenario = SCENARIOS["sunny"]
) -> list[VirtualSite]:
    """`count` sites born at `start` (aware). The first is the ranch with `seed`; the others count both up."""
    if count < 1:
        raise ValueError("a fleet needs at least one site")
    ranch = site_in(scenario, wiring)
    others = [{"id": f"ranch-{n}", "name": f"Solar Shack {n}"} for n in range(2, count + 1)]
    sites = [ranch, *(ranch.model_copy(update=other) for other in others)]
    return [
        VirtualSite(site, seed=seed + n, start=start, wiring=wiring, scenario=scenario) for n, site in enumerate(sites)
    ]
