"""The tools over real readings: their JSON, their figures, and what they say when something is missing or wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agents.specialists import SPECIALISTS
from agents.tools.desk import MAX_CALLS, RESULT_LIMIT, ToolDesk, ToolResult
from agents.tools.metrics import METRICS, UnknownMetric, metric_named
from agents.tools.registry import TOOLS
from charts.specs import EnergyBars, PowerChart
from energy.reading import Reading
from energy.site import Tariff, TariffPeriod
from energy.units import UnitPreferences
from services.scope import Scope
from simulator.default_site import default_site
from store.readings import upsert
from tests.doubles.oracle import find_metrics
from tests.doubles.ranch import NOW, solar_w


async def told(desk: ToolDesk, name: str, **arguments: Any) -> tuple[dict[str, Any], str]:
    """A tool's facts and sentence, through the JSON that a model reads."""
    encoded = await desk.call(name, arguments)
    assert len(encoded) <= RESULT_LIMIT
    decoded = json.loads(encoded)
    assert set(decoded) == {"facts", "text"}
    return decoded["facts"], decoded["text"]


def figure(desk: ToolDesk, name: str) -> Any:
    return next(f for f in desk.figures if f.name == name)


async def test_the_current_state_speaks_flows_in_words_and_names_each_source(scope: Scope) -> None:
    desk = ToolDesk(scope)
    facts, text = await told(desk, "current_state")
    assert facts["soc"] == {"value": 70, "said": "70 %", "at": "14:00", "source": "Victron"}
    assert facts["battery"]["said"] == "charging at 7.16 kW"
    assert facts["solar"]["source"] == "SolArk"
    assert facts["unknown"] == ["generator", "miners"]
    assert text.startswith("Battery 70 % and charging at 7.16 kW; solar 8.66 kW; load 1.50 kW")
    assert figure(desk, "soc_pct").age_s == 120
    assert [call.name for call in desk.calls] == ["current_state"]


async def test_old_data_is_called_old_with_its_age(scope: Scope) -> None:
    desk = ToolDesk(replace(scope, as_of=NOW + timedelta(hours=5)))
    facts, text = await told(desk, "current_state")
    assert facts["soc"]["old"] == "5 h 2 min"
    assert "old" in text
    assert "5 h 2 min ago" in text
    assert figure(desk, "soc_pct").age_s == 5 * 3600 + 120


async def test_a_site_without_readings_is_unknown_and_not_zero(empty_scope: Scope) -> None:
    desk = ToolDesk(empty_scope)
    facts, text = await told(desk, "current_state")
    assert facts == {"no_data": True}
    assert "unknown" in text
    assert figure(desk, "soc_pct").value is None
    facts, text = await told(desk, "history_statistics", metric="solar", period="yesterday")
    assert facts["no_data"] is True
    assert text == "There is no solar production data for yesterday."
    facts, _ = await told(desk, "when_crossed", metric="solar", threshold=2500, period="yesterday")
    assert facts["no_data"] is True
    facts, text = await told(desk, "compare_periods", metric="solar", period_a="yesterday", period_b="last week")
    assert "difference" not in facts
    assert "yesterday and last week" in text
    facts, _ = await told(desk, "draw_chart", kind="power", period="yesterday")
    assert facts["drawn"] is False


async def test_statistics_give_mean_extremes_with_times_and_energy(scope: Scope) -> None:
    desk = ToolDesk(scope)
    facts, text = await told(desk, "history_statistics", metric="solar", period="yesterday")
    day = [solar_w(minute / 60) for minute in range(0, 1440, 5)]
    assert figure(desk, "solar_w_mean").value == pytest.approx(sum(day) / len(day), rel=1e-6)
    assert figure(desk, "solar_kwh").value == pytest.approx(sum(day) / 12 / 1000, rel=1e-6)
    assert facts["max"] == {"value": 10_000, "said": "10.0 kW", "at": "yesterday 12:00"}
    assert facts["covered_pct"] == 100
    assert facts["from"] == "2026-05-05T00:00:00-07:00"
    assert "76.4 kWh" in text
    assert figure(desk, "solar_w_max").taken_at is not None


async def test_a_signed_metrics_energy_has_both_directions(scope: Scope) -> None:
    desk = ToolDesk(scope)
    facts, text = await told(desk, "history_statistics", metric="battery", period="yesterday")
    assert set(facts["energy"]) == {"charged_kwh", "discharged_kwh", "net_kwh", "said"}
    assert "charged and" in text
    assert facts["min"]["said"] == "discharging at 1.50 kW"
    assert figure(desk, "battery_discharged_kwh").value > 0


