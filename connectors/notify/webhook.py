"""A person's webhook: Slack's and Discord's incoming ones in their own form, every other as signed JSON.

The signature follows the "Standard Webhooks" specification (standardwebhooks.com): the headers `webhook-id` (the same
whenever a message is sent again), `webhook-timestamp` and `webhook-signature`, an HMAC-SHA256 over
"id.timestamp.body" with the key that stands behind the # of the target.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from typing import Any
from urllib.parse import urlsplit

from connectors.device import Clock, utc_now
from connectors.http import retry_after_s
from connectors.notify.pinned import Answered, PinnedPost
from connectors.notify.sender import Delivered, Later, Never, Outcome, OutMessage
from energy.contact_targets import KEY_START, webhook_kind

LONGEST_DISCORD = 2_000
LONGEST_SLACK = 12_000
LARGEST_PICTURE_BYTES = 500_000  # in our own JSON; a larger one stays away, its words are there
_JSON = {"Content-Type": "application/json"}


class WebhookSender:
    """`Sender` for webhooks."""

    kind = "webhook"

    def __init__(self, post: PinnedPost, *, clock: Clock = utc_now) -> None:
        self._post = post
        self._clock = clock

    async def send(self, target: str, message: OutMessage) -> Outcome:
        """See `Sender`. A dead end is what the other side says is gone for good."""
        url, _, key = target.partition("#")
        try:
            parts = urlsplit(url)
        except ValueError:
            return Never("its address is not one; remove it and add it again")
        match webhook_kind(parts.hostname or "", parts.path):
            case "slack":
                answer = await self._post.post(url, content=_dumped(_slack(message)), headers=_JSON)
                return self._judged(answer, "the Slack webhook", gone=(404, 410, 403))
            case "discord":
                answer = await self._to_discord(url, message)
                return self._judged(answer, "the Discord webhook", gone=(404, 401))
            case _:
                body = _dumped(self._event(message))
                answer = await self._post.post(url, content=body, headers=self._signed(message.key, body, key))
                return self._judged(answer, parts.hostname or "the webhook", gone=(410,))

    async def check(self) -> str | None:
        """Nothing of ours to be checked: each target belongs to its person."""
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self._post.close()

    async def _to_discord(self, url: str, message: OutMessage) -> Answered | Later | Never:
        # a person's address may carry a query already (thread_id)
        url += ("&" if "?" in url else "?") + "wait=true"
        payload: dict[str, Any] = {
            "content": _cut(f"**{_for_discord(message.title)}**\n{_for_discord(message.text)}", LONGEST_DISCORD),
            "allowed_mentions": {"parse": []},
            "flags": 4,  # no previews of links
        }
        if message.png is None:
            return await self._post.post(url, content=_dumped(payload), headers=_JSON)
        payload["attachments"] = [{"id": 0, "filename": "chart.png", "description": message.alt[:1024]}]
        files = {"files[0]": ("chart.png", message.png, "image/png")}
        return await self._post.post(url, data={"payload_json": json.dumps(payload)}, files=files)

    def _event(self, message: OutMessage) -> dict[str, Any]:
        event: dict[str, Any] = {
            "type": "commandcenter.message",
            "id": event_id(message.key),
            "timestamp": self._clock().isoformat(),
            "data": {"title": message.title, "text": message.text, "level": message.level},
        }
        if message.alt:
            event["data"]["chart_alt"] = message.alt
        if message.png is not None and len(message.png) <= LARGEST_PICTURE_BYTES:
            event["data"]["chart_png_base64"] = base64.b64encode(message.png).decode()
        return event

    def _signed(self, message_key: str, body: bytes, key: str) -> dict[str, str]:
        sent_id, at = event_id(message_key), str(int(self._clock().timestamp()))
        headers = _JSON | {"webhook-id": sent_id, "webhook-timestamp": at}
        if key:
            headers["webhook-signature"] = signature(key, sent_id, at, body)
        return headers

    def _judged(self, answer: Answered | Later | Never, who: str, *, gone: tuple[int, ...]) -> Outcome:
        if not isinstance(answer, Answered):
            return answer
        status = answer.status
        if 200 <= status < 300:
            return Delivered()
        if status in gone:
            return Never(f"{who} is gone ({status}); make a new one and add it", dead=True)
        if status in (408, 425, 429) or status >= 500:
            pause_s = retry_after_s(answer.headers.get("retry-after"), now=self._clock())
            return Later(pause_s, f"{who} asks for a pause, or has a fault of its own ({status})")
        if 300 <= status < 400:
            return Never(f"{who} sends us elsewhere ({status}), which is not followed; give the final address")
        return Never(f"{who} refused the message ({status}); check the address")


def event_id(key: str) -> str:
    """The id under which whoever gets a message twice can tell; it tells nothing of our own numbers."""
    return "msg_" + hashlib.sha256(key.encode()).hexdigest()[:32]


def signature(key: str, sent_id: str, at: str, body: bytes) -> str:
    """The value of `webhook-signature`. `key` is whsec_ and base64; one that is no base64 counts as it stands."""
    text = key.removeprefix(KEY_START)
    try:
        secret = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        secret = text.encode()
    signed = hmac.new(secret, f"{sent_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(signed).decode()


def _slack(message: OutMessage) -> dict[str, Any]:
    text = _cut(f"*{_for_slack(message.title)}*\n{_for_slack(message.text)}", LONGEST_SLACK)
    return {"text": text, "unfurl_links": False, "unfurl_media": False}


def _for_slack(text: str) -> str:
    """Plain text: the three letters that Slack reads as markup, and what it would make bold or strike through."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([*_~`])", "\u200b\\1", text)


def _for_discord(text: str) -> str:
    return re.sub(r"([\\*_~`|>\[\]()#@<-])", r"\\\1", text)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip("\\") + "…"


def _dumped(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
