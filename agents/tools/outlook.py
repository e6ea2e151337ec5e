"""The tools that tell the time to come: sun and load, the battery's course, and how right the forecasts were."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from agents import outlook_charts
from agents.tools.ahead import (
    age_fact,
    attach,
    days_asked,
    issued_source,
    kwh_fact,
    level_fact,
    missing,
    note_span,
    plain,
    without_nothing,
)
from agents.tools.desk import ToolDesk, ToolProblem, ToolResult
from agents.tools.words import age_words, clock, instant, rounded
from energy.forecast.hours import HOUR_S
from energy.naming import source_name
from energy.periods import local_midnight
from energy.units import day_name, format_energy, format_percent
from services import outlook, outlook_words
from services.outlook_values import CourseView, DayView, ForecastView, LevelAt, Nothing, Quantiles, WeekDay
from services.scorecard import scorecard, scorecard_lines
from services.state import current_state
from services.times_ahead import bare, clock_of, day_ahead, moment_ahead

if TYPE_CHECKING:
    from charts.specs import ScorecardChart
    from energy.forecast.hours import Floats
    from services.scope import Scope

_SUN_W = 100.0  # an hour with less is no daylight to the panels
_MOST_NOTES = 2
_WEATHER = {"open_meteo": "Open-Meteo", "openweathermap": "OpenWeatherMap", "victron_vrm": "Victron VRM"}


async def solar_and_load_forecast(desk: ToolDesk, day: str = "", hours: int = 0) -> ToolResult:
    """Sun, load and surplus to come: of `day` ("tomorrow", "Friday", "week") or of the next `hours`.

    Facts: `"issued"` and `"old"` where it is; `"days"`: per day `solar`, `load` (without the miners) as kWh with range,
    `surplus` (`sure` also with little sun and much load), `best` hours, `so_far`; `miners`: what they would need from
    sunrise to sunset, in order of priority. For a week per day solar, load and what the battery takes in.
    """
    scope = desk.scope
    asked = days_asked(scope, day)
    if hours <= 0 and asked == "week":
        return await _week(desk)
    view = await outlook.forecast_view(scope, hours if 0 < hours <= outlook.MOST_HOURS else outlook.MOST_HOURS)
    if isinstance(view, Nothing):
        raise missing(view)
    wanted = [each.day for each in view.days] if hours > 0 else list(asked)
    known = [found for each in wanted if each != "week" and (found := view.day(each)) is not None]  # type: ignore[arg-type]  # "week" has returned
    if not known or (hours <= 0 and len(wanted) == 1 and not known[0].whole):
        return await _week(desk, only=[each for each in wanted if isinstance(each, date)])
    source = issued_source(scope, view.issued_at)
    for each in known:
        _note_day(desk, each, source, view)
    await attach(desk, "solar_forecast", lambda: outlook_charts.solar_forecast_chart(scope, view))
    facts: dict[str, Any] = {
        "issued": clock(scope, view.issued_at),
        **age_fact(view.age, old=view.old),
        "weather": _weather(scope, view),
        "days": [_day(scope, view, each, miners=len(wanted) == 1) for each in known],
        "notes": list(view.notes[:1]),
    }
    if hours > 0:
        facts["hours"] = hours
        facts["total"] = without_nothing(_total(known))
    lines = outlook_words.forecast_lines(scope, view, [each.day for each in known])
    return ToolResult(without_nothing(facts), " ".join(map(plain, lines)))


async def battery_outlook(desk: ToolDesk) -> ToolResult:
    """Where the battery goes: lowest level, when full, at sunset and sunrise, risk for the reserve.

    Facts: `course` is "plan" or "as the miners are set now"; `lowest`, `night` (lowest until after sunrise), `full` or
    `highest`, `sunset`, `sunrise`, each with `dull` for little sun and much load; `breach` when the reserve is passed,
    `breach_if_dull`, `risk`; `other` is the lowest of the course that does not come.
    """
    scope = desk.scope
    view = await outlook.battery_view(scope)
    if isinstance(view, Nothing):
        raise missing(view)
    course, other = view.expected, view.other
    source = issued_source(scope, view.issued_at)
    if view.soc_pct is not None:
        now = (await current_state(scope))["soc_pct"]
        desk.note_instant("soc_pct", view.soc_pct, "%", view.read_at, source_name(scope.site, now.sources))
    end = instant(float(course.ends_s[-1]))
    night = _night(course)
    for name, level in (("lowest", course.lowest), ("lowest_if_dull", course.lowest_if_dull), ("night", night)):
        if level is not None:
            note_span(desk, f"soc_{name}_pct", level.soc_pct, "%", scope.as_of, level.at, source, view.issued_at)
    for name, level in (("sunset", course.at_sunset), ("sunrise", course.at_sunrise), ("end", course.end)):
        if level is not None:
            note_span(desk, f"soc_at_{name}_pct", level.soc_pct, "%", scope.as_of, level.at, source, view.issued_at)
    if course.full_at is not None:
        desk.note_instant("soc_full_at", course.full_at.astimezone(scope.zone).isoformat(), "", None, source)
    highest = int(np.argmax(course.p50))
    facts = {
        "issued": clock(scope, view.issued_at),
        **age_fact(view.age, old=view.old),
        "now": None if view.soc_pct is None else format_percent(round(view.soc_pct)),
        "course": "plan" if course is view.plan else "as the miners are set now",
        "mode": view.mode,
        "until": bare(scope, end),
        "lowest": level_fact(course.lowest, moment_ahead(scope, course.lowest.at)),
        "lowest_if_dull": level_fact(course.lowest_if_dull, moment_ahead(scope, course.lowest_if_dull.at)),
        "night": _with_dull(scope, course, night),
        "sunset": _with_dull(scope, course, course.at_sunset),
        "sunrise": _with_dull(scope, course, course.at_sunrise),
        "full": None if course.full_at is None else moment_ahead(scope, course.full_at),
        "highest": level_fact(
            LevelAt(float(course.p50[highest]), instant(float(course.ends_s[highest]))),
            moment_ahead(scope, instant(float(course.ends_s[highest]))),
        ),
        "reserve_pct": rounded(view.reserve_pct),
        "minimum_pct": rounded(view.floor_pct),
        "breach": None if course.breach_at is None else moment_ahead(scope, course.breach_at),
        "breach_if_dull": None if course.breach_if_dull_at is None else moment_ahead(scope, course.breach_if_dull_at),
        "risk": outlook_words.chance(course.risk),
        "other": None if other is None else level_fact(other.lowest, moment_ahead(scope, other.lowest.at)),
        "other_breach": other is not None and other.breach_at is not None,
        "why": view.because,
    }
    await attach(desk, "soc_fan", lambda: outlook_charts.soc_fan_chart(scope, view))
    return ToolResult(without_nothing(facts), " ".join(map(plain, outlook_words.battery_lines(scope, view)[:4])))


async def forecast_accuracy(desk: ToolDesk) -> ToolResult:
    """How right the forecasts of the last 30 days were, beside the same hour of the day before.

    Facts: `"first"` and `"last"` day, `"lines"`: shares of 1 for solar, load and battery level, the range, the plans.
    """
    scope = desk.scope
    card = await scorecard(scope)
    if isinstance(card, Nothing):
        raise missing(card)

    async def chart() -> ScorecardChart | None:
        return outlook_charts.scorecard_spec(scope, card.scores)

    await attach(desk, "scorecard", chart)
    start, end = local_midnight(card.first_day, scope.zone), local_midnight(card.last_day, scope.zone)
    for target in card.targets:
        note_span(desk, f"{target.target}_accuracy", target.all.acc_hour, "", start, end, "scored forecasts", end)
    said = [plain(line) for line in scorecard_lines(card)[:5]]
    facts = {"first": str(card.first_day), "last": str(card.last_day), "lines": said}
    return ToolResult(facts, " ".join(said[:3]))


def _day(scope: Scope, view: ForecastView, day: DayView, *, miners: bool) -> dict[str, Any]:
    surplus = None
    if day.surplus_kwh is not None and day.sure_surplus_kwh is not None:
        surplus = {
            "kwh": rounded(day.surplus_kwh),
            "sure": rounded(day.sure_surplus_kwh),
            "said": format_energy(day.surplus_kwh),
            "sure_said": format_energy(day.sure_surplus_kwh),
        }
    return without_nothing(
        {
            "day": day_ahead(scope, max(day.start, scope.as_of)),
            "still_to_come": day.start <= scope.as_of,
            "partial": not day.whole,
            "solar": None if day.solar_kwh is None else kwh_fact(day.solar_kwh),
            "so_far": None if day.solar_so_far_kwh is None else format_energy(day.solar_so_far_kwh),
            "load": None if day.load_kwh is None else kwh_fact(day.load_kwh),
            "surplus": surplus,
            "best": _best(scope, day),
            "miners": _needs(scope, view, day) if miners else None,
        }
    )


def _best(scope: Scope, day: DayView) -> str | None:
    if day.best_solar is None:
        return None
    ends = clock_of(day.best_solar.end.astimezone(scope.zone), scope.units)
    if day.best_solar.start <= scope.as_of:
        return f"until {ends}"
    return f"{clock_of(day.best_solar.start.astimezone(scope.zone), scope.units)} to {ends}"


def _needs(scope: Scope, view: ForecastView, day: DayView) -> list[dict[str, Any]] | None:
    """What the first miner, the first two, ... would need while the sun shines, beside what the house leaves."""
    sunny = _sunny_hours(view, day, scope.as_of.timestamp())
    miners = sorted(scope.site.miner, key=lambda miner: miner.priority)
    if not miners or day.surplus_kwh is None or day.sure_surplus_kwh is None or sunny < 1:
        return None
    rows: list[dict[str, Any]] = []
    power_w = 0.0
    for count, miner in enumerate(miners, start=1):
        power_w += miner.power_w
        need = power_w / 1_000.0 * sunny
        rows.append(
            {
                "name": miner.name,
                "count": count,
                "need": format_energy(need),
                "enough": need <= day.surplus_kwh,
                "sure": need <= day.sure_surplus_kwh,
                "hours": f"{sunny:.0f} h",
            }
        )
    return rows if len(rows) <= 3 else [*rows[:2], rows[-1]]


def _sunny_hours(view: ForecastView, day: DayView, now_s: float) -> float:
    if view.solar is None:
        return 0.0
    starts_s, watts = view.solar.starts_s, view.solar.p50
    here = (starts_s >= day.start.timestamp()) & (starts_s < day.end.timestamp()) & (watts >= _SUN_W)
    left: Floats = np.clip((starts_s[here] + HOUR_S - now_s) / HOUR_S, 0.0, 1.0)
    return float(left.sum())


def _total(known: Sequence[DayView]) -> dict[str, Any]:
    """The days together; their ranges as if they went together, which is the careful side."""
    total: dict[str, Any] = {}
    for name in ("solar_kwh", "load_kwh"):
        parts: list[Quantiles] = [amount for each in known if (amount := getattr(each, name)) is not None]
        if parts:
            sums = (sum(getattr(amount, each) for amount in parts) for each in ("p10", "p50", "p90"))
            total[name.removesuffix("_kwh")] = kwh_fact(Quantiles(*sums))
    return total


def _note_day(desk: ToolDesk, day: DayView, source: str, view: ForecastView) -> None:
    start = max(day.start, desk.scope.as_of)
    for name, amount in (("solar", day.solar_kwh), ("load", day.load_kwh)):
        if amount is None:
            continue
        for suffix, value in (("", amount.p50), ("_low", amount.p10), ("_high", amount.p90)):
            note_span(desk, f"{name}_forecast_kwh{suffix}", value, "kWh", start, day.end, source, view.issued_at)
    for name, kwh in (("surplus", day.surplus_kwh), ("sure_surplus", day.sure_surplus_kwh)):
        note_span(desk, f"{name}_forecast_kwh", kwh, "kWh", start, day.end, source, view.issued_at)


async def _week(desk: ToolDesk, *, only: Sequence[date] = ()) -> ToolResult:
    scope = desk.scope
    view = await outlook.week_view(scope)
    if isinstance(view, Nothing):
        raise missing(view)
    days = [day for day in view.days if not only or day.day in only]
    if not days:
        last = day_ahead(scope, scope.as_of + timedelta(days=len(view.days) - 1))
        raise ToolProblem(f"The forecast reaches to {last}; nothing is known of later days.", problem="too_far")
    made = view.issued_at or scope.as_of
    source = issued_source(scope, made) if view.issued_at is not None else "weather forecast"
    for day in days:
        start, end = _bounds(scope, day.day)
        note_span(desk, "solar_forecast_kwh", day.solar_kwh, "kWh", start, end, source, made)
        note_span(desk, "load_forecast_kwh", day.load_kwh, "kWh", start, end, source, made)
        note_span(desk, "battery_charge_forecast_kwh", day.charge_kwh, "kWh", start, end, source, made)
    rows = [_week_day(scope, day) for day in days]
    head, said, after = outlook_words.week_lines(scope, view)
    if not only:
        forecast = await outlook.forecast_view(scope)
        if not isinstance(forecast, Nothing):
            await attach(desk, "solar_forecast", lambda: outlook_charts.solar_forecast_chart(scope, forecast))
        charged = [day.charge_kwh for day in days]
        total = sum(kwh or 0.0 for kwh in charged) if all(kwh is not None for kwh in charged) else None
        note_span(
            desk, "battery_charge_week_kwh", total, "kWh", scope.as_of, _bounds(scope, days[-1].day)[1], source, made
        )
    else:
        total = None
    old = view.issued_at is not None and scope.as_of - view.issued_at > outlook.FORECAST_OLD
    facts = without_nothing(
        {
            "issued": None if view.issued_at is None else clock(scope, view.issued_at),
            **age_fact(scope.as_of - made, old=old),
            "week": rows,
            "takes_in": None if total is None else format_energy(total),
            "without_miners": bool(scope.site.miner),
            "usual_day": None if view.typical_solar_kwh is None else format_energy(view.typical_solar_kwh),
            "less_sure": next((words for line in after if (words := plain(line)).startswith("From ")), None),
            "notes": list(view.notes[:1]),
        }
    )
    told = [plain(line) for day, line in zip(view.days, said, strict=True) if day in days] if only else [plain(head)]
    return ToolResult(facts, " ".join(told))


def _bounds(scope: Scope, day: date) -> tuple[datetime, datetime]:
    return max(local_midnight(day, scope.zone), scope.as_of), local_midnight(day + timedelta(days=1), scope.zone)


def _week_day(scope: Scope, day: WeekDay) -> dict[str, Any]:
    ahead = (day.day - scope.as_of.astimezone(scope.zone).date()).days
    return without_nothing(
        {
            "day": ("today", "tomorrow")[ahead] if ahead < 2 else day_name(day.day, scope.units),
            "solar": None if day.solar_kwh is None else format_energy(day.solar_kwh),
            "load": None if day.load_kwh is None or ahead == 0 else format_energy(day.load_kwh),
            "takes_in": None if day.charge_kwh is None else format_energy(day.charge_kwh),
            "low": None if day.lowest is None else round(day.lowest.soc_pct),
            "high": None if day.highest is None else round(day.highest.soc_pct),
            "full": None if day.full_at is None else clock_of(day.full_at.astimezone(scope.zone), scope.units),
            "by": None if day.basis == "forecast" else day.basis,
        }
    )


def _night(course: CourseView) -> LevelAt | None:
    """The lowest level until an hour after the next sunrise."""
    if course.at_sunrise is None:
        return None
    kept = course.ends_s <= course.at_sunrise.at.timestamp() + HOUR_S
    if not kept.any():
        return course.at_sunrise
    at = int(np.argmin(course.p50[kept]))
    found = LevelAt(float(course.p50[kept][at]), instant(float(course.ends_s[kept][at])))
    return min(found, course.at_sunrise, key=lambda level: level.soc_pct)


def _with_dull(scope: Scope, course: CourseView, level: LevelAt | None) -> dict[str, Any] | None:
    """A level with the cautious course's at the same moment."""
    if level is None:
        return None
    dull = float(np.interp(level.at.timestamp(), course.ends_s, course.p10))
    fact = level_fact(level, moment_ahead(scope, level.at)) or {}
    return fact | {"dull": format_percent(round(min(dull, level.soc_pct)))}


def _weather(scope: Scope, view: ForecastView) -> str | None:
    if view.weather_source is None or view.weather_issued_at is None:
        return None
    age = age_words(scope, view.weather_issued_at)
    return f"{_WEATHER.get(view.weather_source, view.weather_source)}, {age} old"