async def test_statistics_by_hour_and_by_day_list_buckets(scope: Scope) -> None:
    desk = ToolDesk(scope)
    facts, _ = await told(desk, "history_statistics", metric="solar", period="yesterday", by="hour")
    assert len(facts["buckets"]) == 24
    assert facts["buckets"][12][0] == "12:00"
    facts, _ = await told(desk, "history_statistics", metric="soc", period="this week", by="day")
    assert [row[0] for row in facts["buckets"]] == ["Mon 04", "Tue 05", "Wed 06"]


async def test_crossings_tell_the_time_and_how_long_it_stayed_above(scope: Scope) -> None:
    desk = ToolDesk(scope)
    facts, text = await told(desk, "when_crossed", metric="solar", threshold=2500, period="yesterday")
    assert facts["times"][0]["at"] == "yesterday 07:00"
    assert facts["total"] == 1
    assert "rose above 2.50 kW at 07:00 (yesterday)" in text
    assert figure(desk, "solar_w_rose_above_at").value == "2026-05-05T07:00:00-07:00"


async def test_a_threshold_that_was_never_reached_names_the_highest(scope: Scope) -> None:
    desk = ToolDesk(scope)
    facts, text = await told(desk, "when_crossed", metric="solar", threshold=12_000, period="yesterday")
    assert facts["total"] == 0
    assert facts["highest"]["said"] == "10.0 kW"
    assert "never rose above 12.0 kW" in text


async def test_two_periods_are_compared_in_energy(scope: Scope) -> None:
    desk = ToolDesk(scope)
    facts, text = await told(desk, "compare_periods", metric="solar", period_a="today", period_b="yesterday")
    assert facts["a_is"] == "lower"
    assert facts["difference"]["unit"] == "kWh"
    assert "lower than yesterday" in text


async def test_the_sites_settings_carry_limits_battery_panels_inverter_and_miners(scope: Scope) -> None:
    desk = ToolDesk(scope)
    facts, text = await told(desk, "site_settings")
    assert facts["limits"]["min_soc_pct"] == 30
    assert facts["battery"]["max_charge_w"] == 9000
    assert facts["inverter_model"] == "SolArk 15K"
    assert facts["miners"][0]["id"] == "s21"
    assert "SolArk 15K" in text
    assert figure(desk, "min_soc_pct").source == "settings"


async def test_devices_are_found_by_name_and_an_unknown_one_is_told(scope: Scope) -> None:
    desk = ToolDesk(scope)
    facts, _ = await told(desk, "device_details", device="Victron")
    assert [row["id"] for row in facts["devices"]] == ["cerbo"]
    facts, _ = await told(desk, "device_details")
    assert [row["id"] for row in facts["devices"]] == ["solark", "cerbo", "garage"]
    facts, text = await told(desk, "device_details", device="tesla wall")
    assert facts["unknown_device"] is True
    assert "solark, cerbo, garage" in text


@pytest.mark.parametrize("kind", ["power", "energy", "soc"])
async def test_a_chart_is_noted_as_a_spec_and_told_in_words(scope: Scope, kind: str) -> None:
    desk = ToolDesk(scope)
    facts, _ = await told(desk, "draw_chart", kind=kind, period="yesterday")
    assert facts["drawn"] is True
    assert facts["alt"]
    assert len(desk.charts) == 1


async def test_an_answer_carries_three_charts_at_the_most(scope: Scope) -> None:
    desk = ToolDesk(scope)
    for _ in range(4):
        facts, _ = await told(desk, "draw_chart", kind="soc", period="yesterday")
    assert facts["full"] is True
    assert len(desk.charts) == 3


async def test_figures_follow_the_persons_units(scope: Scope) -> None:
    american = replace(scope, units=UnitPreferences(power="W", temperature="F", hour_24=False))
    facts, _ = await told(ToolDesk(american), "current_state")
    assert facts["solar"]["said"] == "8,660 W"
    assert facts["battery_temperature"]["said"] == "70.7 °F"
    assert facts["soc"]["at"] == "2:00 PM"


