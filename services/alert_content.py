"""What an alert message says now, in the units, zone and language of who reads it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from energy.alerts.episode import Episode, State
from energy.alerts.message import message_text, message_title, over_already_text, rule_of
from energy.alerts.rule import Action, Level
from services.audience import is_own
from services.scope import ROLES, Role, Scope
from store import alerts, custom_alerts, messages, mutes
from store.alerts import StoredEpisode
from store.messages import AlertMessage

Act = Literal["ack", "mute", "chart", "stop_miners", "grid_charge", "start_miners"]
Standing = Literal["open", "acknowledged", "over"]
_FIRST_LOOK = timedelta(seconds=30)  # the watch looks every 10 s
PASSED_ON = "Nobody has acknowledged it so far, so it was passed on."
_NEEDS: dict[Act, Role] = {"ack": "operator", "stop_miners": "operator", "start_miners": "operator"}
_NEEDS |= {"grid_charge": "owner", "mute": "viewer", "chart": "viewer"}


@dataclass(frozen=True, slots=True)
class AlertContent:
    """An alert message as it stands. `actions` are the buttons that fit, in order; `chart_of` is what a chart shows.

    `version` is what a posting of it shows from then on (`store.outbox.Place.version`). `text` has six lines at most
    and no markup; the names in it come from devices.
    """

    message_id: int
    version: int
    level: Level
    title: str
    text: str
    standing: Standing
    episodes: tuple[StoredEpisode, ...]
    actions: tuple[Act, ...]
    chart_of: StoredEpisode | None

    @property
    def open_episodes(self) -> tuple[Episode, ...]:
        """Those that still fire."""
        return tuple(each.episode for each in self.episodes if each.episode.is_firing)


async def content_of(scope: Scope, message_id: int) -> AlertContent | None:
    """`content_for` of a message of this site; None when there is none with that number."""
    message = await messages.get(scope.database, scope.org_id, message_id)
    return None if message is None or message.site_id != scope.site.id else await content_for(scope, message)


async def content_for(scope: Scope, message: AlertMessage) -> AlertContent:
    """The message as the scope's person reads it now; what they muted for themselves is left out of it.

    Without a person (a group, the host) it has every button: whoever taps one is authorised then.
    """
    stored = await alerts.get_all(scope.database, scope.org_id, message.episode_ids)
    return composed(scope, message, await _not_muted_by(scope, stored), already=await already_so(scope, stored))


async def already_so(scope: Scope, stored: Sequence[StoredEpisode]) -> frozenset[str]:
    """The people's own rules among them that were passed when they were made: nobody looked since when."""
    began = {each.episode.rule_id: each.episode.since for each in stored if is_own(each.episode.rule_id)}
    if not began:
        return frozenset()
    made = await custom_alerts.all_of(scope.database, scope.org_id, scope.site.id)
    return frozenset(
        each.rule.id for each in made if each.rule.id in began and began[each.rule.id] - each.created_at <= _FIRST_LOOK
    )


def composed(
    scope: Scope, message: AlertMessage, stored: Sequence[StoredEpisode], *, already: Collection[str] = ()
) -> AlertContent:
    """The content of a message from its episodes. `already`: the rules that were passed when they were made."""
    now = scope.now
    ordered = sorted(stored, key=lambda each: (not each.episode.is_open, -each.episode.level.rank, each.episode.since))
    episodes = [each.episode for each in ordered]
    if not episodes:
        return _forgotten(message)
    text = message_text(episodes, scope.zone, now, scope.units, already=already)
    standing = _standing(episodes)
    if standing == "open" and any(each.escalated and each.episode.state is State.FIRING for each in ordered):
        text = "\n".join([*text.splitlines()[:5], PASSED_ON])
    charted = [each for each in ordered if each.episode.signal.chart is not None]
    chart_of = next((each for each in charted if each.episode.is_open), charted[0] if charted else None)
    return AlertContent(
        message_id=message.message_id,
        version=message.version,
        level=max((e.level for e in episodes if e.is_open), key=lambda level: level.rank, default=Level(message.level)),
        title=message_title(episodes),
        text=text,
        standing=standing,
        episodes=tuple(ordered),
        actions=_actions(scope, episodes, standing, has_chart=chart_of is not None),
        chart_of=chart_of,
    )


def over_already(scope: Scope, content: AlertContent) -> str:
    """The text for an alert that ended before the reader could be told of it."""
    if len(content.episodes) != 1:
        return content.text
    episode = content.episodes[0].episode
    return over_already_text(episode, rule_of(episode), scope.zone, scope.now, scope.units)


async def _not_muted_by(scope: Scope, stored: Sequence[StoredEpisode]) -> Sequence[StoredEpisode]:
    person_id = scope.actor.person_id
    if person_id is None or len(stored) < 2:
        return stored
    held = await mutes.mutes(scope.database, scope.org_id, scope.site.id, scope.now)
    silenced = {mute.rule_id for mute in held if mute.person_id == person_id}
    return [each for each in stored if each.episode.rule_id not in silenced] or stored


def _standing(episodes: Sequence[Episode]) -> Standing:
    still = [each for each in episodes if each.is_open]
    if not still:
        return "over"
    return "acknowledged" if all(each.state is State.ACKNOWLEDGED for each in still) else "open"


def _actions(scope: Scope, episodes: Sequence[Episode], standing: Standing, *, has_chart: bool) -> tuple[Act, ...]:
    if standing == "over":
        return ()
    found: list[Act] = ["ack"] if standing == "open" else []
    if any(each.is_open and not each.is_muted(scope.now) for each in episodes):
        found.append("mute")
    if has_chart:
        found.append("chart")
    fitting = next((each.signal.action for each in episodes if each.is_open and each.signal.action is not None), None)
    if fitting is not None and _is_possible(scope, fitting):
        found.append(fitting)
    theirs = all(is_own(each.rule_id) for each in episodes)  # nobody else sees it, nobody else can take it in hand
    return tuple(
        act
        for act in found
        if scope.actor.person_id is None or _has(scope.actor.role, _NEEDS[act]) or (act == "ack" and theirs)
    )


def _is_possible(scope: Scope, action: Action) -> bool:
    if action != "grid_charge":
        return bool(scope.site.miner)
    return scope.site.inverter.allow_settings_writes


def _has(role: Role, needed: Role) -> bool:
    return ROLES.index(role) >= ROLES.index(needed)


def _forgotten(message: AlertMessage) -> AlertContent:
    """A message whose episodes are not kept any more."""
    text = "This alert is not kept any more; /alerts history shows what is."
    return AlertContent(message.message_id, message.version, Level(message.level), "Alert", text, "over", (), (), None)
