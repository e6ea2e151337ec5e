"""The outlook in sentences, the figure first: the same for commands and for tools."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from energy.brief import BriefLine
from energy.units import day_name, format_duration, format_energy, format_percent
from services.outlook_values import (
    BatteryView,
    CourseView,
    DayView,
    ForecastView,
    LevelAt,
    Quantiles,
    WeekDay,
    WeekView,
)
from services.scope import Scope
from services.times_ahead import bare, clock_of, day_ahead, moment_ahead

_OLD = "the worker makes one every {every} while it runs, and /health says what is silent."
_LEAST_KWH = 0.05
_SURE_HOURS = 48  # of how many ahead the errors are known that a band is made from


def forecast_lines(scope: Scope, view: ForecastView, days: Sequence[date]) -> list[BriefLine]:
    """The forecast of these local days; those that it does not reach are left out."""
    lines: list[BriefLine] = []
    if view.old:
        lines.append(BriefLine(f"This forecast is {format_duration(view.age)} old", f": {_OLD.format(every='hour')}"))
    for day in days:
        found = view.day(day)
        if found is not None:
            lines += _day_lines(scope, found, only=len(days) == 1)
    return lines


def _day_lines(scope: Scope, day: DayView, *, only: bool) -> list[BriefLine]:
    word = day_ahead(scope, max(day.start, scope.as_of))
    today = word == "today"
    when = "still to come today" if today else word if word == "tomorrow" else f"on {word}"
    when += "" if day.whole else " as far as the forecast reaches"
    lines: list[BriefLine] = []
    if day.solar_kwh is not None:
        so_far = f"; {format_energy(day.solar_so_far_kwh)} so far" if day.solar_so_far_kwh is not None else ""
        if day.solar_kwh.p90 < _LEAST_KWH:
            lines.append(BriefLine("No more sun today" if today else f"No sun {when}", f"{so_far}."))
        else:
            best = f"; best {_best(scope, day)}" if day.best_solar is not None else ""
            said = f"{format_energy(day.solar_kwh.p50)} solar {when}"
            lines.append(BriefLine(said, f"{_likely(day.solar_kwh)}{so_far}{best}."))
    if day.load_kwh is not None and (only or not today):
        without = " without the miners" if scope.site.miner else ""
        lines.append(BriefLine(f"{format_energy(day.load_kwh.p50)} load {when}", f"{without}{_likely(day.load_kwh)}."))
    if day.surplus_kwh is not None and day.sure_surplus_kwh is not None and (only or not today):
        lines.append(_surplus(day.surplus_kwh, day.sure_surplus_kwh, when))
    return lines


def _surplus(kwh: float, sure: float, when: str) -> BriefLine:
    if kwh < _LEAST_KWH:
        return BriefLine(f"No surplus {when}", ": the house takes all of the sun.")
    least = f"{format_energy(sure)} of it" if sure >= _LEAST_KWH else "none of it"
    return BriefLine(f"{format_energy(kwh)} surplus {when}", f", {least} also with little sun and much load.")


def _likely(amount: Quantiles) -> str:
    if amount.p90 - amount.p10 < _LEAST_KWH:
        return ""
    digits = 0 if amount.p90 >= 10 else 1
    return f", likely {amount.p10:.{digits}f} to {amount.p90:.{digits}f}"


def _best(scope: Scope, day: DayView) -> str:
    assert day.best_solar is not None
    first, last = (
        clock_of(at.astimezone(scope.zone), scope.units) for at in (day.best_solar.start, day.best_solar.end)
    )
    return f"until {last}" if day.best_solar.start <= scope.as_of else f"{first} to {last}"


def battery_line(scope: Scope, view: BatteryView, day: date | None = None) -> BriefLine | None:
    """The battery in one line: how low it gets, when it is full, the reserve; of one local day, or of all to come."""
    course = view.expected if day is None else view.expected.within(day, scope.zone)
    if course is None:
        return None
    full = f", full {moment_ahead(scope, course.full_at)}" if course.full_at is not None else ""
    said = f"Battery lowest {_pct(course.lowest)} {moment_ahead(scope, course.lowest.at)}"
    if course.lowest.soc_pct >= view.reserve_pct - 0.5:
        return BriefLine(said, f"{full}.")
    limit = "minimum" if course.lowest.soc_pct < view.floor_pct - 0.5 else "reserve"
    level = view.floor_pct if limit == "minimum" else view.reserve_pct
    return BriefLine(said, f", below the {limit} of {format_percent(level)}{full}.")


def battery_lines(scope: Scope, view: BatteryView) -> list[BriefLine]:
    """The battery's course in up to six lines: now, lowest, the reserve, sunset and sunrise, the other course."""
    course, other = view.expected, view.other
    lines: list[BriefLine] = []
    if view.old:
        lines.append(BriefLine(f"This is {format_duration(view.age)} old", f": {_OLD.format(every='15 minutes')}"))
    now = "Level unknown now" if view.soc_pct is None else f"{format_percent(round(view.soc_pct))} now"
    if course.full_at is not None:
        lines.append(BriefLine(now, f", full {moment_ahead(scope, course.full_at)}."))
    else:
        highest = f"{format_percent(round(float(course.p50.max())))}"
        lines.append(BriefLine(now, f", not full until {bare(scope, course.end.at)}; {highest} at the most."))
    how = _how(view)
    dull = f", {_pct(course.lowest_if_dull)} with little sun" if _differs(course.lowest, course.lowest_if_dull) else ""
    lines.append(BriefLine(f"Lowest {_pct(course.lowest)} {moment_ahead(scope, course.lowest.at)}", f"{how}{dull}."))
    lines.append(_reserve(scope, view, course))
    suns = [
        f"{_pct(level)} at {word} ({bare(scope, level.at)})"
        for word, level in (("sunset", course.at_sunset), ("sunrise", course.at_sunrise))
        if level is not None
    ]
    if suns:
        first, *rest = suns
        lines.append(BriefLine(first, f", {rest[0]}." if rest else "."))
    if other is not None:
        lines.append(_other(scope, view, course, other))
    if view.because:
        lines.append(BriefLine("Why", f": {view.because[0].lower()}{view.because[1:]}"))
    return lines


