import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from energy.alerts.custom import MOST_PER_PERSON, CustomRule, parse_custom
from energy.alerts.episode import State
from store import alerts, contacts, custom_alerts, heartbeats, mutes, outbox
from store.alert_revision import revision
from store.alert_tables import alert_episodes, alert_transitions
from store.alerts import Change, Conflict
from store.custom_alerts import TooMany
from store.database import Database
from store.heartbeats import Beat
from store.mutes import Mute
from tests.store.alert_stage import MINUTE, NOON, ORG, SITE, apply, episode, fired, next_change, transitions


async def muted(database: Database, mute: Mute) -> None:
    async with database.begin() as connection:
        await mutes.put_mute_in(connection, ORG, SITE, mute)


async def unmuted(database: Database, rule_id: str) -> bool:
    async with database.begin() as connection:
        return await mutes.end_mute_in(connection, ORG, SITE, rule_id, None)


async def test_an_episode_is_kept_whole_and_has_a_number_that_people_can_type(database: Database) -> None:
    assert await alerts.newest(database, ORG, SITE) == {}
    change = next_change("battery_low", None, NOON)
    (stored,) = await apply(database, change)
    assert (stored.episode_id, stored.version, stored.escalated, stored.seq) == (1, 1, 0, 1)
    assert stored.episode == change.after
    assert await alerts.newest(database, ORG, SITE) == {("battery_low", ""): stored}
    assert await alerts.get_all(database, ORG, [1, 10**30]) == [stored]
    assert await alerts.get_all(database, "other", [1]) == []
    assert await alerts.get_all(database, ORG, [10**30]) == []
    assert await alerts.newest(database, ORG, "cabin") == {}


async def test_every_transition_is_a_row_with_who_made_it(database: Database) -> None:
    stored = await fired(database)
    (stored,) = await apply(database, next_change("battery_low", stored, NOON + MINUTE, actor="p1"), now=NOON + MINUTE)
    steps = await transitions(database, stored.episode_id)
    assert [(step.seq, step.kind, step.actor) for step in steps] == [
        (1, "pending", None),
        (2, "fired", None),
        (3, "acknowledged", "p1"),
    ]
    assert steps[-1].at == NOON + MINUTE
    assert (stored.version, stored.updated_at) == (3, NOON + MINUTE)


async def test_of_two_who_carry_an_episode_on_the_slower_writes_nothing_and_loads_again(database: Database) -> None:
    stored = await fired(database)
    acknowledge = next_change("battery_low", stored, NOON, actor="p1")
    await apply(database, acknowledge)
    other = next_change("grid_outage", None, NOON)
    entry = outbox.NewEntry(site_id=SITE, level="critical", text="resolved", person_id="p1")

    async def slower() -> None:
        async with database.begin() as connection:
            await outbox.add_in(connection, ORG, entry, now=NOON)
            await alerts.apply_in(connection, ORG, SITE, [other, acknowledge], now=NOON)

    with pytest.raises(Conflict):
        await slower()
    assert set(await alerts.newest(database, ORG, SITE)) == {("battery_low", "")}
    assert len(await transitions(database, stored.episode_id)) == 3
    assert await outbox.claim_due(database, ORG, NOON) == []


