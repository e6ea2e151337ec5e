"""What waits to be told finds its people, and late results find who asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services import control, groups, outbox, routes
from services.outbox import Level, NewEntry
from services.scope import Refused
from store import audit, contacts, people
from store import outbox as stored
from store.alert_tables import outbox as table
from tests.services.alert_stage import MINUTE, Desk, saw
from tests.services.ranch import ADDRESS, Ranch, accepted
from tests.services.stage import NOON


async def told(farm: Ranch) -> list[str]:
    """What is due now; it is settled as sent."""
    found = await outbox.due(farm.database, farm.site, farm.now)
    for each in found:
        await outbox.sent(farm.database, each.outbox_id, farm.now)
    return [each.text for each in found]


def notice_to(farm: Ranch, level: Level, name: str = "Ben", **more: Any) -> NewEntry:
    return NewEntry(site_id="ranch", level=level, text=f"{level}: s21", person_id=farm.people[name], **more)


async def test_a_notice_goes_to_the_chat_that_its_person_used_last_and_not_to_dead_ones(farm: Ranch) -> None:
    ben = farm.people["Ben"]
    await routes.seen(farm.database, ben, "telegram", "8", farm.now)
    await routes.seen(farm.database, ben, "slack", "D1", farm.now + MINUTE)
    await routes.seen(farm.database, ben, "discord", "5", farm.now + 2 * MINUTE)
    await routes.mark_dead(farm.database, "discord", "5", "50007")
    await stored.add(farm.database, "home", notice_to(farm, "warning"), now=farm.now)
    (due,) = await outbox.due(farm.database, farm.site, farm.now)
    assert [(way["platform"], way["chat_id"]) for way in due.ways] == [("slack", "D1"), ("telegram", "8")]
    assert (due.level, due.text, due.tries) == ("warning", "warning: s21", 0)
    await outbox.failed(farm.database, due.outbox_id, "busy", farm.now, next_try_at=farm.now + MINUTE)
    (again,) = await outbox.due(farm.database, farm.site, farm.now + MINUTE)
    assert again.tries == 1
    assert await outbox.later(farm.database, again.outbox_id, "busy", farm.now, until=farm.now + 2 * MINUTE)
    (again,) = await outbox.due(farm.database, farm.site, farm.now + 2 * MINUTE)
    assert again.tries == 1
    assert await outbox.sent(farm.database, again.outbox_id, farm.now + MINUTE)
    assert not await outbox.due(farm.database, farm.site, farm.now + timedelta(days=1))


async def test_the_ways_of_a_person_are_their_chats_then_contacts_and_email_and_sms_for_critical_alone(
    farm: Ranch,
) -> None:
    ben = farm.people["Ben"]
    await farm.prefers("Ben", email="ben@example.org", sms_number="+14155550123")
    await routes.seen(farm.database, ben, "telegram", "8", farm.now)
    await contacts.add(
        farm.database, "home", ben, kind="apprise", target="ntfys://ntfy.sh/x", label="ntfy", now=farm.now
    )

    async def ways(level: Level) -> list[str]:
        await stored.add(farm.database, "home", notice_to(farm, level), now=farm.now)
        (due,) = await outbox.due(farm.database, farm.site, farm.now)
        await outbox.sent(farm.database, due.outbox_id, farm.now)
        return [way["platform"] for way in due.ways]

    assert await ways("warning") == ["telegram", "apprise", "email"]
    assert await ways("critical") == ["telegram", "apprise", "email", "sms"]
    await farm.prefers("Ben", alert_routes="sms, email")
    assert await ways("warning") == ["email", "telegram", "apprise"]
    assert await ways("critical") == ["sms", "email", "telegram", "apprise"]


async def test_nobody_is_told_who_has_no_role_any_more(farm: Ranch) -> None:
    ben = farm.people["Ben"]
    await routes.seen(farm.database, ben, "telegram", "8", farm.now)
    await people.set_role(farm.database, "home", "ranch", ben, None, granted_by="host")
    await stored.add(farm.database, "home", notice_to(farm, "critical"), now=farm.now)
    assert await outbox.due(farm.database, farm.site, farm.now) == []
    assert await outbox.due(farm.database, farm.site, farm.now + timedelta(days=1)) == []


async def test_a_result_that_came_too_late_for_its_reply_is_told_once_where_it_was_asked(farm: Ranch) -> None:
    request = accepted(await farm.order("stop", "s21", by="Ben")).request
    await routes.seen(farm.database, farm.people["Ben"], "telegram", "7", farm.now - MINUTE)
    await routes.seen(farm.database, farm.people["Ben"], "slack", "D1", farm.now)
    await farm.ended(request.request_id, "failed", s21={"state": "failed", "says": "s21 does not answer."})
    assert await outbox.add_late_results(farm.database, farm.site, farm.now) == 0  # the reply may still tell it
    farm.now += timedelta(seconds=11)
    assert await outbox.add_late_results(farm.database, farm.site, farm.now) == 1
    assert await outbox.add_late_results(farm.database, farm.site, farm.now) == 0
    assert not await control.claim_report(await farm.scope("Ben"), request.request_id)
    (due,) = await outbox.due(farm.database, farm.site, farm.now)
    assert (due.text, due.level) == ("s21 does not answer.", "warning")
    assert due.ways[0] == ADDRESS
    assert due.ways[1]["chat_id"] == "D1"


async def test_a_late_result_goes_into_the_group_it_was_asked_in_only_while_that_is_open(farm: Ranch) -> None:
    group = {"platform": "telegram", "chat_id": "-100", "thread": "4"}
    await groups.open_group(await farm.scope(), "telegram", "-100")
    await routes.seen(farm.database, farm.people["Ben"], "slack", "D1", farm.now)
    first = accepted(await farm.order("stop", "s21", by="Ben", address=group)).request
    await farm.ended(first.request_id)
    farm.now += timedelta(seconds=11)
    await outbox.add_late_results(farm.database, farm.site, farm.now)
    (due,) = await outbox.due(farm.database, farm.site, farm.now)
    assert [way["chat_id"] for way in due.ways] == ["-100", "D1"]
    assert due.ways[0]["thread"] == "4"
    await groups.close_group(await farm.scope(), "telegram", "-100")
    farm.now += 2 * MINUTE  # it was not settled
    (again,) = await outbox.due(farm.database, farm.site, farm.now)
    assert [way["chat_id"] for way in again.ways] == ["D1"]


async def test_a_late_result_does_not_go_into_a_chat_that_is_dead(farm: Ranch) -> None:
    await routes.seen(farm.database, farm.people["Ben"], "telegram", "7", farm.now)
    await routes.mark_dead(farm.database, "telegram", "7", "blocked")
    await stored.add(farm.database, "home", notice_to(farm, "info", address=ADDRESS), now=farm.now)
    (due,) = await outbox.due(farm.database, farm.site, farm.now)
    assert due.ways == ()


async def test_what_is_not_critical_waits_until_quiet_hours_end_on_the_persons_own_clock(farm: Ranch) -> None:
    await farm.prefers("Ben", quiet_hours="22:00-07:00", timezone="Europe/Berlin")
    await farm.prefers("Ann", quiet_hours="22:00-07:00")  # noon at the site
    farm.now = NOON + timedelta(hours=2)  # 23:00 in Berlin
    for level in ("info", "warning", "critical"):
        await stored.add(farm.database, "home", notice_to(farm, level), now=farm.now)
    await stored.add(farm.database, "home", notice_to(farm, "info", "Ann"), now=farm.now)
    assert await told(farm) == ["critical: s21", "info: s21"]
    farm.now += timedelta(hours=7, minutes=59)
    assert await told(farm) == []
    farm.now += MINUTE
    assert await told(farm) == ["From your quiet hours, until 07:00:\n- info: s21\n- warning: s21"]


@pytest.mark.parametrize(
    ("preferences", "reason"),
    [({"alerts": False}, "the person wants no alerts"), ({"critical_only": True}, "the person wants critical")],
)
async def test_whoever_wants_only_what_is_critical_gets_only_that_and_the_rest_is_marked(
    farm: Ranch, preferences: dict[str, bool], reason: str
) -> None:
    await farm.prefers("Ben", **preferences)
    for level in ("info", "warning", "critical"):
        await stored.add(farm.database, "home", notice_to(farm, level), now=farm.now)
    await stored.add(farm.database, "home", notice_to(farm, "info", "Ann"), now=farm.now)
    assert await told(farm) == ["critical: s21", "info: s21"]
    await farm.prefers("Ben", alerts=True, critical_only=False)
    farm.now += timedelta(days=1)
    assert await told(farm) == []
    async with farm.database.read() as connection:
        rows = await connection.execute(select(table.c.last_reason).where(table.c.state == "dropped"))
        reasons = rows.scalars().all()
    assert len(reasons) == 2
    assert all(each.startswith(reason) for each in reasons)


async def test_what_became_of_their_own_request_is_told_in_quiet_hours_and_with_alerts_off(farm: Ranch) -> None:
    await farm.prefers("Ben", quiet_hours="00:00-23:59", alerts=False)
    request = accepted(await farm.order("stop", "s21", by="Ben")).request
    await farm.ended(request.request_id, s21={"state": "done", "says": "s21 is off."})
    farm.now += timedelta(seconds=11)
    await outbox.add_late_results(farm.database, farm.site, farm.now)
    assert await told(farm) == ["s21 is off."]


async def test_a_result_that_was_told_in_time_makes_no_notice(farm: Ranch) -> None:
    request = accepted(await farm.order("stop", "s21")).request
    await farm.ended(request.request_id)
    assert await control.claim_report(await farm.scope(), request.request_id)
    assert await outbox.add_late_results(farm.database, farm.site, farm.now + MINUTE) == 0


async def test_the_hosts_own_late_result_has_nowhere_to_go_and_is_closed(farm: Ranch) -> None:
    request = accepted(await farm.order("stop", "s21", by=None, address=None)).request
    await farm.ended(request.request_id)
    assert await outbox.add_late_results(farm.database, farm.site, farm.now + MINUTE) == 0
    assert await outbox.due(farm.database, farm.site, farm.now + MINUTE) == []
    assert not await control.claim_report(await farm.scope(None), request.request_id)


async def test_a_brief_comes_at_its_time_whatever_the_quiet_hours_and_with_alerts_off(farm: Ranch) -> None:
    await farm.prefers("Ben", quiet_hours="00:00-23:59", alerts=False)
    entry = NewEntry(site_id="ranch", kind="brief", level="info", person_id=farm.people["Ben"], data={"kind": "daily"})
    await stored.add(farm.database, "home", entry, now=farm.now)
    (due,) = await outbox.due(farm.database, farm.site, farm.now)
    assert (due.kind, due.data, due.scope.actor.name) == ("brief", {"kind": "daily"}, "Ben")


async def test_an_owner_sees_what_could_not_be_delivered_and_tries_it_again(desk: Desk) -> None:
    await desk.look(saw("battery_hot"))
    for each in await desk.due():
        await outbox.failed(desk.database, each.outbox_id, "telegram: blocked", desk.ranch.now, next_try_at=None)
    owner = await desk.scope()
    letters = await outbox.dead_letters(owner)
    assert [(each.kind, each.reason, each.tries) for each in letters] == [("alert", "telegram: blocked", 1)] * 2
    assert letters[0].text.startswith("CRITICAL: battery_hot is wrong at 28 %.")
    assert await outbox.replay(owner, letters[0].outbox_id) == 1
    assert await outbox.replay(owner) == 1
    assert await outbox.replay(owner) == 0
    assert len(await desk.deliver()) == 2
    rows = await audit.entries(desk.database, "home", action="deliveries_replayed")
    assert [row.details["count"] for row in rows] == [1, 1]
    with pytest.raises(Refused):
        await outbox.dead_letters(await desk.scope("Ben"))
    with pytest.raises(Refused):
        await outbox.replay(await desk.scope("Vic"))
