"""What comes back over HTTP, before the SDK reads it: refusals are refusals, and one bad update spoils no others."""

from __future__ import annotations

import copy
import json
from http import HTTPStatus
from typing import Any

from telegram import Update
from telegram.request import HTTPXRequest


class ApiRequest(HTTPXRequest):
    """A request whose answer counts as a success only when it is one.

    Gateways answer 200 with a page of their own, or with a refusal; the SDK stumbles over what it makes of them.
    """

    async def do_request(self, url: str, method: str, *arguments: Any, **options: Any) -> tuple[int, bytes]:
        """The status that the answer stands for, and the answer."""
        status, payload = await super().do_request(url, method, *arguments, **options)
        if method != "POST" or (status == HTTPStatus.OK and payload.startswith(b'{"ok":true,"result":')):
            return status, payload
        return _understood(status, payload)


class UpdatesRequest(ApiRequest):
    """The request of the polling loop: an update that the SDK cannot read becomes an empty one.

    Otherwise one malformed update would fail the whole batch at every poll, and the bot would hear nothing more.
    """

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The response with unreadable updates emptied."""
        data = HTTPXRequest.parse_json_payload(payload)
        result = data.get("result")
        if isinstance(result, list):
            data["result"] = [_readable(raw) for raw in result]
        return data


def _understood(status: int, payload: bytes) -> tuple[int, bytes]:
    """The status by the answer's own words; what is no answer of the Bot API at all is a bad gateway's."""
    try:
        data = json.loads(payload)
        if status == HTTPStatus.OK and not (data["ok"] and "result" in data):
            status = int(data["error_code"])
        data.get("description")
    except (ValueError, LookupError, TypeError, AttributeError):
        return (HTTPStatus.BAD_GATEWAY if status == HTTPStatus.OK else status), b""
    return status, payload


def _readable(raw: Any) -> Any:
    try:
        Update.de_json(copy.deepcopy(raw), None)
    except Exception:  # noqa: BLE001 - whatever the SDK stumbles over, the next update must still be read
        return {"update_id": raw["update_id"]}
    return raw
