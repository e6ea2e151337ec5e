"""/plan: what the miners and the battery will do and what it brings; its mode; what if."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from bot.commands.buttons import once_button, run_button
from bot.commands.charts_ahead import plan_chart
from bot.commands.command import Context
from bot.commands.outlook import lines_of
from bot.commands.saying import Misused, all_of, inlines, name, quoted
from bot.commands.saying import answer as short_answer
from bot.reply import Bold, Button, Inline, Paragraph, Reply, Source, Text
from energy.durations import UnknownDuration, parse_until
from energy.units import format_clock
from services import outlook, plan_words, what_if
from services.miners import UnknownMiner, find_miners
from services.outlook import Nothing, PlanMode, PlanView
from services.reckoning import Reckoner
from services.scope import ROLES, require

if TYPE_CHECKING:
    from services.outlook_values import Nothing as NothingValue
    from services.reckoning import Reckons
    from services.scope import Scope
    from services.what_if import MoreBatteryView, WhatIfView

CONFIRM_WITHIN = timedelta(minutes=5)
_MODES: dict[str, PlanMode] = {
    "advise": "advise",
    "advice": "advise",
    "off": "advise",
    "ask": "ask",
    "automatic": "automatic",
    "auto": "automatic",
    "on": "automatic",
}
_LABELS: dict[PlanMode, str] = {"advise": "Only advise", "ask": "Ask first", "automatic": "Automatic"}
_BATTERY = re.compile(r"(?P<kwh>\d+(?:[.,]\d+)?)\s*kwh")
_CLOUDY = re.compile(r"\b(?:cloud|overcast|dull|rain|grey|gray|no sun|less sun|little sun)")
_PERCENT = re.compile(r"(?P<share>\d{1,3})\s*%")
_DAYS = re.compile(r"(?P<days>\d{1,2})\s*days")
_UNTIL = re.compile(r"\b(?:until|till|til|for)\b.*")
_WHAT_IF = ("what if", "whatif", "if", "what")
_EXAMPLE = "/plan what if s19-1 until 18:00"


async def plan(scope: Scope, context: Context, arguments: str) -> Reply:
    """The newest plan; `mode advise|ask|automatic` (owners); `what if ...`."""
    words = " ".join(arguments.split())
    low = words.lower()
    if low in ("", "now", "today", "tomorrow"):
        return await _plan(scope, context)
    first, _, rest = low.partition(" ")
    if first == "mode":
        return await _mode(scope, context, rest)
    if first in _MODES and not rest:
        return await _mode(scope, context, first)
    for start in _WHAT_IF:
        if low.startswith(f"{start} "):
            return await _what_if(scope, context, words[len(start) :].strip(" ?"))
    raise Misused(
        f"{quoted(arguments)} is nothing that I know of plans",
        "Allowed: nothing for the plan, mode advise, mode ask, mode automatic, or what if ...",
        _EXAMPLE,
    )


async def _plan(scope: Scope, context: Context) -> Reply:
    view = await outlook.plan_view(scope)
    if isinstance(view, Nothing):
        row = [await run_button(scope, context, "Forecast", "/forecast")]
        return short_answer(view.says, buttons=[row])
    said = lines_of(plan_words.plan_lines(scope, view))[: plan_words.MOST_LINES]
    joined: list[Inline] = []
    for line in said:
        joined += [*([Text("\n")] if joined else []), *inlines(line)]
    charts = await plan_chart(scope, view)
    return Reply(
        (Paragraph(tuple(joined)), Source(_source(scope, view))),
        tuple(charts),
        buttons=tuple(tuple(row) for row in await _buttons(scope, context, view)),
    )


async def _buttons(scope: Scope, context: Context, view: PlanView) -> list[list[Button]]:
    rows = [
        [
            await run_button(scope, context, "Why", "/why"),
            await run_button(scope, context, "Forecast", "/forecast"),
            await run_button(scope, context, "Refresh", "/plan", replaces=True),
        ]
    ]
    if _is_owner(scope) and view.has_miners:
        others: list[PlanMode] = [mode for mode in ("advise", "ask", "automatic") if mode != view.mode]
        rows.append([await run_button(scope, context, _LABELS[mode], f"/plan mode {mode}") for mode in others])
    return rows


def _source(scope: Scope, view: PlanView) -> str:
    made = format_clock(view.planned_at, scope.zone, now=scope.as_of, units=scope.units)
    parts = [f"planned at {made} {name(view.because, limit=80)}".strip()]
    if view.forecast_issued_at is not None:
        issued = format_clock(view.forecast_issued_at, scope.zone, now=scope.as_of, units=scope.units)
        parts.append(f"forecast of {issued}")
    same = scope.as_of.astimezone(scope.zone).utcoffset() == scope.as_of.astimezone(scope.site.zone).utcoffset()
    parts += [] if same else [f"times in reasons are of {scope.site.timezone}"]
    return ", ".join(parts)


def _is_owner(scope: Scope) -> bool:
    return ROLES.index(scope.actor.role) >= ROLES.index("owner")


async def _mode(scope: Scope, context: Context, word: str) -> Reply:
    now = await outlook.plan_mode(scope)
    if not word:
        others = all_of(f"/plan mode {mode}" for mode in ("advise", "ask", "automatic") if mode != now)
        return short_answer(
            (Bold(f"The mode is {now}."), f" {plan_words.MODES[now]}"), f"An owner can change it: {others}."
        )
    wanted = _MODES.get(word)
    if wanted is None:
        raise Misused(f"{quoted(word)} is no mode", "Allowed: advise, ask or automatic", "/plan mode ask")
    require(scope, "owner")
    if wanted == now:
        return short_answer((Bold(f"The mode is {now} already."), f" {plan_words.MODES[now]}"))
    if wanted == "advise":
        return await _set(scope, wanted)
    expires_at = scope.now + CONFIRM_WITHIN
    row = [
        await once_button(
            scope,
            context,
            _LABELS[wanted],
            {"do": "plan_mode", "mode": wanted},
            expires_at=expires_at,
            style="primary",
        ),
        await once_button(scope, context, "Leave it", {"do": "plan_mode", "mode": "keep"}, expires_at=expires_at),
    ]
    first, *rest = await _question(scope, wanted)
    return short_answer(Bold(first), *rest, buttons=[row])


async def _question(scope: Scope, wanted: PlanMode) -> list[str]:
    names = all_of(name(miner.name) for miner in scope.site.miner)
    if wanted == "ask":
        return [
            "Ask before each change?",
            "Operators then get a question with buttons whenever the plan wants a miner on or off.",
            "Nothing is switched without a tap, and the limits of that moment still hold.",
        ]
    lines = ["Let the plan switch by itself?", f"It then starts and stops {names} within the limits of the site."]
    lines.append("/miners start or stop overrides it for that miner, until /miners auto.")
    view = await outlook.plan_view(scope)
    if isinstance(view, PlanView) and view.runs and not view.old:
        lines.append(f"Now it would be: {plan_words.run_lines(scope, view)[0].text}.")
    return lines


async def mode_tapped(action: Mapping[str, Any], scope: Scope, _context: Context) -> Reply:
    """What the confirmation's buttons do, with the role of whoever taps."""
    wanted = _MODES.get(str(action.get("mode")))
    if wanted is None:
        now = await outlook.plan_mode(scope)
        return short_answer((Bold("Left as it is."), f" The mode is {now}: {_small(plan_words.MODES[now])}"))
    return await _set(scope, wanted)


