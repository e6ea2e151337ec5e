"""What the interlocks look at, and the miners as people see them."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from energy.interlocks import Observed, hold_blocks, start_blocks
from energy.reading import Reading
from energy.site import Site
from services.conditions import conditions, local_midnight
from services.miners import UnknownMiner, find_miners, miner_states
from services.preferences import change
from store import readings
from tests.services.ranch import RANCH, Ranch
from tests.services.stage import NOON

SPRING = datetime(2026, 3, 8, 20, 0, tzinfo=UTC)  # the day on which clocks go forward


async def test_the_merged_view_comes_with_the_time_and_source_of_each_figure(farm: Ranch) -> None:
    found = await conditions(farm.database, "home", farm.site, NOON)
    taken_at = NOON - timedelta(seconds=20)
    assert found.soc_pct == Observed(82.0, taken_at, "cerbo")
    assert found.load_w == Observed(900.0, taken_at, "cerbo")
    assert (found.battery_temperature_c, found.generator_w) == (None, None)
    assert (found.grid_present, found.fault_codes) == (True, ())


async def test_rows_after_now_are_invisible(farm: Ranch) -> None:
    found = await conditions(farm.database, "home", farm.site, NOON - timedelta(minutes=1))
    assert found.soc_pct is None


async def test_whether_the_grid_was_there_a_while_ago_says_nothing_about_now(farm: Ranch) -> None:
    later = await conditions(farm.database, "home", farm.site, NOON + timedelta(minutes=16))
    assert later.grid_present is None
    assert later.soc_pct is not None  # with its time: the interlocks judge its age


async def test_fault_codes_are_handed_on(farm: Ranch) -> None:
    await farm.measure(fault_codes=("F18",), age=timedelta(seconds=1))
    found = await conditions(farm.database, "home", farm.site, NOON)
    assert (found.fault_codes, found.fault_codes_at) == (("F18",), NOON - timedelta(seconds=1))
    later = await conditions(farm.database, "home", farm.site, NOON + timedelta(minutes=16))
    assert start_blocks(farm.site, farm.site.miner[0], found)[0].rule == "inverter_fault"
    assert "inverter_fault" not in [block.rule for block in start_blocks(farm.site, farm.site.miner[0], later)]


async def test_a_relays_fault_stops_its_own_miner_and_no_other(farm: Ranch) -> None:
    rows = [
        Reading(site_id="ranch", source="shelly", device_id=device, taken_at=NOON, fault_codes=("overpower_2",))
        for device in ("garage", "attic")  # the second is not described
    ]
    await readings.upsert(farm.database, "home", rows)
    for miner in ("s21", "s19-1", "s19-2"):
        errors = ("overpower",) if miner == "s19-2" else ()
        await farm.relay(miner, on=True, power_w=3000.0, errors=errors)
    found = await conditions(farm.database, "home", farm.site, NOON)
    assert found.fault_codes == ()
    held = {miner.id: [block.rule for block in hold_blocks(farm.site, miner, found)] for miner in farm.site.miner}
    assert held == {"s21": [], "s19-1": [], "s19-2": ["relay_fault"]}


async def test_when_a_miner_was_started_last_is_known(farm: Ranch) -> None:
    for minutes in (90, 30):
        await farm.switched("s21", NOON - timedelta(minutes=minutes))
    await farm.switched("s21", NOON - timedelta(minutes=5), on=False)
    miners = (await conditions(farm.database, "home", farm.site, NOON)).miners
    assert miners["s21"].started_at == NOON - timedelta(minutes=30)
    assert miners["s19-1"].started_at is None


async def test_relays_hands_and_starts_of_the_day_are_merged_in(farm: Ranch) -> None:
    midnight = local_midnight(farm.site, NOON)
    assert midnight == datetime(2026, 11, 24, 8, tzinfo=UTC)
    await farm.relay("s21", on=True, power_w=3870.0, changed_at=NOON - timedelta(minutes=9), errors=("overtemp",))
    await farm.relay("s19-1", on=None, reachable=False)
    await farm.wish("s21", "hand_on")
    await farm.wish("s19-1", "hand_off")
    await farm.wish("s19-2", "off")
    for at in (midnight - timedelta(seconds=1), midnight, NOON - timedelta(minutes=9)):
        await farm.switched("s21", at)
    await farm.switched("s21", NOON - timedelta(hours=1), on=False)
    await farm.switched("s19-1", NOON + timedelta(seconds=1))  # not yet
    miners = (await conditions(farm.database, "home", farm.site, NOON)).miners
    assert (miners["s21"].on, miners["s21"].power_w, miners["s21"].starts_today) == (True, 3870.0, 2)
    assert (miners["s21"].hand, miners["s21"].relay_errors) == ("on", ("overtemp",))
    assert (miners["s19-1"].hand, miners["s19-1"].reachable, miners["s19-1"].starts_today) == ("off", False, 0)
    assert (miners["s19-2"].hand, miners["s19-2"].on) == (None, False)


async def test_a_miner_whose_relay_was_never_read_is_unknown(farm: Ranch) -> None:
    bare = RANCH.model_copy(update={"id": "cabin"})
    record = (await conditions(farm.database, "home", bare, NOON)).miners["s21"]
    assert (record.on, record.read_at, record.starts_today) == (None, None, 0)


def test_the_day_begins_at_local_midnight_also_when_clocks_change() -> None:
    assert local_midnight(RANCH, SPRING) == datetime(2026, 3, 8, 8, tzinfo=UTC)
    assert local_midnight(RANCH, SPRING + timedelta(days=1)) == datetime(2026, 3, 9, 7, tzinfo=UTC)


async def test_miners_are_told_with_names_and_with_what_holds_them_back(farm: Ranch) -> None:
    await farm.relay("s21", on=True, power_w=3870.0, energy_kwh=12.5, timer_until=NOON + timedelta(minutes=14))
    await farm.wish("s21", "on", by=farm.people["Ben"])
    await farm.wish("s19-1", "auto")
    first, second, third = await miner_states(await farm.scope("Vic"))
    assert (first.miner.id, first.on, first.power_w, first.energy_kwh) == ("s21", True, 3870.0, 12.5)
    assert first.wish is not None
    assert (first.wish.set_by, first.timer_until) == ("Ben", NOON + timedelta(minutes=14))
    assert second.wish is not None
    assert (second.wish.mode, second.wish.set_by) == ("auto", "worker")
    assert (third.wish, third.start_blocks) == (None, ())
    assert third.wants.on


async def test_a_persons_own_limit_holds_their_start_back_and_nobody_elses(farm: Ranch) -> None:
    await change(await farm.scope("Ben"), "miner_min_soc_pct", "95")
    ben = await miner_states(await farm.scope("Ben"))
    ann = await miner_states(await farm.scope("Ann"))
    assert {block.rule for block in ben[0].start_blocks} == {"minimum_soc"}
    assert ann[0].start_blocks == ()


async def test_a_site_without_miners_has_none(farm: Ranch) -> None:
    farm.site = Site(id="ranch")
    assert await miner_states(await farm.scope("Vic")) == []


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("all", ["s21", "s19-1", "s19-2"]),
        ("the miners", ["s21", "s19-1", "s19-2"]),
        ("s19-1", ["s19-1"]),
        ("S19 1", ["s19-1"]),
        ("S21", ["s21"]),
        ("s21+", ["s21"]),
        ("Primary S21+", ["s21"]),
        ("the primary miner", ["s21"]),
        ("left s19", ["s19-1"]),
        ("both s19", ["s19-1", "s19-2"]),
        ("s19", ["s19-1", "s19-2"]),
        ("all s19 miners", ["s19-1", "s19-2"]),
        ("s19-2 and s21", ["s21", "s19-2"]),
        ("s19-2, s19-1", ["s19-1", "s19-2"]),
    ],
)
def test_words_for_miners_are_understood(words: str, ids: list[str]) -> None:
    assert [miner.id for miner in find_miners(RANCH, words)] == ids


def _named(*miners: tuple[str, str]) -> Site:
    """Miners by id and name as no toml may have them any more."""
    first = RANCH.miner[0]
    made = tuple(first.model_copy(update={"id": miner_id, "name": name, "model": None}) for miner_id, name in miners)
    return RANCH.model_copy(update={"miner": made})


@pytest.mark.parametrize(
    ("miners", "words", "ids"),
    [
        ((("rack1-11", "A"), ("rack11-1", "B")), "rack11-1", ["rack11-1"]),
        ((("rack1-11", "A"), ("rack11-1", "B")), "the miner RACK1-11", ["rack1-11"]),
        ((("rack1-11", "A"), ("rack11-1", "B")), "rack11-1 and rack1-11", ["rack1-11", "rack11-1"]),
        ((("a1", "b1"), ("b1", "Bee")), "B1", ["b1"]),
        ((("a1", "Black and White"), ("b1", "Black")), "black and white", ["a1"]),
        ((("a1", "🙂"), ("b1", "Bee")), "🙂", ["a1"]),
        ((("all", "Miners"), ("b1", "Bee")), "all", ["all", "b1"]),
        ((("all", "Miners"), ("b1", "Bee")), "the miners", ["all", "b1"]),
    ],
)
def test_an_id_as_it_is_written_comes_before_everything_that_sounds_alike(
    miners: tuple[tuple[str, str], ...], words: str, ids: list[str]
) -> None:
    assert [miner.id for miner in find_miners(_named(*miners), words)] == ids


@pytest.mark.parametrize(
    ("miners", "words"),
    [
        ((("rack1-11", "A"), ("rack11-1", "B")), "rack 111"),
        ((("rack1-11", "A"), ("rack11-1", "B")), "the miner rack111"),
        ((("a1", "b1"), ("b1", "Bee")), "b-1"),
    ],
)
def test_what_could_be_several_miners_is_an_error_that_lists_them(
    miners: tuple[tuple[str, str], ...], words: str
) -> None:
    listed = ", ".join(f"{miner_id} ({name})" for miner_id, name in miners)
    with pytest.raises(UnknownMiner, match=re.escape(f"could be any of {listed}; write the id")):
        find_miners(_named(*miners), words)


@pytest.mark.parametrize(
    "words", ["", "s99", "2h", "1", "both s21", "both", "please", "s", "s21 and s99", "ignore all rules", "🙂", "%"]
)
def test_words_that_name_no_miner_are_refused_with_those_that_exist(words: str) -> None:
    with pytest.raises(UnknownMiner) as refused:
        find_miners(RANCH, words)
    assert "s21 (Primary S21+)" in str(refused.value)
    with pytest.raises(UnknownMiner, match="no miners"):
        find_miners(Site(id="cabin"), words)
