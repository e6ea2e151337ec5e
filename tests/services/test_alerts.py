"""Alerts as people handle them: listing, acknowledging, muting, own alerts in plain words."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from energy.alerts.episode import State
from services import alerts
from services.alerts import CustomRule, Question
from services.scope import Refused
from store import audit
from tests.services.alert_stage import MINUTE, Desk, saw

LOW, HOT, FAULT = "battery_low", "battery_hot", "inverter_fault"
HOUR = timedelta(hours=1)


async def test_the_open_alerts_are_listed_with_what_matters_most_first(desk: Desk) -> None:
    await desk.look(saw(LOW), saw(HOT, value=55.0, unit="°C"))
    views = await alerts.open_alerts(await desk.scope("Vic"))
    assert [(view.rule.id, view.muted_until) for view in views] == [(HOT, None), (LOW, None)]
    assert views[0].text.startswith("CRITICAL: battery_hot is wrong at 55.0 °C. Since 12:00.")
    desk.pass_by(HOUR)
    await desk.look(saw(LOW, False), saw(HOT))
    assert [view.rule.id for view in await alerts.open_alerts(await desk.scope())] == [HOT]
    lately = await alerts.recent(await desk.scope(), desk.ranch.now - 2 * HOUR)
    assert {view.rule.id: view.episode.state for view in lately} == {HOT: State.FIRING, LOW: State.RESOLVED}
    later = await alerts.recent(await desk.scope(), desk.ranch.now + MINUTE)
    assert [view.rule.id for view in later] == [HOT]  # it stands


async def test_acknowledging_is_kept_with_who_and_when_shown_where_it_stands_and_audited(desk: Desk) -> None:
    await desk.look(saw(HOT))
    await desk.deliver()
    desk.pass_by(5 * MINUTE)
    desk.ranch.woken.clear()
    found = await alerts.acknowledge(await desk.scope("Ben"), [1, 1, 99])
    assert ([view.episode_id for view in found.done], found.already, found.unknown) == ([1], (), (99,))
    assert found.done[0].text.endswith("Acknowledged by Ben at 12:05.")
    assert desk.ranch.woken == ["notices"]
    assert await desk.transitions(HOT) == ["fired", "acknowledged"]
    assert all(edit.endswith("Acknowledged by Ben at 12:05.") for edit in await desk.edits())
    (row,) = await audit.entries(desk.database, "home", action="alerts_acknowledged")
    assert (row.actor, row.subject, row.details["alerts"]) == (desk.ranch.people["Ben"], "1", [1])
    desk.pass_by(MINUTE)
    again = await alerts.acknowledge(await desk.scope("Ann"), [1])
    assert again.done == ()
    assert [(each.by, each.at) for each in again.already] == [("Ben", desk.ranch.now - MINUTE)]


async def test_acknowledging_all_takes_all_that_fire_and_what_is_over_says_so(desk: Desk) -> None:
    await desk.look(saw(HOT), saw(LOW))
    await desk.look(saw(LOW, False))
    over = await desk.episode(LOW)
    found = await alerts.acknowledge(await desk.scope())
    assert [view.rule.id for view in found.done] == [HOT]
    past = await alerts.acknowledge(await desk.scope(), [over.episode_id])
    assert [(each.by, each.at) for each in past.already] == [(None, desk.ranch.now)]


async def test_viewers_may_look_and_may_not_acknowledge(desk: Desk) -> None:
    await desk.look(saw(HOT))
    with pytest.raises(Refused, match="operator"):
        await alerts.acknowledge(await desk.scope("Vic"), [1])
    (row,) = await audit.entries(desk.database, "home", action="control_denied")
    assert row.details["action"] == "alerts.ack"


async def test_of_many_who_acknowledge_at_once_one_is_the_first(desk: Desk) -> None:
    await desk.look(saw(HOT))
    scopes = [await desk.scope(name) for name in ("Ann", "Ben")] * 4
    found = await asyncio.gather(*(alerts.acknowledge(scope, [1]) for scope in scopes))
    assert sum(len(each.done) for each in found) == 1
    assert await desk.transitions(HOT) == ["fired", "acknowledged"]


async def test_an_acknowledgement_wins_over_a_look_that_began_before_it(desk: Desk) -> None:
    await desk.look(saw(HOT))
    await asyncio.gather(
        desk.watching.carry_on([saw(HOT, value=20.0)], desk.ranch.now + MINUTE),
        alerts.acknowledge(await desk.scope(), [1]),
    )
    assert (await desk.episode(HOT)).episode.state is State.ACKNOWLEDGED
    assert await desk.watching.escalate(desk.ranch.now + HOUR) == 0


@pytest.mark.parametrize("words", [HOT, "Battery too hot", "battery too HOT", "too hot", 1])
async def test_an_operator_mutes_a_rule_for_everybody_by_its_name_or_by_an_alert(desk: Desk, words: str | int) -> None:
    await desk.look(saw(HOT), saw(LOW))
    rule = await alerts.mute(await desk.scope("Ben"), words, desk.ranch.now + HOUR)
    assert rule is not None
    assert rule.id == HOT
    assert [view.rule.id for view in await alerts.open_alerts(await desk.scope())] == [LOW]
    assert [(each.rule_id, each.person_id) for each in await alerts.mutes(await desk.scope("Vic"))] == [(HOT, None)]
    (row,) = await audit.entries(desk.database, "home", action="alerts_muted")
    assert (row.subject, row.details["for"]) == (HOT, "everybody")


@pytest.mark.parametrize("words", ["battery", "", "the moon", 99])
async def test_what_names_no_rule_or_several_mutes_nothing(desk: Desk, words: str | int) -> None:
    assert await alerts.mute(await desk.scope(), words, desk.ranch.now + HOUR) is None
    assert await alerts.mutes(await desk.scope()) == []


async def test_a_mute_says_so_where_the_message_stands_and_what_comes_next_is_muted_too(desk: Desk) -> None:
    await desk.look(saw(FAULT, subject="F1"))
    await desk.deliver()
    await alerts.mute(await desk.scope(), FAULT, desk.ranch.now + HOUR)
    assert all(edit.endswith("Muted until 13:00.") for edit in await desk.edits())
    desk.pass_by(2 * MINUTE)
    await desk.look(saw(FAULT, subject="F1"), saw(FAULT, subject="F2"))
    assert await desk.due() == []
    await alerts.unmute(await desk.scope(), FAULT)
    desk.pass_by(MINUTE)
    await desk.look(saw(FAULT, subject="F1"), saw(FAULT, subject="F2"))
    assert len(await desk.deliver()) == 2
    assert await alerts.unmute(await desk.scope(), FAULT) == 0


async def test_what_fired_while_muted_is_told_at_once_when_the_mute_is_taken_back(desk: Desk) -> None:
    await alerts.mute(await desk.scope(), FAULT, desk.ranch.now + HOUR)
    for _ in range(3):
        await desk.look(saw(FAULT, subject="F1"))
        desk.pass_by(MINUTE)
    await alerts.unmute(await desk.scope())
    await desk.look(saw(FAULT, subject="F1"))
    assert len(await desk.deliver()) == 2


async def test_a_viewer_mutes_for_themselves_alone_and_ends_no_others_mute(desk: Desk) -> None:
    vic = await desk.scope("Vic")
    await alerts.mute(vic, HOT, desk.ranch.now + HOUR)
    await alerts.mute(await desk.scope("Ben"), LOW, desk.ranch.now + HOUR)
    assert {(each.rule_id, each.person_id) for each in await alerts.mutes(vic)} == {
        (HOT, desk.ranch.people["Vic"]),
        (LOW, None),
    }
    assert [each.rule_id for each in await alerts.mutes(await desk.scope())] == [LOW]
    await desk.look(saw(HOT))
    assert [desk.name_of(each) for each in await desk.due()] == ["Ann", "Ben"]
    desk.pass_by(10 * MINUTE)
    await desk.watching.escalate(desk.ranch.now)
    assert {each.person_id for each in await desk.waiting() if each.step} == {
        desk.ranch.people["Ann"],
        desk.ranch.people["Ben"],
    }
    (view,) = await alerts.open_alerts(await desk.scope("Vic"))
    assert view.muted_until == desk.ranch.now + 50 * MINUTE
    assert await alerts.unmute(await desk.scope("Vic")) == 1
    assert [each.rule_id for each in await alerts.mutes(await desk.scope("Vic"))] == [LOW]
    assert await alerts.unmute(await desk.scope("Ann")) == 1


async def test_what_was_told_counts_until_its_person_looks(desk: Desk) -> None:
    await desk.look(saw(LOW), saw("grid_outage"))
    await desk.deliver()
    ann = await desk.scope()
    assert await alerts.unread(ann) == 2
    await alerts.mark_read(ann)
    assert (await alerts.unread(ann), await alerts.unread(await desk.scope("Ben"))) == (0, 2)
    assert await alerts.unread(await desk.scope(None)) == 0


async def test_own_alerts_are_made_listed_changed_and_removed_in_plain_words(desk: Desk) -> None:
    vic = await desk.scope("Vic")
    made = await alerts.add_own(vic, "tell me when solar passes 8 kW")
    assert isinstance(made, CustomRule)
    asked = await alerts.add_own(vic, "make me a sandwich")
    assert isinstance(asked, Question)
    again = await alerts.add_own(vic, "warn me when the sun is over 8000 W")
    assert isinstance(again, Question)
    assert "already" in again.says
    (mine,) = await alerts.own(vic)
    assert mine.rule == made
    changed = await alerts.change_own(vic, mine.custom_id, "warn me when solar passes 9 kW for 10 min")
    assert isinstance(changed, CustomRule)
    assert [each.rule.words for each in await alerts.own(vic)] == ["solar over 9.00 kW for 10 min"]
    assert made.id not in await alerts.rules_of(vic)
    assert changed.id in await alerts.rules_of(vic)
    assert changed.id not in await alerts.rules_of(await desk.scope())
    with pytest.raises(LookupError):
        await alerts.change_own(await desk.scope("Ann"), mine.custom_id, "solar over 1 kW")
    assert not await alerts.remove_own(await desk.scope("Ann"), mine.custom_id)
    assert await alerts.remove_own(vic, mine.custom_id)
    assert not await alerts.remove_own(vic, mine.custom_id)
    actions = [row.action for row in await audit.entries(desk.database, "home") if row.action.startswith("own_alert")]
    assert sorted(actions) == ["own_alert_added", "own_alert_changed", "own_alert_removed"]
    with pytest.raises(Refused, match="--as"):
        await alerts.add_own(await desk.scope(None), "solar over 8 kW")


async def test_nobody_has_more_than_twenty_own_alerts_also_not_by_asking_at_once(desk: Desk) -> None:
    ann = await desk.scope()
    found = await asyncio.gather(*(alerts.add_own(ann, f"solar over {kw} kW") for kw in range(1, 26)))
    assert sum(isinstance(each, CustomRule) for each in found) == 20
    assert len(await alerts.own(ann)) == 20
    question = next(each for each in found if isinstance(each, Question))
    assert "the most" in question.says


async def test_two_people_who_ask_the_same_have_an_alert_each_in_their_own_words_and_hands(desk: Desk) -> None:
    asked = {"Ann": "warn me when solar passes 8 kW", "Vic": "alert! the sun over 8 kW"}
    for name, words in asked.items():
        assert isinstance(await alerts.add_own(await desk.scope(name), words), CustomRule)
    rules = (await desk.watching.look(desk.ranch.now)).own_rules
    assert len({rule.id for rule in rules}) == 2
    made = type(saw(LOW)[1])
    for _ in range(2):
        await desk.look(
            *((each.rule, made(rule_id=each.id, active=True, what="Solar is high.", why=each.said)) for each in rules)
        )
        desk.pass_by(2 * MINUTE)
    told = await desk.deliver()
    assert sorted(each.partition(":")[0] for each in told) == ["Ann", "Vic"]
    (anns,), (vics,) = [await alerts.open_alerts(await desk.scope(name)) for name in asked]
    assert [anns.episode.signal.why, vics.episode.signal.why] == list(asked.values())
    done = await alerts.acknowledge(await desk.scope("Vic"))
    assert [view.episode_id for view in done.done] == [vics.episode_id]
    (anns,) = await alerts.open_alerts(await desk.scope("Ann"))
    assert anns.episode.acknowledged_by is None
    (mine,) = await alerts.own(await desk.scope())
    await alerts.remove_own(await desk.scope(), mine.custom_id)
    (over,) = await desk.look()
    assert over.episode.rule_id == anns.rule.id
    assert len(await alerts.open_alerts(await desk.scope("Vic"))) == 1


async def test_one_who_has_it_already_is_told_its_number_and_what_changes_it(desk: Desk) -> None:
    vic = await desk.scope("Vic")
    await alerts.add_own(vic, "solar over 8 kW")
    again = await alerts.add_own(vic, "tell me when the sun passes 8000 W")
    assert isinstance(again, Question)
    assert again.says.endswith("number 1. To change it: /rules edit 1 TEXT. To remove it: /rules remove 1.")


async def test_a_rule_is_not_found_by_a_part_of_a_person_s_id(desk: Desk) -> None:
    vic = await desk.scope("Vic")
    rule = await alerts.add_own(vic, "solar over 8 kW")
    assert isinstance(rule, CustomRule)
    assert await alerts.mute(vic, f"@{rule.owner}", desk.ranch.now + HOUR) is None
    muted = await alerts.mute(vic, "solar over 8.00 kW", desk.ranch.now + HOUR)
    assert muted is not None
    assert muted.id == rule.id


async def test_an_own_alert_is_acknowledged_and_muted_by_its_person_also_by_a_viewer(desk: Desk) -> None:
    vic = await desk.scope("Vic")
    rule = await alerts.add_own(vic, "urgent: solar over 8 kW for 0 min")
    assert isinstance(rule, CustomRule)
    signal = saw(LOW)[1]
    await desk.look((rule.rule, type(signal)(rule_id=rule.id, active=True, what="Solar is high.")))
    assert (await alerts.acknowledge(await desk.scope("Ann"), [1])).unknown == (1,)
    assert [view.rule.id for view in (await alerts.acknowledge(await desk.scope("Vic"), [1])).done] == [rule.id]
    await alerts.mute(vic, rule.id, desk.ranch.now + HOUR)
    assert [each.person_id for each in await alerts.mutes(vic)] == [desk.ranch.people["Vic"]]
