"""Alerts as people handle them: what is open, acknowledging, muting; their own are in services/own_alerts.py."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from energy.alerts.custom import CustomRule as CustomRule
from energy.alerts.custom import Question as Question
from energy.alerts.episode import Episode
from energy.alerts.episode import acknowledge as taken_in_hand
from energy.alerts.episode import mute as muted_until
from energy.alerts.message import alert_text, rule_of
from energy.alerts.rule import Rule
from energy.alerts.table import BY_ID
from energy.alerts.together import visible
from services.addressees import Addressees, addressees_of
from services.alert_content import already_so
from services.alert_telling import Telling
from services.audience import is_own
from services.authority import authorised
from services.own_alerts import add_own as add_own
from services.own_alerts import change_own as change_own
from services.own_alerts import own as own
from services.own_alerts import remove_own as remove_own
from services.scope import Refused, Scope, require
from store import alerts, audit, outbox
from store import mutes as stored_mutes
from store.alerts import Change, Conflict, StoredEpisode
from store.mutes import Mute as Mute

_TRIES = 8


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
    """The alerts that fire, most important first; those that another one explains, and those that are muted for
    everybody, are left out. Other people's own alerts are not shown. For viewers."""
    require(scope, "viewer")
    stored = await alerts.newest(scope.database, scope.org_id, scope.site.id)
    who = await _who(scope)
    groups = visible((each.episode for each in stored.values()), scope.now)
    found = [stored[episode.key] for group in groups for episode in group.episodes]
    found = [each for each in found if _may_see(scope, who, each.episode)]
    return _views(scope, who, found, already=await already_so(scope, found))


async def recent(scope: Scope, since: datetime, *, limit: int = 50) -> tuple[AlertView, ...]:
    """The alerts that fired or ended since then, and those that stand, newest first. For viewers."""
    require(scope, "viewer")
    stored = await alerts.recent(scope.database, scope.org_id, scope.site.id, since=since, limit=limit)
    who = await _who(scope)
    return _views(scope, who, [each for each in stored if _may_see(scope, who, each.episode)])


async def acknowledge(scope: Scope, episode_ids: Sequence[int] | None = None) -> Acknowledged:
    """Take alerts in hand (None: all that are open): nobody is told again, nothing is passed on.

    For operators; viewers may take their own alerts alone.
    """
    require(scope, "viewer")
    for _ in range(_TRIES):
        who = await _who(scope)
        newest = await alerts.newest(scope.database, scope.org_id, scope.site.id)
        stored = {each.episode_id: each for each in newest.values() if each.episode.is_firing}
        ids = list(stored) if episode_ids is None else list(dict.fromkeys(episode_ids))
        firing = [stored[each] for each in ids if each in stored and _may_see(scope, who, stored[each].episode)]
        if not firing or not all(is_own(each.episode.rule_id) for each in firing):
            scope = await authorised(scope, "operator", "alerts.ack", {"alerts": ids})
        try:
            return await _acknowledged(scope, who, ids, firing)
        except Conflict:
            continue
    raise Refused("The alerts change faster than they can be acknowledged; send it again")


async def _acknowledged(
    scope: Scope, who: Addressees, ids: Sequence[int], firing: Sequence[StoredEpisode]
) -> Acknowledged:
    changes: list[Change] = []
    for each in firing:
        after, events = taken_in_hand(each.episode, scope.actor.name, scope.now, by_id=scope.actor.person_id)
        if events:
            changes.append(Change(each, after, events, scope.actor.person_id))
    done = await _apply(scope, who, changes, action="alerts_acknowledged", details={})
    now_done = {each.episode_id for each in done}
    left = [each for each in ids if each not in now_done]
    rest = await alerts.get_all(scope.database, scope.org_id, left, site_id=scope.site.id)
    rest = [each for each in rest if each.episode.fired_at is not None and _may_see(scope, who, each.episode)]
    known = {each.episode_id for each in rest} | now_done
    return Acknowledged(
        done=_views(scope, who, done),
        already=tuple(_already(view) for view in _views(scope, who, rest)),
        unknown=tuple(each for each in ids if each not in known),
    )


