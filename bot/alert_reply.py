"""An alert as people see it in a chat: the level first, then what, why and what to do, and buttons for what fits.

Names in it come from devices: nothing in the text is taken for markup, a link or a command.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from bot.commands.buttons import place_button
from bot.commands.saying import name, to_come
from bot.reply import Block, Bold, Button, ButtonStyle, Code, Inline, Lines, Paragraph, Reply, Source, Text
from bot.text import clean, inert, without_foreign_links
from energy.units import format_clock

if TYPE_CHECKING:
    from charts.specs import ChartSpec
    from services.alert_content import Act, AlertContent
    from services.scope import Scope

log = structlog.get_logger()

_HEAD = re.compile(r"(?P<head>CRITICAL|Critical|Warning|Info|Over|Muted|What to do(?: first)?|\d+ alerts are over):")
_MOST_IDS = 3
_MOST_DEVICES = 3
# The fitting actions go the ordinary way of the command, with the role of whoever taps; stopping acts at once.
_COMMANDS: dict[Act, tuple[str, str, ButtonStyle]] = {
    "stop_miners": ("Stop miners", "/miners stop all", "danger"),
    "start_miners": ("Start miners", "/miners start all", "primary"),
    "grid_charge": ("Enable grid charging", "/grid charge on", "primary"),
}
_OWN: dict[Act, tuple[str, ButtonStyle]] = {
    "ack": ("Acknowledge", "primary"),
    "mute": ("Mute 1 h", "plain"),
    "chart": ("Chart", "plain"),
}


async def alert_reply(
    scope: Scope, content: AlertContent, place: str, *, buttons: bool = True, chart: bool = False
) -> Reply:
    """The message as it stands now; its buttons work in `place` for whoever may, each with their own role.

    Without `buttons` (email, SMS) it says what to type in the chat instead. With `chart` the picture goes along; the
    text goes even if there is none.
    """
    blocks = text_blocks(content.text)
    blocks += [] if buttons else _typed_instead(content)
    source = _source(scope, content)
    spec = await chart_of(scope, content) if chart and content.standing == "open" else None
    return Reply(
        (*blocks, *([Source(source)] if source else [])),
        charts=() if spec is None else (spec,),
        buttons=await _rows(scope, content, place) if buttons else (),
    )


def notice_reply(level: str, text: str) -> Reply:
    """Something else to be told, as people see it; what is critical says so first."""
    blocks = text_blocks(text)
    if level != "critical" or _HEAD.match(text.strip()):
        return Reply(tuple(blocks))
    match blocks:
        case [Paragraph(inlines), *rest]:
            return Reply((Paragraph((Bold("Critical:"), Text(" "), *inlines)), *rest))
        case _:
            return Reply((Paragraph((Bold("Critical:"),)), *blocks))


async def chart_of(scope: Scope, content: AlertContent) -> ChartSpec | None:
    """The chart of an alert; None where there is none, or where it cannot be made."""
    stored = content.chart_of
    if stored is None:
        return None
    try:
        from bot.alert_chart import alert_chart  # matplotlib is loaded for it

        return await alert_chart(scope, stored)
    except Exception:  # no chart is worth losing the alert
        log.exception("alert_chart_failed", episode=stored.episode_id)
        return None


def text_blocks(text: str) -> list[Block]:
    """Plain lines as blocks: "- " makes a list, the level and "What to do" are bold."""
    blocks: list[Block] = []
    for line in without_foreign_links(clean(text)).strip().split("\n"):
        is_item = line.startswith(("- ", "• "))
        inlines = _inlines(line[2:] if is_item else line)
        match blocks[-1] if blocks else None:
            case Lines(items) if is_item:
                blocks[-1] = Lines((*items, inlines))
            case Paragraph(before) if not is_item:
                blocks[-1] = Paragraph((*before, Text("\n"), *inlines))
            case _:
                blocks.append(Lines((inlines,)) if is_item else Paragraph(inlines))
    return blocks


def _inlines(line: str) -> tuple[Inline, ...]:
    if line.startswith("Acknowledged by "):
        return (Bold(inert(line)),)
    found = _HEAD.match(line)
    if found is None:
        return (Text(inert(line)),)
    rest = line[found.end() :]
    bold = Bold(f"{found['head'].capitalize() if found['head'].isupper() else found['head']}:")
    return (bold, Text(inert(rest))) if rest else (bold,)


def _typed_instead(content: AlertContent) -> list[Block]:
    """What to type where nothing can be tapped."""
    ids = [stored.episode_id for stored in content.episodes if stored.episode.is_firing]
    which = " ".join(map(str, ids)) if len(ids) <= _MOST_IDS else "all"
    typed = [f"/ack {which}"] if "ack" in content.actions and ids else []
    typed += [_COMMANDS[act][1] for act in content.actions if act in _COMMANDS]
    if not typed:
        return []
    parts: list[Inline] = [Text("Reply in chat: ")]
    for command in typed:
        parts += [*([Text(" or ")] if len(parts) > 1 else []), Code(command)]
    return [Paragraph(tuple(parts))]


def _source(scope: Scope, content: AlertContent) -> str:
    """ "Alert 12, as of 14:02, solark": what it is called, and of when its figures are."""
    ids = [str(stored.episode_id) for stored in content.episodes]
    named = f"Alert {ids[0]}" if len(ids) == 1 else f"Alerts {_few(ids, _MOST_IDS)}"
    if content.standing == "over":
        ended = [stored.episode.resolved_at for stored in content.episodes if stored.episode.resolved_at is not None]
        return f"{named}, over since {_clock(scope, max(ended))}" if ended else named
    signals = [stored.episode.signal for stored in content.episodes]
    taken = [signal.taken_at for signal in signals if signal.taken_at is not None]
    devices = list(dict.fromkeys(name(device, limit=30) for signal in signals for device in signal.devices))
    parts = [named, *([f"as of {_clock(scope, max(taken))}"] if taken else [])]
    parts += [_few(devices, _MOST_DEVICES)] if devices else []
    muted = [each.muted_until for each in content.open_episodes if each.is_muted(scope.now) and each.muted_until]
    muted = [] if "\nMuted until " in content.text else muted  # said already
    return ", ".join([*parts, *([f"muted until {to_come(scope, max(muted))}"] if muted else [])])


def _few(words: Iterable[str], most: int) -> str:
    shown = list(words)
    left = len(shown) - most
    return ", ".join(shown[:most]) + (f" and {left} more" if left > 0 else "")


def _clock(scope: Scope, moment: datetime) -> str:
    return format_clock(moment, scope.zone, now=scope.now, units=scope.units)


async def _rows(scope: Scope, content: AlertContent, place: str) -> tuple[tuple[Button, ...], ...]:
    own = [
        await place_button(
            scope, place, _OWN[act][0], {"do": "alert", "act": act, "message": content.message_id}, style=_OWN[act][1]
        )
        for act in content.actions
        if act in _OWN
    ]
    acting = [
        await place_button(
            scope, place, _COMMANDS[act][0], {"do": "command", "text": _COMMANDS[act][1]}, style=_COMMANDS[act][2]
        )
        for act in content.actions
        if act in _COMMANDS
    ]
    return tuple(tuple(row) for row in (own, acting) if row)