@pytest.mark.parametrize("period", ["when pigs fly", "", "next year", "x" * 5_000, "'; drop table readings; --"])
async def test_an_unknown_period_is_answered_with_examples(scope: Scope, period: str) -> None:
    desk = ToolDesk(scope)
    facts, text = await told(desk, "history_statistics", metric="solar", period=period)
    assert facts["problem"] == "unknown_period"
    assert "yesterday" in text
    assert desk.figures == []


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("history_statistics", {"metric": "moon", "period": "today"}, "not a metric"),
        ("history_statistics", {"metric": "solar"}, "period"),
        ("history_statistics", {"metric": ["solar"], "period": "today"}, "metric"),
        ("when_crossed", {"metric": "solar", "threshold": "nan", "period": "today"}, "threshold"),
        ("when_crossed", {"metric": "solar", "threshold": 1e99, "period": "today"}, "threshold"),
        ("draw_chart", {"kind": "pie", "period": "today"}, "kind"),
        ("rm_rf", {}, "no such tool"),
    ],
)
async def test_wrong_arguments_name_what_is_wrong(
    scope: Scope, name: str, arguments: dict[str, Any], words: str
) -> None:
    _, text = await told(ToolDesk(scope), name, **arguments)
    assert words in text


async def test_a_tools_inner_fault_stays_in_the_log(scope: Scope) -> None:
    await scope.database.close()
    broken = replace(scope, database=Broken())  # type: ignore[arg-type]  # a database that fails on purpose
    desk = ToolDesk(broken)
    encoded = await desk.call("current_state", {})
    assert "10.1.2.3" not in encoded
    assert "/var/lib" not in encoded
    assert "could not be looked up" in encoded
    assert desk.results[0].is_problem


async def test_a_tool_that_takes_too_long_ends_by_itself(scope: Scope) -> None:
    slow = replace(scope, database=Slow())  # type: ignore[arg-type]  # a database that never answers
    desk = ToolDesk(slow, timeout_s=0.05)
    _, text = await told(desk, "current_state")
    assert "too long" in text


async def test_a_model_that_goes_round_in_circles_is_stopped(scope: Scope) -> None:
    desk = ToolDesk(scope)
    for _ in range(MAX_CALLS):
        await desk.call("site_settings", {})
    facts, _ = await told(desk, "site_settings")
    assert facts["problem"] == "too_many_calls"


async def test_rows_after_the_moment_of_the_question_are_invisible(scope: Scope) -> None:
    earlier = ToolDesk(replace(scope, as_of=NOW - timedelta(days=1)))
    facts, _ = await told(earlier, "history_statistics", metric="solar", period="today")
    assert facts["to"].startswith("2026-05-05T14:02")


def test_a_long_result_stays_valid_json_below_its_limit() -> None:
    result = ToolResult({"a": "x" * 4_000, "b": [1] * 3_000, "c": 1}, "y" * 9_000)
    encoded = result.to_json()
    assert len(encoded) <= RESULT_LIMIT
    assert json.loads(encoded)["facts"]["c"] == 1


def test_every_metric_is_found_by_its_name_its_field_and_its_words() -> None:
    for metric in METRICS.values():
        for word in (metric.name, metric.field, *metric.synonyms):
            assert metric_named(word.upper()) is metric
    with pytest.raises(UnknownMetric, match="soc, solar"):
        metric_named("moon")


def test_a_sentence_names_its_metrics_in_order_and_longer_phrases_win() -> None:
    assert [m.name for m in find_metrics("battery voltage and solar production?")] == ["battery_voltage", "solar"]
    assert [m.name for m in find_metrics("how much solar did the panels make")] == ["solar"]


def test_no_specialist_has_more_than_six_tools_and_all_exist() -> None:
    for specialist in SPECIALISTS.values():
        assert 1 <= len(specialist.tools) <= 6
        assert set(specialist.tools) <= set(TOOLS)


def test_every_tool_describes_itself_and_its_arguments_shortly() -> None:
    for tool in TOOLS.values():
        assert 20 <= len(tool.description) <= 130
        assert tool.parameters["type"] == "object"
        assert "desk" not in tool.parameters["properties"]


class _Failing:
    async def __aenter__(self) -> Any:
        raise ConnectionError("cannot open /var/lib/cc/db at http://10.1.2.3:5432")

    async def __aexit__(self, *_: object) -> None: ...


class Broken:
    """A database whose connections fail with an internal host and path in the message."""

    def read(self) -> _Failing:
        return _Failing()

    def begin(self) -> _Failing:
        return _Failing()


