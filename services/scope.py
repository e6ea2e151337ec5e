"""Who asks about which site, and up to which moment data may be seen: the first argument of every use case."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from energy.periods import Place
from energy.site import Site
from energy.units import DEFAULT_UNITS, UnitPreferences
from store.database import Database
from store.people import ROLES as ROLES
from store.people import Role as Role

DEFAULT_ORG_ID = "home"


class Refused(Exception):
    """The person's role does not allow this; the message says which role does."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The person who asks, or the host's own command line (`person_id` None)."""

    person_id: str | None
    name: str
    role: Role


HOST = Actor(person_id=None, name="host", role="owner")


@dataclass(frozen=True, slots=True)
class Scope:
    """A site seen by an actor at `as_of` (aware UTC); rows later than that are invisible everywhere."""

    database: Database
    site: Site
    as_of: datetime
    actor: Actor = HOST
    org_id: str = DEFAULT_ORG_ID
    units: UnitPreferences = field(default=DEFAULT_UNITS)

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which times are told."""
        return self.site.zone

    @property
    def place(self) -> Place:
        """Where and when words such as "last night" are understood."""
        return Place(self.as_of, self.zone, self.site.latitude, self.site.longitude)


def require(scope: Scope, role: Role) -> None:
    """Raise `Refused` unless the actor has `role` or a higher one on this site."""
    if ROLES.index(scope.actor.role) < ROLES.index(role):
        raise Refused(f"this needs the role {role}; {scope.actor.name} is {scope.actor.role} on {scope.site.name}")
