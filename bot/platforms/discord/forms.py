"""Buttons and forms as Discord's components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog

from bot.forms import MOST_FIELDS, Form, FormField
from bot.reply import FORM, Button
from bot.text import clean

log = structlog.get_logger()

ROWS, BUTTONS_IN_A_ROW = 5, 5
_LABEL, _TITLE, _HINT, _VALUE, _OPTION, _OPTIONS = 80, 45, 100, 4000, 100, 25
_ACTION_ROW, _BUTTON, _SELECT, _TEXT_INPUT, _LABELLED = 1, 2, 3, 4, 18
_STYLES = {"primary": 1, "plain": 2, "danger": 4}


def button_rows(rows: Sequence[Sequence[Button]]) -> list[dict[str, Any]]:
    """Rows of buttons; a longer row than Discord takes goes on in the next one."""
    split = [row[n : n + BUTTONS_IN_A_ROW] for row in rows for n in range(0, len(row), BUTTONS_IN_A_ROW)]
    if len(split) > ROWS:
        log.error("discord_too_many_buttons", rows=len(split), shown=ROWS)
    shown, taken = [], set[str]()
    for row in split[:ROWS]:
        # Discord refuses a message in which two buttons carry the same token.
        fresh = list({button.token: button for button in row if button.token not in taken}.values())
        taken |= {button.token for button in fresh}
        if fresh:
            shown.append({"type": _ACTION_ROW, "components": [_button(button) for button in fresh]})
    return shown


def modal(form: Form) -> dict[str, Any]:
    """A form as the modal that answers a tap; it comes back with `custom_id` = FORM + name."""
    return {
        "custom_id": f"{FORM}{form.name}",
        "title": cut(form.title, _TITLE),
        "components": [_field(field) for field in form.fields[:MOST_FIELDS]],
    }


def cut(text: str, limit: int) -> str:
    """One line of at most `limit` characters, with "…" where something was left out."""
    line = " ".join(clean(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _button(button: Button) -> dict[str, Any]:
    return {
        "type": _BUTTON,
        "style": _STYLES[button.style],
        "label": cut(button.label, _LABEL) or "…",
        "custom_id": button.token,
    }


def _field(field: FormField) -> dict[str, Any]:
    labelled: dict[str, Any] = {"type": _LABELLED, "label": cut(field.label, _TITLE)}
    if field.hint:
        labelled["description"] = cut(field.hint, _HINT)
    if field.choices:
        options = [
            {"label": cut(label, _OPTION), "value": value, "default": value == field.value}
            for value, label in field.choices[:_OPTIONS]
        ]
        labelled["component"] = {"type": _SELECT, "custom_id": field.name, "options": options, "required": True}
    else:
        labelled["component"] = {
            "type": _TEXT_INPUT,
            "custom_id": field.name,
            "style": 1,
            "value": field.value[:_VALUE],
            "required": False,
        }
    return labelled
