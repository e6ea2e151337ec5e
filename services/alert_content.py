"""What an alert message says now, in the units, zone and language of who reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from energy.alerts.rule import Level
from services.scope import Scope

if TYPE_CHECKING:
    from store.alerts import StoredEpisode
    from store.messages import AlertMessage

Act = Literal["ack", "mute", "chart", "stop_miners", "grid_charge", "start_miners"]
Standing = Literal["open", "acknowledged", "over"]


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


async def content_for(scope: Scope, message: AlertMessage) -> AlertContent:
    """The message as the scope's person reads it now."""
    raise NotImplementedError
