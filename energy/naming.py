"""What people call the devices of a site."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from energy.site import Site

_SPOKEN_KINDS = {
    "solark_cloud": "SolArk",
    "victron_mqtt": "Victron",
    "victron_vrm": "Victron VRM",
    "shelly": "Shelly",
    "csv": "import",
}


def source_name(site: Site, device_ids: str | Iterable[str]) -> str | None:
    """What people call the devices: "Victron", "SolArk + Victron"; a device that the site does not describe by id."""
    ids = device_ids.split("+") if isinstance(device_ids, str) else list(device_ids)
    names: list[str] = []
    for device_id in ids:
        device = site.device_by_id(device_id)
        name = _SPOKEN_KINDS.get(device.kind, device_id) if device else device_id
        if name and name not in names:
            names.append(name)
    return " + ".join(names) or None


def plain(text: str) -> str:
    """A name as it is heard: letters and digits alone, without case ("S19-1" and "s19 1" are one)."""
    return "".join(character for character in text.casefold() if character.isalnum())
