"""Digest authentication of a Shelly Gen2+ as firmware 2.0 does it: opaque nonces in 32 slots, each counting up.

RFC 7616 with SHA-256 in HTTP; in frames the same sum over "dummy_method:dummy_uri".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

USER = "admin"
SLOTS = 32
MAX_USES = 30_000
THROTTLE_S = 2.0


class Verdict(Enum):
    """What the device thinks of an attempt to authenticate."""

    GRANTED = "granted"
    REFUSED = "refused"
    STALE = "stale"  # the nonce is too old: try again with a new one, the password may be right


class SlotsFull(Exception):
    """No nonce to spare just now."""


@dataclass(slots=True)
class _Nonce:
    born: float
    count: int = 0


class DigestGate:
    """Checks attempts against `password` (None = open door). `nonce_life_s` is real time."""

    def __init__(self, realm: str, password: str | None, *, nonce_life_s: float = 3_600.0) -> None:
        self.realm = realm
        self.nonce_life_s = nonce_life_s
        self._secret = None if password is None else _sha256(f"{USER}:{realm}:{password}")
        self._nonces: dict[str, _Nonce] = {}
        self._evicted_at = -THROTTLE_S

    @property
    def open(self) -> bool:
        """Whether nobody has to authenticate."""
        return self._secret is None

    def challenge(self) -> str:
        """A new nonce. Raises SlotsFull when all slots hold live ones and one was evicted in the last 2 s."""
        now = time.monotonic()
        self._nonces = {nonce: slot for nonce, slot in self._nonces.items() if now - slot.born < self.nonce_life_s}
        if len(self._nonces) >= SLOTS:
            if now - self._evicted_at < THROTTLE_S:
                raise SlotsFull
            self._evicted_at = now
            del self._nonces[next(iter(self._nonces))]
        nonce = base64.b64encode(secrets.token_bytes(22)).decode()
        self._nonces[nonce] = _Nonce(now)
        return nonce

    def check_header(self, header: str, method: str, uri: str) -> Verdict:
        """Judge an HTTP `Authorization` header."""
        scheme, _, rest = header.partition(" ")
        if scheme.lower() != "digest":
            return Verdict.REFUSED
        fields = {name: quoted or bare for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', rest)}
        if (
            fields.get("uri") != uri
            or fields.get("qop") != "auth"
            or not re.fullmatch(r"[0-9a-f]{8}", fields.get("nc", ""))
        ):
            return Verdict.REFUSED
        return self._check(fields, int(fields["nc"], 16), fields["nc"], f"{method}:{uri}")

    def check_frame(self, auth: Mapping[str, Any]) -> Verdict:
        """Judge the `auth` object of a frame."""
        try:
            count = int(auth.get("nc", 0))
        except (TypeError, ValueError):
            return Verdict.REFUSED
        return self._check(auth, count, str(auth.get("nc")), "dummy_method:dummy_uri")

    def _check(self, fields: Mapping[str, Any], count: int, written_count: str, subject: str) -> Verdict:
        if self._secret is None:
            return Verdict.GRANTED
        nonce = str(fields.get("nonce"))
        expected = _sha256(f"{self._secret}:{nonce}:{written_count}:{fields.get('cnonce')}:auth:{_sha256(subject)}")
        same = fields.get("realm") == self.realm and fields.get("username") == USER
        if not same or not hmac.compare_digest(expected, str(fields.get("response"))):
            return Verdict.REFUSED
        slot = self._nonces.get(nonce)
        if slot is None or time.monotonic() - slot.born >= self.nonce_life_s or slot.count >= MAX_USES:
            return Verdict.STALE
        # a nonce starts at 1 and only rises; what a replay or a jump at the start deserves is a plain refusal
        if count <= slot.count or (slot.count == 0 and count != 1):
            return Verdict.REFUSED
        slot.count = count
        return Verdict.GRANTED

    def header_challenge(self, *, stale: bool) -> str:
        """The value of `WWW-Authenticate`. Raises SlotsFull."""
        suffix = ", stale=true" if stale else ""
        return f'Digest qop="auth", realm="{self.realm}", nonce="{self.challenge()}", algorithm=SHA-256{suffix}'

    def frame_challenge(self, *, stale: bool) -> str:
        """The message of error 401 in a frame: JSON inside a string. Raises SlotsFull."""
        challenge: dict[str, Any] = {
            "auth_type": "digest",
            "nonce": self.challenge(),
            "nc": 1,
            "realm": self.realm,
            "algorithm": "SHA-256",
        }
        if stale:
            challenge["stale"] = True
        return json.dumps(challenge)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
