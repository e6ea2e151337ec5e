"""The next step for a miner: a table of wishes, relays and conditions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from energy.interlocks import Conditions, MinerRecord, Observed
from jobs.decisions import next_step
from jobs.hands import OFF_NOT_CONFIRMED
from store.relays import RelayState
from store.wishes import Wish
from tests.jobs.ranch import ranch_site

NOW = datetime(2026, 6, 1, 19, 0, tzinfo=UTC)
SITE = ranch_site(timer_s=900.0)
S21 = SITE.miner[0]
ON = RelayState(
    miner_id="s21",
    on=True,
    timer_until=NOW + timedelta(minutes=14),
    read_at=NOW,
    changed_at=NOW - timedelta(hours=2),
    changed_by="us",
)
OFF = replace(ON, on=False, timer_until=None)
MAYBE = replace(ON, on=None, reachable=False)


def conditions(soc_pct=80.0, age=timedelta(), state=ON):
    def value(number):
        return Observed(number, NOW - age, "cerbo")

    record = MinerRecord(
        on=state.on, power_w=3_900.0, read_at=state.read_at, changed_at=state.changed_at, starts_today=1
    )
    return Conditions(
        now=NOW,
        soc_pct=value(soc_pct),
        battery_voltage_v=value(54.0),
        battery_temperature_c=value(24.0),
        solar_w=value(9_000.0),
        load_w=value(4_700.0),
        battery_charge_w=value(4_300.0),
        grid_import_w=value(0.0),
        generator_w=None,
        grid_present=True,
        fault_codes=(),
        miners={miner.id: record for miner in SITE.miner},
    )


def step(mode, state, *, until=None, **about):
    wish = None if mode is None else Wish("s21", mode, until, "anna", NOW - timedelta(hours=3), "r1")
    found = next_step(SITE, S21, wish, state, conditions(state=state or OFF, **about))
    return (found.do, found.why)


@pytest.mark.parametrize(
    ("mode", "state", "expected"),
    [
        ("on", ON, ("nothing", "")),
        ("on", replace(ON, timer_until=NOW + timedelta(minutes=10)), ("renew", "")),
        ("on", replace(ON, timer_until=NOW + timedelta(minutes=10, seconds=5)), ("nothing", "")),
        ("on", replace(ON, timer_until=None), ("renew", "")),
        ("on", OFF, ("start", "")),
        ("on", MAYBE, ("nothing", "")),
        ("on", None, ("nothing", "")),
        ("auto", OFF, ("start", "automatic")),
        ("auto", ON, ("nothing", "")),
        ("off", ON, ("stop", "off")),
        ("off", MAYBE, ("stop", "off")),
        ("off", OFF, ("nothing", "")),
        (None, ON, ("stop", "off")),  # ours, and nobody wants it
        (None, replace(ON, changed_by="unknown"), ("nothing", "")),
        (None, OFF, ("nothing", "")),
        ("hand_on", replace(ON, timer_until=None, changed_by="hand"), ("nothing", "")),
        ("hand_off", OFF, ("nothing", "")),
    ],
)
def test_what_is_wanted_and_how_it_stands_decide(mode, state, expected):
    assert step(mode, state) == expected


def test_limits_stop_what_runs_by_command_or_by_itself_and_a_hand_only_below_the_minimum_for_all():
    for mode in ("on", "auto"):
        assert step(mode, ON, soc_pct=49.0) == ("stop", "held")
        assert step(mode, ON, age=timedelta(minutes=16)) == ("stop", "held")
        assert step(mode, ON, age=timedelta(minutes=14)) == ("nothing", "")
    by_hand = replace(ON, timer_until=None, changed_by="hand")
    assert step("hand_on", by_hand, soc_pct=49.0) == ("nothing", "")
    assert step("hand_on", by_hand, soc_pct=29.0) == ("stop", "too_low")
    assert step("hand_on", by_hand, age=timedelta(hours=1)) == ("nothing", "")  # not known to be low


def test_a_wish_that_is_over_stops_what_runs_and_ends_what_does_not():
    over = NOW - timedelta(seconds=1)
    assert step("on", ON, until=over) == ("stop", "over")
    assert step("on", MAYBE, until=over) == ("stop", "over")
    assert step("on", OFF, until=over) == ("end", "over")
    assert step("off", OFF, until=over) == ("end", "over")
    assert step("on", ON, until=NOW + timedelta(seconds=1)) == ("nothing", "")


def test_off_is_sent_until_the_timer_of_a_silent_relay_must_have_ended():
    pending = replace(ON, reachable=False, problem=OFF_NOT_CONFIRMED)
    assert step("off", pending) == ("stop", "off")
    ended = replace(pending, timer_until=NOW - timedelta(minutes=1))
    assert step("off", ended) == ("give_up", "")
    assert step("off", replace(ended, problem="said already")) == ("nothing", "")
    assert step("off", replace(ended, reachable=True)) == ("stop", "off")  # it answers, and is still on
    assert step("off", replace(pending, timer_until=None)) == ("stop", "off")  # it has no timer that would end it


@pytest.mark.parametrize("mode", ["on", "auto", "off"])
def test_power_behind_an_open_relay_is_not_off(mode):
    stuck = replace(OFF, power_w=3_800.0)
    over = NOW - timedelta(seconds=1)
    assert step(mode, stuck, until=over) == (("end", "over") if mode == "off" else ("stop", "over"))
    if mode == "off":
        assert step(mode, stuck) == ("stop", "off")
        assert step(mode, replace(stuck, power_w=99.0)) == ("nothing", "")
        assert step(mode, replace(OFF, problem=OFF_NOT_CONFIRMED)) == ("stop", "off")  # looked at, and told


@pytest.mark.parametrize(
    ("limits", "miner", "enough", "too_little"),
    [
        ({}, {}, {"soc_pct": 60.0}, {"soc_pct": 59.9}),  # its start_soc_pct
        ({"miner_min_soc_pct": 58.0}, {}, {"soc_pct": 63.0}, {"soc_pct": 62.9}),  # 5 % above the site's floor
        ({}, {"start_voltage_v": 53.5, "stop_voltage_v": 50.0}, {"volts": 53.5}, {"volts": 53.4}),
        ({}, {}, {"soc_pct": 60.0}, {"soc_pct": 90.0, "age": timedelta(minutes=16)}),
    ],
)
def test_a_person_s_wish_comes_back_after_a_hold_only_well_above_the_limits(limits, miner, enough, too_little):
    site = SITE.model_copy(update={"limits": SITE.limits.model_copy(update=limits)})
    s21 = S21.model_copy(update=miner)
    held = Wish("s21", "on", None, "anna", NOW - timedelta(hours=3), "r1", held=True)

    def do(wish, *, volts=54.0, **about):
        c = conditions(state=OFF, **about)
        volts_now = replace(c.battery_voltage_v, value=volts)
        return next_step(site, s21, wish, OFF, replace(c, battery_voltage_v=volts_now)).do

    assert do(held, **enough) == "start"
    assert do(held, **too_little) == "nothing"
    assert do(replace(held, held=False), **too_little) == "start"  # and the interlocks have the word
