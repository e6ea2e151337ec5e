"""The VRM portal's request conventions: token header, envelope, rolling rate limit, restraint after refusals."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from pydantic import SecretStr

from connectors.allowance import Bucket
from connectors.device import Clock, utc_now, variable_prefix
from connectors.errors import ConnectorError, CredentialsRefused, Malformed
from connectors.http import Answer, HttpClient, Remedies
from connectors.numbers import mapping, text
from connectors.refusals import Refusals

BASE_URL = "https://vrmapi.victronenergy.com"
PORTAL = "https://vrm.victronenergy.com"
AGENT = "CommandCenter"
# The portal's rolling window: 200 requests, one given back every 0.33 s. The account's other programs use it as well.
WINDOW, GIVEN_BACK_S = 100, 0.5

Query = Sequence[tuple[str, str | int]]


class VrmApi:
    """Gives the JSON object of a GET below `/v2`. Raises the errors of `connectors.errors`."""

    def __init__(
        self,
        device_id: str,
        token: SecretStr | None,
        *,
        base_url: str | None = None,
        timeout_s: float = 15.0,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        variable = f"{variable_prefix(device_id)}_TOKEN"
        self.name = f"VRM portal ({device_id})"
        self._remedies = Remedies(
            unreachable="check this machine's internet connection, or base_url in commandcenter.toml",
            credentials=f"check {variable}: make an access token at {PORTAL} under Preferences, Integrations",
        )
        self._token = token
        self._bucket = Bucket(WINDOW, GIVEN_BACK_S, monotonic=monotonic)
        self._refusals = Refusals(monotonic)
        self._http = HttpClient(
            self.name,
            base_url or BASE_URL,
            self._remedies,
            headers={"User-Agent": AGENT},
            timeout_s=timeout_s,
            clock=clock,
        )

    async def get(self, path: str, query: Query = ()) -> dict[str, Any]:
        """The answer of GET `/v2/{path}`; a key of `query` may come more than once, as in `attributeCodes[]`."""
        if self._token is None:
            raise CredentialsRefused(f"{self.name} needs an access token; {self._remedies.credentials}")
        self._refusals.check()
        await self._bucket.take()
        address = f"/v2/{path}?{urlencode(query)}" if query else f"/v2/{path}"
        headers = {"X-Authorization": _authorisation(self._token.get_secret_value())}
        answer = await self._http.exchange("GET", address, headers=headers)
        try:
            body = self._unwrapped(answer)
        except CredentialsRefused as error:
            self._refusals.refused(error)
            raise
        self._refusals.accepted()
        return body

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()

    def _unwrapped(self, answer: Answer) -> dict[str, Any]:
        refusal = self._refusal(answer)
        if refusal is not None:
            raise refusal
        body = self._http.json(answer)
        if not isinstance(body, dict) or "success" not in body:
            raise Malformed(f"{self.name} answered with JSON that is not the portal's envelope; check base_url")
        if body["success"] is not True:
            code, reason = body.get("error_code"), _words(body.get("errors"))
            if code in ("invalid_token", "unauthorized", 401, "401"):
                raise CredentialsRefused(f"{self.name} refused the token; {self._remedies.credentials}")
            raise Malformed(f"{self.name} answered with error {code} ({reason}); it is tried again at the next poll")
        return body

    def _refusal(self, answer: Answer) -> ConnectorError | None:
        if answer.status == 403:
            return CredentialsRefused(
                f"{self.name}: the token's account may not see this installation; check plant_id in "
                f"commandcenter.toml, the number in the address of its page at {PORTAL}"
            )
        if answer.status == 404:
            return Malformed(
                f"{self.name} knows no such installation; check plant_id in commandcenter.toml, the number in the "
                f"address of its page at {PORTAL}"
            )
        if answer.status in (400, 422):
            return Malformed(f"{self.name} refused the request ({self._reason(answer)}); it is tried again later")
        return self._http.refusal(answer)

    def _reason(self, answer: Answer) -> str:
        try:
            return _words(mapping(self._http.json(Answer(200, answer.headers, answer.content))).get("errors"))
        except Malformed:
            return str(answer.status)


def _authorisation(token: str) -> str:
    """A personal access token, or the JWT of a login, which has two dots: the wrong word in front is a 401."""
    return f"{'Bearer' if token.count('.') == 2 else 'Token'} {token}"


def _words(errors: Any) -> str:
    return (text(errors) or str(errors))[:120]
