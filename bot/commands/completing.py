"""What a platform offers while somebody types an argument: at most 25 words, those that begin alike first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from agents.tools.metrics import METRIC_NAMES
from bot.commands.history import PERIODS
from bot.commands.saying import name
from energy.preferences import PREFERENCES
from services import people
from services.scope import Refused

if TYPE_CHECKING:
    from services.scope import Scope

MOST = 25  # Discord's limit
_LONGEST = 100  # characters of one choice, Discord's limit too


async def complete(kind: str, typed: str, scope: Scope) -> list[str]:
    """The words of a `Completion` kind that fit what was typed; none for a kind that there is not."""
    return fitting(await _words(kind, scope), typed)


async def _words(kind: str, scope: Scope) -> list[str]:
    match kind:
        case "miners":
            return ["all", *(miner.id for miner in scope.site.miner)]
        case "metrics":
            return list(METRIC_NAMES)
        case "periods":
            return list(PERIODS)
        case "preferences":
            return [preference.name for preference in PREFERENCES]
        case "commands":
            from bot.commands.table import COMMANDS

            return [command.name for command in COMMANDS]
        case "people":
            return await _people(scope)
        case _:
            return []


async def _people(scope: Scope) -> list[str]:
    try:
        known = await people.list_people(scope)
        strangers = await people.strangers(scope)
    except Refused:
        return []  # who is known here is for owners
    return [*(name(person.name) for person in known), *(f"{each.platform}:{each.external_id}" for each in strangers)]


def fitting(words: Iterable[str], typed: str) -> list[str]:
    """Those that begin with what was typed, then those that hold it, each once."""
    asked = typed.strip().lower()
    unique = list(dict.fromkeys(word[:_LONGEST] for word in words))
    beginning = [word for word in unique if word.lower().startswith(asked)]
    holding = [word for word in unique if asked in word.lower() and word not in beginning]
    return [*beginning, *holding][:MOST]
