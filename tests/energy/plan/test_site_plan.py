"""What an owner may set about plans: each refused value names its key and the remedy, and each value has an effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.site_file import SiteFileError, load_site, site_from_document
from energy.plan.from_site import MinerNow, problem_of
from energy.plan.problem import Problem, Scenario, growing_steps
from energy.site import Site
from tests.energy.plan.problems import MORNING_S

RANCH = Path(__file__).resolve().parents[3] / "benchmarks" / "ranch.toml"


def document(plan: dict[str, Any] | None = None, **miner: Any) -> dict[str, object]:
    profile = {"id": "s21", "name": "S21", "power_w": 3_878, "hashrate_ths": 235, "device": "garage"}
    return {
        "site": {"id": "ranch", "timezone": "America/Los_Angeles"},
        "battery": {"usable_kwh": 30, "voltage_curve": [[45.0, 0], [50.0, 40], [52.0, 60], [56.0, 100]]},
        "grid": {"present": True, "import_allowed": True, "max_export_w": 5_000},
        "device": [{"id": "garage", "kind": "shelly", "host": "192.168.1.50"}],
        "miner": [profile | miner],
        "plan": plan or {},
    }


def problem(site: Site, **more: Any) -> Problem:
    steps = growing_steps(MORNING_S)
    course = (Scenario("p50", 1.0, np.zeros(steps.count), np.full(steps.count, 500.0)),)
    return problem_of(site, steps, course, soc_pct=70, **more)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"mode": "auto"}, 'plan.mode: must be "advise"'),
        ({"prices_url": "ftp://prices"}, "plan.prices_url: must be an address that begins with https://"),
        ({"hashprice_url": 3}, "plan.hashprice_url: must be an address"),
        ({"hashprice_field": "price"}, "set hashprice_url as well"),
        ({"hashprice_url": "https://pool/x", "hashprice_field": "a..b"}, "must be names with dots between"),
        ({"hours": 4}, "plan.hours: Input should be greater than or equal to 12"),
        ({"hours": True}, "plan.hours: must be a number, not true or false"),
        ({"outages": []}, "plan.outages: is not a key here"),
        ({"outage": [{"from": "2026-06-01", "until": "2026-06-01T14:00"}]}, "plan.outage.#1.from: must be a moment"),
        ({"outage": [{"from": "2026-06-01T15:00", "until": "2026-06-01T14:00"}]}, "until must be later than from"),
        ({"outage": [{"from": "2026-06-01T13:00Z", "until": "2026-06-01T14:00"}]}, "must both have an offset"),
    ],
)
def test_a_refused_value_names_its_key_and_the_remedy(plan: dict[str, Any], words: str) -> None:
    with pytest.raises(SiteFileError, match=r"commandcenter\.toml") as refused:
        site_from_document(document(plan), "commandcenter.toml")
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("miner", "words"),
    [
        ({"modes": [{"power_w": 4_000, "hashrate_ths": 100}]}, "modes are the lower powers"),
        (
            {"modes": [{"power_w": 2_000, "hashrate_ths": 150}, {"power_w": 3_000, "hashrate_ths": 140}]},
            "more power must give more hash rate",
        ),
        ({"ramp_minutes": 20}, "ramp_minutes must be at most min_on_minutes"),
        ({"max_temperature_c": 99}, "less than or equal to 70"),
    ],
)
def test_a_miner_that_cannot_be_is_refused(miner: dict[str, Any], words: str) -> None:
    with pytest.raises(SiteFileError) as refused:
        site_from_document(document(**miner), "commandcenter.toml")
    assert words in str(refused.value)


def test_without_a_table_plans_only_advise() -> None:
    site = load_site(RANCH)
    assert (site.plan.mode, site.plan.hours, site.plan.grid_charge) == ("advise", 36, False)


def test_every_setting_reaches_the_problem() -> None:
    outage = {"from": "2026-06-15T18:00", "until": "2026-06-15T20:00", "title": "works on the line"}
    plan = {"wear_per_kwh": 0.05, "demand_per_kw": 12, "grid_charge": True, "outage": [outage]}
    more = {"ramp_minutes": 6, "max_temperature_c": 35, "heat_value_per_kwh": 0.1, "heat_below_c": 12}
    modes = [{"power_w": 2_500, "hashrate_ths": 170}]
    volts = {"start_voltage_v": 52.0, "stop_voltage_v": 51.5, "start_soc_pct": 90}
    site = site_from_document(document(plan, modes=modes, **more, **volts), "commandcenter.toml")
    p = problem(
        site,
        miners={"s21": MinerNow(run_until_s=MORNING_S + 900, off_until_s=MORNING_S + 60)},
        usable_kwh=28.0,
        taper=(85.0, 700.0),
        reserve_pct=55.0,
        peak_so_far_w=3_000.0,
        hashprice_per_phs_day=90.0,
        notes=("The hash price is an hour old.",),
    )
    m, b = p.miners[0], p.battery
    assert b is not None
    assert (b.wear_per_kwh, b.usable_kwh, b.taper_from_pct, b.taper_end_w, b.reserve_pct) == (0.05, 28, 85, 700, 55)
    assert (p.prices.demand_per_kw, p.prices.peak_so_far_w) == (12, 3_000)
    assert p.grid.charge_allowed
    assert p.grid.max_export_w == 5_000
    assert [(o.from_s, o.until_s) for o in p.grid.outages] == [(MORNING_S + 10 * 3_600, MORNING_S + 12 * 3_600)]
    assert (m.ramp_min, m.max_temperature_c, m.heat_value_per_kwh, m.heat_below_c) == (6, 35, 0.1, 12)
    assert [mode.power_w for mode in m.modes] == [2_500]
    assert (m.run_until_s, m.off_until_s) == (MORNING_S + 900, MORNING_S + 60)
    assert (m.start_soc_pct, m.stop_soc_pct) == (60, 55)
    assert m.hash_value_per_kwh == pytest.approx(90 * 0.235 / 24 / 3.878 * 0.98)
    assert p.notes == ("The hash price is an hour old.",)
    assert not problem(site, grid_present=False).grid.present
    assert not problem(site, grid_charge_allowed=False).grid.charge_allowed
    assert Site.model_validate_json(site.model_dump_json()) == site
