"""The story of a scenario: which alerts must come, whether they came and are over, and nothing else with them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import aiohttp
import typer

from app.clock import RunClock
from app.unfinished import StoryUnfinished
from energy.alerts.episode import State
from energy.alerts.table import BY_ID
from energy.site import Site
from energy.units import format_duration
from services.scope import DEFAULT_ORG_ID
from store import alerts
from store.alerts import StoredEpisode
from store.database import Database
from store.unsettled import unsettled

if TYPE_CHECKING:
    from simulator.scripts import Script

LOOK_EVERY_S = 0.5
GRACE_S = 45.0  # real time beyond the script's own end, for a machine that is busy
MOST_EPISODES = 500
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Course:
    """How a story stands: the keys of the alerts not told yet, not over yet, and told without being expected."""

    missing: tuple[Key, ...]
    open: tuple[Key, ...]
    unexpected: tuple[Key, ...]

    @property
    def is_over(self) -> bool:
        """Whether all that had to come came and is over."""
        return not self.missing and not self.open

    def in_words(self) -> str:
        """What is not as it must be."""
        parts = (("did not come", self.missing), ("not resolved", self.open), ("came unexpectedly", self.unexpected))
        return "; ".join(f"{how}: {', '.join(map(_named, keys))}" for how, keys in parts if keys)


def course_of(expected: frozenset[Key], episodes: Sequence[StoredEpisode]) -> Course:
    """What people were told, against what they must be told. What somebody made a rule of meanwhile is their affair."""
    told = {
        each.episode.key: each.episode
        for each in episodes
        if each.episode.first_told_at is not None and each.episode.rule_id in BY_ID
    }
    return Course(
        missing=tuple(sorted(expected - told.keys())),
        open=tuple(sorted(key for key, episode in told.items() if episode.state is not State.RESOLVED)),
        unexpected=tuple(sorted(told.keys() - expected)),
    )


@dataclass(slots=True)
class Story:
    """One scenario's course in a running demo."""

    script: Script
    database: Database
    site: Site
    clock: RunClock
    control_url: str

    @property
    def expected(self) -> frozenset[Key]:
        """The rule and subject of every alert that must come."""
        return frozenset((each.rule_id, subject) for each in self.script.expected for subject in each.subjects)

    async def begin(self) -> datetime:
        """Let the script begin; when it did, on the site's clock."""
        async with aiohttp.ClientSession() as client, client.post(f"{self.control_url}/begin", json={}) as answer:
            answer.raise_for_status()
            told: Mapping[str, str] = await answer.json()
        return datetime.fromisoformat(told["begun_at"])

    async def watch(self, begun_at: datetime) -> str:
        """Wait until everything came, is over and stands where people read it; a line about it.

        Raises `StoryUnfinished` when that takes too long, or when an alert came that is not part of the story.
        """
        began_s = time.monotonic()
        limit_s = self.clock.real_s(self.script.over_after_s) + GRACE_S
        while True:
            now = self.clock.now()
            found = await alerts.recent(
                self.database, DEFAULT_ORG_ID, self.site.id, since=begun_at, limit=MOST_EPISODES
            )
            course = course_of(self.expected, found)
            if course.is_over and not await unsettled(self.database, DEFAULT_ORG_ID, now):
                break
            if time.monotonic() - began_s > limit_s:
                raise StoryUnfinished(f"after {limit_s:.0f} s: {course.in_words() or 'messages were not delivered'}")
            await asyncio.sleep(LOOK_EVERY_S)
        if course.unexpected:
            raise StoryUnfinished(course.in_words())
        titles = dict.fromkeys(BY_ID[each.rule_id].title for each in self.script.expected)
        took = f"{time.monotonic() - began_s:.0f} s, {format_duration(now - begun_at)} of the site's time"
        return f"The story is over ({took}): {', '.join(titles)} came and resolved, and nothing else."

    def say_what_comes(self) -> None:
        """What to expect, for whoever sits at the terminal."""
        titles = dict.fromkeys(BY_ID[each.rule_id].title for each in self.script.expected)
        minutes = self.clock.real_s(self.script.over_after_s) / 60
        typer.echo(f"The story: {self.script.story}.")
        typer.echo(f"Alerts to come, and to resolve within {minutes:.0f} min: {', '.join(titles)}.\n")


def _named(key: Key) -> str:
    return " ".join(filter(None, key))
