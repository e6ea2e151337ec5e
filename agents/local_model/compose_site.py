"""Answers about the equipment and the owner's limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from agents.local_model.compose_now import faults, overview
from agents.local_model.found import Found
from agents.local_model.intents import DeviceFact, Policy
from agents.local_model.say import age_note, capital, lines, listed, moment, percent
from energy.units import format_power

Facts = Mapping[str, Any]
_COMPASS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")


def device_fact(intent: DeviceFact, found: Found) -> str:
    """What the equipment is and whether it is well."""
    return _DEVICE_FACTS.get(intent.what, _site)(found) or found.problem or "I have no facts about that."


def policy(intent: Policy, found: Found) -> str:
    """One of the owner's limits, with its neighbours."""
    settings = found.settings
    if settings is None:
        return found.problem or "I could not read the site's settings."
    answer = _POLICIES.get(intent.which)
    return answer(settings, found) if answer else _all_limits(settings, found)


def battery_words(battery: Facts, text: str = "") -> str:
    """The battery's size, chemistry and rates; `text` is the tool's sentence, for the person's units."""
    parts = [f"{battery['usable_kwh']:g} kWh usable"]
    if battery.get("chemistry"):
        parts.append(str(battery["chemistry"]))
    parts += [
        f"{word} at most {_rate(battery, name, word, text)}"
        for word, name in (("charging", "max_charge_w"), ("discharging", "max_discharge_w"))
        if battery.get(name) is not None
    ]
    return ", ".join(parts)


def miner_rule(miner: Facts) -> str:
    """When one miner starts and stops."""
    return f"{miner['name']} starts at {percent(miner['start_soc_pct'])}, stops at {percent(miner['stop_soc_pct'])}"


def _rate(battery: Facts, name: str, word: str, text: str) -> str:
    spoken = re.search(rf"\b{word} at most ([\d.,]+ k?W)", text)
    return spoken[1] if spoken else format_power(float(battery[name]))


def _settings_text(found: Found) -> str:
    return next((r.text for r in found.results if r.name == "site_settings"), "")


def _inverter(found: Found) -> str | None:
    settings = found.settings or {}
    rows = found.devices or []
    inverter = next((row for row in rows if row.get("kind") == "solark_cloud"), None)
    detected = (inverter or {}).get("model")
    model = settings.get("inverter_model") or detected
    if not model:
        named = f" It reports as {inverter['name']} ({inverter['id']})." if inverter else ""
        return f"The inverter's model is unknown: it is not in the site's settings.{named}"
    extra = []
    if inverter:
        if inverter.get("firmware"):
            extra.append(f"firmware {inverter['firmware']}")
        if inverter.get("last_reading"):
            extra.append(f"last reading {inverter['last_reading']}, {inverter['ago']} ago")
    return lines(f"Inverter: {model}.", f"{capital(', '.join(extra))}." if extra else None)


def _inverter_state(found: Found) -> str | None:
    state = found.state
    if state is None:
        return None
    word = state.get("inverter_state")
    return lines(f"The inverter says: {word}." if word else "The inverter's state is not reported.", overview(state))


def _health(found: Found) -> str | None:
    state, rows = found.state, found.devices
    if state is None and rows is None:
        return None
    trouble = faults(state or {})
    if len(rows or []) == 1 and rows:
        return lines(_one_device(rows[0]), trouble or "No fault codes are reported.")
    stale = [row for row in rows or [] if row.get("stale") or "last_reading" not in row]
    fine = [row for row in rows or [] if row not in stale]
    codes = "No fault codes are reported." if (state or {}).get("fault_codes") == [] else None
    first = trouble or ("All devices report." if rows and not stale else codes or "No faults are reported.")
    reporting = [f"{_name(row)} {row['ago']} ago" for row in fine]
    old = [f"{_name(row)} ({row['ago']} ago)" if row.get("ago") else f"{_name(row)} (never)" for row in stale]
    return lines(
        first,
        f"No newer reading from {listed(old)}." if old else None,
        f"Reporting: {listed(reporting)}." if reporting else None,
        codes if codes and codes != first and not trouble else None,
    )


def _last_reading(found: Found) -> str | None:
    rows = found.devices
    if rows is None:
        return None
    told = [f"{_name(row)} {row['last_reading']} ({row['ago']} ago)" for row in rows if row.get("last_reading")]
    never = [_name(row) for row in rows if not row.get("last_reading")]
    return lines(
        f"Last readings: {', '.join(told)}." if told else "No device has reported yet.",
        f"Never reported: {listed(never)}." if told and never else None,
    )


def _one_device(row: Facts) -> str:
    if not row.get("last_reading"):
        return f"{_name(row)} has never reported."
    word = "Late" if row.get("stale") else "Reporting"
    return f"{word}: {_name(row)} last reported {moment({'at': row['last_reading']})}, {row['ago']} ago."


