"""The inside of a simulated Shelly, whatever language it speaks: outputs, timers, meters, settings, restarts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from energy.site import Device
from simulator.faults import AnswerLost, Faults
from simulator.physics import VirtualSite
from simulator.physics.state import RelayView
from simulator.shelly_models import ShellyModel
from simulator.web import FrozenClock


@dataclass(slots=True)
class ChannelSettings:
    """What is kept in the flash, by channel. `initial_state` is one of on, off, restore_last, match_input."""

    initial_state: str = "off"
    auto_off_s: float | None = None


class ShellyRelays:
    """The relays of one device of `world`. Timers run on the device, in simulated time."""

    def __init__(
        self, world: VirtualSite, device: Device, model: ShellyModel, clock: FrozenClock, faults: Faults
    ) -> None:
        self.world, self.device, self.model, self.clock = world, device, model, clock
        self.mac = hashlib.sha256(f"{world.site.id}/{world.seed}/{device.id}".encode()).hexdigest()[:12].upper()
        self.channels = range(model.channels)
        self.settings = {channel: ChannelSettings() for channel in self.channels}
        self.booted_s = float(world.start_s)
        self.commands = 0  # how many arrived from the network
        self._faults, self._target = faults, f"shelly:{device.id}"
        self._miners = {m.channel: m for m in world.site.miner if m.device == device.id}
        self._asked: dict[int, tuple[bool, str]] = {}
        self.errors: dict[int, tuple[str, ...]] = dict.fromkeys(self.channels, ())
        self._counted_from_kwh = dict.fromkeys(self.channels, 0.0)

    def view(self, channel: int) -> RelayView:
        """The channel as the device reports it."""
        return self.world.relay(self.device.id, channel, self.clock.now())

    def is_on(self, channel: int) -> bool:
        """Whether the output is on really, also while the reported values are frozen."""
        return self.world.relay(self.device.id, channel, self.clock.true_now()).on

    def source(self, channel: int) -> str:
        """The device's word for what switched the channel last."""
        view = self.view(channel)
        if view.automatic:
            return "loopback"  # the site's own automation
        if channel not in self._asked:
            return "init"
        on, source = self._asked[channel]
        return source if on == view.on else "timer"

    def command(self, channel: int, on: bool, after_s: float | None, source: str) -> bool:
        """A command from the network: whether the output was on before.

        `after_s` flips it back then. Raises AnswerLost, after the deed, where that was ordered.
        """
        self.commands += 1
        fault = self._faults.take_command(self._target)
        was_on = self.is_on(channel)
        if fault != "stuck":
            self.switch(channel, on, after_s, source)
        if fault == "lost":
            raise AnswerLost
        return was_on

    def switch(self, channel: int, on: bool, after_s: float | None, source: str) -> None:
        """Set the output, from the network or by the button; an automatic off of the settings acts as a timer."""
        now = self.clock.true_now()
        if on:
            self.errors[channel] = ()
        if after_s is None and on:
            after_s = self.settings[channel].auto_off_s
        until = None if after_s is None else now + timedelta(seconds=after_s)
        self.world.set_relay(self.device.id, channel, on, until, at=now)
        self._asked[channel] = (on, source)

    def trip(self, channel: int, error: str) -> None:
        """Let a protection of the relay act: the output goes off, and the error stays until it is switched on again."""
        self.switch(channel, False, None, "limits")
        self.errors[channel] = (error,)

    def reboot(self, *, counters: bool) -> None:
        """Power-cycle: timers are lost, outputs come back as `initial_state` says; `counters` restart at 0."""
        now = self.clock.true_now()
        for channel in self.channels:
            on = {"on": True, "restore_last": self.is_on(channel)}.get(self.settings[channel].initial_state, False)
            self.world.set_relay(self.device.id, channel, on, at=now)
            if counters:
                self.reset_counter(channel)
        self._asked.clear()
        self.booted_s = now.timestamp()

    def power_w(self, channel: int) -> float:
        """What flows through the channel now (W)."""
        miner = self._miners.get(channel)
        return self.world.state_at(self.clock.now()).miner_w[miner.id] if miner else 0.0

    def energy_kwh(self, channel: int) -> float:
        """The channel's counter (kWh)."""
        return self.kwh_at(channel, self.clock.now()) - self._counted_from_kwh[channel]

    def kwh_at(self, channel: int, at: datetime) -> float:
        """Energy through the channel since the site's birth (kWh)."""
        miner = self._miners.get(channel)
        return self.world.totals_at(max(at, self.world.start)).miner_kwh[miner.id] if miner else 0.0

    def reset_counter(self, channel: int) -> None:
        """Let the counter begin at 0 again."""
        self._counted_from_kwh[channel] = self.kwh_at(channel, self.clock.now())
