"""Forms: a few fields to fill in at once, where a platform has them (Slack and Discord modals)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.message import Sender

MOST_FIELDS = 5  # Discord's limit


@dataclass(frozen=True, slots=True)
class FormField:
    """One field. `value` is what it holds now; with `choices` (value, label) one of them is picked."""

    name: str
    label: str
    value: str
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """A form. It comes back as a message with `token` = FORM + name and the fields in `form`."""

    name: str
    title: str
    fields: tuple[FormField, ...]


# The form of a name as the account's person finds it now; None for strangers and for names that are none. Ingress calls
# it while the platform's three seconds run.
FormSource = Callable[[Sender, str], Awaitable[Form | None]]
