"""The miners: /miners list, start, stop, auto, log, and what their confirmations say."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from bot.commands.buttons import once_button, run_button
from bot.commands.command import STOP_WORDS, Context
from bot.commands.saying import Line, Misused, answer, figure, listed, name, one_of, quoted
from bot.message import Address
from bot.reply import Button, ButtonStyle, Reply
from energy.durations import UnknownDuration, parse_until
from energy.units import format_clock, format_energy, format_power
from services import control
from services.control_words import confirm_text, refusal_text, result_text
from services.miners import UnknownMiner, find_miners, miner_states
from services.scope import ROLES

if TYPE_CHECKING:
    from services.control import Asked, Confirm
    from services.miners import MinerState
    from services.scope import Scope

LONGEST = timedelta(days=31)
_SHOWN = 5
_LOG, _LONG_LOG = 5, 20
Switching = Literal["start", "stop", "auto"]
_ACTIONS = ("list", "start", "stop", "auto", "log")
_WORDS = {"on": "start", "automatic": "auto", "status": "list", "history": "log"} | dict.fromkeys(STOP_WORDS, "stop")
_LATER = re.compile(r"(?:^|\s)(?P<time>(?:at|in|after)\b.*)$", re.IGNORECASE)
_TIME = re.compile(r"\b(?:for|until|till|til)\b.*", re.IGNORECASE)
_LABELS: dict[str, tuple[str, ButtonStyle]] = {
    "miners.start": ("Start", "primary"),
    "miners.stop": ("Stop", "danger"),
    "miners.auto": ("Hand over", "primary"),
    "grid_charge.on": ("Enable", "primary"),
    "grid_charge.off": ("Disable", "primary"),
}


async def miners(scope: Scope, context: Context, arguments: str) -> Reply:
    """`list` without a word; an order for some of them, or all."""
    if not scope.site.miner:
        return answer("This site has no miners.", "The owner describes them in commandcenter.toml under [[miner]].")
    first, _, rest = arguments.strip().partition(" ")
    action = _WORDS.get(first.lower(), first.lower())
    match action:
        case "" | "list":
            return await _list(scope, context, rest.strip())
        case "log":
            return await _log(scope, context, rest.strip())
        case "start" | "stop" | "auto":
            return await _order(scope, context, action, rest.strip())
        case _:
            return await _list(scope, context, arguments.strip())


async def decided(decision: Literal["confirm", "cancel"], request_id: str, scope: Scope, context: Context) -> Reply:
    """What a tap on a confirmation's button does. The services check role, person and interlocks again."""
    if decision == "cancel":
        cancelled = await control.cancel(scope, request_id)
        return answer("Cancelled; nothing was switched." if cancelled else "That was decided already; see /miners log.")
    asked = await control.confirm(scope, request_id, place=context.place, address=address_to_json(context.address))
    match asked:
        case control.Late(confirm):
            return await _confirmation(scope, context, confirm, "That confirmation has expired.")
        case _:
            return await said(scope, context, asked)


async def proposal(request_id: str, scope: Scope, context: Context) -> Reply:
    """The confirmation of something that the assistant proposed, with its buttons."""
    return await _confirmation(scope, context, await control.proposed(scope, request_id))


async def _order(scope: Scope, context: Context, action: Switching, rest: str) -> Reply:
    chosen, until = _chosen(scope, action, rest)
    asked = await control.order(
        scope,
        control.Order(action=action, miners=chosen, until=until),
        origin=context.origin,
        place=context.place,
        address=address_to_json(context.address),
        key=context.key,
    )
    return await said(scope, context, asked)


async def said(scope: Scope, context: Context, asked: Asked) -> Reply:
    match asked:
        case control.Accepted(request):
            done = await control.result(scope, request.request_id, timeout_s=context.patience_s)
            if done is None:
                return answer("Still working on it; I tell you here as soon as the relays have answered.")
            await control.claim_report(scope, request.request_id)
            return _text(result_text(done, scope))
        case control.Confirm():
            return await _confirmation(scope, context, asked)
        case control.RefusedBy():
            return _text(refusal_text(asked, scope))