def _already(view: AlertView) -> Already:
    episode = view.episode
    if episode.is_firing:
        return Already(view, episode.acknowledged_by, episode.acknowledged_at)
    return Already(view, None, episode.resolved_at)


async def mute(scope: Scope, what: str | int, until: datetime) -> Rule | None:
    """Silence a rule (by id or title, or by the number of one of its alerts) until then; None when there is none.

    By operators for everybody, by viewers for themselves; people's own alerts are always muted for oneself.
    """
    require(scope, "viewer")
    scope = await authorised(scope, "viewer", "alerts.mute", {"what": str(what)[:80]})
    for _ in range(_TRIES):
        who = await _who(scope)
        rule = await _rule_meant(scope, who, what)
        if rule is None:
            return None
        person_id = None if _mutes_for_all(scope, rule.id) else scope.actor.person_id
        mute_ = Mute(rule.id, person_id, until, scope.actor.name, scope.now)
        changes = await _silenced(scope, [rule.id], until) if person_id is None else []
        details = {"until": until.isoformat(), "for": person_id or "everybody"}
        try:
            await _apply(scope, who, changes, action="alerts_muted", details=details, mutes=[mute_])
        except Conflict:
            continue
        return rule
    raise Refused("The alerts change faster than they can be muted; send it again")


async def unmute(scope: Scope, what: str | int | None = None) -> int:
    """End mutes of a rule or alert (None: all) that the actor may end; how many."""
    require(scope, "viewer")
    scope = await authorised(scope, "viewer", "alerts.unmute", {"what": str(what)[:80]})
    for _ in range(_TRIES):
        who = await _who(scope)
        rule = None if what is None else await _rule_meant(scope, who, what)
        if what is not None and rule is None:
            return 0
        held = [each for each in await mutes(scope) if rule is None or each.rule_id == rule.id]
        held = [each for each in held if each.person_id is not None or _mutes_for_all(scope, each.rule_id)]
        if not held:
            return 0
        changes = await _silenced(scope, [each.rule_id for each in held if each.person_id is None], None)
        details = {"rules": [each.rule_id for each in held]}
        try:
            await _apply(scope, who, changes, action="alerts_unmuted", details=details, ended=held)
        except Conflict:
            continue
        return len(held)
    raise Refused("The alerts change faster than mutes can be ended; send it again")


async def mutes(scope: Scope) -> list[Mute]:
    """The mutes that hold now: those for everybody, and the actor's own."""
    require(scope, "viewer")
    held = await stored_mutes.mutes(scope.database, scope.org_id, scope.site.id, scope.now)
    return [each for each in held if each.person_id in (None, scope.actor.person_id)]


async def unread(scope: Scope) -> int:
    """How many alerts and notices the actor has not seen."""
    if scope.actor.person_id is None:
        return 0
    return await outbox.unread(scope.database, scope.org_id, scope.site.id, scope.actor.person_id)


async def mark_read(scope: Scope) -> None:
    """The actor saw what there was."""
    if scope.actor.person_id is not None:
        await outbox.mark_read(scope.database, scope.org_id, scope.site.id, scope.actor.person_id, scope.now)


async def rules_of(scope: Scope) -> Mapping[str, Rule]:
    """Every rule that the actor may see, by id: the built-in ones and their own."""
    who = await _who(scope)
    mine = {rule.id: rule.rule for rule in who.own_rules if scope.actor.person_id in who.own[rule.id]}
    return MappingProxyType({**BY_ID, **mine})


async def _who(scope: Scope) -> Addressees:
    return await addressees_of(scope.database, scope.org_id, scope.site, scope.now)


def _may_see(scope: Scope, who: Addressees, episode: Episode) -> bool:
    """People's own alerts are theirs alone."""
    return not is_own(episode.rule_id) or scope.actor.person_id in who.own.get(episode.rule_id, ())


def _mutes_for_all(scope: Scope, rule_id: str) -> bool:
    if scope.actor.person_id is None:
        return True
    return not is_own(rule_id) and scope.actor.role != "viewer"


