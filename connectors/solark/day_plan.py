"""The inverter's day plan inside its settings block: which of the six slots may charge from the grid. Pure.

No vendor's document describes the block. Known from others' clients: slots `sellTime1..6` ("HH:MM"), `sellTimeNPac`
(W), `capN` (%), `timeNon`, and `equipMode` 1 for the master. That `timeNon` is the slot's grid-charge flag is how the
vendor's sibling portals use it; it is not proven for SolArk. So only a block with every one of these keys, whose flags
are all truth values, is understood; any other is refused before something is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.device import GridCharge, GridChargeSlot
from connectors.numbers import flag, mapping, number, text

SLOTS = range(1, 7)
_KEYS_OF_A_SLOT = ("sellTime{}", "sellTime{}Pac", "cap{}", "time{}on")


class NotUnderstood(ValueError):
    """The settings block is not of the form that is known; the text says what is missing or strange."""


def grid_charge(block: Any) -> GridCharge:
    """What a settings block says about charging from the grid; every unknown is None."""
    known = mapping(block)
    slots = tuple(
        GridChargeSlot(slot, text(known.get(f"sellTime{slot}")), flag(known.get(f"time{slot}on"))) for slot in SLOTS
    )
    flags = [slot.grid_charge for slot in slots]
    enabled = True if True in flags else None if None in flags else False
    return GridCharge(enabled, slots)


def with_grid_charge(block: Any, on: bool, *, serial: str) -> dict[str, Any]:
    """The whole block with every slot's grid-charge flag set to `on`, each written the way that it was.

    Raises NotUnderstood for a block that is not the master's, not of the inverter `serial`, or not of the known form;
    and where charging could not begin because the inverter does not follow its day plan at all.
    """
    known = mapping(block)
    missing = [key.format(slot) for slot in SLOTS for key in _KEYS_OF_A_SLOT if key.format(slot) not in known]
    if missing:
        raise NotUnderstood(f"it has no {', '.join(missing[:3])}")
    if number(known.get("equipMode")) != 1:
        raise NotUnderstood("it is not the master inverter's (equipMode is not 1)")
    if str(known.get("sn", serial)) != serial:
        raise NotUnderstood("it is another inverter's")
    if on and flag(known.get("peakAndVallery")) is False:
        raise NotUnderstood("time of use is off, so no slot has an effect; switch time of use on at the inverter first")
    changed = dict(known)
    for slot in SLOTS:
        key = f"time{slot}on"
        changed[key] = _like(known[key], on)
        if changed[key] is None:
            raise NotUnderstood(f"{key} is neither on nor off")
    return changed


def differences(written: Mapping[str, Any], read: Any) -> tuple[str, ...]:
    """The keys of the day plan that do not read as they were written; numbers and their texts are the same."""
    found = mapping(read)
    keys = [key.format(slot) for slot in SLOTS for key in _KEYS_OF_A_SLOT]
    return tuple(key for key in keys if _plain(written[key]) != _plain(found.get(key)))


def _like(old: Any, on: bool) -> Any:
    """`on` in the vendor's form of this flag; None where that is not known."""
    if isinstance(old, bool):
        return on
    if isinstance(old, int | float) and old in (0, 1):
        return int(on)
    if isinstance(old, str) and flag(old) is not None:
        return str(int(on)) if old.strip() in ("0", "1") else str(on).lower()
    return None


def _plain(value: Any) -> Any:
    truth = flag(value)
    if truth is not None:
        return float(truth)
    measured = number(value)
    return value if measured is None else measured
