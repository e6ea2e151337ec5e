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


async def live(scope: Scope, context: Context, arguments: str) -> Reply:
    """The message that stays; `off` ends the chat's."""
    match arguments.strip().lower():
        case "" | "on":
            return await live_reply(scope)
        case "off":
            address = context.address
            ended = await stored.remove(scope, address.platform, address.chat_id, address.thread)
            return answer("The live message here stays as it is from now on." if ended else "There is none here.")
        case other:
            raise Misused(f"after /live I understand nothing or off, not {quoted(other)}", "", "/live off")


async def live_reply(scope: Scope) -> Reply:
    """What the live message says as of now; also when it is renewed."""
    try:
        reply = await status_reply(scope)
    except Misused as nothing:
        reply = nothing.reply()
    now = format_clock(scope.as_of, scope.zone, now=scope.as_of, units=scope.units)
    told = [block.text for block in reply.blocks if isinstance(block, Source)]
    source = Source(" · ".join((*told, f"renewed at {now}", "/live off ends it")))
    kept = [block for block in reply.blocks if not isinstance(block, Source)]
    return replace(reply, blocks=(*kept, source), kind="live")
