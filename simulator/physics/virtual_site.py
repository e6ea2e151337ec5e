"""The virtual site: weather and household drive it, the inverter dispatches, the battery remembers.

Time advances in whole minutes from `start`; within a minute the state is extrapolated, never committed. So the world
depends on seed, start and switchings only, not on when or how often it is looked at.
"""

from __future__ import annotations

from array import array
from datetime import UTC, datetime

import numpy as np

from energy.site import Battery, Miner, Site
from simulator.physics.dispatch import STEP_S, Flows, Plant, dispatch
from simulator.physics.inputs import DayInputs, DeadArrays, Wiring, day_inputs, weather_of
from simulator.physics.misfortunes import Misfortunes
from simulator.physics.relays import ASLEEP_W, BOOT_S, RelayChannel, miner_draw_w, woken_draw_w
from simulator.physics.scenario import Scenario
from simulator.physics.sky import DAY_S, solar_day
from simulator.physics.state import EnergyTotals, MinerView, PhysicalState, RelayView

__all__ = ["VirtualSite", "Wiring"]

_STEP = int(STEP_S)
_DEFAULT_CURVE = ((45.0, 0.0), (47.0, 15.0), (50.0, 40.0), (52.0, 60.0), (54.5, 80.0), (56.0, 100.0))
_INTERNAL_RESISTANCE_OHM = 0.0035
_BATTERY_LAG_S = 3 * 3_600.0
_KILOWATT_MINUTES = STEP_S / 3_600_000.0
_COUNTERS = 10
_DAYS_KEPT = 40  # inputs of older days are made again when somebody asks for them


