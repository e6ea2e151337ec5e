"""What a platform offers while somebody types an argument: at most 25 words, those that begin alike first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from agents.tools.metrics import METRIC_NAMES
from bot.commands.history import PERIODS
from bot.commands.saying import name
from energy.preferences import PREFERENCES
from services import alerts, people
from services.scope import Refused

if TYPE_CHECKING:
    from services.scope import Scope

MOST = 25  # Discord's limit
_LONGEST = 100  # characters of one choice, Discord's limit too


async def complete(kind: str, typed: str, scope: Scope) -> list[str]:
    """The words of a `Completion` kind that fit what was typed; none for a kind that there is not."""
    if kind == "miners":
        named = {miner.id: miner.name for miner in scope.site.miner}
        return fitting(["all", *named], typed, also=named)
    return fitting(await _words(kind, scope), typed)


async def _words(kind: str, scope: Scope) -> list[str]:
    match kind:
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
        case "alerts":
            return ["all", *(str(view.episode_id) for view in await alerts.open_alerts(scope))]
        case "rules":
            opened = [str(view.episode_id) for view in await alerts.open_alerts(scope)]
            return [*opened, *await alerts.rules_of(scope), "all"]
        case _:
            return []


async def _people(scope: Scope) -> list[str]:
    try:
        known = await people.list_people(scope)
        strangers = await people.strangers(scope)
    except Refused:
        return []  # who is known here is for owners
    return [*(name(person.name) for person in known), *(f"{each.platform}:{each.external_id}" for each in strangers)]


def fitting(words: Iterable[str], typed: str, also: Mapping[str, str] | None = None) -> list[str]:
    """Those that begin with what was typed, then those that hold it, each once; `also` are other names of words."""
    asked = typed.strip().lower()
    unique = list(dict.fromkeys(word[:_LONGEST] for word in words))
    beginning = [word for word in unique if word.lower().startswith(asked)]
    others = also or {}
    holding = [
        word
        for word in unique
        if word not in beginning and (asked in word.lower() or asked in others.get(word, "").lower())
    ]
    return [*beginning, *holding][:MOST]
