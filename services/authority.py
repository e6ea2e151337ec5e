"""Whether somebody may order something at this very moment; whoever may not is in the audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.preferences import as_preferred, preferences_in
from services.scope import ROLES, Actor, Refused, Role, Scope
from store import audit, people
from store.requests import subject_of


async def authorised(scope: Scope, role: Role, action: str, arguments: Mapping[str, Any]) -> Scope:
    """The scope with the person's role and preferences as they are now; raises `Refused` when the role is too low.

    The scope may be older than a change of roles, so the database is asked again.
    """
    if scope.actor.person_id is not None:
        person = await people.get(scope.database, scope.org_id, scope.actor.person_id)
        current = None if person is None else person.roles.get(scope.site.id)
        if person is None or current is None:
            raise await denied(scope, action, arguments, f"{scope.actor.name} has no role on {scope.site.name}")
        actor = Actor(person.person_id, person.name, current)
        scope = as_preferred(replace(scope, actor=actor), preferences_in(person.preferences))
    if ROLES.index(scope.actor.role) < ROLES.index(role):
        why = f"this needs the role {role}; {scope.actor.name} is {scope.actor.role} on {scope.site.name}"
        raise await denied(scope, action, arguments, why)
    return scope


async def denied(scope: Scope, action: str, arguments: Mapping[str, Any], why: str) -> Refused:
    """The refusal to raise, after its audit row."""
    await audit.append(
        scope.database,
        scope.org_id,
        site_id=scope.site.id,
        actor=scope.actor.person_id or scope.actor.name,
        action="control_denied",
        subject=subject_of(action, arguments),
        details={"action": action, **arguments, "name": scope.actor.name, "role": scope.actor.role, "why": why},
        now=scope.now,
    )
    return Refused(why)
