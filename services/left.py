"""Why nobody speaks about an open alert any more: what it is about has left the settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from energy.alerts.episode import Episode
from energy.alerts.table import BY_ID
from energy.site import Site
from services.audience import is_own


def why_it_left(episode: Episode, site: Site, own: Mapping[str, Collection[str]]) -> str:
    """The reason to end it, as its message says it; "" where it may only be unknown now, which ends nothing.

    `own` has the rules that people made for themselves.
    """
    if is_own(episode.rule_id):
        return "" if episode.rule_id in own else "Nobody asks for this alert any more"
    rule = BY_ID.get(episode.rule_id)
    if rule is None:
        return "This is not watched any more"
    devices = {device.id for device in site.device}
    here = {
        "device": devices,
        "miner": {miner.id for miner in site.miner},
        "task": {task.id for task in site.maintenance_due()},
    }.get(rule.of)
    if here is not None and episode.subject not in here:
        return "It is not in the settings any more"
    if here is None and episode.signal.devices and not devices & set(episode.signal.devices):
        return "Its device is not in the settings any more"
    return ""
