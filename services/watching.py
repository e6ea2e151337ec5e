"""Carrying a site's alerts on: what was judged becomes episodes, transitions, messages and what people are told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from energy.alerts.custom import CustomRule
from energy.alerts.episode import Event
from energy.alerts.evaluate import Judged
from energy.alerts.situation import Key
from energy.site import Site
from services.scope import Wake, no_wake
from store.database import Database


class Watching:
    """The alerts of one site for one worker. Any number of workers may carry the same site on: the store decides."""

    def __init__(self, database: Database, org_id: str, site: Site, *, wake: Wake = no_wake) -> None:
        self._database = database
        self._org_id = org_id
        self._site = site
        self._wake = wake

    async def firing_and_pending(self) -> tuple[frozenset[Key], frozenset[Key]]:
        """The open episodes' keys, for `Situation`."""
        raise NotImplementedError

    async def custom_rules(self) -> tuple[CustomRule, ...]:
        """Everybody's own rules, and what people's own stricter limits ask for; each once."""
        raise NotImplementedError

    async def carry_on(
        self, judged: Sequence[Judged], now: datetime, *, gone: Collection[Key] = ()
    ) -> tuple[Event, ...]:
        """Carry every episode one step on and queue what is to be told, in one transaction; the transitions.

        `judged` is `energy.alerts.evaluate.judge(s)`, and `(custom.rule, custom_signal(custom, s))` of each of
        `custom_rules`. `gone` are keys whose thing left the settings (a maintenance task that was taken out); devices,
        miners and rules that left are found here. "notices" is woken when there is something to tell.
        """
        raise NotImplementedError

    async def escalate(self, now: datetime) -> int:
        """Pass on what nobody acknowledged in time; how many alerts."""
        raise NotImplementedError

    async def keep(self, now: datetime) -> None:
        """Keep what carrying on changed without a transition (before the process ends)."""
        raise NotImplementedError
