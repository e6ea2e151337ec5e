"""A site with people who are told of its alerts, and what the database says became of them; for the benchmarks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select

from energy.site import Device, Grid, Site
from store import people, routes
from store.alert_tables import alert_episodes, alert_messages, alert_transitions, outbox, postings
from store.database import Database
from store.people import Identity

ORG = "home"
SITE = Site(
    id="ranch",
    timezone="America/Los_Angeles",
    grid=Grid(present=True, export_allowed=True),
    device=(Device(id="cerbo", kind="victron_mqtt", host="127.0.0.1"),),
)


async def owners(database: Database, chats: Iterable[tuple[str, str]], now: datetime, *, site: Site = SITE) -> None:
    """An owner of the site for each chat (platform, id), who is told there."""
    for number, (platform, chat_id) in enumerate(chats, start=1):
        async with database.begin() as connection:
            person_id = await people.create_in(connection, ORG, f"Owner {number}", now=now)
            await people.link_in(connection, ORG, person_id, Identity(platform, chat_id, f"Owner {number}"), now=now)
            await people.grant_in(connection, ORG, site.id, person_id, "owner", granted_by=None, now=now)
        await routes.seen(database, ORG, person_id, platform, chat_id, now)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is stored: transitions by kind and subject, entries by state, entries and postings that still wait."""

    happened: dict[tuple[str, str], int]
    entries: dict[str, int]
    waiting: int
    outdated: int

    def of(self, kind: str, subjects: Sequence[str]) -> list[int]:
        """How often that happened to each of the subjects."""
        return [self.happened.get((kind, subject), 0) for subject in subjects]


async def ledger(database: Database) -> Ledger:
    """What is stored now."""
    by_subject = (
        select(alert_transitions.c.kind, alert_episodes.c.subject, func.count())
        .join(alert_episodes, alert_episodes.c.episode_id == alert_transitions.c.episode_id)
        .group_by(alert_transitions.c.kind, alert_episodes.c.subject)
    )
    by_state = select(outbox.c.state, func.count()).group_by(outbox.c.state)
    behind = and_(postings.c.changeable.is_(True), postings.c.shown_version < alert_messages.c.version)
    outdated = (
        select(func.count())
        .select_from(postings)
        .join(alert_messages, alert_messages.c.message_id == postings.c.message_id)
        .where(behind)
    )
    async with database.read() as connection:
        happened = {(kind, subject): count for kind, subject, count in await connection.execute(by_subject)}
        entries = {row[0]: row[1] for row in await connection.execute(by_state)}
        stale = (await connection.execute(outdated)).scalar_one()
    return Ledger(happened, entries, entries.get("waiting", 0), stale)
