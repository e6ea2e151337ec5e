import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from store import audit, control
from store.alert_tables import outbox
from store.control import ControlRequest
from store.control_tables import control_requests
from store.database import Database
from store.outbox import NewEntry
from store.requests import AtMost, digest

ORG, SITE = "home", "ranch"
NOON = datetime(2026, 3, 7, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=1)
START = {"miners": ["s21", "s19-1"], "until": None}


async def made(database: Database, **changes: Any) -> ControlRequest:
    values: dict[str, Any] = {
        "site_id": SITE,
        "action": "miners.start",
        "arguments": START,
        "origin": "typed",
        "state": "proposed",
        "person_id": "p1",
        "person_name": "Ann",
        "place": "telegram:7",
        "expires_at": NOON + timedelta(seconds=120),
        "now": NOON,
    }
    return await control.create(database, ORG, **(values | changes))


async def state_of(database: Database, request: ControlRequest) -> str:
    found = await control.get(database, ORG, request.request_id)
    assert found is not None
    return found.state


@pytest.fixture
async def fifty(url: str, database: Database) -> AsyncIterator[list[Database]]:
    """Fifty connections that know nothing of each other, as fifty processes would have them."""
    opened = [await Database.open(url) for _ in range(50)]
    yield opened
    for each in opened:
        await each.close()


async def test_a_request_is_kept_as_it_was_made_with_an_audit_row(database: Database) -> None:
    request = await made(database, address={"platform": "telegram", "chat_id": "7"}, noted={"why": ["cold"]})
    assert await control.get(database, ORG, request.request_id) == request
    assert (request.arguments, request.tries, request.results) == (START, 0, {})
    assert request.digest == digest("miners.start", {"until": None, "miners": ["s21", "s19-1"]})
    assert await control.get(database, "other", request.request_id) is None
    (row,) = await audit.entries(database, ORG, site_id=SITE)
    assert (row.actor, row.action, row.subject) == ("p1", "control_proposed", "s21, s19-1")
    assert row.details["request"] == request.request_id
    assert row.details["why"] == ["cold"]


async def test_the_same_key_gives_the_same_request_and_one_audit_row(database: Database) -> None:
    at_once = (made(database, idempotency_key="telegram:5", state="queued") for _ in range(20))
    found = await asyncio.gather(*at_once)
    assert len({request.request_id for request in found}) == 1
    assert await control.by_key(database, ORG, "telegram:5") == found[0]
    assert await control.by_key(database, ORG, "telegram:6") is None
    assert len(await audit.entries(database, ORG, action="control_asked")) == 1
    assert (await made(database, idempotency_key=None)).request_id != found[0].request_id


async def test_of_fifty_confirmations_at_once_on_connections_of_their_own_exactly_one_counts(
    database: Database, fifty: list[Database]
) -> None:
    request = await made(database)
    results = await asyncio.gather(
        *(control.queue(each, ORG, request.request_id, now=LATER, by="p1") for each in fifty)
    )
    assert results.count(True) == 1
    assert await state_of(database, request) == "queued"
    assert len(await audit.entries(database, ORG, action="control_confirmed")) == 1
    begun = await asyncio.gather(*(control.claim_next(each, ORG, SITE, now=LATER, lease_s=10) for each in fifty[:10]))
    assert [each.request_id for each in begun if each is not None] == [request.request_id]


async def test_confirming_and_cancelling_at_once_does_one_of_them(database: Database, fifty: list[Database]) -> None:
    request = await made(database)
    queued = [control.queue(each, ORG, request.request_id, now=LATER) for each in fifty[:10]]
    cancelled = [control.cancel(each, ORG, request.request_id, now=LATER) for each in fifty[10:20]]
    results = await asyncio.gather(*queued, *cancelled)
    assert results.count(True) == 1
    assert await state_of(database, request) in ("queued", "cancelled")