def _how(view: BatteryView) -> str:
    if view.plan is None:
        return " as the miners are set now"
    return " by the plan" if view.expected is view.plan else " as the miners are set now"


def _reserve(scope: Scope, view: BatteryView, course: CourseView) -> BriefLine:
    reserve = format_percent(view.reserve_pct)
    if view.soc_pct is not None and view.soc_pct < view.reserve_pct and course.breach_at is not None:
        return BriefLine(
            f"Below the reserve of {reserve} already", f"; the minimum is {format_percent(view.floor_pct)}."
        )
    if course.breach_at is not None:
        return BriefLine(
            f"The reserve of {reserve} is reached {moment_ahead(scope, course.breach_at)}",
            f"; the minimum is {format_percent(view.floor_pct)}.",
        )
    if course.breach_if_dull_at is not None:
        return BriefLine(
            f"The reserve of {reserve} holds",
            f" unless there is little sun: then until {bare(scope, course.breach_if_dull_at)}, {chance(course.risk)}.",
        )
    return BriefLine(f"The reserve of {reserve} holds", ", also with little sun.")


def _other(scope: Scope, view: BatteryView, course: CourseView, other: CourseView) -> BriefLine:
    label = "Without the plan" if view.expected is view.plan else "By the plan"
    if not _differs(course.lowest, other.lowest):
        return BriefLine(label, " it is the same.")
    return BriefLine(label, f" the lowest is {_pct(other.lowest)} {moment_ahead(scope, other.lowest.at)}.")


def chance(risk: float) -> str:
    """ "about 1 time in 10"."""
    if risk < 0.05:
        return "less than 1 time in 20"
    times = max(round(risk * 10), 1)
    return "almost surely" if times >= 10 else f"about {times} {'time' if times == 1 else 'times'} in 10"


def week_lines(scope: Scope, view: WeekView) -> tuple[BriefLine, list[BriefLine], list[BriefLine]]:
    """The week: a line, one per day, and what must be said of them."""
    known = [day for day in view.days if day.solar_kwh is not None]
    total = sum(day.solar_kwh or 0.0 for day in known)
    charged = [day.charge_kwh for day in view.days if day.charge_kwh is not None]
    whose = "without miners the" if scope.site.miner else "the"
    says = f"; {whose} battery takes in {format_energy(sum(charged))}" if len(charged) == len(view.days) else ""
    head = BriefLine(f"{format_energy(total)} solar in {len(known)} days", f"{says}.")
    after: list[BriefLine] = []
    less_sure = " ".join(filter(None, (_wider(scope, view), _turns(scope, view.days))))
    if less_sure:
        after.append(BriefLine(less_sure))
    if view.typical_solar_kwh is not None:
        after.append(BriefLine(f"A day of the last two weeks had {format_energy(view.typical_solar_kwh)} on average."))
    return head, [_week_day(scope, day) for day in view.days], after


def _week_day(scope: Scope, day: WeekDay) -> BriefLine:
    label = _day_name(scope, day.day)
    if day.solar_kwh is None:
        return BriefLine(label, ": unknown")
    load = f", load {format_energy(day.load_kwh)}" if day.load_kwh is not None else ""
    parts = [f" {format_energy(day.solar_kwh)} solar{load}"]
    if day.charge_kwh is not None and day.lowest is not None and day.highest is not None:
        low, high = round(day.lowest.soc_pct), round(day.highest.soc_pct)
        span = f"battery {low} to {high} %" if low != high else f"battery {high} %"
        takes = f", takes in {format_energy(day.charge_kwh)}" if day.charge_kwh >= _LEAST_KWH else ""
        full = f", full at {clock_of(day.full_at.astimezone(scope.zone), scope.units)}" if day.full_at else ""
        parts.append(f"{span}{takes}{full}")
    return BriefLine(label, "; ".join(parts))


def _wider(scope: Scope, view: WeekView) -> str:
    """What must be said where forecast days lie beyond the two for which a band was learned."""
    if view.issued_at is None:
        return ""
    sure_until = (view.issued_at + timedelta(hours=_SURE_HOURS)).astimezone(scope.zone).date()
    if not any(day.basis == "forecast" and day.day > sure_until for day in view.days):
        return ""
    return f"After {_SURE_HOURS} hours the band is that of the second day: expect it to be wider."


def _turns(scope: Scope, days: Sequence[WeekDay]) -> str:
    """From when on the days are less sure."""
    words = {"weather": "the weather forecast alone", "typical": "typical weather of the season"}
    said: list[str] = []
    before = "forecast"
    for day in days:
        if day.basis != before and day.basis != "forecast":
            name = _day_name(scope, day.day)
            said.append(f"from {name.lower() if name in ('Today', 'Tomorrow') else name} on by {words[day.basis]}")
        before = day.basis
    text = ", ".join(said)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _day_name(scope: Scope, day: date) -> str:
    today = scope.as_of.astimezone(scope.zone).date()
    if day == today:
        return "Today"
    return "Tomorrow" if day == today + timedelta(days=1) else day_name(day, scope.units)


def _pct(level: LevelAt | None) -> str:
    return "unknown" if level is None else format_percent(round(level.soc_pct))


def _differs(a: LevelAt, b: LevelAt) -> bool:
    return round(a.soc_pct) != round(b.soc_pct)
