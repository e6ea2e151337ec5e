"""A house whose people are on several platforms at once, with a courier that tells them of alerts."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from app.chat_outgoing import StoredOutgoing
from app.chat_ports import StoredPlaces
from bot.courier import Courier
from bot.pacing import Pace, Pacing
from bot.ports import Outlet
from charts.render import render
from energy.alerts.episode import Event
from energy.alerts.rule import Rule, Signal
from energy.alerts.table import BY_ID
from services.people import link_code
from services.scope import DEFAULT_ORG_ID, Actor, Role, Scope
from services.watching import Watching
from store import people
from tests.bot.sample_alerts import LOW
from tests.bot.stages.base import OpenStage, Seen, Stage, until
from tests.conversation.house import StoredHouse, ranch_house
from tests.conversation.script import readable

PLATFORMS = ("telegram", "slack", "discord")


@dataclass
class Village:
    """People on stages, and what they see."""

    house: StoredHouse
    stages: dict[str, Stage]
    watching: Watching
    outlets: dict[str, Outlet] = field(default_factory=dict)

    async def joins(self, platform: str, user: str, name: str, role: Role) -> None:
        """Somebody pairs in a direct chat."""
        stage = self.stages[platform]
        await stage.say(f"/start {await self.house.code(role)}", user=user, name=name)
        await until(lambda: self.seen(platform, user), timeout_s=20)

    async def also_on(self, name: str, platform: str, user: str) -> None:
        """Somebody known adds an account."""
        known = await people.list_people(self.house.ranch.database, DEFAULT_ORG_ID)
        person = next(each for each in known if each.name == name)
        site = self.house.ranch.site
        scope = Scope(self.house.ranch.database, site, datetime.now(UTC))
        scope = replace(scope, actor=Actor(person.person_id, name, person.roles[site.id]))
        await self.stages[platform].say(f"/start {await link_code(scope)}", user=user, name=name)
        await until(lambda: self.seen(platform, user), timeout_s=20)

    def seen(self, platform: str, user: str = "7", *, group: bool = False) -> list[Seen]:
        """What the bot's messages in somebody's chat, or in the group, show now."""
        stage = self.stages[platform]
        return stage.seen(chat_id=stage.address(user, group=group).chat_id)

    def alert(self, platform: str, user: str = "7", *, group: bool = False) -> Seen | None:
        """The newest message there that is an alert."""
        found = [each for each in self.seen(platform, user, group=group) if re.search(r"Alerts? \d+", each.text)]
        return found[-1] if found else None

    def reads(self, platform: str, user: str = "7", *, group: bool = False) -> str:
        """Its text, on one line."""
        found = self.alert(platform, user, group=group)
        return "" if found is None else readable(found.text)

    async def fires(self, rule_id: str = "battery_critical", **signal: Any) -> Sequence[Event]:
        """The rule sees it, and it holds for long enough."""
        return await self._judged(rule_id, active=True, **signal)

    async def clears(self, rule_id: str = "battery_critical", **signal: Any) -> Sequence[Event]:
        """The rule sees it no more."""
        return await self._judged(rule_id, active=False, **signal)

    async def _judged(self, rule_id: str, *, active: bool, **signal: Any) -> Sequence[Event]:
        rule: Rule = replace(BY_ID[rule_id], for_s=0.0, keep_firing_s=0.0, cooldown_s=0.0)
        now = datetime.now(UTC)
        seen = Signal(rule_id=rule_id, active=active, devices=("solark",), taken_at=now, **(LOW | signal))
        return await self.watching.carry_on([(rule, seen)], now)


@contextlib.asynccontextmanager
async def village(folder: Path, *platforms: str) -> AsyncIterator[Village]:
    """The ranch with its worker, its people's platforms, and the courier at work."""
    async with ranch_house(folder) as house, contextlib.AsyncExitStack() as stack:
        stages: dict[str, Stage] = {}
        for platform in platforms or PLATFORMS:
            opened: OpenStage = import_module(f"tests.bot.stages.{platform}").stage
            stages[platform] = await stack.enter_async_context(opened(house))
        database, site = house.ranch.database, house.ranch.site
        places = StoredPlaces(database, site)
        outlets: dict[str, Outlet] = {name: stage.outlet for name, stage in stages.items()}

        async def soon(seconds: float) -> None:
            await asyncio.sleep(0.05)

        pacing = Pacing({name: Pace() for name in stages})
        courier = Courier(StoredOutgoing(database, site, places), outlets, soon, render, pacing=pacing)
        task = asyncio.create_task(courier.run())
        try:
            yield Village(house, stages, Watching(database, DEFAULT_ORG_ID, site), outlets)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
