"""From an intent and the tools' findings to the answer's text: figure or decision first, five lines at most.

Every figure comes from the findings. What is unknown is said as unknown, and what this cannot do is said with what it
can do instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, cast

from agents.local_model import (
    compose_advice,
    compose_ahead,
    compose_change,
    compose_history,
    compose_now,
    compose_plan,
    compose_site,
    compose_times,
)
from agents.local_model import intents as i
from agents.local_model.compose_miners import night_drop_pct
from agents.local_model.found import Found, known, number, said
from agents.local_model.notes import NOTES
from agents.local_model.say import capital, lines, moment, noun, percent
from energy.units import format_energy

MOST_LINES = 5  # the source line under them makes six
EXAMPLES = '"How full is the battery?", "Solar yesterday?", "When did solar hit 2500 W?", "Should we run the miners?"'
_NOT_FOUND = "I could not find that out just now."


def compose(intents: Sequence[i.Intent], found: Found) -> str:
    """The answer to one question, which may have several parts."""
    answers = [_answer(intent, found) for intent in intents]
    if len(answers) > 1:
        # Several parts share the lines: each keeps what it says first.
        share = max(1, MOST_LINES // len(answers))
        answers = ["\n".join(answer.split("\n")[:share]) for answer in answers]
    kept = list(dict.fromkeys(line for answer in answers for line in answer.split("\n") if line.strip()))
    return "\n".join(kept[:MOST_LINES]) or _NOT_FOUND


def _answer(intent: i.Intent, found: Found) -> str:
    try:
        return _COMPOSERS[type(intent)](intent, found) or found.problem or _NOT_FOUND
    except (KeyError, TypeError, ValueError, AttributeError):
        # Findings of another shape than agreed: a tool's own sentence is still right, a traceback is no answer.
        return lines(*[r.text for r in found.results if r.text]) or _NOT_FOUND


def _forecast(intent: i.Forecast, found: Found) -> str:
    ahead = compose_ahead.forecast(intent, found)
    if ahead is not None:
        return ahead
    if intent.metric in ("grid", "miners") and found.of(compose_ahead.PLAN) is not None:
        return compose_plan.plan(i.PlanShown(), found)
    state = found.state or {}
    now = compose_now.figures_line(state) if state and not state.get("no_data") else None
    if intent.metric in ("solar", "load", "grid", "miners"):
        day, week = (found.statistics(intent.metric, period) for period in ("yesterday", "last 7 days"))
        past = f"{capital(noun(intent.metric))} yesterday: {said(day, 'energy')}." if day and known(day) else None
        mean = _a_day(week) if week and known(week) else None
        when = f" for {intent.when}" if intent.when else ""
        return lines(f"I have no forecast yet{when}; this is what has been.", mean, past, now)
    carried = _through_the_night(found) if intent.when == "tonight" else compose_advice.rate_note(state, found)
    night, sun = found.statistics("soc", "last night"), found.statistics("solar", "yesterday")
    fell = (
        f"Last night it went from {said(night, 'first')} to {said(night, 'last')}." if night and known(night) else None
    )
    solar = f"Solar yesterday: {said(sun, 'energy')}." if sun and known(sun) else None
    unsure = "That carries the past on; a forecast I do not have yet." if carried else "I have no forecast yet."
    return lines(carried, unsure if carried else f"{unsure} This is what has been.", now, fell, solar)


def _a_day(week: Mapping[str, Any]) -> str | None:
    kwh = (week.get("energy") or {}).get("kwh")
    return f"The last 7 days: {format_energy(float(kwh) / 7)} a day on average." if kwh is not None else None


def _through_the_night(found: Found) -> str | None:
    level, drop, settings = number(found.state, "soc"), night_drop_pct(found), found.settings
    if level is None or drop is None or settings is None:
        return None
    low, left = float(settings["limits"]["min_soc_pct"]), max(0.0, level - drop)
    side = "above" if left >= low else "below"
    return (
        f"A night like the last takes {percent(round(drop))} of the battery: from {percent(level)} it would leave "
        f"{percent(round(left))}, {side} your minimum of {percent(low)}."
    )


def _knowledge(intent: i.Knowledge, found: Found) -> str:
    note = NOTES.get(intent.topic)
    if note is None:
        return lines(
            "That is general knowledge, which I cannot look up in basic mode, and no documents are loaded.",
            "Of this site I know figures, history, devices and limits; ask me for those.",
        )
    return lines(note if intent.topic == "soc_meaning" else f"In general: {note}", _own_site(intent.topic, found))


def _own_site(topic: str, found: Found) -> str | None:
    settings = found.settings or {}
    if topic in ("panel_maintenance", "upgrade"):
        solar, kwp = found.statistics("solar"), settings.get("solar_kwp")
        if solar is None or not known(solar):
            return None
        of = f" of {kwp:g} kWp installed" if kwp is not None else ""
        hint = " A falling peak on clear days is a sign of dirt." if topic == "panel_maintenance" else ""
        return f"Here: peak {said(solar, 'max')}{of} in the last 30 days.{hint}"
    if topic == "sizing":
        return _sizing(found)
    if topic == "soc_meaning":
        return compose_now.figures_line(found.state) if found.state and not found.state.get("no_data") else None
    battery = settings.get("battery")
    if not battery or topic == "inverter_work":
        return None
    limits = settings["limits"]
    keep = f"your range is {percent(limits['safe_min_soc_pct'])} to {percent(limits['safe_max_soc_pct'])}"
    return f"Here: {compose_site.battery_words(battery)}; {keep}."


def _sizing(found: Found) -> str | None:
    battery, soc, load = (found.settings or {}).get("battery"), found.statistics("soc"), found.statistics("load")
    parts = []
    if battery:
        parts.append(f"{battery['usable_kwh']:g} kWh usable")
    if soc is not None and known(soc):
        parts.append(f"lowest level in the last 30 days {said(soc, 'min')}")
    if load is not None and known(load):
        parts.append(f"load {said(load, 'energy')} in that time")
    return f"Here: {', '.join(parts)}." if parts else None


def _outside(intent: i.OutOfScope, found: Found) -> str:
    if intent.kind == "web":
        return lines(
            "I cannot look at the web, so I do not know the latest news or research.",
            "What I know is this site: its figures, history, devices and limits.",
        )
    if intent.kind == "finance":
        parts = [found.statistics(metric) for metric in ("solar", "load", "grid")]
        names = ("solar", "load", "grid")
        rows = [f"{n} {said(f, 'energy')}" for n, f in zip(names, parts, strict=True) if f is not None and known(f)]
        basis = f"The last 30 days: {', '.join(rows)}." if rows else None
        grid = found.statistics("grid")
        none = "No grid figures here, so nothing bought or sold is known." if grid is None or not known(grid) else None
        load = found.statistics("load")
        if none is None and load is not None and known(load):
            bought = format_energy(float((grid or {})["energy"]["imported_kwh"]))
            none = f"Without panels and battery the grid would have given all {said(load, 'energy')}; it gave {bought}."
        return lines("I cannot put money on it yet: prices and earnings are not part of what I look up.", basis, none)
    if intent.kind == "weather":
        solar = found.statistics("solar")
        so_far = f"Solar today so far: {said(solar, 'energy')}." if solar is not None and known(solar) else None
        return lines("I do not have the weather here: no device measures the outside temperature or the sky.", so_far)
    return lines(
        "I only know this site's energy: solar, battery, load, grid, miners and devices.", f"Ask me {EXAMPLES}."
    )


def _crossed(intent: i.WhenCrossed, found: Found) -> str:
    """When a threshold was crossed; the last time where that was asked, and why there is none where it was passed."""
    metrics = [intent.metric, *([intent.also] if intent.also else [])]
    known_facts = [(metric, facts) for metric in metrics if (facts := found.crossings(metric)) and known(facts)]
    if intent.last:
        told = [_last_crossing(metric, facts) for metric, facts in known_facts if facts.get("last")]
        if told:
            return lines(*told)
    if any(facts.get("instead") for _, facts in known_facts):
        return lines(*(facts.get("instead") or _crossed_one(intent, metric, found) for metric, facts in known_facts))
    return compose_times.crossed(intent, found)


def _crossed_one(intent: i.WhenCrossed, metric: str, found: Found) -> str:
    return compose_times.crossed(replace(intent, metric=metric, also=None), found)


def _last_crossing(metric: str, facts: Mapping[str, Any]) -> str:
    last, limit = facts["last"], facts["threshold"]
    rose, at = last["direction"] == "rising", moment(last, str(facts["period"]))
    if abs(float(limit["value"])) == i.IDLE_W and metric in ("generator", "miners", "grid"):
        began = rose if float(limit["value"]) > 0 else not rose
        what = {"generator": "The generator runs", "miners": "The miners run"}.get(metric, "Power flows")
        ended = {"generator": "The generator last ran", "miners": "The miners last ran"}.get(
            metric, "Power last flowed"
        )
        way = "" if metric != "grid" else " from the grid" if float(limit["value"]) > 0 else " to the grid"
        return f"{what}{way} now, since {_bare(at)}." if began else f"{ended}{way} until {_bare(at)}."
    subject = capital(noun(metric))
    if facts.get("direction") == "both" and rose:
        return f"{subject} last passed {limit['said']} {at}, rising; it has been at or above it since."
    if facts.get("direction") == "both":
        return f"{subject} was last at {limit['said']} or above until {_bare(at)}, when it fell below."
    return f"{subject} last {'rose to' if rose else 'fell below'} {limit['said']} {at}."


def _bare(at: str) -> str:
    return at.removeprefix("at ").removeprefix("on ")


def _recall(_: i.Recall, __: Found) -> str:
    return lines(
        "I cannot search earlier conversations yet; I only see the last few turns of this one.",
        'Figures of any past time I can give: "battery last Tuesday?", "solar on 2026-05-03?".',
    )


def _not_yet(intent: i.NotYet, found: Found) -> str:
    state = found.state or {}
    if intent.what == "setting":
        limits = (found.settings or {}).get("limits")
        now = (
            f"Now: minimum {percent(limits['min_soc_pct'])}, kept between {percent(limits['safe_min_soc_pct'])} and "
            f"{percent(limits['safe_max_soc_pct'])}, miners above {percent(limits['miner_min_soc_pct'])}."
            if limits
            else None
        )
        return lines(
            "Nothing was changed: limits stand in the site's settings file, and its owner sets them there.", now
        )
    if intent.what == "alert":
        first = (
            'Nothing was set. I watch one figure against one limit: "tell me when solar passes 8 kW", or /rules add.'
        )
        return lines(first, compose_now.figures_line(state) if state else None)
    if intent.what == "order":
        return lines(
            'Nothing is proposed: I can switch miners now, or now and "for" or "until" a time; not later, not on a '
            "condition and not with an exception.",
            f'For example "stop {_a_miner(found)} for 2h" or "start {_a_miner(found)} until 18:00".',
            f'"Put {_a_miner(found)} on auto" hands it to automatic operation, which follows its profile: start, '
            "stop, allowed hours, excess solar.",
        )
    if intent.what == "outages":
        return lines("I cannot search past outages yet.", compose_now.now(i.Now(("grid",), "outage"), found))
    miners = f"The miners draw {said(state, 'miners')} now." if "miners" in state else None
    return lines("Nothing was switched: only miners can be switched from here, with /miners or in plain words.", miners)


def _a_miner(found: Found) -> str:
    miners = (found.settings or {}).get("miners") or [{}]
    return str(miners[0].get("id") or "the miners")


def _switch(_: i.Switch, found: Found) -> str:
    """The tool's own sentence: what is proposed, or which rule forbids it."""
    said_by_tool = next((r.text for r in found.results if r.name == "propose_miners" and r.text), None)
    return said_by_tool or "Nothing was switched: I could not check whether that is safe."


