"""What Telegram makes of the texts and keyboards that a bot sends, and what it refuses."""

from __future__ import annotations

import html
import json
import re
from typing import Any

_TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "code", "pre", "a", "tg-spoiler", "blockquote"}
_TOKEN = re.compile(r"<(/?)([a-zA-Z-]*)((?:\s[^<>]*)?)>|<|&(#\d+|#x[0-9a-fA-F]+|lt|gt|amp|quot);|[^<&]+|&")

Keyboard = tuple[tuple[dict[str, str], ...], ...]


class Refused(Exception):
    def __init__(self, status: int, description: str, parameters: dict[str, int] | None = None) -> None:
        super().__init__(description)
        self.status, self.description, self.parameters = status, description, parameters or {}


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def seen_text(markup: str) -> str:
    """The text that HTML markup shows, or the error that Telegram gives."""
    shown: list[str] = []
    open_tags: list[str] = []
    for token in _TOKEN.finditer(markup):
        if token[2]:
            closing, tag = token[1] == "/", token[2].lower()
            if tag not in _TAGS:
                raise Refused(400, f'Bad Request: can\'t parse entities: Unsupported start tag "{tag}"')
            if not closing:
                open_tags.append(tag)
            elif not open_tags or open_tags.pop() != tag:
                raise Refused(400, "Bad Request: can't parse entities: Unmatched end tag")
        elif token[0] == "<" or token[0].startswith("</"):
            raise Refused(400, "Bad Request: can't parse entities: Unexpected start tag")
        else:
            shown.append(html.unescape(token[0]) if token[4] else token[0])
    if open_tags:
        raise Refused(
            400, f"Bad Request: can't parse entities: Can't find end tag corresponding to \"{open_tags[-1]}\""
        )
    return "".join(shown)


def checked_text(fields: dict[str, str], key: str, limit: int) -> str:
    """The text of a call as it is seen, or Telegram's refusal."""
    markup = fields.get(key, "")
    text = seen_text(markup) if fields.get("parse_mode") == "HTML" else markup
    if key == "text" and not text.strip():
        raise Refused(400, "Bad Request: message text is empty")
    if utf16_length(text) > limit:
        kind = "message" if key == "text" else "message caption"
        raise Refused(400, f"Bad Request: {kind} is too long")
    return text.strip()


def checked_keyboard(fields: dict[str, str]) -> Keyboard:
    """The inline keyboard of a call, or Telegram's refusal."""
    rows = json.loads(fields.get("reply_markup") or "{}").get("inline_keyboard", [])
    if sum(map(len, rows)) > 100 or any(len(row) > 8 for row in rows):
        raise Refused(400, "Bad Request: reply markup is too long")
    for button in (button for row in rows for button in row):
        if not button.get("text"):
            raise Refused(400, "Bad Request: can't parse inline keyboard button: Text buttons are unallowed")
        if not 1 <= len(button.get("callback_data", "").encode()) <= 64:
            raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
        if button.get("style", "primary") not in ("primary", "success", "danger"):
            raise Refused(400, "Bad Request: can't parse inline keyboard button: invalid style")
    return tuple(tuple(row) for row in rows)


def checked_commands(fields: dict[str, str]) -> list[dict[str, str]]:
    """The commands of a call, or Telegram's refusal."""
    commands: list[dict[str, str]] = json.loads(fields["commands"])
    if len(commands) > 100:
        raise Refused(400, "Bad Request: BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]):
            raise Refused(400, "Bad Request: BOT_COMMAND_INVALID")
        if not 1 <= len(command["description"]) <= 256:
            raise Refused(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
    return commands


def entities(text: str) -> list[dict[str, Any]]:
    """The commands and mentions in what a person wrote."""
    found = []
    for match in re.finditer(r"(?<!\S)/\w+(?:@\w+)?|(?<!\S)@\w+", text):
        kind = "bot_command" if match[0].startswith("/") else "mention"
        offset, length = utf16_length(text[: match.start()]), utf16_length(match[0])
        found.append({"type": kind, "offset": offset, "length": length})
    return found
