"""A site with alerts to judge: a ranch at noon whose every figure can be changed, and minutes that pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from energy.alerts.episode import Episode, Event, step
from energy.alerts.rule import Rule, Signal
from energy.alerts.situation import DeviceNow, HostNow, RelayNow, Situation
from energy.alerts.table import RULES
from energy.merge import merge
from energy.reading import Reading
from energy.series import Series
from energy.site import Array, Device, Site
from tests.energy.ranch import NOON, ranch

__all__ = ["NOON", "QUIET", "Life", "active", "relay", "rows", "scene", "signals", "site"]

DEVICES = (
    Device(id="cerbo", kind="victron_mqtt", host="venus.local"),
    Device(id="solark", kind="solark_cloud", plant_id=1),
    Device(id="garage", kind="shelly", host="192.168.1.50"),
)
QUIET: dict[str, Any] = {
    "soc_pct": 70.0,
    "battery_voltage_v": 53.0,
    "battery_temperature_c": 20.0,
    "battery_charge_w": 2_500.0,
    "solar_w": 4_000.0,
    "load_w": 1_500.0,
    "grid_import_w": 0.0,
    "generator_w": 0.0,
    "miner_w": 0.0,
    "grid_present": True,
    "inverter_state": "inverting",
    "fault_codes": (),
}


def site(miner: dict[str, Any] | None = None, **changes: Any) -> Site:
    """The ranch with its Cerbo, its SolArk and 10 kWp; `miner` changes its first miner."""
    return ranch(miner, **({"device": DEVICES, "array": (Array(name="south", kwp=10.0),)} | changes))


def relay(on: bool | None = False, *, now: datetime = NOON, changed_min: float = 120, **changes: Any) -> RelayNow:
    """A relay with a meter, read just now."""
    parts: dict[str, Any] = {
        "on": on,
        "power_w": 3_200.0 if on else 0.0,
        "read_at": now - timedelta(seconds=10),
        "changed_at": now - timedelta(minutes=changed_min),
    }
    return RelayNow(**(parts | changes))


def scene(
    *,
    now: datetime = NOON,
    at: Site | None = None,
    age_s: float = 10.0,
    firing: set[tuple[str, str]] | None = None,
    relays: Mapping[str, RelayNow] | None = None,
    more: Mapping[str, Any] | None = None,
    **figures: Any,
) -> Situation:
    """Nothing wrong at noon, but for the `figures` of the Cerbo's reading and `more` parts of the situation."""
    where = at or site()
    taken_at = now - timedelta(seconds=age_s)
    reading = Reading(site_id="ranch", source="victron", device_id="cerbo", taken_at=taken_at, **(QUIET | figures))
    parts: dict[str, Any] = {
        "site": where,
        "now": now,
        "view": merge(where, {"cerbo": reading}, now=now),
        "relays": {"s21": relay(now=now), "s19": relay(now=now)} if relays is None else relays,
        "devices": {
            device.id: DeviceNow(heard_at=taken_at, expected_since=now - timedelta(days=1), refused=False)
            for device in where.device
        },
        "usual_base_load_w": 1_400.0,
        "clear_sky_w": 6_000.0,
        "host": HostNow(clock_skew_s=0.1, disk_free_share=0.6),
        "firing": frozenset(firing or ()),
    }
    return Situation(**(parts | dict(more or {})))


def signals(s: Situation, rule_id: str) -> dict[str, Signal]:
    """What the rule sees, by subject."""
    judged_by = next(judged_by for rule, judged_by in RULES if rule.id == rule_id)
    found = judged_by(s)
    assert all(signal.rule_id == rule_id for signal in found)
    assert len({signal.subject for signal in found}) == len(found)
    return {signal.subject: signal for signal in found}


def active(s: Situation, rule_id: str, subject: str = "") -> bool | None:
    """Whether the rule is active on the subject; what is active says what, why and what to do."""
    signal = signals(s, rule_id)[subject]
    if signal.active:
        assert signal.what
        assert signal.why
        assert signal.do
        assert signal.what[0].isupper() or signal.what[0] == "{" or signal.what.startswith(subject)
        assert ".." not in signal.what + signal.why + signal.do
    return signal.active


def rows(values: list[float], *, every_s: int = 60, until: datetime = NOON) -> Series:
    """A series whose last row is at `until`."""
    last = int(until.timestamp())
    times = np.arange(last - every_s * (len(values) - 1), last + 1, every_s, dtype=np.int64)
    return Series(times, np.array(values, dtype=np.float64), float(every_s), "cerbo")


class Life:
    """One rule's episode over time: what happened, at which minute."""

    def __init__(self, rule: Rule, start: datetime = NOON) -> None:
        self.rule = rule
        self.start = start
        self.episode: Episode | None = None
        self.events: list[Event] = []

    def at(
        self,
        minute: float,
        seen: bool | None,
        *,
        age_min: float | None = None,
        value: float | None = None,
        inhibited: bool = False,
    ) -> list[str]:
        """What happens at that minute; `age_min` is how old the measurement is (None: it is about now)."""
        now = self.start + timedelta(minutes=minute)
        taken_at = None if age_min is None else now - timedelta(minutes=age_min)
        signal = Signal(rule_id=self.rule.id, active=seen, taken_at=taken_at, value=value, lower_is_worse=True)
        self.episode, events = step(self.rule, self.episode, signal, now, inhibited=inhibited)
        self.events += events
        return [event.kind for event in events]

    @property
    def told(self) -> list[tuple[str, float]]:
        """What people heard, and at which minute."""
        return [(e.kind, (e.at - self.start) / timedelta(minutes=1)) for e in self.events if e.tell]

    def change(self, **parts: Any) -> None:
        """Put something else into the episode."""
        assert self.episode is not None
        self.episode = replace(self.episode, **parts)
