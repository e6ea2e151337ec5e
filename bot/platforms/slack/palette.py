"""The shortcut "Run a command": a modal that offers the commands, and for each what can be said after its name.

Slack completes nothing that is typed after /cc; lists in a modal are the one place where it asks us while somebody
types (miners, metrics, periods ...).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.commands.command import Command, Parameter
from bot.message import Address, Message
from bot.platforms.slack.forms import ENTRY, MOST_OPTIONS, label, matching
from bot.platforms.slack.manifest import SHORTCUT
from bot.platforms.slack.parse import PLATFORM, Me, entered, sender_of

CHOOSE = "choose"  # the list of commands; a choice asks for the next view
COMPLETE = "complete:"
_COMMAND = "command"


def palette(commands: Sequence[Command], chosen: str | None = None) -> dict[str, Any]:
    """The modal; with a command that was chosen, and what it takes."""
    command = next((each for each in commands if each.name == chosen), None)
    options = matching([(each.name, f"{each.name}: {each.about}") for each in commands[:MOST_OPTIONS]], "")
    choice: dict[str, Any] = {
        "type": "static_select",
        "action_id": CHOOSE,
        "placeholder": label("Choose a command", 150),
        "options": options,
    }
    if command is not None:
        choice["initial_option"] = next(option for option in options if option["value"] == command.name)
    fields = [_field(command.name, parameter) for parameter in command.parameters] if command is not None else []
    return {
        "type": "modal",
        "callback_id": SHORTCUT,
        "title": label("Run a command", 24),
        "submit": label("Run", 24),
        "close": label("Cancel", 24),
        "blocks": [
            {
                "type": "input",
                "block_id": _COMMAND,
                "dispatch_action": True,
                "label": label("Command", 2000),
                "element": choice,
            },
            *fields,
        ],
    }


def chosen_command(body: Mapping[str, Any]) -> str | None:
    """The command that was just chosen in the modal; None when something else was touched."""
    action: Mapping[str, Any] = next(iter(body.get("actions") or ()), {})
    view = body.get("view") or {}
    if view.get("callback_id") != SHORTCUT or action.get("action_id") != CHOOSE:
        return None
    return entered(action) or None


def message_from_palette(body: Mapping[str, Any], me: Me, *, now: datetime) -> Message | None:
    """The command as if it had been typed in the direct chat; None when the modal is another."""
    view, user = body.get("view") or {}, body.get("user") or {}
    if view.get("callback_id") != SHORTCUT or not user.get("id"):
        return None
    blocks = (view.get("state") or {}).get("values") or {}
    words = {block.partition(".")[2] or block: entered(next(iter(held.values()), {})) for block, held in blocks.items()}
    command = words.pop(_COMMAND, "")
    text = " ".join(filter(None, (command, *words.values())))
    return Message(
        address=Address(PLATFORM, str(user["id"])),
        sender=sender_of(body, me),
        text=f"/{text or 'help'}",
        sent_at=now,
        key=f"{me.team_id}:palette:{view.get('id')}",
    )


def _field(command: str, parameter: Parameter) -> dict[str, Any]:
    element: dict[str, Any] = {"action_id": ENTRY, "placeholder": label(parameter.about, 150)}
    if parameter.choices:
        options = matching([(choice, choice) for choice in parameter.choices], "")
        element |= {"type": "static_select", "options": options}
    elif parameter.completes is not None:
        element |= {"type": "external_select", "action_id": f"{COMPLETE}{parameter.completes}", "min_query_length": 0}
    else:
        element |= {"type": "plain_text_input", "max_length": 200}
    return {
        "type": "input",
        # With the command's name in it, a field of one command does not keep what was chosen for another.
        "block_id": f"{command}.{parameter.name}",
        "optional": True,
        "label": label(parameter.name.capitalize(), 2000),
        "hint": label(parameter.about, 2000),
        "element": element,
    }


def suggestions(typed: str, words: Sequence[str]) -> list[dict[str, Any]]:
    """What is offered while somebody types; what was typed stands there too, since periods are free text."""
    offered = list(dict.fromkeys([*words, *([typed.strip()] if typed.strip() else [])]))
    return matching([(word, word) for word in offered], "")
