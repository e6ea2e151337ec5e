"""From what is judged to episodes, transitions, messages and entries, whatever number of workers look."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from energy.alerts.episode import State
from energy.alerts.rule import Level, Signal
from energy.site import Device
from services import alerts, groups, outbox
from services.watching import Looked, Watching
from store import alerts as stored
from store import messages
from store.alert_tables import alert_messages, alert_transitions
from store.alert_tables import outbox as entries
from store.database import Database
from tests.services.alert_stage import MINUTE, SECOND, Desk, people_of, rule, saw

LOW, CRITICAL, FAULT = "battery_low", "battery_critical", "inverter_fault"


async def count(database: Database, table: Any) -> int:
    async with database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def test_what_fires_is_kept_with_its_transition_and_told_to_owners_and_operators(desk: Desk) -> None:
    (event,) = await desk.look(saw(LOW))
    assert (event.kind, event.tell) == ("fired", True)
    assert await desk.transitions(LOW) == ["fired"]
    found = await desk.waiting()
    assert [(each.kind, each.level, each.step) for each in found] == [("alert", "warning", 0)] * 2
    assert {each.person_id for each in found} == {desk.ranch.people["Ann"], desk.ranch.people["Ben"]}
    assert desk.ranch.woken == ["notices"]
    assert await desk.look(saw(LOW)) == ()
    assert len(await desk.waiting()) == 2
    assert await desk.watching.look(desk.ranch.now) == Looked(frozenset({(LOW, "")}), frozenset(), ())


async def test_a_storm_of_one_minute_is_one_message(desk: Desk) -> None:
    for number in range(20):
        await desk.look(*[saw(FAULT, subject=f"F{n}") for n in range(number + 1)])
        desk.pass_by(2 * SECOND)
    assert await count(desk.database, alert_messages) == 1
    assert len((await desk.message(1)).episode_ids) == 20
    told = await desk.deliver()
    assert people_of(told) == ["Ann", "Ben"]
    assert "CRITICAL: 20 alerts at once." in told[0]


async def test_what_comes_later_joins_by_an_edit_and_does_not_ring_again(desk: Desk) -> None:
    await desk.look(saw(FAULT, subject="F1"))
    await desk.deliver()
    desk.pass_by(30 * SECOND)
    await desk.look(saw(FAULT, subject="F1"), saw(FAULT, subject="F2"))
    assert await desk.due() == []
    edits = await desk.edits()
    assert [edit[:3] for edit in edits] == ["m1:", "m2:"]
    assert all("2 alerts at once" in edit for edit in edits)


async def test_what_joins_a_message_that_cannot_be_changed_is_told_once_when_the_minute_is_over(desk: Desk) -> None:
    await desk.look(saw(FAULT, subject="F1"))
    await desk.deliver(editable=False)
    for number in (2, 3, 4):
        desk.pass_by(10 * SECOND)
        await desk.look(*[saw(FAULT, subject=f"F{n + 1}") for n in range(number)])
        assert await desk.due() == []
    desk.pass_by(30 * SECOND)
    told = await desk.deliver(editable=False)
    assert people_of(told) == ["Ann", "Ben"]
    assert all("4 alerts at once" in each for each in told)
    desk.pass_by(MINUTE)
    assert await desk.deliver(editable=False) == []


async def test_what_joins_while_a_message_is_under_way_is_told_as_well(desk: Desk) -> None:
    await desk.look(saw(FAULT, subject="F1"))
    under_way = await desk.due()
    desk.pass_by(SECOND)
    await desk.look(saw(FAULT, subject="F1"), saw(FAULT, subject="F2"))
    for each in under_way:
        assert each.message is not None
        place = outbox.Place("email", f"{each.person_id}@b.c", None, None, each.message.version)
        await outbox.sent(desk.database, each.outbox_id, desk.ranch.now, at=[place])
    assert len(await desk.waiting()) == 2


async def test_what_matters_more_than_the_message_of_its_group_is_a_message_of_its_own(desk: Desk) -> None:
    await desk.look(saw(LOW))
    desk.pass_by(SECOND)
    await desk.look(saw(LOW), saw("battery_hot"))
    assert [each.level for each in await desk.waiting()] == ["warning", "warning", "critical", "critical"]
    await desk.look(saw(LOW), saw("battery_hot"), saw("battery_cold"))  # joins the newer one
    assert [len((await desk.message(number)).episode_ids) for number in (1, 2)] == [1, 2]
    assert len(await desk.waiting()) == 4


@pytest.mark.parametrize("wait", [61 * SECOND, timedelta(hours=-1)])
async def test_what_comes_a_minute_later_or_after_the_clock_was_set_back_rings(desk: Desk, wait: timedelta) -> None:
    await desk.look(saw(FAULT, subject="F1"))
    desk.pass_by(wait)
    await desk.look(saw(FAULT, subject="F1"), saw(FAULT, subject="F2"))
    assert await count(desk.database, alert_messages) == 2


async def test_what_comes_after_somebody_took_the_message_in_hand_rings(desk: Desk) -> None:
    await desk.look(saw(FAULT, subject="F1"))
    await alerts.acknowledge(await desk.scope())
    await desk.look(saw(FAULT, subject="F1"), saw(FAULT, subject="F2"))
    assert await count(desk.database, alert_messages) == 2


async def test_an_alert_that_is_over_is_changed_where_it_stands_and_rings_nobody(desk: Desk) -> None:
    await desk.look(saw(LOW))
    await desk.deliver()
    desk.pass_by(10 * MINUTE)
    await desk.look(saw(LOW, False, taken_at=desk.ranch.now))
    assert await desk.transitions(LOW) == ["fired", "resolved"]
    assert await desk.due() == []
    over = "Over: The battery is back above its safe minimum. It lasted 10 min. At its worst: 28 %."
    assert await desk.edits() == [f"m1: {over}", f"m2: {over}"]
    assert await desk.edits() == []


async def test_where_nothing_can_be_changed_its_end_is_told_once_by_the_same_way(desk: Desk) -> None:
    await desk.look(saw("battery_hot"))
    await desk.deliver(editable=False)
    desk.pass_by(10 * MINUTE)
    await desk.look(saw("battery_hot", False))
    told = await desk.deliver(editable=False)
    assert people_of(told) == ["Ann", "Ben"]
    assert all("Over: The battery has cooled down." in each for each in told)
    assert [each.ways for each in desk.arrived[2:]] == [each.ways[:1] for each in desk.arrived[:2]]
    await desk.look(saw("battery_hot", False))
    assert (await desk.edits(), await desk.due()) == ([], [])


async def test_an_end_that_comes_while_its_message_is_under_way_is_told_too(desk: Desk) -> None:
    await desk.look(saw("battery_hot"))
    under_way = await desk.due()
    await desk.look(saw("battery_hot", False))
    for each in under_way:
        assert each.message is not None
        place = outbox.Place("email", "a@b.c", None, None, each.message.version)
        await outbox.sent(desk.database, each.outbox_id, desk.ranch.now, at=[place])
    assert len(await desk.waiting()) == 1  # one mailbox hears of it once


async def test_a_message_that_cannot_be_edited_any_more_is_followed_by_its_end(desk: Desk) -> None:
    await desk.look(saw("battery_hot"))
    await desk.deliver()
    await desk.look(saw("battery_hot", False))
    stale = await outbox.stale_postings(desk.database, desk.ranch.site, desk.ranch.now)
    await outbox.unchangeable(desk.database, stale[0].posting_id, desk.ranch.now)
    assert len(await desk.deliver()) == 1


async def test_what_grew_twice_as_bad_is_changed_and_does_not_ring(desk: Desk) -> None:
    await desk.look(saw(LOW, value=28.0))
    await desk.deliver()
    for value, kinds in ((27.0, []), (26.0, ["worsened"]), (25.0, []), (22.0, ["worsened"])):
        desk.pass_by(MINUTE)
        assert [each.kind for each in await desk.look(saw(LOW, value=value, taken_at=desk.ranch.now))] == kinds
    assert await desk.due() == []
    assert "22 %" in (await desk.edits())[0]


async def test_nobody_hears_while_a_rule_is_muted_and_everybody_when_it_still_stands_afterwards(desk: Desk) -> None:
    await alerts.mute(await desk.scope("Ben"), "battery_low", desk.ranch.now + timedelta(hours=1))
    await desk.look(saw(LOW))
    assert await desk.waiting() == []
    desk.pass_by(timedelta(hours=1))
    (event,) = await desk.look(saw(LOW))
    assert (event.kind, event.tell) == ("raised", True)
    assert people_of(await desk.deliver()) == ["Ann", "Ben"]


async def test_what_nobody_acknowledges_rings_again_and_the_old_message_stays(desk: Desk) -> None:
    hot = saw("battery_hot")[1]
    again = rule("battery_hot", reraise_s=3_600.0)
    await desk.look((again, hot))
    await desk.deliver()
    desk.pass_by(timedelta(hours=1))
    await desk.look((again, hot))
    assert people_of(await desk.deliver()) == ["Ann", "Ben"]
    await desk.look((again, saw("battery_hot", False)[1]))
    assert len(await desk.edits()) == 4


async def test_four_workers_make_of_three_hundred_transitions_three_hundred_rows_and_one_entry_each(
    database: Database, desk: Desk
) -> None:
    workers = [desk.another() for _ in range(4)]
    subjects = [f"F{n}" for n in range(10)]
    for turn in range(30):
        judged = [saw(FAULT, turn % 2 == 0, subject) for subject in subjects]
        at = desk.ranch.now + turn * 2 * MINUTE
        await asyncio.gather(*(worker.carry_on(judged, at) for worker in workers))
    assert await count(database, alert_transitions) == 300
    assert await count(database, alert_messages) == 15
    async with database.read() as connection:
        keys = (await connection.execute(select(entries.c.once_key))).scalars().all()
    assert len(keys) == len(set(keys)) == 30


async def test_a_restart_goes_on_with_what_was_seen(desk: Desk) -> None:
    slow = rule(LOW, keep_firing_s=600.0)
    await desk.look((slow, saw(LOW)[1]))
    for minute in (1, 7):
        desk.pass_by(timedelta(minutes=minute))
        await desk.look((slow, saw(LOW, False, taken_at=desk.ranch.now)[1]))
    desk.restart()
    desk.pass_by(5 * MINUTE)
    (event,) = await desk.look((slow, saw(LOW, False, taken_at=desk.ranch.now)[1]))
    assert event.kind == "resolved"


async def test_what_was_seen_goes_on_when_somebody_acknowledges(desk: Desk) -> None:
    slow = rule(LOW, keep_firing_s=240.0)
    await desk.look((slow, saw(LOW, taken_at=desk.ranch.now)[1]))
    desk.pass_by(MINUTE)
    await desk.look((slow, saw(LOW, value=27.5, taken_at=desk.ranch.now)[1]))
    desk.pass_by(MINUTE)
    await desk.look((slow, saw(LOW, False, taken_at=desk.ranch.now)[1]))
    await alerts.acknowledge(await desk.scope())
    desk.pass_by(4 * MINUTE)
    (event,) = await desk.look((slow, saw(LOW, False, taken_at=desk.ranch.now)[1]))
    assert (event.kind, event.episode.worst, event.episode.acknowledged_by) == ("resolved", 27.5, "Ann")


async def test_another_worker_takes_over_where_the_first_one_stopped(desk: Desk) -> None:
    await desk.look(saw(LOW))
    other = desk.another()
    assert await other.look(desk.ranch.now) == Looked(frozenset({(LOW, "")}), frozenset(), ())
    await other.carry_on([saw(LOW, False)], desk.ranch.now + MINUTE)
    assert await desk.look(saw(LOW, False)) == ()
    assert (await desk.episode(LOW)).episode.state is State.RESOLVED


async def test_what_left_the_settings_is_over_and_what_is_only_unknown_is_not(desk: Desk) -> None:
    gone = Device(id="old", kind="victron_mqtt", host="venus.local")
    before = desk.ranch.site
    desk.ranch.site = before.model_copy(update={"device": (*before.device, gone)})
    await desk.look(saw("device_silent", subject="old"), saw("miner_idle", subject="s21"), saw(LOW))
    desk.ranch.site = before
    desk.restart()
    (event,) = await desk.look(saw(LOW, None))
    assert (event.kind, event.episode.subject) == ("resolved", "old")
    assert event.episode.resolved_because == "It is not in the settings any more"
    assert (await desk.episode("miner_idle", "s21")).episode.state is State.FIRING
    assert (await desk.episode(LOW)).episode.state is State.FIRING


async def test_a_task_that_the_caller_knows_to_be_gone_is_over(desk: Desk) -> None:
    await desk.look(saw("reserve_breach"))
    assert await desk.look() == ()
    (event,) = await desk.watching.carry_on([], desk.ranch.now, gone=[("reserve_breach", "")])
    assert event.kind == "resolved"


async def test_an_own_alert_goes_to_its_people_alone_and_ends_when_nobody_has_it_any_more(desk: Desk) -> None:
    vic = await desk.scope("Vic")
    rule_ = await alerts.add_own(vic, "tell me when solar passes 8 kW")
    assert isinstance(rule_, alerts.CustomRule)
    assert (await desk.watching.look(desk.ranch.now)).own_rules == (rule_,)
    desk.pass_by(MINUTE)
    signal = Signal(rule_id=rule_.id, active=True, value=9_000.0, threshold=8_000.0, unit="W", what="Solar is {value}.")
    shown = rule_.rule
    await desk.look((shown, signal))
    desk.pass_by(2 * MINUTE)
    await desk.look((shown, signal))
    assert people_of(await desk.deliver()) == ["Vic"]
    vic = await desk.scope("Vic")
    assert [view.episode.rule_id for view in await alerts.open_alerts(vic)] == [rule_.id]
    assert await alerts.open_alerts(await desk.scope()) == ()
    (mine,) = await alerts.own(vic)
    assert await alerts.remove_own(vic, mine.custom_id)
    (event,) = await desk.look()
    assert event.episode.resolved_because == "Nobody asks for this alert any more"
    assert len(await desk.edits()) == 1


async def test_people_s_own_stricter_limits_are_rules_of_theirs(desk: Desk) -> None:
    await desk.ranch.prefers("Vic", safe_min_soc_pct=55)
    (own,) = (await desk.watching.look(desk.ranch.now)).own_rules
    assert (own.threshold, own.level) == (55, Level.WARNING)


async def test_a_group_that_listens_hears_each_alert_once_and_no_own_ones(desk: Desk) -> None:
    scope = await desk.scope()
    assert not await groups.set_alerts(scope, "telegram", "-100", True)  # not open
    await groups.open_group(scope, "telegram", "-100")
    assert await groups.set_alerts(scope, "telegram", "-100", True)
    assert await groups.has_alerts(scope, "telegram", "-100")
    await desk.look(saw(LOW))
    told = await desk.deliver()
    assert sorted(people_of(told)) == ["Ann", "Ben", "group"]
    (there,) = [each for each in desk.arrived if each.person_id is None]
    assert [way["chat_id"] for way in there.ways] == ["-100"]
    assert there.message is not None
    assert there.message.actions == ("ack", "mute", "chart")
    await groups.set_alerts(scope, "telegram", "-100", False)
    await desk.look(saw("grid_outage"))
    assert sorted(people_of(await desk.deliver())) == ["Ann", "Ben"]


async def test_nothing_is_written_when_the_alerts_changed_meanwhile(desk: Desk) -> None:
    first, second = desk.another(), desk.another()
    await first.look(desk.ranch.now)
    await second.look(desk.ranch.now)
    await asyncio.gather(*(each.carry_on([saw(LOW)], desk.ranch.now) for each in (first, second)))
    assert await count(desk.database, alert_transitions) == 1
    assert await count(desk.database, entries) == 2
    assert isinstance(first, Watching)
    assert [each.episode.rule_id for each in (await stored.newest(desk.database, "home", "ranch")).values()] == [LOW]
    assert len(await messages.posted(desk.database, "home", 1)) == 0
