"""Shelly RPC over HTTP: one digest login per device, one request at a time.

Firmware 2.0 counts the uses of a nonce and refuses one that comes out of order, and it hands out few nonces: so all
requests of a device share one `DigestAuth` and queue behind each other. An expired nonce answers 401 as well; httpx
then takes the new challenge and asks once more, so only a second 401 means that the password is wrong.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from pydantic import SecretStr

from connectors.device import Clock, utc_now, variable_prefix
from connectors.errors import CredentialsRefused, Malformed
from connectors.http import HttpClient, Remedies
from connectors.refusals import Refusals

USER = "admin"  # fixed by the vendor
BAD_CREDENTIALS = 401


class ShellyRpc:
    """Calls methods of one device at `base_url`. Raises the errors of `connectors.errors`."""

    def __init__(
        self,
        device_id: str,
        base_url: str,
        password: SecretStr | None,
        *,
        timeout_s: float = 5.0,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = f"Shelly relay ({device_id})"
        remedies = Remedies(
            unreachable="check that it has power and WiFi, and its host in commandcenter.toml",
            credentials=f"set {variable_prefix(device_id)}_PASSWORD to the password of the relay's web page",
        )
        self._remedies = remedies
        self._http = HttpClient(
            self.name,
            base_url,
            remedies,
            auth=httpx.DigestAuth(USER, password.get_secret_value()) if password else None,
            timeout_s=timeout_s,
            largest_bytes=1_000_000,
            local=True,
            clock=clock,
        )
        self._one_at_a_time = asyncio.Lock()
        self._refusals = Refusals(monotonic)
        self._next_id = 1

    async def identity(self) -> dict[str, Any]:
        """What the device says about itself; needs no password on any generation."""
        async with self._one_at_a_time:
            return self._object(await self._http.get_json("/shelly"))

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The result of an RPC method."""
        async with self._one_at_a_time:
            self._refusals.check()
            frame = {"id": self._next_id, "src": "commandcenter", "method": method, "params": dict(params or {})}
            self._next_id += 1
            try:
                reply = self._object(await self._http.post_json("/rpc", frame))
                error = reply.get("error")
                if isinstance(error, dict):
                    raise self._error(method, error)
            except CredentialsRefused as refusal:
                self._refusals.refused(refusal)
                raise
            self._refusals.accepted()
            return self._object(reply.get("result"))

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()

    def _object(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Malformed(f"{self.name} sent an answer without content; check that its host is a Shelly relay")
        return value

    def _error(self, method: str, error: Mapping[str, Any]) -> CredentialsRefused | Malformed:
        code = error.get("code")
        if code == BAD_CREDENTIALS:
            return CredentialsRefused(f"{self.name} wants a password; {self._remedies.credentials}")
        message = json.dumps(error.get("message"))[:80]
        return Malformed(f"{self.name} refused {method} (error {code}: {message}); update its firmware")
