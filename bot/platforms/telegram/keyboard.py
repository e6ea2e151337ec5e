"""Buttons as Telegram's inline keyboard."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.constants import InlineKeyboardButtonLimit, InlineKeyboardMarkupLimit, KeyboardButtonStyle

from bot.reply import Button, ButtonStyle
from bot.text import clean

log = structlog.get_logger()

# Clients that do not know styles yet show the plain button; the label says what it does in any case.
_STYLES: dict[ButtonStyle, str | None] = {
    "plain": None,
    "primary": KeyboardButtonStyle.PRIMARY.value,
    "danger": KeyboardButtonStyle.DANGER.value,
}


def keyboard(rows: Sequence[Sequence[Button]]) -> InlineKeyboardMarkup | None:
    """The rows as a keyboard, those with too many buttons on several lines; None without buttons."""
    lines: list[list[InlineKeyboardButton]] = []
    room = int(InlineKeyboardMarkupLimit.TOTAL_BUTTON_NUMBER)
    widest = int(InlineKeyboardMarkupLimit.BUTTONS_PER_ROW)
    for row in rows:
        made = [_button(button) for button in row if _can_be_sent(button)][:room]
        room -= len(made)
        lines += [made[start : start + widest] for start in range(0, len(made), widest)]
    return InlineKeyboardMarkup(lines) if lines else None


def _button(button: Button) -> InlineKeyboardButton:
    label = " ".join(clean(button.label).split())
    return InlineKeyboardButton(label or "…", callback_data=button.token, style=_STYLES[button.style])


def _can_be_sent(button: Button) -> bool:
    # One token that Telegram refuses would cost the whole message.
    size = len(button.token.encode())
    if 1 <= size <= int(InlineKeyboardButtonLimit.MAX_CALLBACK_DATA):
        return True
    log.error("telegram_button_left_out", label=button.label, token_bytes=size)
    return False
