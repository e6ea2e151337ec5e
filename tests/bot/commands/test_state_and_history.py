from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.reply import plain
from charts.specs import EnergyBars, PowerChart, SocChart
from tests.bot.commands.stage import Stage, buttons, labels, lines
from tests.services.stage import NOON, reading, stocked


async def test_status_says_the_site_in_six_lines_with_its_source(stage: Stage) -> None:
    reply = await stage.say("/status")
    said = lines(reply)
    assert len(said) <= 6
    assert said[0].endswith("% battery, charging at 2.48 kW") or "battery" in said[0]
    assert "solar" in said[1]
    assert "load" in said[2]
    assert plain(reply.blocks).endswith("as of 13:00, Victron, SolArk, Shelly")
    assert labels(reply) == ["Chart", "Miners", "Refresh"]


async def test_status_names_each_miner(stage: Stage) -> None:
    assert "Miners: " in await stage.hears("/status")


async def test_without_readings_nothing_is_made_up(stage: Stage) -> None:
    early = stage.at(stage.scope.as_of - timedelta(days=400))
    said = await early.hears("/status")
    assert said.startswith("There are no readings yet, so nothing is known.")
    assert "/health" in said


async def test_old_figures_say_that_they_are_old(stage: Stage) -> None:
    late = stage.at(stage.scope.as_of + timedelta(hours=3))
    assert "3 h old" in await late.hears("/status")


async def test_solar_compares_today_with_yesterday(stage: Stage) -> None:
    said = await stage.hears("/solar")
    assert "kW now" in said
    assert "kWh so far today, peak" in said
    assert "kWh yesterday, peak" in said


async def test_before_sunrise_solar_says_so_instead_of_a_zero_peak(stage: Stage) -> None:
    night = stage.at(stage.scope.as_of.replace(hour=4))
    assert "peak 0 W" not in (await night.hears("/solar")).partition("yesterday")[0]


async def test_battery_says_how_long_it_lasts_while_it_discharges(stage: Stage) -> None:
    night = stage.at(stage.scope.as_of.replace(hour=4))
    said = await night.hears("/battery")
    assert "discharging at" in said
    assert "At this rate it reaches the minimum of 30 % in about" in said
    assert "At this rate" not in await stage.hears("/battery")


async def test_a_site_without_a_grid_has_none(tmp_path: Path) -> None:
    scope = await stocked(tmp_path, [reading("solark", NOON, soc_pct=62, solar_w=4_000, load_w=1_500)])
    alone = Stage(scope)
    assert (await alone.hears("/grid")).startswith("This site has no grid connection.")
    assert "grid" not in await alone.hears("/status")
    await scope.database.close()


async def test_many_devices_are_six_lines_and_the_silent_ones_come_first(stage: Stage) -> None:
    relay = stage.site.device[2]
    more = tuple(relay.model_copy(update={"id": f"relay{number}"}) for number in range(9))
    big = replace(
        stage, scope=replace(stage.scope, site=stage.site.model_copy(update={"device": (*stage.site.device, *more)}))
    )
    reply = await big.say("/health")
    assert plain(reply.blocks).startswith("9 of 12 devices silent\nShelly (relay0): no reading yet")
    assert "and 9 more, 6 of them silent" in plain(reply.blocks)
    assert len(lines(reply)) <= 6


async def test_health_names_the_devices_and_those_that_are_silent(stage: Stage) -> None:
    assert (await stage.hears("/health")).startswith("All devices report")
    late = stage.at(stage.scope.as_of + timedelta(hours=3))
    said = await late.hears("/health")
    assert said.startswith("3 of 3 devices silent")
    assert said.count("(silent)") == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/history solar yesterday", "kWh solar production yesterday"),
        ("/history yesterday solar", "kWh solar production yesterday"),
        ("/HISTORY state of charge last night", "battery level on average, last night"),
        ("/history", "kWh solar production today"),
        ("/history last 30 days", "kWh solar production last 30 days"),
        ("/history solar 2026-01-01", "There is no solar production data for 2026-01-01."),
    ],
)
async def test_history_takes_metric_and_period_in_either_order(stage: Stage, text: str, expected: str) -> None:
    reply = await stage.say(text)
    assert expected in plain(reply.blocks)
    assert len(lines(reply)) <= 6


async def test_a_discharging_night_has_no_peak_of_charging(stage: Stage) -> None:
    said = await stage.hears("/history battery last night")
    assert "Peak: discharging at" in said
    assert "Peak: charging" not in said


@pytest.mark.parametrize(
    ("text", "wrong", "example"),
    [
        ("/history foo yesterday", '"foo" is not something that I can look up.', "/history solar yesterday"),
        ("/history qqq", '"qqq" is neither a metric nor a period.', "/history solar yesterday"),
        ("/history solar next week", '"next week" is not a period of the past.', "/history solar yesterday"),
        ("/history solar yesterday qqq", '"yesterday qqq" is not a period that I know.', "/history solar yesterday"),
        ("/chart pie today", '"pie" is not something that I can draw.', "/chart power today"),
        ("/solar yesterday", "/solar takes nothing after its name.", "/history solar yesterday"),
    ],
)
async def test_nonsense_is_answered_with_what_is_allowed(stage: Stage, text: str, wrong: str, example: str) -> None:
    said = await stage.hears(text)
    assert said.startswith(wrong)
    assert example in said


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("/chart", PowerChart),
        ("/chart power today", PowerChart),
        ("/chart solar yesterday", PowerChart),
        ("/chart solar last 7 days", EnergyBars),
        ("/chart energy last 7 days", EnergyBars),
        ("/chart soc last night", SocChart),
        ("/chart state of charge last night", SocChart),
    ],
)
async def test_a_chart_shows_what_was_asked(stage: Stage, text: str, kind: type) -> None:
    reply = await stage.say(text)
    assert [type(chart) for chart in reply.charts] == [kind]
    assert plain(reply.blocks).splitlines()[0][0].isdigit()


async def test_a_chart_without_data_is_no_empty_picture(stage: Stage) -> None:
    reply = await stage.say("/chart power 2026-01-01")
    assert reply.charts == ()
    assert plain(reply.blocks).startswith("There is no data to draw for 2026-01-01.")


async def test_figures_are_in_the_persons_units(stage: Stage) -> None:
    from energy.units import UnitPreferences

    warm = replace(stage, scope=replace(stage.scope, units=UnitPreferences(power="W", temperature="F", hour_24=False)))
    assert "°F" in await warm.hears("/battery")
    assert " kW" not in await warm.hears("/status")
    assert "as of 1:00 PM" in await warm.hears("/status")


async def test_a_button_of_the_status_runs_its_command(stage: Stage) -> None:
    from services import buttons as stored

    reply = await stage.say("/status")
    chart = next(button for button in buttons(reply) if button.label == "Chart")
    redeemed = await stored.redeem(
        stage.scope.database,
        stage.site,
        chart.token,
        person_id=stage.scope.actor.person_id or "",
        place=stage.context.place,
        key="tap-1",
        now=stage.scope.now,
    )
    assert redeemed.verdict == "ok"
    drawn = await stage.commands.tapped(redeemed.action or {}, stage.scope, stage.context)
    assert len(drawn.charts) == 1


async def test_what_can_be_drawn_is_named_once(stage: Stage) -> None:
    said = await stage.hears("/chart banana")
    assert "power, energy, soc, solar" in said
    assert said.count("soc,") == 1
