"""The brief of a day, a week or a month: figures from what is stored, lines from energy/brief.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from energy.alerts import devices
from energy.alerts.custom import rule_from_id
from energy.alerts.episode import Episode
from energy.alerts.rule import Level as Severity
from energy.alerts.rule import Rule
from energy.alerts.table import BY_ID
from energy.alerts.together import visible
from energy.brief import (
    WHOLE_DAY_SHARE,
    Amount,
    BriefLine,
    DayAmount,
    DayFigures,
    Due,
    Flows,
    Happened,
    Level,
    SpanFigures,
    day_lines,
    span_lines,
)
from energy.naming import source_name
from energy.periods import Period, local_midnight
from services import history
from services.brief_today import expected_today
from services.history import Bucket, Statistics
from services.miner_time import miner_hours
from services.scope import Scope, require
from store import alerts, custom_alerts, outbox

Kind = Literal["daily", "weekly", "monthly"]
KINDS: tuple[Kind, ...] = ("daily", "weekly", "monthly")
USUAL_DAYS = 14
LEAST_DAYS = 3  # fewer days are no habit
DUE_WITHIN = timedelta(days=7)
MOST_ALERTS = 1_000


class NoSuchDay(ValueError):
    """The day lies in the future; the message says what can be asked."""


@dataclass(frozen=True, slots=True)
class Brief:
    """What is said of `period` (local days `first` to `last`), with the figures behind it."""

    kind: Kind
    first: date
    last: date
    period: Period
    lines: tuple[BriefLine, ...]
    figures: DayFigures | SpanFigures
    source: str = ""  # the devices behind it, as people call them

    @property
    def text(self) -> str:
        """All lines as plain text."""
        return "\n".join(line.text for line in self.lines)

    @property
    def known(self) -> bool:
        """Whether there is anything to draw."""
        return self.figures.flows.known


def days_of(kind: Kind, day: date) -> tuple[date, date]:
    """The first and last local day of the brief that `day` lies in; weeks begin on Mondays."""
    if kind == "daily":
        return day, day
    if kind == "weekly":
        first = day - timedelta(days=day.weekday())
        return first, first + timedelta(days=6)
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


async def brief(scope: Scope, kind: Kind, day: date) -> Brief:
    """The brief of the day, week or month that the local `day` lies in, as known at `scope.as_of`.

    Raises NoSuchDay for one that has not begun.
    """
    require(scope, "viewer")
    first, last = days_of(kind, day)
    period = _period(scope, first, last)
    if period.start >= scope.as_of:
        raise NoSuchDay("that has not begun yet; I can report what was, such as yesterday or last week")
    own = {field: await history.statistics(scope, field, period) for field in _FIELDS}
    devices_named = sorted({name for each in own.values() for name in (each.source or "").split("+") if name})
    source = source_name(scope.site, devices_named) or ""
    if kind == "daily":
        figures = await _day(scope, first, period, own)
        lines = day_lines(figures, scope.zone, scope.as_of, scope.units)
        return Brief(kind, first, last, period, lines, figures, source)
    span = await _span(scope, kind, first, last, period, own)
    return Brief(kind, first, last, period, span_lines(span, scope.zone, scope.units), span, source)


def _period(scope: Scope, first: date, last: date) -> Period:
    start, end = local_midnight(first, scope.zone), local_midnight(last + timedelta(days=1), scope.zone)
    return Period(start, end, first.isoformat())


async def _day(scope: Scope, day: date, period: Period, own: Mapping[str, Statistics]) -> DayFigures:
    running = period.end > scope.as_of
    today = scope.as_of.astimezone(scope.zone).date()
    before = _period(scope, day - timedelta(days=USUAL_DAYS), day - timedelta(days=1))
    usual = {
        field: _mean_day(scope, await history.buckets(scope, field, before, "day")) for field in ("solar_w", "load_w")
    }
    flows = await _flows(scope, own, period)
    if not running:
        flows = replace(
            flows,
            solar=replace(flows.solar, before_kwh=usual["solar_w"]),
            load=replace(flows.load, before_kwh=usual["load_w"]),
        )
    known = [each for field, each in own.items() if field in _MAIN]
    figures = DayFigures(
        day=day,
        running=running,
        today=day == today - timedelta(days=1),
        flows=flows,
        known_s=max(each.covered_s for each in known),
        expected_s=known[0].expected_s,
    )
    if not figures.today:
        return replace(figures, happened=await _happened(scope, period))
    expected, because = await expected_today(scope)
    morning = Period(period.start, scope.as_of, "")
    return replace(
        figures,
        expected=expected,
        no_forecast=because,
        still_open=await _still_open(scope),
        happened=await _happened(scope, morning),
        due=_due(scope),
        undelivered=await _undelivered(scope),
    )


_MAIN = ("solar_w", "load_w", "battery_charge_w", "soc_pct")
_FIELDS = (*_MAIN, "grid_import_w", "generator_w", "miner_w")


def _mean_day(scope: Scope, days: Sequence[Bucket]) -> float | None:
    whole = [day.energy.net_kwh for day in days if day.energy is not None and _is_whole(day, scope)]
    return sum(whole) / len(whole) if len(whole) >= LEAST_DAYS else None


def _is_whole(day: Bucket, scope: Scope) -> bool:
    """Whether a day is over, and known."""
    local = day.end.astimezone(scope.zone)
    if local.hour or local.minute or local.second:
        return False
    return day.covered_s >= WHOLE_DAY_SHARE * (day.end - day.start).total_seconds()


async def _flows(scope: Scope, own: Mapping[str, Statistics], period: Period) -> Flows:
    def net(field: str) -> float | None:
        energy = own[field].energy
        return None if energy is None else energy.net_kwh

    charge, grid, soc = own["battery_charge_w"].energy, own["grid_import_w"].energy, own["soc_pct"]
    return Flows(
        solar=Amount(net("solar_w")),
        load=Amount(net("load_w")),
        miners_kwh=net("miner_w") if scope.site.miner else None,
        miner_hours=await miner_hours(scope, period, own["miner_w"].covered_s),
        grid=scope.site.grid.present,
        imported_kwh=None if grid is None else grid.positive_kwh,
        exported_kwh=None if grid is None else grid.negative_kwh,
        generator_kwh=net("generator_w"),
        charged_kwh=None if charge is None else charge.positive_kwh,
        discharged_kwh=None if charge is None else charge.negative_kwh,
        lowest=None if soc.minimum is None else Level(soc.minimum.value, soc.minimum.at),
        highest=None if soc.maximum is None else Level(soc.maximum.value, soc.maximum.at),
    )


async def _span(
    scope: Scope, kind: Kind, first: date, last: date, period: Period, own: Mapping[str, Statistics]
) -> SpanFigures:
    before_first, before_last = days_of(kind, first - timedelta(days=1))
    before = _period(scope, before_first, before_last)
    flows = await _flows(scope, own, period)
    days = {field: await history.buckets(scope, field, period, "day") for field in ("solar_w", "load_w")}
    earlier = {field: await history.buckets(scope, field, before, "day") for field in ("solar_w", "load_w")}
    number = (last - first).days + 1
    whole = {
        field: [day for day in found if day.energy is not None and _is_whole(day, scope)]
        for field, found in days.items()
    }
    whole_before = {field: [day for day in found if _is_whole(day, scope)] for field, found in earlier.items()}
    same = all(len(whole[field]) == len(whole_before[field]) for field in days) and len(whole["solar_w"]) == number
    flows = replace(
        flows,
        solar=_against(flows.solar, whole["solar_w"], whole_before["solar_w"], same),
        load=_against(flows.load, whole["load_w"], whole_before["load_w"], same),
    )
    sunny = sorted(whole["solar_w"], key=_kwh)
    ends = (
        [DayAmount(day.start.astimezone(scope.zone).date(), _kwh(day)) for day in (sunny[0], sunny[-1])]
        if sunny
        else []
    )
    fired = [each for each in await _episodes(scope, period) if _fired_in(each, period)]
    known_days = len({day.start for found in days.values() for day in found if day.covered_s > 0})
    return SpanFigures(
        kind="week" if kind == "weekly" else "month",
        first=first,
        last=last,
        running=period.end > scope.as_of,
        days=min(number, (scope.as_of.astimezone(scope.zone).date() - first).days + 1),
        known_days=known_days,
        flows=flows,
        by_day=not same,
        best=ends[1] if ends else None,
        worst=ends[0] if ends else None,
        alerts=len(fired),
        critical=sum(each.level is Severity.CRITICAL for each in fired),
    )


def _kwh(day: Bucket) -> float:
    return 0.0 if day.energy is None else day.energy.net_kwh


def _against(amount: Amount, own: Sequence[Bucket], before: Sequence[Bucket], same: bool) -> Amount:
    """The amount with what it is compared with: the total before, or as many days of the mean before."""
    if amount.kwh is None or not own or len(before) < LEAST_DAYS:
        return amount
    if same:
        return replace(amount, before_kwh=sum(_kwh(day) for day in before))
    mean, mean_before = (sum(_kwh(day) for day in days) / len(days) for days in (own, before))
    return replace(amount, before_kwh=amount.kwh * mean_before / mean if mean > 0 else None)


async def _episodes(scope: Scope, period: Period) -> list[Episode]:
    """What fired in the period or fires still, of the site's rules and the actor's own."""
    found = await alerts.recent(scope.database, scope.org_id, scope.site.id, since=period.start, limit=MOST_ALERTS)
    own = await _own_rules(scope)
    return [each.episode for each in found if each.episode.rule_id in BY_ID or each.episode.rule_id in own]


async def _own_rules(scope: Scope) -> set[str]:
    if scope.actor.person_id is None:
        return set()
    own = await custom_alerts.of_person(scope.database, scope.org_id, scope.site.id, scope.actor.person_id)
    return {each.rule.id for each in own}


def _fired_in(episode: Episode, period: Period) -> bool:
    return episode.fired_at is not None and period.start <= episode.fired_at < period.end


async def _still_open(scope: Scope) -> tuple[Happened, ...]:
    now = scope.as_of
    found = await _episodes(scope, Period(now - timedelta(seconds=1), now, ""))
    rules = {each.rule_id: _rule(each) for each in found}
    shown = [episode for group in visible(found, now, rules) for episode in group.episodes]
    return tuple(_happened_as(scope, each) for each in shown if each.rule_id != devices.MAINTENANCE.id)


async def _happened(scope: Scope, period: Period) -> tuple[Happened, ...]:
    """What fired in the period and is over, the oldest first."""
    found = [each for each in await _episodes(scope, period) if _fired_in(each, period) and not each.is_firing]
    return tuple(_happened_as(scope, each) for each in sorted(found, key=lambda each: each.since))


def _rule(episode: Episode) -> Rule:
    rule = BY_ID.get(episode.rule_id) or rule_from_id(episode.rule_id, episode.level)
    return rule or Rule(id=episode.rule_id, level=episode.level, title=episode.rule_id, cleared="It is over")


def _happened_as(scope: Scope, episode: Episode) -> Happened:
    rule = _rule(episode)
    about = source_name(scope.site, episode.subject) if rule.of == "device" else episode.subject
    title = f"{rule.title}, {about}" if about and rule.of in ("device", "miner", "code") else rule.title
    over_at = None if episode.is_firing else episode.clear_since or episode.resolved_at
    return Happened(title, episode.since, over_at, episode.level is Severity.CRITICAL)


def _due(scope: Scope) -> tuple[Due, ...]:
    tasks = sorted(scope.site.maintenance_due(), key=lambda task: task.due_at)
    return tuple(Due(task.title, task.due_at) for task in tasks if task.due_at <= scope.as_of + DUE_WITHIN)


async def _undelivered(scope: Scope) -> int:
    """How many messages are given up: owners can send them again."""
    if scope.actor.role != "owner" or scope.actor.person_id is None:
        return 0
    return await outbox.count_dead(scope.database, scope.org_id, scope.site.id)