async def test_two_who_see_the_first_sign_begin_one_episode(database: Database) -> None:
    change = next_change("battery_low", None, NOON)
    results = await asyncio.gather(*(apply(database, change) for _ in range(10)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in results) == ["Conflict"] * 9 + ["list"]
    async with database.read() as connection:
        for table in (alert_episodes, alert_transitions):
            assert (await connection.execute(select(func.count()).select_from(table))).scalar_one() == 1


async def test_after_it_is_over_the_next_episode_has_a_number_of_its_own_and_the_old_one_stays(
    database: Database,
) -> None:
    stored = await fired(database)
    over = Change(stored, replace(stored.episode, state=State.RESOLVED, resolved_at=NOON), escalated=2)
    (ended,) = await apply(database, over)
    assert ended.escalated == 2
    begin = next_change("battery_low", ended, NOON + MINUTE)
    results = await asyncio.gather(*(apply(database, begin) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(each, Conflict) for each in results) == 4
    newest = (await alerts.newest(database, ORG, SITE))[("battery_low", "")]
    assert (newest.episode.number, newest.escalated, newest.version, newest.seq) == (2, 0, 1, 1)
    assert newest.episode_id != ended.episode_id
    (old,) = await alerts.get_all(database, ORG, [ended.episode_id])
    assert old.episode == ended.episode
    with pytest.raises(Conflict):  # nobody carries on what has a successor
        await apply(database, Change(old, replace(old.episode, muted_until=NOON)))


async def test_an_episode_cannot_become_one_of_another_rule(database: Database) -> None:
    stored = await fired(database)
    with pytest.raises(ValueError, match="cannot become"):
        await apply(database, Change(stored, episode("grid_outage")))


async def test_soft_state_is_kept_without_a_transition_and_outdated_soft_state_is_skipped(database: Database) -> None:
    stored = await fired(database)
    moved = await revision(database, ORG, SITE)
    worse = Change(stored, replace(stored.episode, worst=20.0, clear_since=NOON))
    await alerts.keep(database, ORG, SITE, [worse], now=NOON + MINUTE)
    kept = (await alerts.newest(database, ORG, SITE))[("battery_low", "")]
    assert (kept.episode.worst, kept.version) == (20.0, stored.version)
    assert await revision(database, ORG, SITE) == moved
    (acknowledged,) = await apply(database, next_change("battery_low", kept, NOON))
    await alerts.keep(database, ORG, SITE, [worse, Change(None, episode("x"))], now=NOON + 2 * MINUTE)
    assert await alerts.newest(database, ORG, SITE) == {("battery_low", ""): acknowledged}


async def test_the_revision_moves_with_every_change_of_the_site_and_of_no_other(database: Database) -> None:
    seen = [await revision(database, ORG, SITE)]

    async def moved() -> bool:
        seen.append(await revision(database, ORG, SITE))
        return seen[-1] != seen[-2]

    await fired(database)
    assert await moved()
    await apply(database, next_change("battery_low", None, NOON), site="cabin")
    assert not await moved()
    await muted(database, Mute("battery_low", None, NOON + MINUTE, "p1", NOON))
    assert await moved()
    assert await unmuted(database, "battery_low")
    assert await moved()
    assert not await unmuted(database, "battery_low")
    assert not await moved()
    await custom_alerts.add(database, ORG, SITE, "p1", rule_of("tell me when solar passes 8 kW"), NOON)
    assert await moved()


async def test_recent_ones_are_those_that_fired_the_last_one_first(database: Database) -> None:
    old = await fired(database, "old", NOON - timedelta(days=3))
    await apply(database, next_change("sign", None, NOON))
    (acknowledged,) = await apply(database, next_change("old", old, NOON))
    new = await fired(database, "new", NOON)
    since = NOON - timedelta(days=1)
    assert await alerts.recent(database, ORG, SITE, since=since) == [new, acknowledged]  # it fires since long ago
    resolved = next_change("old", acknowledged, NOON - timedelta(days=2))
    (ended,) = await apply(database, resolved)
    assert await alerts.recent(database, ORG, SITE, since=since) == [new]
    assert await alerts.recent(database, ORG, SITE, since=NOON - timedelta(days=9), limit=5) == [new, ended]
    assert await alerts.recent(database, ORG, SITE, since=NOON - timedelta(days=9), limit=1) == [new]


async def test_signs_that_came_to_nothing_are_forgotten_and_what_fired_is_not(database: Database) -> None:
    stored = await fired(database)
    assert await alerts.forget_signs_before(database, ORG, NOON) == 0
    assert await alerts.forget_signs_before(database, ORG, NOON + MINUTE) == 1
    assert [step.kind for step in await transitions(database, stored.episode_id)] == ["fired"]


async def test_a_mute_holds_for_everybody_or_for_one_until_its_end(database: Database) -> None:
    everybody = Mute("battery_low", None, NOON + MINUTE, "p1", NOON)
    mine = Mute("battery_low", "p2", NOON + 2 * MINUTE, "p2", NOON)
    for mute in (replace(everybody, until=NOON), everybody, mine):
        await muted(database, mute)
    assert await mutes.mutes(database, ORG, SITE, NOON) == [everybody, mine]
    assert await mutes.mutes(database, ORG, SITE, NOON + MINUTE) == [mine]
    assert await mutes.mutes(database, ORG, "cabin", NOON) == []
    assert await mutes.forget_over_before(database, ORG, NOON + MINUTE + timedelta(seconds=1)) == 1
    assert await mutes.mutes(database, ORG, SITE, NOON) == [mine]


def rule_of(said: str) -> CustomRule:
    rule = parse_custom(said)
    assert isinstance(rule, CustomRule)
    return rule


async def test_a_persons_own_rules_are_kept_changed_and_removed_by_them_alone(database: Database) -> None:
    solar, load = rule_of("tell me when solar passes 8 kW"), rule_of("warn me when load is over 6 kW")
    first = await custom_alerts.add(database, ORG, SITE, "p1", solar, NOON)
    assert first is not None
    assert first.rule == replace(solar, owner="p1")
    assert await custom_alerts.add(database, ORG, SITE, "p1", solar, NOON) is None
    other = await custom_alerts.add(database, ORG, SITE, "p2", solar, NOON)
    second = await custom_alerts.add(database, ORG, SITE, "p1", load, NOON)
    assert other is not None
    assert second is not None
    assert await custom_alerts.all_of(database, ORG, SITE) == [first, other, second]
    assert await custom_alerts.of_person(database, ORG, SITE, "p1") == [first, second]
    assert not await custom_alerts.replace(database, ORG, "p2", second.custom_id, load)
    assert not await custom_alerts.replace(database, ORG, "p1", second.custom_id, solar)  # they have that one
    later = rule_of("warn me when load is over 7 kW for 5 minutes")
    assert await custom_alerts.replace(database, ORG, "p1", second.custom_id, later)
    assert (await custom_alerts.of_person(database, ORG, SITE, "p1"))[1].rule == replace(later, owner="p1")
    assert not await custom_alerts.remove(database, ORG, "p2", first.custom_id)
    assert await custom_alerts.remove(database, ORG, "p1", first.custom_id)
    assert not await custom_alerts.remove(database, ORG, "p1", first.custom_id)


async def test_nobody_has_more_than_twenty_rules_of_their_own_also_at_once(database: Database) -> None:
    rules = [rule_of(f"tell me when solar passes {number} kW") for number in range(1, 26)]
    added = await asyncio.gather(
        *(custom_alerts.add(database, ORG, SITE, "p1", rule, NOON) for rule in rules), return_exceptions=True
    )
    assert sum(isinstance(each, TooMany) for each in added) == 5
    assert len(await custom_alerts.of_person(database, ORG, SITE, "p1")) == MOST_PER_PERSON


async def test_a_contact_dies_lives_again_and_keeps_its_target_out_of_what_is_logged(database: Database) -> None:
    target = "https://hooks.example/secret"
    values = {"kind": "webhook", "target": target, "label": "hooks.example", "now": NOON}
    hook = await contacts.add(database, ORG, "p1", **values)  # type: ignore[arg-type]  # spelled out once
    assert hook is not None
    assert "secret" not in repr(hook)
    assert await contacts.add(database, ORG, "p1", **values) is None  # type: ignore[arg-type]
    assert await contacts.of_person(database, ORG, "p1") == [hook]
    assert await contacts.mark_dead(database, ORG, hook.contact_id, "410 gone")
    assert not await contacts.mark_dead(database, ORG, hook.contact_id, "410 gone")
    assert [each.dead_reason for each in await contacts.of_person(database, ORG, "p1")] == ["410 gone"]
    again = await contacts.add(database, ORG, "p1", **values)  # type: ignore[arg-type]
    assert again == hook
    assert not await contacts.remove(database, ORG, "p2", hook.contact_id)
    assert await contacts.remove(database, ORG, "p1", hook.contact_id)
    assert await contacts.of_person(database, ORG, "p1") == []


async def test_the_last_sign_of_life_is_kept_with_whether_it_was_a_goodbye(database: Database) -> None:
    await heartbeats.beat(database, ORG, "deliver", NOON)
    await heartbeats.beat(database, ORG, "worker:ranch", NOON, clean_stop=True)
    await heartbeats.beat(database, ORG, "deliver:ranch", NOON + MINUTE)
    await heartbeats.beat(database, ORG, "deliver:cabin", NOON)
    await heartbeats.beat(database, "other", "poll:ranch", NOON)
    assert await heartbeats.of_site(database, ORG, SITE) == {
        "deliver:ranch": Beat(NOON + MINUTE, False),
        "worker:ranch": Beat(NOON, True),
    }


HOT = {
    "SELECT * FROM alert_episodes WHERE org_id = 'home' AND site_id = 'ranch' AND newest IS 1": "newest",
    "SELECT * FROM outbox WHERE org_id = 'home' AND due_at <= 5": "due_at",
    "SELECT * FROM outbox WHERE org_id = 'home' AND state = 'waiting' AND set_at > 5": "set_at",
    "SELECT * FROM postings WHERE org_id = 'home' AND due_at <= 5": "due_at",
    "SELECT message_id FROM alert_message_episodes WHERE episode_id IN (1, 2)": "episode_id",
}


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # Postgres plans by what is in the tables: here, nothing
async def test_the_hot_queries_have_their_index(database: Database) -> None:
    async with database.read() as connection:
        for query, column in HOT.items():
            plan = " ".join(str(row) for row in await connection.execute(text(f"EXPLAIN QUERY PLAN {query}")))
            assert "INDEX" in plan, query
            assert column in plan, plan