async def test_a_proposal_expires_and_cannot_be_confirmed_from_that_moment_on(database: Database) -> None:
    request = await made(database)
    end = NOON + timedelta(seconds=120)
    assert not await control.queue(database, ORG, request.request_id, now=end)
    assert await control.expire_proposals(database, ORG, end - timedelta(seconds=1)) == 0
    assert await control.expire_proposals(database, ORG, end) == 1
    assert await state_of(database, request) == "expired"
    (row,) = await audit.entries(database, ORG, action="control_expired")
    assert (row.actor, row.details["request"]) == ("worker", request.request_id)
    assert not await control.queue(database, ORG, request.request_id, now=NOON)
    assert not await control.queue(database, ORG, "unknown", now=NOON)


async def alter(database: Database, request: ControlRequest, arguments: dict[str, Any]) -> None:
    statement = update(control_requests).where(control_requests.c.request_id == request.request_id)
    async with database.begin() as connection:
        await connection.execute(statement.values(arguments=arguments))


async def test_arguments_altered_before_the_confirmation_are_rejected_and_told(database: Database) -> None:
    request = await made(database)
    await alter(database, request, {"miners": ["s21", "s19-1", "s19-2"], "until": None})
    assert not await control.queue(database, ORG, request.request_id, now=LATER, by="p1")
    assert await state_of(database, request) == "proposed"
    (row,) = await audit.entries(database, ORG, action="control_altered")
    assert row.subject == "s21, s19-1, s19-2"


async def test_arguments_altered_after_the_confirmation_are_never_begun_and_the_next_request_is(
    database: Database,
) -> None:
    first = await made(database, state="queued")
    second = await made(database, state="queued", action="miners.stop", now=LATER)
    await alter(database, first, {"miners": ["s19-2"], "until": None})
    begun = await control.claim_next(database, ORG, SITE, now=LATER, lease_s=10)
    assert begun is not None
    assert begun.request_id == second.request_id
    assert await state_of(database, first) == "refused"
    assert len(await audit.entries(database, ORG, action="control_altered")) == 1


async def test_requests_are_begun_in_the_order_in_which_they_were_decided(database: Database) -> None:
    start = await made(database)
    stop = await made(database, action="miners.stop", state="queued", now=NOON + timedelta(seconds=5))
    assert await control.queue(database, ORG, start.request_id, now=NOON + timedelta(seconds=10))
    order = [await control.claim_next(database, ORG, SITE, now=NOON, lease_s=60) for _ in range(3)]
    assert [each and each.request_id for each in order] == [stop.request_id, start.request_id, None]
    assert await control.claim_next(database, ORG, "cabin", now=NOON, lease_s=60) is None


async def test_a_request_whose_worker_died_is_begun_again_after_its_lease(database: Database) -> None:
    request = await made(database, state="queued")
    first = await control.claim_next(database, ORG, SITE, now=NOON, lease_s=10)
    assert first is not None
    assert (first.state, first.tries, first.lease_until) == ("executing", 1, NOON + timedelta(seconds=10))
    assert await control.claim_next(database, ORG, SITE, now=NOON + timedelta(seconds=9), lease_s=10) is None
    again = await control.claim_next(database, ORG, SITE, now=NOON + timedelta(seconds=10), lease_s=10)
    assert again is not None
    assert (again.request_id, again.tries) == (request.request_id, 2)


async def finished(database: Database, request: ControlRequest, **changes: Any) -> bool:
    values: dict[str, Any] = {
        "state": "done",
        "results": {"s21": {"state": "done", "says": "s21 is on."}},
        "now": LATER,
    }
    return await control.finish(database, ORG, request.request_id, **(values | changes))


async def test_of_ten_who_end_a_request_one_does_with_its_notices(database: Database, fifty: list[Database]) -> None:
    request = await made(database, state="queued")
    assert not await finished(database, request)  # nobody began it
    await control.claim_next(database, ORG, SITE, now=NOON, lease_s=10)
    notice = NewEntry(site_id=SITE, level="info", text="s21 is on.", person_id="p2")
    results = await asyncio.gather(*(finished(each, request, notices=[notice]) for each in fifty[:10]))
    assert results.count(True) == 1
    async with database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(outbox))).scalar_one() == 1


