"""Alerts about the days to come: little sun tomorrow, and a surplus that is coming."""

from __future__ import annotations

from datetime import timedelta

import pytest

from energy.alerts.situation import DaysAhead
from energy.site_plan import PlanSettings
from tests.energy.alerts.scene import NOON, active, relay, scene, signals, site

EVENING = NOON.replace(hour=2)  # NOON is UTC; 19:00 the evening before in Los Angeles


def ahead(now=EVENING, **about):
    known = {
        "issued_at": now - timedelta(minutes=20),
        "tomorrow": now + timedelta(hours=5),
        "solar_tomorrow_kwh": 12.0,
        "usual_solar_kwh": 40.0,
        "lowest_tomorrow_pct": 38.0,
        "surplus_kwh": 30.0,
        "surplus_until": now + timedelta(hours=6),
    }
    return {"days_ahead": DaysAhead(**(known | about))}


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({}, True),
        ({"solar_tomorrow_kwh": 21.0}, False),
        ({"lowest_tomorrow_pct": 51.0}, False),
        ({"usual_solar_kwh": None}, None),
        ({"solar_tomorrow_kwh": None}, None),
        ({"issued_at": EVENING - timedelta(hours=7)}, None),
    ],
)
def test_little_sun_and_a_battery_that_would_end_low_are_told_in_the_evening(about, expected):
    assert active(scene(now=EVENING, more=ahead(**about)), "cloudy_tomorrow") is expected


def test_what_is_dull_is_told_in_the_evening_alone_and_clears_above_the_level_at_which_it_sets():
    assert active(scene(now=NOON, more=ahead(NOON)), "cloudy_tomorrow") is False
    brighter = ahead(solar_tomorrow_kwh=24.0)
    assert active(scene(now=EVENING, more=brighter, firing={("cloudy_tomorrow", "")}), "cloudy_tomorrow") is True
    assert signals(scene(now=EVENING), "cloudy_tomorrow") == {}  # no forecast, no word


def test_the_remedy_is_the_grid_where_plans_may_charge_from_it_else_to_save():
    running = {"s21": relay(True, now=EVENING), "s19": relay(now=EVENING)}
    told = signals(scene(now=EVENING, more=ahead(), relays=running), "cloudy_tomorrow")[""]
    assert (told.action, told.do) == ("stop_miners", "Save what the battery holds: stop s21 tonight.")
    assert told.what == "Tomorrow brings about 12.0 kWh of sun; the last days brought 40.0 kWh."
    where = site()
    grid = where.grid.model_copy(update={"present": True, "import_allowed": True})
    where = where.model_copy(update={"grid": grid, "plan": PlanSettings(grid_charge=True)})
    told = signals(scene(now=EVENING, at=where, more=ahead()), "cloudy_tomorrow")[""]
    assert told.action == "grid_charge"


def test_a_surplus_beyond_what_the_battery_takes_is_a_hint_while_a_miner_is_off():
    at = site()
    room = 0.3 * at.battery.usable_kwh
    needed = at.miner[0].power_w / 1_000 * 2
    enough, short = (ahead(NOON, surplus_kwh=room + needed + more) for more in (0.5, -0.5))
    assert active(scene(more=enough), "surplus_coming") is True
    assert active(scene(more=short), "surplus_coming") is False
    assert active(scene(more=short, firing={("surplus_coming", "")}), "surplus_coming") is True
    both = {"s21": relay(True), "s19": relay(True)}
    assert active(scene(more=enough, relays=both), "surplus_coming") is False
    assert active(scene(more=enough, relays=both | {"s19": relay()}), "surplus_coming") is False  # it is used already
    followed = ahead(NOON, surplus_kwh=room + needed + 0.5, followed=True)
    assert active(scene(more=followed), "surplus_coming") is False
    assert active(scene(more=enough, soc_pct=None), "surplus_coming") is None


@pytest.mark.parametrize("held", [{"hand": "off", "wanted": "off"}, {"kept_off": True, "wanted": "off"}])
def test_the_hint_names_no_miner_that_a_person_keeps_off(held):
    relays = {"s21": relay(**held), "s19": relay()}
    (told,) = signals(scene(more=ahead(NOON), relays=relays), "surplus_coming").values()
    assert (told.active, told.action) == (True, "start_miners")
    assert told.do.startswith("Start s19 ")
    nobody = {"s21": relay(**held), "s19": relay(**held)}
    assert active(scene(more=ahead(NOON), relays=nobody), "surplus_coming") is False
    now = {"battery_charge_w": 8_000.0, "soc_pct": 96.0}
    (told,) = signals(scene(relays=relays, **now), "surplus").values()
    assert told.do.startswith("Start s19 ")
    (told,) = signals(scene(relays=nobody, **now), "surplus").values()
    assert (told.active, told.action) == (True, None)


def test_the_hint_names_no_miner_outside_its_hours_and_one_whose_time_was_over_it_does():
    night = site({"allowed_hours": "22-6"})
    (told,) = signals(scene(at=night, more=ahead(NOON)), "surplus_coming").values()
    assert told.do.startswith("Start s19 ")
    over = {"s21": relay(wanted="off"), "s19": relay()}
    (told,) = signals(scene(more=ahead(NOON), relays=over), "surplus_coming").values()
    assert told.do.startswith("Start s21 ")
