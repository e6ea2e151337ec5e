"""What is told together: the digest after quiet hours, the summary after an outage; and what is told no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services import alerts
from store import people
from tests.services.alert_stage import MINUTE, Desk, people_of, rule, saw

LOW, COLD, HOT = "battery_low", "battery_cold", "battery_hot"
ZONE = ZoneInfo("America/Los_Angeles")


def local(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


async def only_ann(desk: Desk, **preferences: Any) -> None:
    """Ann alone has alerts on."""
    await desk.ranch.prefers("Ben", alerts=False)
    await desk.ranch.prefers("Ann", **preferences)


async def test_the_night_s_alerts_are_one_digest_at_its_end_and_critical_ones_come_at_once(desk: Desk) -> None:
    await only_ann(desk, quiet_hours="22:00-07:00")
    desk.ranch.now = local(11, 25, 3)
    await desk.look(saw(LOW))
    desk.pass_by(10 * MINUTE)
    await desk.look(saw(LOW, False), saw("surplus"), saw("unexpected_load"), saw(HOT))
    assert [each.partition(" at ")[0] for each in await desk.deliver()] == ["Ann: CRITICAL: battery_hot is wrong"]
    desk.ranch.now = local(11, 25, 6, 59)
    assert await desk.deliver() == []
    desk.ranch.now = local(11, 25, 7)
    assert await desk.deliver() == [
        "Ann: From your quiet hours, until 07:00:\n"
        "- Still, since 03:10: unexpected_load is wrong at 28 %.\n"
        "- Still, since 03:10: surplus is wrong at 28 %.\n"
        "- Battery low: 03:00 to 03:10, at its worst 28 %."
    ]
    assert desk.arrived[-1].message is not None
    assert (desk.arrived[-1].kind, desk.arrived[-1].message.actions) == ("digest", ("ack",))
    await desk.look(saw("surplus", False), saw("unexpected_load", False))
    assert "- Surplus" in next(edit for edit in await desk.edits() if "quiet hours" in edit)
    assert await desk.deliver() == []


async def test_a_single_alert_of_the_night_that_still_stands_comes_as_itself(desk: Desk) -> None:
    await only_ann(desk, quiet_hours="22:00-07:00")
    desk.ranch.now = local(11, 25, 3)
    await desk.look(saw(LOW))
    desk.ranch.now = local(11, 25, 7)
    (text,) = await desk.deliver()
    assert text.startswith("Ann: Warning: battery_low is wrong at 28 %. Since 03:00.")


@pytest.mark.parametrize(
    ("evening", "hours"), [((3, 7), 9), ((10, 31), 11), ((11, 24), 10)], ids=["of 23 hours", "of 25 hours", "of 24"]
)
async def test_the_digest_comes_at_seven_by_the_clock_after_each_night(
    desk: Desk, evening: tuple[int, int], hours: int
) -> None:
    await only_ann(desk, quiet_hours="21:00-07:00")
    start = local(*evening, 21)
    desk.ranch.now = start
    await desk.look(saw(LOW), saw("surplus"))
    desk.ranch.now = start + timedelta(hours=hours) - MINUTE
    assert await desk.deliver() == []
    desk.pass_by(MINUTE)
    assert len(await desk.deliver()) == 1


async def test_each_person_s_quiet_hours_are_on_their_own_clock(desk: Desk) -> None:
    await desk.ranch.prefers("Ben", quiet_hours="22:00-07:00", timezone="Europe/Berlin")
    desk.ranch.now = local(11, 24, 14)  # 23:00 in Berlin
    await desk.look(saw(LOW))
    assert people_of(await desk.deliver()) == ["Ann"]
    desk.pass_by(timedelta(hours=8))
    assert people_of(await desk.deliver()) == ["Ben"]


async def test_a_warning_that_is_late_and_meets_quiet_hours_waits_for_their_end(desk: Desk) -> None:
    await only_ann(desk, quiet_hours="22:00-07:00")
    desk.ranch.now = local(11, 24, 21, 59)
    await desk.look(saw(LOW))
    desk.pass_by(2 * MINUTE)
    assert await desk.deliver() == []
    desk.ranch.now = local(11, 25, 7)
    assert len(await desk.deliver()) == 1


async def test_after_an_outage_what_came_and_went_is_one_summary_and_the_open_ones_come_singly(desk: Desk) -> None:
    await only_ann(desk)
    for number in range(120):
        await desk.look(saw("inverter_warning", subject=f"W{number}"))
        desk.pass_by(MINUTE)
        await desk.look(saw("inverter_warning", False, subject=f"W{number}"))
        desk.pass_by(MINUTE)
    await desk.look(saw(HOT))
    desk.pass_by(timedelta(hours=1))
    told = await desk.deliver()
    assert [each.partition(":")[2].partition(" at ")[0].strip() for each in told[:1]] == [
        "CRITICAL: battery_hot is wrong"
    ]
    summary = told[1].removeprefix("Ann: ").splitlines()
    assert len(told) == 2
    assert summary[0] == "While I could not reach you (12:00 to 17:00), this came and went:"
    assert (len(summary), summary[-1]) == (12, "- and 110 more; /alerts history has them")
    desk.pass_by(timedelta(hours=1))
    assert await desk.deliver() == []


async def test_what_ended_before_it_could_be_told_says_so_and_a_mere_hint_is_dropped(desk: Desk) -> None:
    await only_ann(desk)
    await desk.look(saw(LOW), saw("surplus"))
    desk.pass_by(MINUTE)
    await desk.look(saw(LOW, False), saw("surplus", False))
    (text,) = await desk.deliver()
    assert text.startswith("Ann: Warning, and over already: battery_low is wrong at 28 %.")
    assert text.endswith("It lasted 1 min. At its worst: 28 %.")
    desk.pass_by(timedelta(days=1))
    assert await desk.deliver() == []


async def test_two_messages_of_the_same_alert_that_waited_are_told_as_one(desk: Desk) -> None:
    await only_ann(desk)
    again = rule(HOT, reraise_s=3_600.0)
    for _ in range(3):
        await desk.look((again, saw(HOT)[1]))
        desk.pass_by(timedelta(hours=1))
    assert len(await desk.waiting()) == 3
    assert len(await desk.deliver()) == 1
    assert await desk.waiting() == []


async def test_two_steps_of_the_same_alert_that_waited_are_told_as_one(desk: Desk) -> None:
    await only_ann(desk)
    await desk.look(saw(HOT))
    desk.pass_by(10 * MINUTE)
    await desk.watching.escalate(desk.ranch.now)
    assert sorted(people_of(await desk.deliver())) == ["Ann", "Vic"]


async def test_whoever_has_it_in_hand_is_not_told_of_it_any_more_and_others_hear_that(desk: Desk) -> None:
    await desk.look(saw(LOW))
    await alerts.acknowledge(await desk.scope())
    (text,) = await desk.deliver()
    assert text.startswith("Ben: ")
    assert text.endswith("Acknowledged by Ann at 12:00.")


async def test_what_is_muted_before_it_is_told_waits_for_the_end_of_the_mute(desk: Desk) -> None:
    await only_ann(desk)
    await desk.look(saw(LOW))
    await alerts.mute(await desk.scope(), LOW, desk.ranch.now + timedelta(hours=1))
    assert await desk.deliver() == []
    desk.pass_by(timedelta(hours=1))
    assert len(await desk.deliver()) == 1


async def test_nobody_hears_of_an_alert_or_sees_its_end_whose_role_was_taken_away(desk: Desk) -> None:
    await desk.look(saw(LOW))
    assert people_of(await desk.deliver()) == ["Ann", "Ben"]
    await desk.look(saw(LOW), saw(COLD, subject="charging"))
    await people.set_role(desk.database, "home", "ranch", desk.ranch.people["Ben"], None, granted_by="host")
    await desk.look(saw(LOW, False), saw(COLD, False, subject="charging"))
    assert len(await desk.edits()) == 1
    assert await desk.deliver() == []


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_is_set_loses_nothing_and_tells_nothing_twice(desk: Desk, hours: int) -> None:
    await desk.look(saw(HOT), saw(LOW))
    desk.pass_by(timedelta(hours=hours))
    assert await desk.look(saw(HOT), saw(LOW)) == ()
    assert sorted(people_of(await desk.deliver())) == ["Ann", "Ben"]
    desk.pass_by(MINUTE)
    await desk.look(saw(HOT, False), saw(LOW, False))
    assert len(await desk.edits()) == 2
    assert await desk.deliver() == []
    await desk.look(saw(HOT))
    assert sorted(people_of(await desk.deliver())) == ["Ann", "Ben"]


async def test_figures_and_times_are_those_of_each_reader(desk: Desk) -> None:
    await desk.ranch.prefers("Ann", temperature_unit="F")
    await desk.ranch.prefers("Ben", timezone="Europe/Berlin")
    await desk.look(saw(HOT, value=55.0, unit="°C", threshold=50.0, lower_is_worse=False))
    ann, ben = sorted(await desk.deliver())
    assert "131.0 °F. Since 12:00." in ann
    assert "55.0 °C. Since 21:00." in ben
