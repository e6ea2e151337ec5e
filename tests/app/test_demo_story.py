"""The clock of a demo, the scripts of its scenarios, and when a story is over."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.clock import VARIABLE, RunClock
from app.demo import _paced
from app.demo_story import course_of
from energy.alerts.episode import Episode, State
from energy.alerts.rule import Level, Signal
from energy.alerts.table import BY_ID
from simulator.clock import SimClock
from simulator.default_site import default_site
from simulator.scenarios import SCENARIOS, scenario_named
from simulator.scripts import SCRIPTS, Player, Script, Step
from store.alerts import StoredEpisode
from tests.app.test_commands import cc

NOON = datetime(2026, 6, 21, 19, 0, tzinfo=UTC)


def episode(rule_id: str, state: State, *, told: bool = True, subject: str = "") -> StoredEpisode:
    happened = Episode(
        rule_id=rule_id,
        subject=subject,
        level=Level.WARNING,
        state=state,
        number=1,
        since=NOON,
        signal=Signal(rule_id=rule_id, active=True, subject=subject),
        first_told_at=NOON if told else None,
    )
    return StoredEpisode(1, happened, 1, 0, NOON)


def test_a_persons_own_rule_is_no_part_of_a_story() -> None:
    course = course_of(frozenset(), [episode("custom:p1:soc_pct:<:60:for:0", State.FIRING)])
    assert course.is_over
    assert course.unexpected == ()


def test_a_clock_that_nobody_passed_on_is_the_real_one() -> None:
    clock = RunClock.of({})
    assert clock.is_real
    assert clock.environment() == {}
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=1)


def test_every_process_reads_the_same_scaled_clock() -> None:
    ours = RunClock.beginning(NOON, 50.0)
    theirs = RunClock.of(ours.environment())
    assert abs(theirs.now() - ours.now()) < timedelta(seconds=2)
    simulated = SimClock(theirs.start, theirs.speed, elapsed_s=time.time() - theirs.began_s)
    assert abs(simulated.now() - ours.now()) < timedelta(seconds=2)


def test_a_scaled_clock_runs_as_fast_as_it_says() -> None:
    clock = RunClock.beginning(NOON, 60.0)
    before, mono = clock.now(), clock.monotonic()
    time.sleep(0.2)
    passed = (clock.now() - before).total_seconds()
    assert passed >= 12.0
    assert passed == pytest.approx(clock.monotonic() - mono, abs=1.0)
    assert clock.real_s(120.0) == 2.0


def test_a_clock_has_to_run() -> None:
    with pytest.raises(ValueError, match="above 0"):
        RunClock.beginning(NOON, 0.0)
    assert VARIABLE not in RunClock().environment()


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_script_is_a_scenario_whose_alerts_exist_and_that_ends_what_it_begins(name: str) -> None:
    script = SCRIPTS[name]
    assert name in SCENARIOS
    assert all(each.rule_id in BY_ID for each in script.expected)
    assert all(0 <= step.at_s < script.over_after_s for step in script.steps)
    last = max(script.steps, key=lambda step: step.at_s).body
    assert last.get("fault") == "none" or last.get("present") is True
    longest_s = max(BY_ID[each.rule_id].for_s + BY_ID[each.rule_id].keep_firing_s for each in script.expected)
    assert script.over_after_s > longest_s
    assert script.begin(default_site().zone).tzinfo is not None


def test_scenarios_are_known_with_hyphens_and_with_underscores() -> None:
    assert scenario_named("low-battery") is scenario_named("low_battery")
    assert scenario_named("storm-of-faults").name == "storm_of_faults"


async def test_a_script_waits_for_its_begin_and_keeps_its_order_and_time() -> None:
    steps = (Step(at_s=20, path="/second", body={}), Step(at_s=10, path="/first", body={"a": 1}))
    script = Script(story="", begins_at="2026-06-21T12:00", speed=1, steps=steps, expected=(), over_after_s=60)
    clock = SimClock(NOON, 100.0)
    player = Player(script, clock)
    given: list[tuple[str, float]] = []

    def order(path: str, _: object) -> None:
        given.append((path, (clock.now() - begun_at).total_seconds()))
        if path == "/first":
            raise ValueError("a refused step does not end the story")

    async with player.playing(order):
        await asyncio.sleep(0.05)
        assert not given
        begun_at = player.begin()
        assert player.begin() == begun_at
        async with asyncio.timeout(10):
            while len(given) < 2:
                await asyncio.sleep(0.01)
    assert [path for path, _ in given] == ["/first", "/second"]
    assert all(at_s >= due_s for (_, at_s), due_s in zip(given, (10, 20), strict=True))


def test_a_story_is_over_once_all_that_was_to_come_has_resolved() -> None:
    expected = frozenset({("grid_outage", "")})
    assert course_of(expected, []).missing == (("grid_outage", ""),)
    firing = course_of(expected, [episode("grid_outage", State.ACKNOWLEDGED)])
    assert (firing.missing, firing.open) == ((), (("grid_outage", ""),))
    assert course_of(expected, [episode("grid_outage", State.RESOLVED)]).is_over


def test_what_was_told_and_not_expected_is_named_and_what_nobody_was_told_is_not() -> None:
    expected = frozenset({("grid_outage", "")})
    others = [episode("surplus", State.FIRING), episode("unexpected_load", State.FIRING, told=False)]
    course = course_of(expected, [episode("grid_outage", State.RESOLVED), *others])
    assert course.unexpected == (("surplus", ""),)
    assert "came unexpectedly: surplus" in course.in_words()
    assert not course.is_over  # it has to resolve too, before the end is told


def test_a_device_is_missed_no_sooner_in_a_time_that_runs_fast() -> None:
    shelly = next(device for device in default_site().device if device.kind == "shelly")
    assert _paced(shelly, 1.0).upload_interval_s is None
    fast = _paced(shelly, 60.0)
    assert fast.poll_interval_s == 1.0
    assert fast.interval_s >= 3 * 60.0


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--speed", "0"), "--speed 0: must be above 0, and 60 at the most"),
        (("--speed", "61"), "60 at the most"),
        (("--until", "noon"), "--until noon: must be input or resolved"),
        (("--until", "resolved"), "sunny has no alerts of its own; take one of outage"),
        (("--for", "-1"), "must be more than 0 seconds"),
        (("--platforms",), "no chat platform has a token; set TELEGRAM_BOT_TOKEN"),
    ],
)
def test_flags_that_make_no_sense_are_refused_with_a_remedy(flags: tuple[str, ...], says: str) -> None:
    done = cc("demo", *flags, code=2)
    assert says in " ".join(done.stderr.split())


def test_a_time_ends_the_demo_also_without_an_input(tmp_path: Path) -> None:
    done = cc("demo", "--for", "1", "--data", str(tmp_path), stdin="")
    assert done.stdout.splitlines()[-1] == "The time is over."
    assert "its clock begins" not in done.stdout  # it is the real one
