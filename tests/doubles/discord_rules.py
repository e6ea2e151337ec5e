"""What Discord's API refuses, with its own codes."""

from __future__ import annotations

import re
from typing import Any

SUPPRESS_EMBEDS, EPHEMERAL = 1 << 2, 1 << 6
LARGEST_FILE = 10 * 1024 * 1024


class Refused(Exception):
    """An error answer: HTTP status, Discord's code, its words."""

    def __init__(self, status: int, code: int, message: str, more: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.more = status, code, message, more or {}


def invalid(where: str, words: str) -> Refused:
    errors = {where: {"_errors": [{"code": "INVALID", "message": words}]}}
    return Refused(400, 50035, "Invalid Form Body", {"errors": errors})


def check_message(
    body: dict[str, Any], files: dict[str, bytes], *, flags: int, new: bool, had_content: bool = False
) -> None:
    """A message to be sent (or the change of one): its length, parts, mentions and flags."""
    content = body.get("content") or ""
    if len(content) > 2000:
        raise invalid("content", "Must be 2000 or fewer in length.")
    if "embeds" in body:
        raise invalid("embeds", "our messages have none")
    if body.get("allowed_mentions", {"parse": None}) != {"parse": []}:
        raise invalid("allowed_mentions", "our messages mention nobody")
    if int(body.get("flags", 0)) & ~flags:
        raise invalid("flags", f"flags {body['flags']} are not allowed here")
    check_files(body, files)
    check_components(body.get("components", []))
    if (new and not content.strip() and not files) or (not new and "content" in body and not content and not files):
        raise Refused(400, 50006, "Cannot send an empty message")


def check_files(body: dict[str, Any], files: dict[str, bytes]) -> None:
    attachments = body.get("attachments", [])
    if len(attachments) != len(files) or len(files) > 10:
        raise invalid("attachments", f"{len(attachments)} described, {len(files)} uploaded")
    if len({each["filename"] for each in attachments}) != len(attachments):
        raise invalid("attachments", "two files of one name")
    for each in attachments:
        if len(each.get("description", "")) > 1024:
            raise invalid("attachments", "Must be 1024 or fewer in length.")
        if len(files[f"files[{each['id']}]"]) > LARGEST_FILE:
            raise Refused(413, 40005, "Request entity too large")


def check_components(rows: list[dict[str, Any]]) -> None:
    if len(rows) > 5:
        raise invalid("components", "Must be between 1 and 5 in length.")
    tokens = []
    for row in rows:
        if row["type"] != 1 or not 1 <= len(row["components"]) <= 5:
            raise invalid("components", "BASE_TYPE_BAD_LENGTH")
        for button in row["components"]:
            if button["type"] != 2 or button["style"] not in (1, 2, 3, 4):
                raise invalid("components", "no such button")
            if not 1 <= len(button["label"]) <= 80 or not 1 <= len(button["custom_id"]) <= 100:
                raise invalid("components", "BASE_TYPE_BAD_LENGTH")
            tokens.append(button["custom_id"])
    if len(set(tokens)) != len(tokens):
        raise invalid("components", "COMPONENT_CUSTOM_ID_DUPLICATED")


def check_modal(data: dict[str, Any]) -> None:
    _length("title", data["title"], 1, 45)
    _length("custom_id", data["custom_id"], 1, 100)
    _length("components", data["components"], 1, 5)
    names = [each["component"]["custom_id"] for each in data["components"]]
    if len(set(names)) != len(names):
        raise invalid("components", "COMPONENT_CUSTOM_ID_DUPLICATED")
    for each in data["components"]:
        if each["type"] != 18:
            raise invalid("components", "a label is needed")
        _length("label", each["label"], 1, 45)
        _length("description", each.get("description", "x"), 1, 100)
        inner = each["component"]
        _length("custom_id", inner["custom_id"], 1, 100)
        if inner["type"] == 3:
            _length("options", inner["options"], 1, 25)
            if sum(option.get("default", False) for option in inner["options"]) > 1:
                raise invalid("options", "more than one default")
        elif inner["type"] == 4:
            _length("value", inner.get("value", ""), 0, 4000)
        else:
            raise invalid("components", "no such field")


def check_commands(commands: list[dict[str, Any]]) -> None:
    _length("commands", commands, 0, 100)
    if len({each["name"] for each in commands}) != len(commands):
        raise Refused(400, 50041, "Command name is already taken")
    for each in commands:
        _named(each)
        _length("options", each["options"], 0, 25)
        for option in each["options"]:
            _named(option)
            if option["type"] != 3 or ("choices" in option and option.get("autocomplete")):
                raise invalid("options", "choices and autocomplete exclude each other")
            _length("choices", option.get("choices", ["x"]), 1, 25)
            for choice in option.get("choices", []):
                _length("name", choice["name"], 1, 100)
                _length("value", choice["value"], 1, 100)


def check_choices(choices: list[dict[str, Any]]) -> None:
    _length("choices", choices, 0, 25)
    for choice in choices:
        _length("name", choice["name"], 1, 100)
        _length("value", choice["value"], 1, 100)


def _named(thing: dict[str, Any]) -> None:
    if not re.fullmatch(r"[-_\w]{1,32}", thing["name"]) or thing["name"] != thing["name"].lower():
        raise invalid("name", "APPLICATION_COMMAND_INVALID_NAME")
    _length("description", thing["description"], 1, 100)


def _length(where: str, value: Any, least: int, most: int) -> None:
    if not least <= len(value) <= most:
        raise invalid(where, f"Must be between {least} and {most} in length.")