def _greeting(_: i.Greeting, found: Found) -> str:
    state = found.state
    now = compose_now.figures_line(state) if state and not state.get("no_data") else None
    return lines(f"Hello. {now or 'No readings have come in yet.'}", f"Ask me {EXAMPLES}.")


def _help(_: i.Help, __: Found) -> str:
    return lines(
        "I answer questions about this site: battery, solar, load, grid, miners, devices and limits.",
        f"For example {EXAMPLES}.",
        'Any past time works: "last night", "last 6 hours", "last Tuesday"; "graph solar yesterday" draws it.',
    )


def _unclear(intent: i.Unclear, found: Found) -> str:
    now = compose_now.now(i.Now(intent.metrics), found) if intent.metrics and found.state else None
    return lines("I did not understand that.", now, f"You could ask {EXAMPLES}.")


_Composer = Callable[[Any, Found], str]
_COMPOSERS: Mapping[type[i.Intent], _Composer] = MappingProxyType(
    cast(
        "dict[type[i.Intent], _Composer]",
        {
            i.Now: compose_now.now,
            i.Judge: compose_now.judge,
            i.Total: compose_history.total,
            i.Average: compose_history.average,
            i.Range: compose_history.level_range,
            i.At: compose_history.at_time,
            i.Extreme: compose_history.extreme,
            i.WhenExtreme: compose_history.when_extreme,
            i.WhenCrossed: _crossed,
            i.HowLong: compose_times.how_long,
            i.Compare: compose_change.compare,
            i.Trend: compose_change.trend,
            i.Summary: compose_history.summary,
            i.OwnShare: compose_history.own_share,
            i.Chart: compose_history.chart,
            i.DeviceFact: compose_site.device_fact,
            i.Policy: compose_site.policy,
            i.Advice: compose_advice.advice,
            i.Forecast: _forecast,
            i.PlanShown: compose_plan.plan,
            i.WhyPlanned: compose_plan.why,
            i.WhatIf: compose_plan.what_if,
            i.Accuracy: compose_plan.accuracy,
            i.Knowledge: _knowledge,
            i.OutOfScope: _outside,
            i.Recall: _recall,
            i.Switch: _switch,
            i.NotYet: _not_yet,
            i.Greeting: _greeting,
            i.Thanks: lambda _, __: "You are welcome.",
            i.Help: _help,
            i.Unclear: _unclear,
        },
    )
)
