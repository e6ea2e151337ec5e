"""Whether a platform knows our token, asked once; each platform's `asking.account` does it."""

from __future__ import annotations


class NotAccepted(Exception):
    """The platform refuses the token. The words name the variable to check, and hold no secret."""


class NotAsked(Exception):
    """The platform could not be asked, so nothing is known of the token; the words say why."""
