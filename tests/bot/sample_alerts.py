"""Alerts as the services hand them over, for what the bot makes of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from energy.alerts.episode import Episode, State
from energy.alerts.rule import Signal
from energy.alerts.table import BY_ID
from services.alert_content import AlertContent, composed
from services.scope import Scope
from store.alerts import StoredEpisode
from store.messages import AlertMessage

NOW = datetime(2026, 11, 24, 22, 4, tzinfo=UTC)  # 14:04 at the ranch
LOW: dict[str, Any] = {
    "value": 28.0,
    "threshold": 30.0,
    "unit": "%",
    "lower_is_worse": True,
    "what": "Battery at {value}, under its minimum of {threshold}.",
    "why": "Below it the inverter may switch off.",
    "do": "stop the miners, or start the generator.",
    "action": "stop_miners",
    "chart": "soc_pct",
}


def stored(
    rule_id: str, episode_id: int = 12, *, state: State = State.FIRING, subject: str = "", **signal: Any
) -> StoredEpisode:
    """An episode that began six minutes ago."""
    seen = Signal(
        rule_id=rule_id,
        active=True,
        subject=subject,
        devices=("solark",),
        taken_at=NOW - timedelta(seconds=20),
        **signal,
    )
    episode = Episode(
        rule_id=rule_id,
        subject=subject,
        level=BY_ID[rule_id].level,
        state=state,
        number=1,
        since=NOW - timedelta(minutes=6),
        signal=seen,
        fired_at=NOW - timedelta(minutes=1),
        worst=signal.get("value"),
    )
    if state is State.ACKNOWLEDGED:
        episode = replace(episode, acknowledged_by="Ann", acknowledged_at=NOW)
    if state is State.RESOLVED:
        episode = replace(episode, resolved_at=NOW, clear_since=NOW)
    return StoredEpisode(episode_id, episode, 1, 0, NOW)


def content(scope: Scope, *episodes: StoredEpisode, version: int = 1) -> AlertContent:
    """The message of these episodes."""
    first = episodes[0]
    group, level = BY_ID[first.episode.rule_id].group, first.episode.level.value
    ids = tuple(each.episode_id for each in episodes)
    return composed(scope, AlertMessage(5, scope.site.id, group, level, ids, version, NOW), episodes)
