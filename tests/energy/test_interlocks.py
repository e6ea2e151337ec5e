"""Why a miner may not start, and why a running one must stop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from energy.interlocks import Block, Conditions, excess_solar_w, hold_blocks, start_blocks
from energy.preferences import PersonalLimits
from energy.site import Battery, Control, Device, Grid, Inverter, Site
from tests.energy.ranch import NOON, conditions, ranch, relay, seen

VOLTS = {"start_voltage_v": 53.0, "stop_voltage_v": 51.0}
NO_CURVE = {"battery": Battery(usable_kwh=30)}


def rules(blocks: tuple[Block, ...]) -> list[str]:
    return [block.rule for block in blocks]


def start(site: Site, c: Conditions, **asked: Any) -> list[str]:
    return rules(start_blocks(site, site.miner[0], c, **asked))


def hold(site: Site, c: Conditions) -> list[str]:
    return rules(hold_blocks(site, site.miner[0], c))


def with_relay(**changes: Any) -> Conditions:
    return conditions(miners={"s21": relay(**changes), "s19": relay()})


def test_a_sunny_noon_lets_a_miner_start_and_run() -> None:
    site = ranch()
    assert start(site, conditions()) == []
    assert start(site, conditions(), by_person=False) == []
    assert hold(site, conditions(miners={"s21": relay(True), "s19": relay()})) == []


def test_a_refusal_tells_the_figures_the_rule_and_when_it_becomes_possible() -> None:
    site = ranch()
    (block,) = start_blocks(site, site.miner[0], conditions(soc_pct=seen(44)))
    assert block.rule == "minimum_soc"
    assert block.says == "SOC is 44 % and must be at least 50 % (the site's miner_min_soc_pct)"
    assert block.sentence == f"{block.says}; possible once it reaches 50 %"


@pytest.mark.parametrize(
    ("soc_pct", "age_min", "expected"),
    [
        (50, 0, []),
        (49.99, 0, ["minimum_soc"]),
        (50, 5, []),
        (54.9, 5.1, ["minimum_soc"]),
        (55, 5.1, []),
        (55, 15, []),
        (100, 15.1, ["stale_data"]),
        (100, -2, []),
        (100, -3, ["stale_data"]),
        (float("nan"), 0, ["stale_data"]),
    ],
)
def test_the_minimum_soc_holds_for_a_start_and_aged_data_needs_five_percent_more(
    soc_pct: float, age_min: float, expected: list[str]
) -> None:
    assert start(ranch(), conditions(soc_pct=seen(soc_pct, age_min=age_min))) == expected


def test_a_level_just_below_is_not_shown_as_the_limit() -> None:
    site = ranch()
    assert "SOC is 49.9 %" in start_blocks(site, site.miner[0], conditions(soc_pct=seen(49.98)))[0].says


def test_unknown_soc_starts_nothing_and_keeps_nothing_running() -> None:
    assert start(ranch(), conditions(soc_pct=None)) == ["stale_data"]
    assert hold(ranch(), conditions(soc_pct=None)) == ["stale_data"]


@pytest.mark.parametrize(("soc_pct", "age_min", "expected"), [(50, 14, []), (49.9, 1, ["minimum_soc"])])
def test_a_running_miner_needs_the_sites_minimum_without_more_for_age(
    soc_pct: float, age_min: float, expected: list[str]
) -> None:
    assert hold(ranch(), conditions(soc_pct=seen(soc_pct, age_min=age_min))) == expected


def test_the_miners_own_stop_level_binds_a_start_but_does_not_stop_a_running_miner_at_once() -> None:
    site = ranch({"start_soc_pct": 80, "stop_soc_pct": 75})
    assert start(site, conditions(soc_pct=seen(74))) == ["minimum_soc"]
    assert start(site, conditions(soc_pct=seen(75))) == []
    assert hold(site, conditions(soc_pct=seen(60))) == []


def test_a_person_may_be_stricter_than_the_site_and_never_looser() -> None:
    site = ranch()
    strict = PersonalLimits(min_soc_pct=30, miner_min_soc_pct=75, miner_priority="always")
    assert start(site, conditions(), personal=strict) == ["minimum_soc"]
    for own_pct in range(0, 101, 5):
        for soc_pct in range(0, 101, 5):
            own = PersonalLimits(min_soc_pct=own_pct, miner_min_soc_pct=own_pct, miner_priority="always")
            c = conditions(soc_pct=seen(soc_pct))
            assert set(start(site, c)) <= set(start(site, c, personal=own))


@pytest.mark.parametrize(
    ("volts", "age_min", "expected"),
    [(51.0, 1, []), (50.99, 1, ["minimum_soc"]), (51.4, 6, ["minimum_soc"]), (51.5, 6, []), (53, 16, ["stale_data"])],
)
def test_by_voltage_the_site_minimum_holds_through_the_curve(volts: float, age_min: float, expected: list[str]) -> None:
    c = conditions(soc_pct=None, battery_voltage_v=seen(volts, age_min=age_min))  # 50 % is 51.0 V, 55 % is 51.5 V
    assert start(ranch(VOLTS), c) == expected


def test_by_voltage_the_stop_voltage_binds_where_it_is_the_higher() -> None:
    site = ranch({"start_voltage_v": 54.0, "stop_voltage_v": 52.0})
    assert start(site, conditions(battery_voltage_v=seen(51.9))) == ["minimum_soc"]
    assert start(site, conditions(battery_voltage_v=seen(52.0))) == []


def test_by_voltage_without_a_curve_the_soc_holds_the_site_minimum_where_it_is_known() -> None:
    site = ranch(VOLTS, **NO_CURVE)
    assert start(site, conditions(soc_pct=seen(49))) == ["minimum_soc"]
    assert start(site, conditions(soc_pct=None)) == []
    assert start(site, conditions(soc_pct=None, battery_voltage_v=seen(53, age_min=6))) == ["stale_data"]
    assert hold(site, conditions(soc_pct=None, battery_voltage_v=seen(50.9))) == ["minimum_soc"]


CERBO = Device(id="cerbo", kind="victron_mqtt", host="venus.local")
SOLARK = Device(id="cerbo", kind="solark_cloud", plant_id=1)  # the figures say "cerbo" whoever that is


@pytest.mark.parametrize(
    ("soc_pct", "age_min", "device", "expected"),
    [
        (29.9, 5, CERBO, ["minimum_soc"]),
        (30, 5, CERBO, []),
        (12, 5.1, CERBO, []),
        (12, 1, SOLARK, []),
        (12, -3, CERBO, []),
    ],
)
def test_by_voltage_a_fresh_soc_that_a_shunt_measured_binds_and_an_inverters_guess_does_not(
    soc_pct: float, age_min: float, device: Device, expected: list[str]
) -> None:
    site = ranch(VOLTS, device=(device, *ranch().device))
    c = conditions(soc_pct=seen(soc_pct, age_min=age_min), battery_voltage_v=seen(55.5))
    assert start(site, c) == hold(site, c) == expected


def test_by_voltage_the_refusal_says_which_of_the_two_decided() -> None:
    site = ranch(VOLTS, device=(CERBO, *ranch().device))
    (volts,) = start_blocks(site, site.miner[0], conditions(battery_voltage_v=seen(50.5)))
    assert volts.says.endswith("; the voltage decides for s21")
    (soc,) = start_blocks(site, site.miner[0], conditions(soc_pct=seen(12)))
    assert soc.says == (
        "SOC is 12 % and must be at least 30 % (the site's min_soc_pct); SOC decides, since cerbo measured it"
    )


@pytest.mark.parametrize(("load_w", "expected"), [(11122, []), (11123, ["inverter_limit"])])
def test_load_and_miner_stay_within_the_inverter(load_w: float, expected: list[str]) -> None:
    assert start(ranch(), conditions(load_w=seen(load_w))) == expected


@pytest.mark.parametrize("grid_present", [False, None])
def test_without_a_grid_or_while_nobody_knows_the_islanded_limit_holds(grid_present: bool | None) -> None:
    at_limit = conditions(load_w=seen(8122), grid_present=grid_present)
    assert start(ranch(), at_limit) == []
    assert start(ranch(), conditions(load_w=seen(8123), grid_present=grid_present)) == ["islanded_limit"]


def test_a_site_without_a_grid_is_always_islanded_and_zero_import_is_no_outage() -> None:
    c = conditions(load_w=seen(9000), grid_import_w=seen(0))
    assert start(ranch(), c) == []
    assert start(ranch(grid=Grid(present=False)), c) == ["islanded_limit"]


def test_an_unknown_load_starts_nothing_where_the_inverter_has_a_limit() -> None:
    assert start(ranch(), conditions(load_w=None)) == ["stale_data"]
    assert start(ranch(), conditions(load_w=seen(1500, age_min=16))) == ["stale_data"]
    assert start(ranch(inverter=Inverter()), conditions(load_w=None)) == []


def test_miners_that_start_together_are_counted_together() -> None:
    c = conditions(load_w=seen(8000))
    assert start(ranch(), c, also_starting_w=3122) == []
    assert start(ranch(), c, also_starting_w=3123) == ["inverter_limit"]


def test_a_miner_that_the_load_does_not_show_yet_is_counted() -> None:
    just_on = {"s21": relay(), "s19": relay(True, changed_min=0.5, power_w=100.0)}
    assert start(ranch(), conditions(load_w=seen(7872), miners=just_on)) == []
    assert start(ranch(), conditions(load_w=seen(7873), miners=just_on)) == ["inverter_limit"]
    long_on = {"s21": relay(), "s19": relay(True, changed_min=30)}
    assert start(ranch(), conditions(load_w=seen(11122), miners=long_on)) == []


def test_a_miner_that_is_on_already_is_not_blocked_by_its_own_load() -> None:
    c = conditions(load_w=seen(14000), miners={"s21": relay(True, power_w=3878.0, starts_today=8), "s19": relay()})
    assert start(ranch(), c) == []


def test_an_overload_stops_the_last_priority_first() -> None:
    site = ranch()
    both = {"s21": relay(True, power_w=3878.0), "s19": relay(True, power_w=3250.0)}
    c = conditions(grid_present=False, load_w=seen(12001), miners=both)
    assert rules(hold_blocks(site, site.miner[1], c)) == ["islanded_limit"]
    assert rules(hold_blocks(site, site.miner[0], c)) == []
    worse = conditions(grid_present=False, load_w=seen(15251), miners=both)
    assert rules(hold_blocks(site, site.miner[0], worse)) == ["islanded_limit"]
    assert hold(site, conditions(load_w=None)) == []


@pytest.mark.parametrize(("celsius", "blocked"), [(50, False), (50.1, True), (-10, False), (-10.1, True)])
def test_the_battery_must_be_neither_hot_nor_cold(celsius: float, blocked: bool) -> None:
    c = conditions(battery_temperature_c=seen(celsius, age_min=60))
    assert start(ranch(), c) == ["temperature"] * blocked
    assert hold(ranch(control=Control()), c) == ["temperature"] * blocked


@pytest.mark.parametrize(("off_min", "blocked"), [(9.9, True), (10, False)])
def test_a_miner_stays_off_for_its_minimum_time_and_the_refusal_tells_until_when(off_min: float, blocked: bool) -> None:
    site = ranch()
    found = start_blocks(site, site.miner[0], with_relay(changed_min=off_min))
    assert rules(found) == ["dwell_off"] * blocked
    for block in found:
        assert block.when == "at 12:01"
        assert block.at == NOON + timedelta(minutes=10 - off_min)


def test_starts_of_a_day_are_limited_until_the_local_midnight() -> None:
    site = ranch()
    assert start(site, with_relay(starts_today=7)) == []
    (block,) = start_blocks(site, site.miner[0], with_relay(starts_today=8))
    assert (block.rule, block.at) == ("starts_per_day", datetime(2026, 11, 25, 8, tzinfo=UTC))


def test_midnight_is_right_on_the_day_that_the_clocks_change() -> None:
    now = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)  # 01:30, the first of two
    site = ranch()
    c = conditions(now=now, miners={"s21": relay(now=now, starts_today=8), "s19": relay(now=now)})
    (block,) = start_blocks(site, site.miner[0], c)
    assert block.at == datetime(2026, 11, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"reachable": False}, "unreachable"),
        ({"on": None}, "unreachable"),
        ({"read_at": None}, "unreachable"),
        ({"read_at": NOON - timedelta(minutes=16)}, "unreachable"),
        ({"relay_errors": ("overpower",)}, "relay_fault"),
    ],
)
def test_a_relay_that_is_silent_or_in_trouble_starts_nothing(changes: dict[str, Any], rule: str) -> None:
    assert start(ranch(), with_relay(**changes)) == [rule]


def test_a_miner_whose_relay_was_never_heard_does_not_start() -> None:
    assert start(ranch(), conditions(miners={})) == ["unreachable"]


def test_a_fault_of_relay_or_inverter_stops_a_running_miner() -> None:
    assert hold(ranch(), with_relay(on=True, relay_errors=("overtemp",))) == ["relay_fault"]
    assert hold(ranch(), conditions(fault_codes=("F23",))) == ["inverter_fault"]
    assert start(ranch(), conditions(fault_codes=("F23",))) == ["inverter_fault"]


def test_a_long_fault_code_is_shortened_to_what_tells_it_apart() -> None:
    site = ranch()
    (block,) = hold_blocks(
        site, site.miner[0], conditions(fault_codes=("vebus/276/phase-1 HighBatteryRipple", "x/" + 30 * "y"))
    )
    assert f"reports phase-1 HighBatteryRipp…, {23 * 'y'}…; look at its display" in block.says


@pytest.mark.parametrize(
    ("age_min", "says"),
    [
        (5, ["The inverter reports F23; look at its display"]),
        (9, ["The inverter reported F23 9 min ago; look at its display"]),
        (15, ["The inverter reported F23 15 min ago; look at its display"]),
        (15.1, []),
    ],
)
def test_a_fault_that_was_told_long_ago_says_its_age_and_does_not_block_for_ever(
    age_min: float, says: list[str]
) -> None:
    site = ranch()
    c = conditions(fault_codes=("F23",), fault_codes_at=NOON - timedelta(minutes=age_min))
    assert [block.says for block in start_blocks(site, site.miner[0], c)] == says
    assert [block.says for block in hold_blocks(site, site.miner[0], c)] == says


def test_a_hand_that_switched_off_binds_the_plan_and_not_a_person() -> None:
    assert start(ranch(), with_relay(hand="off"), by_person=False) == ["hand"]
    assert start(ranch(), with_relay(hand="off")) == []


@pytest.mark.parametrize(
    ("hours", "utc_hour", "blocked"),
    [
        ("9-17", 16, True),
        ("9-17", 17, False),
        ("9-17", 0, False),
        ("9-17", 1, True),
        ("22-6", 6, False),
        ("22-6", 13, False),
        ("22-6", 14, True),
    ],
)
def test_allowed_hours_are_local_may_pass_midnight_and_bind_the_plan(hours: str, utc_hour: int, blocked: bool) -> None:
    now = datetime(2026, 11, 24, utc_hour, 59 if not blocked and utc_hour in (0, 13) else 0, tzinfo=UTC)
    c, site = conditions(now=now), ranch({"allowed_hours": hours})
    assert start(site, c, by_person=False) == ["allowed_hours"] * blocked
    assert start(site, c) == []


def test_the_next_allowed_hour_is_right_over_the_night_that_the_clocks_change() -> None:
    now = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)  # 19:00 on the eve
    site = ranch({"allowed_hours": "9-17"})
    (block,) = start_blocks(site, site.miner[0], conditions(now=now), by_person=False)
    assert (block.at, block.when) == (datetime(2026, 11, 1, 17, tzinfo=UTC), "at tomorrow 09:00")


@pytest.mark.parametrize(
    ("priority", "solar_w", "expected"),
    [
        ("never", 9000, ["miner_priority"]),
        ("excess_solar", 1500, ["excess_solar"]),
        ("excess_solar", 1501, []),
        ("always", 0, []),
    ],
)
def test_a_persons_start_is_bound_by_their_miner_priority(priority: Any, solar_w: float, expected: list[str]) -> None:
    own = PersonalLimits(min_soc_pct=0, miner_min_soc_pct=0, miner_priority=priority)
    assert start(ranch(), conditions(solar_w=seen(solar_w)), personal=own) == expected


@pytest.mark.parametrize(("solar_w", "blocked"), [(4500, False), (4499, True)])
def test_the_plan_needs_the_miners_excess_solar(solar_w: float, blocked: bool) -> None:
    c = conditions(solar_w=seen(solar_w))
    assert start(ranch({"needs_excess_w": 3000}), c, by_person=False) == ["excess_solar"] * blocked
    assert start(ranch({"needs_excess_w": 3000}), c) == []


def test_excess_solar_leaves_out_what_miners_take_and_later_miners_yield() -> None:
    site = ranch()
    running = conditions(load_w=seen(4700), miners={"s21": relay(), "s19": relay(True, power_w=3200.0)})
    assert excess_solar_w(site, running) == 7500
    assert excess_solar_w(site, running, site.miner[0]) == 7500
    first = conditions(load_w=seen(5378), miners={"s21": relay(True, power_w=3878.0), "s19": relay()})
    assert excess_solar_w(site, first, site.miner[1]) == 3622


def test_excess_solar_falls_back_to_charge_and_export_without_the_generator_and_unknown_stays_unknown() -> None:
    parts: dict[str, Any] = {"solar_w": None, "battery_charge_w": seen(2000), "grid_import_w": seen(-500)}
    assert excess_solar_w(ranch(), conditions(**parts)) == 2500
    assert excess_solar_w(ranch(), conditions(**parts, generator_w=seen(2500))) == 0
    assert excess_solar_w(ranch(), conditions(**(parts | {"grid_import_w": None}))) is None
    off_grid = ranch(grid=Grid(present=False))
    assert excess_solar_w(off_grid, conditions(**(parts | {"grid_import_w": None}))) == 2000
