"""POST to an address that a person gave: its host is resolved and checked, and the connection goes to that very one.

No redirect is followed, no proxy is asked, an answer has few bytes and little time. A name that changes its mind
between the check and the connection changes nothing, because it is asked once.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import httpx

from connectors.notify.addresses import AddressRefused, NotResolved, Resolver, checked_addresses, resolved
from connectors.notify.sender import Later, Never

TIMEOUT_S = 10.0
LARGEST_ANSWER_BYTES = 100_000
MOST_ADDRESSES = 3


@dataclass(frozen=True, slots=True)
class Answered:
    """What the other side answered."""

    status: int
    headers: httpx.Headers
    content: bytes


class PinnedPost:
    """POSTs to people's own addresses. `allow_private` are hosts of the own network, which may also go without TLS."""

    def __init__(
        self,
        allow_private: Collection[str] = (),
        *,
        resolver: Resolver = resolved,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._allow_private = allow_private
        self._resolver = resolver
        self._timeout_s = timeout_s
        self._tls = tls
        self._made: httpx.AsyncClient | None = None

    async def post(
        self,
        url: str,
        *,
        content: bytes | None = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered | Later | Never:
        """One request. Trouble on the way is `Later`, an address that must not be called is `Never`."""
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError:
            return Never("its address is not one; remove it and add it again")
        secure = parts.scheme == "https"
        if not host or not (secure or parts.scheme == "http"):
            return Never("its address is not one; remove it and add it again")
        if not secure and host not in self._allow_private:
            return Never(f"{host} is called without encryption (http); give an https address")
        port = port or (443 if secure else 80)
        try:
            addresses = await checked_addresses(host, port, allow_private=self._allow_private, resolver=self._resolver)
        except AddressRefused as error:
            return Never(str(error))
        except NotResolved as error:
            return Later(None, str(error))
        target = ((parts.path or "/") + (f"?{parts.query}" if parts.query else "")).encode()
        headers = {**(headers or {}), "Host": _host_header(host, port, secure)}
        try:
            requests = [
                self._client().build_request(
                    "POST",
                    httpx.URL(scheme=parts.scheme, host=address, port=port, raw_path=target),
                    content=content,
                    data=data,
                    files=files,
                    headers=headers,
                    extensions={"sni_hostname": host, "timeout": self._timeouts},
                )
                for address in addresses[:MOST_ADDRESSES]
            ]
        except (httpx.InvalidURL, UnicodeError, ValueError):
            return Never("its address is not one; remove it and add it again")
        return await self._sent(requests, host)

    async def _sent(self, requests: Sequence[httpx.Request], host: str) -> Answered | Later | Never:
        """The answer from the first address that can be connected to."""
        try:
            async with asyncio.timeout(self._timeout_s):
                for request in requests[:-1]:
                    try:
                        return await self._asked(request)
                    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                        if _is_untrusted(error):
                            raise
                return await self._asked(requests[-1])
        except (httpx.TimeoutException, TimeoutError):
            return Later(None, f"{host} did not answer within {self._timeout_s:g} s")
        except httpx.HTTPError as error:
            if _is_untrusted(error):
                return Later(None, f"{host} has no certificate that is trusted for this name; it needs a valid one")
            return Later(None, f"{host} cannot be reached, or broke the connection off")

    async def _asked(self, request: httpx.Request) -> Answered:
        response = await self._client().send(request, stream=True, follow_redirects=False)
        try:
            return Answered(response.status_code, response.headers, await _body(response))
        finally:
            await response.aclose()

    @property
    def _timeouts(self) -> dict[str, float]:
        return dict.fromkeys(("read", "write", "pool"), self._timeout_s) | {"connect": self._timeout_s / 2}

    def _client(self) -> httpx.AsyncClient:
        if self._made is None:
            self._made = httpx.AsyncClient(
                # without keep-alive: an open connection is to the address that was checked for another message
                limits=httpx.Limits(max_keepalive_connections=0, max_connections=20),
                headers={"Accept-Encoding": "identity", "User-Agent": "CommandCenter"},
                # one person's server must not mark what goes to another's
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
                timeout=self._timeout_s,
                verify=self._tls or True,
                trust_env=False,
                follow_redirects=False,
            )
        return self._made

    async def close(self) -> None:
        """Close the connections."""
        if self._made is not None:
            await self._made.aclose()
            self._made = None


def _is_untrusted(error: httpx.HTTPError) -> bool:
    return "CERTIFICATE_VERIFY" in str(error)


async def _body(response: httpx.Response) -> bytes:
    """The beginning of the answer; what is over the limit is not read."""
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > LARGEST_ANSWER_BYTES:
            break
    return bytes(content[:LARGEST_ANSWER_BYTES])


def _host_header(host: str, port: int, secure: bool) -> str:
    where = f"[{host}]" if ":" in host else host
    return where if port == (443 if secure else 80) else f"{where}:{port}"
