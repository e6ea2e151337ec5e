"""What people want of miners and batteries, as a plan takes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from energy.plan.problem import MinerState, growing_steps
from services.plan_wishes import Wanted, as_it_is_set, as_wanted, strictest_limits, with_wish
from simulator.default_site import default_site
from store.relays import RelayState
from store.wishes import Earlier, Wish

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=3)
STEPS = growing_steps(int(NOW.timestamp()), 12)
S21 = MinerState("s21", "S21", 3_500.0, 200.0, 0.11)


def wish(mode, until=None, before=()):
    return Wish("s21", mode, until, "anna", NOW, before=before)


@pytest.mark.parametrize(
    ("given", "mode", "on", "then"),
    [
        (wish("auto"), "automatic", None, "free"),
        (wish("on"), "automatic", True, "free"),
        (wish("on"), "advise", None, "free"),  # merely how it stands
        (wish("hand_off"), "ask", False, "free"),
        (wish("off", LATER), "advise", False, "free"),
        (wish("on", LATER), "automatic", True, "off"),
        (wish("on", LATER, (Earlier("auto", None, "anna"),)), "automatic", True, "free"),
        (None, "automatic", True, "free"),  # never handed over, and on
        (None, "advise", None, "free"),
    ],
)
def test_a_word_binds_plans_that_act_and_one_with_a_time_binds_advice_too(given, mode, on, then):
    found = as_wanted(given, mode, on=True)
    assert (found.on, found.then) == (on, then)


def test_a_wish_with_a_time_holds_until_then_and_no_longer():
    hours = np.zeros(STEPS.count, dtype=bool)
    until_s = int(LATER.timestamp())
    on = with_wish(MinerState("s21", "S21", 3_500.0, 200.0, 0.11, allowed=hours), Wanted(True, LATER), STEPS, [])
    assert (on.run_until_s, on.off_until_s, on.preference) == (until_s, None, "plan")
    assert on.allowed.tolist() == (STEPS.starts_s < until_s).tolist()  # a person's start is not bound by its hours
    off = with_wish(S21, Wanted(False, LATER), STEPS, [])
    assert (off.run_until_s, off.off_until_s, off.allowed) == (None, until_s, None)
    ends = with_wish(S21, Wanted(True, LATER, "off"), STEPS, [])
    assert ends.allowed.tolist() == (STEPS.starts_s < until_s).tolist()


@pytest.mark.parametrize(
    ("owners", "expected"),
    [
        ([{}], "plan"),
        ([{"miner_priority": "never"}, {}], "never"),
        ([{"miner_priority": "always"}], "always"),
        ([{"miner_priority": "always"}, {}], "plan"),
    ],
)
def test_never_of_one_owner_is_enough_and_always_must_be_everybodys(owners, expected):
    assert with_wish(S21, Wanted(), STEPS, owners).preference == expected


def test_what_an_owner_set_stricter_binds_the_plan_and_what_nobody_set_does_not():
    site = default_site("both")
    limits = site.limits
    assert strictest_limits(site, [{}]) == limits
    stricter = strictest_limits(site, [{"safe_min_soc_pct": 55}, {"min_soc_pct": 5}])
    assert stricter.safe_min_soc_pct == 55
    assert stricter.min_soc_pct == limits.min_soc_pct


@pytest.mark.parametrize(
    ("given", "on", "by", "expected"),
    [
        (None, False, None, ("off", None, "off")),  # nobody ever wanted it on
        (None, True, "us", ("off", None, "off")),
        (None, True, "hand", ("left_on", None, "off")),
        (wish("auto"), False, "us", ("auto", None, "off")),
        (wish("off"), True, "us", ("off", None, "off")),
        (wish("hand_off"), False, "hand", ("off", None, "off")),
        (wish("hand_on"), True, "hand", ("left_on", None, "off")),
        (wish("on", LATER), True, "us", ("on", LATER, "off")),
        (wish("on", LATER, (Earlier("auto", None, "anna"),)), True, "us", ("on", LATER, "auto")),
    ],
)
def test_without_a_plan_a_miner_does_what_its_wish_says(given, on, by, expected):
    relay = RelayState(miner_id="s21", on=on, changed_by=by)
    found = as_it_is_set(replace(S21, on=on), given, relay, default_site()).as_set
    mode, until, then = expected
    assert (found.mode, found.then) == (mode, then)
    assert found.until_s == (None if until is None else int(until.timestamp()))
