"""Decisions about the miners: the owner's levels, the present figures, and what last night took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from agents.local_model.compose_now import RUNNING_W, figures_line
from agents.local_model.found import Found, known, number, said
from agents.local_model.intents import Advice
from agents.local_model.say import age_note, lines, listed, percent
from energy.units import format_duration, format_energy, format_power

Facts = Mapping[str, Any]
FIGURES = ("soc", "battery", "solar", "load")  # what a decision rests on
_WORTH_STARTING_H = 0.5
_MINED_KWH = 0.1


def run_miners(intent: Advice, state: Facts, found: Found) -> str:
    """Whether to run the miners, now or tonight."""
    settings = found.settings or {}
    limits, miners = settings["limits"], _miners(settings)
    if not miners:
        return lines("No miners are described in the site's settings.", figures_line(state))
    level, floor = number(state, "soc"), float(limits["miner_min_soc_pct"])
    pairs = [f"{m['start_soc_pct']:g}/{m['stop_soc_pct']:g} % {m['name']}" for m in miners[:3]]
    rules = f"Start/stop levels: {', '.join(pairs)}; none under {percent(floor)}."
    if level is None:
        return lines(
            "No: the battery level is unknown, and nothing should start without it.", figures_line(state), rules
        )
    if state["soc"].get("old"):
        first = f"Not on these figures: the battery level is {state['soc']['old']} old."
        return lines(first, figures_line(state), rules)
    running = (number(state, "miners") or 0) >= RUNNING_W
    if level < floor:
        verb = "No, and stop those that run" if running else "No"
        return lines(
            f"{verb}: {said(state, 'soc')} is below the {percent(floor)} that your miners need.",
            figures_line(state),
            rules,
            f"It becomes a yes at {percent(max(floor, _lowest_start(miners)))}.",
        )
    ready = [m for m in miners if level >= max(floor, float(m["start_soc_pct"]))]
    if running and not ready:
        first = f"Those that run may run on; start no more: {said(state, 'soc')} is under every start level."
        return lines(first, f"{figures_line(state)[:-1]}, miners {said(state, 'miners')}.", rules)
    if not ready:
        return lines(
            f"Not yet: {said(state, 'soc')} is above {percent(floor)}, but the first start is at "
            f"{percent(_lowest_start(miners))}.",
            figures_line(state),
            rules,
        )
    return lines(
        _ready(intent, state, found, ready, running),
        figures_line(state),
        rules,
        _night_note(intent, found),
        age_note(state, FIGURES),
    )


def _ready(intent: Advice, state: Facts, found: Found, ready: Sequence[Facts], running: bool) -> str:
    first, surplus = ready[0], surplus_w(state)
    at_night = intent.when is not None and intent.when != "now"
    if at_night:
        planned = _for_the_night(state, found, first)
        if planned is not None:
            return planned
    elif running:
        return _run_on(state, found)
    elif surplus is not None and surplus >= float(first["power_w"]):
        return f"Yes, {first['name']}: the surplus of {format_power(surplus)} carries its {_power(first)}."
    hours = _hours_until_stop(state, found, first, at_night=at_night)
    room = (
        f", for about {about_hours(hours)} until its stop at {percent(first['stop_soc_pct'])}"
        if hours is not None
        else ""
    )
    source = "at night it runs from the battery" if at_night else "the sun does not carry it now, so the battery would"
    names = listed([str(m["name"]) for m in ready[:3]])
    return f"You may: {said(state, 'soc')} is above the start level of {names}; {source}{room}."


def _run_on(state: Facts, found: Found) -> str:
    level, miners = number(state, "soc") or 0.0, _miners(found.settings or {})
    keep = [str(m["name"]) for m in miners if level > float(m["stop_soc_pct"])]
    draw = f"the miners draw {said(state, 'miners')}"
    if len(keep) == len(miners):
        return f"Yes, keep on: {said(state, 'soc')} allows all of them, and {draw}."
    others = "the others should be off by their stop levels"
    return f"Yes, {listed(keep[:3])} may run on at {said(state, 'soc')}; {others}. Now {draw}."


def _for_the_night(state: Facts, found: Found, miner: Facts) -> str | None:
    """How long a miner may run if the night takes what the last one took and the owner's range is to be kept."""
    settings = found.settings or {}
    battery, night_pct, level = settings.get("battery"), _house_night_pct(found), number(state, "soc")
    if not battery or night_pct is None or level is None:
        return None
    keep = float(settings["limits"]["safe_min_soc_pct"])
    spare_kwh = (level - night_pct - keep) / 100 * float(battery["usable_kwh"])
    hours = spare_kwh * 1000 / float(miner["power_w"])
    why = f"a night like the last takes {percent(round(night_pct))} of the battery"
    if hours < _WORTH_STARTING_H:
        return f"No: {why}, which from {said(state, 'soc')} leaves nothing to spare above {percent(keep)}."
    return (
        f"Only {miner['name']}, for about {about_hours(hours)}: {why}, which from {said(state, 'soc')} leaves "
        f"{format_energy(spare_kwh)} above the {percent(keep)} that you want to keep."
    )