def _name(row: Facts) -> str:
    name, device_id = str(row.get("name") or row.get("id")), str(row.get("id"))
    return name if name.lower() == device_id else f"{name} {device_id}"


def _firmware(found: Found) -> str | None:
    rows = found.devices
    if rows is None:
        return None
    told = [f"{_name(row)} {row['firmware']}" for row in rows if row.get("firmware")]
    missing = [_name(row) for row in rows if not row.get("firmware")]
    return lines(
        f"Firmware: {', '.join(told)}." if told else "No device has told its firmware yet.",
        f"Not told by: {listed(missing)}." if told and missing else None,
    )


def _serial(found: Found) -> str | None:
    rows = found.devices
    if rows is None:
        return None
    names = listed([_name(row) for row in rows]) if rows else "none"
    return f"I do not keep whole serial numbers; they are on the devices' type plates. The devices here: {names}."


def _device_list(found: Found) -> str | None:
    rows = found.devices
    if rows is None:
        return None
    if not rows:
        return "The site's settings describe no devices."
    described = {"solark_cloud": (found.settings or {}).get("inverter_model")}
    models = [row.get("model") or described.get(str(row.get("kind"))) or "model unknown" for row in rows]
    parts = [f"{_name(row)}: {model}" for row, model in zip(rows, models, strict=True)]
    return lines(*[f"{part}." for part in parts[:4]], _miner_list(found.settings or {}))


def _panels(found: Found) -> str | None:
    settings = found.settings
    if settings is None:
        return None
    arrays = settings.get("arrays") or []
    if not arrays:
        return "The panels are not described in the site's settings, so their specifications are unknown."
    rows = [
        f"{a['name']} {a['kwp']:g} kWp, {a['tilt_deg']:g}° tilt, facing {_facing(a['azimuth_deg'])}" for a in arrays[:3]
    ]
    total = f"{settings['solar_kwp']:g} kWp of panels: " if settings.get("solar_kwp") is not None else ""
    return lines(
        f"{capital(total + '; '.join(rows))}.",
        "Maker and module type are not in the site's settings, so I do not know them.",
    )


def _facing(azimuth_deg: float) -> str:
    return f"{_COMPASS[round(azimuth_deg / 45) % 8]} ({azimuth_deg:g}°)"


def _battery(found: Found) -> str | None:
    settings = found.settings
    if settings is None:
        return None
    battery = settings.get("battery")
    if not battery:
        return "The battery is not described in the site's settings, so its size is unknown."
    return f"Battery: {battery_words(battery, _settings_text(found))}."


def _miners(found: Found) -> str | None:
    settings = found.settings
    return None if settings is None else _miner_list(settings) or "No miners are described in the site's settings."


def _miner_list(settings: Facts) -> str | None:
    miners = sorted(settings.get("miners") or [], key=lambda m: m.get("priority", 1))
    if not miners:
        return None
    rows = [f"{m['name']} ({m['hashrate_ths']:g} TH/s, {format_power(m['power_w'])})" for m in miners[:4]]
    return f"Miners: {'; '.join(rows)}."


def _relays(found: Found) -> str | None:
    settings = found.settings
    if settings is None:
        return None
    miners = sorted(settings.get("miners") or [], key=lambda m: m.get("priority", 1))
    if not miners:
        return "No relays are described in the site's settings."
    rows = []
    for miner in miners[:6]:
        device, _, channel = str(miner.get("relay", "")).rpartition(" ")
        rows.append(f"{miner['name']}: {device or 'relay unknown'}, channel {channel}" if device else miner["name"])
    return lines(f"{'; '.join(rows)}.", "Whether a single relay is on is not among my figures.")


def _one_miner(found: Found) -> str | None:
    state = found.state
    if state is None:
        return None
    first = "A single miner is not measured: the figures here are those of all miners together."
    together = f"All miners together draw {_said(state, 'miners')} now." if "miners" in state else None
    return lines(first, together or "And no device reports the miners' power now.", age_note(state, ("miners",)))


def _other_temperature(_: Found) -> str:
    return "That temperature is not measured here; of temperatures I know the battery's only."


def _sun(which: str) -> Callable[[Found], str | None]:
    def answer(found: Found) -> str | None:
        if found.settings is None:
            return None
        sun = found.settings.get("sun")
        if sun is None:
            return "I cannot work it out: the site's settings do not say where it is."
        if "sunrise" not in sun:
            return "Today the sun does not rise and set here: polar day or night."
        if which == "another_day":
            times = f"{sun['sunrise']} and {sun['sunset']}"
            return f"I work out sunrise and sunset for today only: {times}."
        rise = f"sunrise {'was' if sun['risen'] else 'is'} at {sun['sunrise']}"
        down = f"sunset {'was' if sun['set'] else 'is'} at {sun['sunset']}"
        first, second = (rise, down) if which == "sunrise" else (down, rise)
        return f"Today {first}, {second}; from one day to the next they move by a minute or two."

    return answer


