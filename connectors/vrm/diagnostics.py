"""The last values of all of a GX's devices, by the same D-Bus paths as MQTT has them. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.numbers import number, objects, text
from connectors.victron.topics import Values

_PREFIX = "com.victronenergy."
_LOGGED_ALWAYS = ("system/", "grid/")  # what is measured; names, alarms and settings are logged when they change


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What the portal last heard from the GX, and when that was logged."""

    values: Values
    taken_at: datetime


def diagnostics_of(body: Any, *, forget_after: timedelta) -> Diagnostics | None:
    """The values of an answer of `diagnostics`; None while nothing of it can be dated.

    The portal keeps the last value of what no longer exists: a measurement that is `forget_after` older than the
    newest one is unknown.
    """
    heard: dict[str, tuple[float, Any]] = {}
    for record in objects(body.get("records") if isinstance(body, dict) else None):
        path, logged_s = _path(record), number(record.get("timestamp"))
        if path is None or logged_s is None or not 0 < logged_s < 1e11:
            continue
        if path not in heard or logged_s >= heard[path][0]:
            heard[path] = (logged_s, record.get("rawValue"))
    measured = [logged_s for path, (logged_s, _) in heard.items() if path.startswith(_LOGGED_ALWAYS)]
    newest_s = max(measured, default=None)
    if newest_s is None:
        return None
    values = Values()
    for path, (logged_s, raw) in heard.items():
        if path.startswith(_LOGGED_ALWAYS) and newest_s - logged_s > forget_after.total_seconds():
            continue
        values.hear(path, json.dumps({"value": raw}).encode(), logged_s)
    return Diagnostics(values, datetime.fromtimestamp(newest_s, UTC))


def _path(record: dict[str, Any]) -> str | None:
    """`battery/512/Alarms/LowSoc`, as it stands in an MQTT topic."""
    service, path = text(record.get("dbusServiceType")), text(record.get("dbusPath"))
    instance = number(record.get("instance"))
    if service is None or path is None or instance is None:
        return None
    return f"{service.removeprefix(_PREFIX)}/{instance:.0f}/{path.strip('/')}"
