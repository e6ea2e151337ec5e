"""/forecast and /why: what is to come, and the reasons of the plan."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.commands.buttons import run_button
from bot.commands.charts_ahead import battery_chart, solar_chart
from bot.commands.command import Context
from bot.commands.saying import Line, Misused, answer, figure, listed, name, quoted
from bot.reply import Reply
from energy.brief import BriefLine
from energy.durations import UnknownDuration, parse_until
from energy.units import format_clock, format_duration
from services import outlook, outlook_words, plan_words
from services.miners import UnknownMiner, find_miners
from services.outlook import BatteryView, ForecastView, Nothing
from services.times_ahead import bare

if TYPE_CHECKING:
    from services.scope import Scope

_WEATHER = {
    "open_meteo": "Open-Meteo",
    "openweathermap": "OpenWeatherMap",
    "victron_vrm": "Victron VRM",
    "climatology": "typical weather",
}
_LONGEST = 400
_CLOCK = re.compile(
    r"(?:(?P<day>today|yesterday)\s+)?(?:at\s+)?(?P<hour>\d{1,2})(?::(?P<minute>\d{2}))?\s*(?P<half>am|pm)?"
)
_AGO = re.compile(r"(?P<span>.+?)\s+ago")
_ARTICLES = {
    "this week": "week",
    "the week": "week",
    "7 days": "week",
    "next days": "",
    "soc": "battery",
    "now": "today",
}


async def forecast(scope: Scope, context: Context, arguments: str) -> Reply:
    """`/forecast [today|tomorrow|week|battery]`; today and tomorrow without a word."""
    words = " ".join(arguments.lower().split())
    words = _ARTICLES.get(words, words)
    if words == "week":
        return await _week(scope, context)
    if words == "battery":
        return await _battery(scope, context)
    if words not in ("", "today", "tomorrow"):
        raise Misused(
            f"{quoted(arguments)} is nothing that I can look ahead to",
            "Allowed: nothing for today and tomorrow, today, tomorrow, week or battery",
            "/forecast tomorrow",
        )
    view = await outlook.forecast_view(scope)
    if isinstance(view, Nothing):
        return answer(view.says)
    today = scope.as_of.astimezone(scope.zone).date()
    wanted = {"today": [today], "tomorrow": [today + timedelta(days=1)]}.get(words, [today, today + timedelta(days=1)])
    said = outlook_words.forecast_lines(scope, view, wanted)
    battery = await outlook.battery_view(scope)
    if isinstance(battery, BatteryView):
        line = outlook_words.battery_line(scope, battery, wanted[0] if len(wanted) == 1 else None)
        said += [] if line is None else [line]
    elif scope.site.battery is not None and len(said) < 5:
        said += [BriefLine(battery.says)]
    said += [BriefLine(note) for note in view.notes]
    spec = await solar_chart(scope, view)
    row = [
        await run_button(scope, context, "Battery", "/forecast battery"),
        await run_button(scope, context, "Week", "/forecast week"),
        await run_button(scope, context, "Plan", "/plan"),
    ]
    first, *rest = lines_of(said)
    return answer(first, *rest, source=_source(scope, view), charts=spec, buttons=[row])


async def _battery(scope: Scope, context: Context) -> Reply:
    view = await outlook.battery_view(scope)
    if isinstance(view, Nothing):
        return answer(view.says)
    first, *rest = lines_of(outlook_words.battery_lines(scope, view))
    row = [
        await run_button(scope, context, "Forecast", "/forecast"),
        await run_button(scope, context, "Plan", "/plan"),
    ]
    issued = format_clock(view.issued_at, scope.zone, now=scope.as_of, units=scope.units)
    spec = await battery_chart(scope, view)
    return answer(first, *rest, source=f"as planned at {issued}", charts=spec, buttons=[row])


async def _week(scope: Scope, context: Context) -> Reply:
    view = await outlook.week_view(scope)
    if isinstance(view, Nothing):
        return answer(view.says)
    head, days, after = outlook_words.week_lines(scope, view)
    row = [
        await run_button(scope, context, "Today and tomorrow", "/forecast"),
        await run_button(scope, context, "Battery", "/forecast battery"),
    ]
    parts: list[str] = []
    if view.weather_age is not None and view.weather_source is not None:
        parts.append(_weather(view.weather_source, view.weather_age))
    first, *_ = lines_of([head])
    return listed(first, lines_of(days), *lines_of(after), source=", ".join(parts), buttons=[row])


async def why(scope: Scope, context: Context, arguments: str) -> Reply:
    """`/why [miner] [time]`: the reasons of now, or of another moment."""
    words = " ".join(arguments.split())
    if len(words) > _LONGEST:
        raise Misused("that is too long to be a miner and a time", "", "/why")
    subject, at = _subject_and_time(scope, words)
    miner = subject if subject not in ("", "battery") else None
    found = await outlook.why(scope, miner, at)
    if isinstance(found, Nothing):
        return answer(found.says)
    if subject == "battery":
        view = outlook.only_battery(found)
        if not view.items:
            return answer("This site has no battery; the owner describes it in commandcenter.toml under [battery].")
        found = view
    said = plan_words.why_lines(scope, found)
    row = [
        await run_button(scope, context, "Plan", "/plan"),
        await run_button(scope, context, "Forecast", "/forecast"),
    ]
    first, *rest = lines_of(said or [BriefLine("There is nothing to explain: no miner and no battery.")])
    about = [] if found.is_now else [f"of {format_when(scope, found.at)}"]
    made = format_clock(found.planned_at, scope.zone, now=scope.as_of, units=scope.units)
    source = ", ".join([*about, f"planned at {made} {name(found.because, limit=80)}", *_other_zone(scope, found.at)])
    return answer(first, *rest, source=source, buttons=[row])


def format_when(scope: Scope, moment: datetime) -> str:
    """A moment, past or to come."""
    if moment >= scope.as_of:
        return bare(scope, moment)
    return format_clock(moment, scope.zone, now=scope.as_of, units=scope.units)


def _other_zone(scope: Scope, at: datetime) -> list[str]:
    """Reasons tell the site's time; said where that is not the reader's."""
    same = at.astimezone(scope.zone).utcoffset() == at.astimezone(scope.site.zone).utcoffset()
    return [] if same else [f"times in reasons are of {scope.site.timezone}"]


def _subject_and_time(scope: Scope, words: str) -> tuple[str, datetime | None]:
    """The miner (or "battery") that the first words name, and the moment that the others do."""
    parts = words.split()
    for size in range(len(parts), -1, -1):
        subject, rest = " ".join(parts[:size]), " ".join(parts[size:])
        if not _is_subject(scope, subject):
            continue
        if not rest:
            return _canonical(subject), None
        moment = _moment(scope, rest)
        if moment is not None:
            return _canonical(subject), moment
    known = ", ".join(miner.id for miner in scope.site.miner)
    miners = f"A miner ({name(known, limit=120)}), battery" if known else "battery, as this site has no miners"
    first = scope.site.miner[0].id if scope.site.miner else "battery"
    raise Misused(
        f"{quoted(words)} is no miner and no time that I know",
        f"{miners}, and a time such as 18:00 or tomorrow 09:00",
        f"/why {first} tomorrow 09:00",
    )


def _canonical(subject: str) -> str:
    return "battery" if subject.lower() in ("battery", "the battery") else subject


def _is_subject(scope: Scope, words: str) -> bool:
    if words.lower() in ("", "battery", "the battery"):
        return True
    try:
        return bool(find_miners(scope.site, words))
    except UnknownMiner:
        return False


def _moment(scope: Scope, words: str) -> datetime | None:
    """A moment in words; a bare clock time is the next one, "today 09:00" and "yesterday 18:00" may be past."""
    low = words.lower()
    ago = _AGO.fullmatch(low)
    clock = _CLOCK.fullmatch(low)
    try:
        if ago is not None:
            return scope.as_of - (parse_until(ago["span"], now=scope.as_of, zone=scope.zone) - scope.as_of)
        if clock is not None and clock["day"] is not None:
            local = scope.as_of.astimezone(scope.zone)
            hour = (
                int(clock["hour"]) % 12 + (12 if clock["half"] == "pm" else 0) if clock["half"] else int(clock["hour"])
            )
            day = local.date() - timedelta(days=clock["day"] == "yesterday")
            return datetime(day.year, day.month, day.day, hour, int(clock["minute"] or 0), tzinfo=scope.zone)
        return parse_until(re.sub(r"^(?:at|in)\s+", "", low), now=scope.as_of, zone=scope.zone)
    except (UnknownDuration, ValueError):
        return None


def lines_of(said: Iterable[BriefLine]) -> list[Line]:
    """Lines whose figure is seen first."""
    return [figure(line.figure, line.rest) for line in said]


def _source(scope: Scope, view: ForecastView) -> str:
    issued = format_clock(view.issued_at, scope.zone, now=scope.as_of, units=scope.units)
    parts = [f"forecast of {issued}"]
    if view.weather_source is not None and view.weather_age is not None:
        parts.append(_weather(view.weather_source, view.weather_age))
    return ", ".join(parts)


def _weather(source: str, age: timedelta) -> str:
    return f"weather by {name(_WEATHER.get(source, source))}, {format_duration(max(age, timedelta(0)))} old"