async def _rule_meant(scope: Scope, who: Addressees, what: str | int) -> Rule | None:
    rules = await rules_of(scope)
    if isinstance(what, int):
        found = await alerts.get_all(scope.database, scope.org_id, [what], site_id=scope.site.id)
        return rule_of(found[0].episode, rules) if found and _may_see(scope, who, found[0].episode) else None
    wanted = _plain(what)
    if not wanted:
        return None
    exact = [rule for rule in rules.values() if wanted in (_plain(rule.id), _plain(rule.title))]
    close = exact or [rule for rule in rules.values() if any(wanted in each for each in _names(rule))]
    return close[0] if exact or len(close) == 1 else None


def _names(rule: Rule) -> list[str]:
    """What a rule may be called by a part of: the ids of people's own hold what nobody types, such as a person's id."""
    return [_plain(rule.title)] if is_own(rule.id) else [_plain(rule.title), _plain(rule.id)]


def _plain(words: str) -> str:
    return " ".join(words.lower().replace("_", " ").replace("-", " ").split())


async def _silenced(scope: Scope, rule_ids: Sequence[str], until: datetime | None) -> list[Change]:
    """The newest episodes of these rules, muted until then; what is over as well, so that the next one knows."""
    stored = await alerts.newest(scope.database, scope.org_id, scope.site.id)
    changes: list[Change] = []
    for each in stored.values():
        before = each.episode
        if before.rule_id not in rule_ids:
            continue
        after, events = muted_until(before, until, scope.now)
        # Written also where nothing changes: a worker may have noted the mute in its memory alone, and loads it anew.
        told = before.is_firing and before.muted_until != until
        changes.append(Change(each, after, events if told else (), scope.actor.person_id))
    return changes


async def _apply(
    scope: Scope,
    who: Addressees,
    changes: Sequence[Change],
    *,
    action: str,
    details: Mapping[str, Any],
    mutes: Sequence[Mute] = (),
    ended: Sequence[Mute] = (),
) -> list[StoredEpisode]:
    """Write what somebody decided, with its audit row; messages that stand somewhere are brought up to date."""
    if not (changes or mutes or ended):
        return []
    org_id, site_id = scope.org_id, scope.site.id
    async with scope.database.begin() as connection:
        stored = await alerts.apply_in(connection, org_id, site_id, changes, now=scope.now)
        for mute in mutes:
            await stored_mutes.put_mute_in(connection, org_id, site_id, mute)
        for mute in ended:
            await stored_mutes.end_mute_in(connection, org_id, site_id, mute.rule_id, mute.person_id)
        shown = [each.episode_id for each in stored if each.episode.is_firing]
        await Telling(org_id, who, scope.now).changed_in(connection, shown)
        await audit.append_in(
            connection,
            org_id,
            site_id=site_id,
            actor=scope.actor.person_id or scope.actor.name,
            action=action,
            subject=", ".join(
                dict.fromkeys([m.rule_id for m in (*mutes, *ended)] or [str(s.episode_id) for s in stored])
            ),
            details={**details, "alerts": [each.episode_id for each in stored], "name": scope.actor.name},
            now=scope.now,
        )
    await scope.wake("notices")
    return stored


def _views(
    scope: Scope, who: Addressees, stored: Sequence[StoredEpisode], *, already: Collection[str] = ()
) -> tuple[AlertView, ...]:
    rules = {**BY_ID, **{rule.id: rule.rule for rule in who.own_rules}}
    return tuple(_view(scope, who, each, rules, already=each.episode.rule_id in already) for each in stored)


def _view(
    scope: Scope, who: Addressees, stored: StoredEpisode, rules: Mapping[str, Rule], *, already: bool
) -> AlertView:
    episode, rule = stored.episode, rule_of(stored.episode, rules)
    untils = [episode.muted_until, who.muted_for_all.get(rule.id), who.muted_until(rule.id, scope.actor.person_id)]
    holding = [until for until in untils if until is not None and until > scope.now]
    text = alert_text(episode, rule, scope.zone, scope.now, scope.units, already=already)
    return AlertView(stored.episode_id, rule, episode, text, max(holding, default=None))
