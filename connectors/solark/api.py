"""The SolArk cloud's request conventions: hosts in order, bearer token, envelope, one new login on 401."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import SecretStr

from connectors.device import Clock, utc_now, variable_prefix
from connectors.errors import CredentialsRefused, Malformed, NotTaken, TryLater, Unreachable
from connectors.http import Answer, HttpClient, Params, Remedies
from connectors.solark.auth import PasswordLogin

# The vendor moves accounts from host to host; the first that can be connected to is used.
HOSTS = ("https://p2.api.solarkcloud.com", "https://api.solarkcloud.com")
PORTAL = "https://www.solarkcloud.com"

TOKEN_EXPIRED = "401"
NO_PERMISSION = ("2", "403")
WRONG_PASSWORD = "102"


class SolArkApi:
    """Gives the `data` of a GET below `/api/v1`, logged in. Raises the errors of `connectors.errors`."""

    def __init__(
        self,
        device_id: str,
        username: str | None,
        password: SecretStr | None,
        *,
        hosts: tuple[str, ...] = HOSTS,
        timeout_s: float = 15.0,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        prefix = variable_prefix(device_id)
        self.name = f"SolArk cloud ({device_id})"
        self._remedies = Remedies(
            unreachable="check this machine's internet connection, or base_url in commandcenter.toml",
            credentials=f"check {prefix}_USERNAME and {prefix}_PASSWORD by logging in at {PORTAL}",
        )
        headers = {"Origin": PORTAL, "Referer": f"{PORTAL}/"}
        self._clients = [
            HttpClient(self.name, host, self._remedies, headers=headers, timeout_s=timeout_s, clock=clock)
            for host in hosts
        ]
        self._current = 0
        self._login = PasswordLogin(
            self.name, username, password, self._post_login, remedy=self._remedies.credentials, monotonic=monotonic
        )

    async def get(self, path: str, params: Params | None = None) -> Any:
        """The `data` of GET `/api/v1/{path}`. An expired token costs one new login and one more try."""
        return await self._asked("GET", path, params=params)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The `data` of POST `/api/v1/{path}`, which changes something: the vendor's own refusal raises NotTaken.

        Sent again only where it surely did not arrive: after a refused token, or at a host without connection.
        """
        return await self._asked("POST", path, body=body)

    async def _asked(self, method: str, path: str, **arguments: Any) -> Any:
        token = await self._login.token()
        answer = await self._sent(method, path, token, arguments)
        if self._is_expired(answer):
            self._login.forget(token)
            token = await self._login.token()
            answer = await self._sent(method, path, token, arguments)
            if self._is_expired(answer):
                self._login.forget(token)
                error = CredentialsRefused(f"{self.name} refuses a fresh login; {self._remedies.credentials}")
                self._login.refused(error)
                raise error
        data = self._unwrap(answer, change=method == "POST")
        self._login.accepted()
        return data

    async def close(self) -> None:
        """Close the connections to all hosts."""
        for client in self._clients:
            await client.close()

    async def _sent(self, method: str, path: str, token: str, arguments: Mapping[str, Any]) -> Answer:
        headers = {"Authorization": f"Bearer {token}"}
        return await self._exchange(method, f"/api/v1/{path}", headers=headers, **arguments)

    async def _post_login(self, path: str, body: Mapping[str, str]) -> Any:
        self._current = 0  # a new session is the moment to go back to the host that is preferred
        return self._unwrap(await self._exchange("POST", path, body=body), login=True)

    async def _exchange(self, method: str, path: str, **arguments: Any) -> Answer:
        """Ask the current host; go on to the next only when no connection came about, so nothing is sent twice."""
        while True:
            try:
                return await self._clients[self._current].exchange(method, path, **arguments)
            except Unreachable as error:
                if error.maybe_done or self._current + 1 >= len(self._clients):
                    self._current = 0
                    raise
                self._current += 1

    def _is_expired(self, answer: Answer) -> bool:
        if answer.status == 401:
            return True
        if answer.status != 200 or b"401" not in answer.content[:4000]:
            return False
        payload = self._clients[self._current].json(answer)
        return isinstance(payload, dict) and str(payload.get("code")) == TOKEN_EXPIRED

    def _unwrap(self, answer: Answer, *, login: bool = False, change: bool = False) -> Any:
        payload = self._clients[self._current].json(answer)
        if not isinstance(payload, dict) or not ({"code", "success", "msg"} & payload.keys()):
            raise Malformed(f"{self.name} answered with JSON that is not the vendor's envelope; check base_url")
        code, message = str(payload.get("code")), str(payload.get("msg"))[:80]
        if code == "0" or (payload.get("success") is True and code not in (TOKEN_EXPIRED, *NO_PERMISSION)):
            return payload.get("data")
        if code == "None" and payload.get("success") is None and message == "Success":
            return payload.get("data")
        if code in (WRONG_PASSWORD, TOKEN_EXPIRED) and login:
            raise CredentialsRefused(f"{self.name} refused the login ({message}); {self._remedies.credentials}")
        if code in NO_PERMISSION:
            raise CredentialsRefused(
                f"{self.name}: this account may not see the plant ({message}); "
                "check plant_id in commandcenter.toml, the number in the portal's address"
            )
        if code == "429":
            raise TryLater(f"{self.name} limits the rate; it is tried again later")
        if change:
            raise NotTaken(
                f"{self.name} refused the change (error {code}: {message}); look at the inverter's page at {PORTAL}"
            )
        raise Malformed(f"{self.name} answered with error {code} ({message}); it is tried again at the next poll")
