"""What the miners drew by the hour, where no meter tells: the rating of each for as long as its relay was on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from energy.forecast.hours import HOUR_S, Floats, Ints
from energy.site import Site
from store import relays
from store.database import Database
from store.relays import Switching


async def miners_drew(
    db: Database, org_id: str, site: Site, starts_s: Ints, by_device: Mapping[str, Mapping[int, float]]
) -> Floats:
    """The miners' mean power (W) of each hour; NaN where a relay was never read, so that nobody knows what it did.

    `by_device` are the means of the relays that measure: each tells of all its miners. A relay's state before its first
    change that is known is the opposite of that change; without any change it is what it is now.
    """
    total = np.zeros(starts_s.shape)
    if not starts_s.size:
        return total
    states = await relays.all_of(db, org_id, site.id)
    since = datetime.fromtimestamp(int(starts_s[0]), UTC)
    changes = await relays.switchings(db, org_id, site.id, since=since)
    for device in dict.fromkeys(miner.device for miner in site.miner):
        means = by_device.get(device, {})
        told = np.array([means.get(start_s, np.nan) for start_s in starts_s.tolist()])
        rated = np.zeros(starts_s.shape)
        for miner in (each for each in site.miner if each.device == device):
            state = states.get(miner.id)
            own = [change for change in changes if change.miner_id == miner.id]
            rated += miner.power_w * on_share(starts_s, own, None if state is None else state.on)
        total += np.where(np.isfinite(told), told, rated)
    return total


def on_share(starts_s: Ints, changes: Sequence[Switching], on_now: bool | None) -> Floats:
    """For how much of each hour a relay was on; `changes` are all since the first hour, oldest first. NaN: unknown."""
    share = np.zeros(starts_s.shape)
    on = on_now if not changes else not changes[0].on
    if on is None:
        return share + np.nan
    moments = [
        float(starts_s[0]),
        *(change.happened_at.timestamp() for change in changes),
        float(starts_s[-1] + HOUR_S),
    ]
    states = [on, *(change.on for change in changes)]
    for begins_s, ends_s, running in zip(moments[:-1], moments[1:], states, strict=True):
        if running:
            share += np.clip(np.minimum(ends_s, starts_s + HOUR_S) - np.maximum(begins_s, starts_s), 0.0, HOUR_S)
    return share / HOUR_S
