"""The call that says "still alive" to a service of the owner's choice (healthchecks.io and the like)."""

from __future__ import annotations

from urllib.parse import urlsplit

from connectors.errors import ConnectorError
from connectors.http import HttpClient, Remedies
from connectors.notify.addresses import is_loopback_name

TIMEOUT_S = 10.0


class HeartbeatUrlWrong(ValueError):
    """HEARTBEAT_URL is no address that can be called; the message says what to write, and holds no secret."""


class Ping:
    """Calls one URL, and the same with /fail behind it. Its path is a secret: no message holds it."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        text = url.strip()
        try:
            parts = urlsplit(text)
            host = parts.hostname or ""
            _ = parts.port
        except ValueError as error:
            raise HeartbeatUrlWrong("HEARTBEAT_URL: it is no address; write https://HOST/...") from error
        if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback_name(host))):
            raise HeartbeatUrlWrong("HEARTBEAT_URL: must be an https address (http only for this machine itself)")
        self.host = host
        self._path = parts.path.rstrip("/")
        self._query = f"?{parts.query}" if parts.query else ""
        self._http = HttpClient(
            "the heartbeat service",
            f"{parts.scheme}://{parts.netloc}",
            Remedies(unreachable="check the line to the internet", credentials="check HEARTBEAT_URL"),
            timeout_s=timeout_s,
            largest_bytes=100_000,
        )

    async def alive(self) -> str | None:
        """Say that all is well; what went wrong in words, None when it was heard."""
        return await self._called(self._path or "/")

    async def failing(self) -> str | None:
        """Say that something is wrong, without waiting for the silence to be noticed."""
        return await self._called(f"{self._path}/fail")

    async def reachable(self) -> str | None:
        """Whether its host can be reached, saying nothing about ourselves."""
        try:
            await self._http.exchange("HEAD", "/")
        except ConnectorError as error:
            return str(error)
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _called(self, path: str) -> str | None:
        try:
            answer = await self._http.exchange("GET", path + self._query)
        except ConnectorError as error:
            return str(error)
        if answer.status in (404, 410):
            return f"the heartbeat service does not know the address ({answer.status}); check HEARTBEAT_URL"
        refusal = self._http.refusal(answer)
        return None if refusal is None else f"the heartbeat service answered with status {answer.status}"
