"""How right the forecasts of the last days were and what the plans were worth, out of the scores that are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from energy.brief import BriefLine
from services.outlook_values import Nothing
from services.scope import Scope, require
from store import scores
from store.scores import Score

DAYS = 30
TARGETS = ("solar", "load", "soc")
SKIES = ("clear", "mixed", "overcast")
LEAST_GAP = 0.5  # of the site's currency over all days: less between rule and perfect foresight says nothing
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

    `coverage` is the share of hours within the 80 % range; `bias` above 0 is too much promised; `mean_error` in W, or
    points of the battery's level. `by_sky` goes by the kind of the day's sky.
    """

    target: str
    all: Accuracy
    unscored_days: int
    better_days: int
    compared_days: int
    coverage: float | None
    bias: float | None
    mean_error: float | None
    by_sky: Mapping[str, Accuracy]


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
    raise NotImplementedError


def scorecard_lines(card: Scorecard) -> list[BriefLine]:
    """In at most seven lines, the figure first."""
    raise NotImplementedError
