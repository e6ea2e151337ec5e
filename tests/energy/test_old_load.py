"""A load figure that is older than a switch: what it still shows of a miner, and what it does not show yet."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from energy.interlocks import Conditions, MinerRecord, auto_wants, excess_solar_w, hold_blocks, start_blocks
from energy.preferences import PersonalLimits
from energy.site import Inverter, Miner, Site
from tests.energy.ranch import NOON, conditions, ranch, relay, seen

AGE_MIN = 4.0  # of the load in these tests
BEFORE = NOON - timedelta(minutes=AGE_MIN + 30)
SUNNY = PersonalLimits(min_soc_pct=0, miner_min_soc_pct=0, miner_priority="excess_solar")


def barn(**miner: Any) -> Site:
    """Three miners of 3 kW: first, second and third in priority."""
    miners = tuple(
        Miner(
            id=name,
            name=name.title(),
            power_w=3000,
            hashrate_ths=95,
            device="garage",
            channel=channel,
            priority=channel + 1,
            **miner,
        )
        for channel, name in enumerate(("first", "second", "third"))
    )
    return ranch().model_copy(update={"miner": miners, "inverter": Inverter(max_output_w=12_000)})


def just_off(**changes: Any) -> MinerRecord:
    return relay(False, changed_min=1, **({"started_at": BEFORE} | changes))


def with_load(load_w: float, solar_w: float = 0, **miners: MinerRecord) -> Conditions:
    known = {name: miners.get(name, relay()) for name in ("first", "second", "third")}
    return conditions(
        load_w=seen(load_w, age_min=AGE_MIN), solar_w=seen(solar_w, age_min=AGE_MIN), miners=known, soc_pct=seen(90)
    )


def held(site: Site, c: Conditions) -> list[str]:
    return [miner.id for miner in site.miner if c.miners[miner.id].on and hold_blocks(site, miner, c)]


def test_an_overload_stops_as_many_miners_as_it_needs_and_not_all_of_them_one_after_the_other() -> None:
    site, on = barn(), relay(True, power_w=3000.0)
    assert held(site, with_load(12_400, first=on, second=on, third=on)) == ["third"]
    assert held(site, with_load(12_400, first=on, second=on, third=just_off())) == []
    assert held(site, with_load(15_400, first=on, second=on, third=just_off())) == ["second"]


def test_what_a_stopped_miner_really_drew_is_taken_out_where_it_is_known() -> None:
    site, on = barn(), relay(True, power_w=3000.0)
    last_read = {"power_w": 200.0, "read_at": NOON - timedelta(minutes=2)}  # before it went off
    assert held(site, with_load(12_400, first=on, second=on, third=just_off(**last_read))) == ["second"]


def test_a_contact_that_sticks_is_still_a_load() -> None:
    site, on = barn(), relay(True, power_w=3000.0)
    assert held(site, with_load(12_400, first=on, second=on, third=just_off(power_w=3000.0))) == ["second"]


def test_a_miner_that_came_and_went_after_the_load_was_measured_was_never_in_it() -> None:
    site, on = barn(), relay(True, power_w=3000.0)
    brief = just_off(started_at=NOON - timedelta(minutes=2))
    assert held(site, with_load(12_400, first=on, second=on, third=brief)) == ["second"]


def test_excess_solar_does_not_miss_what_went_off_since() -> None:
    site = barn()
    assert excess_solar_w(site, with_load(4000, 5000, first=just_off())) == 4000
    assert excess_solar_w(site, with_load(4000, 5000, first=just_off()), site.miner[2]) == 4000
    charged = {"solar_w": None, "battery_charge_w": seen(1000, age_min=AGE_MIN)}
    miners = {"first": just_off(), "second": relay(), "third": relay()}
    assert excess_solar_w(site, conditions(**charged, miners=miners)) == 4000


def test_excess_solar_is_spent_once_while_an_earlier_miner_comes_up() -> None:
    site = barn(needs_excess_w=2500)
    started = relay(True, changed_min=0.5, power_w=300.0)
    c = with_load(500, 5000, first=started)
    assert excess_solar_w(site, c, site.miner[0]) == 4500
    assert excess_solar_w(site, c, site.miner[1]) == 1500
    assert not auto_wants(site, site.miner[1], c, running=False).on
    assert [block.rule for block in start_blocks(site, site.miner[1], c, by_person=False)] == ["excess_solar"]
    enough = with_load(500, 6000, first=started)
    assert auto_wants(site, site.miner[1], enough, running=False).on


@pytest.mark.parametrize("by_person", [True, False])
def test_miners_that_start_before_take_their_share_of_the_excess(by_person: bool) -> None:
    site = barn(needs_excess_w=2500)
    c = with_load(500, 6000)

    def rules(also_w: float) -> list[str]:
        found = start_blocks(site, site.miner[1], c, personal=SUNNY, also_starting_w=also_w, by_person=by_person)
        return [block.rule for block in found]

    assert rules(0) == rules(3000) == []
    assert rules(3001) == ["excess_solar"]


def test_the_refusal_tells_what_the_earlier_ones_take() -> None:
    site = barn(needs_excess_w=2500)
    (block,) = start_blocks(site, site.miner[1], with_load(500, 4000), personal=SUNNY, also_starting_w=3000)
    assert block.says.startswith(
        "Excess solar is 500 W, with 3,000 W for miners that start before, and must be at least 2,500 W"
    )


def test_a_load_that_is_older_than_a_start_does_not_show_it_however_long_it_is_on() -> None:
    site = barn()
    c = conditions(
        load_w=seen(8_900, age_min=14),
        miners={"first": relay(), "second": relay(True, changed_min=12, power_w=3000.0), "third": relay()},
    )
    assert [block.rule for block in start_blocks(site, site.miner[0], c)] == ["inverter_limit"]
