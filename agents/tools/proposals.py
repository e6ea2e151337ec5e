"""Tools that propose. Nothing happens by them: the person who asked gets a button, and code decides when it is tapped.

A proposal never carries a token, and the model never sees one: it knows that something was proposed, no more.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal

from agents.tools.desk import ToolDesk, ToolProblem, ToolResult
from agents.tools.words import clock
from agents.wording import PROPOSES
from energy.durations import UnknownDuration, parse_until
from energy.preferences import PreferenceError, changed, find_preference, shown
from services.control import Accepted, Confirm, Order, RefusedBy, order
from services.miners import UnknownMiner, find_miners, miner_states

_WORDS = {"start": "start", "stop": "stop", "auto": "put on automatic"}
# "at 22:00" would be read as the end of an order that begins now.
_LATER = re.compile(r"\s*(?:at|in|after|from|when|if|once|unless|while|on)\b", re.IGNORECASE)
_MAY_START = ("auto", "on")
_KNOWN_FOR = timedelta(minutes=2)  # how long a relay's state counts for "off already"


async def propose_miners(
    desk: ToolDesk, action: Literal["start", "stop", "auto"], miners: str = "all", until: str = ""
) -> ToolResult:
    """Propose switching miners now; the person gets a button. miners: ids or all, no exceptions; until: 2h, 18:00."""
    place = _place(desk)
    if _LATER.match(until):
        raise ToolProblem(
            f'"{until.strip()[:40]}" is no end: I can propose it for now, or now "for 2h" or "until 18:00"; not for '
            "later and not on a condition.",
            problem="bad_arguments",
        )
    try:
        found = find_miners(desk.scope.site, miners)
        end = parse_until(until, now=desk.scope.as_of, zone=desk.scope.zone) if until else None
    except (UnknownMiner, UnknownDuration) as error:
        raise ToolProblem(str(error), problem="bad_arguments") from error
    wanted = Order(action, tuple(miner.id for miner in found), end)
    if (already := await _already(desk, wanted)) is not None:
        return ToolResult({"already": action, "miners": list(wanted.miners)}, already)
    asked = await order(desk.scope, wanted, origin="model", place=place, address=None, key=None)
    match asked:
        case Confirm(request):
            desk.propose(request.request_id)
            names = ", ".join(miner.name for miner in found)
            words = f"{PROPOSES} {_WORDS[action]} {names}{_until(desk, wanted)}; tap the button to do it."
            return ToolResult({"proposed": action, "miners": list(wanted.miners), "done": False}, words)
        case RefusedBy(_, says):
            return ToolResult({"refused": action, "because": list(says)}, "\n".join(says))
        case Accepted():
            raise AssertionError("what a model asks for is never accepted without a tap")


async def propose_preference(desk: ToolDesk, name: str, value: str) -> ToolResult:
    """Propose changing one of the person's preferences (min SOC, quiet hours, units); they get a button."""
    _place(desk)
    kind = find_preference(name)
    if kind is None:
        raise ToolProblem(f'There is no preference called "{name[:40]}"; /prefs lists them.', problem="bad_arguments")
    try:
        after = changed(desk.scope.preferences, kind.name, value)
    except PreferenceError as error:
        raise ToolProblem(str(error), problem="bad_arguments") from error
    new = shown(after, kind.name)
    desk.propose(f"/prefs set {kind.name} {value.strip()}")
    words = f"{PROPOSES} set {kind.label} to {new}; tap the button to do it."
    return ToolResult({"proposed": kind.name, "value": new, "done": False}, words)


def _place(desk: ToolDesk) -> str:
    if desk.place is None or desk.scope.actor.person_id is None:
        raise ToolProblem("That can be confirmed in a chat only; ask me there.", problem="no_chat")
    return desk.place


async def _already(desk: ToolDesk, wanted: Order) -> str | None:
    """What to say when all of them are as wanted and stay so; None where an order would change something."""
    if wanted.action == "auto":
        return None
    on = wanted.action == "start"
    states = [state for state in await miner_states(desk.scope) if state.miner.id in wanted.miners]
    for state in states:
        known = state.read_at is not None and desk.scope.as_of - state.read_at <= _KNOWN_FOR and not state.problem
        mode, until = ("", None) if state.wish is None else (state.wish.mode, state.wish.until)
        if not known or state.on is not on:
            return None
        # One that is or will be automatic may be switched on later: a stop keeps it off. A start keeps it on.
        changes = (mode != "on" or wanted.until is not None) if on else mode in _MAY_START
        if changes or until is not None:
            return None
    word = "on" if on else "off"
    are = f"is {word}" if len(states) == 1 else f"are {word}"
    stay = "" if on else " and will not start by themselves" if len(states) > 1 else " and will not start by itself"
    return f"{', '.join(state.miner.id for state in states)} {are} already{stay}; nothing needs to be switched."


def _until(desk: ToolDesk, wanted: Order) -> str:
    return "" if wanted.until is None else f" until {clock(desk.scope, wanted.until)}"
