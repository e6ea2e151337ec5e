"""What a day was worth: by hand, and beside replays of the same hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from energy.forecast.hours import HOUR_S
from energy.scorecard.day import midnight_s
from energy.scorecard.worth import DayFacts, NotTold, PlanWorth, is_meaningful, plan_worth
from energy.site import Battery, Device, Economics, Grid, Miner, Site, Tariff, TariffPeriod

SITE = Site(
    id="ranch",
    timezone="America/Los_Angeles",
    battery=Battery(usable_kwh=20.0, max_charge_w=8_000, max_discharge_w=8_000),
    grid=Grid(present=True, import_allowed=True, export_allowed=True),
    tariff=Tariff(period=(TariffPeriod(name="all", import_per_kwh=0.30, export_per_kwh=0.02),)),
    economics=Economics(hashprice_per_phs_day=60.0, pool_fee_pct=0.0),
    device=(Device(id="plug", kind="shelly", host="127.0.0.1"),),
    miner=(Miner(id="s21", name="S21", device="plug", power_w=3_500, hashrate_ths=200),),
)
START_S = midnight_s(date(2026, 5, 20), SITE.zone)
HASH_PER_H = 60.0 * 0.2 / 24


def facts(**changes: object) -> DayFacts:
    """A sunny day in which the house took 500 W, all sun beyond it was sold, and the battery rested."""
    hour = np.arange(24)
    sun = np.where((hour >= 7) & (hour < 19), 6_000.0, 0.0)
    base = np.full(24, 500.0)
    usual = DayFacts(
        starts_s=START_S + HOUR_S * hour,
        solar_w=sun,
        base_load_w=base,
        miner_w=np.zeros(24),
        charge_w=np.zeros(24),
        import_w=base - sun,
        soc_from_pct=60.0,
        soc_to_pct=60.0,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]  # whatever a test changes


def worth(given: DayFacts, site: Site = SITE) -> PlanWorth:
    found = plan_worth(site, given)
    assert isinstance(found, PlanWorth), found
    return found


def test_what_came_about_is_what_it_is_by_hand() -> None:
    sold = 12 * 5.5 * 0.02
    bought = 12 * 0.5 * 0.30
    assert worth(facts()).happened == pytest.approx(sold - bought)
    mined = np.zeros(24)
    mined[10:14] = 3_500.0
    ran = facts(miner_w=mined, import_w=facts().import_w + mined, starts=1)  # type: ignore[operator]
    assert worth(ran).happened == pytest.approx(sold - bought + 4 * HASH_PER_H - 4 * 3.5 * 0.02 - 0.02)


def test_stored_energy_and_wear_count() -> None:
    charge = np.zeros(24)
    charge[10:12] = 2_000.0
    found = worth(facts(charge_w=charge, soc_to_pct=79.0)).happened - worth(facts()).happened
    per_kwh = 0.30 * 0.96 - SITE.plan.wear_per_kwh
    assert found == pytest.approx(20.0 * 0.19 * per_kwh - 4 * SITE.plan.wear_per_kwh)


def test_perfect_foresight_is_above_the_rule_and_the_rule_above_no_mining_on_a_sunny_day() -> None:
    found = worth(facts())
    assert found.perfect >= found.threshold > found.never
    assert found.no_control == found.never
    assert found.perfect_miner_kwh > 30.0


def test_no_control_is_the_miners_as_they_stood_when_the_day_began() -> None:
    dull = facts(solar_w=np.zeros(24), import_w=np.full(24, 500.0))
    off, on = worth(dull), worth(replace(dull, on_at_start=("s21",)))
    assert off.no_control == off.never
    assert on.no_control != on.never
    assert on.never == pytest.approx(off.never)


def test_a_gap_that_is_too_small_gives_no_share() -> None:
    assert not is_meaningful(0.15, 1.0)
    assert not is_meaningful(0.25, 6.0)
    assert is_meaningful(0.31, 6.0)
    assert not is_meaningful(0.9, 10.0, days=30)
    dark = worth(facts(solar_w=np.zeros(24), import_w=np.full(24, 500.0)))
    assert dark.share is None or abs(dark.perfect - dark.threshold) >= 0.2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"miner_w": np.full(24, np.nan)}, "24 of 24 hours of the miners' power were not measured"),
        ({"import_w": None}, "the grid's power was not measured"),
        ({"soc_to_pct": float("nan")}, "the battery's level at the day's ends was not measured"),
    ],
)
def test_what_is_missing_is_said(changes: dict[str, object], says: str) -> None:
    assert plan_worth(SITE, facts(**changes)) == NotTold(says)


def test_two_missing_hours_are_filled_and_said() -> None:
    load = facts().base_load_w.copy()
    load[3:5] = np.nan
    found = worth(facts(base_load_w=load))
    assert found.notes == ("2 of 24 hours were filled from their neighbours",)
    assert found.happened == pytest.approx(worth(facts()).happened)


def test_without_a_battery_there_is_nothing_to_tell() -> None:
    assert isinstance(plan_worth(SITE.model_copy(update={"battery": None}), facts()), NotTold)
