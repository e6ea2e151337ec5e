"""Decisions and explanations from the plan: miners, charging, reasons, what if."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agents.local_model import compose_ahead as ahead
from agents.local_model.compose_now import figures_line
from agents.local_model.found import Found, number, said
from agents.local_model.intents import Accuracy, Advice, PlanShown, WhatIf, WhyPlanned
from agents.local_model.say import capital, lines, listed, percent

Facts = Mapping[str, Any]
_MONEY_FIRST = re.compile(
    r"(?P<money>[\d.,]+ \S+ (?:more|less)|No more and no less money)(?P<than> than the plan)?: "
    r"(?P<what>.+?)\.(?P<rest> (?:That|The) .+)?"
)
_OFF = re.compile(r"(.+) is wanted on, but is off for ([\d.]+ h) of the plan; the reason stands at each step\.")
_MODES = {
    "advise": "The plan is advice only: nothing is switched by it.",
    "ask": "The plan asks before each change.",
    "automatic": "The site follows the plan by itself.",
}


def plan(_: PlanShown, found: Found) -> str:
    """What the plan does."""
    facts = found.of(ahead.PLAN)
    if facts is None:
        return found.problem or "There is no plan yet."
    lowest = facts.get("lowest")
    full = f", full {facts['full']}" if "full" in facts else ""
    battery = f"Battery lowest {lowest['said']} {lowest['at']}{full}." if lowest else None
    rows = list(facts.get("run_lines") or ())[:2]
    held = [_battery_run(run) for run in facts.get("battery") or ()][:1]
    risk = next((f"Risk: {_small(text)}" for text in facts.get("risks") or ()), None)
    last = _MODES.get(str(facts["mode"]))
    return lines(old(facts), facts["brings"], *[_ended(row) for row in rows], *held, battery, risk or last)


def why(intent: WhyPlanned, found: Found) -> str:
    """The plan's reasons in its own words."""
    facts = found.of("why_plan")
    if facts is None:
        return lines(found.problem, None if intent.at else _now_line(found))
    of = f"This is of {facts['of'].removeprefix('at ')}, by the plan of {facts['planned']}." if "of" in facts else None
    told: list[str] = []
    for line in facts["lines"][:4]:
        kept = [part for part in str(line).split(". ") if not any(part.rstrip(".") in earlier for earlier in told)]
        told.append(_ended(". ".join(kept)))
    return lines(*told, of)


def what_if(_: WhatIf, found: Found) -> str:
    """What would be otherwise."""
    facts = found.of("what_if")
    if facts is None:
        return capital(found.problem or "That could not be worked out just now.")
    first, *rest = [str(line) for line in facts["lines"][:5]]
    if len(rest) > 1 and rest[-1].partition(", below")[0] == rest[-2].partition(", below")[0]:
        rest = [*rest[:-2], rest[-1]]  # below the reserve and below the minimum: the latter says both
    return lines(_turned(first), *[_simpler(line) for line in rest])


def _turned(line: str) -> str:
    """ "0.12 USD less than the plan: running s19-1." as a sentence about what was asked."""
    match = _MONEY_FIRST.fullmatch(line)
    if match is None:
        return line
    money, plan_too, what, rest = match["money"], match["than"] or "", match["what"], match["rest"] or ""
    money = "no more and no less money" if money.startswith("No more") else money
    if what.startswith("with "):
        brought = re.sub(r" from (\S+ to \S+)", "", what.removeprefix("with "))
        span = re.search(r" from (\S+ to \S+) (\(.+\))", what)
        short = brought.partition(" (")[0]
        return f"{short} would have brought {money}{f' from {span[1]} {span[2]}' if span else ''}."
    if what.startswith("running"):
        return f"{capital(what)} brings {money}{plan_too}.{rest}"
    return f"With {what} the plan brings {money}.{rest}"


def _simpler(line: str) -> str:
    line = re.sub(r"lowest (\d+ %) ([^;]+?) instead of \1", r"lowest \1 \2 as before", line)
    return _OFF.sub(r"\1 cannot run for \2 of that: its limits or the battery's forbid it.", line)


def accuracy(_: Accuracy, found: Found) -> str:
    """How right the forecasts were."""
    facts = found.of("forecast_accuracy")
    if facts is None:
        return lines("I cannot say yet.", found.problem)
    return lines(*facts["lines"][:4])


