"""Login at the SolArk cloud: an OAuth password grant, the token kept until shortly before it expires."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from connectors.errors import CredentialsRefused, Malformed
from connectors.numbers import mapping, number
from connectors.refusals import Refusals

MARGIN_S = 60.0
USUAL_LIFE_S = 3600.0

Post = Callable[[str, dict[str, str]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    good_until: float  # monotonic


class PasswordLogin:
    """Hands out the bearer token. `post` sends a JSON body to a path and gives the unwrapped `data` of the answer.

    The request for a token is never repeated by itself: each one that arrives may open a session at the vendor.
    """

    def __init__(
        self,
        name: str,
        username: str | None,
        password: SecretStr | None,
        post: Post,
        *,
        remedy: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._username = username
        self._password = password
        self._post = post
        self._remedy = remedy
        self._monotonic = monotonic
        self._token: _Token | None = None
        self._lock = asyncio.Lock()
        self._refusals = Refusals(monotonic)

    async def token(self) -> str:
        """A token that is good for now, after a login where needed; callers that come together share one login."""
        async with self._lock:
            if self._token is None or self._monotonic() >= self._token.good_until:
                self._refusals.check()
                try:
                    self._token = await self._login()
                except CredentialsRefused as error:
                    self._refusals.refused(error)
                    raise
            return self._token.value

    def forget(self, token: str) -> None:
        """Drop this token, which the vendor no longer takes; a newer one is kept."""
        if self._token is not None and self._token.value == token:
            self._token = None

    def refused(self, error: CredentialsRefused) -> None:
        """Note that even a fresh token was refused, so that logins do not follow each other at the poll's pace."""
        self._refusals.refused(error)

    def accepted(self) -> None:
        """Note that a token worked."""
        self._refusals.accepted()

    async def _login(self) -> _Token:
        if not self._username or self._password is None:
            raise CredentialsRefused(f"{self._name} has no user name or password; {self._remedy}")
        body = {
            "username": self._username,
            "password": self._password.get_secret_value(),
            "grant_type": "password",
            "client_id": "csp-web",
        }
        data = mapping(await self._post("/oauth/token", body))
        value = data.get("access_token")
        if not isinstance(value, str) or not value:
            raise Malformed(f"{self._name} accepted the login but sent no token; the vendor may have changed its login")
        life_s = number(data.get("expires_in")) or USUAL_LIFE_S
        # half of a very short life, so that the margin never makes every request log in
        return _Token(value, self._monotonic() + max(life_s - MARGIN_S, life_s / 2))
