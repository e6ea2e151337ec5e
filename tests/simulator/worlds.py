"""Virtual sites for the tests of the simulator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from simulator.default_site import default_site
from simulator.physics import VirtualSite
from simulator.physics.inputs import Wiring
from simulator.scenarios import SCENARIOS

NOON = datetime(2026, 6, 10, 20, 2, 10, tzinfo=UTC)  # 13:02:10 on the ranch


def world(
    *, end: datetime = NOON, days: float = 1.0, seed: int = 7, wiring: Wiring = "solark", scenario: str = "sunny"
) -> VirtualSite:
    """The ranch, born `days` before `end`."""
    start = end - timedelta(days=days)
    return VirtualSite(default_site(wiring), seed=seed, start=start, wiring=wiring, scenario=SCENARIOS[scenario])
