"""The buttons under a command's reply: what each one does stays on our side, the chat sees a token."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.commands.command import Context
from bot.reply import Button, ButtonStyle
from services import buttons

if TYPE_CHECKING:
    from services.scope import Scope

LAST = timedelta(days=30)


async def run_button(
    scope: Scope, context: Context, label: str, text: str, *, style: ButtonStyle = "plain", replaces: bool = False
) -> Button:
    """A button that runs the command `text` with the role of whoever taps it, in this place, for 30 days.

    `replaces`: what it says takes the place of the message that holds the button.
    """
    action: dict[str, Any] = {"do": "command", "text": text}
    if replaces:
        action["replaces"] = True
    return await place_button(scope, context.place, label, action, style=style)


async def place_button(
    scope: Scope, place: str, label: str, action: Mapping[str, Any], *, style: ButtonStyle = "plain"
) -> Button:
    """A button that does `action` with the role of whoever taps it, in one place, for 30 days."""
    token = await buttons.mint(
        scope, action, person_id=None, place=place, expires_at=scope.now + LAST, single_use=False
    )
    return Button(label, token, style)


async def once_button(
    scope: Scope,
    context: Context,
    label: str,
    action: Mapping[str, Any],
    *,
    expires_at: datetime | None,
    style: ButtonStyle = "plain",
) -> Button:
    """A button that works once, for the person who asked, in the place where they asked, until `expires_at`."""
    token = await buttons.mint(
        scope,
        action,
        person_id=scope.actor.person_id,
        place=context.place,
        expires_at=expires_at,
        single_use=True,
    )
    return Button(label, token, style)