async def _confirmation(scope: Scope, context: Context, confirm: Confirm, before: str = "") -> Reply:
    request = confirm.request
    label, style = _LABELS.get(request.action, ("Yes", "primary"))
    row = (
        await once_button(
            scope,
            context,
            label,
            {"do": "confirm", "request": request.request_id},
            expires_at=request.expires_at,
            style=style,
        ),
        await once_button(
            scope, context, "Cancel", {"do": "cancel", "request": request.request_id}, expires_at=request.expires_at
        ),
    )
    reply = _text(f"{before}\n{confirm_text(confirm, scope)}")
    return Reply(reply.blocks, buttons=(row,))


def _text(text: str) -> Reply:
    lines = [line for line in text.split("\n") if line.strip()] or ["Done."]
    return answer(*lines)


def _chosen(scope: Scope, action: str, rest: str) -> tuple[tuple[str, ...], datetime | None]:
    """The miners and the time that the words after the action name; all of them where none is named."""
    later = _LATER.search(rest)
    if later is not None and not _TIME.search(rest) and not _is_miner(scope, rest):
        # "at 22:00" would be taken for the end of an order that begins now.
        raise Misused(
            f"{quoted(later['time'])} is later, and I switch now",
            'A time can be its end: "for 2h" or "until 18:00"',
            f"/miners {action} {scope.site.miner[0].id}{'' if action == 'auto' else ' until 18:00'}",
        )
    names, time = _names_and_time(scope, rest)
    try:
        chosen = tuple(miner.id for miner in find_miners(scope.site, names or "all"))
    except UnknownMiner as error:
        raise _unknown(scope, error, action) from error
    if not time:
        return chosen, None
    if action == "auto":
        raise Misused("the automatic has no end: it goes on until somebody says otherwise", "", "/miners auto")
    return chosen, _until(scope, action, time)


def _unknown(scope: Scope, error: UnknownMiner, action: str) -> Misused:
    return Misused(name(str(error), limit=200), 'Or "all"', f"/miners {action} {scope.site.miner[0].id}")


def _names_and_time(scope: Scope, rest: str) -> tuple[str, str]:
    """`s19-1 for 2h` and, as native commands write it, `s19-1 2h` or `2h` alone."""
    marked = _TIME.search(rest)
    if marked is not None:
        return rest[: marked.start()].strip(), marked[0].strip()
    words = rest.split()
    for size in range(len(words)):
        tail = " ".join(words[size:])
        if _is_miner(scope, tail):
            break
        try:
            parse_until(tail, now=scope.as_of, zone=scope.zone)
        except UnknownDuration:
            continue
        return " ".join(words[:size]), tail
    return rest, ""


def _is_miner(scope: Scope, words: str) -> bool:
    try:
        return bool(find_miners(scope.site, words))
    except UnknownMiner:
        return False


def _until(scope: Scope, action: str, time: str) -> datetime:
    example = f"/miners {action} {scope.site.miner[0].id} for 2h"
    try:
        until = parse_until(time, now=scope.as_of, zone=scope.zone)
    except UnknownDuration as error:
        raise Misused(name(str(error), limit=200), "", example) from error
    if until > scope.as_of + LONGEST:
        raise Misused(f"{quoted(time)} is too long", "At most 31 days; without a time it holds until changed", example)
    return until


async def _list(scope: Scope, context: Context, words: str) -> Reply:
    states = await miner_states(scope)
    if words and words.lower() != "all":
        try:
            chosen = {miner.id for miner in find_miners(scope.site, words)}
        except UnknownMiner as error:
            raise Misused(
                name(str(error), limit=200), f"After /miners: {one_of(_ACTIONS)}, or a miner's name", "/miners stop all"
            ) from error
        states = [state for state in states if state.miner.id in chosen]
    if len(states) == 1 and words:
        return await _one(scope, context, states[0])
    running = [state for state in states if state.on]
    known_w = [state.power_w for state in running if state.power_w is not None]
    total = f", {format_power(sum(known_w), scope.units)}" if known_w else ""
    shown = sorted(states, key=lambda state: (not state.on, state.miner.priority))[:_SHOWN]
    left = f"and {len(states) - len(shown)} more: /miners NAME shows one" if len(states) > len(shown) else ""
    if left:
        shown = shown[:-1]
    items: list[Line] = [_line(scope, state) for state in shown]
    return listed(
        figure(f"{len(running)} of {len(states)} miners on", total),
        [*items, *([left] if left else [])],
        source=_read_at(scope, states),
        buttons=await _buttons(scope, context, shown),
    )


