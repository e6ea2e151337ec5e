"""A way to a person as they write it: a webhook's address, or an address that `apprise` knows.

Pure: nothing is looked up. Whether a host may be connected to is decided where the connection is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ContactKind = Literal["webhook", "apprise"]


class TargetRefused(ValueError):
    """The text is no target that we send to; the message says what is."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed target. `target` may hold secrets and is shown to nobody; `shown` is what people read.

    `needs_key`: its messages are signed, and it has no key yet.
    """

    kind: ContactKind
    target: str
    shown: str
    needs_key: bool = False


def parse_target(text: str) -> Target:
    """The target that a person wrote. Raises `TargetRefused` with words for them."""
    raise NotImplementedError
