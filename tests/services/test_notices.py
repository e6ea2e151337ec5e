"""Notices find their people, and late results find who asked."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services import control, groups, notices, routes
from store import notices as stored
from store import people
from store.alert_tables import outbox as table
from store.notices import Level, NewNotice
from tests.services.ranch import ADDRESS, Ranch, accepted
from tests.services.stage import NOON

MINUTE = timedelta(minutes=1)


async def test_a_notice_goes_to_the_chat_that_its_person_used_last_and_not_to_dead_ones(farm: Ranch) -> None:
    ben = farm.people["Ben"]
    await routes.seen(farm.database, ben, "telegram", "8", farm.now)
    await routes.seen(farm.database, ben, "slack", "D1", farm.now + MINUTE)
    await routes.seen(farm.database, ben, "discord", "5", farm.now + 2 * MINUTE)
    await routes.mark_dead(farm.database, "discord", "5", "50007")
    notice = NewNotice(site_id="ranch", level="warning", text="s21 went off by hand", person_id=ben)
    await stored.add(farm.database, "home", notice, now=farm.now)
    (due,) = await notices.due(farm.database, farm.site, farm.now)
    assert [(way["platform"], way["chat_id"]) for way in due.addresses] == [("slack", "D1"), ("telegram", "8")]
    assert (due.level, due.text, due.tries) == ("warning", "s21 went off by hand", 0)
    await notices.failed(farm.database, due.notice_id, "busy", next_try_at=farm.now + MINUTE)
    (again,) = await notices.due(farm.database, farm.site, farm.now + MINUTE)
    assert again.tries == 1
    assert await notices.sent(farm.database, again.notice_id, farm.now + MINUTE)
    assert not await notices.due(farm.database, farm.site, farm.now + timedelta(days=1))


async def test_nobody_is_told_who_has_no_role_any_more(farm: Ranch) -> None:
    ben = farm.people["Ben"]
    await routes.seen(farm.database, ben, "telegram", "8", farm.now)
    await people.set_role(farm.database, "home", "ranch", ben, None, granted_by="host")
    notice = NewNotice(site_id="ranch", level="info", text="s21 is on", person_id=ben)
    await stored.add(farm.database, "home", notice, now=farm.now)
    assert await notices.due(farm.database, farm.site, farm.now) == []
    assert await notices.due(farm.database, farm.site, farm.now + timedelta(days=1)) == []


async def test_a_result_that_came_too_late_for_its_reply_is_told_once_where_it_was_asked(farm: Ranch) -> None:
    request = accepted(await farm.order("stop", "s21", by="Ben")).request
    await routes.seen(farm.database, farm.people["Ben"], "telegram", "7", farm.now - MINUTE)
    await routes.seen(farm.database, farm.people["Ben"], "slack", "D1", farm.now)
    await farm.ended(request.request_id, "failed", s21={"state": "failed", "says": "s21 does not answer."})
    assert await notices.add_late_results(farm.database, farm.site, farm.now) == 0  # the reply may still tell it
    farm.now += timedelta(seconds=11)
    assert await notices.add_late_results(farm.database, farm.site, farm.now) == 1
    assert await notices.add_late_results(farm.database, farm.site, farm.now) == 0
    assert not await control.claim_report(await farm.scope("Ben"), request.request_id)
    (due,) = await notices.due(farm.database, farm.site, farm.now)
    assert (due.text, due.level) == ("s21 does not answer.", "warning")
    assert due.addresses[0] == ADDRESS
    assert due.addresses[1]["chat_id"] == "D1"


async def test_a_late_result_goes_into_the_group_it_was_asked_in_only_while_that_is_open(farm: Ranch) -> None:
    group = {"platform": "telegram", "chat_id": "-100", "thread": "4"}
    await groups.open_group(await farm.scope(), "telegram", "-100")
    await routes.seen(farm.database, farm.people["Ben"], "slack", "D1", farm.now)
    first = accepted(await farm.order("stop", "s21", by="Ben", address=group)).request
    await farm.ended(first.request_id)
    farm.now += timedelta(seconds=11)
    await notices.add_late_results(farm.database, farm.site, farm.now)
    (due,) = await notices.due(farm.database, farm.site, farm.now)
    assert [way["chat_id"] for way in due.addresses] == ["-100", "D1"]
    assert due.addresses[0]["thread"] == "4"
    await groups.close_group(await farm.scope(), "telegram", "-100")
    farm.now += 2 * MINUTE  # it was not settled
    (again,) = await notices.due(farm.database, farm.site, farm.now)
    assert [way["chat_id"] for way in again.addresses] == ["D1"]


async def test_a_late_result_does_not_go_into_a_chat_that_is_dead(farm: Ranch) -> None:
    await routes.seen(farm.database, farm.people["Ben"], "telegram", "7", farm.now)
    await routes.mark_dead(farm.database, "telegram", "7", "blocked")
    await stored.add(farm.database, "home", notice_to(farm, "info", address=ADDRESS), now=farm.now)
    (due,) = await notices.due(farm.database, farm.site, farm.now)
    assert due.addresses == ()


def notice_to(farm: Ranch, level: Level, name: str = "Ben", **more: Any) -> NewNotice:
    return NewNotice(site_id="ranch", level=level, text=f"{level}: s21", person_id=farm.people[name], **more)


async def told(farm: Ranch) -> list[str]:
    """What is due now; it is settled as sent."""
    found = await notices.due(farm.database, farm.site, farm.now)
    for each in found:
        await notices.sent(farm.database, each.notice_id, farm.now)
    return [each.text for each in found]


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
    found = await notices.due(farm.database, farm.site, farm.now)
    assert [(each.text, each.tries) for each in found] == [("info: s21", 0), ("warning: s21", 0)]


@pytest.mark.parametrize(
    ("preferences", "reason"),
    [({"alerts": False}, "the person's alerts are off"), ({"critical_only": True}, "the person wants critical")],
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
    await notices.add_late_results(farm.database, farm.site, farm.now)
    assert await told(farm) == ["s21 is off."]


async def test_a_result_that_was_told_in_time_makes_no_notice(farm: Ranch) -> None:
    request = accepted(await farm.order("stop", "s21")).request
    await farm.ended(request.request_id)
    assert await control.claim_report(await farm.scope(), request.request_id)
    assert await notices.add_late_results(farm.database, farm.site, farm.now + MINUTE) == 0


async def test_the_hosts_own_late_result_has_nowhere_to_go_and_is_closed(farm: Ranch) -> None:
    request = accepted(await farm.order("stop", "s21", by=None, address=None)).request
    await farm.ended(request.request_id)
    assert await notices.add_late_results(farm.database, farm.site, farm.now + MINUTE) == 0
    assert await notices.due(farm.database, farm.site, farm.now + MINUTE) == []
    assert not await control.claim_report(await farm.scope(None), request.request_id)
