"""Alerts that people make for themselves in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from energy.alerts.custom import CustomRule, Question, added, parse_custom, too_many
from services.scope import Refused, Scope, require
from store import audit, custom_alerts
from store.custom_alerts import StoredCustom, TooMany


async def add_own(scope: Scope, text: str) -> CustomRule | Question:
    """A new alert of the actor's own from plain words, or what has to be asked back. 20 per person."""
    person_id = _person(scope)
    rule = _new(text, person_id, await own(scope))
    if isinstance(rule, Question):
        return rule
    try:
        stored = await custom_alerts.add(scope.database, scope.org_id, scope.site.id, person_id, rule, scope.now)
    except TooMany:
        return too_many()
    if stored is None:
        return Question(f"You already have an alert for {rule.words}. /rules lists yours, to change or remove it.")
    await _note(scope, "own_alert_added", stored.custom_id, {"says": rule.words, "level": str(rule.level)})
    return rule


async def own(scope: Scope) -> list[StoredCustom]:
    """The actor's own alerts, oldest first."""
    return await custom_alerts.of_person(scope.database, scope.org_id, scope.site.id, _person(scope))


async def change_own(scope: Scope, custom_id: int, text: str) -> CustomRule | Question:
    """Replace one of the actor's own alerts. Raises LookupError when there is none with that number."""
    mine = await own(scope)
    if all(each.custom_id != custom_id for each in mine):
        raise LookupError(f"there is no alert of your own with the number {custom_id}; /rules lists them")
    rule = _new(text, _person(scope), [each for each in mine if each.custom_id != custom_id])
    if isinstance(rule, Question):
        return rule
    if not await custom_alerts.replace(scope.database, scope.org_id, _person(scope), custom_id, rule):
        raise LookupError(f"the alert {custom_id} was changed or removed meanwhile; /rules lists what there is")
    await _note(scope, "own_alert_changed", custom_id, {"says": rule.words, "level": str(rule.level)})
    return rule


async def remove_own(scope: Scope, custom_id: int) -> bool:
    """Take one of the actor's own alerts out; False when there was none with that number."""
    if all(each.custom_id != custom_id for each in await own(scope)):
        return False
    removed = await custom_alerts.remove(scope.database, scope.org_id, _person(scope), custom_id)
    if removed:
        await _note(scope, "own_alert_removed", custom_id, {})
    return removed


def _new(text: str, person_id: str, others: Sequence[StoredCustom]) -> CustomRule | Question:
    rule = parse_custom(text)
    if isinstance(rule, Question):
        return rule
    rule = replace(rule, owner=person_id)
    same = next((each for each in others if each.rule.condition == rule.condition), None)
    if same is not None:
        number = same.custom_id
        return Question(
            f"You already have an alert for {rule.words}: number {number}. To change it: /rules edit {number} TEXT. "
            f"To remove it: /rules remove {number}."
        )
    all_of_them = added([each.rule for each in others], rule)
    return all_of_them if isinstance(all_of_them, Question) else rule


def _person(scope: Scope) -> str:
    require(scope, "viewer")
    if scope.actor.person_id is None:
        raise Refused("alerts of one's own belong to a person; use --as NAME on the host's command line")
    return scope.actor.person_id


async def _note(scope: Scope, action: str, custom_id: int, details: Mapping[str, Any]) -> None:
    await audit.append(
        scope.database,
        scope.org_id,
        site_id=scope.site.id,
        actor=_person(scope),
        action=action,
        subject=str(custom_id),
        details=details,
        now=scope.now,
    )
