"""What the site consists of: the owner's settings, and what the devices say of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from energy.merge import stale_after
from energy.site import Site
from services.scope import Scope, require
from store import device_facts as stored_facts
from store import readings


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """A device: kind from the settings, model, firmware and read-only settings as it told them at `taken_at`."""

    device_id: str
    kind: str
    model: str | None
    firmware: str | None
    settings: dict[str, Any]
    taken_at: datetime | None
    last_reading_at: datetime | None
    stale: bool


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """The site's description and the inverter's model where the settings or a device tell it."""

    site: Site
    inverter_model: str | None


async def device_facts(scope: Scope) -> list[DeviceFacts]:
    """All described devices, and any others that readings came from."""
    require(scope, "viewer")
    told = await stored_facts.all_of(scope.database, scope.org_id, scope.site.id, as_of=scope.as_of)
    latest = await readings.latest(scope.database, scope.org_id, scope.site.id, as_of=scope.as_of)
    described = {device.id: device for device in scope.site.device}
    listed = [*described, *sorted((set(told) | set(latest)) - set(described))]
    return [_facts(scope, device_id, told, latest) for device_id in listed]


async def site_facts(scope: Scope) -> SiteFacts:
    """The settings that answers may quote; the inverter's model from the settings before the device's own word."""
    require(scope, "viewer")
    model = scope.site.inverter_model
    if model is None:
        facts = await device_facts(scope)
        model = next((f.model for f in facts if f.kind == "solark_cloud" and f.model), None)
    return SiteFacts(scope.site, model)


def _facts(scope: Scope, device_id: str, told: dict[str, Any], latest: dict[str, Any]) -> DeviceFacts:
    device = scope.site.device_by_id(device_id)
    fact = told.get(device_id)
    reading = latest.get(device_id)
    interval_s = device.interval_s if device else 300.0
    return DeviceFacts(
        device_id=device_id,
        kind=device.kind if device else (reading.source if reading else "unknown"),
        model=fact.model if fact else None,
        firmware=fact.firmware if fact else None,
        settings=dict(fact.settings) if fact else {},
        taken_at=fact.taken_at if fact else None,
        last_reading_at=reading.taken_at if reading else None,
        stale=reading is None or scope.as_of - reading.taken_at > stale_after(interval_s),
    )
