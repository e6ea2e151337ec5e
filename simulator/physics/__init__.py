"""The virtual site's physics: pure, and the same for the same seed and time however often it is asked."""

from simulator.physics.scenario import Scenario
from simulator.physics.state import EnergyTotals, MinerView, PhysicalState, RelayView
from simulator.physics.virtual_site import VirtualSite, Wiring

__all__ = ["EnergyTotals", "MinerView", "PhysicalState", "RelayView", "Scenario", "VirtualSite", "Wiring"]
