"""Which messages are attempts to pair: `/start CODE`, or the bare code, in a chat with one person."""

from __future__ import annotations

import re

from bot.message import Message

_START = re.compile(r"/start(?:@\w+)?(?:\s+(?P<code>\S.*))?", re.IGNORECASE | re.DOTALL)
_CODE = re.compile(r"[0-9A-Za-z]{5}[- ]?[0-9A-Za-z]{5}")  # what may be a code, misread or not
# As `store.pairing` writes them, 7GQ2M-X4KTD: always with a digit, without I, L, O and U. "solar-panel" is none.
_WRITTEN = re.compile(r"(?=.*[0-9])[0-9A-HJKMNP-TV-Z]{5}[- ]?[0-9A-HJKMNP-TV-Z]{5}", re.IGNORECASE | re.ASCII)
_LONGEST_CODE = 64


def is_start(text: str) -> bool:
    """Whether the text is the /start command, with or without a code."""
    return _START.fullmatch(text) is not None


def code_only(text: str) -> bool:
    """Whether the text is a code as we write them and nothing else: what somebody known says else is a question."""
    return _WRITTEN.fullmatch(text.strip()) is not None


def pairing_code(message: Message) -> str | None:
    """The code that a private message offers, misread letters included, or None.

    A group is no place for codes: others read along.
    """
    text = message.text.strip()
    if not message.direct:
        return None
    start = _START.fullmatch(text)
    code = start["code"] if start else text if _CODE.fullmatch(text) else None
    return code.strip() if code and len(code) <= _LONGEST_CODE else None
