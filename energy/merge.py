"""The site's merged view: one value per field out of all devices' latest readings, with source and age.

Each field has a rule: `prefer` takes the first device that knows it and is fresh, `sum` adds devices and is unknown
while one of them is. Without a rule the devices are preferred in the order of the site's settings. A device that the
settings do not describe, such as an imported file, speaks where none of the others does. Fault codes are the
inverter's: a relay's errors act on its own miner, and an imported file has no say beside a described device.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from energy.reading import FIELDS, Reading, balance_w
from energy.series import EMPTY, Series, prefer_series, sum_series
from energy.site import Prefer, Site, Sum

STALE_AFTER_INTERVALS = 2.5
STALE_AT_MOST = timedelta(minutes=15)
NO_DEVICE = "none"
FAULTS = "fault_codes"

Value = float | bool | str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sourced:
    """A merged value, the devices that it came from and when the oldest part of it was taken (UTC)."""

    field: str
    value: Value | None
    sources: tuple[str, ...]
    taken_at: datetime | None
    stale: bool

    def age(self, now: datetime) -> timedelta | None:
        """How old the value is at `now`, or None when there is none."""
        return None if self.taken_at is None else now - self.taken_at


@dataclass(frozen=True, slots=True)
class MergedView:
    """The state of a site at `as_of`: a `Sourced` for every field of `Reading`, and the silent devices."""

    site_id: str
    as_of: datetime
    fields: Mapping[str, Sourced]
    stale_devices: tuple[str, ...]
    silent_devices: tuple[str, ...]  # described in the settings, never heard of

    def __getitem__(self, field: str) -> Sourced:
        return self.fields[field]

    def number(self, field: str) -> float | None:
        """The field's number, or None when it is unknown."""
        value = self.fields[field].value
        return None if value is None or isinstance(value, str | tuple) else float(value)

    @property
    def balance_w(self) -> float | None:
        """See `energy.reading.balance_w`."""
        return balance_w(_Flows(*(self.number(name) for name in _FLOWS)))


_FLOWS = ("solar_w", "grid_import_w", "generator_w", "load_w", "battery_charge_w")


@dataclass(frozen=True, slots=True)
class _Flows:
    solar_w: float | None
    grid_import_w: float | None
    generator_w: float | None
    load_w: float | None
    battery_charge_w: float | None


def stale_after(interval_s: float) -> timedelta:
    """When a source that uploads every `interval_s` counts as stale: 2.5 intervals, 15 minutes at the most."""
    return min(timedelta(seconds=STALE_AFTER_INTERVALS * interval_s), STALE_AT_MOST)


def preference(site: Site, field: str) -> Prefer | Sum:
    """The rule that merges `field`: the site's own, else prefer the described devices in order.

    Miners behind several relays add up without being told. A relay's fault codes are not the site's.
    """
    rule = site.merge.get(field)
    if rule is not None:
        return rule
    described = [device.id for device in site.device if field != FAULTS or device.kind != "shelly"]
    if field == "miner_w" and site.miner:
        relays = tuple(dict.fromkeys(miner.device for miner in site.miner))
        if len(relays) > 1:
            return Sum(sum=relays)
        described = [*relays, *(d for d in described if d not in relays)]
    return Prefer(prefer=tuple(described) or (NO_DEVICE,))


def undescribed(site: Site, devices: Iterable[str]) -> tuple[str, ...]:
    """Devices with data that the settings do not describe, such as an imported file: they speak where no other does."""
    return tuple(sorted(set(devices) - {device.id for device in site.device}))


def merge(site: Site, latest: Mapping[str, Reading], *, now: datetime) -> MergedView:
    """The merged view at `now` (aware UTC) from each device's latest reading, keyed by device id.

    A stale value is still shown, marked stale, when nothing fresher knows the field: an old figure with its age
    said is worth more than none. A sum takes the age of its oldest part and is stale when any part is.
    """
    fresh = {device_id: _is_fresh(site, reading, now) for device_id, reading in latest.items()}
    merged = {name: _merge_field(site, name, latest, fresh) for name in FIELDS}
    described = [device.id for device in site.device]
    return MergedView(
        site_id=site.id,
        as_of=now,
        fields=merged,
        stale_devices=tuple(sorted(d for d, is_fresh in fresh.items() if not is_fresh)),
        silent_devices=tuple(d for d in described if d not in latest),
    )


