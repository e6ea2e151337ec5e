"""/report: the brief of a day, a week or a month; and when this place gets the daily one."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from bot.brief_reply import reply_of
from bot.commands.buttons import run_button
from bot.commands.charts_ahead import scorecard_chart
from bot.commands.command import Context
from bot.commands.saying import Misused, answer, figure, quoted
from bot.reply import Button, Code, Reply, Text
from energy.brief_times import parsed
from energy.period_words import find_future
from energy.periods import MONTHS, Period, UnknownPeriod, parse_period
from energy.preference_values import PreferenceError, brief_time
from services.brief import Kind, NoSuchDay, brief, days_of
from services.brief_times import group_brief, set_group_brief
from services.outlook_values import Nothing
from services.scorecard import DAYS, scorecard, scorecard_lines

if TYPE_CHECKING:
    from services.scope import Scope

_KINDS: dict[str, Kind] = {
    "day": "daily",
    "daily": "daily",
    "week": "weekly",
    "weekly": "weekly",
    "month": "monthly",
    "monthly": "monthly",
}
_WORDS: dict[Kind, str] = {"daily": "day", "weekly": "week", "monthly": "month"}
_WHEN = "yesterday, last week, October, 2026-11-20"
_MOST_DAYS: dict[Kind, int] = {"daily": 2, "weekly": 8, "monthly": 32}


async def report(scope: Scope, context: Context, arguments: str) -> Reply:
    """`/report [day|week|month] [when]`, `/report forecast`, `/report here TIME|off`."""
    first, _, rest = " ".join(arguments.split()).partition(" ")
    if first.lower() == "here":
        return await _here(scope, context, rest)
    if first.lower() == "forecast":
        return await _scorecard(scope)
    kind = _KINDS.get(first.lower())
    words = rest if kind is not None else f"{first} {rest}".strip()
    kind, day = _kind_and_day(scope, kind, words)
    try:
        found = await brief(scope, kind, day)
    except NoSuchDay as error:
        raise Misused(str(error), f"When: {_WHEN}", "/report day yesterday") from error
    return await reply_of(scope, [found], [await _others(scope, context, kind, day)])


async def _scorecard(scope: Scope) -> Reply:
    """How right the forecasts were, and what the plans were worth."""
    card = await scorecard(scope)
    if isinstance(card, Nothing):
        return answer(card.says)
    first, *rest = [figure(line.figure, line.rest) for line in scorecard_lines(card)]
    source = f"the last {DAYS} days; an accuracy of 1 is exact, 0 is as far off as what came"
    return answer(first, *rest, source=source, charts=await scorecard_chart(scope, card.scores))


def _kind_and_day(scope: Scope, kind: Kind | None, words: str) -> tuple[Kind, date]:
    """What is asked for. Without words it is the last one that is over; without a kind the words say which."""
    today = scope.as_of.astimezone(scope.zone).date()
    if not words:
        kind = kind or "daily"
        return kind, days_of(kind, today)[0] - timedelta(days=1)
    place = scope.place
    try:
        period = parse_period(words, now=place.now, zone=place.zone, latitude=place.latitude, longitude=place.longitude)
    except UnknownPeriod:
        future = find_future(words.lower()) is not None
        wrong = "is still to come" if future else "is neither day, week, month nor a period of the past"
        raise Misused(f"{quoted(words)} {wrong}", f"When: {_WHEN}", "/report week last week") from None
    return kind or _kind_of(period), period.start.astimezone(scope.zone).date()


def _kind_of(period: Period) -> Kind:
    """The kind that a period's words mean, however much of it is over; else the one that holds it."""
    named = set(period.label.lower().split())
    if "week" in named:
        return "weekly"
    if named & {"month", *MONTHS}:
        return "monthly"
    days = period.duration / timedelta(days=1)
    return next(each for each, most in _MOST_DAYS.items() if days < most or each == "monthly")


async def _others(scope: Scope, context: Context, kind: Kind, day: date) -> list[Button]:
    """The same time on other scales, and the one before."""
    earlier = days_of(kind, day)[0] - timedelta(days=1)
    word = _WORDS[kind]
    row = [await run_button(scope, context, f"The {word} before", f"/report {word} {earlier.isoformat()}")]
    for other, name in _WORDS.items():
        if other not in (kind, "daily"):
            row.append(await run_button(scope, context, name.capitalize(), f"/report {name} {day.isoformat()}"))
    return row


async def _here(scope: Scope, context: Context, words: str) -> Reply:
    """When this group gets the daily brief; in a direct chat it is a preference."""
    if context.direct:
        raise Misused(
            "this is a direct chat, where the brief comes at the time in your preferences; say it in the group "
            "that you mean",
            "",
            f"/prefs set brief_time {words or '07:30'}",
        )
    platform, chat_id = context.address.platform, context.address.chat_id
    if not words:
        at = await group_brief(scope, platform, chat_id)
        said = "The daily brief does not come here." if at is None else f"The daily brief comes here at {at}."
        return answer(said, (Text("To change it: "), Code(f"/report here {'07:30' if at is None else 'off'}")))
    try:
        wanted = brief_time(words)
    except PreferenceError:
        raise Misused(
            f"{quoted(words)} is no time of day", "Allowed: a time such as 07:30, or off", "/report here 07:30"
        ) from None
    time_of_day = parsed("07:30" if wanted == "usual" else wanted)
    if not await set_group_brief(scope, platform, chat_id, time_of_day):
        raise Misused("this group is not open yet; open it first, then send that again", "", "/group open")
    if time_of_day is None:
        return answer("No daily brief in this group any more.")
    return answer(
        f"The daily brief comes here at {time_of_day:%H:%M}, {scope.site.timezone} time.", "/report here off ends that."
    )
