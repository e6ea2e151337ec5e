"""The app manifest: what the app is called, may do and hears, from the table of commands.

`docs/slack-manifest.yaml` is this, written down; a test holds them equal. `python -m bot.platforms.slack.manifest`
prints it, and with an https address behind it the one for requests over HTTP. Its limits: the schema at
github.com/slackapi/manifest-schema.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bot.commands.command import Command

COMMAND = "/cc"
SHORTCUT = "run_command"
HINT_LIMIT = 1000

# Scope -> what it is for. Each one that is missing here is one that the app cannot misuse.
SCOPES: Mapping[str, str] = {
    "app_mentions:read": "to be named in channels",
    "chat:write": "to answer, to change and to take away what it wrote, and a thread's status",
    "commands": "/cc and the shortcut",
    "files:write": "charts",
    "im:history": "to read what is written to it directly",
    "im:write": "to open a direct chat for notices",
    "pins:write": "/cc live",
    "users:read": "the names of those who write",
}
# No `message.channels` or `message.groups`: in a thread of a channel one names the bot each time, since hearing answers
# to it without its name would mean to be sent every word that is said in the channel.
EVENTS = ("app_mention", "message.im")

_ABOUT = (
    "Ask it about solar, battery, grid and miners: figures come with their time and source, and with a chart where one "
    "says more. It switches miners on the site's own terms, asks before it switches anything on, and says why when it "
    "refuses. Write to it directly, name it in a channel, or use /cc."
)


def manifest(commands: Sequence[Command], request_url: str | None = None) -> dict[str, Any]:
    """The manifest for these commands: for Socket Mode, or for requests to an https address."""
    to_us = {"request_url": request_url} if request_url else {}
    return {
        "display_information": {
            "name": "CommandCenter",
            "description": "The energy command center of a home, ranch or small site",
            "long_description": _ABOUT,
            "background_color": "#14532d",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": False,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "CommandCenter", "always_online": True},
            "shortcuts": [
                {
                    "name": "Run a command",
                    "type": "global",
                    "callback_id": SHORTCUT,
                    "description": "Choose a command and what it is about",
                }
            ],
            "slash_commands": [
                {
                    "command": COMMAND,
                    **({"url": request_url} if request_url else {}),
                    "description": "Ask or tell the command center",
                    "usage_hint": usage_hint(commands),
                    "should_escape": False,
                }
            ],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {**to_us, "bot_events": list(EVENTS)},
            "interactivity": {
                "is_enabled": True,
                **to_us,
                **({"message_menu_options_url": request_url} if request_url else {}),
            },
            "org_deploy_enabled": False,
            "socket_mode_enabled": request_url is None,
            "token_rotation_enabled": False,
        },
    }


def usage_hint(commands: Iterable[Command]) -> str:
    """What Slack shows beside /cc: every command with its choices, as long as there is room."""
    hint = ""
    for command in commands:
        choices = command.parameters[0].choices if command.parameters else ()
        shown = f"{command.name} {'|'.join(choices)}" if choices else command.name
        longer = f"{hint}, {shown}" if hint else shown
        if len(longer) > HINT_LIMIT:
            break
        hint = longer
    return hint


def as_yaml(data: Mapping[str, Any]) -> str:
    """The manifest as YAML (the little of it that a manifest needs)."""
    return "\n".join(_lines(data, "")) + "\n"


def _lines(data: Any, indent: str) -> Iterator[str]:
    if isinstance(data, Mapping):
        for name, value in data.items():
            if isinstance(value, Mapping | list):
                yield f"{indent}{name}:"
                yield from _lines(value, f"{indent}  ")
            else:
                yield f"{indent}{name}: {_scalar(value)}"
        return
    for value in data:
        if isinstance(value, Mapping):
            first, *rest = _lines(value, f"{indent}  ")
            yield f"{indent}- {first.strip()}"
            yield from rest
        else:
            yield f"{indent}- {_scalar(value)}"


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    from bot.commands.table import COMMANDS

    available = [command for command in COMMANDS if command.available]
    sys.stdout.write(as_yaml(manifest(available, *sys.argv[1:2])))
