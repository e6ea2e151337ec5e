"""Slots, offsets, backfill, inbox, audit, facts, weather, sites, conversations: what restarts must not lose."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from energy.reading import Reading, Rejection
from energy.site import Battery, Device, Site
from energy.weather import IssuedForecast, WeatherHour
from store import audit, backfill, conversations, device_facts, inbox, offsets, readings, sites, slots, weather
from store.database import Database
from store.errors import StoreError

ORG, SITE = "home", "ranch"
NOON = datetime(2026, 3, 7, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def test_a_slot_is_claimed_once_by_twenty_who_ask(database: Database, url: str) -> None:
    second = await Database.open(url)  # as another worker has it
    try:
        claims = [slots.claim(db, ORG, "poll:solark", NOON) for db in (database, second) for _ in range(10)]
        assert sorted(await asyncio.gather(*claims)) == [False] * 19 + [True]
    finally:
        await second.close()
    assert await slots.claim(database, ORG, "poll:solark", NOON + HOUR)
    assert await slots.claim(database, ORG, "poll:cerbo", NOON)
    assert await slots.claim(database, "other", "poll:solark", NOON)
    assert await slots.last_claimed(database, ORG, "poll:solark") == NOON + HOUR


async def test_a_released_slot_can_be_claimed_again_and_a_finished_one_cannot(database: Database) -> None:
    assert await slots.claim(database, ORG, "digest", NOON)
    await slots.release(database, ORG, "digest", NOON)
    assert await slots.claim(database, ORG, "digest", NOON)
    await slots.finish(database, ORG, "digest", NOON)
    await slots.release(database, ORG, "digest", NOON)
    assert not await slots.claim(database, ORG, "digest", NOON)


async def test_old_slots_are_forgotten_but_never_the_newest_of_a_job(database: Database) -> None:
    for hours in range(5):
        await slots.claim(database, ORG, "hourly", NOON + hours * HOUR)
    await slots.claim(database, ORG, "yearly", NOON - timedelta(days=300))
    assert await slots.forget_before(database, ORG, NOON + 3 * HOUR) == 3
    assert await slots.last_claimed(database, ORG, "yearly") == NOON - timedelta(days=300)


async def test_the_inbox_loses_nothing_and_repeats_nothing_over_a_restart(database: Database, url: str) -> None:
    for key in ("1", "2", "3"):
        assert await inbox.receive(database, ORG, "telegram", key, {"text": f"question {key}"})
    assert not await inbox.receive(database, ORG, "telegram", "1", {"text": "again"})
    assert await inbox.answered(database, ORG, "telegram", "2", {"parts_sent": 0})
    assert await inbox.answered(database, ORG, "telegram", "2", {"parts_sent": 1})
    assert await inbox.answered(database, ORG, "telegram", "3", {"text": "answer"})
    assert await inbox.settled(database, ORG, "telegram", "3")
    await database.close()

    restarted = await Database.open(url)
    try:
        left = await inbox.pending(restarted, ORG, "telegram")
        assert [(p.key, p.message, p.reply) for p in left] == [
            ("1", {"text": "question 1"}, None),
            ("2", {"text": "question 2"}, {"parts_sent": 1}),
        ]
        assert not await inbox.receive(restarted, ORG, "telegram", "3", {"text": "delivered again"})
        assert not await inbox.answered(restarted, ORG, "telegram", "3", {"text": "too late"})
        assert not await inbox.settled(restarted, ORG, "telegram", "3")
        assert await inbox.settled(restarted, ORG, "telegram", "1")  # a stranger's message ends without a reply
        assert await inbox.receive(restarted, ORG, "slack", "1", {})
        assert await inbox.forget_settled_before(restarted, ORG, datetime.now(UTC) + HOUR) == 2
        assert [p.key for p in await inbox.pending(restarted, ORG, "telegram")] == ["2"]
    finally:
        await restarted.close()


async def test_a_message_delivered_twenty_times_at_once_is_received_once(database: Database) -> None:
    taken = await asyncio.gather(*(inbox.receive(database, ORG, "telegram", "7", {}) for _ in range(20)))
    assert sum(taken) == 1


async def test_the_audit_can_only_grow(database: Database) -> None:
    await audit.append(database, ORG, actor="host", action="started", site_id=SITE, details={"version": "1"}, now=NOON)
    forged = (
        "INSERT OR REPLACE INTO audit (audit_id, org_id, happened_at, actor, action, subject, details) "
        "VALUES (1, 'home', 0, 'x', 'forged', '', '{}')"
    )
    detour = {"sqlite": forged, "postgresql": "TRUNCATE audit"}[database.dialect]
    for change in ("UPDATE audit SET action = 'nothing'", "DELETE FROM audit", detour):
        async with database.read() as connection:
            with pytest.raises(DBAPIError, match="append-only"):
                await connection.execute(text(change))
    await audit.append(database, ORG, actor="telegram:9", action="stranger")
    found = await audit.entries(database, ORG)
    assert [(e.actor, e.action) for e in found] == [("telegram:9", "stranger"), ("host", "started")]
    assert found[1].happened_at == NOON
    assert [e.action for e in await audit.entries(database, ORG, site_id=SITE)] == ["started"]


async def test_offsets_are_kept_per_platform_and_may_start_anew(database: Database) -> None:
    assert await offsets.load(database, ORG, "telegram", "updates") is None
    await offsets.save(database, ORG, "telegram", "updates", 2**40)
    await offsets.save(database, ORG, "telegram", "updates", 17)
    assert await offsets.load(database, ORG, "telegram", "updates") == 17
    assert await offsets.load(database, ORG, "slack", "updates") is None


async def test_backfilled_days_are_remembered_when_complete(database: Database) -> None:
    await backfill.mark_done(database, ORG, SITE, "solark", date(2026, 3, 8), readings=276)
    await backfill.mark_done(database, ORG, SITE, "solark", date(2026, 3, 9), complete=False)
    assert await backfill.days_done(database, ORG, SITE, "solark") == {date(2026, 3, 8)}
    await backfill.mark_done(database, ORG, SITE, "solark", date(2026, 3, 9), readings=288)
    assert len(await backfill.days_done(database, ORG, SITE, "solark")) == 2
    assert await backfill.days_done(database, ORG, SITE, "cerbo") == set()


async def put_facts(database: Database, at: datetime, reserve_pct: int) -> None:
    await device_facts.put(
        database,
        ORG,
        SITE,
        device_id="solark",
        kind="solark_cloud",
        model="15K",
        firmware="5.1",
        settings={"reserve_pct": reserve_pct},
        taken_at=at,
    )


async def test_device_facts_are_those_of_the_time_asked_about(database: Database) -> None:
    await put_facts(database, NOON, 20)
    await put_facts(database, NOON + HOUR, 20)
    await put_facts(database, NOON + 2 * HOUR, 35)
    assert await device_facts.all_of(database, ORG, SITE, as_of=NOON - HOUR) == {}
    early = await device_facts.get(database, ORG, SITE, "solark", as_of=NOON + 1.5 * HOUR)
    assert early is not None
    assert (early.settings, early.taken_at) == ({"reserve_pct": 20}, NOON + HOUR)
    late = await device_facts.get(database, ORG, SITE, "solark", as_of=NOON + 9 * HOUR)
    assert late is not None
    assert (late.settings, late.model, late.taken_at) == ({"reserve_pct": 35}, "15K", NOON + 2 * HOUR)


async def test_forecasts_come_back_as_issued_and_later_ones_are_invisible(database: Database) -> None:
    def issued(at: datetime, warm: float) -> IssuedForecast:
        hours = tuple(
            WeatherHour(NOON + n * HOUR, warm + n, None, 500.0, tilted_w_m2={"south": 610.0, "east": None})
            for n in range(48)
        )
        return IssuedForecast(at, "open_meteo", hours, "Weather data by Open-Meteo.com")

    first, second = issued(NOON, 10.0), issued(NOON + HOUR, 20.0)
    assert await weather.insert(database, ORG, SITE, first)
    assert await weather.insert(database, ORG, SITE, second)
    assert not await weather.insert(database, ORG, SITE, second)
    assert await weather.latest_issued(database, ORG, SITE, as_of=NOON + HOUR / 2) == first
    assert await weather.latest_issued(database, ORG, SITE, as_of=NOON + 9 * HOUR) == second
    assert await weather.latest_issued(database, ORG, SITE, as_of=NOON - HOUR) is None
    assert await weather.latest_issued(database, ORG, SITE, as_of=NOON + HOUR, source="other") is None
    assert await weather.issued_between(database, ORG, SITE, NOON, NOON + HOUR) == [first]
    assert await weather.forget_before(database, ORG, SITE, NOON + HOUR) == 1


async def test_a_site_is_stored_and_loaded_and_only_changes_count(database: Database) -> None:
    site = Site(id="ranch", name="Solar Shack", battery=Battery(usable_kwh=30), device=(Device(id="x", kind="csv"),))
    assert await sites.sync(database, ORG, site)
    assert not await sites.sync(database, ORG, site)
    assert await sites.load(database, ORG, "ranch") == site
    assert await sites.sync(database, ORG, site.model_copy(update={"name": "Shack"}))
    assert await sites.list_ids(database, ORG) == ["ranch"]
    assert await sites.load(database, ORG, "cabin") is None
    async with database.begin() as connection:
        await connection.execute(text('UPDATE sites SET settings = \'{"id": "ranch", "wings": 2}\''))
    with pytest.raises(StoreError, match=r"start CommandCenter with its commandcenter\.toml"):
        await sites.load(database, ORG, "ranch")


async def test_turns_come_back_oldest_first_and_only_those_of_the_chat(database: Database) -> None:
    here = await conversations.conversation(database, ORG, SITE, "telegram", "42")
    there = await conversations.conversation(database, ORG, SITE, "telegram", "42", "topic")
    assert here != there
    for n in range(4):
        await conversations.add_turn(
            database,
            ORG,
            here,
            question=f"q{n}",
            answer=f"a{n}",
            figures=[{"name": "soc", "value": n}],
            mode="basic",
            prompt_tokens=100,
            completion_tokens=n,
            now=NOON + n * HOUR,
        )
    turns = await conversations.last_turns(database, ORG, here, 3)
    assert [(t.question, t.answer) for t in turns] == [("q1", "a1"), ("q2", "a2"), ("q3", "a3")]
    assert turns[0].figures == ({"name": "soc", "value": 1},)
    early = await conversations.last_turns(database, ORG, here, 3, as_of=NOON + HOUR)
    assert [t.question for t in early] == ["q0", "q1"]
    assert await conversations.last_turns(database, ORG, there, 3) == []
    assert await conversations.tokens_used(database, ORG, NOON + 2 * HOUR) == 205
    assert await conversations.tokens_used(database, ORG, NOON, person_id="nobody") == 0


async def test_a_conversation_begins_once_when_two_messages_arrive_together(database: Database) -> None:
    ids = await asyncio.gather(*(conversations.conversation(database, ORG, SITE, "slack", "C1") for _ in range(10)))
    assert len(set(ids)) == 1


async def test_refused_values_are_counted_per_field_and_day(database: Database) -> None:
    odd = Reading(site_id=SITE, source="solark", device_id="solark", taken_at=NOON, soc_pct=300.0)
    for n in range(3):
        await readings.count_rejections(database, ORG, [(odd, Rejection("soc_pct", f"{n}"))], now=NOON + n * HOUR)
    await readings.count_rejections(database, ORG, [(odd, Rejection("soc_pct", "x"))], now=NOON + 24 * HOUR)
    found = await readings.rejected_since(database, ORG, SITE, NOON)
    assert [(r.field, r.day, r.times, r.last_reason) for r in found] == [
        ("soc_pct", date(2026, 3, 8), 1, "x"),
        ("soc_pct", date(2026, 3, 7), 3, "2"),
    ]
