"""Whether charging from the grid may be switched: the site must have opted in, and not too often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from energy.units import format_clock
from services.scope import Scope
from store import control
from store.control import Action
from store.requests import AtMost


@dataclass(frozen=True, slots=True)
class Rate:
    """No more than `count` of these within the time."""

    actions: tuple[Action, ...]
    within: timedelta
    count: int


RATE = Rate(("grid_charge.on", "grid_charge.off"), timedelta(hours=1), 6)


async def grid_charge_refusal(scope: Scope) -> str | None:
    """Why it may not be switched now, in a sentence; None when it may."""
    site, now = scope.site, scope.now
    if not site.grid.present:
        return f"{site.name} has no grid to charge from ([grid] present in commandcenter.toml)."
    if not site.inverter.allow_settings_writes:
        return (
            "Writing inverter settings is switched off for this site; its owner can allow it with "
            "allow_settings_writes = true under [inverter] in commandcenter.toml."
        )
    count, first = await control.decided(
        scope.database, scope.org_id, site.id, AtMost(RATE.actions, now - RATE.within, RATE.count)
    )
    if count >= RATE.count and first is not None:
        again = format_clock(first + RATE.within, scope.zone, now=now, units=scope.units)
        return f"The setting was changed {count} times in the last hour, which is the most; again at {again}."
    return None