def enough_for_miners(intent: Advice, _: Facts, found: Found) -> str | None:
    """Whether a day's sun carries the miners while it shines, or None without a forecast of that day."""
    sun = found.of(ahead.SUN)
    day = next(iter((sun or {}).get("days") or []), None)
    if sun is None or day is None or not day.get("miners") or "surplus" not in day:
        return None
    rows, surplus = list(day["miners"]), day["surplus"]
    enough = [row for row in rows if row["enough"]]
    when, everything = "today" if day.get("still_to_come") else str(day["day"]), rows[-1]
    left = f"the sun leaves {surplus['said']} over {_on(when)}"
    hours = f"the {everything['hours']} of sun"
    if not enough:
        first = f"No, not even for {rows[0]['name']}: {left}, and it needs {rows[0]['need']} in {hours}."
    elif enough[-1] is everything:
        whom = "it" if len(rows) == 1 else "all of them"
        first = f"Yes: {left}, and {whom} {'needs' if len(rows) == 1 else 'need'} {everything['need']} in {hours}."
    else:
        names = listed([str(row["name"]) for row in enough])
        one, count = len(enough) == 1, ahead.COUNTED.get(everything["count"], everything["count"])
        first = (
            f"Enough for {names}, not for all {count}: {left}; {'it needs' if one else 'they need'} "
            f"{enough[-1]['need']} in {hours}, all {count} need {everything['need']}."
        )
    best = f"; best {day['best']}" if "best" in day else ""
    figures = (
        f"{day['solar']['said']} solar, likely {day['solar']['range']}{best}; the house takes {day['load']['said']}."
    )
    sure = next((row for row in reversed(rows) if row["sure"]), None)
    small = surplus["sure_said"] if surplus["sure"] >= 0.05 else "nothing"
    risk = f"Risk: with little sun and much load only {small} is left over, "
    risk += f"still enough for {sure['name']}." if sure and sure is rows[0] else "too little for any of them."
    if sure is not None and sure is not rows[0]:
        count = ahead.COUNTED.get(sure["count"], sure["count"])
        risk = f"With little sun and much load {small} is left over, still enough for {count} of them."
    night = "At night they would run from the battery." if intent.when is not None else None
    return lines(ahead.old(sun), first, figures, risk, _plan_line(found, when) or night)


def _plan_line(found: Found, when: str) -> str | None:
    """What the plan does on the day that was asked about."""
    facts = found.of(ahead.PLAN)
    if facts is None or "old" in facts:
        return None
    rows = list(facts.get("run_lines") or ())
    if not facts.get("runs"):
        return f"The plan runs none until {facts['until']}: {_reason(rows)}" if rows else None
    named = [row for row in rows if ("tomorrow" in row) == (when == "tomorrow")]
    if when not in ("today", "tomorrow"):
        return None
    if named:
        return f"The plan runs {_ended(named[0])}"
    reason = f". {_ended(str(facts['why_tomorrow']))}" if when == "tomorrow" and "why_tomorrow" in facts else "."
    return f"The plan, which reaches to {facts['until']}, runs none {when}{reason}"


def run_miners(intent: Advice, state: Facts, found: Found) -> str | None:
    """Whether to run the miners, by the plan; None where there is none that still holds."""
    facts = found.of(ahead.PLAN)
    if facts is None or "old" in facts or not _fresh(state):
        return None
    if not (found.settings or {}).get("miners"):
        return None
    at_night = intent.when in ("tonight", "overnight")
    runs: Sequence[Facts] = facts.get("runs") or ()
    rows: list[Any] = []
    if at_night:
        tonight = list(dict.fromkeys(facts.get("tonight") or ()))
        if tonight:
            first = f"Yes, {listed(tonight)}: the plan runs {'it' if len(tonight) == 1 else 'them'} tonight."
        else:
            reason = f" {_ended(str(facts['why_tonight']))}" if "why_tonight" in facts else ""
            first = f"No, the plan runs no miner tonight.{reason}"
    elif intent.when is not None and "tomorrow" in intent.when:
        rows = [row for row in facts.get("run_lines") or () if "tomorrow" in row]
        names = list(dict.fromkeys(str(run["miner"]) for run in runs if "tomorrow" in str(run["when"])))
        none = _plan_line(found, "tomorrow") or ""
        first = f"Yes, {listed(names)}, by the plan:" if names else f"No. {none}"
    else:
        rows = list(facts.get("run_lines") or ())
        now = [run for run in runs if str(run["when"]).startswith("now") and run["when"] == runs[0]["when"]]
        if now:
            until = str(now[0]["when"])
            energy = str((facts.get("run_lines") or [""])[0]).partition(": ")[2].rstrip(".")
            which = "it" if len(now) == 1 else "them"
            first = f"Yes, {listed([str(run['miner']) for run in now])}: the plan runs {which} {until}"
            first += f", {energy}." if energy else "."
            rows = rows[1:]
        elif runs:
            first = f"Not now: the plan starts {runs[0]['miner']} {_start(runs[0])}."
        else:
            first = f"No, the plan runs none: {_reason(facts.get('run_lines') or ())}"
    planned = [_ended(str(row)) for row in rows[:1]] if runs else []
    drawn = number(state, "miners")
    now_on = (
        f"The miners draw {said(state, 'miners')} now." if drawn is not None and drawn >= 50 and not planned else None
    )
    return lines(first, figures_line(state), *planned, now_on, _risk(found), _change(found))


