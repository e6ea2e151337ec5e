"""What can go wrong with a device, by what the caller does next.

    ConnectorError
    ├── Unreachable           no answer: try again at the next poll, say since when
    ├── CredentialsRefused    trying again does not help: a person must act
    ├── TryLater              the device asks for a pause of `after_s`
    ├── NotTaken              a command was refused, or shows no effect: look at the device
    └── Malformed             an answer that makes no sense: nothing of it is kept
        └── Unsupported       an answer of something that we do not speak

The text is for people: it names the device, what is wrong and the remedy. It never holds a secret.
"""

from __future__ import annotations


class ConnectorError(Exception):
    """A device or service could not be read."""


class Unreachable(ConnectorError):
    """Nobody answered in time.

    `maybe_done` is true when the request may have arrived before the silence: whoever sent a command must then
    read back instead of sending it again.
    """

    def __init__(self, message: str, *, maybe_done: bool = False) -> None:
        super().__init__(message)
        self.maybe_done = maybe_done


class CredentialsRefused(ConnectorError):
    """The user name, password or token is wrong, missing, or lacks the right."""


class TryLater(ConnectorError):
    """The device is busy or limits our rate. `after_s` is the pause that it asks for, None when it does not say."""

    def __init__(self, message: str, *, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class NotTaken(ConnectorError):
    """A command reached the device, which refused it or does not show its effect."""


class Malformed(ConnectorError):
    """The answer is not what the vendor's interface promises: HTML, broken JSON, a vendor's error, a missing part."""


class Unsupported(Malformed):
    """The device is of a kind or generation that this connector cannot talk to."""
