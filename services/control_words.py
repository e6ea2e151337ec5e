"""Orders in words: what will happen and with which figures, why not, and what came of it. Six lines at the most."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from energy.interlocks import Block, Conditions, Observed
from energy.naming import source_name
from energy.site import Site
from energy.units import day_name, format_clock, format_duration, format_percent, format_power
from services.scope import Scope
from services.starting import Starting
from store.control import ControlRequest
from store.wishes import Earlier, Mode, Wish, earlier_for, wish_after

if TYPE_CHECKING:
    from services.control import Confirm, RefusedBy

MOST_LINES = 6
_MODES: Mapping[str, Mode] = {"miners.start": "on", "miners.stop": "off", "miners.auto": "auto"}
_AGAIN = {"on": ("is wanted on again", "are wanted on again"), "auto": ("is automatic again", "are automatic again")}
_OFF = ("stays off", "stay off")
Wanted = Mapping[str, Wish]


def order_says(site: Site, action: str, arguments: Mapping[str, Any], scope: Scope, wanted: Wanted) -> tuple[str, ...]:
    """What an order will do, for a confirmation. `wanted` are the wishes of now, which a time limit ends in."""
    match action:
        case "grid_charge.on":
            return (f"Enable charging the battery from the grid on {site.name}'s inverter.",)
        case "grid_charge.off":
            return (f"Disable charging the battery from the grid on {site.name}'s inverter.",)
        case "miners.auto":
            ends = _until(action, arguments, scope, wanted)
            return (f"Hand {_and(arguments['miners'])} over to the automatic{ends}.",)
        case _:
            ends = _until(action, arguments, scope, wanted)
            return (f"{_verb(action)} {_rated(site, arguments['miners'], scope)}{ends}.",)


def start_says(scope: Scope, arguments: Mapping[str, Any], starting: Starting, wanted: Wanted) -> tuple[str, ...]:
    """What a start will do, on which figures it was allowed, and which miners may not."""
    may = [miner for miner in arguments["miners"] if miner in starting.allowed] or list(arguments["miners"])
    ends = _until("miners.start", {**arguments, "miners": may}, scope, wanted)
    lines = [f"Start {_rated(scope.site, may, scope)}{ends}."]
    running = [miner for miner in may if starting.found.miners[miner].on] if starting.allowed else []
    if running:
        lines.append(f"Already on: {_and(running)}.")
    lines.append(figures(scope, starting.found))
    if starting.blocked:
        lines += blocked_says(scope.site, "start", starting.blocked)
    return tuple(lines[:MOST_LINES])


def figures(scope: Scope, found: Conditions) -> str:
    """The state of the site on which something is decided, in one line, with the age of the SOC."""
    units = scope.units
    parts = [
        f"SOC {format_percent(found.soc_pct.value)}{_age(scope.site, found.soc_pct, found.now)}"
        if found.soc_pct
        else ""
    ]
    parts += [
        f"{name} {format_power(seen.value, units)}"
        for name, seen in (("solar", found.solar_w), ("load", found.load_w))
        if seen is not None
    ]
    known = ", ".join(filter(None, parts))
    return f"Now: {known}." if found.soc_pct else f"Now: SOC unknown{', ' + known if known else ''}."


def blocked_says(site: Site, verb: str, blocked: Mapping[str, Sequence[Block]]) -> tuple[str, ...]:
    """Why miners cannot: those that the same rules hold back together, with when it may become possible."""
    groups: dict[str, list[str]] = {}
    for miner in [miner.id for miner in site.miner if miner.id in blocked] + [
        miner for miner in blocked if miner not in {each.id for each in site.miner}
    ]:
        groups.setdefault(_reasons(blocked[miner]), []).append(miner)
    return tuple(f"{_and(miners)} cannot {verb}: {reasons}." for reasons, miners in groups.items())


def _reasons(blocks: Iterable[Block]) -> str:
    return "; ".join(f"{block.says}{f', possible {block.when}' if block.when else ''}" for block in blocks)


def results_of(blocked: Mapping[str, Sequence[Block]], says: Sequence[str]) -> dict[str, Any]:
    """What a refused request keeps."""
    return {"says": list(says), "blocks": _as_json(blocked)}


def noted(blocked: Mapping[str, Sequence[Block]], says: Sequence[str] = ()) -> dict[str, Any]:
    """The rules and figures of a refusal, for the audit."""
    return ({"blocks": _as_json(blocked)} if blocked else {}) | ({"why": list(says)} if says else {})


def _as_json(blocked: Mapping[str, Sequence[Block]]) -> dict[str, Any]:
    return {
        miner: [{"rule": block.rule, "says": block.says, "when": block.when} for block in blocks]
        for miner, blocks in blocked.items()
    }


def confirm_text(confirm: Confirm, scope: Scope) -> str:
    """The question before its buttons."""
    lines = list(confirm.says[: MOST_LINES - 1])
    ends = confirm.request.expires_at
    if ends is not None:
        left = max(ends - scope.now, timedelta(0))
        lines.append(f"Good for {format_duration(left)}, until {_clock(ends, scope)}.")
    return "\n".join(lines)


def refusal_text(refused: RefusedBy, scope: Scope) -> str:  # noqa: ARG001  texts are told to somebody
    """Which rule, with which figures, and when it may become possible."""
    return "\n".join(_few(refused.says or ("That cannot be done now.",)))


def result_text(request: ControlRequest, scope: Scope) -> str:  # noqa: ARG001  likewise
    """What came of a request, in the worker's words: a sentence a miner."""
    told = [entry for entry in request.results.values() if isinstance(entry, Mapping) and entry.get("says")]
    lines = list(dict.fromkeys(str(entry["says"]) for entry in told))
    if not lines:
        lines = [str(line) for line in request.results.get("says") or ()]
    if not lines:
        problem = request.results.get("problem")
        lines = [f"{_state(request)}{f': {problem}' if problem else ''}."]
    return "\n".join(_few(lines))


