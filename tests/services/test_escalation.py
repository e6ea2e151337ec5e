"""A critical alert that nobody acknowledges is passed on until somebody does."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from services import alerts
from store import contacts
from tests.services.alert_stage import MINUTE, Desk, people_of, saw

HOT = "battery_hot"


async def test_it_goes_to_viewers_then_to_every_way_then_to_all_once_more(desk: Desk) -> None:
    desk.pass_by(MINUTE)
    await desk.reach("Ann", "slack")  # used last
    await desk.ranch.prefers("Ann", email="ann@example.org", sms_number="+14155550123")
    await desk.look(saw(HOT))
    assert people_of(await desk.deliver()) == ["Ann", "Ben"]
    assert desk.arrived[0].ways[0]["platform"] == "slack"
    desk.pass_by(9 * MINUTE)
    assert await desk.watching.escalate(desk.ranch.now) == 0
    desk.pass_by(MINUTE)
    assert await desk.watching.escalate(desk.ranch.now) == 1
    assert await desk.watching.escalate(desk.ranch.now) == 0
    assert sorted(people_of(await desk.deliver())) == ["Ann", "Ben", "Vic"]
    (to_ann,) = [each for each in desk.arrived[2:] if desk.name_of(each) == "Ann"]
    assert to_ann.ways[0]["platform"] == "telegram"
    assert to_ann.message is not None
    assert to_ann.message.text.endswith("so it was passed on.")
    desk.pass_by(20 * MINUTE)
    assert await desk.watching.escalate(desk.ranch.now) == 1
    assert sorted(each.partition(":")[0] for each in await desk.deliver()) == ["Ann", "Ann"]
    assert sorted(each.ways[0]["platform"] for each in desk.arrived[-2:]) == ["email", "sms"]
    desk.pass_by(30 * MINUTE)
    assert await desk.watching.escalate(desk.ranch.now) == 1
    assert sorted(people_of(await desk.deliver())) == ["Ann"] * 4 + ["Ben", "Vic"]
    desk.pass_by(timedelta(hours=9))
    assert await desk.watching.escalate(desk.ranch.now) == 0


async def test_of_four_workers_one_passes_it_on(desk: Desk) -> None:
    await desk.look(saw(HOT))
    workers = [desk.another() for _ in range(4)]
    for worker in workers:
        await worker.look(desk.ranch.now)
    later = desk.ranch.now + 10 * MINUTE
    assert sum(await asyncio.gather(*(worker.escalate(later) for worker in workers))) == 1
    assert [each.step for each in await desk.waiting()] == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("stop", ["acknowledge", "resolve", "mute"])
async def test_acknowledging_its_end_and_a_mute_stop_it_also_for_what_waits(desk: Desk, stop: str) -> None:
    await desk.look(saw(HOT))
    await desk.deliver()
    desk.pass_by(10 * MINUTE)
    await desk.watching.escalate(desk.ranch.now)
    if stop == "acknowledge":
        await alerts.acknowledge(await desk.scope("Ben"))
    elif stop == "resolve":
        await desk.look(saw(HOT, False))
    else:
        await alerts.mute(await desk.scope("Ben"), HOT, desk.ranch.now + timedelta(days=1))
    assert await desk.due() == []
    desk.pass_by(timedelta(hours=2))
    assert await desk.watching.escalate(desk.ranch.now) == 0
    assert await desk.due() == []


async def test_a_warning_is_not_passed_on(desk: Desk) -> None:
    await desk.look(saw("battery_low"))
    desk.pass_by(timedelta(hours=3))
    assert await desk.watching.escalate(desk.ranch.now) == 0


async def test_twenty_alerts_of_one_message_are_passed_on_as_one(desk: Desk) -> None:
    await desk.look(*[saw("inverter_fault", subject=f"F{n}") for n in range(20)])
    await desk.deliver()
    desk.pass_by(10 * MINUTE)
    assert await desk.watching.escalate(desk.ranch.now) == 20
    assert sorted(people_of(await desk.deliver())) == ["Ann", "Ben", "Vic"]


async def steps_of(desk: Desk, minutes: int) -> list[tuple[int, str, list[int]]]:
    """Look, pass on and deliver each minute: the minute, what happened, and the steps of what arrived."""
    found: list[tuple[int, str, list[int]]] = []
    for minute in range(minutes):
        events = await desk.look(saw(HOT))
        await desk.watching.escalate(desk.ranch.now)
        told = len(await desk.deliver())
        if told:
            steps = sorted({each.step for each in desk.arrived[-told:]})
            found.append((minute, " ".join(event.kind for event in events), steps))
        desk.pass_by(MINUTE)
    return found


async def test_after_hours_without_a_worker_one_step_follows_the_other_as_usual(desk: Desk) -> None:
    await desk.ranch.prefers("Ann", email="ann@example.org", sms_number="+14155550123")
    assert await steps_of(desk, 1) == [(0, "fired", [0])]
    desk.pass_by(timedelta(hours=2))
    desk.restart()
    assert await steps_of(desk, 90) == [(0, "raised", [0]), (5, "", [1]), (25, "", [2]), (55, "", [3])]


async def test_after_a_mute_it_is_told_once_and_then_passed_on_as_usual(desk: Desk) -> None:
    await desk.ranch.prefers("Ann", email="ann@example.org", sms_number="+14155550123")
    await steps_of(desk, 1)
    await alerts.mute(await desk.scope("Ann"), HOT, desk.ranch.now + timedelta(hours=1))
    assert await steps_of(desk, 140) == [(60, "raised", [0]), (70, "", [1]), (90, "", [2]), (120, "", [3])]


async def test_a_way_that_somebody_took_out_meanwhile_gets_nothing(desk: Desk) -> None:
    person = desk.ranch.people["Ann"]
    hook = await contacts.add(
        desk.database, "home", person, kind="webhook", target="https://x.example/s", label="x", now=desk.ranch.now
    )
    assert hook is not None
    await desk.look(saw(HOT))
    await desk.deliver()
    for step in (10, 20):
        desk.pass_by(step * MINUTE)
        await desk.watching.escalate(desk.ranch.now)
    await contacts.remove(desk.database, "home", person, hook.contact_id)
    assert all(way["platform"] != "webhook" for each in await desk.due() for way in each.ways)


async def test_an_owner_may_pass_on_sooner_or_never(desk: Desk) -> None:
    site = desk.ranch.site
    for minutes, passed in (((1,), 1), ((), 0)):
        changed = site.alerts.model_copy(update={"escalation_after_minutes": minutes})
        desk.ranch.site = site.model_copy(update={"alerts": changed})
        desk.restart()
        await desk.look(saw(HOT, subject=str(minutes)))
        assert await desk.watching.escalate(desk.ranch.now + 2 * MINUTE) == passed
