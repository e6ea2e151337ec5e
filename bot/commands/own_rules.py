"""/rules: alerts of one's own in plain words, and the list of those that everybody has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands.buttons import run_button
from bot.commands.command import Context
from bot.commands.saying import Line, Misused, answer, listed, name, one_of, own_words, quoted
from bot.reply import Bold, Code, Reply, Text
from services import alerts

if TYPE_CHECKING:
    from services.alerts import CustomRule, Question
    from services.scope import Scope

_EXAMPLE = "/rules add tell me when solar passes 8 kW"
_ACTIONS = ("add", "edit", "remove", "all")


async def rules(scope: Scope, context: Context, arguments: str) -> Reply:
    """The person's own, or a change to them; `all` lists the built-in ones."""
    first, _, rest = arguments.strip().partition(" ")
    match first.lower():
        case "" | "list" | "mine":
            return await _list(scope, context)
        case "all":
            return await _built_in(scope)
        case "add" | "new":
            return await _add(scope, context, rest.strip())
        case "edit" | "change":
            number, _, text = rest.strip().partition(" ")
            return await _edit(scope, context, number, text.strip())
        case "remove" | "delete":
            return await _remove(scope, rest.strip())
        case _:
            raise Misused(
                f"{quoted(first)} is nothing that I can do with rules", f"Allowed: {one_of(_ACTIONS)}", _EXAMPLE
            )


async def _list(scope: Scope, context: Context) -> Reply:
    mine = await alerts.own(scope)
    if not mine:
        return answer(
            "You have no alerts of your own; the usual ones are watched anyway: /rules all.",
            ("To add one: ", Code(_EXAMPLE)),
        )
    lines: list[Line] = [(Bold(f"{each.custom_id} "), Text(_words(each.rule))) for each in mine]
    return listed(
        f"{len(mine)} of your own:",
        lines,
        (
            "To add, change or remove one: ",
            Code("/rules add TEXT"),
            ", ",
            Code("/rules edit N TEXT"),
            ", ",
            Code("/rules remove N"),
        ),
        buttons=[[await run_button(scope, context, "The usual ones", "/rules all")]],
    )


async def _built_in(scope: Scope) -> Reply:
    found = [rule for rule in (await alerts.rules_of(scope)).values() if not rule.id.startswith("custom:")]
    found.sort(key=lambda rule: -rule.level.rank)
    lines: list[Line] = []
    for level in dict.fromkeys(rule.level for rule in found):
        named = ", ".join(f"{rule.title} ({rule.id})" for rule in found if rule.level is level)
        lines.append((Bold(f"{level.value.capitalize()}: "), Text(named)))
    return listed(
        f"{len(found)} rules are always watched:", lines, ("To silence one for a while: ", Code("/mute surplus for 2d"))
    )


async def _add(scope: Scope, context: Context, text: str) -> Reply:
    if not text:
        raise Misused("say what you want to be told of", "One figure against one limit", _EXAMPLE)
    return await _kept(scope, context, await alerts.add_own(scope, text), text)


async def _edit(scope: Scope, context: Context, number: str, text: str) -> Reply:
    if not text:
        raise Misused("say which one, and what it shall be", "", "/rules edit 3 tell me when solar passes 9 kW")
    custom_id = _number(number)
    try:
        changed = await alerts.change_own(scope, custom_id, text)
    except LookupError as error:
        raise _none(custom_id) from error
    again = f"/rules edit {custom_id} tell me when solar passes 8 kW"
    return await _kept(scope, context, changed, text, again=again)


async def _remove(scope: Scope, number: str) -> Reply:
    custom_id = _number(number)
    mine = {each.custom_id: each.rule for each in await alerts.own(scope)}
    if not await alerts.remove_own(scope, custom_id):
        raise _none(custom_id)
    return answer(f"Removed: {_words(mine[custom_id])}." if custom_id in mine else "Removed.")


async def _kept(
    scope: Scope, context: Context, rule: CustomRule | Question, text: str, *, again: str = _EXAMPLE
) -> Reply:
    """What came of the words: the rule, with the way back, or the question."""
    if isinstance(rule, alerts.Question):
        said = own_words(rule.says, text)
        return answer(said) if "/rules" in said else answer(said, ("Answer with the whole of it, as in: ", Code(again)))
    number = next((each.custom_id for each in await alerts.own(scope) if each.rule.id == rule.id), None)
    row = [] if number is None else [await run_button(scope, context, "Remove", f"/rules remove {number}")]
    return answer(
        (Bold("You are told of "), Text(f"{_words(rule)}.")),
        "/rules lists yours." if number is None else f"It is number {number} in /rules.",
        buttons=[row],
    )


def _words(rule: CustomRule) -> str:
    return name(f"{rule.words} ({rule.level.value})", limit=120)


def _number(text: str) -> int:
    number = text.strip().removeprefix("#")
    if not number.isdecimal() or len(number) > 9:
        raise Misused(f"{quoted(text)} is no number of yours", "/rules lists them", "/rules remove 3")
    return int(number)


def _none(custom_id: int) -> Misused:
    return Misused(f"you have no alert number {custom_id}", "/rules lists yours")
