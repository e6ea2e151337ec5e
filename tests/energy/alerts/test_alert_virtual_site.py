"""Days of the virtual site, judged once a minute: what is told must be true, and little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from energy.alerts.episode import Episode
from energy.alerts.evaluate import evaluate, judge, open_keys
from energy.alerts.situation import DeviceNow, Key, RelayNow, Situation
from energy.merge import merge
from energy.reading import Reading
from energy.series import Series
from energy.site import Array, Battery, Device, Grid, Inverter, Limits, Miner, Prefer, Site
from simulator.history import readings_at, virtual_site
from simulator.physics import VirtualSite
from simulator.scenarios import SCENARIOS

END = datetime(2026, 6, 23, tzinfo=UTC)
DAYS = 3
SITE = Site(
    id="ranch",
    timezone="America/Los_Angeles",
    latitude=37.3,
    longitude=-121.9,
    limits=Limits(),
    battery=Battery(usable_kwh=30, max_charge_w=9_000, max_discharge_w=9_000),
    grid=Grid(present=True, export_allowed=True),
    inverter=Inverter(max_output_w=15_000, islanded_max_w=12_000),
    array=(Array(name="south", kwp=14.6),),
    device=(
        Device(id="solark", kind="solark_cloud", plant_id=1),
        Device(id="cerbo", kind="victron_mqtt", host="venus.local"),
        Device(id="garage", kind="shelly", host="192.168.1.50"),
    ),
    merge={"soc_pct": Prefer(prefer=("cerbo", "solark")), "solar_w": Prefer(prefer=("solark",))},
    miner=(Miner(id="s21", name="S21+", power_w=3_878, hashrate_ths=235, device="garage"),),
)
STEADY = ("load_w", "battery_charge_w", "solar_w", "soc_pct", "battery_voltage_v")


class Ranch:
    """The virtual site as the worker would see it, with at most one reading per upload interval and device."""

    def __init__(self, scenario: str, broken: str | None = None) -> None:
        self.world: VirtualSite = virtual_site(SITE, seed=3, end=END, days=DAYS, scenario=SCENARIOS[scenario])
        self.broken = broken
        self.latest: dict[str, Reading] = {}
        self.past: dict[tuple[str, str], list[tuple[int, float]]] = {}
        self.switched: dict[str, tuple[bool, datetime]] = {}
        self.episodes: dict[Key, Episode] = {}
        self.told: Counter[str] = Counter()

    def live(self) -> Counter[str]:
        """What is told over all the days, by rule and subject."""
        for now in self._minutes():
            self._hear(now)
            result = evaluate(judge(self._situation(now)), self.episodes, now)
            self.episodes.update(result.changed)
            for event in result.events:
                if event.tell and event.kind != "resolved":
                    self.told[" ".join(event.episode.key).strip()] += 1
        return self.told

    def _minutes(self) -> Iterator[datetime]:
        start = END - timedelta(days=DAYS)
        return (start + timedelta(minutes=n) for n in range(1, DAYS * 1_440))

    def _hear(self, now: datetime) -> None:
        for reading in readings_at(self.world, now):
            last, device = self.latest.get(reading.device_id), SITE.device_by_id(reading.device_id)
            assert device is not None
            if last is not None and (reading.taken_at - last.taken_at).total_seconds() < device.interval_s:
                continue
            if last is not None and self.broken == "frozen" and reading.device_id == "cerbo":
                reading = replace(last, taken_at=reading.taken_at)
            self.latest[reading.device_id] = reading
            for name in STEADY:
                value = getattr(reading, name)
                if value is not None:
                    self.past.setdefault((reading.device_id, name), []).append((int(now.timestamp()), value))

    def _situation(self, now: datetime) -> Situation:
        for view in self.world.relays(now).values():
            if self.switched.get("s21", (None, now))[0] is not view.on:
                self.switched["s21"] = (view.on, now)
        on, changed_at = self.switched["s21"]
        power_w = self.world.miner("s21", now).power_w
        devices: dict[str, dict[str, Series]] = {}
        if now.minute % 5 == 0:
            for device, name in self.past:
                devices.setdefault(device, {})[name] = self._series(device, name)
        firing, pending = open_keys(self.episodes)
        return Situation(
            site=SITE,
            now=now,
            view=merge(SITE, self.latest, now=now),
            relays={"s21": RelayNow(on=on, power_w=power_w, read_at=now, changed_at=changed_at)},
            devices={
                name: DeviceNow(heard_at=reading.taken_at, expected_since=now) for name, reading in self.latest.items()
            },
            device_history=devices,
            history={name: self._series("cerbo", name) for name in ("soc_pct", "battery_charge_w")},
            firing=firing,
            pending=pending,
        )

    def _series(self, device: str, name: str) -> Series:
        pairs = np.array(self.past[(device, name)][-125:])
        cadence_s = 300.0 if device == "solark" else 60.0
        return Series(pairs[:, 0].astype(np.int64), pairs[:, 1].copy(), cadence_s, device)


def test_sunny_days_tell_the_one_low_night_and_a_hint_a_day() -> None:
    told = Ranch("sunny").live()
    assert set(told) <= {"surplus", "battery_low", "battery_critical"}
    assert told["surplus"] <= DAYS
    assert told["battery_critical"] <= DAYS


def test_every_outage_of_three_days_is_told_once() -> None:
    told = Ranch("outage").live()
    assert told["grid_outage"] == 7  # three nights, and four afternoons: the days begin and end within one
    assert set(told) <= {"grid_outage", "surplus", "battery_low", "battery_critical"}


def test_a_frozen_gateway_is_told_once_per_figure_and_not_day_after_day() -> None:
    told = Ranch("sunny", broken="frozen").live()
    assert told["stuck_sensor cerbo/load_w"] == 1
    assert told["stuck_sensor cerbo/battery_charge_w"] == 1