def _hours_until_stop(state: Facts, found: Found, miner: Facts, *, at_night: bool) -> float | None:
    battery = (found.settings or {}).get("battery")
    level, load, solar = number(state, "soc"), number(state, "load"), number(state, "solar")
    if not battery or level is None or load is None or solar is None:
        return None
    draw_kw = (float(miner["power_w"]) + load - (0.0 if at_night else solar)) / 1000
    room_kwh = (level - float(miner["stop_soc_pct"])) / 100 * float(battery["usable_kwh"])
    return room_kwh / draw_kw if draw_kw > 0 and room_kwh > 0 else None


def _night_note(intent: Advice, found: Found) -> str | None:
    if intent.when in (None, "now"):
        return None
    unsure = "I have no forecast yet: a dull afternoon or a higher load would change it."
    night = found.statistics("soc", "last night")
    if night is None or night_drop_pct(found) is None:
        return unsure
    miners = found.statistics("miners", "last night")
    mined = ""
    if miners is not None and known(miners) and "energy" in miners:
        ran = float(miners["energy"]["kwh"]) >= _MINED_KWH
        mined = f", {said(miners, 'energy')} of it by the miners" if ran else ", the miners off"
    return f"Last night it went from {said(night, 'first')} down to {said(night, 'min')}{mined}. {unsure}"


def _house_night_pct(found: Found) -> float | None:
    """What last night took without the miners, in % of the battery, or None when that is unknown."""
    drop, miners, battery = (
        night_drop_pct(found),
        found.statistics("miners", "last night"),
        (found.settings or {}).get("battery"),
    )
    if drop is None or not battery:
        return None
    if miners is None or not known(miners) or "energy" not in miners:
        return drop  # then the miners, if they ran, are counted as house: the careful side
    return max(0.0, drop - float(miners["energy"]["kwh"]) / float(battery["usable_kwh"]) * 100)


def start_stop(intent: Advice, state: Facts, found: Found) -> str:
    """At which levels the miners start or stop, and what that means now."""
    settings = found.settings or {}
    limits, miners = settings["limits"], _miners(settings)
    floor = percent(limits["miner_min_soc_pct"])
    if not miners:
        return lines(
            f"No miners are described in the site's settings; the limit for any is {floor}.", figures_line(state)
        )
    stopping = intent.about == "stop_miners"
    name = "stop_soc_pct" if stopping else "start_soc_pct"
    rows = "; ".join(f"{m['name']} at {percent(m[name])}" for m in miners[:4])
    first = f"Stop: {rows}; all of them under {floor}." if stopping else f"Start: {rows}; none under {floor}."
    level, now = number(state, "soc"), None
    if level is not None:
        now = f"At {said(state, 'soc')} now, {_due(level, miners, name, stopping=stopping)}."
    miners_now = f"The miners draw {said(state, 'miners')}." if number(state, "miners") is not None else None
    return lines(first, now, miners_now, age_note(state, FIGURES))


def _due(level: float, miners: Sequence[Facts], name: str, *, stopping: bool) -> str:
    due = [m for m in miners if (level <= float(m[name]) if stopping else level >= float(m[name]))]
    names = listed([str(m["name"]) for m in due[:3]])
    if stopping:
        return f"{names} should be off" if due else "none needs to stop"
    return f"{names} may start" if due else "none may start yet"


def _miners(settings: Facts) -> list[Facts]:
    return sorted(settings.get("miners") or [], key=lambda m: m.get("priority", 1))


def _lowest_start(miners: Sequence[Facts]) -> float:
    return min(float(m["start_soc_pct"]) for m in miners)


def _power(miner: Facts) -> str:
    return format_power(float(miner["power_w"]))


def night_drop_pct(found: Found) -> float | None:
    """How far the battery fell last night (points of SOC), None when unknown or when it did not fall."""
    night = found.statistics("soc", "last night")
    if night is None or not known(night) or "first" not in night or "min" not in night:
        return None
    drop = float(night["first"]["value"]) - float(night["min"]["value"])
    return drop if drop > 0 else None


def surplus_w(state: Facts) -> float | None:
    """Solar above load (W, negative when below), or None when one is unknown."""
    solar, load = number(state, "solar"), number(state, "load")
    return None if solar is None or load is None else solar - load


def about_hours(hours: float) -> str:
    """A duration to ten minutes: more would claim to know."""
    minutes = round(hours * 60 / 10) * 10
    return format_duration(timedelta(minutes=max(10, minutes)))
