"""Logs a device's first failure and its recovery, and nothing in between."""

from __future__ import annotations

from typing import Any

import structlog

from connectors.errors import ConnectorError, CredentialsRefused, Malformed, TryLater

_EVENTS: tuple[tuple[type[ConnectorError], str], ...] = (
    (CredentialsRefused, "device_credentials_refused"),
    (TryLater, "device_busy"),
    (Malformed, "device_malformed"),
    (ConnectorError, "device_unreachable"),
)


class DeviceWatch:
    """What is wrong with each device right now. A failure of another kind counts as a change and is logged."""

    def __init__(self, log: Any = None) -> None:
        self._log = log if log is not None else structlog.get_logger()
        self._troubles: dict[str, str] = {}

    def failed(self, device_id: str, error: ConnectorError) -> bool:
        """Note a failure; whether it is news."""
        event = next(event for kind, event in _EVENTS if isinstance(error, kind))
        if self._troubles.get(device_id) == event:
            return False
        self._troubles[device_id] = event
        self._log.warning(event, device=device_id, reason=str(error))
        return True

    def succeeded(self, device_id: str) -> bool:
        """Note a success; whether the device had been in trouble."""
        trouble = self._troubles.pop(device_id, None)
        if trouble is None:
            return False
        self._log.info("device_recovered", device=device_id, after=trouble)
        return True

    def trouble(self, device_id: str) -> str | None:
        """The event that the device is in since it was logged, or None when all is well."""
        return self._troubles.get(device_id)
