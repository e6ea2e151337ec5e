"""What is to come, from forecast and battery outlook: the answer first, its figures, the risk, what would change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agents.local_model.compose_now import figures_line
from agents.local_model.found import Found, known, said
from agents.local_model.intents import Advice, Forecast
from agents.local_model.say import capital, lines, listed, percent

Facts = Mapping[str, Any]
SUN, BATTERY, PLAN = "solar_and_load_forecast", "battery_outlook", "miner_and_battery_plan"
_NEARLY = 0.7  # of the best day: then the earlier one will do
COUNTED: Mapping[int, str] = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven"}
_OTHERS = ("unknown_day", "past_day", "too_far")


def forecast(intent: Forecast, found: Found) -> str | None:
    """What is to come of a metric, or None where nothing is forecast."""
    wrong = next((r.text for r in found.results if r.name == SUN and r.facts.get("problem") in _OTHERS), None)
    if wrong is not None:
        return wrong
    sun = found.of(SUN)
    if sun is not None and "week" in sun:
        return _week(intent, sun)
    if intent.metric in ("solar", "load"):
        return None if sun is None else _sun(intent, sun, found)
    if intent.metric in ("grid", "miners"):
        return None
    outlook = found.of(BATTERY)
    if intent.metric is None and not intent.about and intent.when != "tonight" and sun is not None:
        told = _sun(replace(intent, metric="solar"), sun, found)
        return lines(told, None if outlook is None or "hours" in sun else _lowest(outlook))
    if outlook is None:
        return None
    if intent.about == "full":
        return _full(outlook, found)
    if intent.about == "empty":
        return _empty(outlook)
    return _night(outlook) if intent.when == "tonight" and "night" in outlook else _course(outlook)


def _sun(intent: Forecast, facts: Facts, found: Found) -> str:
    days = list(facts["days"])
    if "hours" in facts:
        return lines(old(facts), *_hours(facts))
    say = _load if intent.metric == "load" else _solar
    rows = [say(day) for day in days]
    rest = _left_over(days[0]) if len(days) == 1 else None
    before = found.statistics("solar", "yesterday") if intent.metric == "solar" else None
    past = f"Yesterday it was {said(before, 'energy')}." if before is not None and known(before) else None
    return lines(old(facts), *rows, rest, past, _weather_note(facts))


def _solar(day: Facts) -> str:
    amount, when = day.get("solar"), _when(day)
    so_far = f"; {day['so_far']} so far" if "so_far" in day else ""
    if amount is None:
        return f"The sun {when} is not known."
    if amount["kwh"] < 0.05:
        return f"No more sun {when.removeprefix('still to come ')}{so_far}."
    best = f"; best {day['best']}" if "best" in day else ""
    return f"{amount['said']} solar {when}, likely {amount['range']}{best}{so_far}."


def _load(day: Facts) -> str:
    amount = day.get("load")
    if amount is None:
        return f"The load {_when(day)} is not known."
    return f"{amount['said']} load {_when(day)} without the miners, likely {amount['range']}."


def _left_over(day: Facts) -> str | None:
    surplus, load = day.get("surplus"), day.get("load")
    if surplus is None or load is None:
        return None
    if surplus["kwh"] < 0.05:
        return f"The house takes {load['said']}: nothing of the sun is left over."
    return (
        f"The house takes {load['said']}; {surplus['said']} of sun is left over, {_at_least(surplus)} with little sun "
        "and much load."
    )


def _at_least(surplus: Facts) -> str:
    return f"{surplus['sure_said']}" if surplus["sure"] >= 0.05 else "nothing"


def _hours(facts: Facts) -> list[str]:
    total, count = facts.get("total") or {}, facts["hours"]
    rows = []
    for name, word in (("solar", "solar"), ("load", "load without the miners")):
        if name in total:
            rows.append(f"{total[name]['said']} {word} in the next {count} hours, likely {total[name]['range']}.")
    return rows


def _when(day: Facts) -> str:
    if day.get("still_to_come"):
        return "still to come today"
    word = str(day["day"])
    return word if word in ("today", "tomorrow") else f"on {word}"


def _week(intent: Forecast, facts: Facts) -> str:
    rows = list(facts["week"])
    if len(rows) == 1:
        return _one_day(rows[0], facts)
    about_battery = intent.metric not in ("solar", "load")
    full = [row for row in rows if "full" in row]
    first = None
    if about_battery and full:
        others = [row for row in rows if "full" not in row and "high" in row]
        if not others:
            first = f"The battery gets full every day{_alone(facts)}."
        else:
            names = listed([str(row["day"]) for row in others])
            highest = max(int(row["high"]) for row in others)
            first = f"The battery gets full on {len(full)} of {len(rows)} days{_alone(facts)}; "
            first += f"not {names} ({highest} % at most)."
    elif about_battery and any("high" in row for row in rows):
        highest = max(int(row["high"]) for row in rows if "high" in row)
        first = f"The battery does not get full this week{_alone(facts)}: {percent(highest)} at the most."
    takes = (
        f"It takes in {facts['takes_in']} in {COUNTED.get(len(rows), len(rows))} days"
        if about_battery and "takes_in" in facts
        else None
    )
    lowest = min((row for row in rows if "low" in row), key=lambda row: int(row["low"]), default=None)
    low = f"lowest {lowest['low']} % {_on(lowest)}" if about_battery and lowest is not None else ""
    both = f"{takes}; {low}." if takes and low else f"{capital(low)}." if low else None
    name = "load" if intent.metric == "load" else "solar"
    per_day = [f"{row['day']} {row[name].removesuffix(' kWh')}" for row in rows if name in row]
    usual = f"; usual lately {facts['usual_day']} a day" if name == "solar" and "usual_day" in facts else ""
    energy = f"{capital(name)} in kWh: {', '.join(per_day)}{usual}." if per_day else None
    times = [f"{row['day']} {row['full']}" for row in full]
    when = f"Full: {', '.join(times)}." if about_battery and times else None
    return lines(old(facts), first, both, when, energy, facts.get("less_sure"))


def _one_day(row: Facts, facts: Facts) -> str:
    by = {"weather": "by the weather forecast alone", "typical": "by weather typical of the season"}.get(
        row.get("by", "")
    )
    less = f"; that is {by}" if by else ""
    load = f", load {row['load']}" if "load" in row else ""
    level = None
    if "low" in row and "high" in row:
        full = f", full at {row['full']}" if "full" in row else ""
        level = f"Battery {row['low']} to {row['high']} %{_alone(facts)}{full}."
    return lines(old(facts), f"{row.get('solar', 'Unknown')} solar {_on(row)}{load}{less}.", level)


def _alone(facts: Facts) -> str:
    return " if no miner runs" if facts.get("without_miners") else ""


def _on(row: Facts) -> str:
    word = str(row["day"])
    return word if word in ("today", "tomorrow") else f"on {word}"


def _night(facts: Facts) -> str:
    night, reserve, floor = facts["night"], facts["reserve_pct"], facts["minimum_pct"]
    level, dull = int(night["pct"]), _number(night["dull"])
    how = _how(facts)
    if level >= reserve:
        first = f"Yes,{how}: lowest {night['said']} {night['at']}, above your reserve of {percent(reserve)}."
    elif level >= floor:
        first = f"Barely,{how}: it falls to {night['said']} {night['at']}, below the reserve of {percent(reserve)}."
    else:
        passed = f"it passes the reserve of {percent(reserve)} {facts['breach']} and" if "breach" in facts else "it"
        first = f"No, not{how}: {passed} would be at {night['said']} {night['at']}; the minimum is {percent(floor)}."
    risk = None
    if level >= floor:
        risk = f"Risk: with little sun and much load it is {night['dull']} then"
        risk += f", {'under' if dull < reserve else 'still above'} the reserve." if dull != level else "."
    return lines(old(facts), first, _points(facts), risk, _because(facts), by_the_other(facts))


def _course(facts: Facts) -> str:
    return lines(old(facts), _lowest(facts), _points(facts), _risk(facts), by_the_other(facts))


def _lowest(facts: Facts) -> str:
    lowest = facts["lowest"]
    full = f", full {facts['full']}" if "full" in facts else f"; not full until {facts['until']}"
    return f"Battery lowest {lowest['said']} {lowest['at']}{_how(facts)}{full}."


def _risk(facts: Facts) -> str:
    """What becomes of the reserve, and with little sun and much load."""
    reserve, dull = percent(facts["reserve_pct"]), facts["lowest_if_dull"]["said"]
    if "breach" in facts:
        return (
            f"Your reserve of {reserve} is passed {facts['breach']}; with little sun and much load it falls to {dull}."
        )
    if "breach_if_dull" in facts:
        return (
            f"Risk: with little sun and much load the lowest is {dull}, and your reserve of {reserve} is passed "
            f"{facts['breach_if_dull']} ({facts['risk']})."
        )
    return f"With little sun and much load the lowest is {dull}; your reserve of {reserve} holds even then."


def _full(facts: Facts, found: Found) -> str:
    plan = found.of(PLAN) or {}
    if "full" in facts:
        first = f"{capital(str(facts['full']))}{_how(facts)}; {facts.get('now', 'level unknown')} now."
    else:
        highest = facts["highest"]
        first = f"Not before {facts['until']},{_how(facts)}: {highest['said']} at the most, {highest['at']}."
    by_plan = None
    if facts["course"] != "plan" and "full" in plan and plan["full"] != facts.get("full"):
        by_plan = f"By the plan it is full {plan['full']}."
    risk = _risk(facts)
    return lines(old(facts), first, by_plan, _points(facts), risk)


def _empty(facts: Facts) -> str:
    floor, lowest = facts["minimum_pct"], facts["lowest"]
    if int(lowest["pct"]) >= floor:
        first = f"Not before {facts['until']}{_how(facts)}: lowest {lowest['said']} {lowest['at']}."
    else:
        first = f"It falls to {lowest['said']} {lowest['at']}{_how(facts)}; your minimum is {percent(floor)}."
    risk = _risk(facts)
    return lines(old(facts), first, _points(facts), risk, by_the_other(facts))


def _points(facts: Facts) -> str | None:
    """ "96 % now, 52 % at sunset (at 16:52), 57 % at sunrise"."""
    parts = [f"{facts['now']} now"] if "now" in facts else []
    for name in sorted(("sunset", "sunrise"), key=lambda n: _order(str((facts.get(n) or {}).get("at")))):
        if name in facts:
            at = str(facts[name]["at"]).removeprefix("at ").replace(" at ", " ")
            parts.append(f"{facts[name]['said']} at {name} ({at})")
    return f"Battery {', '.join(parts)}." if parts else None


def _order(at: str) -> tuple[bool, str]:
    return "tomorrow" in at, at


def _because(facts: Facts) -> str | None:
    return str(facts["why"]) if "why" in facts and "breach" in facts else None


def by_the_other(facts: Facts) -> str | None:
    """The course that does not come, where it differs."""
    other = facts.get("other")
    if other is None or other["said"] == facts["lowest"]["said"]:
        return None
    label = "With the miners as they are set now" if facts["course"] == "plan" else "By the plan"
    return f"{label} the lowest is {other['said']} {other['at']}."


def _how(facts: Facts) -> str:
    return " by the plan" if facts["course"] == "plan" else " with the miners as they are set now"


def old(facts: Facts) -> str | None:
    """A note where the forecast is older than it should be."""
    if "old" not in facts:
        return None
    return f"The newest forecast is {facts['old']} old: the worker makes one every hour while it runs."


def _weather_note(facts: Facts) -> str | None:
    notes: Sequence[str] = facts.get("notes") or ()
    note = next((n for n in notes if "weather" in n or "typical" in n), None)
    return None if note is None else f"{capital(note).rstrip('.')}."


def use_surplus(_: Advice, state: Facts, found: Found) -> str | None:
    """When the sun leaves most over, or None without a forecast."""
    sun = found.of(SUN)
    days = [d for d in (sun or {}).get("days") or [] if "best" in d and d.get("surplus")]
    if sun is None or not days:
        return None
    most = max(float(day["surplus"]["kwh"]) for day in days)
    best = next(day for day in days if float(day["surplus"]["kwh"]) >= _NEARLY * most)
    first_day = days[0]
    surplus, when = best["surplus"], _when(best)
    if surplus["kwh"] < 0.5:
        return lines(old(sun), "No good time in sight: the house takes all of the sun.", *[_solar(d) for d in days])
    span = f"{best['best']}" if best.get("still_to_come") else f"{when} {best['best']}"
    now = span.startswith("until")
    first = f"{'Now' if now else capital(span)}{f', {span}' if now else ''}: {surplus['said']} of sun is left over "
    first += f"{'today' if best.get('still_to_come') else 'then'}, {_at_least(surplus)} of it also with little sun."
    today = None
    if first_day is not best and first_day.get("still_to_come"):
        today = f"Today only {first_day['surplus']['said']} is left over, best {first_day['best']}."
    return lines(
        old(sun), first, today, figures_line(state), "I do not know what it draws; the miners want that sun too."
    )


def _number(text: str) -> float:
    try:
        return float(text.split(" ")[0].replace("−", "-"))
    except ValueError:
        return 0.0
