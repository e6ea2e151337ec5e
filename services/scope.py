"""Who asks about which site, and up to which moment data may be seen: the first argument of every use case."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from energy.periods import Place
from energy.preferences import Preferences
from energy.site import Site
from energy.units import DEFAULT_UNITS, UnitPreferences
from store.database import Database
from store.people import ROLES as ROLES
from store.people import Role as Role

DEFAULT_ORG_ID = "home"
Wake = Callable[[str], Awaitable[None]]  # channels: "control", "notices", "report"


class Refused(Exception):
    """The person's role does not allow this; the message says which role does."""


async def no_wake(channel: str) -> None:
    """Wake nobody: whoever waits for the channel looks into the database by themselves."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The person who asks, or the host's own command line (`person_id` None)."""

    person_id: str | None
    name: str
    role: Role


HOST = Actor(person_id=None, name="host", role="owner")


@dataclass(frozen=True, slots=True)
class Scope:
    """A site seen by an actor at `as_of` (aware UTC); rows later than that are invisible everywhere.

    `clock` is for what takes longer than a moment, such as a confirmation; without one it stays `as_of`.
    """

    database: Database
    site: Site
    as_of: datetime
    actor: Actor = HOST
    org_id: str = DEFAULT_ORG_ID
    units: UnitPreferences = field(default=DEFAULT_UNITS)
    preferences: Preferences = field(default=Preferences())
    own_zone: ZoneInfo | None = None
    wake: Wake = no_wake
    clock: Callable[[], datetime] | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which times are told: the person's own, else the site's."""
        return self.own_zone or self.site.zone

    @property
    def now(self) -> datetime:
        """The moment at which something is decided (aware UTC)."""
        return self.as_of if self.clock is None else self.clock()

    @property
    def place(self) -> Place:
        """Where and when words such as "last night" are understood."""
        return Place(self.as_of, self.zone, self.site.latitude, self.site.longitude)


def require(scope: Scope, role: Role) -> None:
    """Raise `Refused` unless the actor has `role` or a higher one on this site."""
    if ROLES.index(scope.actor.role) < ROLES.index(role):
        raise Refused(f"this needs the role {role}; {scope.actor.name} is {scope.actor.role} on {scope.site.name}")
