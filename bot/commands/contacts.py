"""/contacts: a person's own ways beside the chats (webhooks, push services). /deliveries: what could not be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands.buttons import run_button
from bot.commands.command import Context
from bot.commands.saying import Line, Misused, answer, listed, name, one_of, own_words, quoted
from bot.reply import Bold, Code, Reply, Text
from energy.units import format_clock
from services import contacts as services
from services import outbox

if TYPE_CHECKING:
    from services.contacts import ContactView
    from services.scope import Scope

_SHOWN = 5
_EXAMPLE = "/contacts add ntfys://ntfy.example.org/my-topic"
_ACTIONS = ("add", "remove", "test")


async def contacts(scope: Scope, context: Context, arguments: str) -> Reply:
    """The list of one's ways, or a change to it."""
    first, _, rest = arguments.strip().partition(" ")
    match first.lower():
        case "" | "list":
            return await _list(scope, context)
        case "add" | "new":
            return await _add(scope, context, rest.strip())
        case "remove" | "delete":
            return await _remove(scope, rest)
        case "test":
            return await _test(scope, context, rest)
        case _:
            raise Misused(
                f"{quoted(first)} is nothing that I can do with contacts", f"Allowed: {one_of(_ACTIONS)}", _EXAMPLE
            )


async def deliveries(scope: Scope, context: Context, arguments: str) -> Reply:
    """What was given up, and trying it again. For owners."""
    first, _, rest = arguments.strip().lower().partition(" ")
    if first in ("replay", "again", "retry"):
        return await _replay(scope, rest.strip())
    if first not in ("", "list"):
        raise Misused(f"{quoted(arguments)} is nothing that I can do with deliveries", "", "/deliveries replay all")
    dead = await outbox.dead_letters(scope)
    if not dead:
        return answer("Nothing was given up: everything reached somebody, or is still on its way.")
    lines: list[Line] = []
    for each in dead[:_SHOWN]:
        when = format_clock(each.died_at, scope.zone, now=scope.now, units=scope.units)
        said = name(each.text, limit=60) if each.text else f"{each.kind}, {each.level}"
        why = name(each.reason or "no way to them", limit=80)
        lines.append(
            (
                Bold(f"{each.outbox_id} "),
                Text(f"{when}, {said} ({each.tries} {'try' if each.tries == 1 else 'tries'}): {why}"),
            )
        )
    left = len(dead) - len(lines)
    return listed(
        f"{len(dead)} could not be delivered:",
        [*lines, *([f"and {left} more"] if left > 0 else [])],
        buttons=[[await run_button(scope, context, "Try all again", "/deliveries replay all")]],
    )


async def _replay(scope: Scope, which: str) -> Reply:
    if which in ("", "all"):
        count = await outbox.replay(scope)
    else:
        count = await outbox.replay(scope, _number(which, "/deliveries replay 12"))
    if not count:
        return answer("There is nothing to try again.", "/deliveries lists what was given up.")
    return answer(f"{count} {'goes' if count == 1 else 'go'} out again now.")


async def _list(scope: Scope, context: Context) -> Reply:
    found = await services.list_of(scope)
    if not found:
        return answer(
            "You have no ways beside our chats; email and SMS are set by /prefs.",
            "Alerts can also go to a webhook, or to a push service such as ntfy or Pushover.",
            ("To add one: ", Code(_EXAMPLE)),
        )
    return listed(
        f"{len(found)} {'way' if len(found) == 1 else 'ways'} beside our chats:",
        [_line(each) for each in found],
        (
            "To add, remove or try one: ",
            Code("/contacts add X"),
            ", ",
            Code("/contacts remove N"),
            ", ",
            Code("/contacts test N"),
        ),
        buttons=[
            [
                await run_button(scope, context, f"Test {each.contact_id}", f"/contacts test {each.contact_id}")
                for each in found[:3]
            ]
        ],
    )


async def _add(scope: Scope, context: Context, text: str) -> Reply:
    if not text:
        raise Misused("say the address", "A webhook (https://...) or one that apprise knows", _EXAMPLE)
    try:
        added = await services.add(scope, text)
    except services.ContactRefused as refused:
        raise Misused(own_words(str(refused), text), "", _EXAMPLE) from refused
    contact = added.contact
    lines: list[Line] = [(Bold("Added: "), Text(f"{contact.contact_id}, {name(contact.shown, limit=80)}."))]
    if added.signing_key is not None:
        lines.append(("Its messages are signed with this key, shown only now: ", Code(added.signing_key)))
    lines.append("Please delete your message with the address, if it holds a secret.")
    row = [await run_button(scope, context, "Test", f"/contacts test {contact.contact_id}")]
    return answer(*lines, buttons=[row])


async def _remove(scope: Scope, number: str) -> Reply:
    contact_id = _number(number, "/contacts remove 2")
    if not await services.remove(scope, contact_id):
        raise Misused(f"you have no contact number {contact_id}", "/contacts lists yours", "/contacts")
    return answer("Removed: nothing is sent there any more.")


async def _test(scope: Scope, context: Context, number: str) -> Reply:
    contact_id = _number(number, "/contacts test 2")
    tested = await services.send_test(scope, contact_id, timeout_s=context.patience_s)
    if tested is None:
        raise Misused(f"you have no contact number {contact_id}", "/contacts lists yours", "/contacts")
    if tested.arrived:
        return answer("A test message was taken there: look whether it has come.")
    if tested.arrived is None:
        return answer(
            "A test message is still on its way there.", "If nothing comes within a minute, /contacts says why."
        )
    return answer(
        f"The test message could not be delivered there: {name(tested.trouble or '', limit=160).rstrip('.')}.",
        "Check the address, remove it and add it again.",
    )


def _line(contact: ContactView) -> Line:
    trouble = f", not used: {name(contact.trouble, limit=80)}" if contact.trouble else ""
    return (Bold(f"{contact.contact_id} "), Text(f"{name(contact.shown, limit=80)}{trouble}"))


def _number(text: str, example: str) -> int:
    number = text.strip().removeprefix("#")
    if not number.isdecimal() or len(number) > 9:
        raise Misused(f"{quoted(text)} is no number in the list", "", example)
    return int(number)
