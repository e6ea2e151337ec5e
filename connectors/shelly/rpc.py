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

from connectors.device import Clock, utc_now
from connectors.errors import CredentialsRefused, Malformed
from connectors.http import HttpClient
from connectors.refusals import Refusals
from connectors.shelly.language import device_name, no_such_channel, remedies_of

USER = "admin"  # fixed by the vendor
BAD_CREDENTIALS = 401
NO_SUCH_CHANNEL = -105


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
        self.name = device_name(device_id)
        self._remedies = remedies_of(device_id)
        self._http = HttpClient(
            self.name,
            base_url,
            self._remedies,
            auth=httpx.DigestAuth(USER, password.get_secret_value()) if password else None,
            timeout_s=timeout_s,
            largest_bytes=1_000_000,
            local=True,
            clock=clock,
        )
        self._one_at_a_time = asyncio.Lock()
        self._refusals = Refusals(monotonic)
        self._next_id = 1

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The result of an RPC method."""
        async with self._one_at_a_time:
            self._refusals.check()
            asked = dict(params or {})
            frame = {"id": self._next_id, "src": "commandcenter", "method": method, "params": asked}
            self._next_id += 1
            try:
                reply = self._object(await self._http.post_json("/rpc", frame))
                error = reply.get("error")
                if isinstance(error, dict):
                    raise self._error(method, error, asked)
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

    def _error(
        self, method: str, error: Mapping[str, Any], params: Mapping[str, Any]
    ) -> CredentialsRefused | Malformed:
        code = error.get("code")
        if code == BAD_CREDENTIALS:
            return CredentialsRefused(f"{self.name} wants a password; {self._remedies.credentials}")
        if code == NO_SUCH_CHANNEL and "id" in params:
            return Malformed(no_such_channel(self.name, params["id"]))
        message = json.dumps(error.get("message"))[:80]
        return Malformed(f"{self.name} refused {method} (error {code}: {message}); update its firmware")