def merge_for_alerts(site: Site, latest: Mapping[str, Reading], *, now: datetime) -> tuple[MergedView, frozenset[str]]:
    """The view whose `fault_codes` are those of every fresh device together, and the codes of which nothing is known.

    A fault is told whichever inverter reports it. The second are the last codes of devices that have fallen silent:
    that the others do not report them says nothing.
    """
    view = merge(site, latest, now=now)
    spoken = [latest[name] for name in _fault_reporters(site, latest) if latest[name].fault_codes is not None]
    fresh = [reading for reading in spoken if _is_fresh(site, reading, now)]
    known = tuple(dict.fromkeys(code for reading in fresh for code in reading.fault_codes or ()))
    silent = {code for reading in spoken if reading not in fresh for code in reading.fault_codes or ()} - set(known)
    if len(spoken) < 2 or not fresh:
        return view, frozenset(silent)
    merged = Sourced(FAULTS, known, tuple(r.device_id for r in fresh), min(r.taken_at for r in fresh), stale=False)
    return replace(view, fields={**view.fields, FAULTS: merged}), frozenset(silent)


def merge_series(site: Site, field: str, by_device: Mapping[str, Series]) -> Series:
    """The site's series of a field out of its devices' own, by the same rules as the view."""
    rule = preference(site, field)
    others = [by_device[device] for device in undescribed(site, by_device)]
    if isinstance(rule, Prefer):
        return prefer_series([*(by_device[device] for device in rule.prefer if device in by_device), *others])
    return prefer_series([sum_series([by_device.get(device, EMPTY) for device in rule.sum]), *others])


def _fault_reporters(site: Site, latest: Mapping[str, Reading]) -> list[str]:
    """The devices whose codes are the site's: not the relays, and not an import beside a described device."""
    if site.device:
        return [device.id for device in site.device if device.kind != "shelly" and device.id in latest]
    return sorted(latest)


def _is_fresh(site: Site, reading: Reading, now: datetime) -> bool:
    device = site.device_by_id(reading.device_id)
    interval_s = device.interval_s if device else 300.0
    return now - reading.taken_at <= stale_after(interval_s)


def _merge_field(site: Site, name: str, latest: Mapping[str, Reading], fresh: Mapping[str, bool]) -> Sourced:
    rule = preference(site, name)
    others = undescribed(site, latest) if name != FAULTS or not site.device else ()
    if isinstance(rule, Sum):
        total = _sum(name, [latest.get(d) for d in rule.sum], fresh)
        if total.value is not None:
            return total
        listed = others
    else:
        listed = (*rule.prefer, *others)
    candidates = [latest[d] for d in listed if d in latest and getattr(latest[d], name) is not None]
    if not candidates:
        return Sourced(name, None, (), None, stale=True)
    chosen = next((r for r in candidates if fresh[r.device_id]), None)
    if chosen is None:
        chosen = max(candidates, key=lambda r: r.taken_at)
    return Sourced(name, getattr(chosen, name), (chosen.device_id,), chosen.taken_at, stale=not fresh[chosen.device_id])


def _sum(name: str, parts: list[Reading | None], fresh: Mapping[str, bool]) -> Sourced:
    known = [r for r in parts if r is not None and getattr(r, name) is not None]
    if len(known) < len(parts):
        return Sourced(name, None, (), None, stale=True)
    return Sourced(
        name,
        sum(float(getattr(r, name)) for r in known),
        tuple(r.device_id for r in known),
        min(r.taken_at for r in known),
        stale=not all(fresh[r.device_id] for r in known),
    )
