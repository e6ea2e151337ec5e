"""Forecasts for the ranch, as they would have been issued just now, and its plans."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from energy.forecast.hours import Band
from energy.plan.plan import Plan, PlanStep, Reason
from services.plan_modes import Mode, set_mode
from services.scope import Scope
from store import forecasts, plans, wishes
from store.database import Database
from store.forecasts import StoredForecast
from store.plans import StoredPlan
from store.wishes import Wish
from tests.jobs.ranch import ORG, Ranch

HOUR_S = 3_600


def band(target: str, issued_at: datetime, watts: float, *, spread: float = 0.1, hours: int = 48) -> Band:
    """The same power in every hour to come."""
    issued_s = int(issued_at.timestamp())
    starts_s = issued_s // HOUR_S * HOUR_S + HOUR_S * np.arange(hours)
    middle = np.full(hours, watts)
    low, high = middle * (1 - spread), middle * (1 + spread)
    return Band(target, issued_s, starts_s, low, middle, high, "test", "1")  # type: ignore[arg-type]


async def put_forecasts(
    database: Database, *, solar_w: float = 11_000.0, load_w: float = 800.0, at: datetime | None = None
) -> None:
    """Both forecasts of the ranch."""
    issued_at = at or datetime.now(UTC) - timedelta(seconds=5)
    for target, watts in (("solar", solar_w), ("load", load_w)):
        await forecasts.put(database, ORG, "ranch", StoredForecast(target, band(target, issued_at, watts)))  # type: ignore[arg-type]


def plan_of(start: datetime, *on: str, miners: tuple[str, ...] = ("s21", "s19-1", "s19-2"), steps: int = 12) -> Plan:
    """A plan of quarter hours from the quarter of `start` that wants those miners on and the others off."""
    first_s = int(start.timestamp()) // 900 * 900
    reasons = {
        m: Reason("surplus", "Runs on 6.0 kW of surplus: a kWh earns 0.11 USD.")
        if m in on
        else Reason("export", "Off: export brings 0.20 USD, mining 0.11.")
        for m in miners
    }
    step = PlanStep(
        start_s=first_s,
        minutes=15,
        on=frozenset(on),
        solar_w=11_000.0,
        base_load_w=800.0,
        miner_w=3_500.0 * len(on),
        battery_charge_w=0.0,
        grid_import_w=0.0,
        curtailed_w=0.0,
        battery_mode="self_use",
        soc_pct={"p10": 86.0, "p50": 88.0, "p90": 90.0},
        import_cost=0.0,
        export_revenue=0.0,
        hash_value=0.0,
        wear_cost=0.0,
        hash_ph_days=0.0,
        battery_reason=Reason("rest", "Rests at 88 %."),
        miner_reasons=reasons,
    )
    return Plan("milp", tuple(replace(step, start_s=first_s + 900 * n) for n in range(steps)), 0.0)


async def put_plan(ranch: Ranch, *on: str, age: timedelta = timedelta(), mode: Mode = "automatic") -> StoredPlan:
    """A plan that wants those miners on, made that long ago."""
    at = datetime.now(UTC) - age
    names = tuple(miner.id for miner in ranch.site.miner)
    stored = StoredPlan(None, at, "for a test", mode, plan_of(at, *on, miners=names), at)
    await plans.put(ranch.database, ORG, "ranch", stored)
    return stored


async def automatic(ranch: Ranch, *miners: str, mode: Mode = "automatic") -> None:
    """The mode, and those miners handed over."""
    await set_mode(scope_of(ranch), mode)
    for miner_id in miners:
        await wishes.put(ranch.database, ORG, "ranch", Wish(miner_id, "auto", None, "host", datetime.now(UTC)))


def scope_of(ranch: Ranch, **about: Any) -> Scope:
    """The ranch seen by the host, or by an `actor`."""
    return Scope(database=ranch.database, site=ranch.site, as_of=datetime.now(UTC), **about)
