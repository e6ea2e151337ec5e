"""SMS through Twilio: the words of a message in one or two parts, without its chart.

Twilio takes a message first and delivers it later; a number that is switched off is not heard of here.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import httpx

from connectors.errors import ConnectorError, CredentialsRefused, Malformed, TryLater, Unreachable
from connectors.http import HttpClient, Remedies
from connectors.notify.sender import Delivered, Later, Never, Outcome, OutMessage
from connectors.notify.settings import SmsSettings

TWO_PARTS = 306  # letters of the GSM alphabet: 160 in one part, and two lose seven each for being joined
_UCS_TWO = 134
_GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = set("^{}\\[~]|€")  # count as two letters
_PLAINER = str.maketrans(
    {"–": "-", "—": "-", "−": "-", "…": "...", "•": "-", "°": "", "≥": ">=", "≤": "<=", "→": "->", "×": "x"}
    | dict.fromkeys("‘’‚′", "'")
    | dict.fromkeys("“”„″", '"')
    | dict.fromkeys("\u00a0\u202f\u2009\t", " ")
    | {"²": "2", "³": "3"}
)
DEAD_CODES = {21610, 21211, 21614, 21217}  # the person sent STOP; no number, no mobile number, no valid number
_REFUSED = {
    21408: "messages to that country are not switched on in Twilio's console",
    21606: "TWILIO_FROM is no number that can send messages there",
    21603: "TWILIO_FROM is missing or wrong",
    21608: "a trial account of Twilio sends to verified numbers only",
}


class SmsSender:
    """`Sender` for SMS."""

    kind = "sms"

    def __init__(self, settings: SmsSettings, *, timeout_s: float = 15.0) -> None:
        self._settings = settings
        self._path = f"/2010-04-01/Accounts/{settings.account_sid}"
        self._http = HttpClient(
            "Twilio",
            settings.api_base_url,
            Remedies(
                unreachable="check the line to the internet",
                credentials="correct TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN",
            ),
            auth=httpx.BasicAuth(settings.account_sid, settings.auth_token.get_secret_value()),
            timeout_s=timeout_s,
            largest_bytes=200_000,
        )

    async def send(self, target: str, message: OutMessage) -> Outcome:
        """See `Sender`; `target` is +14155550123. A person who answered STOP is a dead end."""
        service = re.fullmatch(r"MG[0-9a-fA-F]{32}", self._settings.sender) is not None
        form = {
            "To": target,
            "MessagingServiceSid" if service else "From": self._settings.sender,
            "Body": sms_text(message.title, message.text),
        }
        try:
            answer = await self._http.exchange("POST", f"{self._path}/Messages.json", form=form)
            if 400 <= answer.status < 500 and answer.status not in (401, 403, 429):
                return _refused(_json_or_nothing(answer.content))
            taken = self._http.json(answer)
        except TryLater as error:
            return Later(error.after_s, str(error))
        except (Unreachable, CredentialsRefused, Malformed) as error:
            return Later(None, str(error))
        sid = taken.get("sid") if isinstance(taken, dict) else None
        if not isinstance(sid, str):
            return Later(None, "Twilio answered without a message's number; check TWILIO_API_BASE_URL where it is set")
        return Delivered(ref=sid)

    async def check(self) -> str | None:
        """See `Sender`: asks for the account."""
        try:
            account = await self._http.get_json(f"{self._path}.json")
        except ConnectorError as error:
            return str(error)
        status = account.get("status") if isinstance(account, dict) else None
        return None if status == "active" else f"the account is {status or 'unknown'}; see Twilio's console"

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def sms_text(title: str, text: str) -> str:
    """One part where the words fit, at the most two; cut at a word. Signs that would halve the room get plainer."""
    words = "\n".join(filter(None, (title.strip(), text.strip())))
    words = re.sub(r"[ ]{2,}", " ", re.sub(r"\n{2,}", "\n", words.translate(_PLAINER)))
    plain = "".join(_as_gsm(sign) for sign in words)
    if sum(sign not in _GSM and sign not in _GSM_TWICE for sign in plain) == 0:
        return _cut(plain, TWO_PARTS, lambda sign: 2 if sign in _GSM_TWICE else 1)
    return _cut(words, _UCS_TWO, lambda sign: 2 if ord(sign) > 0xFFFF else 1)


def _as_gsm(sign: str) -> str:
    """The sign, or its letter without the accent where the alphabet lacks it."""
    if sign in _GSM or sign in _GSM_TWICE:
        return sign
    bare = "".join(part for part in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(part))
    return bare if bare and all(part in _GSM for part in bare) else sign


def _cut(text: str, most: int, cost: Callable[[str], int]) -> str:
    if sum(map(cost, text)) <= most:
        return text
    kept, used = [], 3
    for sign in text:
        used += cost(sign)
        if used > most:
            break
        kept.append(sign)
    short = "".join(kept)
    at = max(short.rfind(" "), short.rfind("\n"))
    return (short[:at] if at > len(short) // 2 else short).rstrip() + "..."


def _refused(body: Any) -> Outcome:
    code = body.get("code") if isinstance(body, dict) else None
    if code in DEAD_CODES:
        why = "the person answered STOP" if code == 21610 else "it is no number that takes messages"
        return Never(f"Twilio refuses the number ({code}): {why}; set another number in your preferences", dead=True)
    if code in (20429, 14107, 63038):
        return Later(None, f"Twilio limits the rate ({code})")
    why = _REFUSED.get(code, "see twilio.com/docs/api/errors") if isinstance(code, int) else "without a reason"
    return Never(f"Twilio refused the message ({code}): {why}")


def _json_or_nothing(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