async def _buttons(scope: Scope, context: Context, states: list[MinerState]) -> list[list[Button]]:
    rows: list[list[Button]] = []
    if may_switch(scope):
        switches = [
            await run_button(scope, context, f"Stop {state.miner.id}", f"/miners stop {state.miner.id}", style="danger")
            if state.on
            else await run_button(scope, context, f"Start {state.miner.id}", f"/miners start {state.miner.id}")
            for state in states
        ]
        rows += [switches[at : at + 3] for at in range(0, len(switches), 3)]
    running = [state for state in states if state.on]
    last: list[Button] = []
    if may_switch(scope) and len(running) > 1:
        last.append(await run_button(scope, context, "Stop all", "/miners stop all", style="danger"))
    rows.append(
        [
            *last,
            await run_button(scope, context, "Log", "/miners log"),
            await run_button(scope, context, "Refresh", "/miners", replaces=True),
        ]
    )
    return rows


async def _one(scope: Scope, context: Context, state: MinerState) -> Reply:
    miner = state.miner
    lines: list[Line] = [_line(scope, state)]
    rated = f"{name(miner.name)}: {miner.hashrate_ths:g} TH/s, {format_power(miner.power_w, scope.units)}"
    lines.append(f"{rated}; {state.starts_today} of {miner.max_starts_per_day} starts today.")
    if state.energy_kwh is not None:
        lines.append(f"{format_energy(state.energy_kwh)} on its relay's counter.")
    if not state.on and state.start_blocks:
        block = state.start_blocks[0]
        lines.append(f"Cannot start now: {block.says}{f'; possible {block.when}' if block.when else ''}.")
    if state.wish is not None and state.wish.mode == "auto":
        lines.append(f"The automatic wants it {'on' if state.wants.on else 'off'}: {state.wants.because}.")
    return answer(*lines, source=_read_at(scope, [state]), buttons=await _buttons(scope, context, [state]))


def _line(scope: Scope, state: MinerState) -> Line:
    how: list[str] = []
    if state.on and state.power_w is not None:
        how.append(format_power(state.power_w, scope.units))
    if state.changed_at is not None:
        how.append(f"since {_clock(scope, state.changed_at)}")
    if state.wish is not None:
        how.append(_wish(scope, state))
    if state.problem:
        how.append(name(state.problem, limit=120))
    word = {True: "on", False: "off", None: "unknown"}[state.on]
    return (*figure(f"{name(state.miner.id)} {word}"), *([f", {', '.join(filter(None, how))}"] if any(how) else []))


def _wish(scope: Scope, state: MinerState) -> str:
    wish = state.wish
    if wish is None:
        return ""
    until = f" until {_clock(scope, wish.until)}" if wish.until is not None else ""
    by = f" by {name(wish.set_by)}" if wish.set_by else ""
    match wish.mode:
        case "auto":
            return "automatic"
        case "hand_on" | "hand_off":
            return "switched by hand"
        case "on" if not state.on:
            return f"wanted on{by}{until}"
        case _:
            return f"{by.strip()}{until}".strip()


async def _log(scope: Scope, context: Context, words: str) -> Reply:
    if words and not (words.isdecimal() and len(words) <= 4 and int(words) > 0):
        raise Misused(f"{quoted(words)} is no number of entries", f"From 1 to {_LONG_LOG}", "/miners log 20")
    limit = max(1, min(int(words or _LOG), _LONG_LOG))
    entries = await control.log(scope, limit=limit)
    if not entries:
        return answer("Nobody has switched a miner yet.")
    items = [f"{_clock(scope, entry.at)} {name(entry.who)}: {name(entry.text, limit=300)}" for entry in entries]
    row = [await run_button(scope, context, "More", f"/miners log {_LONG_LOG}")] if len(entries) == _LOG else []
    return listed("Latest first:", items, buttons=(row,))


def may_switch(scope: Scope) -> bool:
    """Whether the person's role allows orders; the services check it again."""
    return ROLES.index(scope.actor.role) >= ROLES.index("operator")


def address_to_json(address: Address) -> dict[str, str | None]:
    """Where a late result is told; the platform's handle of this one interaction will be over by then."""
    return {"platform": address.platform, "chat_id": address.chat_id, "thread": address.thread}


def _clock(scope: Scope, moment: datetime) -> str:
    return format_clock(moment, scope.zone, now=scope.as_of, units=scope.units)


def _read_at(scope: Scope, states: list[MinerState]) -> str:
    read = [state.read_at for state in states if state.read_at is not None]
    return f"as of {_clock(scope, min(read))}, relays" if read else "the relays have not been read yet"
