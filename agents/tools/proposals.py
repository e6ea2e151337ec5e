"""Tools that propose. Nothing happens by them: the person who asked gets a button, and code decides when it is tapped.

A proposal never carries a token, and the model never sees one: it knows that something was proposed, no more.
"""

from __future__ import annotations

from typing import Literal

from agents.tools.desk import ToolDesk, ToolProblem, ToolResult
from agents.tools.words import clock
from energy.durations import UnknownDuration, parse_until
from energy.preferences import PreferenceError, changed, find_preference, shown
from services.control import Accepted, Confirm, Order, RefusedBy, order
from services.miners import UnknownMiner, find_miners

_WORDS = {"start": "start", "stop": "stop", "auto": "put on automatic"}


async def propose_miners(
    desk: ToolDesk, action: Literal["start", "stop", "auto"], miners: str = "all", until: str = ""
) -> ToolResult:
    """Propose switching miners; the person gets a button. miners: id, name or all; until: 2h, 18:00 or empty."""
    place = _place(desk)
    try:
        found = find_miners(desk.scope.site, miners)
        end = parse_until(until, now=desk.scope.as_of, zone=desk.scope.zone) if until else None
    except (UnknownMiner, UnknownDuration) as error:
        raise ToolProblem(str(error), problem="bad_arguments") from error
    names = ", ".join(miner.name for miner in found)
    wanted = Order(action, tuple(miner.id for miner in found), end)
    asked = await order(desk.scope, wanted, origin="model", place=place, address=None, key=None)
    match asked:
        case Confirm(request):
            desk.propose(request.request_id)
            words = f"I propose to {_WORDS[action]} {names}{_until(desk, wanted)}; tap the button to do it."
            return ToolResult({"proposed": action, "miners": list(wanted.miners), "done": False}, words)
        case RefusedBy(_, says):
            reasons = "; ".join(says)
            return ToolResult({"refused": action, "because": list(says)}, f"{names} cannot {action} now: {reasons}.")
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
    words = f"I propose to set {kind.label} to {new}; tap the button to do it."
    return ToolResult({"proposed": kind.name, "value": new, "done": False}, words)


def _place(desk: ToolDesk) -> str:
    if desk.place is None or desk.scope.actor.person_id is None:
        raise ToolProblem("That can be confirmed in a chat only; ask me there.", problem="no_chat")
    return desk.place


def _until(desk: ToolDesk, wanted: Order) -> str:
    return "" if wanted.until is None else f" until {clock(desk.scope, wanted.until)}"
