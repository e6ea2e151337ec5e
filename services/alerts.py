"""Alerts as people handle them: what is open, acknowledging, muting, and alerts of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from energy.alerts.custom import CustomRule as CustomRule
from energy.alerts.custom import Question as Question
from energy.alerts.episode import Episode
from energy.alerts.rule import Rule
from services.scope import Scope

if TYPE_CHECKING:
    from store.alerts import Mute
    from store.custom_alerts import StoredCustom


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert as a list shows it; `text` is in the reader's units. `muted_until` for everybody or for the reader."""

    episode_id: int
    rule: Rule
    episode: Episode
    text: str
    muted_until: datetime | None


@dataclass(frozen=True, slots=True)
class Already:
    """Somebody else had it in hand before, or it is over (`by` None)."""

    view: AlertView
    by: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What came of it: `done` now, `already` before (by whom and when), `unknown` ids that are no alert of the site."""

    done: tuple[AlertView, ...]
    already: tuple[Already, ...]
    unknown: tuple[int, ...]


async def open_alerts(scope: Scope) -> tuple[AlertView, ...]:
    """The alerts that fire, most important first; those that another one explains are left out. For viewers."""
    raise NotImplementedError


async def recent(scope: Scope, since: datetime, *, limit: int = 50) -> tuple[AlertView, ...]:
    """The alerts that fired since then, newest first. For viewers."""
    raise NotImplementedError


async def acknowledge(scope: Scope, episode_ids: Sequence[int] | None = None) -> Acknowledged:
    """Take alerts in hand (None: all that are open): nobody is told again, nothing is passed on. For operators."""
    raise NotImplementedError


async def mute(scope: Scope, what: str | int, until: datetime) -> Rule | None:
    """Silence a rule (by id or title) or one alert (its number) until then; the rule, or None when there is none.

    By operators for everybody, by viewers for themselves.
    """
    raise NotImplementedError


async def unmute(scope: Scope, what: str | int | None = None) -> int:
    """End mutes of a rule or alert (None: all) that the actor may end; how many."""
    raise NotImplementedError


async def mutes(scope: Scope) -> list[Mute]:
    """The mutes that hold now: those for everybody, and the actor's own."""
    raise NotImplementedError


async def unread(scope: Scope) -> int:
    """How many alerts and notices the actor has not seen."""
    raise NotImplementedError


async def mark_read(scope: Scope) -> None:
    """The actor saw what there was."""
    raise NotImplementedError


async def rules_of(scope: Scope) -> Mapping[str, Rule]:
    """Every rule of the site by id: the built-in ones and people's own."""
    raise NotImplementedError


async def add_own(scope: Scope, text: str) -> CustomRule | Question:
    """A new alert of the actor's own from plain words, or what has to be asked back. 20 per person."""
    raise NotImplementedError


async def own(scope: Scope) -> list[StoredCustom]:
    """The actor's own alerts, oldest first."""
    raise NotImplementedError


async def change_own(scope: Scope, custom_id: int, text: str) -> CustomRule | Question:
    """Replace one of the actor's own alerts. Raises LookupError when there is none with that number."""
    raise NotImplementedError


async def remove_own(scope: Scope, custom_id: int) -> bool:
    """Take one of the actor's own alerts out; False when there was none with that number."""
    raise NotImplementedError
