"""An alert on its way to its end: what it says, and what may end it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from energy.alerts import table
from energy.alerts.battery import CRITICAL
from energy.alerts.episode import Episode, State, step
from energy.alerts.evaluate import judge
from energy.alerts.message import filled
from energy.alerts.rule import Rule, Signal
from energy.alerts.situation import Situation
from tests.energy.alerts.scene import NOON, scene


def _level(value: float, at: datetime, *, unit: str = "%", active: bool | None = None) -> Signal:
    threshold = 30.0 if unit == "%" else 50.0
    return Signal(
        rule_id=CRITICAL.id,
        active=value < threshold if active is None else active,
        taken_at=at,
        value=value,
        threshold=threshold,
        unit=unit,
        lower_is_worse=True,
        what="The battery is at {value}, under {threshold}.",
        waits="The battery was under {threshold}, and is barely back at {value}.",
    )


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (28.0, "The battery is at 28 %, under 30 %."),
        (29.999, "The battery is at just under 30 %, under 30 %."),
        (31.0, "The battery was under 30 %, and is barely back at 31 %."),
    ],
)
def test_a_value_on_the_good_side_of_its_threshold_is_never_called_past_it(value: float, says: str) -> None:
    assert filled(_level(value, NOON, active=True)) == says


def _fired_in_soc() -> Episode:
    rule = replace(CRITICAL, for_s=0.0)
    episode, _ = step(rule, None, _level(25.0, NOON), NOON)
    assert episode is not None
    assert episode.state is State.FIRING
    return episode


def _after(episode: Episode, minutes: range, value: float, unit: str) -> Episode:
    for minute in minutes:
        now = NOON + timedelta(minutes=minute)
        after, _ = step(CRITICAL, episode, _level(value, now, unit=unit), now)
        assert after is not None
        episode = after
    return episode


def test_volts_under_charge_do_not_end_what_the_soc_began() -> None:
    assert _after(_fired_in_soc(), range(1, 50), 55.0, "V").state is State.FIRING
    assert _after(_fired_in_soc(), range(1, 20), 60.0, "%").state is State.RESOLVED


def test_after_an_hour_without_soc_the_volts_will_do() -> None:
    assert _after(_fired_in_soc(), range(1, 90), 55.0, "V").state is State.RESOLVED


def test_another_worker_s_clock_that_is_a_moment_behind_is_no_clock_that_was_set_back() -> None:
    episode = _after(_fired_in_soc(), range(1, 3), 24.0, "%")
    behind = NOON + timedelta(minutes=2) - timedelta(milliseconds=300)
    late = _level(60.0, NOON + timedelta(minutes=1))
    after, events = step(CRITICAL, episode, late, behind)
    assert (after, events) == (episode, ())


def test_a_rule_that_stumbles_silences_no_other() -> None:
    def stumbles(_: Situation) -> tuple[Signal, ...]:
        raise ZeroDivisionError("strange figure")

    rules = [(rule, stumbles if rule is CRITICAL else judged_by) for rule, judged_by in table.RULES]
    failures: list[tuple[str, Exception]] = []

    def noted(rule_id: str, error: Exception) -> None:
        failures.append((rule_id, error))

    judged: list[tuple[Rule, Signal]] = judge(scene(), noted, rules)
    assert {rule.id for rule, _ in judged} >= {"battery_low", "grid_outage"}
    assert [rule_id for rule_id, _ in failures] == ["battery_critical"]
    with pytest.raises(ZeroDivisionError):
        judge(scene(), rules=rules)
