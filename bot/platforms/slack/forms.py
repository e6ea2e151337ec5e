"""Forms as Slack's modals, and the choices that are offered while somebody types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bot.forms import Form, FormField
from bot.message import Message
from bot.platforms.slack.parse import place_of_form
from bot.platforms.slack.render import cut
from bot.reply import FORM

MOST_OPTIONS = 100
_TITLE_LIMIT, _OPTION_LIMIT, _LABEL_LIMIT, _PLACEHOLDER_LIMIT = 24, 75, 2000, 150
_VALUE_LIMIT = 3000
ENTRY = "entry"


def modal(form: Form, tap: Message) -> dict[str, Any]:
    """The form, for the tap that asked for it."""
    return {
        "type": "modal",
        "callback_id": f"{FORM}{form.name}",
        "private_metadata": place_of_form(tap),
        "title": label(form.title, _TITLE_LIMIT),
        "submit": label("Save", _TITLE_LIMIT),
        "close": label("Cancel", _TITLE_LIMIT),
        "blocks": [_input(field) for field in form.fields],
    }


def matching(choices: Iterable[tuple[str, str]], typed: str) -> list[dict[str, Any]]:
    """The choices in which what was typed occurs, as Slack's options; those that begin with it first."""
    sought = typed.strip().lower()
    found = [(value, shown) for value, shown in choices if sought in shown.lower() or sought in value.lower()]
    found.sort(key=lambda choice: not choice[1].lower().startswith(sought))
    return [_option(value, shown) for value, shown in found[:MOST_OPTIONS]]


def _input(field: FormField) -> dict[str, Any]:
    block: dict[str, Any] = {
        "type": "input",
        "block_id": field.name,
        "label": label(field.label, _LABEL_LIMIT),
        # An emptied field comes back empty: what that means is for whoever reads the form.
        "optional": not field.choices,
        "element": _choice(field) if field.choices else _line(field),
    }
    return block | {"hint": label(field.hint, _LABEL_LIMIT)} if field.hint else block


def _line(field: FormField) -> dict[str, Any]:
    element: dict[str, Any] = {"type": "plain_text_input", "action_id": ENTRY, "max_length": _VALUE_LIMIT}
    return element | {"initial_value": field.value[:_VALUE_LIMIT]} if field.value else element


def _choice(field: FormField) -> dict[str, Any]:
    options = [_option(value, shown) for value, shown in field.choices]
    element: dict[str, Any] = {"action_id": ENTRY, "placeholder": label("Choose", _PLACEHOLDER_LIMIT)}
    if len(options) <= MOST_OPTIONS:
        element |= {"type": "static_select", "options": options}
    else:
        element |= {"type": "external_select", "min_query_length": 0}
    chosen = next((option for option in options if option["value"] == field.value), None)
    return element | {"initial_option": chosen} if chosen is not None else element


def _option(value: str, shown: str) -> dict[str, Any]:
    return {"text": label(shown, _OPTION_LIMIT), "value": value}


def label(text: str, limit: int) -> dict[str, Any]:
    """Plain words of at most `limit` UTF-16 units."""
    return {"type": "plain_text", "text": cut(text, limit), "emoji": False}