def _said(facts: Facts, name: str) -> str:
    return str((facts.get(name) or {}).get("said", "unknown"))


def _site(found: Found) -> str | None:
    return None if found.settings is None else lines(_panels(found), _battery(found), _miner_list(found.settings))


_DEVICE_FACTS: Mapping[str, Callable[[Found], str | None]] = MappingProxyType(
    {
        "inverter": _inverter,
        "inverter_state": _inverter_state,
        "health": _health,
        "last_reading": _last_reading,
        "firmware": _firmware,
        "serial": _serial,
        "devices": _device_list,
        "panels": _panels,
        "battery": _battery,
        "miners": _miners,
        "site": _site,
        "relays": _relays,
        "one_miner": _one_miner,
        "other_temperature": _other_temperature,
        "sunrise": _sun("sunrise"),
        "sunset": _sun("sunset"),
        "sun_another_day": _sun("another_day"),
    }
)


def _minimum(settings: Facts, _: Found) -> str:
    limits = settings["limits"]
    return lines(
        f"Minimum battery level: {percent(limits['min_soc_pct'])}.",
        f"You want to keep it between {percent(limits['safe_min_soc_pct'])} and {percent(limits['safe_max_soc_pct'])}; "
        f"miners run only above {percent(limits['miner_min_soc_pct'])}.",
    )


def _critical(settings: Facts, _: Found) -> str:
    limits = settings["limits"]
    return lines(
        f"The critical minimum is {percent(limits['min_soc_pct'])}: the battery should never go below it.",
        f"Caution starts below {percent(limits['safe_min_soc_pct'])}.",
    )


def _range(settings: Facts, _: Found) -> str:
    limits = settings["limits"]
    return lines(
        f"Minimum {percent(limits['min_soc_pct'])}, target up to {percent(limits['safe_max_soc_pct'])}.",
        f"Day by day it should stay above {percent(limits['safe_min_soc_pct'])}.",
    )


def _target(settings: Facts, _: Found) -> str:
    limits = settings["limits"]
    keep, full = percent(limits["safe_min_soc_pct"]), percent(limits["safe_max_soc_pct"])
    return lines(
        f"Target battery level: up to {full}, and not under {keep} day by day.",
        f"The hard minimum is {percent(limits['min_soc_pct'])}.",
    )


def _miner_policy(settings: Facts, _: Found) -> str:
    miners = sorted(settings.get("miners") or [], key=lambda m: m.get("priority", 1))
    floor = f"Miners run only above {percent(settings['limits']['miner_min_soc_pct'])}."
    if not miners:
        return lines(floor, "No miners are described in the site's settings.")
    return lines(floor, f"{'; '.join(miner_rule(m) for m in miners[:4])}.")


def _charge_limit(name: str, word: str) -> Callable[[Facts, Found], str]:
    def answer(settings: Facts, found: Found) -> str:
        battery = settings.get("battery") or {}
        if battery.get(name) is None:
            return f"The maximum {word} rate is not in the site's settings, so it is unknown."
        rate = _rate(battery, name, f"{word[:-1]}ing", _settings_text(found))
        return lines(
            f"Maximum battery {word} rate: {rate}.", f"Battery: {battery_words(battery, _settings_text(found))}."
        )

    return answer


def _grid(settings: Facts, _: Found) -> str:
    grid = settings.get("grid") or {}
    if not grid.get("present"):
        return "This site has no grid connection, so nothing is imported or exported."
    allowed = [f"{word} is {'allowed' if grid.get(name) else 'not allowed'}" for word, name in _GRID_RULES]
    most = f", at most {format_power(float(grid['max_import_w']))}" if grid.get("max_import_w") is not None else ""
    return f"Grid {allowed[0]}{most if grid.get('import_allowed') else ''}; {allowed[1]}."


_GRID_RULES = (("import", "import_allowed"), ("export", "export_allowed"))


def _tariff(settings: Facts, _: Found) -> str:
    prices = settings.get("tariff") or []
    if not prices:
        return lines("There is no tariff in the site's settings.", _grid(settings, Found()))
    return lines(*[f"{capital(str(price))}." for price in prices[:4]], _grid(settings, Found()))


def _all_limits(settings: Facts, found: Found) -> str:
    return lines(_minimum(settings, found), _miner_policy(settings, found).split("\n", 1)[-1], _grid(settings, found))


_POLICIES: Mapping[str, Callable[[Facts, Found], str]] = MappingProxyType(
    {
        "minimum": _minimum,
        "critical": _critical,
        "range": _range,
        "target": _target,
        "miners": _miner_policy,
        "charge_rate": _charge_limit("max_charge_w", "charge"),
        "discharge_rate": _charge_limit("max_discharge_w", "discharge"),
        "grid": _grid,
        "tariff": _tariff,
        "all": _all_limits,
    }
)
