"""The live message: /live puts one into the chat, the board keeps it up to date each minute."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.commands.command import Context
from bot.commands.now import status_reply
from bot.commands.saying import Misused, answer, quoted
from bot.reply import Reply, Source
from energy.units import format_clock
from services import live as stored

if TYPE_CHECKING:
    from services.scope import Scope


_PRINTED = frozenset({"console"})  # platforms that cannot change what they have shown


async def live(scope: Scope, context: Context, arguments: str) -> Reply:
    """The message that stays; `off` ends the chat's."""
    match arguments.strip().lower():
        case "" | "on":
            return await (_printed(scope) if context.platform in _PRINTED else live_reply(scope))
        case "off":
            here = (context.address.platform, context.address.chat_id)
            if all((each.platform, each.chat_id) != here for each in await stored.all_of(scope.database, scope.site)):
                return answer("There is no live message here.", "/live starts one.")
            return replace(answer("The live message here has ended."), kind="live_off")
        case other:
            raise Misused(f"after /live I understand nothing or off, not {quoted(other)}", "", "/live off")


async def live_reply(scope: Scope) -> Reply:
    """What the live message says as of now; also when it is renewed."""
    # With the date: one that stands still, whatever the reason, must not look like one of now.
    clock = format_clock(scope.as_of, scope.zone, now=scope.as_of, units=scope.units)
    renewed = f"renewed {scope.as_of.astimezone(scope.zone).date().isoformat()} {clock}"
    return replace(await _figures(scope, renewed, "/live off ends it"), kind="live")


async def _printed(scope: Scope) -> Reply:
    return await _figures(scope, "what is printed here cannot be kept up to date; /status shows the figures of now")


async def _figures(scope: Scope, *small_print: str) -> Reply:
    try:
        reply = await status_reply(scope)
    except Misused as nothing:
        reply = nothing.reply()
    told = [block.text for block in reply.blocks if isinstance(block, Source)]
    kept = [block for block in reply.blocks if not isinstance(block, Source)]
    return replace(reply, blocks=(*kept, Source(" · ".join((*told, *small_print)))))