def start_miners(_: Advice, state: Facts, found: Found) -> str | None:
    """When to run the miners, by the plan."""
    facts = found.of(ahead.PLAN)
    if facts is None or "old" in facts or not _fresh(state):
        return None
    runs: Sequence[Facts] = facts.get("runs") or ()
    if not runs:
        return lines(
            f"Not until {facts['until']}, says the plan: {_reason(facts.get('run_lines') or ())}",
            figures_line(state),
            _risk(found),
            _change(found),
        )
    rows = [_ended(str(row)) for row in facts["run_lines"][:3]]
    rows[0] = f"The plan runs {rows[0]}"
    return lines(*rows, figures_line(state) if len(rows) < 3 else None, _risk(found))


def grid_charge(_: Advice, state: Facts, found: Found) -> str | None:
    """Whether to charge from the grid, by plan and battery outlook; None where there is neither."""
    outlook, facts, settings = found.of(ahead.BATTERY), found.of(ahead.PLAN), found.settings or {}
    grid = settings.get("grid") or {}
    if outlook is None or "old" in outlook or not grid.get("present") or state.get("grid_present") is False:
        return None
    charges = [run for run in (facts or {}).get("battery") or () if run["mode"] == "grid_charge"]
    night = outlook.get("night") or outlook["lowest"]
    reserve, floor, level = outlook["reserve_pct"], outlook["minimum_pct"], int(night["pct"])
    where = f"{night['said']} {night['at']}"
    holds = level >= reserve
    if charges:
        first = f"Yes, {charges[0]['when']}, {charges[0]['kwh']}: {_small(str(charges[0]['reason']))}"
    elif not grid.get("import_allowed"):
        need = (
            "and there is no need"
            if holds
            else f"but {_left(outlook)}the battery falls to {where}, below your {_limit(level, reserve, floor)}"
        )
        first = f"No: your settings do not allow importing from the grid, {need}."
    elif holds:
        first = f"No need: the battery falls no lower than {where}, above your reserve of {percent(reserve)}."
    else:
        first = f"Yes, some: {_left(outlook)}the battery falls to {where}, below your {_limit(level, reserve, floor)}."
    figures = (
        f"Lowest {where}{_left_as(outlook)}; your reserve is {percent(reserve)}." if holds and not charges else None
    )
    if not holds and outlook["course"] != "plan":
        figures = ahead.by_the_other(outlook)
    sun = next(iter((found.of(ahead.SUN) or {}).get("days") or []), None)
    tomorrow = (
        f"Tomorrow brings {sun['solar']['said']} solar, likely {sun['solar']['range']}."
        if sun and "solar" in sun
        else None
    )
    dull = night.get("dull", outlook["lowest_if_dull"]["said"])
    risk = f"Risk: with little sun and much load the night's lowest is {dull}."
    change = (
        "A dull forecast for tomorrow or a higher load tonight would change it."
        if holds
        else "Stopping the miners before sunset would change it."
        if outlook["course"] != "plan" and (number(state, "miners") or 0) >= 50
        else None
    )
    return lines(first, figures_line(state), figures, tomorrow, f"{risk} {change}" if change else risk)


def run_generator(_: Advice, state: Facts, found: Found) -> str | None:
    """Whether the generator is needed, by the battery's outlook; None without one."""
    outlook = found.of(ahead.BATTERY)
    if outlook is None or "old" in outlook:
        return None
    night = outlook.get("night") or outlook["lowest"]
    level, floor, where = int(night["pct"]), outlook["minimum_pct"], f"{night['said']} {night['at']}"
    dull = night.get("dull", outlook["lowest_if_dull"]["said"])
    if level < floor:
        first = f"Yes, unless the load falls: {_left(outlook)}the battery falls to {where}, below your minimum of "
        first += f"{percent(floor)}."
    elif level < outlook["reserve_pct"]:
        first = f"Be ready: {_left(outlook)}the battery falls to {where}, above your minimum of {percent(floor)}."
    else:
        first = f"No need: {_left(outlook)}the battery falls no lower than {where}."
    risk = f"Risk: with little sun and much load it is {dull} then; your minimum is {percent(floor)}."
    return lines(first, figures_line(state), risk, ahead.by_the_other(outlook))


