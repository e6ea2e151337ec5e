"""One HTTP client per device or service: limits on time and size, and every failure turned into one of our errors.

Messages name the device and the remedy. They hold the host but never a query, a body, a header or a secret.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from connectors.clock_skew import SKEW, ClockSkew
from connectors.device import Clock, utc_now
from connectors.errors import ConnectorError, CredentialsRefused, Malformed, TryLater, Unreachable

TIMEOUT_S = 10.0
LARGEST_ANSWER_BYTES = 8_000_000
LONGEST_PAUSE_S = 86_400.0

Params = Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True)
class Remedies:
    """What a person can do, by what went wrong; each is a clause that follows the finding."""

    unreachable: str
    credentials: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an answer, before anybody judged them."""

    status: int
    headers: httpx.Headers
    content: bytes


class HttpClient:
    """The HTTP side of one device: `name` is how messages call it, `base_url` where it lives.

    `timeout_s` bounds a whole exchange, however slowly the bytes drip. On the site's own network (`local`) the
    proxies of the environment are left aside.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        remedies: Remedies,
        *,
        auth: httpx.Auth | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
        largest_bytes: int = LARGEST_ANSWER_BYTES,
        local: bool = False,
        clock: Clock = utc_now,
        skew: ClockSkew = SKEW,
    ) -> None:
        self.name = name
        self.remedies = remedies
        self._timeout_s = timeout_s
        self._largest_bytes = largest_bytes
        self._clock = clock
        # a device of the own network has a clock of its own, which need not be right
        self._skew = None if local else skew
        try:
            # identity: a compressed answer could unpack to far more than the limit before it is counted
            self._client = httpx.AsyncClient(
                base_url=base_url,
                auth=auth,
                headers={"Accept": "application/json", "Accept-Encoding": "identity"} | dict(headers or {}),
                timeout=timeout_s,
                trust_env=not local,
            )
            self._host = httpx.URL(base_url).netloc.decode().rpartition("@")[2] or base_url
        except httpx.InvalidURL as error:
            raise Unreachable(f"{name}: its address is not one ({error}); {remedies.unreachable}") from error

    async def get_json(self, path: str, params: Params | None = None, headers: Mapping[str, str] | None = None) -> Any:
        """The JSON that GET answers; see `json` for the errors."""
        return self.json(await self.exchange("GET", path, params=params, headers=headers))

    async def post_json(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Any:
        """The JSON that POST answers; see `json` for the errors."""
        return self.json(await self.exchange("POST", path, body=body, headers=headers))

    async def exchange(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request and its answer, whatever the status. Raises Unreachable, or Malformed when there is too much."""
        try:
            async with asyncio.timeout(self._timeout_s):
                request = self._client.build_request(method, path, params=params, json=body, data=form, headers=headers)
                response = await self._client.send(request, stream=True)
                if self._skew is not None:
                    self._skew.note(self._host, response.headers, self._clock())
                try:
                    return Answer(response.status_code, response.headers, await self._body(response))
                finally:
                    await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise Unreachable(
                f"{self.name} cannot be reached at {self._host}; {self.remedies.unreachable}", maybe_done=False
            ) from error
        except (httpx.TimeoutException, TimeoutError) as error:
            raise Unreachable(
                f"{self.name} did not answer within {self._timeout_s:g} s; {self.remedies.unreachable}", maybe_done=True
            ) from error
        except httpx.TransportError as error:
            raise Unreachable(
                f"{self.name} broke the connection off; {self.remedies.unreachable}", maybe_done=True
            ) from error
        except (httpx.HTTPError, LookupError, ValueError, NotImplementedError) as error:
            # httpx raises the last three, its own NotImplementedError too, for a digest challenge that it does not know
            raise Malformed(
                f"{self.name} sent headers that make no sense; check that {self._host} is this device"
            ) from error

    async def _body(self, response: httpx.Response) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > self._largest_bytes:
                raise Malformed(
                    f"{self.name} sent more than {self._largest_bytes // 1000:,} kB; check that {self._host} is it"
                )
        return bytes(content)

    def json(self, answer: Answer) -> Any:
        """The answer's JSON.

        Raises CredentialsRefused (401, 403), TryLater (429, 5xx) and Malformed (other statuses, HTML, broken JSON).
        NaN and infinities become None: they are not measurements.
        """
        refusal = self.refusal(answer)
        if refusal is not None:
            raise refusal
        try:
            return json.loads(answer.content, parse_constant=lambda _: None)
        except (ValueError, RecursionError) as error:
            what = "a web page" if answer.content.lstrip()[:1] == b"<" else "something that is not JSON"
            raise Malformed(
                f"{self.name} answered with {what}; check that {self._host} is its address and not a portal or proxy"
            ) from error

    def refusal(self, answer: Answer) -> ConnectorError | None:
        """The error that the status stands for, or None for a success."""
        status = answer.status
        if 200 <= status < 300:
            return None
        if status in (401, 403):
            return CredentialsRefused(f"{self.name} refused the credentials ({status}); {self.remedies.credentials}")
        if status == 429:
            pause_s = self._pause_s(answer.headers)
            return TryLater(f"{self.name} limits the rate; {_next_try(pause_s)}", after_s=pause_s)
        if status >= 500:
            pause_s = self._pause_s(answer.headers)
            return TryLater(f"{self.name} has a fault of its own ({status}); {_next_try(pause_s)}", after_s=pause_s)
        return Malformed(
            f"{self.name} answered with status {status}; check its address ({self._host}) in commandcenter.toml"
        )

    def _pause_s(self, headers: httpx.Headers) -> float | None:
        return retry_after_s(headers.get("retry-after"), now=self._clock())

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def retry_after_s(text: str | None, *, now: datetime) -> float | None:
    """Seconds of a Retry-After header (a number, or an HTTP date after `now`), a day at the most; None without one."""
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    return min(max(seconds, 0.0), LONGEST_PAUSE_S) if math.isfinite(seconds) else None


def _next_try(pause_s: float | None) -> str:
    return "it is tried again later" if pause_s is None else f"it is tried again in {math.ceil(pause_s)} s"
