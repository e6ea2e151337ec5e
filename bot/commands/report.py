"""/report: the brief of a day, a week or a month; and when this place gets the daily one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands.command import Context
from bot.reply import Reply

if TYPE_CHECKING:
    from services.scope import Scope


async def report(scope: Scope, context: Context, arguments: str) -> Reply:
    """`/report [day|week|month] [when]`, `/report here TIME|off`."""
    raise NotImplementedError
