"""From an `Intent` to the tool calls that its answer needs: names and arguments of `agents.tools`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, cast

from agents.local_model import intents as i
from energy.period_clocks import names_one_day
from energy.period_dates import dated

_NEARLY = 0.9  # of a power that someone read off another display
_PERIOD_ARGUMENTS = ("period", "period_a", "period_b")
BEFORE: Mapping[str, str] = MappingProxyType(
    {"this week": "last week", "this month": "last month", "this year": "last year", "today": "yesterday"}
)


@dataclass(frozen=True, slots=True)
class Call:
    """A tool to call: its name and arguments."""

    name: str
    arguments: Mapping[str, Any]


def calls_for(intent: i.Intent, now: datetime | None = None) -> list[Call]:
    """The calls that an intent needs, none where words alone answer; `now` is local, for "november 20" and the like."""
    if isinstance(intent, i.Compare):
        calls = _compare(intent, now)
    else:
        plan = _PLANS.get(type(intent))
        calls = plan(intent) if plan else []
    return [_dated(call, now.date() if now else None) for call in calls]


def _compare(intent: i.Compare, now: datetime | None) -> list[Call]:
    metrics = [intent.metric, *([intent.also] if intent.also else [])]
    return [call for metric in metrics for call in _compare_one(replace(intent, metric=metric), now)]


def _compare_one(intent: i.Compare, now: datetime | None) -> list[Call]:
    a, b = (intent.b, intent.a) if intent.b == "today" else (intent.a, intent.b)
    if now is None or a != "today" or not names_one_day(b) or now.hour == 0:
        return [comparison(intent.metric, intent.a, intent.b)]
    # Today is not over: against the other day up to this hour, and all of that day beside it.
    return [comparison(intent.metric, "today", f"{b} from 0:00 to {now:%H:%M}"), statistics(intent.metric, b)]


def _dated(call: Call, today: date | None) -> Call:
    if today is None:
        return call
    changed = {name: dated(str(value), today) for name, value in call.arguments.items() if name in _PERIOD_ARGUMENTS}
    return Call(call.name, {**call.arguments, **changed})


NOW = Call("current_state", {})
SETTINGS = Call("site_settings", {})
DEVICES = Call("device_details", {"device": ""})
OUTLOOK = Call("battery_outlook", {})
PLAN = Call("miner_and_battery_plan", {})


def statistics(metric: str, period: str, by: str | None = None) -> Call:
    """A call of history_statistics."""
    arguments = {"metric": metric, "period": period}
    return Call("history_statistics", arguments | {"by": by} if by else arguments)


def _now(intent: i.Now) -> list[Call]:
    # "How much solar?" may mean the power or the day's energy: both are short.
    return [NOW, statistics("solar", "today")] if intent.metrics == ("solar",) and intent.asked is None else [NOW]


def _total(intent: i.Total) -> list[Call]:
    calls = [statistics(metric, intent.period, intent.by) for metric in intent.metrics]
    # A breakdown is easier seen than read.
    picture = [Call("draw_chart", {"kind": "energy", "period": intent.period})] if intent.by and not intent.best else []
    return [*calls, *picture]


def _one(intent: i.Average | i.Range | i.At | i.WhenExtreme) -> list[Call]:
    return [statistics(intent.metric, intent.period)]


def _extreme(intent: i.Extreme) -> list[Call]:
    calls = [statistics(intent.metric, intent.period)]
    return [*calls, SETTINGS] if (intent.metric, intent.which) == ("soc", "min") else calls


def _crossed(intent: i.WhenCrossed) -> list[Call]:
    metrics = [intent.metric, *([intent.also] if intent.also else [])]
    return [_crossing(metric, intent.threshold, intent.period, intent.direction) for metric in metrics]


def _crossing(metric: str, threshold: float, period: str, direction: str) -> Call:
    arguments = {"metric": metric, "threshold": threshold, "period": period, "direction": direction}
    return Call("when_crossed", arguments)


def _how_long(intent: i.HowLong) -> list[Call]:
    return [
        _crossing(intent.metric, intent.threshold, intent.period, "both"),
        statistics(intent.metric, intent.period),
    ]


def comparison(metric: str, a: str, b: str) -> Call:
    """A call of compare_periods."""
    return Call("compare_periods", {"metric": metric, "period_a": a, "period_b": b})


def _trend(intent: i.Trend) -> list[Call]:
    calls = [statistics(intent.metric, intent.period, "day")]
    before = BEFORE.get(intent.period)
    return [*calls, statistics(intent.metric, before)] if before else calls


def _summary(intent: i.Summary) -> list[Call]:
    return [statistics(metric, intent.period) for metric in ("soc", "solar", "load", "grid")]


def _own_share(intent: i.OwnShare) -> list[Call]:
    return [statistics(metric, intent.period) for metric in ("load", "grid", "solar")]


def _device(intent: i.DeviceFact) -> list[Call]:
    if intent.device:
        return [NOW, Call("device_details", {"device": intent.device})]
    return {
        "inverter": [SETTINGS, DEVICES],
        "inverter_state": [NOW, DEVICES],
        "health": [NOW, DEVICES],
        "last_reading": [DEVICES],
        "firmware": [DEVICES],
        "serial": [DEVICES],
        "devices": [DEVICES, SETTINGS],
    }.get(intent.what, [SETTINGS])


def _judge(intent: i.Judge) -> list[Call]:
    if intent.period and intent.metric == "soc":
        return [statistics("soc", intent.period), SETTINGS]
    return [NOW, SETTINGS] if intent.metric == "soc" else [NOW, statistics(intent.metric, "last 7 days")]


def _advice(intent: i.Advice) -> list[Call]:
    if intent.about == "enough_for_miners":
        return [NOW, SETTINGS, sun_ahead(intent.when or "tomorrow"), PLAN]
    if intent.about == "use_surplus":
        return [NOW, SETTINGS, sun_ahead(intent.when), statistics("solar", "yesterday", "hour")]
    if intent.about == "charge_time":
        return [NOW, SETTINGS, statistics("solar", "yesterday", "hour"), sun_ahead(intent.when), OUTLOOK]
    if intent.about in ("high_discharge", "draining"):
        calls = [NOW, statistics("load", "last 24 hours"), statistics("load", "last 7 days")]
        if intent.watts:
            calls.append(_crossing("battery", -_NEARLY * intent.watts, "last 24 hours", "falling"))
        return calls
    calls = [NOW, SETTINGS]
    if intent.about in ("run_miners", "grid_charge", "run_generator"):
        calls += [statistics("soc", "last night"), statistics("miners", "last night")]
    if intent.about in ("run_miners", "start_miners"):
        return [*calls, PLAN, OUTLOOK]
    if intent.about in ("grid_charge", "run_generator"):
        return [*calls, OUTLOOK, PLAN, sun_ahead("tomorrow")]
    return calls


def _forecast(intent: i.Forecast) -> list[Call]:
    if intent.metric in ("solar", "load", "grid", "miners"):
        past = [statistics(intent.metric, "yesterday"), statistics(intent.metric, "last 7 days")]
        return [NOW, *past, *([PLAN] if intent.metric in ("grid", "miners") else [sun_ahead(intent.when)])]
    past = [statistics("soc", "last night"), statistics("solar", "yesterday")]
    if intent.when is not None and "week" in intent.when:
        return [NOW, SETTINGS, *past, sun_ahead("week")]
    more = [PLAN] if intent.about == "full" else [] if intent.metric or intent.about else [sun_ahead(intent.when)]
    return [NOW, SETTINGS, *past, OUTLOOK, *more]


def sun_ahead(when: str | None) -> Call:
    """A call of solar_and_load_forecast for words such as "tomorrow afternoon", "last friday" (the coming one)."""
    words = (when or "").removeprefix("last ")
    hours = re.search(r"(\d+) ?(?:h|hours?)\b", words)
    if hours is not None:
        return Call("solar_and_load_forecast", {"hours": int(hours[1])})
    vague = not words or words in ("now", "tonight") or not re.search(r"day|week|today|tomorrow|\d{4}-", words)
    return Call("solar_and_load_forecast", {} if vague else {"day": words})


def _why(intent: i.WhyPlanned) -> list[Call]:
    arguments = {name: value for name, value in (("miner", intent.miner), ("at", intent.at)) if value}
    return [Call("why_plan", arguments), NOW]


def _what_if(intent: i.WhatIf) -> list[Call]:
    given = asdict(intent)
    unset = asdict(i.WhatIf(intent.kind))
    return [Call("what_if", {"kind": intent.kind} | {n: v for n, v in given.items() if v != unset[n]})]


def _chart(intent: i.Chart) -> list[Call]:
    draw = Call("draw_chart", {"kind": intent.kind, "period": intent.period})
    metrics = [intent.metric] if intent.metric else ["soc"] if intent.kind == "soc" else ["solar", "load"]
    return [draw, *[statistics(metric, intent.period) for metric in metrics]]


def _knowledge(intent: i.Knowledge) -> list[Call]:
    return {
        "panel_maintenance": [SETTINGS, statistics("solar", "last 30 days")],
        "upgrade": [SETTINGS, statistics("solar", "last 30 days")],
        "sizing": [SETTINGS, statistics("soc", "last 30 days"), statistics("load", "last 30 days")],
        "storage": [SETTINGS],
        "lifepo4": [SETTINGS],
        "battery_technology": [SETTINGS],
        "soc_meaning": [NOW],
    }.get(intent.topic, [])


def _outside(intent: i.OutOfScope) -> list[Call]:
    if intent.kind == "finance":
        return [statistics(metric, "last 30 days") for metric in ("solar", "load", "grid")]
    return [statistics("solar", "today")] if intent.kind == "weather" else []


def _switch(intent: i.Switch) -> list[Call]:
    arguments = {"action": intent.action, "miners": intent.miners, "until": intent.until}
    return [Call("propose_miners", {name: value for name, value in arguments.items() if value})]


_Plan = Callable[[Any], list[Call]]
_PLANS: Mapping[type[i.Intent], _Plan] = MappingProxyType(
    cast(
        "dict[type[i.Intent], _Plan]",
        {
            i.Now: _now,
            i.Total: _total,
            i.Average: _one,
            i.Range: _one,
            i.At: _one,
            i.Extreme: _extreme,
            i.WhenExtreme: _one,
            i.WhenCrossed: _crossed,
            i.HowLong: _how_long,
            i.Trend: _trend,
            i.Summary: _summary,
            i.OwnShare: _own_share,
            i.DeviceFact: _device,
            i.Policy: lambda _: [SETTINGS],
            i.Judge: _judge,
            i.Advice: _advice,
            i.Forecast: _forecast,
            i.PlanShown: lambda _: [PLAN],
            i.WhyPlanned: _why,
            i.WhatIf: _what_if,
            i.Accuracy: lambda _: [Call("forecast_accuracy", {})],
            i.Chart: _chart,
            i.Knowledge: _knowledge,
            i.OutOfScope: _outside,
            i.Greeting: lambda _: [NOW],
            i.Switch: _switch,
            i.NotYet: lambda intent: [SETTINGS] if intent.what in ("setting", "order") else [NOW],
            i.Unclear: lambda intent: [NOW] if intent.metrics else [],
        },
    )
)
