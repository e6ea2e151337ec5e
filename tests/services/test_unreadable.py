"""One entry that nobody can read holds up no other."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from services import outbox
from services.outbox import NewEntry
from services.sorting import MOST_READS
from store import outbox as stored
from tests.services.alert_stage import MINUTE, Desk, saw


def notice(desk: Desk, **more: Any) -> NewEntry:
    given: dict[str, Any] = {"site_id": "ranch", "level": "critical", "text": "good"}
    return NewEntry(**given | {"person_id": desk.ranch.people["Ann"]} | more)


async def spoil(desk: Desk, rule_id: str) -> None:
    """An episode that this version cannot read."""
    statement = text('update alert_episodes set episode = \'{"rule_id": "x"}\' where rule_id = :rule_id')
    async with desk.database.begin() as connection:
        await connection.execute(statement, {"rule_id": rule_id})


async def test_an_alert_that_cannot_be_read_is_tried_a_few_times_and_the_others_leave(desk: Desk) -> None:
    await desk.look(saw("battery_low"))
    alerts = len(await desk.waiting())
    await spoil(desk, "battery_low")
    await stored.add(desk.database, "home", notice(desk), now=desk.ranch.now)
    assert [each.text for each in await desk.due()] == ["good"]
    for _ in range(MOST_READS - 1):
        assert len(await stored.dead(desk.database, "home", "ranch")) == 0
        desk.pass_by(16 * MINUTE)
        for each in await desk.due():
            await outbox.sent(desk.database, each.outbox_id, desk.ranch.now)
    dead = await stored.dead(desk.database, "home", "ranch")
    assert len(dead) == alerts
    assert "cannot be composed" in dead[0].reason
    assert {each.tries for each in dead} == {MOST_READS}


@pytest.mark.parametrize("address", [{"platform": "telegram"}, {"chat_id": "7"}])
async def test_an_address_without_all_of_its_parts_holds_up_nobody(desk: Desk, address: dict[str, str]) -> None:
    await stored.add(
        desk.database, "home", notice(desk, text="bad", person_id=None, address=address), now=desk.ranch.now
    )
    await stored.add(desk.database, "home", notice(desk), now=desk.ranch.now)
    assert [each.text for each in await desk.due()] == ["good"]


async def test_a_posting_that_cannot_be_read_is_left_and_the_others_are_changed(desk: Desk) -> None:
    await desk.look(saw("battery_low"))
    await desk.deliver()
    await desk.look(saw("battery_hot"))
    await desk.deliver()
    await desk.look(saw("battery_low", False), saw("battery_hot", False))
    await spoil(desk, "battery_low")
    desk.pass_by(2 * MINUTE)
    assert await desk.edits()  # the other one
    desk.pass_by(2 * MINUTE)
    assert await desk.edits() == []