def _limit(level: int, reserve: float, floor: float) -> str:
    return f"minimum of {percent(floor)}" if level < floor else f"reserve of {percent(reserve)}"


def _left(outlook: Facts) -> str:
    return "" if outlook["course"] == "plan" else "with the miners as they are set now "


def _left_as(outlook: Facts) -> str:
    return " by the plan" if outlook["course"] == "plan" else " with the miners as they are set now"


def charge_time(_: Advice, __: Facts, found: Found) -> str | None:
    """When to charge the battery: the sunniest hours to come."""
    sun, outlook = found.of(ahead.SUN), found.of(ahead.BATTERY)
    days = [d for d in (sun or {}).get("days") or [] if "best" in d]
    if sun is None or not days:
        return None
    day = days[0]
    best = str(day["best"])
    if day.get("still_to_come"):
        when = f"today {best}" if best.startswith("until") else f"today, {best}"
        first = f"From the sun, {when}: {day['solar']['said']} is still to come."
    else:
        first = f"From the sun, {day['day']} {best}: {day['solar']['said']} comes."
    later = (
        f"{capital(str(days[1]['day']))} it is best {days[1]['best']}, with {days[1]['solar']['said']}."
        if len(days) > 1
        else None
    )
    full = None
    if outlook is not None:
        now = f"Battery {outlook['now']} now" if "now" in outlook else "Its level is unknown now"
        ends = f"full {outlook['full']}" if "full" in outlook else f"{outlook['highest']['said']} at the most"
        full = f"{now}, {ends}{_left_as(outlook)}."
    grid = (found.settings or {}).get("grid") or {}
    from_grid = None
    if grid.get("present"):
        allowed = "allowed by your settings" if grid.get("import_allowed") else "your settings do not allow it"
        from_grid = f"From the grid: {allowed}."
    return lines(ahead.old(sun), first, later, full, from_grid)


def old(facts: Facts) -> str | None:
    """A note where the plan is too old to be followed."""
    if "old" not in facts:
        return None
    return f"This plan is {facts['old']} old: the worker makes one every 15 minutes while it runs."


def _risk(found: Found) -> str | None:
    outlook, facts = found.of(ahead.BATTERY), found.of(ahead.PLAN) or {}
    dull = facts.get("lowest_if_dull")
    if dull is None:
        return None
    reserve = f"; your reserve is {percent(outlook['reserve_pct'])}" if outlook is not None else ""
    lowest = facts.get("lowest")
    middle = f"Battery by the plan: lowest {lowest['said']} {lowest['at']}, " if lowest else "Battery by the plan: "
    return f"{middle}with little sun {dull['said']}{reserve}."


def _change(found: Found) -> str | None:
    outlook = found.of(ahead.BATTERY)
    if outlook is None or outlook["course"] == "plan" or "breach" not in outlook:
        return None
    return f"With the miners as they are set now the reserve is passed {outlook['breach']}."


def _battery_run(run: Facts) -> str:
    what = "charges from the grid" if run["mode"] == "grid_charge" else "is held"
    return f"The battery {what} {run['when']}: {_small(str(run['reason']))}"


def _start(run: Facts) -> str:
    words = str(run["when"]).partition(" to ")[0]
    return f"at {words}" if words[:1].isdigit() else words


def _reason(rows: Sequence[str]) -> str:
    return _stop(str(rows[0]).removeprefix("No miner runs: ")) if rows else "no miner runs by it."


def _fresh(state: Facts) -> bool:
    return number(state, "soc") is not None and not (state.get("soc") or {}).get("old")


def _now_line(found: Found) -> str | None:
    state = found.state
    return figures_line(state) if state and not state.get("no_data") else None


def _on(when: str) -> str:
    return when if when in ("today", "tomorrow") else f"on {when}"


def _ended(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _stop(text: str) -> str:
    return _ended(text)


def _small(text: str) -> str:
    first = text.partition(" ")[0]
    named = len(first) > 1 and any(c.isupper() or c.isdigit() for c in first[1:])
    return text if named else f"{text[:1].lower()}{text[1:]}"
