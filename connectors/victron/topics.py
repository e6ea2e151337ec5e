"""What the GX is asked for, and what it said last: topics in, values by path out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from connectors.errors import Malformed
from connectors.numbers import number, text

# Below N/<portal>/, and narrow: a busy GX has thousands of paths, most of which nobody here reads.
SUBSCRIPTIONS = (
    "heartbeat",
    "full_publish_completed",
    "system/+/Dc/Battery/+",
    "system/+/Dc/Pv/Power",
    "system/+/Dc/System/Power",
    "system/+/Ac/+/+/Power",
    "system/+/Ac/ActiveIn/Source",
    "system/+/SystemState/State",
    "system/+/Relay/+/State",
    "battery/+/ProductName",
    "battery/+/Alarms/+",
    "battery/+/Info/+",
    "grid/+/ProductName",
    "grid/+/Ac/+/Voltage",
    "solarcharger/+/ProductName",
    "solarcharger/+/ErrorCode",
    "vebus/+/ProductName",
    "vebus/+/Alarms/+",
    "vebus/+/VebusError",
    "settings/+/Settings/CGwacs/#",
    "settings/+/Settings/SystemSetup/MaxChargeCurrent",
    "platform/+/Firmware/Installed/Version",
    "platform/+/Device/Model",
)
# Signs of life and ends of lists are no values.
_MARKS = ("heartbeat", "full_publish_completed")


@dataclass(slots=True)
class Values:
    """The last value of each path (`battery/512/Soc`), as JSON gave it, and when it was heard (monotonic s)."""

    _values: dict[str, Any] = field(default_factory=dict)
    _heard_at: dict[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._values)

    def hear(self, path: str, payload: bytes, at: float) -> None:
        """Take in one notification. Raises Malformed, and forgets the path, when the payload is no Victron value.

        A zero-length payload means that the device is gone: everything it ever said becomes unknown.
        """
        if path in _MARKS:
            return
        if not payload:
            self._forget("/".join(path.split("/")[:2]) + "/")
            return
        try:
            value = json.loads(payload)["value"]
        except (ValueError, KeyError, TypeError) as error:
            self._values.pop(path, None)
            raise Malformed(f"{path}: {payload[:40]!r} is not a Victron value") from error
        self._values[path] = value
        self._heard_at[path] = at

    def drop_older_than(self, at: float) -> None:
        """Forget what was not repeated since `at`: the GX no longer has it, or repeats got lost."""
        for path in [path for path, heard_at in self._heard_at.items() if heard_at < at]:
            self._values.pop(path, None)
            del self._heard_at[path]

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
        self._heard_at.clear()

    def number(self, path: str) -> float | None:
        """The number at a path of one service (`system/0/Dc/Battery/Soc`), or None."""
        return number(self._values.get(path))

    def text(self, path: str) -> str | None:
        """The text at a path, or None."""
        return text(self._values.get(path))

    def of(self, service: str, tail: str) -> Iterator[tuple[str, float]]:
        """(instance, number) of every device of a service that knows `tail`, in the order of instances."""
        for path in sorted(self._values):
            parts = path.split("/", 2)
            if len(parts) == 3 and parts[0] == service and parts[2] == tail:
                value = number(self._values[path])
                if value is not None:
                    yield parts[1], value

    def below(self, service: str, group: str) -> Iterator[tuple[str, str, float]]:
        """(instance, name, number) of everything in a group, such as the `Alarms` of all `vebus` devices."""
        for path in sorted(self._values):
            parts = path.split("/")
            if len(parts) == 4 and parts[0] == service and parts[2] == group:
                value = number(self._values[path])
                if value is not None:
                    yield parts[1], parts[3], value

    def first_text(self, service: str, tail: str) -> str | None:
        """The first text that any device of a service has at `tail`."""
        for path in sorted(self._values):
            parts = path.split("/", 2)
            if len(parts) == 3 and parts[0] == service and parts[2] == tail:
                found = text(self._values[path])
                if found is not None:
                    return found
        return None

    def _forget(self, prefix: str) -> None:
        for path in [path for path in self._values if path.startswith(prefix)]:
            del self._values[path]
            self._heard_at.pop(path, None)
