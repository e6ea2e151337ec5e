"""Everything that the alert rules look at, as one frozen value; the caller reads it, the rules judge it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from energy.alerts.settings import DEFAULTS, AlertSettings
from energy.conditions import USABLE, Observed
from energy.merge import MergedView
from energy.reading import ACCEPTED_CLOCK_SKEW
from energy.relay_rules import in_allowed_hours
from energy.series import Series
from energy.site import Miner, Site

Key = tuple[str, str]  # a rule and its subject


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayNow:
    """One miner's relay as it was read last (`read_at`, aware UTC). `power_w` is None without a meter.

    `wanted` is what we want of it: "off" also while protection wants it off. `hand` = turned by hand, and not commanded
    since. `kept_off`: a person ordered it off, without an end that has come.
    """

    on: bool | None
    power_w: float | None
    read_at: datetime | None
    changed_at: datetime | None
    reachable: bool = True
    wanted: Literal["on", "off"] | None = None
    hand: Literal["on", "off"] | None = None
    errors: tuple[str, ...] = ()
    kept_off: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceNow:
    """When a device was heard last (`taken_at` of its newest reading), or since when it should have been heard.

    `refused` is whether it refuses our credentials; None = it was not asked, or did not answer.
    """

    heard_at: datetime | None
    expected_since: datetime
    refused: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveForecast:
    """What the forecast says of the battery: when it reaches the reserve (None: not), and its lowest level."""

    issued_at: datetime
    reserve_pct: float
    reached_at: datetime | None
    lowest_pct: float
    lowest_at: datetime
    because: str  # a whole sentence, such as "Tonight's load is expected at 14 kWh; 11 kWh are left above the reserve."


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysAhead:
    """What the forecasts say of tomorrow and of the next hours; None is unknown.

    `usual_solar_kwh` is the mean of the last week's days. `lowest_tomorrow_pct` is the battery's lowest level from the
    beginning of `tomorrow` to the morning after, with the miners left as they are. `surplus_kwh` is the sun beyond the
    house's own load until `surplus_until`. `followed`: miners follow the plan, which sees to it.
    """

    issued_at: datetime
    tomorrow: datetime
    solar_tomorrow_kwh: float | None
    usual_solar_kwh: float | None
    lowest_tomorrow_pct: float | None
    surplus_kwh: float
    surplus_until: datetime
    followed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """Something to be done: `title` in words ("clean the panels"), due at `due_at`."""

    id: str
    title: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HostNow:
    """The machine that we run on. `clock_skew_s`: how far its clock is ahead (negative: behind); None is unknown."""

    clock_skew_s: float | None = None
    disk_free_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A site at `now` (aware UTC). Powers in W and signs as in `energy.reading`.

    `usual_base_load_w` is the usual load without miners for this local hour. `clear_sky_w` and `forecast_solar_w` are
    the solar power expected as a mean over the last half hour, without clouds and with the forecast's weather.
    `history` has recent merged series by field (half an hour of `solar_w`); `device_history` has each device's own
    series by device and field (two hours), for stuck sensors. `firing` and `pending` are the open episodes' keys.
    """

    site: Site
    now: datetime
    view: MergedView
    relays: Mapping[str, RelayNow] = field(default_factory=dict)
    devices: Mapping[str, DeviceNow] = field(default_factory=dict)
    history: Mapping[str, Series] = field(default_factory=dict)
    device_history: Mapping[str, Mapping[str, Series]] = field(default_factory=dict)
    usual_base_load_w: float | None = None
    clear_sky_w: float | None = None
    forecast_solar_w: float | None = None
    forecast: ReserveForecast | None = None
    days_ahead: DaysAhead | None = None
    maintenance: tuple[Maintenance, ...] = ()
    host: HostNow | None = None
    firing: frozenset[Key] = frozenset()
    pending: frozenset[Key] = frozenset()
    settings: AlertSettings = DEFAULTS

    def is_firing(self, rule_id: str, subject: str = "") -> bool:
        """Whether the rule fires on that subject, so that its clear level counts and not its set level."""
        return (rule_id, subject) in self.firing

    def open_subjects(self, rule_id: str) -> set[str]:
        """The subjects on which the rule is pending or firing: each is judged again, also when nothing names it."""
        return {subject for rule, subject in self.firing | self.pending if rule == rule_id}

    def seen(self, name: str) -> Observed | None:
        """The merged value of a numeric field while it is a number, fresh, and at most 15 minutes old; else None."""
        merged = self.view[name]
        if merged.stale or merged.taken_at is None or isinstance(merged.value, str | tuple) or merged.value is None:
            return None
        value, age = float(merged.value), self.now - merged.taken_at
        if not math.isfinite(value) or not -ACCEPTED_CLOCK_SKEW <= age <= USABLE:
            return None
        return Observed(value, merged.taken_at, "+".join(merged.sources))

    def is_current(self, moment: datetime | None) -> bool:
        """Whether something that was read at `moment` still says how it is now."""
        return moment is not None and -ACCEPTED_CLOCK_SKEW <= self.now - moment <= USABLE

    def relay_watts(self, miner: Miner) -> tuple[float, float]:
        """The least and the most that a miner draws now (W), by its relay; equal where that is known."""
        relay = self.relays.get(miner.id)
        if relay is None or relay.on is None or not self.is_current(relay.read_at):
            return 0.0, miner.power_w
        if not relay.on:
            return 0.0, 0.0
        if relay.power_w is not None:
            return relay.power_w, relay.power_w
        return 0.0, miner.power_w

    def miners_watts(self) -> tuple[float, float]:
        """The least and the most that all our miners draw now (W)."""
        measured = self.seen("miner_w")
        if measured is not None:
            return measured.value, measured.value
        each = [self.relay_watts(miner) for miner in self.site.miner]
        return sum(low for low, _ in each), sum(high for _, high in each)

    def running_miners(self) -> list[Miner]:
        """The miners whose relay is on, as far as is known."""
        return [m for m in self.site.miner if (relay := self.relays.get(m.id)) is not None and relay.on]

    def idle_miners(self) -> list[Miner]:
        """The miners that a hint may name, the first ones first: off, reachable, and neither a person nor their hours
        keep them off."""
        return [
            miner
            for miner in sorted(self.site.miner, key=lambda m: m.priority)
            if (relay := self.relays.get(miner.id)) is not None
            and relay.on is False
            and relay.reachable
            and relay.hand != "off"
            and not relay.kept_off
            and in_allowed_hours(self.site, miner, self.now)
        ]


def sources(*observed: Observed | None) -> tuple[str, ...]:
    """The devices that the figures come from, each once."""
    named = [name for each in observed if each is not None for name in each.source.split("+")]
    return tuple(dict.fromkeys(named))


def oldest(*observed: Observed | None) -> datetime | None:
    """When the oldest of the known figures was measured."""
    return min((each.taken_at for each in observed if each is not None), default=None)


def age_of(moment: datetime, now: datetime) -> timedelta:
    """How long ago that was, never negative."""
    return max(now - moment, timedelta(0))