class VirtualSite:
    """One simulated site. `start` (aware) is its birth; it can be asked for any later time, backwards too."""

    def __init__(self, site: Site, *, seed: int, start: datetime, wiring: Wiring, scenario: Scenario) -> None:
        self.site = site
        self.seed = seed
        self.wiring: Wiring = wiring
        self.scenario = scenario
        self.start_s = int(start.timestamp()) // _STEP * _STEP
        self.start = datetime.fromtimestamp(self.start_s, UTC)
        self.weather = weather_of(site, seed=seed, scenario=scenario)
        self.plant = _plant(site, scenario)
        self.has_grid = site.grid.present and not scenario.off_grid
        self.misfortunes = Misfortunes()
        self._array_names = tuple(panels.name for panels in site.array)
        self._days: dict[tuple[int, DeadArrays], DayInputs] = {}
        self._today: tuple[DeadArrays, DayInputs] | None = None
        self._miners: tuple[tuple[Miner, RelayChannel], ...] = ()
        self._channels: dict[tuple[str, int], RelayChannel] = {}
        self._blackout = RelayChannel(self.start_s, automatic=False)
        self._sleep = {miner.id: RelayChannel(self.start_s, automatic=False) for miner in site.miner}
        self._add_channels()
        curve = (site.battery.voltage_curve if site.battery else ()) or _DEFAULT_CURVE
        self._curve_volts, self._curve_soc = [v for v, _ in curve], [s for _, s in curve]
        self._soc = array("d", [scenario.initial_soc_pct])
        self._battery_c = array("d", [self._inputs(self.start_s).temperature_c[0] * 0.4 + 12.0])
        self._generating = bytearray([0])
        self._counters = [array("d", [0.0]) for _ in range(_COUNTERS)]
        self._miner_kwh = [array("d", [0.0]) for _ in self._miners]
        self._seen_s = float(self.start_s)
        self._decide(0)

    def state_at(self, t: datetime) -> PhysicalState:
        """The site at `t` (aware, not before `start`)."""
        at_s = self._reach(t)
        index = int((at_s - self.start_s) // _STEP)
        seconds = at_s - (self.start_s + index * _STEP)
        flows, miners = self._flows(index, self.start_s + index * _STEP)
        soc = self._soc_after(index, flows.battery_charge, seconds)
        if seconds:
            flows, miners = self._flows(index, at_s)
        day = self._inputs(at_s)
        minute = int(at_s - day.start_s) // _STEP
        rest_v = float(np.interp(soc, self._curve_soc, self._curve_volts))
        grid_up = self._grid_up(day, minute, at_s)
        return PhysicalState(
            at=t.astimezone(UTC),
            solar_w_solark=flows.solar_solark,
            solar_w_victron=flows.solar_victron,
            solar_available_w=day.solar_solark_w[minute] + day.solar_victron_w[minute],
            load_w=flows.load,
            base_load_w=flows.base_load,
            miner_w={miner.id: w * flows.miner_share for (miner, _), w in zip(self._miners, miners, strict=True)},
            battery_charge_w=flows.battery_charge,
            soc_pct=soc,
            solark_soc_pct=min(max(soc + day.soc_drift_pct[minute], 0.0), 100.0),
            battery_voltage_v=rest_v + flows.battery_charge / rest_v * _INTERNAL_RESISTANCE_OHM,
            battery_temperature_c=self._battery_temperature_c(index, at_s),
            grid_import_w=flows.grid_import,
            grid_present=grid_up,
            generator_w=flows.generator,
            outside_temperature_c=day.temperature_c[minute],
            cloud_cover_pct=day.cloud_cover[minute] * 100.0,
            ghi_w_m2=day.ghi_w_m2[minute],
            inverter_state=_inverter_state(flows, grid_up),
        )

    def totals_at(self, t: datetime) -> EnergyTotals:
        """The energy counters at `t`: kWh since `start`."""
        at_s = self._reach(t)
        index = int((at_s - self.start_s) // _STEP)
        share = (at_s - (self.start_s + index * _STEP)) / STEP_S
        flows, miners = self._flows(index, self.start_s + index * _STEP)
        values = [
            counter[index] + share * watts * _KILOWATT_MINUTES
            for counter, watts in zip(self._counters, _counted(flows), strict=True)
        ]
        miner_kwh = {
            miner.id: self._miner_kwh[i][index] + share * miners[i] * flows.miner_share * _KILOWATT_MINUTES
            for i, (miner, _) in enumerate(self._miners)
        }
        return EnergyTotals(**dict(zip(_COUNTED, values, strict=True)), miner_kwh=miner_kwh)

    def set_relay(
        self, device_id: str, channel: int, on: bool, until: datetime | None = None, *, at: datetime | None = None
    ) -> None:
        """Switch a relay at `at` (default: the latest time looked at). With `until` its own timer flips it back then.

        A relay that somebody switched is automatic no longer.
        """
        relay = self._channel(device_id, channel)
        relay.automatic = False
        relay.switch(self._not_in_the_past(at), on, until.timestamp() if until else None)

    def weld(self, device_id: str, channel: int, welded: bool, *, at: datetime | None = None) -> None:
        """Let a relay's contact stick closed, or come free: power flows though the relay says that it is off."""
        self._channel(device_id, channel).weld(self._not_in_the_past(at), welded)

    def relay(self, device_id: str, channel: int, t: datetime) -> RelayView:
        """The relay channel at `t`."""
        return self._channel(device_id, channel).view(self._reach(t))

    def relays(self, t: datetime) -> dict[tuple[str, int], RelayView]:
        """Every channel that has been named so far, at `t`."""
        at_s = self._reach(t)
        return {key: channel.view(at_s) for key, channel in self._channels.items()}

    def set_asleep(self, miner_id: str, asleep: bool, *, at: datetime | None = None) -> None:
        """Tell a miner, over its API, to stop hashing or to hash again. A power cut makes it forget."""
        at_s = self._not_in_the_past(at)
        miner, relay = self._miner_and_relay(miner_id)
        if self._told_to_sleep(miner, relay.contact(at_s)[1], at_s)[0] == asleep:
            return
        sleep = self._sleep[miner_id]
        if sleep.state(at_s)[0] == asleep:  # told before a power cut, which made it forget
            sleep.switch(at_s, not asleep)
        sleep.switch(at_s, asleep)

    def miner(self, miner_id: str, t: datetime) -> MinerView:
        """The miner at `t`."""
        state = self.state_at(t)
        at_s = t.timestamp()
        miner, relay = self._miner_and_relay(miner_id)
        on, since_s = relay.contact(at_s)
        asleep = self._told_to_sleep(miner, since_s, at_s)[0]
        watts = state.miner_w[miner_id]
        hashing_share = 0.0 if asleep else max(watts - ASLEEP_W, 0.0) / (miner.power_w - ASLEEP_W)
        up = on and at_s - since_s >= BOOT_S
        return MinerView(
            up=up,
            up_for_s=at_s - since_s if up else 0.0,
            asleep=on and asleep,
            power_w=watts,
            hashrate_ths=miner.hashrate_ths * hashing_share if up else 0.0,
        )

    def _miner_and_relay(self, miner_id: str) -> tuple[Miner, RelayChannel]:
        return next(pair for pair in self._miners if pair[0].id == miner_id)

    def _told_to_sleep(self, miner: Miner, on_since_s: float, at_s: float) -> tuple[bool, float | None]:
        """Whether the miner was told to sleep since it has power, and when it was told to wake."""
        asleep, told_s = self._sleep[miner.id].state(at_s)
        if told_s <= on_since_s:
            return False, None
        return asleep, None if asleep else told_s

    def set_grid(self, present: bool, until: datetime | None = None, *, at: datetime | None = None) -> None:
        """Cut the grid off by hand, or give it back (scheduled outages still happen)."""
        self._blackout.switch(self._not_in_the_past(at), not present, until.timestamp() if until else None)

    def _not_in_the_past(self, at: datetime | None) -> float:
        committed_s = self.start_s + (len(self._soc) - 1) * _STEP
        return max(at.timestamp() if at else self._seen_s, float(committed_s))

    def _reach(self, t: datetime) -> float:
        at_s = t.timestamp()
        if at_s < self.start_s:
            raise ValueError(f"the virtual site starts at {self.start.isoformat()}; nothing is known before it")
        self._seen_s = max(self._seen_s, at_s)
        for index in range(len(self._soc) - 1, int((at_s - self.start_s) // _STEP)):
            self._commit(index)
        return at_s

    def _commit(self, index: int) -> None:
        """Integrate minute `index`, with the flows at its beginning, and decide for the next."""
        begin_s = self.start_s + index * _STEP
        flows, miners = self._flows(index, begin_s)
        self._soc.append(self._soc_after(index, flows.battery_charge, STEP_S))
        for counter, watts in zip(self._counters, _counted(flows), strict=True):
            counter.append(counter[index] + watts * _KILOWATT_MINUTES)
        for i, watts in enumerate(miners):
            kwh = self._miner_kwh[i]
            kwh.append(kwh[index] + watts * flows.miner_share * _KILOWATT_MINUTES)
        day = self._inputs(begin_s)
        outside = day.temperature_c[(begin_s - day.start_s) // _STEP]
        target = 0.4 * outside + 12.0 + abs(flows.battery_charge) * 0.0009
        now = self._battery_c[index]
        self._battery_c.append(now + (target - now) * STEP_S / _BATTERY_LAG_S)
        self._decide(index + 1)

    def _battery_temperature_c(self, index: int, at_s: float) -> float:
        given = self.misfortunes.figure("battery_temperature", "", at_s)
        return self._battery_c[index] if given is None else given

    def _decide(self, index: int) -> None:
        """What the site's own automation does at the start of minute `index`: generator, and the unattended miners."""
        at_s = self.start_s + index * _STEP
        soc = self._soc[index]
        day = self._inputs(at_s)
        minute = (at_s - day.start_s) // _STEP
        was_on = bool(self._generating[index - 1]) if index else False
        wanted = soc < (self.scenario.generator_stop_soc_pct if was_on else self.scenario.generator_start_soc_pct)
        generating = self.plant.generator_w > 0 and wanted and not self._grid_up(day, minute, at_s)
        if index:
            self._generating.append(generating)
        else:
            self._generating[0] = generating
        solar = day.solar_solark_w[minute] + day.solar_victron_w[minute]
        for miner, relay in self._miners:
            if relay.automatic:
                _follow_surplus(miner, relay, at_s, soc, solar)

    def _flows(self, index: int, at_s: float) -> tuple[Flows, list[float]]:
        day = self._inputs(at_s)
        minute = int(at_s - day.start_s) // _STEP
        miners = []
        for number, (miner, relay) in enumerate(self._miners):
            on, since_s = relay.contact(at_s)
            watts = 0.0
            if on:
                ripple = ((index * 2_654_435_761 + number * 40_503) & 0xFFFF) / 65_535 - 0.5
                asleep, woken_s = self._told_to_sleep(miner, since_s, at_s)
                if asleep:
                    watts = ASLEEP_W
                elif woken_s is not None:
                    watts = woken_draw_w(miner.power_w, at_s - woken_s) * (1 + 0.016 * ripple)
                else:
                    watts = miner_draw_w(miner.power_w, at_s - since_s) * (1 + 0.016 * ripple)
            most_w = self.misfortunes.figure("draws_nothing", miner.id, at_s)
            miners.append(watts if most_w is None else min(watts, most_w))
        flows = dispatch(
            self.plant,
            self._soc[index],
            day.solar_solark_w[minute],
            day.solar_victron_w[minute],
            day.base_load_w[minute] + (self.misfortunes.figure("load", "", at_s) or 0.0),
            sum(miners),
            self._grid_up(day, minute, at_s),
            bool(self._generating[index]),
            self.misfortunes.figure("generator_stuck", "", at_s) or 0.0,
            1.0 - 0.008 * ((index * 2_246_822_519) & 0xFFFF) / 65_535,
        )
        return flows, miners

    def _soc_after(self, index: int, battery_charge_w: float, seconds: float) -> float:
        return min(max(self._soc[index] + self.plant.soc_change_pct(battery_charge_w, seconds), 0.0), 100.0)

    def _grid_up(self, day: DayInputs, minute: int, at_s: float) -> bool:
        return self.has_grid and not day.outage[minute] and not self._blackout.state(at_s)[0]

    def _inputs(self, at_s: float) -> DayInputs:
        dead = self.misfortunes.dead_arrays(at_s, self._array_names)
        if self._today is not None and self._today[0] == dead and 0 <= at_s - self._today[1].start_s < DAY_S:
            return self._today[1]
        key = (solar_day(at_s, self.weather.longitude), dead)
        if key not in self._days:
            while len(self._days) >= _DAYS_KEPT:
                del self._days[next(iter(self._days))]
            self._days[key] = day_inputs(self.site, self.weather, key[0], wiring=self.wiring, dead=dead)
        self._today = dead, self._days[key]
        return self._days[key]

    def _channel(self, device_id: str, channel: int) -> RelayChannel:
        key = (device_id, channel)
        if key not in self._channels:
            self._channels[key] = RelayChannel(self.start_s, automatic=False)
        return self._channels[key]

    def _add_channels(self) -> None:
        by_priority = sorted(self.site.miner, key=lambda miner: (miner.priority, miner.id))
        unattended = {miner.id for miner in by_priority[: self.scenario.automatic_miners]}
        for miner in self.site.miner:
            channel = self._channel(miner.device, miner.channel)
            channel.automatic = channel.automatic or miner.id in unattended
        self._miners = tuple((miner, self._channel(miner.device, miner.channel)) for miner in self.site.miner)


_COUNTED = (
    "solar_solark_kwh",
    "solar_victron_kwh",
    "load_kwh",
    "charge_kwh",
    "discharge_kwh",
    "solark_charge_kwh",
    "solark_discharge_kwh",
    "import_kwh",
    "export_kwh",
    "generator_kwh",
)


def _counted(flows: Flows) -> tuple[float, ...]:
    """The powers behind `_COUNTED`, in its order (W, none negative)."""
    battery = flows.battery_charge
    at_solark = battery - flows.solar_victron
    return (
        flows.solar_solark,
        flows.solar_victron,
        flows.load,
        battery if battery > 0 else 0.0,
        -battery if battery < 0 else 0.0,
        at_solark if at_solark > 0 else 0.0,
        -at_solark if at_solark < 0 else 0.0,
        flows.grid_import if flows.grid_import > 0 else 0.0,
        -flows.grid_import if flows.grid_import < 0 else 0.0,
        flows.generator,
    )


def _follow_surplus(miner: Miner, relay: RelayChannel, at_s: int, soc: float, solar_w: float) -> None:
    """Mine while the battery is well filled and the sun pays for a good part of it; keep the night's reserve."""
    on, since_s = relay.state(at_s)
    elapsed_min = (at_s - since_s) / 60.0
    if on:
        sun_is_gone = solar_w < 0.25 * miner.power_w and soc < 88.0
        if elapsed_min >= miner.min_on_minutes and (soc <= miner.stop_soc_pct or sun_is_gone):
            relay.switch(at_s, False)
    elif elapsed_min >= miner.min_off_minutes and soc >= miner.start_soc_pct and solar_w > 0.55 * miner.power_w:
        relay.switch(at_s, True)


def _inverter_state(flows: Flows, grid_up: bool) -> str:
    if flows.overload:
        return "overload"
    if grid_up:
        return "on-grid"
    return "generator" if flows.generator > 0 else "off-grid"


def _plant(site: Site, scenario: Scenario) -> Plant:
    battery = site.battery or Battery(usable_kwh=10.0)
    default_w = battery.usable_kwh * 500.0  # C/2 where the settings give no limit
    return Plant(
        usable_kwh=battery.usable_kwh,
        max_charge_w=default_w if battery.max_charge_w is None else battery.max_charge_w,
        max_discharge_w=default_w if battery.max_discharge_w is None else battery.max_discharge_w,
        export_allowed=site.grid.export_allowed,
        max_import_w=12_000.0 if site.grid.max_import_w is None else site.grid.max_import_w,
        reserve_soc_pct=scenario.reserve_soc_pct,
        empty_soc_pct=scenario.empty_soc_pct,
        generator_w=scenario.generator_w,
    )
