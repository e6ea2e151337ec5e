"""Answers about when and how long: thresholds crossed, machines started and stopped, time above and below."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from agents.local_model.compose_history import nothing, range_line, span_s
from agents.local_model.found import Found, known, said
from agents.local_model.intents import IDLE_W, HowLong, WhenCrossed
from agents.local_model.say import capital, coverage_note, lines, listed, moment, noun, when
from energy.units import format_duration

Facts = Mapping[str, Any]
_SHOWN_TIMES = 4
# What a metric does while it is beyond the noise, on its positive and its negative side.
_DOING = {
    "solar": ("", "Solar produced", "Solar produced nothing"),
    "miners": ("", "The miners ran", "The miners did not run"),
    "generator": ("", "The generator ran", "The generator did not run"),
    "battery": (" charging", "The battery was charging", "The battery was not charging"),
    "grid": (" importing", "Power was imported", "No power was imported"),
    "-battery": (" discharging", "The battery was discharging", "The battery was not discharging"),
    "-grid": (" exporting", "Power was exported", "No power was exported"),
}


def crossed(intent: WhenCrossed, found: Found) -> str:
    """When a threshold was crossed; two readings of a vague question get a line each."""
    metrics = [intent.metric, *([intent.also] if intent.also else [])]
    answers = [_crossed_line(metric, found.crossings(metric)) for metric in metrics]
    said_lines = [a for a in answers if a]
    if not said_lines:
        return found.problem or ""
    vague = f"You did not say of what; these are {listed([noun(m) for m in metrics])}." if intent.also else None
    return lines(*said_lines, vague)


def how_long(intent: HowLong, found: Found) -> str:
    """For how long a metric was above or below a threshold."""
    crossings, facts = found.crossings(intent.metric), found.statistics(intent.metric)
    if crossings is None or facts is None or not known(facts):
        return nothing(intent.metric, facts or crossings or {}) if not found.problem else found.problem
    period, seconds = str(facts["period"]), _seconds_on_side(intent, crossings, facts)
    what = f"{intent.side} {said(crossings, 'threshold')}"
    if seconds is None:
        return lines(f"How long {noun(intent.metric)} was {what} {when(period)} is unknown.", range_line(facts))
    never, doing = seconds < 1, _doing(intent.metric, crossings)
    span = f"for {format_duration(timedelta(seconds=seconds))}"
    if doing:
        first = f"{doing[1]} {when(period)}." if never else f"{doing[0]} {span} {when(period)}."
    else:
        was = f"was never {what}" if never else f"was {what} {span}"
        first = f"{capital(noun(intent.metric))} {was} {when(period)}."
    return lines(first, None if never and doing else range_line(facts), coverage_note(facts))


def _crossed_line(metric: str, facts: Facts | None) -> str | None:
    if facts is None:
        return None
    if not known(facts):
        return nothing(metric, facts)
    period, limit, times = str(facts["period"]), said(facts, "threshold"), facts.get("times") or []
    if not times:
        return _never_crossed(metric, facts, limit)
    words = _idle_words(metric, facts) or {"rising": f"reached {limit}", "falling": f"fell below {limit}"}
    first = times[0]
    at = moment(first, period)
    day = "" if re.match(r"yesterday|on ", at) else f" {when(period)}"  # the moment may say the day already
    text = f"{capital(at)}{day} {_subject(metric, idle=_doing(metric, facts) is not None)} {words[first['direction']]}."
    count = int(facts.get("total", len(times)))
    if count > 1:
        more = [f"{moment(t, period)}{_arrow(t, times)}" for t in times[1:_SHOWN_TIMES]]
        rest = f" and {count - _SHOWN_TIMES} more" if count > _SHOWN_TIMES else ""
        text += f" Then {', '.join(more)}{rest}: {count} times in all."
    if facts.get("above") and _idle_words(metric, facts) is None:
        text += f" At or above it for {facts['above']} in all."
    return text


def _doing(metric: str, facts: Facts) -> tuple[str, str] | None:
    """ "The battery was discharging" where the threshold only separates running from resting, else None."""
    limit = (facts.get("threshold") or {}).get("value")
    if not isinstance(limit, int | float) or abs(limit) != IDLE_W:
        return None
    words = _DOING.get(metric if limit > 0 else f"-{metric}")
    return words[1:] if words else None


def _subject(metric: str, *, idle: bool) -> str:
    if metric == "battery" and idle:
        return "the battery"
    return f"the {noun(metric)}" if metric in ("miners", "generator") else noun(metric)


def _idle_words(metric: str, facts: Facts) -> dict[str, str] | None:
    if _doing(metric, facts) is None:
        return None
    back = float(facts["threshold"]["value"]) < 0
    what = _DOING[f"-{metric}" if back else metric][0]
    start, stop = f"started{what}", f"stopped{what}"
    return {"rising": stop, "falling": start} if back else {"rising": start, "falling": stop}


def _never_crossed(metric: str, facts: Facts, limit: str) -> str:
    period, direction = str(facts["period"]), str(facts.get("direction"))
    low, high = facts.get("lowest"), facts.get("highest")
    doing = _doing(metric, facts)
    if doing and low and high:
        back = float(facts["threshold"]["value"]) < 0
        on = float(high["value"]) < 0 if back else float(low["value"]) >= IDLE_W
        return f"{doing[0]} all the time {when(period)}." if on else f"{doing[1]} {when(period)}."
    above = bool(low) and float((low or {})["value"]) > float((facts.get("threshold") or {}).get("value", 0))
    if direction == "both" and low and high:
        side, end = ("above", "lowest") if above else ("below", "highest")
        return f"{capital(noun(metric))} stayed {side} {limit} {when(period)}; the {end} was {_at_end(facts, end)}."
    verb = {"rising": "reached", "falling": "fell below"}.get(direction, "crossed")
    end = "lowest" if direction == "falling" else "highest"
    reached = f"; the {end} was {_at_end(facts, end)}" if facts.get(end) else ""
    return f"{capital(noun(metric))} never {verb} {limit} {when(period)}{reached}."


def _at_end(facts: Facts, end: str) -> str:
    return f"{said(facts, end)} {moment(facts.get(end), str(facts['period']))}"


def _arrow(time: Facts, times: Sequence[Facts]) -> str:
    both = len({t["direction"] for t in times}) > 1
    return f" ({'up' if time['direction'] == 'rising' else 'down'})" if both else ""


def _seconds_on_side(intent: HowLong, crossings: Facts, facts: Facts) -> float | None:
    covered_s = _covered_s(facts)
    above_s = crossings.get("above_s")
    if above_s is None:
        low, high = (facts.get("min") or {}).get("value"), (facts.get("max") or {}).get("value")
        if low is None or high is None or covered_s is None:
            return None
        above_s = covered_s if low > intent.threshold else 0.0
    if intent.side == "above":
        return float(above_s)
    return None if covered_s is None else max(0.0, covered_s - float(above_s))


def _covered_s(facts: Facts) -> float | None:
    covered, whole_s = facts.get("covered_pct"), span_s(facts)
    return None if covered is None or whole_s is None else whole_s * float(covered) / 100
