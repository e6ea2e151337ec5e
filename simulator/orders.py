"""What `POST /faults` takes: a fault at a device or its service, or a misfortune of the site itself.

Targets: `solark`, `victron`, `vrm`, `open_meteo`, `openweathermap`, `shelly:<device>`, `miner:<miner>` and `site`.

- whole answers (`simulator.faults`): timeout, 401, code401, 429, html, nulls, frozen, gone, offline, late and
  out_of_order (`by_s`), duplicate; for commands lost, stuck, refused
- figures (`simulator.distortions`), with `field` (soc_pct, battery_charge_w, ...): frozen, swapped (the sign),
  kilowatts (kW for W), value (`value`: 250, -3, "NaN", null); counter_reset; clock (`by_s` ahead)
- alarms: inverter_fault and bms_alarm with `codes`, such as "Overload", "HighTemperature warning" or "8"
- the site: dead_array (`field`: its name, `value`: the share lost), generator_stuck (`value` W), battery_temperature
  (`value` °C), load (`value` W more); a miner: draws_nothing (`value` W at the most, 0). Their `seconds` are simulated.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from simulator.faults import Faults
from simulator.physics import VirtualSite
from simulator.physics.misfortunes import MISFORTUNES, Misfortune

SITE = "site"
_USUAL_FIGURES: Mapping[Misfortune, float] = {"dead_array": 1.0, "draws_nothing": 0.0}


def order_fault(
    body: Mapping[str, Any], faults: Faults, targets: Collection[str], world: VirtualSite, now: datetime
) -> None:
    """Order what `body` says at `now` (simulated). ValueError names what is wrong with it, and what would be right."""
    target, fault = str(body.get("target")), str(body.get("fault"))
    known = sorted({*targets, SITE})
    if target not in known:
        raise ValueError(f'no target "{target}"; there are {", ".join(known)}')
    count, seconds = body.get("count"), _number(body, "seconds")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise ValueError('"count" must be a whole number, 1 or more')
    if seconds is not None and seconds <= 0:
        raise ValueError('"seconds" must be more than 0')
    if target == SITE or fault in MISFORTUNES:
        _misfortune(body, target, fault, world, now.timestamp(), seconds)
        return
    if fault == "none" and target.startswith("miner:") and body.get("field") is None:
        world.misfortunes.end(now.timestamp(), "draws_nothing", target.partition(":")[2])
    if fault == "value" and "value" not in body:
        raise ValueError('fault "value" needs "value": a number, a text such as "NaN", or null')
    codes = body.get("codes", [])
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise ValueError('"codes" must be a list of texts, such as ["Overload", "8"]')
    field = body.get("field")
    faults.order(
        target,
        fault,
        count=count,
        seconds=seconds,
        field=None if field is None else str(field),
        value=body.get("value"),
        by_s=_number(body, "by_s"),
        codes=tuple(codes),
    )


def _misfortune(
    body: Mapping[str, Any], target: str, fault: str, world: VirtualSite, at_s: float, seconds: float | None
) -> None:
    kind: Misfortune | None = next((each for each in MISFORTUNES if each == fault), None)
    if kind is None and fault != "none":
        raise ValueError(f'fault "{fault}" is not one of the site\'s; there are none, {", ".join(MISFORTUNES)}')
    subject = _subject(body, kind, target, world)
    if kind is None:
        world.misfortunes.end(at_s, None, subject)
        return
    figure = _number(body, "value")
    if figure is None:
        figure = _USUAL_FIGURES.get(kind)
    if figure is None:
        raise ValueError(f'fault "{kind}" needs "value", a number')
    if kind == "dead_array" and not 0 < figure <= 1:
        raise ValueError('"value" of a dead array is the share that it lost: above 0, and 1 at the most')
    until_s = None if seconds is None else at_s + seconds
    world.misfortunes.begin(kind, subject or "", figure, at_s, until_s)


def _subject(body: Mapping[str, Any], kind: Misfortune | None, target: str, world: VirtualSite) -> str | None:
    if kind == "draws_nothing":
        if not target.startswith("miner:"):
            raise ValueError('"draws_nothing" is for a target "miner:<miner>"')
        return target.partition(":")[2]
    if target != SITE:
        raise ValueError(f'"{kind}" is for the target "{SITE}"')
    if kind != "dead_array":
        return None if kind is None else ""
    names = [panels.name for panels in world.site.array]
    if body.get("field") not in names:
        raise ValueError(f'"dead_array" needs "field", the name of an array: {", ".join(names)}')
    return str(body["field"])


def _number(body: Mapping[str, Any], name: str) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f'"{name}" must be a number')
    return float(value)
