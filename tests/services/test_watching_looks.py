"""What is looked at once is carried on from there, and what somebody does in between counts all the same."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncEngine

from energy.alerts.episode import State
from services import alerts
from services.watching import Watching
from store.database import AsyncConnection, Database
from tests.services.alert_stage import MINUTE, Desk, people_of, saw

LOW = "battery_low"


class Counting(Database):
    """A database that notes its connections in the order of their use."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine)
        self.read_by: list[AsyncConnection] = []
        self.writes = 0

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        async with super().read() as connection:
            self.read_by.append(connection)
            yield connection

    @contextlib.asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        self.writes += 1
        async with super().begin() as connection:
            yield connection


async def test_a_mute_between_the_look_and_what_comes_of_it_counts(desk: Desk) -> None:
    await desk.watching.look(desk.ranch.now)
    await alerts.mute(await desk.scope("Ben"), LOW, desk.ranch.now + 60 * MINUTE)
    (event,) = await desk.look(saw(LOW))
    assert (event.kind, event.tell) == ("fired", False)
    assert await desk.waiting() == []


async def test_an_acknowledgement_between_the_look_and_what_comes_of_it_stays(desk: Desk) -> None:
    await desk.look(saw(LOW))
    await desk.watching.look(desk.ranch.now)
    await alerts.acknowledge(await desk.scope("Ben"), None)
    desk.pass_by(MINUTE)
    assert await desk.look(saw(LOW)) == ()
    (view,) = await alerts.open_alerts(await desk.scope("Ben"))
    assert view.episode.state is State.ACKNOWLEDGED
    await desk.watching.look(desk.ranch.now)
    (event,) = await desk.look(saw(LOW, active=False))
    assert event.kind == "resolved"


async def test_somebody_who_comes_in_after_the_look_hears_what_fires(desk: Desk) -> None:
    await desk.watching.look(desk.ranch.now)
    await desk.ranch.prefers("Ben", alerts=False)
    await desk.look(saw(LOW))
    assert people_of(await desk.deliver()) == ["Ann"]


async def test_a_changed_preference_is_a_rule_within_half_a_minute(desk: Desk) -> None:
    assert (await desk.watching.look(desk.ranch.now)).own_rules == ()
    await desk.ranch.prefers("Vic", safe_min_soc_pct=55)
    desk.pass_by(MINUTE / 2)
    (own,) = (await desk.watching.look(desk.ranch.now)).own_rules
    assert own.threshold == 55


async def test_a_look_is_one_transaction_and_carrying_on_without_an_event_is_none(url: str, desk: Desk) -> None:
    await desk.look(saw(LOW))
    database = await Counting.open(url)
    assert isinstance(database, Counting)
    try:
        watching = Watching(database, "home", desk.ranch.site)
        for _ in range(2):
            async with database.one_read():
                await watching.look(desk.ranch.now)
            assert len({id(each) for each in database.read_by}) == 1
            await watching.carry_on([saw(LOW)], desk.ranch.now)
            assert len({id(each) for each in database.read_by}) == 1
            assert database.writes == 0
            database.read_by.clear()
    finally:
        await database.close()
