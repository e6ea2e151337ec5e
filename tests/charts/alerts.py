"""A site's two hours before an alert, in a real database, and the episodes that fired on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.alert_chart import alert_chart
from charts.specs import AlertChart
from energy.alerts.episode import Episode, State
from energy.alerts.rule import Level, Signal
from energy.alerts.table import BY_ID
from energy.reading import Reading
from energy.site import Array, Battery, Device, Grid, Miner, Site
from services.scope import Scope
from tests.services.stage import NOON, stocked

SITE = Site(
    id="ranch",
    name="Solar Shack",
    timezone="America/Los_Angeles",
    latitude=37.3,
    longitude=-121.9,
    battery=Battery(usable_kwh=30, voltage_curve=((46.0, 0), (50.0, 20), (52.0, 50), (54.0, 90), (56.0, 100))),
    grid=Grid(present=True, import_allowed=True),
    array=(Array(name="roof", kwp=12),),
    device=(
        Device(id="solark", kind="solark_cloud", plant_id=1),
        Device(id="cerbo", kind="victron_mqtt", host="venus.local"),
        Device(id="garage", kind="shelly", host="192.168.1.50"),
    ),
    miner=(Miner(id="s21", name="S21", power_w=3500, hashrate_ths=200, device="garage"),),
)
STEP = timedelta(minutes=5)
FIRED = NOON
Values = Callable[[int], dict[str, Any]]


@dataclass(frozen=True)
class Kept:
    """As the store hands an episode out."""

    episode: Episode


def rows(device: str, values: Values, *, minutes: tuple[int, int] = (-180, 0)) -> list[Reading]:
    """Rows every five minutes around the moment at which the alert fires; `values` gets the minute."""
    return [
        Reading(site_id="ranch", source="test", device_id=device, taken_at=FIRED + timedelta(minutes=m), **values(m))
        for m in range(minutes[0], minutes[1] + 1, 5)
    ]


def episode(rule_id: str, *, lasted_min: float = 5, over_after_min: float | None = None, **signal: Any) -> Episode:
    """An episode of a built-in rule (or of one's own) that fired at noon."""
    rule = BY_ID.get(rule_id)
    level = Level.INFO if rule is None else rule.level
    over_at = None if over_after_min is None else FIRED + timedelta(minutes=over_after_min)
    return Episode(
        rule_id=rule_id,
        subject=signal.get("subject", ""),
        level=level,
        state=State.FIRING if over_at is None else State.RESOLVED,
        number=1,
        since=FIRED - timedelta(minutes=lasted_min),
        signal=Signal(rule_id=rule_id, active=True, **signal),
        fired_at=FIRED,
        told_at=FIRED,
        clear_since=over_at,
        resolved_at=over_at,
    )


async def chart_of(
    folder: Path, found: Episode, readings: list[Reading], *, site: Site = SITE, now: datetime = FIRED, **scope: Any
) -> AlertChart | None:
    """The alert's chart as somebody sees it at `now`."""
    seen: Scope = await stocked(folder, readings, site=site, as_of=now)
    try:
        return await alert_chart(Scope(seen.database, site, now, **scope), Kept(found))
    finally:
        await seen.database.close()
