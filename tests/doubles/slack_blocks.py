"""What Slack checks in blocks and views, and what a reader sees of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_PLAIN, _MRKDWN = "plain_text", "mrkdwn"


class Refused(Exception):
    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code, self.detail = code, detail


@dataclass(frozen=True)
class SeenButton:
    label: str
    value: str
    action_id: str
    style: str


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2  # raises on lone surrogates, which no JSON of Slack's holds


def check_blocks(blocks: list[dict[str, Any]], *, most: int = 50) -> None:
    """Raise what Slack answers to blocks that it does not take."""
    if len(blocks) > most:
        raise Refused("invalid_blocks", f"no more than {most} items allowed")
    actions: set[str] = set()
    ids: set[str] = set()
    for block in blocks:
        if (block_id := block.get("block_id")) is not None:
            if block_id in ids or len(block_id) > 255:
                raise Refused("invalid_blocks", "block_id is used twice or too long")
            ids.add(block_id)
        match block.get("type"):
            case "rich_text":
                _rich_text(block)
            case "section":
                _text(block["text"], 3000)
            case "context":
                if not 1 <= len(block["elements"]) <= 10:
                    raise Refused("invalid_blocks", "context: 1 to 10 elements")
                for element in block["elements"]:
                    _text(element, 3000)
            case "actions":
                if not 1 <= len(block["elements"]) <= 25:
                    raise Refused("invalid_blocks", "actions: 1 to 25 elements")
                for element in block["elements"]:
                    _button(element, actions)
            case "input":
                _input(block)
            case unknown:
                raise Refused("invalid_blocks", f"unsupported type: {unknown}")


def check_view(view: dict[str, Any]) -> None:
    if view.get("type") != "modal" or not view.get("blocks"):
        raise Refused("invalid_arguments", "a modal with blocks")
    for name in ("title", "submit", "close"):
        if name in view:
            _text(view[name], 24, kinds=(_PLAIN,))
    if "submit" not in view and any(block["type"] == "input" for block in view["blocks"]):
        raise Refused("invalid_arguments", "submit is required when there is an input")
    if len(view.get("private_metadata", "")) > 3000 or len(view.get("callback_id", "")) > 255:
        raise Refused("invalid_arguments", "private_metadata or callback_id too long")
    check_blocks(view["blocks"], most=100)


def seen_text(blocks: list[dict[str, Any]], text: str) -> str:
    """What stands there: the blocks where there are some, else the text as mrkdwn."""
    lines: list[str] = []
    for block in blocks:
        match block["type"]:
            case "rich_text":
                lines += ["".join(part["text"] for part in element["elements"]) for element in block["elements"]]
            case "section":
                lines.append(_shown(block["text"]))
            case "context":
                lines.append(" ".join(_shown(element) for element in block["elements"]))
    return "\n".join(lines) if blocks else _unescaped(text)


def seen_buttons(blocks: list[dict[str, Any]]) -> list[list[SeenButton]]:
    return [
        [SeenButton(e["text"]["text"], e["value"], e["action_id"], e.get("style", "plain")) for e in block["elements"]]
        for block in blocks
        if block["type"] == "actions"
    ]


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _shown(text: dict[str, Any]) -> str:
    return text["text"] if text["type"] == _PLAIN else _unescaped(text["text"])


def _text(text: dict[str, Any], limit: int, *, kinds: tuple[str, ...] = (_PLAIN, _MRKDWN)) -> None:
    if text.get("type") not in kinds or not isinstance(text.get("text"), str):
        raise Refused("invalid_blocks", f"a text must be one of {kinds}")
    if not 1 <= utf16_length(text["text"]) <= limit:
        raise Refused("invalid_blocks", f"must be 1 to {limit} characters long")


def _rich_text(block: dict[str, Any]) -> None:
    if set(block) - {"type", "elements", "block_id"} or not block.get("elements"):
        raise Refused("invalid_blocks", "rich_text needs elements, and takes nothing else")
    for element in block["elements"]:
        if element.get("type") not in ("rich_text_section", "rich_text_preformatted") or not element.get("elements"):
            raise Refused("invalid_blocks", f"unsupported rich text: {element.get('type')}")
        for part in element["elements"]:
            if part.get("type") != "text" or not part.get("text"):
                raise Refused("invalid_blocks", "text must not be empty")
            utf16_length(part["text"])
            if set(part.get("style", {})) - {"bold", "italic", "strike", "code"}:
                raise Refused("invalid_blocks", "unknown style")


def _button(element: dict[str, Any], actions: set[str]) -> None:
    if element.get("type") != "button":
        raise Refused("invalid_blocks", f"unsupported element: {element.get('type')}")
    _text(element["text"], 75, kinds=(_PLAIN,))
    if len(element.get("value", "")) > 2000 or element.get("style", "primary") not in ("primary", "danger"):
        raise Refused("invalid_blocks", "value too long or unknown style")
    action = element.get("action_id", "")
    if not 1 <= len(action) <= 255 or action in actions:
        raise Refused("invalid_blocks", "action_id is missing, too long or used twice")
    actions.add(action)


def _input(block: dict[str, Any]) -> None:
    _text(block["label"], 2000, kinds=(_PLAIN,))
    element = block["element"]
    options = element.get("options", [])
    match element.get("type"):
        case "plain_text_input":
            if len(element.get("initial_value", "")) > element.get("max_length", 3000):
                raise Refused("invalid_arguments", "initial_value too long")
        case "static_select":
            if not 1 <= len(options) <= 100:
                raise Refused("invalid_arguments", "1 to 100 options")
            if "initial_option" in element and element["initial_option"] not in options:
                raise Refused("invalid_arguments", "initial_option must be one of the options")
        case "external_select":
            pass
        case unknown:
            raise Refused("invalid_arguments", f"unsupported element: {unknown}")
    for option in options:
        _text(option["text"], 75, kinds=(_PLAIN,))
        if not 1 <= len(option["value"]) <= 150:
            raise Refused("invalid_arguments", "option value: 1 to 150 characters")
