"""The SDK's client, with our time limits and our base address, and failures that say what they mean for a message."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from pydantic import SecretStr
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

OFFICIAL_API = "https://slack.com/api/"
# The SDK's loggers say what is sent at DEBUG; this one keeps still, and knows that it does.
QUIET = logging.getLogger("commandcenter.slack")
QUIET.setLevel(logging.CRITICAL)

TOKEN_ERRORS = frozenset({"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"})
_SLACKS_OWN = (".slack.com", ".slack-gov.com")


class SlackFailure(Exception):
    """A call that failed. Its words hold no secret and may be logged."""


class NotSent(SlackFailure):
    """The request cannot have reached Slack: do it again later."""


class Unanswered(SlackFailure):
    """No answer came back: what was asked may have been done, and must not be asked blindly again."""


class Busy(SlackFailure):
    """Slack asks for a pause of `after_s` seconds; None: it did not say how long."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s


class Refused(SlackFailure):
    """Slack said no; `code` is its word for why."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"Slack says {code}" + (f" ({detail})" if detail else ""))
        self.code = code


def base_address(api_base_url: str) -> str:
    """SLACK_API_BASE_URL as the SDK takes it; a bare host gets Slack's own path."""
    address = api_base_url.rstrip("/")
    return f"{address}/api/" if not urlsplit(address).path else f"{address}/"


class SlackClient:
    """One token's way to the Web API; it opens no connection before its first call."""

    def __init__(
        self, token: SecretStr, api_base_url: str = OFFICIAL_API, *, reply_timeout_s: float = 20.0, variable: str
    ) -> None:
        self._variable = variable
        self._address = base_address(api_base_url)
        self._timeout = aiohttp.ClientTimeout(total=3 * reply_timeout_s, sock_connect=10.0, sock_read=reply_timeout_s)
        self._session: aiohttp.ClientSession | None = None
        # The SDK's own retries resend after a lost connection, when the message may have landed: none of them.
        self._api = AsyncWebClient(
            token.get_secret_value(), self._address, timeout=int(3 * reply_timeout_s), retry_handlers=[], logger=QUIET
        )

    @property
    def session(self) -> aiohttp.ClientSession:
        """The connections, opened within the loop that runs."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self._session

    @property
    def api(self) -> AsyncWebClient:
        """The SDK's client; hand what its methods return to `ask`."""
        self._api.session = self.session
        return self._api

    async def ask(self, call: Awaitable[AsyncSlackResponse]) -> dict[str, Any]:
        """What Slack answered. Raises SlackFailure."""
        try:
            answer = await call
        except SlackApiError as error:
            raise self._failure(error) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _broken(error) from error
        return answer.data if isinstance(answer.data, dict) else {}

    async def post(self, url: str, body: dict[str, Any] | bytes) -> None:
        """POST to an address that Slack gave us: a reply to an interaction (JSON), or a file's bytes."""
        if not self._is_slacks(url):
            raise Refused("foreign_url", "an address that is not Slack's is not posted to")
        content: dict[str, Any] = {"data": body} if isinstance(body, bytes) else {"json": body}
        try:
            async with self.session.post(url, allow_redirects=False, **content) as response:
                text = await response.text()
                if response.status == 429 or response.status >= 500:
                    raise Busy(f"Slack answers {response.status}", _pause_s(response.headers.get("Retry-After")))
                if response.status != 200:
                    raise Refused(_word(text) or f"http_{response.status}")
                if (word := _word(text)) is not None:
                    raise Refused(word)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _broken(error) from error

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _failure(self, error: SlackApiError) -> SlackFailure:
        response: Any = error.response
        data = getattr(response, "data", None)
        status: int = getattr(response, "status_code", 0) or getattr(response, "status", 0)
        code = str(data.get("error") or "") if isinstance(data, dict) else ""
        if code == "ratelimited" or status == 429:
            return Busy("Slack asks for a pause (429)", _pause_s(response.headers.get("Retry-After")))
        if code in TOKEN_ERRORS:
            return Refused(code, f"check {self._variable}")
        if code == "missing_scope" and isinstance(data, dict):
            return Refused(code, f'the app needs "{data.get("needed")}": add it, reinstall, renew {self._variable}')
        if not code and 400 <= status < 500:
            return Refused(f"http_{status}")
        if not code or code in ("internal_error", "fatal_error", "service_unavailable", "request_timeout"):
            return Busy(f"Slack answers {status} {code}".strip())
        details = data.get("response_metadata", {}).get("messages", []) if isinstance(data, dict) else []
        return Refused(code, "; ".join(map(str, details))[:300])

    def _is_slacks(self, url: str) -> bool:
        parts, ours = urlsplit(url), urlsplit(self._address)
        if (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc):
            return True
        return parts.scheme == "https" and (parts.hostname or "").endswith(_SLACKS_OWN)


def _broken(error: Exception) -> SlackFailure:
    words = f"no answer from Slack ({type(error).__name__})"
    # Both mean that no connection came about; after anything else the request may have been read.
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.InvalidURL):
        return NotSent(words)
    return Unanswered(words)


def _pause_s(header: str | None) -> float | None:
    try:
        return float(header) if header is not None else None
    except ValueError:
        return None


def _word(text: str) -> str | None:
    """Slack's word for what is wrong in the answer to a post: "ok", an empty body and our file sizes are none."""
    try:
        answer = json.loads(text)
    except ValueError:
        return None if text.strip().lower().startswith("ok") or not text.strip() else text.strip()[:60]
    return str(answer.get("error") or "refused") if isinstance(answer, dict) and answer.get("ok") is False else None
