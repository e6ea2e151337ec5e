"""The tools that describe the site: its devices with their own settings, and what its owner wrote down about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from agents.answer import Figure
from agents.tools.desk import ToolDesk, ToolResult
from agents.tools.words import age_words, clock, rounded
from energy.naming import source_name
from energy.sun import sunrise_sunset
from energy.units import format_clock, format_percent, format_power
from services import devices
from services.preferences import limits_of

if TYPE_CHECKING:
    from energy.site import TariffPeriod
    from services.devices import DeviceFacts, SiteFacts
    from services.scope import Scope

SETTINGS = "settings"  # the source of figures that come from the site's description
_MOST_SETTINGS = 12
_MOST_TARIFFS = 4


async def device_details(
    desk: ToolDesk, device: Annotated[str, Field(description='"SolArk", "Victron", an id; empty: all')] = ""
) -> ToolResult:
    """The devices: model, firmware, last reading, and their own settings.

    Facts: `"devices": [{"id", "name", "kind", "model", "firmware", "last_reading": "14:02", "ago": "20 s",
    "stale": true when so, "settings": {name: value}}, ...]`, unknown parts left out; `"unknown_device": true` with
    `"known": [ids]` when no device has that name.
    """
    scope = desk.scope
    found = await devices.device_facts(scope)
    chosen = [one for one in found if _is_meant(scope, one, device)]
    if not chosen:
        known = [one.device_id for one in found]
        if not known:
            return ToolResult({"devices": []}, "The site's settings describe no devices.")
        text = f'There is no device "{device[:30]}" here; the devices are {", ".join(known)}.'
        return ToolResult({"unknown_device": True, "known": known}, text)
    rows = [_device(scope, one, with_settings=len(chosen) <= 2) for one in chosen]
    for one in chosen:
        _note_device(desk, one)
    return ToolResult({"devices": rows}, " ".join(_device_sentence(row) for row in rows))


async def site_settings(desk: ToolDesk) -> ToolResult:
    """The site: SOC limits, battery, panels, inverter model, grid rules, tariff, miners and their relays, sun times.

    Facts: `"limits": {"min_soc_pct", "safe_min_soc_pct", "safe_max_soc_pct", "miner_min_soc_pct"}` of the person who
    asks; `"owner_limits"` with those of the site's that are looser, if any; `"battery":
    {"usable_kwh", "chemistry", "max_charge_w", "max_discharge_w"}` or null; `"arrays": [{"name", "kwp", "tilt_deg",
    "azimuth_deg"}, ...]`, `"solar_kwp"`; `"inverter_model"` or null; `"grid": {"present", "import_allowed",
    "export_allowed", "max_import_w"}`; `"miners": [{"id", "name", "power_w", "hashrate_ths", "priority",
    "relay": "device channel", "start_soc_pct", "stop_soc_pct"}, ...]`; `"tariff":
    ["peak 16-21 h: import 0.42, export 0.05 per kWh", ...]`;
    `"sun": {"sunrise": "06:52", "sunset", "risen", "set"}` or null where the place is not known.
    """
    found = await devices.site_facts(desk.scope)
    facts = _site(desk.scope, found)
    for name, value in facts["limits"].items():
        desk.note(Figure(name, value, "%", source=SETTINGS))
    for name, value in facts.get("owner_limits", {}).items():
        desk.note(Figure(f"owner_{name}", value, "%", source=SETTINGS))
    if facts["battery"]:
        for name, unit in (("usable_kwh", "kWh"), ("max_charge_w", "W"), ("max_discharge_w", "W")):
            if facts["battery"].get(name) is not None:
                desk.note(Figure(f"battery_{name}", facts["battery"][name], unit, source=SETTINGS))
    if facts["solar_kwp"] is not None:
        desk.note(Figure("solar_kwp", facts["solar_kwp"], "kWp", source=SETTINGS))
    desk.note(Figure("inverter_model", facts["inverter_model"], "", source=SETTINGS))
    for miner in facts["miners"]:
        for name, unit in (("power_w", "W"), ("start_soc_pct", "%"), ("stop_soc_pct", "%")):
            desk.note(Figure(f"miner_{miner['id']}_{name}", miner[name], unit, source=SETTINGS))
    return ToolResult(facts, _site_sentence(desk.scope, facts))


_LIMITS = {
    "min_soc_pct": "minimum",
    "safe_min_soc_pct": "kept above",
    "safe_max_soc_pct": "kept below",
    "miner_min_soc_pct": "miners above",
}


def _is_meant(scope: Scope, one: DeviceFacts, asked: str) -> bool:
    word = asked.strip().lower()
    if word in ("", "all"):
        return True
    names = (one.device_id, source_name(scope.site, one.device_id) or "", one.kind, one.model or "")
    if word == "inverter":
        return one.kind == "solark_cloud"
    return any(word in name.lower() for name in names)


def _device(scope: Scope, one: DeviceFacts, *, with_settings: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"id": one.device_id, "name": source_name(scope.site, one.device_id), "kind": one.kind}
    row |= {name: value for name, value in (("model", one.model), ("firmware", one.firmware)) if value}
    if one.last_reading_at is not None:
        row |= {"last_reading": clock(scope, one.last_reading_at), "ago": age_words(scope, one.last_reading_at)}
    if one.stale:
        row["stale"] = True
    if with_settings and one.settings:
        row["settings"] = dict(list(one.settings.items())[:_MOST_SETTINGS])
    return row


def _note_device(desk: ToolDesk, one: DeviceFacts) -> None:
    source = source_name(desk.scope.site, one.device_id)
    for name, value in (("model", one.model), ("firmware", one.firmware)):
        if value:
            desk.note_instant(f"{one.device_id}_{name}", value, "", one.taken_at, source)
    if one.last_reading_at is not None:
        desk.note_instant(
            f"{one.device_id}_last_reading", one.last_reading_at.isoformat(), "", one.last_reading_at, source
        )


def _device_sentence(row: dict[str, Any]) -> str:
    name = f"{row['name']} ({row['id']})" if str(row["name"]).lower() != row["id"] else str(row["name"])
    parts = [row.get("model", "model unknown")]
    if "firmware" in row:
        parts.append(f"firmware {row['firmware']}")
    if "last_reading" in row:
        parts.append(f"last reading {row['last_reading']}, {row['ago']} ago{' (old)' if row.get('stale') else ''}")
    else:
        parts.append("no reading yet")
    return f"{name}: {', '.join(parts)}."


def _site(scope: Scope, found: SiteFacts) -> dict[str, Any]:
    site = found.site
    battery = None
    if site.battery is not None:
        parts = ("usable_kwh", "chemistry", "max_charge_w", "max_discharge_w")
        known = {name: getattr(site.battery, name) for name in parts}
        battery = _numbers(known)
    limits = {name: rounded(value) for name, value in limits_of(scope).model_dump().items()}
    owners = {name: rounded(value) for name, value in site.limits.model_dump().items()}
    theirs = {name: value for name, value in owners.items() if value != limits[name]}
    miner_parts = {"id", "name", "power_w", "hashrate_ths", "priority", "start_soc_pct", "stop_soc_pct"}
    return {
        "limits": limits,
        **({"owner_limits": theirs} if theirs else {}),
        "battery": battery,
        "solar_kwp": None if site.solar_kwp is None else rounded(site.solar_kwp),
        "arrays": [_numbers(a.model_dump(include={"name", "kwp", "tilt_deg", "azimuth_deg"})) for a in site.array],
        "inverter_model": found.inverter_model,
        "grid": _numbers(site.grid.model_dump()),
        "miners": [
            _numbers(m.model_dump(include=miner_parts)) | {"relay": f"{m.device} {m.channel}"} for m in site.miner
        ],
        "tariff": [_price(period) for period in site.tariff.period[:_MOST_TARIFFS]],
        "sun": _sun(scope),
    }


def _numbers(values: dict[str, Any]) -> dict[str, Any]:
    """Without unknowns, numbers as short as they can be: every character is paid for."""
    return {
        name: rounded(value) if isinstance(value, float) else value
        for name, value in values.items()
        if value is not None
    }


def _price(period: TariffPeriod) -> str:
    days = "" if period.days == "mon-sun" else f" {period.days}"
    prices = f"import {period.import_per_kwh:g}, export {period.export_per_kwh:g} per kWh"
    return f"{period.name} {period.hours} h{days}: {prices}"


def _sun(scope: Scope) -> dict[str, Any] | None:
    """Today's sunrise and sunset, and whether they have been."""
    site, today = scope.site, scope.as_of.astimezone(scope.zone).date()
    if site.latitude is None or site.longitude is None:
        return None
    sun = sunrise_sunset(today, site.latitude, site.longitude)
    if sun is None:
        return {"none_today": True}
    moments = dict(zip(("sunrise", "sunset"), sun, strict=True))
    said = {name: format_clock(at, scope.zone, now=at, units=scope.units) for name, at in moments.items()}
    return said | {"risen": scope.as_of >= sun[0], "set": scope.as_of >= sun[1]}


def _site_sentence(scope: Scope, facts: dict[str, Any]) -> str:
    limits, battery = facts["limits"], facts["battery"]
    parts = [
        f"Minimum battery level {format_percent(limits['min_soc_pct'])}, kept between "
        f"{format_percent(limits['safe_min_soc_pct'])} and {format_percent(limits['safe_max_soc_pct'])}, "
        f"miners only above {format_percent(limits['miner_min_soc_pct'])}."
    ]
    if "owner_limits" in facts:
        said = ", ".join(f"{_LIMITS[name]} {format_percent(value)}" for name, value in facts["owner_limits"].items())
        parts.append(f"Those are your own preferences; the owner's are {said}.")
    if battery:
        rates = [
            f"{word} at most {format_power(battery[name], scope.units)}"
            for word, name in (("charging", "max_charge_w"), ("discharging", "max_discharge_w"))
            if name in battery
        ]
        size = f"{battery['usable_kwh']:g} kWh usable {battery['chemistry']}"
        parts.append(f"Battery {', '.join([size, *rates])}.")
    if facts["solar_kwp"] is not None:
        parts.append(f"Panels {facts['solar_kwp']:g} kWp.")
    parts.append(f"Inverter {facts['inverter_model'] or 'model not in the settings'}.")
    return " ".join(parts)
