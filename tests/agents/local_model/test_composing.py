"""Answers from hand-built findings: the facts that a person would check, unknown and old values included."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from agents.local_model import intents as i
from agents.local_model.compose import MOST_LINES, compose
from agents.local_model.found import Found, Result
from agents.local_model.plan import calls_for
from agents.tools.registry import TOOLS


def found(*results: tuple[str, Mapping[str, Any], Mapping[str, Any]]) -> Found:
    """Findings as they come back from the tools: through their JSON text."""
    return Found(
        [
            Result.of_json(name, arguments, json.dumps({"facts": facts, "text": "x"}))
            for name, arguments, facts in results
        ]
    )


def entry(value: float, said: str, **more: str) -> dict[str, Any]:
    return {"value": value, "said": said, "at": "14:00", "source": "Victron", **more}


def state(**changed: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    facts = {
        "soc": entry(63, "63 %"),
        "battery": entry(-1200, "discharging at 1.20 kW"),
        "solar": entry(500, "500 W"),
        "load": entry(1700, "1.70 kW"),
        "grid": entry(0, "no grid flow"),
        "miners": entry(0, "0 W"),
        "grid_present": True,
    }
    return "current_state", {}, {name: v for name, v in (facts | changed).items() if v is not None}


MINER = {"id": "s21", "name": "S21+", "power_w": 3878, "hashrate_ths": 235, "priority": 1} | {
    "start_soc_pct": 60,
    "stop_soc_pct": 50,
}


def settings(**changed: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    facts: dict[str, Any] = {
        "limits": {"min_soc_pct": 30, "safe_min_soc_pct": 40, "safe_max_soc_pct": 80, "miner_min_soc_pct": 50},
        "battery": {"usable_kwh": 30, "chemistry": "LiFePO4", "max_charge_w": 9000},
        "arrays": [{"name": "south", "kwp": 14.6, "tilt_deg": 25, "azimuth_deg": 180}],
        "solar_kwp": 14.6,
        "inverter_model": "SolArk 15K",
        "grid": {"present": True, "import_allowed": False, "export_allowed": True},
        "miners": [MINER],
    }
    return "site_settings", {}, facts | changed


def statistics(metric: str, period: str = "yesterday", **changed: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    facts: dict[str, Any] = {
        "metric": metric,
        "period": period,
        "from": "2026-11-23T00:00:00-08:00",
        "to": "2026-11-24T00:00:00-08:00",
        "mean": {"value": 975, "said": "975 W"},
        "min": {"value": 0, "said": "0 W", "at": "yesterday 00:00"},
        "max": {"value": 6200, "said": "6.20 kW", "at": "yesterday 12:10"},
        "energy": {"kwh": 23.4, "said": "23.4 kWh"},
        "first": {"value": 78, "said": "78 %", "at": "yesterday 17:00"},
        "last": {"value": 44, "said": "44 %", "at": "06:40"},
        "covered_pct": 100,
        "source": "SolArk",
    }
    return "history_statistics", {"metric": metric, "period": period}, facts | changed


def soc_night(first: float = 78, low: float = 48) -> tuple[str, dict[str, Any], dict[str, Any]]:
    return statistics(
        "soc",
        "last night",
        first={"value": first, "said": f"{first:g} %", "at": "yesterday 17:00"},
        min={"value": low, "said": f"{low:g} %", "at": "06:40"},
        energy=None,
    )


def miners_night(kwh: float) -> tuple[str, dict[str, Any], dict[str, Any]]:
    return statistics("miners", "last night", energy={"kwh": kwh, "said": f"{kwh:g} kWh"})


def say(intent: i.Intent, *results: tuple[str, Mapping[str, Any], Mapping[str, Any]]) -> str:
    text = compose([intent], found(*results))
    assert 1 <= len(text.split("\n")) <= MOST_LINES
    return text


def test_current_battery_gives_level_and_direction_in_words() -> None:
    text = say(i.Now(("soc", "battery")), state())
    assert text == "Battery 63 %, discharging at 1.20 kW."
    assert "-" not in text
    assert "−" not in text


def test_old_figures_are_called_old_with_their_age() -> None:
    text = say(i.Now(("soc", "battery")), state(soc=entry(63, "63 %", old="2 h"), battery=None))
    assert "63 %" in text
    assert "Old" in text
    assert "2 h ago" in text


def test_unknown_is_said_as_unknown_and_never_as_zero() -> None:
    assert "unknown" in say(i.Now(("soc", "battery")), state(soc=None, battery=None))
    text = say(i.Now(("generator",)), state())
    assert "unknown" in text
    assert "0" not in text


def test_without_any_reading_no_figure_is_given() -> None:
    text = say(i.Now(), ("current_state", {}, {"no_data": True}))
    assert "no readings" in text
    assert not any(ch.isdigit() for ch in text)


@pytest.mark.parametrize(
    ("watts", "said", "start"),
    [(800, "importing 800 W", "Yes"), (-300, "exporting 300 W", "No: exporting"), (0, "no grid flow", "No: nothing")],
)
def test_grid_use_starts_with_yes_or_no(watts: float, said: str, start: str) -> None:
    assert say(i.Now(("grid",), "importing"), state(grid=entry(watts, said))).startswith(start)


def test_zero_import_is_no_outage_and_an_unknown_grid_is_said() -> None:
    assert "is up" in say(i.Now(("grid",), "outage"), state())
    assert "is down" in say(i.Now(("grid",), "outage"), state(grid_present=False))
    assert "do not know" in say(i.Now(("grid",), "outage"), state(grid_present=None))
    assert "no grid connection" in say(i.Now(("grid",), "outage"), state(off_grid=True, grid=None))


def test_energy_of_a_period_comes_with_peak_and_time() -> None:
    text = say(i.Total(("solar",), "yesterday"), statistics("solar"))
    assert "23.4 kWh" in text
    assert "6.20 kW at 12:10" in text


def test_a_period_without_data_is_unknown_and_gaps_are_named() -> None:
    nothing = ("history_statistics", {"metric": "solar"}, {"metric": "solar", "period": "yesterday", "no_data": True})
    assert "unknown" in say(i.Total(("solar",), "yesterday"), nothing)
    assert "62 %" in say(i.Average("solar", "yesterday"), statistics("solar", covered_pct=62))


def test_lowest_battery_level_is_set_against_the_minimum_when_it_fell_below() -> None:
    low = statistics("soc", "last night", min={"value": 22, "said": "22 %", "at": "06:40"}, energy=None)
    text = say(i.Extreme("soc", "min", "last night"), low, settings())
    assert text.startswith("Lowest battery level last night: 22 % at 06:40.")
    assert "below" in text
    assert "30 %" in text


def test_time_of_the_peak_comes_first() -> None:
    assert say(i.WhenExtreme("solar", "max", "yesterday"), statistics("solar")).startswith("At 12:10: 6.20 kW")


def crossing(**changed: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    facts: dict[str, Any] = {
        "metric": "solar",
        "period": "yesterday",
        "threshold": {"value": 2500, "said": "2.50 kW"},
        "direction": "rising",
        "total": 1,
        "times": [{"at": "yesterday 09:35", "direction": "rising"}],
        "above": "5 h 20 min",
        "above_s": 19200,
    }
    return "when_crossed", {"metric": "solar"}, facts | changed


def test_crossing_gives_its_time_first_and_how_long_it_lasted() -> None:
    text = say(i.WhenCrossed("solar", 2500, "rising", "yesterday"), crossing())
    assert text.startswith("At 09:35")
    assert "5 h 20 min" in text


def test_a_threshold_that_was_never_reached_gives_the_highest_instead() -> None:
    never = crossing(times=[], total=0, highest={"value": 1900, "said": "1.90 kW", "at": "yesterday 12:10"})
    text = say(i.WhenCrossed("solar", 2500, "rising", "yesterday"), never)
    assert "never reached 2.50 kW" in text
    assert "1.90 kW at 12:10" in text


def test_a_vague_threshold_is_answered_for_both_meanings() -> None:
    load = (
        "when_crossed",
        {"metric": "load"},
        crossing(metric="load", times=[{"at": "yesterday 07:00", "direction": "rising"}])[2],
    )
    text = say(i.WhenCrossed("solar", 2500, "rising", "yesterday", "load"), crossing(), load)
    assert "solar reached 2.50 kW" in text
    assert "load reached 2.50 kW" in text


def test_machines_start_stop_and_run_in_words() -> None:
    idle = {"metric": "miners", "threshold": {"value": 50, "said": "50 W"}}
    begun = ("when_crossed", {"metric": "miners"}, crossing(**idle)[2])
    assert say(i.WhenCrossed("miners", 50, "rising", "yesterday"), begun) == "At 09:35 yesterday the miners started."
    text = say(i.HowLong("miners", 50, "above", "yesterday"), begun, statistics("miners"))
    assert text.startswith("The miners ran for 5 h 20 min yesterday.")
    rest = {"value": 0, "said": "0 W", "at": "yesterday 00:00"}
    never = (
        "when_crossed",
        {"metric": "miners"},
        crossing(**idle, times=[], above_s=None, lowest=rest, highest=rest)[2],
    )
    quiet = statistics("miners", max=rest)
    assert say(i.HowLong("miners", 50, "above", "yesterday"), never, quiet) == "The miners did not run yesterday."


def test_time_below_is_the_rest_of_the_covered_time() -> None:
    soc = statistics("soc", covered_pct=50, energy=None)
    through = ("when_crossed", {"metric": "soc"}, crossing(metric="soc", above_s=3600)[2])
    assert "for 11 h yesterday" in say(i.HowLong("soc", 80, "below", "yesterday"), through, soc)


def test_low_battery_says_no_to_miners_with_the_limit_and_what_changes_it() -> None:
    text = say(i.Advice("run_miners", "now"), state(soc=entry(43, "43 %")), settings(), soc_night())
    assert text.startswith("No")
    assert "43 %" in text
    assert "50 %" in text
    assert "60 %" in text


def test_miners_are_not_advised_on_unknown_or_old_battery_levels() -> None:
    assert say(i.Advice("run_miners"), state(soc=None), settings()).startswith("No")
    old = say(i.Advice("run_miners"), state(soc=entry(90, "90 %", old="2 h")), settings())
    assert old.startswith("Not on these figures")
    assert "2 h" in old


def test_surplus_sun_says_yes_with_the_miner_it_carries() -> None:
    sunny = state(soc=entry(85, "85 %"), solar=entry(6000, "6.00 kW"), load=entry(1000, "1.00 kW"))
    text = say(i.Advice("run_miners", "now"), sunny, settings(), soc_night())
    assert text.startswith("Yes, S21+")
    assert "5.00 kW" in text


def test_miners_past_their_stop_level_are_not_told_to_keep_on() -> None:
    two = settings(miners=[MINER, MINER | {"id": "s19", "name": "S19", "start_soc_pct": 85, "stop_soc_pct": 75}])
    running = state(soc=entry(65, "65 %"), miners=entry(7000, "7.00 kW"))
    text = say(i.Advice("run_miners", "now"), running, two, soc_night())
    assert text.startswith("Yes, S21+ may run on at 65 %; the others should be off")


def test_a_night_like_the_last_decides_about_miners_tonight() -> None:
    # 90 % - 30 points for the house leaves 60 %, so 20 points = 6 kWh to spare above 40 %: 6 / 3.878 = 1 h 30 min.
    text = say(
        i.Advice("run_miners", "tonight"), state(soc=entry(90, "90 %")), settings(), soc_night(), miners_night(0)
    )
    assert "6.00 kWh" in text
    assert "1 h 30 min" in text
    assert "no forecast" in text
    assert say(i.Advice("run_miners", "tonight"), state(), settings(), soc_night(), miners_night(0)).startswith("No:")


def test_what_the_miners_took_last_night_is_not_counted_as_house() -> None:
    text = say(
        i.Advice("run_miners", "tonight"), state(soc=entry(90, "90 %")), settings(), soc_night(), miners_night(6)
    )
    assert "takes 10 %" in text  # 30 points less 6 of 30 kWh


def test_grid_charging_is_refused_where_the_owner_does_not_allow_it() -> None:
    assert say(i.Advice("grid_charge", "tonight"), state(), settings(), soc_night()).startswith("No: your settings")
    off_grid = settings(grid={"present": False})
    assert "no grid connection" in say(i.Advice("grid_charge"), state(off_grid=True, grid=None), off_grid, soc_night())


def test_limits_are_told_from_the_settings_only() -> None:
    assert "30 %" in say(i.Policy("minimum"), settings())
    assert "9.00 kW" in say(i.Policy("charge_rate"), settings())
    assert "unknown" in say(i.Policy("discharge_rate"), settings())
    assert "not allowed" in say(i.Policy("grid"), settings())


def test_equipment_that_the_settings_do_not_describe_is_unknown() -> None:
    assert "SolArk 15K" in say(i.DeviceFact("inverter"), settings(), ("device_details", {}, {"devices": []}))
    unnamed = say(i.DeviceFact("inverter"), settings(inverter_model=None), ("device_details", {}, {"devices": []}))
    assert "unknown" in unnamed
    assert "unknown" in say(i.DeviceFact("battery"), settings(battery=None))
    assert "14.6 kWp" in say(i.DeviceFact("panels"), settings())


def test_miners_explain_a_high_load() -> None:
    mining = state(miners=entry(3900, "3.90 kW"), load=entry(4430, "4.43 kW"))
    text = say(i.Advice("high_discharge", None, 5000), mining, statistics("load", "last 7 days"))
    assert text.startswith("Mostly the miners: they draw 3.90 kW of 4.43 kW")


def test_comparison_says_which_is_higher_and_by_how_much() -> None:
    a, b = statistics("solar", "yesterday")[2], statistics("solar", "the day before yesterday")[2]
    facts = {"metric": "solar", "a": a, "b": b, "difference": {"value": 3, "said": "3.00 kWh", "unit": "kWh"}}
    text = say(
        i.Compare("solar", "yesterday", "x"), ("compare_periods", {}, facts | {"difference_pct": 12, "a_is": "higher"})
    )
    assert "3.00 kWh (12 %) higher" in text


def test_trend_takes_full_days_against_the_period_before() -> None:
    days = [["Mon 23", "20.0 kWh"], ["Tue 24", "22.0 kWh"], ["Wed 25", "5.0 kWh"]]
    this = statistics("solar", "this week", buckets=days)
    last = statistics("solar", "last week", mean={"value": 750, "said": "750 W"})  # 18 kWh a day
    text = say(i.Trend("solar", "this week"), this, last)
    assert text.startswith("Rising, by 17 %")
    assert "2 full days" in text


def test_what_cannot_be_done_is_said_with_what_can() -> None:
    assert "switch" in say(i.NotYet("control"), state())
    assert "no forecast" in say(i.Forecast("solar", "tomorrow"), state(), statistics("solar"))
    assert "web" in say(i.OutOfScope("web"))
    assert "earlier conversations" in say(i.Recall())


def test_a_tools_problem_is_told_in_its_own_words() -> None:
    text = "The 31st of February is not a period that I know."
    result = Result.of_json(
        "history_statistics", {}, json.dumps({"facts": {"problem": True}, "text": text}), is_error=True
    )
    assert compose([i.Total(("solar",), "february 31")], Found([result])) == text


def test_broken_findings_end_in_words_and_no_raw_text_passes() -> None:
    for content in (
        "",
        "Traceback 10.0.0.5",
        "[]",
        "{}",
        '{"facts": null, "text": "x"}',
        '{"facts": {"soc": 5}, "text": "ok"}',
    ):
        result = Result.of_json("current_state", {}, content)
        for intent in (i.Now(), i.Now(("soc",)), i.Advice("run_miners"), i.Judge("soc"), i.Forecast("soc", None)):
            text = compose([intent], Found([result]))
            assert text.strip()
            assert "10.0.0.5" not in text


def test_every_intent_answers_without_findings_and_calls_known_tools_only() -> None:
    samples: list[i.Intent] = [
        *[i.Advice(about) for about in ("run_miners", "start_miners", "stop_miners", "grid_charge", "charge_time")],
        *[i.Advice(about) for about in ("low_battery", "high_discharge", "draining", "surplus", "run_generator")],
        *[i.Advice("enough_for_miners", "tomorrow"), i.Advice("use_surplus"), i.Accuracy(), i.PlanShown()],
        *[
            i.WhyPlanned("s21"),
            i.WhatIf("cloudy"),
            i.WhatIf("more_battery", extra_kwh=5),
            i.Forecast("soc", None, "full"),
        ],
        *[
            i.Policy(which)
            for which in ("minimum", "critical", "range", "target", "miners", "charge_rate", "all", "tariff")
        ],
        *[
            i.DeviceFact(what)
            for what in ("inverter", "inverter_state", "health", "firmware", "serial", "devices", "site")
        ],
        *[i.Knowledge(topic) for topic in ("lifepo4", "sizing", "storage", "upgrade", "other", "soc_meaning")],
        *[i.OutOfScope("web"), i.OutOfScope("finance"), i.OutOfScope("weather"), i.OutOfScope("general")],
        *[i.NotYet(what) for what in ("control", "alert", "setting", "outages")],
        *[i.Greeting(), i.Thanks(), i.Help(), i.Recall(), i.Unclear(), i.Unclear(("soc",)), i.Summary("yesterday")],
        *[i.Trend("soc", "today"), i.Trend("solar", "this week"), i.Compare("solar", "today", "yesterday")],
        *[i.Chart("soc", "today"), i.Range("soc", "today"), i.At("soc", "today from 12:00 to 12:10", "12:00")],
    ]
    for intent in samples:
        assert compose([intent], Found()).strip(), intent
        assert {call.name for call in calls_for(intent)} <= set(TOOLS)
