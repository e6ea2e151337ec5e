"""How right the forecasts of the last days were and what the plans were worth, out of the scores that are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from energy.brief import BriefLine
from energy.forecast.hours import HOUR_S
from energy.scorecard.day import LATE_S, midnight_s
from energy.scorecard.worth import is_meaningful
from services.outlook_values import Nothing
from services.scope import Scope, require
from store import scores
from store.scores import Score

DAYS = 30
TARGETS = ("solar", "load", "soc")
SKIES = ("clear", "mixed", "overcast")
_NAMES = {"solar": "Solar", "load": "Load", "soc": "Battery level"}


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Over `days`: 1 - the errors' sum over what came; of the other ways over the hours that they know."""

    days: int
    acc_hour: float | None
    acc_day: float | None
    persistence_hour: float | None
    profile_hour: float | None


@dataclass(frozen=True, slots=True)
class TargetScore:
    """A forecast's figures. `better_days` of `compared_days` it was nearer than the same hour of the day before.

    `as_is`: the battery's level was foreseen with the miners left as they were, since no plan was in charge.
    `old_days` are those by a forecast that was hours old already when the day began.
    `coverage` is the share of hours within the 80 % range; `bias` above 0 is too much promised; `mean_error` in W, or
    points of the battery's level. `by_sky` goes by the kind of the day's sky.
    """

    target: str
    all: Accuracy
    unscored_days: int
    old_days: int
    better_days: int
    compared_days: int
    coverage: float | None
    bias: float | None
    mean_error: float | None
    by_sky: Mapping[str, Accuracy]
    as_is: bool = False