class _Hanging:
    async def __aenter__(self) -> AsyncIterator[Any]:
        await asyncio.sleep(60)
        raise AssertionError

    async def __aexit__(self, *_: object) -> None: ...


class Slow:
    """A database that never answers."""

    def read(self) -> _Hanging:
        return _Hanging()


async def test_a_night_of_discharging_has_no_highest_discharge(scope: Scope) -> None:
    _, text = await told(ToolDesk(scope), "history_statistics", metric="battery", period="last night")
    assert "peak discharging at 1.50 kW" in text
    assert "highest" not in text
    assert "lowest" not in text


async def test_settings_name_the_tariff_the_relays_and_the_sun_within_their_limit(scope: Scope) -> None:
    tariff = Tariff(period=(TariffPeriod(name="peak", import_per_kwh=0.42, export_per_kwh=0.05, hours="16-21"),))
    desk = ToolDesk(replace(scope, site=scope.site.model_copy(update={"tariff": tariff})))
    facts, _ = await told(desk, "site_settings")
    assert facts["tariff"] == ["peak 16-21 h: import 0.42, export 0.05 per kWh"]
    assert facts["miners"][0]["relay"] == "garage 0"
    assert facts["sun"] == {"sunrise": "06:07", "sunset": "20:01", "risen": True, "set": False}
    ranch = ToolDesk(replace(scope, site=default_site()))
    facts, _ = await told(ranch, "site_settings")
    assert [miner["relay"] for miner in facts["miners"]] == ["garage 0", "garage 1", "garage 2"]
    assert "left_out" not in facts


async def test_the_energy_chart_shows_the_battery_and_names_its_sources(scope: Scope) -> None:
    desk = ToolDesk(scope)
    await desk.call("draw_chart", {"kind": "energy", "period": "yesterday"})
    spec = desk.charts[0]
    assert isinstance(spec, EnergyBars)
    assert [s.label for s in spec.series] == ["Solar", "Load", "Charged", "Discharged", "Imported", "Exported"]
    assert spec.source == "SolArk"


async def test_the_power_chart_shows_the_miners_where_they_are_measured(scope: Scope) -> None:
    row = Reading(site_id="ranch", source="shelly", device_id="garage", taken_at=NOW, miner_w=3878.0)
    await upsert(scope.database, "home", [replace(row, taken_at=NOW - timedelta(minutes=n)) for n in (5, 10, 15)])
    desk = ToolDesk(scope)
    await desk.call("draw_chart", {"kind": "power", "period": "last 2 hours"})
    spec = desk.charts[0]
    assert isinstance(spec, PowerChart)
    assert [line.field for line in spec.lines][-1] == "miner_w"


async def test_before_the_first_solar_of_a_day_the_sunrise_and_yesterdays_peak_are_told(scope: Scope) -> None:
    early = replace(scope, as_of=NOW.replace(hour=7, minute=5))  # five past midnight at the ranch
    facts, text = await told(ToolDesk(early), "history_statistics", metric="solar", period="today")
    assert text == "There has been no solar yet today: sunrise is at 06:07. Yesterday's peak was 10.0 kW at 12:00."
    assert facts["no_solar_yet"] == text


async def test_a_threshold_reached_in_a_gap_is_not_called_never_reached(scope: Scope) -> None:
    gap = [NOW + timedelta(minutes=n) for n in (60, 65, 70)]
    rows = [Reading(site_id="ranch", source="solark", device_id="solark", taken_at=at, load_w=3_000.0) for at in gap]
    await upsert(scope.database, "home", rows)
    desk = ToolDesk(replace(scope, as_of=NOW + timedelta(minutes=75)))
    facts, text = await told(desk, "when_crossed", metric="load", threshold=2500, period="today")
    assert "never" not in text
    assert "while no readings came in" in facts["instead"]
    facts, text = await told(desk, "when_crossed", metric="load", threshold=1000, period="today")
    assert text.startswith("Load was at or above 1.00 kW already when the period began and stayed so (today).")


async def test_the_last_of_many_crossings_is_told_too(scope: Scope) -> None:
    facts, _ = await told(
        ToolDesk(scope), "when_crossed", metric="soc", threshold=60, period="last 7 days", direction="both"
    )
    assert len(facts["times"]) == 8
    assert facts["last"] == {"at": "12:00", "direction": "rising"}