async def test_a_notice_that_cannot_be_kept_leaves_the_request_open(database: Database) -> None:
    request = await made(database, state="queued")
    await control.claim_next(database, ORG, SITE, now=NOON, lease_s=10)
    bad = NewEntry(site_id=SITE, level="loud", text="", person_id="p2")  # type: ignore[arg-type]
    with pytest.raises(IntegrityError):
        await finished(database, request, notices=[bad])
    assert await state_of(database, request) == "executing"
    assert await finished(database, request)


async def test_a_result_is_reported_once_and_until_then_it_is_known_as_unreported(
    database: Database, fifty: list[Database]
) -> None:
    request = await made(database, state="queued")
    assert not await control.claim_report(database, ORG, request.request_id, now=LATER)
    await control.claim_next(database, ORG, SITE, now=NOON, lease_s=10)
    await finished(database, request)
    assert await control.unreported(database, ORG, SITE, finished_before=LATER) == []
    late = LATER + timedelta(seconds=10)
    assert [each.request_id for each in await control.unreported(database, ORG, finished_before=late)] == [
        request.request_id
    ]
    assert await control.unreported(database, ORG, "cabin", finished_before=late) == []
    results = await asyncio.gather(
        *(control.claim_report(each, ORG, request.request_id, now=late) for each in fifty[:10])
    )
    assert results.count(True) == 1
    assert await control.unreported(database, ORG, finished_before=late) == []


async def test_what_was_refused_or_cancelled_before_it_began_is_not_reported_again(database: Database) -> None:
    await made(database, state="refused", results={"says": ["SOC is 40 %"]})
    request = await made(database)
    assert await control.cancel(database, ORG, request.request_id, now=LATER, by="p1")
    assert await control.unreported(database, ORG, finished_before=NOON + timedelta(days=1)) == []


async def test_no_more_than_so_many_are_confirmed_in_an_hour_also_at_once(
    database: Database, fifty: list[Database]
) -> None:
    requests = [await made(database, action="grid_charge.on", arguments={}) for _ in range(10)]
    limit = AtMost(("grid_charge.on", "grid_charge.off"), NOON - timedelta(hours=1), 6)
    results = await asyncio.gather(
        *(
            control.queue(each, ORG, request.request_id, now=LATER, at_most=limit)
            for each, request in zip(fifty, requests, strict=False)
        )
    )
    assert results.count(True) == 6
    assert await control.decided(database, ORG, SITE, limit) == (6, LATER)


async def test_a_proposal_that_is_refused_later_keeps_why(database: Database) -> None:
    request = await made(database)
    results = {"says": ["SOC is 44 %"]}
    assert await control.refuse(database, ORG, request.request_id, results=results, now=LATER, noted={"why": "SOC"})
    assert not await control.refuse(database, ORG, request.request_id, results={}, now=LATER)
    found = await control.get(database, ORG, request.request_id)
    assert found is not None
    assert (found.state, found.results, found.finished_at) == ("refused", results, LATER)
    (row,) = await audit.entries(database, ORG, action="control_refused")
    assert row.details["why"] == "SOC"


async def test_requests_are_numbered_and_begun_in_the_order_of_their_decisions_whatever_the_clocks_say(
    database: Database,
) -> None:
    proposal = await made(database)
    first = await made(database, state="queued", now=NOON + timedelta(hours=1), action="miners.stop")
    assert await control.queue(database, ORG, proposal.request_id, now=LATER)
    third = await made(database, state="queued", now=NOON - timedelta(hours=1), action="miners.auto")
    assert (proposal.queue_no, first.queue_no, third.queue_no) == (None, 1, 3)
    assert (await made(database, state="refused")).queue_no is None
    begun = [await control.claim_next(database, ORG, SITE, now=LATER, lease_s=9) for _ in range(3)]
    assert [request.request_id for request in begun if request] == [
        first.request_id,
        proposal.request_id,
        third.request_id,
    ]


async def test_of_many_decisions_at_once_no_two_have_the_same_number(database: Database, fifty: list[Database]) -> None:
    asked = await asyncio.gather(*(made(each, state="queued", action="miners.stop") for each in fifty[:20]))
    assert sorted(request.queue_no or 0 for request in asked) == list(range(1, 21))
