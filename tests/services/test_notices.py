"""Notices find their people, and late results find who asked."""

from datetime import timedelta

from services import control, notices, routes
from store import notices as stored
from store import people
from store.notices import NewNotice
from tests.services.ranch import ADDRESS, Ranch, accepted

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
