"""What interlocks look at: the site's figures, each with its age, what is known of every relay, and excess solar.

Pure values; the time stands in `Conditions`. A figure counts while it is at most 15 minutes old.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from energy.reading import ACCEPTED_CLOCK_SKEW
from energy.site import Miner, Site

FRESH = timedelta(minutes=5)
USABLE = timedelta(minutes=15)  # older data starts nothing and keeps nothing running
RAMP = timedelta(minutes=10)  # a miner takes up to this long to draw its full power


@dataclass(frozen=True, slots=True)
class Observed:
    """A measured value, when it was taken (aware UTC) and by which device."""

    value: float
    taken_at: datetime
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MinerRecord:
    """What is known of one miner's relay. `hand` = it was turned by hand and has not been commanded since.

    `power_w` is None for a relay without a meter, `on` is None while the relay has not been read. `starts_today`
    counts switchings on since the site's local midnight; `started_at` is the last of them.
    """

    on: bool | None
    power_w: float | None
    read_at: datetime | None
    changed_at: datetime | None
    starts_today: int
    hand: Literal["on", "off"] | None = None
    relay_errors: tuple[str, ...] = ()
    reachable: bool = True
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The site at `now` (aware UTC), in the signs of `energy.reading`. None is unknown; zero import is no outage.

    `fault_codes` are the inverter's faults as told at `fault_codes_at` (None: at `now`), never a relay's; `miners` is
    keyed by miner id.
    """

    now: datetime
    soc_pct: Observed | None
    battery_voltage_v: Observed | None
    battery_temperature_c: Observed | None
    solar_w: Observed | None
    load_w: Observed | None
    battery_charge_w: Observed | None
    grid_import_w: Observed | None
    generator_w: Observed | None
    grid_present: bool | None
    fault_codes: tuple[str, ...]
    miners: Mapping[str, MinerRecord]
    fault_codes_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """One rule that stands against it: the rule's name, its figures, and when it may become possible.

    `when` completes "possible ..."; `at` is that moment (UTC) where it is known.
    """

    rule: str
    says: str
    when: str | None
    at: datetime | None = None

    @property
    def sentence(self) -> str:
        """What a person reads: "SOC is 44 % and must be at least 50 % (...); possible once it reaches 50 %"."""
        return f"{self.says}; possible {self.when}" if self.when else self.says


def usable(observed: Observed | None, now: datetime) -> float | None:
    """The value when it is a number and at most 15 minutes old at `now`, else None."""
    if observed is None or not math.isfinite(observed.value):
        return None
    age = now - observed.taken_at
    return observed.value if -ACCEPTED_CLOCK_SKEW <= age <= USABLE else None


def is_islanded(site: Site, c: Conditions) -> bool:
    """Whether the inverter carries the site alone: no grid connection, an outage, or nobody knows."""
    return not site.grid.present or c.grid_present is not True


def running_w(c: Conditions, miner: Miner, *, since: datetime) -> float:
    """What `miner` draws within a load measured at `since` (W): metered, else rated; 0 when off or on only later."""
    record = c.miners.get(miner.id)
    if record is None or not record.on or (record.changed_at is not None and record.changed_at > since):
        return 0.0
    return miner.power_w if record.power_w is None else record.power_w


def coming_w(c: Conditions, miner: Miner, *, since: datetime) -> float:
    """What a miner that was switched on lately will draw beyond what a load measured at `since` shows of it (W)."""
    record = c.miners.get(miner.id)
    if record is None or not record.on or record.changed_at is None:
        return 0.0
    if record.changed_at > since:
        return miner.power_w
    return 0.0 if c.now - record.changed_at >= RAMP else max(0.0, miner.power_w - (record.power_w or 0.0))


def gone_w(c: Conditions, miner: Miner, *, since: datetime) -> float:
    """What a load measured at `since` still shows of a miner that went off after it (W).

    Its last known power, else what it is rated for; less what its relay still measures, since a contact may stick.
    Nothing of a miner that was switched on after `since` too.
    """
    record = c.miners.get(miner.id)
    if record is None or record.on is not False or record.changed_at is None or record.changed_at <= since:
        return 0.0
    if record.started_at is not None and record.started_at > since:
        return 0.0
    if record.power_w is not None and record.read_at is not None and record.read_at < record.changed_at:
        return record.power_w
    return max(0.0, miner.power_w - (record.power_w or 0.0))


def excess_solar_w(site: Site, c: Conditions, miner: Miner | None = None) -> float | None:
    """Solar beyond need (W): what would be charged or exported if miners did not take it; negative = a shortage.

    `solar_w - (load_w - running miners' watts)`. For a `miner` only its own watts and those of running miners of later
    priority are taken out of the load: what an earlier miner uses, or will use once it has come up, is not there for
    this one. What went off since the load was measured is taken out of it. Where solar or load are unknown: battery
    charge + export - generator, plus the same watts. None when that is unknown too, or older than 15 minutes.
    """
    solar_w, load_w = usable(c.solar_w, c.now), usable(c.load_w, c.now)
    if solar_w is not None and load_w is not None and c.load_w is not None:
        return solar_w - load_w + _yielded_w(site, c, miner, since=c.load_w.taken_at)
    charge_w = usable(c.battery_charge_w, c.now)
    grid_import_w = usable(c.grid_import_w, c.now) if site.grid.present else 0.0
    if charge_w is None or grid_import_w is None or c.battery_charge_w is None:
        return None
    generator_w = usable(c.generator_w, c.now) or 0.0  # not reported counts as none, as in `balance_w`
    return charge_w - grid_import_w - generator_w + _yielded_w(site, c, miner, since=c.battery_charge_w.taken_at)


def _yielded_w(site: Site, c: Conditions, miner: Miner | None, *, since: datetime) -> float:
    """What miners have given back since then or would give back for `miner`, less what earlier ones will take (W)."""
    total_w = 0.0
    for other in site.miner:
        total_w += gone_w(c, other, since=since)
        if miner is None or other.id == miner.id or comes_after(site, other, miner):
            total_w += running_w(c, other, since=since)
        else:
            total_w -= coming_w(c, other, since=since)
    return total_w


def comes_after(site: Site, other: Miner, miner: Miner) -> bool:
    order = [m.id for m in sorted(site.miner, key=lambda m: m.priority)]  # stable: equals keep the file's order
    return order.index(other.id) > order.index(miner.id)
