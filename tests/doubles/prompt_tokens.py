"""Prompt tokens as the API bills them: o200k_base, with the per-message and per-tool overheads of its cookbook."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from agents.tokens import count_tokens

_PER_MESSAGE, _PER_REPLY = 3, 3
_TOOL, _PROPERTIES, _PROPERTY, _ENUM, _ENUM_ITEM, _TOOLS = 7, 3, 3, -3, 3, 12

_count = lru_cache(maxsize=4096)(count_tokens)


def prompt_tokens(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> int:
    """Tokens of a request's messages and tool definitions."""
    total = _PER_REPLY
    for message in messages:
        total += _PER_MESSAGE + sum(_count(_text(value)) for value in message.values() if value)
    return total + (_TOOLS + sum(_tool(tool["function"]) for tool in tools) if tools else 0)


def completion_tokens(message: dict[str, Any]) -> int:
    """Tokens of a reply: its text or its calls."""
    calls = message.get("tool_calls") or []
    named = sum(_count(c["function"]["name"]) + _count(c["function"]["arguments"]) + 4 for c in calls)
    return named + _count(message.get("content") or "")


def _tool(function: dict[str, Any]) -> int:
    total = _TOOL + _count(f"{function['name']}:{function.get('description', '').rstrip('.')}")
    properties = function.get("parameters", {}).get("properties", {})
    if properties:
        total += _PROPERTIES
    for name, described in properties.items():
        text = f"{name}:{described.get('type', '')}:{described.get('description', '').rstrip('.')}"
        total += _PROPERTY + _count(text)
        if "enum" in described:
            total += _ENUM + sum(_ENUM_ITEM + _count(str(item)) for item in described["enum"])
    return total


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