async def _set(scope: Scope, wanted: PlanMode) -> Reply:
    await outlook.set_mode(scope, wanted)
    after = {
        "advise": "Miners on the automatic follow their own levels.",
        "ask": "/plan mode advise ends that.",
        "automatic": "/plan mode advise ends that; /miners log says what it did and why.",
    }[wanted]
    return short_answer((Bold(f"The plan's mode is {wanted} now."), f" {plan_words.MODES[wanted]}"), after)


def _small(text: str) -> str:
    return text[0].lower() + text[1:]


async def _what_if(scope: Scope, context: Context, words: str) -> Reply:
    reckoner = Reckoner()
    try:
        found = await _asked(scope, reckoner, words)
    finally:
        await reckoner.close()
    if isinstance(found, Nothing):
        return short_answer(found.says)
    head, colon, rest = found.lines[0].partition(":")
    row = [await run_button(scope, context, "Plan", "/plan"), await run_button(scope, context, "Why", "/why")]
    return short_answer((Bold(head), f"{colon}{rest}"), *found.lines[1:], source="worked out now", buttons=[row])


async def _asked(scope: Scope, reckoner: Reckons, words: str) -> WhatIfView | MoreBatteryView | NothingValue:
    low = words.lower()
    battery = _BATTERY.search(low)
    if battery is not None and "batter" in low:
        days = _DAYS.search(low)
        kwh = float(battery["kwh"].replace(",", "."))
        return await what_if.more_battery(scope, reckoner, kwh, days=int(days["days"]) if days else 30)
    if _CLOUDY.search(low):
        share = _PERCENT.search(low)
        return await what_if.cloudy(
            scope, reckoner, share=int(share["share"]) / 100 if share else None, day=_day(scope, low)
        )
    until = _UNTIL.search(low)
    if until is not None:
        named = re.sub(
            r"^(?:i|we|you)?\s*(?:run|start|mine with|ran)?\s*", "", words[: until.start()].strip(), flags=re.I
        )
        try:
            chosen = [miner.id for miner in find_miners(scope.site, named or "all")]
            ends = parse_until(until[0], now=scope.as_of, zone=scope.zone)
        except (UnknownMiner, UnknownDuration) as error:
            raise Misused(name(str(error), limit=200), "", _EXAMPLE) from error
        return await what_if.run_miners(scope, reckoner, chosen, ends)
    raise Misused(
        f"{quoted(words)} is nothing that I can try out",
        "Allowed: miners until a time, cloudy with a day and a share of sun, or so many kWh more battery",
        _EXAMPLE,
    )


def _day(scope: Scope, low: str) -> date | None:
    """The day that the words name; None is tomorrow."""
    today = scope.as_of.astimezone(scope.zone).date()
    if "today" in low:
        return today
    found = re.search(r"\b(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b", low.replace("sun ", " "))
    if found is None:
        return None
    try:
        return parse_until(found[0], now=scope.as_of, zone=scope.zone).astimezone(scope.zone).date()
    except UnknownDuration:
        return None