def _state(request: ControlRequest) -> str:
    what = action_words(request.action, request.arguments)
    match request.state:
        case "done":
            return f"Done: {what}"
        case "refused":
            return f"Refused: {what}"
        case "cancelled":
            return f"Cancelled: {what}"
        case "expired":
            return f"Not done, too much time had passed: {what}"
        case "failed":
            return f"Failed: {what}"
        case _:
            return f"Still being done: {what}"


def action_words(action: str, arguments: Mapping[str, Any]) -> str:
    """ "start s21 and s19-1", "enable grid charging"."""
    if action == "grid_charge.on":
        return "enable grid charging"
    if action == "grid_charge.off":
        return "disable grid charging"
    miners = _and([str(miner) for miner in arguments.get("miners") or ()])
    return f"set {miners} to automatic" if action == "miners.auto" else f"{action.rpartition('.')[2]} {miners}"


def _few(lines: Sequence[str]) -> Sequence[str]:
    if len(lines) <= MOST_LINES:
        return lines
    return (*lines[: MOST_LINES - 1], f"and {len(lines) - MOST_LINES + 1} more: /miners shows all.")


def _rated(site: Site, miners: Sequence[str], scope: Scope) -> str:
    by_id = {miner.id: miner for miner in site.miner}
    rated = [
        f"{miner} ({format_power(by_id[miner].power_w, scope.units)})" if miner in by_id else miner for miner in miners
    ]
    total = sum(by_id[miner].power_w for miner in miners if miner in by_id)
    return _and(rated) + (f", {format_power(total, scope.units)} in all" if len(miners) > 1 else "")


def _until(action: str, arguments: Mapping[str, Any], scope: Scope, wanted: Wanted) -> str:
    """The time limit, and for each miner what is wanted after it: the very thing that the worker will put back."""
    if arguments.get("until") is None:
        return ""
    until = datetime.fromisoformat(arguments["until"])
    groups: dict[Earlier, list[str]] = {}
    for miner in arguments["miners"]:
        before = earlier_for(wanted.get(miner), _MODES[action], until)
        after = wish_after(Wish(miner, _MODES[action], until, "", scope.now, before=before), until)
        groups.setdefault(Earlier(after.mode, after.until, ""), []).append(miner)
    named = len(groups) > 1
    told = []
    for then, miners in groups.items():
        one = len(miners) == 1
        who = _and(miners) if named else "it" if one else "they"
        told.append(f"{who} {_again(then, lambda moment: _clock(moment, scope), one=one)}")
    return f" until {_clock(until, scope)}; afterwards {'; '.join(told)}"


def after_words(wish: Wish, at: Callable[[datetime], str]) -> str:
    """What is wanted once a time limit is over: "stays off", "is wanted on again until 18:00". `at` words a moment."""
    return _again(Earlier(wish.mode, wish.until, wish.set_by), at, one=True)


def then_says(wish: Wish, at: Callable[[datetime], str]) -> str:
    """What happens when the time of a wish is over, as a sentence."""
    if wish.until is None:
        return ""
    after, ends = wish_after(wish, wish.until), at(wish.until)
    then = after_words(after, at)
    if wish.mode == "on":
        return f"It stops at {ends} and then {then}."
    if wish.mode == "auto":
        return f"At {ends} its time is over: it {then}."
    if after.mode == "on":
        limit = f", and is wanted on until {at(after.until)}" if after.until else ""
        return f"It starts again by itself at {ends} if the limits allow{limit}."
    if after.mode == "auto":
        return f"It {then} from {ends} on, and then starts by itself if the limits allow."
    return f"It {then} after {ends} too."


def _again(after: Earlier, at: Callable[[datetime], str], *, one: bool) -> str:
    words = _AGAIN.get(after.mode, _OFF)[0 if one else 1]
    return words if after.until is None else f"{words} until {at(after.until)}"


def _clock(moment: datetime, scope: Scope) -> str:
    """A moment to come, or just past, in the person's zone; with its date where that is not today's."""
    local, today = moment.astimezone(scope.zone), scope.now.astimezone(scope.zone).date()
    clock = format_clock(moment, scope.zone, now=moment, units=scope.units)
    return clock if local.date() == today else f"{clock} on {day_name(local, scope.units)} {local.date().isoformat()}"


def _age(site: Site, seen: Observed, now: datetime) -> str:
    age, source = now - seen.taken_at, source_name(site, seen.source.split(", ")) or seen.source
    return f" ({source}, {format_duration(age)} ago)" if age >= timedelta(minutes=2) else f" ({source})"


def _verb(action: str) -> str:
    return action.rpartition(".")[2].capitalize()


def _and(items: Sequence[str]) -> str:
    if len(items) <= 1:
        return "".join(items) or "nothing"
    return f"{', '.join(items[:-1])} and {items[-1]}"
