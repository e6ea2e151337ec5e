"""/away: when a person is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands.command import Context
from bot.commands.saying import Line, Misused, answer, listed, name, to_come
from bot.reply import Bold, Reply, Text
from energy.durations import UnknownDuration, parse_until
from energy.units import format_duration
from services import absences

if TYPE_CHECKING:
    from services.scope import Scope

_SHOWN = 5
_OFF = ("off", "back", "cancel", "end")
_EXAMPLE = "/away until Friday"


async def away(scope: Scope, _context: Context, arguments: str) -> Reply:
    """Until when the asker is away; `off` ends it; nothing lists who is."""
    words = arguments.strip()
    if not words or words.lower() == "list":
        return await _list(scope)
    if words.lower() in _OFF:
        ended = await absences.cancel(scope)
        return answer("Welcome back: you are here again." if ended else "You were not away.")
    try:
        until = parse_until(words, now=scope.as_of, zone=scope.zone)
    except UnknownDuration as error:
        raise Misused(name(str(error), limit=200), "Or off, when you are back", _EXAMPLE) from error
    if until <= scope.as_of:
        raise Misused("that moment has passed", "", _EXAMPLE)
    await absences.add(scope, until=until)
    return answer(
        (Bold(f"Away until {to_come(scope, until)}"), Text(f" ({format_duration(until - scope.as_of)}).")),
        "/away off ends it sooner.",
    )


async def _list(scope: Scope) -> Reply:
    found = await absences.current(scope)
    if not found:
        return answer("Nobody is away.", f"{_EXAMPLE} says that you are.")
    lines: list[Line] = [
        (Bold(name(each.person_name)), Text(f" until {to_come(scope, each.until)}")) for each in found[:_SHOWN]
    ]
    return listed(f"{len(found)} away:", lines)