@dataclass(frozen=True, slots=True)
class PlanScore:
    """Money over `days`: what really came about, and what others would have had on the same hours.

    `share` is (happened - threshold rule) / (perfect foresight - threshold rule); None where their gap is too small.
    `followed_days` are those that began with the plan in charge (automatic mode).
    """

    days: int
    followed_days: int
    currency: str
    happened: float
    no_control: float
    threshold: float
    perfect: float
    share: float | None


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The days from the first to the last; `scores` are the scored days themselves, for the chart."""

    first_day: date
    last_day: date
    targets: tuple[TargetScore, ...]
    plan: PlanScore | None
    sentences: tuple[str, ...]
    scores: tuple[Score, ...]

    def of(self, target: str) -> TargetScore | None:
        """The figures of one forecast."""
        return next((each for each in self.targets if each.target == target), None)


async def scorecard(scope: Scope, days: int = DAYS) -> Scorecard | Nothing:
    """The scores of the last `days` local days up to yesterday, added up; or why there are none."""
    require(scope, "viewer")
    today = scope.as_of.astimezone(scope.site.zone).date()
    first, last = today - timedelta(days=days), today - timedelta(days=1)
    found = await scores.between(scope.database, scope.org_id, scope.site.id, first, last)
    return scorecard_of(scope, found, first, last)


def scorecard_of(scope: Scope, found: Sequence[Score], first: date, last: date) -> Scorecard | Nothing:
    """The totals of these scores."""
    scored = tuple(score for score in found if score.values.get("scored"))
    skies = {score.day: score.values.get("sky") for score in scored if score.target == "solar"}
    targets = tuple(each for target in TARGETS if (each := _target(target, found, skies, scope.site.zone)) is not None)
    if not targets:
        return Nothing(_none(found))
    plan = _plan(scope, [score.values for score in scored if score.target == "plan"])
    chart = tuple(score for score in scored if score.target in TARGETS)
    card = Scorecard(first, last, targets, plan, (), chart)
    return replace(card, sentences=tuple(line.text for line in scorecard_lines(card)))


def scorecard_lines(card: Scorecard) -> list[BriefLine]:
    """In at most seven lines, the figure first."""
    lines = [_line(each) for each in card.targets]
    solar = card.of("solar")
    if solar is not None and len(solar.by_sky) > 1:
        lines.append(_sky_line(solar))
    held = [
        f"{_NAMES[each.target].lower()} {_percent(each.coverage)}" for each in card.targets if each.coverage is not None
    ]
    if held:
        first, *rest = held
        lines.append(BriefLine(f"{first[0].upper()}{first[1:]}", f"{''.join(f', {each}' for each in rest)}{_WITHIN}"))
    if card.plan is not None:
        lines.append(_plan_line(card.plan))
    lines += _left_out_lines(card)
    return lines


_WITHIN = " of the hours came within the range said, which is meant to hold 80 %."


def _left_out_lines(card: Scorecard) -> list[BriefLine]:
    missing = [
        f"{_days(each.unscored_days)} of {_NAMES[each.target].lower()}" for each in card.targets if each.unscored_days
    ]
    old = max(each.old_days for each in card.targets)
    by_old = f"{_days(old)} scored by a forecast older than {LATE_S // HOUR_S} h, as no newer one was made"
    if missing:
        also = f"; {by_old}" if old else ""
        return [BriefLine("Not scored", f": {', '.join(missing)}, as less than half of it was known{also}.")]
    return [BriefLine(f"{by_old[0].upper()}{by_old[1:]}.")] if old else []


def _target(target: str, found: Sequence[Score], skies: Mapping[date, Any], zone: ZoneInfo) -> TargetScore | None:
    own = [score for score in found if score.target == target]
    days = [(score.day, score.values) for score in own if score.values.get("scored") and score.values.get("sums")]
    if not days:
        return None
    values = [each for _, each in days]
    compared = [
        (each["acc_hour"], each["persistence_hour"])
        for each in values
        if each.get("acc_hour") is not None and each.get("persistence_hour") is not None
    ]
    actual = _sum(values, "actual")
    by_sky = {sky: [each for day, each in days if skies.get(day) == sky] for sky in SKIES}
    return TargetScore(
        target=target,
        all=_accuracy(values),
        unscored_days=len({score.day for score in own}) - len(days),
        old_days=sum(_is_old(day, each, zone) for day, each in days),
        better_days=sum(ours > theirs for ours, theirs in compared),
        compared_days=len(compared),
        coverage=_weighted(values, "coverage", "covered_hours"),
        bias=(_sum(values, "ours") - actual) / actual if actual > 0 else None,
        mean_error=_weighted(values, "mean_error", "hours_known"),
        by_sky={sky: _accuracy(each) for sky, each in by_sky.items() if each},
        as_is=all(each.get("judged") == "soc_as_is" for each in values),
    )


def _is_old(day: date, values: Mapping[str, Any], zone: ZoneInfo) -> bool:
    issued_s = values.get("issued_s")
    return issued_s is not None and midnight_s(day, zone) - issued_s > LATE_S


def _accuracy(values: Sequence[Mapping[str, Any]]) -> Accuracy:
    by_day = [each for each in values if each.get("acc_day") is not None]
    day_off = sum(abs(each["sums"]["ours"] - each["sums"]["actual"]) for each in by_day)
    return Accuracy(
        days=len(values),
        acc_hour=_share(_sum(values, "off"), _sum(values, "actual")),
        acc_day=_share(day_off, _sum(by_day, "actual")),
        persistence_hour=_share(_sum(values, "persistence_off"), _sum(values, "persistence_actual")),
        profile_hour=_share(_sum(values, "profile_off"), _sum(values, "profile_actual")),
    )


def _plan(scope: Scope, values: Sequence[Mapping[str, Any]]) -> PlanScore | None:
    if not values:
        return None
    money = {name: sum(float(each[name]) for each in values) for name in _MONEY}
    gap = money["perfect"] - money["threshold"]
    return PlanScore(
        days=len(values),
        followed_days=sum(each.get("mode") == "automatic" for each in values),
        currency=scope.site.economics.currency,
        share=(money["happened"] - money["threshold"]) / gap
        if is_meaningful(gap, money["perfect"], days=len(values))
        else None,
        **money,
    )


_MONEY = ("happened", "no_control", "threshold", "perfect")


def _line(found: TargetScore) -> BriefLine:
    """`Solar .89 by the hour, .94 by the day; same hour of the day before .80: better on 24 of 30 days.`"""
    name, all_ = _NAMES[found.target], found.all
    if all_.acc_hour is None:
        return BriefLine(f"{name}: nothing came", f" on the {_days(all_.days)} that were scored, so there is no share.")
    rest = f" by the hour{f', {_figure(all_.acc_day)} by the day' if all_.acc_day is not None else ''}"
    if found.target == "soc" and found.mean_error is not None:
        rest = f", {found.mean_error:.1f} points off on average{' with the miners left as they were' * found.as_is}"
    if all_.persistence_hour is None:
        rest += f", over {_days(all_.days)}"
    else:
        rest += f"; same hour of the day before {_figure(all_.persistence_hour)}"
        rest += f": better on {found.better_days} of {_days(found.compared_days)}"
    if all_.profile_hour is not None:
        rest += f"; 14-day profile {_figure(all_.profile_hour)}"
    return BriefLine(f"{name} {_figure(all_.acc_hour)}", f"{rest}.")


def _sky_line(solar: TargetScore) -> BriefLine:
    parts = []
    for sky, each in solar.by_sky.items():
        before = f" (day before {_figure(each.persistence_hour)})" if each.persistence_hour is not None else ""
        parts.append(f"on {each.days} {sky} {'day' if each.days == 1 else 'days'} {_figure(each.acc_hour)}{before}")
    return BriefLine("Solar", f" {', '.join(parts)}.")


def _plan_line(plan: PlanScore) -> BriefLine:
    money = f"{plan.happened:,.2f} {plan.currency} came about in {_days(plan.days)}"
    others = (
        f"; no control {plan.no_control:,.2f}, threshold rule {plan.threshold:,.2f}, "
        f"perfect foresight {plan.perfect:,.2f}"
    )
    if plan.share is None:
        share = ": rule and foresight are too close to each other for a share"
    elif plan.share < 0:
        share = ": less than the rule would have brought"
    else:
        share = f": {_percent(plan.share)} of the way from rule to foresight"
    followed = (
        "no day followed the plan"
        if not plan.followed_days
        else f"the plan was in charge on {_days(plan.followed_days)}"
    )
    return BriefLine(money, f"{others}{share}; {followed}.")


def _none(found: Sequence[Score]) -> str:
    tried = [score for score in found if score.target in TARGETS]
    if not tried:
        return (
            "No day has been scored yet: that takes a whole day with a forecast made before it, and the worker running "
            "in the night after it."
        )
    newest = tried[-1]
    why = "; ".join(str(note) for note in newest.values.get("notes", ())) or "too little is known of it"
    return f"No day could be scored yet. {newest.day:%Y-%m-%d}, {_NAMES[newest.target].lower()}: {why}."


def _sum(values: Sequence[Mapping[str, Any]], name: str) -> float:
    return sum(float(each["sums"].get(name, 0.0)) for each in values)


def _share(off: float, actual: float) -> float | None:
    return 1.0 - off / actual if actual > 0 else None


def _weighted(values: Sequence[Mapping[str, Any]], name: str, by: str) -> float | None:
    known = [(float(each[name]), float(each[by])) for each in values if each.get(name) is not None and each.get(by)]
    weight = sum(each for _, each in known)
    return sum(value * each for value, each in known) / weight if weight > 0 else None


def _figure(value: float | None) -> str:
    """`.89`; below 0 a forecast is worse than none."""
    if value is None:
        return "unknown"
    return "below 0" if value < 0 else f"{value:.2f}".removeprefix("0")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _days(count: int) -> str:
    return f"{count} {'day' if count == 1 else 'days'}"
