"""A person's own preferences: kept with the person, the same on every platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from energy.own_limits import limits_for
from energy.preferences import Preferences, changed, preferences_from, shown, to_mapping
from energy.site import Limits
from services.scope import Refused, Scope
from store import people

_PRIVATE = frozenset({"email", "sms_number"})  # the audit keeps for ever: it holds no addresses


async def preferences_of(scope: Scope) -> Preferences:
    """The actor's preferences as they are kept now; the defaults for the host's command line."""
    if scope.actor.person_id is None:
        return scope.preferences
    person = await people.get(scope.database, scope.org_id, scope.actor.person_id)
    return preferences_in({} if person is None else person.preferences)


def preferences_in(kept: Mapping[str, Any]) -> Preferences:
    """The preferences out of what is kept; what this version does not know or allow (any more) is left out."""
    return preferences_from(kept)


def as_preferred(scope: Scope, preferences: Preferences) -> Scope:
    """The scope with the person's preferences, and with their units and time zone."""
    return replace(scope, preferences=preferences, units=preferences.units, own_zone=preferences.zone)


def limits_of(scope: Scope) -> Limits:
    """The SOC limits for the actor's answers: the owner's, and a person's own where those are stricter."""
    return scope.site.limits if scope.actor.person_id is None else limits_for(scope.preferences, scope.site)


async def change(scope: Scope, name: str, text: str) -> Preferences:
    """Set one preference from what somebody wrote, with an audit row.

    Raises PreferenceError, which says what is allowed, and `Refused` for the host, who is no person.
    """
    person_id = scope.actor.person_id
    if person_id is None:
        raise Refused("preferences belong to a person; use --as NAME on the host's command line")
    # Checked before the audit row is written; the transaction checks again on what is kept then.
    value = shown(changed(await preferences_of(scope), name, text), name)

    def apply(kept: Mapping[str, Any]) -> Mapping[str, Any]:
        return to_mapping(changed(preferences_in(kept), name, text))

    noted = {"name": name} | ({} if name in _PRIVATE else {"value": value})
    try:
        kept = await people.change_preferences(
            scope.database, scope.org_id, person_id, apply, noted=noted, now=scope.now
        )
    except LookupError as error:
        raise Refused(f"{scope.actor.name} is not known here any more") from error
    return preferences_in(kept)
