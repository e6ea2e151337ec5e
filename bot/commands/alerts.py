"""/alerts, /ack, and what the buttons under an alert do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.alert_reply import alert_reply, chart_of, text_blocks
from bot.commands.buttons import run_button
from bot.commands.command import Context
from bot.commands.miners import may_switch as may_decide
from bot.commands.mutes import USUAL_MUTE, for_whom, muted_untils
from bot.commands.saying import Line, Misused, all_of, answer, inlines, listed, name, quoted, to_come
from bot.reply import Bold, Button, Code, Inline, Paragraph, Reply, Text, say
from energy.preferences import Preferences
from energy.units import DEFAULT_UNITS, format_clock
from services import alert_content, alerts, groups
from services.audience import is_own
from services.scope import Actor

if TYPE_CHECKING:
    from services.alerts import Acknowledged, AlertView
    from services.scope import Scope

_SHOWN, _MANY = 3, 20
_HISTORY = timedelta(days=7)
_GONE = say("That alert is not kept any more. /alerts lists what is open.")
_NUMBERS = re.compile(r"#?\d{1,9}(?:(?:\s*,\s*|\s+(?:and\s+)?)#?\d{1,9})*")


async def list_alerts(scope: Scope, context: Context, arguments: str) -> Reply:
    """What is open; `history` what was; `here on|off` whether this group hears alerts."""
    first, _, rest = arguments.strip().lower().partition(" ")
    match first:
        case "" | "list" | "open":
            return await _open(scope, context, everything=False)
        case "all":
            return await _open(scope, context, everything=True)
        case "history":
            return await _history(scope, context, everything=rest.strip() == "all")
        case "here":
            return await _here(scope, context, rest.strip())
        case _:
            raise Misused(
                f"{quoted(arguments)} is nothing that I can show of alerts",
                "Allowed: nothing for what is open, all, history, here on or here off",
                "/alerts history",
            )


async def ack(scope: Scope, context: Context, arguments: str) -> Reply:
    """Take one alert in hand, several, or all of them."""
    words = arguments.strip().lower()
    if words in ("all", "everything"):
        return await _taken(scope, await alerts.acknowledge(scope))
    if words:
        if not _NUMBERS.fullmatch(words):
            raise Misused(f"{quoted(arguments)} is no alert's number", "/alerts lists them; or all", "/ack all")
        numbers = [int(number) for number in re.findall(r"\d+", words)]
        return await _taken(scope, await alerts.acknowledge(scope, numbers))
    waiting = [view for view in await alerts.open_alerts(scope) if view.episode.acknowledged_at is None]
    if len(waiting) <= 1:
        return await _taken(scope, await alerts.acknowledge(scope, [view.episode_id for view in waiting]))
    shown = [_short(view) for view in waiting[:_SHOWN]]
    left = len(waiting) - len(shown)
    return listed(
        "Which one?",
        [*shown, *([f"and {left} more: /alerts all"] if left else [])],
        ("For example: ", Code(f"/ack {waiting[0].episode_id}")),
        buttons=[await _ack_buttons(scope, context, waiting)],
    )


async def tapped(action: Mapping[str, Any], scope: Scope, context: Context) -> Reply:
    """What a button under an alert does, with the role of whoever tapped: the message itself shows what came of it."""
    message_id, act = int(action.get("message", 0)), action.get("act")
    reader = scope if context.direct else _group(scope)
    content = await alert_content.content_of(reader, message_id)
    if content is None:
        return _GONE
    match act:
        case "ack":
            await alerts.acknowledge(scope, [each.episode_id for each in content.episodes])
        case "mute":
            until = scope.now + USUAL_MUTE
            firing = [each for each in content.episodes if each.episode.is_firing] or content.episodes
            before = await muted_untils(scope)
            for rule_id, episode_id in {each.episode.rule_id: each.episode_id for each in firing}.items():
                if before.get(rule_id, until) <= until:
                    await alerts.mute(scope, episode_id, until)
            if not context.direct and not may_decide(scope):  # nothing changes for the others who read it
                said = f"muted until {to_come(scope, until)}, {for_whom(scope)}."
                return answer(f"{name(scope.actor.name)}: {said}")
        case "chart":
            spec = await chart_of(scope, content)
            if spec is None:
                return say("There is no figure to draw for this one.")
            return Reply(tuple(text_blocks(content.title)), charts=(spec,))
        case _:
            return _GONE
    after = await alert_content.content_of(reader, message_id)
    if after is None:
        return _GONE
    reply = await alert_reply(reader, after, context.place)
    if act == "mute" and not may_decide(scope):  # for the tapper alone: the message is everybody's
        said = f"Muted until {to_come(scope, scope.now + USUAL_MUTE)}, {for_whom(scope)}."
        reply = replace(reply, blocks=(reply.blocks[0], Paragraph((Text(said),)), *reply.blocks[1:]))
    return replace(reply, replaces=True)


async def _open(scope: Scope, context: Context, *, everything: bool) -> Reply:
    views = await alerts.open_alerts(scope)
    unread = await alerts.unread(scope)
    await alerts.mark_read(scope)
    news = f", {unread} unread" if unread else ""
    count = len(await alerts.mutes(scope))
    muted = [f"{count} {'rule is' if count == 1 else 'rules are'} muted: /mute lists them."] if count else []
    if not views:
        return answer(
            f"No alert is open{news}.",
            *muted,
            buttons=[[await run_button(scope, context, "History", "/alerts history")]],
        )
    if len(views) == 1:
        (view,) = views
        return Reply(
            (
                Paragraph((Bold(f"Alert {view.episode_id}"), Text(f"{news}."))),
                *text_blocks(view.text),
                *(Paragraph((Text(line),)) for line in muted),
            ),
            buttons=await _open_rows(scope, context, views),
        )
    most = _MANY if everything else _SHOWN
    shown: list[Line] = [_line(view) for view in views[:most]]
    left = len(views) - len(shown)
    return listed(
        (Bold(f"{len(views)} alerts open"), Text(f"{news}:")),
        [*shown, *([f"and {left} more: /alerts all" if not everything else f"and {left} more"] if left else [])],
        *muted,
        buttons=await _open_rows(scope, context, views),
    )


async def _open_rows(scope: Scope, context: Context, views: Sequence[AlertView]) -> tuple[tuple[Button, ...], ...]:
    waiting = [view for view in views if view.episode.acknowledged_at is None]
    last = (
        await run_button(scope, context, "History", "/alerts history"),
        await run_button(scope, context, "Refresh", "/alerts", replaces=True),
    )
    if not may_decide(scope):  # what is theirs alone they take in hand alone
        waiting = [view for view in waiting if is_own(view.rule.id)][:1]
    first = await _ack_buttons(scope, context, waiting)
    return (*([tuple(first)] if first else []), last)


async def _ack_buttons(scope: Scope, context: Context, waiting: Sequence[AlertView]) -> list[Button]:
    if not waiting:
        return []
    if len(waiting) == 1:
        return [await run_button(scope, context, "Acknowledge", f"/ack {waiting[0].episode_id}", style="primary")]
    return [
        await run_button(scope, context, "Acknowledge all", "/ack all", style="primary"),
        *[
            await run_button(scope, context, f"Acknowledge {view.episode_id}", f"/ack {view.episode_id}")
            for view in waiting[:2]
        ],
    ]


async def _history(scope: Scope, context: Context, *, everything: bool) -> Reply:
    views = await alerts.recent(scope, scope.now - _HISTORY, limit=_MANY + 1)
    await alerts.mark_read(scope)
    if not views:
        return answer("No alert in the last 7 days.")
    shown = views[: _MANY if everything else _SHOWN]
    left = len(views) - len(shown)
    rows = [[await run_button(scope, context, "More", "/alerts history all")]] if left and not everything else []
    return listed("The last 7 days, latest first:", [_past(scope, view) for view in shown], buttons=rows)


def _past(scope: Scope, view: AlertView) -> Line:
    episode = view.episode
    began = _clock(scope, episode.since)
    ended_at = episode.resolved_at
    if ended_at is None:
        span = f"since {began}, still open"
    elif began.rpartition(" ")[0] == _clock(scope, ended_at).rpartition(" ")[0]:  # the same day
        span = f"{began} to {_clock(scope, ended_at).rpartition(' ')[2]}"
    else:
        span = f"{began} to {_clock(scope, ended_at)}"
    about = f" ({name(episode.subject, limit=30)})" if episode.subject else ""
    return (Bold(f"{view.episode_id} {name(view.rule.title)}"), Text(f"{about}: {span}"))


async def _here(scope: Scope, context: Context, word: str) -> Reply:
    if word not in ("on", "off", ""):
        raise Misused(f"after /alerts here I understand on or off, not {quoted(word)}", "", "/alerts here on")
    if context.direct:
        raise Misused(
            "this is a direct chat, which hears your alerts by /prefs; say it in the group that you mean",
            "",
            "/alerts here on",
        )
    platform, chat_id = context.address.platform, context.address.chat_id
    if word:
        if not await groups.set_alerts(scope, platform, chat_id, word == "on"):
            raise Misused("this group is not open yet; open it first, then send that again", "", "/group open")
        if word == "off":
            return answer("No alerts in this group any more.")
        return answer("Alerts are told in this group from now on.", "/alerts here off ends that.")
    on = await groups.has_alerts(scope, platform, chat_id)
    other = "off" if on else "on"
    return answer(
        f"Alerts are {'told' if on else 'not told'} in this group.", ("To change it: ", Code(f"/alerts here {other}"))
    )


async def _taken(scope: Scope, found: Acknowledged) -> Reply:
    """What came of it; whoever has all that is open in hand has read it."""
    if all(view.episode.acknowledged_at is not None for view in await alerts.open_alerts(scope)):
        await alerts.mark_read(scope)
    return _acknowledged(found)


def _acknowledged(found: Acknowledged) -> Reply:
    lines: list[Line] = []
    if found.done:
        which = all_of(_named(view) for view in found.done[:_SHOWN])
        left = len(found.done) - _SHOWN
        more = f" and {left} more" if left > 0 else ""
        lines.append((Bold("Acknowledged: "), Text(f"{which}{more}.")))
        it, is_ = ("it", "it is") if len(found.done) == 1 else ("them", "they are")
        lines.append(f"Nobody else is called for {it}, and {is_} not told again.")
    for already in found.already[:_SHOWN]:
        by = f"was acknowledged by {name(already.by)} before" if already.by else "is over"
        lines.append(f"{_named(already.view)} {by}.")
    if found.unknown:
        numbers = all_of(str(number) for number in found.unknown[:_SHOWN])
        lines.append(f"There is no alert {numbers} here. /alerts lists those that are open.")
    return answer(*lines) if lines else answer("Nothing waits to be acknowledged.")


def _line(view: AlertView) -> Line:
    """The number, the level and the figure; who has it in hand."""
    first, *rest = view.text.split("\n")
    parts: list[Inline] = [Bold(f"{view.episode_id} ")]
    for block in text_blocks(first):
        if isinstance(block, Paragraph):
            parts += block.inlines
    in_hand = next((line for line in rest if line.startswith("Acknowledged")), "")
    return (*parts, *inlines(f" {name(in_hand, limit=120)}")) if in_hand else tuple(parts)


def _short(view: AlertView) -> Line:
    return (Bold(f"{view.episode_id} "), Text(name(view.rule.title)))


def _named(view: AlertView) -> str:
    about = f" ({name(view.episode.subject, limit=30)})" if view.episode.subject else ""
    return f"{view.episode_id} {name(view.rule.title)}{about}"


def _group(scope: Scope) -> Scope:
    """What a group's message shows is the same whoever tapped: with every button, in the site's own units and zone."""
    nobody = Actor(None, "group", "viewer")
    return replace(scope, actor=nobody, preferences=Preferences(), units=DEFAULT_UNITS, own_zone=None)


def _clock(scope: Scope, moment: datetime) -> str:
    return format_clock(moment, scope.zone, now=scope.now, units=scope.units)
