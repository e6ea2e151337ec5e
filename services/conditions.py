"""What the interlocks look at: the site's merged view, and what is known of each miner's relay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from energy.interlocks import Conditions, MinerRecord, Observed
from energy.merge import FAULTS, STALE_AT_MOST, MergedView, merge
from energy.site import Site
from store import readings, relays, wishes
from store.database import Database
from store.relays import RelayState, Switching
from store.wishes import Wish


async def conditions(database: Database, org_id: str, site: Site, now: datetime) -> Conditions:
    """The conditions on which starting and holding a miner are decided at `now` (aware UTC)."""
    latest = await readings.latest(database, org_id, site.id, as_of=now)
    states = await relays.all_of(database, org_id, site.id)
    wanted = await wishes.all_of(database, org_id, site.id)
    switched = await relays.switchings(database, org_id, site.id, since=local_midnight(site, now), until=now)
    return from_parts(site, merge(site, latest, now=now), states, wanted, switched, now)


def from_parts(
    site: Site,
    view: MergedView,
    states: Mapping[str, RelayState],
    wanted: Mapping[str, Wish],
    switched_today: Sequence[Switching],
    now: datetime,
) -> Conditions:
    """`conditions` from what was read already."""
    codes, codes_at = _inverter_faults(site, view)
    return Conditions(
        now=now,
        soc_pct=_observed(view, "soc_pct"),
        battery_voltage_v=_observed(view, "battery_voltage_v"),
        battery_temperature_c=_observed(view, "battery_temperature_c"),
        solar_w=_observed(view, "solar_w"),
        load_w=_observed(view, "load_w"),
        battery_charge_w=_observed(view, "battery_charge_w"),
        grid_import_w=_observed(view, "grid_import_w"),
        generator_w=_observed(view, "generator_w"),
        grid_present=_grid_present(view, now),
        fault_codes=codes,
        fault_codes_at=codes_at,
        miners={
            miner.id: _record(
                states.get(miner.id),
                wanted.get(miner.id),
                [each.happened_at for each in switched_today if each.on and each.miner_id == miner.id],
            )
            for miner in site.miner
        },
    )


def local_midnight(site: Site, now: datetime) -> datetime:
    """When the site's calendar day of `now` began; starts are counted per local day."""
    local = now.astimezone(site.zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def _observed(view: MergedView, field: str) -> Observed | None:
    value, merged = view.number(field), view[field]
    if value is None or merged.taken_at is None:
        return None
    return Observed(value, merged.taken_at, ", ".join(merged.sources))


def _grid_present(view: MergedView, now: datetime) -> bool | None:
    merged = view["grid_present"]
    if not isinstance(merged.value, bool) or (merged.age(now) or timedelta(0)) > STALE_AT_MOST:
        return None  # whether the grid was there a while ago says nothing about now
    return merged.value


def _inverter_faults(site: Site, view: MergedView) -> tuple[tuple[str, ...], datetime | None]:
    """The inverter's faults and when they were told; not those of a relay or of a device that nobody described."""
    merged = view[FAULTS]
    kinds = {device.id: device.kind for device in site.device}
    told_by_others = any(kinds.get(source, "shelly") == "shelly" for source in merged.sources)
    if told_by_others or not isinstance(merged.value, tuple):
        return (), None
    return merged.value, merged.taken_at


def _record(state: RelayState | None, wish: Wish | None, starts: Sequence[datetime]) -> MinerRecord:
    hand, starts_today, started_at = _hand(wish), len(starts), max(starts, default=None)
    if state is None:
        return MinerRecord(
            on=None,
            power_w=None,
            read_at=None,
            changed_at=None,
            starts_today=starts_today,
            hand=hand,
            started_at=started_at,
        )
    return MinerRecord(
        on=state.on,
        power_w=state.power_w,
        read_at=state.read_at,
        changed_at=state.changed_at,
        starts_today=starts_today,
        hand=hand,
        relay_errors=state.errors,
        reachable=state.reachable,
        started_at=started_at,
    )


def _hand(wish: Wish | None) -> Literal["on", "off"] | None:
    if wish is None or wish.mode not in ("hand_on", "hand_off"):
        return None
    return "on" if wish.mode == "hand_on" else "off"
