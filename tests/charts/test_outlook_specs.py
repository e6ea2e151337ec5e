"""What charts of what is to come say in words, and what they refuse."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest

from charts.outlook_words import daily_totals, miner_runs
from charts.specs import CellPoint, Curve, Line, ScoreRow, spec_from_json, spec_to_json
from tests.charts.days import LOS_ANGELES
from tests.charts.outlooks import HOUR_S, NOW, START, cells, measured, plan, scorecard, soc_fan, solar_forecast

SOLAR, SOC, PLAN, SCORES, CELLS = solar_forecast(), soc_fan(), plan(), scorecard(), cells()


def test_the_alt_text_of_a_solar_forecast_says_each_days_energy_with_its_range() -> None:
    assert SOLAR.alt == (
        "Solar forecast, Solar Shack (24 to 26 Nov 2026). Today: 41.2 kWh (38.7 kWh to 42.4 kWh), so far 30.9 kWh. "
        "Tomorrow: 23.1 kWh (12.7 kWh to 34.6 kWh). Thu 26 Nov: 47.2 kWh (37.7 kWh to 51.3 kWh). "
        "Most: 7.89 kW on Thu at 11:00. Measured: 6.71 kW on Tue at 13:20. Issued on Tue at 13:05. "
        "As of Tue 24 Nov 13:20 PST, SolArk + Victron."
    )


def test_hours_of_which_nothing_is_known_are_not_filled_in_and_the_day_says_so() -> None:
    holes = tuple(None if n in (34, 35, 36) else value for n, value in enumerate(SOLAR.p50_w))
    today, tomorrow, _ = daily_totals(replace(SOLAR, p50_w=holes))
    assert today.whole
    assert not tomorrow.whole
    assert tomorrow.kwh < 15
    assert "Tomorrow, in part: " in replace(SOLAR, p50_w=holes).alt


def test_hours_before_the_forecast_count_as_they_were_measured() -> None:
    later = replace(SOLAR, p50_w=tuple(None if n < 13 else value for n, value in enumerate(SOLAR.p50_w)))
    total = daily_totals(later)[0]
    assert total.whole
    assert total.kwh == pytest.approx(30.9 + 13.0, abs=3)
    blind = daily_totals(replace(later, actual=measured(START, NOW, skip=range(540, 660))))[0]
    assert not blind.whole
    assert blind.measured_kwh is None or blind.measured_kwh < total.kwh


@pytest.mark.parametrize(("start", "hours"), [((11, 1), 25), ((3, 8), 23)])
def test_a_day_over_a_clock_change_is_one_whole_day(start: tuple[int, int], hours: int) -> None:
    first = datetime(2026, *start, tzinfo=LOS_ANGELES)
    chart = solar_forecast(first, days=1, now=first.replace(hour=11))
    (total,) = daily_totals(chart)
    assert total.whole
    assert total.end_s - total.start_s == hours * HOUR_S == len(chart.starts_s) * HOUR_S
    assert "so far" in chart.alt


def test_a_period_without_a_forecast_says_so() -> None:
    unknown = (None,) * len(SOLAR.starts_s)
    empty = replace(SOLAR, p10_w=unknown, p50_w=unknown, p90_w=unknown, actual=None)
    assert "no forecast." in empty.alt


def test_the_alt_text_of_the_battery_names_both_courses_and_when_the_reserve_is_reached() -> None:
    assert "With the plan: lowest " in SOC.alt
    assert "Without it: lowest " in SOC.alt
    assert SOC.as_is_breach_s is not None
    assert "Without it it falls under the reserve of 30 % on " in SOC.alt
    late = replace(SOC, breach_s=SOC.end_s + 9 * HOUR_S)
    assert "on Fri 27 Nov at 09:00, after the end of this chart." in late.alt
    calm = replace(SOC, as_is_breach_s=None)
    assert "In the middle forecast it stays above the reserve of 30 %." in calm.alt
    assert "As it is set: lowest" in replace(calm, planned=False, as_is_p50=None).alt


def test_the_alt_text_of_a_plan_says_when_each_miner_runs() -> None:
    for index, name in enumerate(PLAN.miners):
        runs = miner_runs(PLAN, index)
        assert f"{name}: {'on ' if runs else 'off throughout'}" in PLAN.alt
    assert "Import price 0.12 to 0.41 USD per kWh." in PLAN.alt
    assert "Battery: lowest " in PLAN.alt
    assert "Battery" not in plan(battery=False).alt
    assert "price" not in plan(prices=False).alt
    assert "no plan." in replace(PLAN, steps=()).alt


def test_a_miners_run_ends_where_steps_are_missing() -> None:
    on = [replace(step, miners_w=(3_000.0,)) for step in plan((("S21", 3_000.0),)).steps[:6]]
    gone = replace(PLAN, miners=("S21",), steps=(*on[:2], *on[3:]))
    assert [run.end_s - run.start_s for run in miner_runs(gone, 0)] == [1_800, 2_700]


def test_the_alt_text_of_a_scorecard_compares_only_days_that_both_have() -> None:
    row = ScoreRow(label="Solar", field="solar_w", ours=(0.9, 0.5, None), persistence=(0.7, None, 0.1), coverage=0.5)
    chart = replace(SCORES, days=("2026-11-10", "2026-11-11", "2026-11-13"), rows=(row,), sky=("clear", None, None))
    assert "Solar: 90 % accurate over 2 days, persistence 70 %, worst 50 % on 11 Nov" in chart.alt
    assert "the band held 50 % of the hours (80 % meant)" in chart.alt
    assert "Days: 1 clear." in chart.alt
    assert "no scored day" in replace(chart, rows=(replace(row, ours=(None,) * 3),)).alt


def test_the_alt_text_of_a_batterys_health_says_what_remains_and_how_sure_that_is() -> None:
    assert "Remaining capacity 91.3 % (89.6 % to 93 %) of new after 812 full cycles." in CELLS.alt
    assert "Its own fade: 83.8 % at 2,400 cycles." in CELLS.alt
    assert " in " in cells(by="date").alt
    assert "no capacity has been measured" in replace(CELLS, points=(), remaining=None).alt


def test_slugs_are_file_names() -> None:
    assert [spec.slug for spec in (SOLAR, SOC, SCORES)] == [
        "solar-forecast-solar-shack-2026-11-24-to-2026-11-26",
        "battery-forecast-solar-shack-2026-11-24-to-2026-11-26",
        "forecast-scorecard-solar-shack-2026-11-10-to-2026-11-23",
    ]
    assert PLAN.slug.startswith("plan-solar-shack-2026-11-24-1315-to-")
    assert CELLS.slug.startswith("battery-health-solar-shack-2023-03-01-0000-to-")


@pytest.mark.parametrize("spec", [SOLAR, SOC, PLAN, SCORES, CELLS], ids=lambda spec: spec.slug.partition("-solar")[0])
def test_specs_survive_json_as_text(spec: object) -> None:
    text = json.dumps(spec_to_json(spec), allow_nan=False)  # type: ignore[arg-type]  # one of the union
    assert len(text) < 40_000
    assert spec_from_json(json.loads(text)) == spec


def test_bad_values_are_refused_in_words() -> None:
    unknown = (None,) * len(SOLAR.starts_s)
    with pytest.raises(ValueError, match="quantiles that cross"):
        replace(SOLAR, p10_w=tuple(9_999.0 for _ in SOLAR.starts_s))
    with pytest.raises(ValueError, match="p90_w has 2 values where 72 are needed"):
        replace(SOLAR, p90_w=(1.0, 2.0))
    with pytest.raises(ValueError, match="None is unknown"):
        replace(SOLAR, p50_w=(*unknown[1:], float("nan")), p10_w=unknown, p90_w=unknown)
    with pytest.raises(ValueError, match="strictly ascending times"):
        replace(SOLAR, starts_s=(SOLAR.starts_s[0],) * len(SOLAR.starts_s))
    with pytest.raises(ValueError, match="issued_at needs a time zone"):
        replace(SOLAR, issued_at=datetime(2026, 11, 24))  # noqa: DTZ001  # naive on purpose
    with pytest.raises(ValueError, match="is the field solar_w"):
        replace(SOLAR, actual=Line("Load", "load_w", (), ()))
    with pytest.raises(ValueError, match="needs the course that it belongs to"):
        replace(SOC, as_is_p50=None)
    with pytest.raises(ValueError, match="between 0 and 100"):
        replace(SOC, reserve_pct=130)
    with pytest.raises(ValueError, match="without overlapping"):
        replace(PLAN, steps=(PLAN.steps[0], PLAN.steps[0]))
    with pytest.raises(ValueError, match="3 miners_w for 2 miners"):
        replace(PLAN, miners=("a", "b"))
    with pytest.raises(ValueError, match="upwards from 0 W"):
        replace(PLAN, steps=(replace(PLAN.steps[0], base_load_w=-1.0),))
    with pytest.raises(ValueError, match="ascending dates"):
        replace(SCORES, days=SCORES.days[::-1])
    with pytest.raises(ValueError, match="both edges of its band"):
        replace(CELLS, own=Curve(x=(0.0, 1.0), pct=(100.0, 99.0), low_pct=(99.0, 98.0)))
    with pytest.raises(ValueError, match="not finite"):
        replace(CELLS, points=(CellPoint(x=1.0, pct=float("inf")),))
