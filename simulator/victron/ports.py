"""What the virtual GX needs of the virtual site, of the clock and of the table of faults."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from energy.site import Site

TARGET = "victron"


class State(Protocol):
    """The physics at one instant. Powers in W, in the signs of `energy.reading`."""

    @property
    def solar_w_victron(self) -> float: ...
    @property
    def load_w(self) -> float: ...
    @property
    def battery_charge_w(self) -> float: ...
    @property
    def soc_pct(self) -> float: ...
    @property
    def battery_voltage_v(self) -> float: ...
    @property
    def battery_temperature_c(self) -> float: ...
    @property
    def grid_import_w(self) -> float: ...
    @property
    def grid_present(self) -> bool | None: ...
    @property
    def generator_w(self) -> float: ...


class Physics(Protocol):
    """A virtual site: its description, its wiring ("solark" or "both": panels on the GX too), its state at a time."""

    @property
    def site(self) -> Site: ...
    @property
    def wiring(self) -> str: ...
    @property
    def has_grid(self) -> bool: ...
    def state_at(self, t: datetime) -> State: ...


class Clock(Protocol):
    """The virtual site's time (aware, UTC)."""

    def now(self) -> datetime: ...


class Faults(Protocol):
    """The faults that someone ordered, by target. `take` uses one up where they are counted, `peek` does not."""

    def peek(self, target: str) -> str | None: ...
    def take(self, target: str) -> str | None: ...


class NoFaults:
    """A table without faults."""

    def peek(self, target: str) -> str | None:
        """None, whatever the target."""
        del target
        return None

    def take(self, target: str) -> str | None:
        """None, whatever the target."""
        return self.peek(target)
