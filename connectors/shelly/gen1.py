"""Shellys of the first generation: plain GET requests, and Basic login with a user name that can be changed."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from connectors.device import Channel, Clock, DeviceSecrets, SettingValue, utc_now, variable_prefix
from connectors.errors import CredentialsRefused, Malformed, Unsupported
from connectors.http import HttpClient, Params
from connectors.numbers import flag
from connectors.refusals import Refusals
from connectors.shelly import gen1_status as translate
from connectors.shelly.language import Identity, device_name, no_such_channel, remedies_of

USUAL_USER = "admin"


class FirstGeneration:
    """Speaks with one device of the first generation at `base_url`. Raises the errors of `connectors.errors`."""

    def __init__(
        self,
        device_id: str,
        base_url: str,
        secrets: DeviceSecrets,
        identity: Identity,
        *,
        timeout_s: float = 5.0,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = device_name(device_id)
        self._prefix = variable_prefix(device_id)
        self._identity = identity
        auth = None
        # Basic shows the password to the whole network: only a device that asks for one is told it
        if identity.wants_login and secrets.password:
            auth = httpx.BasicAuth(secrets.username or USUAL_USER, secrets.password.get_secret_value())
        self._http = HttpClient(
            self.name,
            base_url,
            remedies_of(device_id),
            auth=auth,
            timeout_s=timeout_s,
            largest_bytes=1_000_000,
            local=True,
            clock=clock,
        )
        self._one_at_a_time = asyncio.Lock()
        self._refusals = Refusals(monotonic)

    async def channels(self) -> tuple[Channel, ...]:
        """Every relay as it stands."""
        known = translate.channels(await self._object("/status"), meters=self._identity.meters)
        if not known:
            raise Unsupported(f"{self.name} has no relay; use a relay model, or set it to the relay mode")
        return known

    async def switch(self, channel: int, on: bool, *, off_after_s: float | None) -> None:
        """`/relay/N?turn=`; the timer goes along, in whole seconds."""
        params: dict[str, str | int | float] = {"turn": "on" if on else "off"}
        if off_after_s is not None:
            params["timer"] = math.ceil(off_after_s)
        answer = await self._object(f"/relay/{channel}", params, missing=no_such_channel(self.name, channel))
        if flag(answer.get("ison")) is None:
            raise Malformed(f"{self.name} answered a switching with something else; read its state again")

    async def settings(self, known: Sequence[Channel]) -> Mapping[str, SettingValue]:
        """The relays' settings."""
        return translate.settings(await self._object("/settings"), known, self._identity.model)

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()

    async def _object(self, path: str, params: Params | None = None, *, missing: str | None = None) -> dict[str, Any]:
        async with self._one_at_a_time:
            self._refusals.check()
            answer = await self._http.exchange("GET", path, params=params)
            if answer.status == 404 and missing is not None:
                raise Malformed(missing)
            try:
                value = self._http.json(answer)
            except CredentialsRefused as refusal:
                told = CredentialsRefused(f"{refusal}; {self._prefix}_USERNAME where its user is not {USUAL_USER}")
                self._refusals.refused(told)
                raise told from refusal
            self._refusals.accepted()
        if not isinstance(value, dict):
            raise Malformed(f"{self.name} sent an answer without content; check that its host is a Shelly relay")
        return value
