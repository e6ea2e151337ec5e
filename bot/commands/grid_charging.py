"""`/grid charge on|off`: charging the battery from the grid, an inverter setting. For owners, always confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands.command import Context
from bot.commands.miners import address_to_json, said
from bot.commands.saying import Misused, quoted
from bot.reply import Reply
from services import control

if TYPE_CHECKING:
    from services.scope import Scope


async def grid_charge(scope: Scope, context: Context, words: list[str]) -> Reply:
    """Ask for the setting; the services refuse everybody but owners, and sites that have not opted in."""
    if words[0] != "charge" or len(words) != 2 or words[1] not in ("on", "off"):
        raise Misused(
            f"after /grid I understand nothing or charge on|off, not {quoted(' '.join(words))}",
            "",
            "/grid charge off",
        )
    asked = await control.order_grid_charge(
        scope,
        words[1] == "on",
        origin=context.origin,
        place=context.place,
        address=address_to_json(context.address),
        key=context.key,
    )
    return await said(scope, context, asked)
