"""The engine with its database beside its model, while the worker dies before a commit, after it, or between two looks.

After a death the model goes on from what is stored: nothing that was committed may be lost, nothing may happen twice.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from energy.alerts.evaluate import Judged
from energy.alerts.rule import Signal
from energy.alerts.situation import Key
from energy.alerts.table import BY_ID
from services import alerts as people_do
from services.scope import Actor, Scope
from services.watching import Watching
from store import alerts, people
from store.alert_tables import alert_message_episodes, outbox
from store.database import AsyncConnection, Database, sqlite_url
from tests.energy.alerts.engine_model import Modelled, Said
from tests.races.evaluator import ORG, RANCH
from tests.races.test_four_evaluators import NOON
from tests.store.alert_stage import transitions

OUTAGE = replace(BY_ID["grid_outage"], for_s=60.0, keep_firing_s=60.0, cooldown_s=300.0, reraise_s=900.0)
FAULT = replace(BY_ID["inverter_fault"], for_s=0.0, keep_firing_s=120.0, cooldown_s=0.0, reraise_s=None)
RULES = {(OUTAGE.id, ""): OUTAGE, (FAULT.id, "F1"): FAULT, (FAULT.id, "F2"): FAULT}
SPANS = st.sampled_from([1, 10, 30, 60, 120, 300, 900])
FIGURES = st.lists(st.sampled_from([True, True, False, None]), min_size=len(RULES), max_size=len(RULES))
Death = Literal["before the commit", "after the commit"]


class Died(BaseException):
    """The worker is no more."""


class Mortal(Database):
    """A database in which a worker dies around its next commit."""

    death: Death | None = None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        async with super().begin() as connection:
            yield connection
            self._perhaps("before the commit")
        self._perhaps("after the commit")

    def _perhaps(self, moment: Death) -> None:
        if self.death == moment:
            self.death = None
            raise Died


class Stored(RuleBasedStateMachine):
    """One worker after the other, over one database."""

    template: Path
    folder: Path
    numbers = itertools.count()

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.now = NOON
        self.model = {key: Modelled(rule) for key, rule in RULES.items()}
        path = self.folder / f"{next(self.numbers)}.db"
        shutil.copyfile(self.template, path)
        path.chmod(0o600)
        self.run(self._open(sqlite_url(path)))

    def run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(doing)

    async def _open(self, url: str) -> None:
        self.database = await Mortal.open(url)
        async with self.database.begin() as connection:
            person_id = await people.create_in(connection, ORG, "Ann", now=NOON)
            await people.grant_in(connection, ORG, RANCH.id, person_id, "owner", granted_by=None, now=NOON)
        self.ann = Actor(person_id, "Ann", "owner")
        self.watching = Watching(self.database, ORG, RANCH)

    @rule(
        figures=FIGURES,
        after_s=SPANS,
        death=st.sampled_from([None, None, None, "before the commit", "after the commit"]),
    )
    def the_worker_looks(self, figures: list[bool | None], after_s: int, death: Death | None) -> None:
        self.now += timedelta(seconds=after_s)
        self.database.death = death
        judged: list[Judged] = [
            (rule, Signal(rule_id=key[0], subject=key[1], active=active, taken_at=self.now, what=f"{key} is wrong."))
            for (key, rule), active in zip(RULES.items(), figures, strict=True)
        ]
        try:
            events = self.run(self.watching.carry_on(judged, self.now))
        except Died:
            self._another_worker()
            return
        finally:
            self.database.death = None
        at = _seconds(self.now)
        modelled = {
            key: self.model[key].look(active, at, at, steady=False, hushed=False)
            for key, active in zip(RULES, figures, strict=True)
        }
        happened: dict[Key, list[Said]] = {key: [] for key in RULES}
        for event in events:
            happened[event.episode.key].append((event.kind, event.tell))
        assert happened == modelled

    @rule(active=st.booleans(), times=st.integers(2, 5), every_s=SPANS)
    def something_lasts(self, active: bool, times: int, every_s: int) -> None:
        for _ in range(times):
            self.the_worker_looks(figures=[active] * len(RULES), after_s=every_s, death=None)

    @rule()
    def the_worker_is_killed_between_two_looks(self) -> None:
        self._another_worker()

    @rule()
    def the_worker_is_stopped_in_order(self) -> None:
        self.run(self.watching.keep(self.now))
        self.watching = Watching(self.database, ORG, RANCH)

    @rule()
    def somebody_has_all_of_it_in_hand(self) -> None:
        self.run(people_do.acknowledge(Scope(self.database, RANCH, self.now, actor=self.ann)))
        for modelled in self.model.values():
            modelled.acknowledge()

    @invariant()
    def what_is_stored_is_what_the_model_says(self) -> None:
        stored = self.run(alerts.newest(self.database, ORG, RANCH.id))
        for key, modelled in self.model.items():
            episode = stored[key].episode if key in stored else None
            stands = ("none", 0) if episode is None else (str(episode.state), episode.number)
            assert stands == (modelled.state, modelled.number), key

    def teardown(self) -> None:
        if hasattr(self, "database"):
            try:
                self.run(self._everything_happened_once())
            finally:
                self.run(self.database.close())
                self.runner.close()

    def _another_worker(self) -> None:
        """All that the last one had in memory is gone; the model goes on from what is stored."""
        self.watching = Watching(self.database, ORG, RANCH)
        stored = self.run(alerts.newest(self.database, ORG, RANCH.id))
        for key, rule_ in RULES.items():
            self.model[key] = modelled = Modelled(rule_)
            if key in stored:
                e = stored[key].episode
                modelled.state, modelled.number, modelled.since = str(e.state), e.number, _seconds(e.since)
                modelled.seen, modelled.clear, modelled.unknown, modelled.told, modelled.muted, modelled.not_before = (
                    None if moment is None else _seconds(moment)
                    for moment in (e.seen_at, e.clear_since, e.unknown_since, e.told_at, e.muted_until, e.not_before)
                )

    async def _everything_happened_once(self) -> None:
        """Each episode fired once and ended at most once; who was told of it was told in one message."""
        numbers: dict[Key, list[int]] = {}
        for episode_id in itertools.count(1):
            found = await alerts.get_all(self.database, ORG, [episode_id])
            if not found:
                break
            (stored,) = found
            numbers.setdefault(stored.episode.key, []).append(stored.episode.number)
            steps = await transitions(self.database, episode_id)
            assert [step.seq for step in steps] == list(range(1, len(steps) + 1))
            kinds = [step.kind for step in steps if step.kind not in ("pending", "lapsed")]
            assert kinds.count("fired") == (stored.episode.fired_at is not None)
            assert kinds.count("resolved") == (stored.episode.state == "resolved")
            assert not kinds or kinds[0] == "fired"
            assert "resolved" not in kinds[:-1]
            async with self.database.read() as connection:
                column = alert_message_episodes.c.message_id
                query = select(column).where(alert_message_episodes.c.episode_id == episode_id)
                told_in = [row[0] for row in await connection.execute(query)]
                waiting = select(outbox.c.outbox_id).where(outbox.c.message_id.in_(told_in))
                entries = (await connection.execute(waiting)).all()
            assert bool(told_in) == (stored.episode.first_told_at is not None)
            assert len(entries) == len(told_in)  # Ann hears of each message once
        assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


def _seconds(moment: datetime) -> float:
    return (moment - NOON).total_seconds()


def test_a_worker_that_dies_at_any_moment_loses_nothing_that_happened(sqlite_template: Path, tmp_path: Path) -> None:
    machine = type("StoredHere", (Stored,), {"template": sqlite_template, "folder": tmp_path})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=50,
            stateful_step_count=20,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
