"""Who may order what, what must be confirmed, and what is refused."""

import asyncio
from datetime import timedelta

import pytest

from services import control
from services.control import Accepted, Confirm, Late, Order, RefusedBy
from services.control_words import confirm_text, refusal_text, result_text
from services.scope import Refused
from store import audit, people
from store import control as store_control
from store.database import Database
from tests.services.ranch import ADDRESS, PLACE, Ranch, accepted

TWO_MINUTES = timedelta(seconds=120)


async def actions(farm: Ranch) -> list[str]:
    return [row.action for row in await audit.entries(farm.database, "home", site_id="ranch", kinds=["control_"])]


async def test_a_stop_that_is_typed_acts_at_once_and_wakes_the_worker(farm: Ranch) -> None:
    request = accepted(await farm.order("stop", "s21", "s19-1", by="Ben")).request
    assert (request.state, request.arguments) == ("queued", {"miners": ["s21", "s19-1"], "until": None})
    assert (request.action, request.address, request.person_name) == ("miners.stop", ADDRESS, "Ben")
    assert farm.woken == ["control"]
    (row,) = await audit.entries(farm.database, "home", kinds=["control_"])
    assert (row.actor, row.action, row.subject) == (farm.people["Ben"], "control_asked", "s21, s19-1")


async def test_a_stop_is_never_held_back_by_what_is_measured(farm: Ranch) -> None:
    farm.now += timedelta(hours=25)  # nothing was heard for a day
    accepted(await farm.order("stop", "s21"))


async def test_handing_over_to_the_automatic_acts_at_once(farm: Ranch) -> None:
    assert accepted(await farm.order("auto", "s19-2")).request.action == "miners.auto"
    assert farm.woken == ["control"]


async def test_a_start_asks_once_with_the_figures_of_now(farm: Ranch) -> None:
    asked = await farm.proposed("s21", "s19-1")
    assert asked.request.state == "proposed"
    assert asked.request.expires_at == farm.now + TWO_MINUTES
    assert confirm_text(asked, await farm.scope()) == (
        "Start s21 (3.88 kW) and s19-1 (3.25 kW), 7.13 kW in all.\n"
        "Now: SOC 82 % (Victron), solar 9.00 kW, load 900 W.\n"
        "Good for 2 min, until 12:02."
    )
    assert farm.woken == []
    assert accepted(await control.confirm(await farm.scope(), asked.request.request_id, place=PLACE))
    assert farm.woken == ["control"]
    assert await actions(farm) == ["control_confirmed", "control_proposed"]


@pytest.mark.parametrize("action", ["start", "stop", "auto"])
async def test_whatever_the_model_asks_for_needs_a_tap(farm: Ranch, action: str) -> None:
    asked = await farm.order(action, "s21", origin="model", address=None)
    assert isinstance(asked, Confirm)
    assert asked.request.state == "proposed"
    assert farm.woken == []
    again = await control.proposed(await farm.scope(), asked.request.request_id)
    assert again.says == asked.says


async def test_under_the_minimum_soc_a_start_is_refused_for_the_owner_too_and_audited_with_its_figures(
    farm: Ranch,
) -> None:
    await farm.measure(soc_pct=44.0, age=timedelta(seconds=5))
    asked = await farm.order("start", "s21", "s19-1")
    assert isinstance(asked, RefusedBy)
    assert {block.rule for block in asked.blocks["s21"]} == {"minimum_soc"}
    text = refusal_text(asked, await farm.scope())
    assert text.startswith("s21 and s19-1 cannot start: ")
    assert "44 %" in text
    assert "50 %" in text
    (row,) = await audit.entries(farm.database, "home", kinds=["control_"])
    assert (row.actor, row.action, row.subject) == (farm.people["Ann"], "control_refused", "s21, s19-1")
    assert row.details["blocks"]["s21"][0]["rule"] == "minimum_soc"
    assert "44 %" in row.details["blocks"]["s21"][0]["says"]


async def test_only_as_many_start_as_the_inverter_can_carry_the_most_important_first(farm: Ranch) -> None:
    await farm.measure(load_w=5000.0, solar_w=14_000.0, age=timedelta(seconds=5))
    asked = await farm.proposed("s19-2", "s19-1", "s21")
    assert asked.request.arguments["miners"] == ["s21", "s19-1"]
    assert any(line.startswith("s19-2 cannot start: ") for line in asked.says)
    (row,) = await audit.entries(farm.database, "home", kinds=["control_"])
    assert list(row.details["blocks"]) == ["s19-2"]


async def test_a_viewer_may_not_order_and_that_is_audited(farm: Ranch) -> None:
    with pytest.raises(Refused, match="needs the role operator; Vic is viewer"):
        await farm.order("stop", "s21", by="Vic")
    with pytest.raises(Refused, match="needs the role owner; Ben is operator"):
        await control.order_grid_charge(
            await farm.scope("Ben"), True, origin="typed", place=PLACE, address=None, key=None
        )
    rows = await audit.entries(farm.database, "home", kinds=["control_"])
    assert [(row.actor, row.action, row.subject) for row in rows] == [
        (farm.people["Ben"], "control_denied", "grid_charge"),
        (farm.people["Vic"], "control_denied", "s21"),
    ]
    assert farm.woken == []


async def test_the_role_of_now_counts_and_not_the_one_that_the_scope_was_made_with(farm: Ranch) -> None:
    scope = await farm.scope("Ben")
    asked = await farm.proposed("s21", by="Ben")
    await people.set_role(farm.database, "home", "ranch", farm.people["Ben"], "viewer", granted_by="host")
    with pytest.raises(Refused, match="Ben is viewer"):
        await control.confirm(scope, asked.request.request_id, place=PLACE)
    with pytest.raises(Refused, match="Ben is viewer"):
        await control.order(scope, Order("stop", ("s21",)), origin="typed", place=PLACE, address=None, key=None)
    await people.forget(farm.database, "home", farm.people["Ben"], by="host")
    with pytest.raises(Refused, match="Ben has no role"):
        await control.order(scope, Order("stop", ("s21",)), origin="typed", place=PLACE, address=None, key=None)
    assert farm.woken == []


async def test_somebody_else_can_neither_confirm_nor_cancel_nor_from_another_chat_and_all_is_audited(
    farm: Ranch,
) -> None:
    request_id = (await farm.proposed("s21", by="Ben")).request.request_id
    ann = await farm.scope("Ann")
    with pytest.raises(Refused, match="only Ben"):
        await control.confirm(ann, request_id, place=PLACE)
    with pytest.raises(Refused, match="only Ben"):
        await control.cancel(ann, request_id)
    with pytest.raises(Refused, match="in the chat in which it was asked"):
        await control.confirm(await farm.scope("Ben"), request_id, place="slack:D9")
    with pytest.raises(Refused, match="no such request"):
        await control.confirm(ann, "0" * 32, place=PLACE)
    assert (await actions(farm)).count("control_denied") == 4
    accepted(await control.confirm(await farm.scope("Ben"), request_id, place=PLACE))


async def test_fifty_clicks_at_once_on_connections_of_their_own_queue_one_request(farm: Ranch) -> None:
    request_id = (await farm.proposed()).request.request_id
    opened = [await Database.open(farm.url) for _ in range(50)]
    scopes = [await farm.scope(database=each) for each in opened]
    results = await asyncio.gather(*(control.confirm(each, request_id, place=PLACE) for each in scopes))
    assert [accepted(each).again for each in results].count(False) == 1
    assert farm.woken == ["control"]
    assert (await actions(farm)).count("control_confirmed") == 1
    for each in opened:
        await each.close()


async def test_a_message_that_is_handled_again_asks_for_nothing_more(farm: Ranch) -> None:
    first = accepted(await farm.order("stop", "s21", key="telegram:5"))
    again = accepted(await farm.order("stop", "s21", key="telegram:5"))
    assert (again.request.request_id, again.again) == (first.request.request_id, True)
    assert farm.woken == ["control"]
    proposed = await farm.proposed("s21", key="telegram:6")
    assert (await farm.proposed("s21", key="telegram:6")).request == proposed.request
    with pytest.raises(Refused, match="somebody else"):
        await farm.order("stop", "s21", by="Ben", key="telegram:5")


async def test_a_refusal_that_is_handled_again_is_the_same_refusal(farm: Ranch) -> None:
    await farm.measure(soc_pct=20.0, age=timedelta(seconds=5))
    first = await farm.order("start", "s21", key="telegram:5")
    await farm.measure(soc_pct=90.0, age=timedelta(seconds=1))
    again = await farm.order("start", "s21", key="telegram:5")
    assert isinstance(first, RefusedBy)
    assert isinstance(again, RefusedBy)
    assert again.says == first.says


async def test_a_confirmation_handled_again_after_a_kill_does_not_act_twice(farm: Ranch) -> None:
    request_id = (await farm.proposed()).request.request_id
    scope = await farm.scope()
    accepted(await control.confirm(scope, request_id, place=PLACE))
    assert accepted(await control.confirm(scope, request_id, place=PLACE)).again
    await farm.ended(request_id)
    assert accepted(await control.confirm(scope, request_id, place=PLACE)).request.state == "done"
    assert farm.woken == ["control"]


async def test_a_late_click_gets_a_fresh_confirmation_with_the_figures_of_now(farm: Ranch) -> None:
    asked = await farm.proposed("s21")
    farm.now += TWO_MINUTES
    await farm.measure(soc_pct=71.0)
    scope = await farm.scope()
    late = await control.confirm(scope, asked.request.request_id, place=PLACE)
    assert isinstance(late, Late)
    fresh = late.confirm.request
    assert fresh.request_id != asked.request.request_id
    assert fresh.expires_at == farm.now + TWO_MINUTES
    assert any("SOC 71 %" in line for line in late.confirm.says)
    more = await asyncio.gather(*(control.confirm(scope, asked.request.request_id, place=PLACE) for _ in range(10)))
    assert {each.confirm.request.request_id for each in more if isinstance(each, Late)} == {fresh.request_id}
    accepted(await control.confirm(scope, fresh.request_id, place=PLACE))
    assert accepted(await control.confirm(scope, asked.request.request_id, place=PLACE)).again
    assert farm.woken == ["control"]


async def test_a_click_gets_a_fresh_confirmation_where_the_worker_closes_the_proposal_under_it(farm: Ranch) -> None:
    asked = await farm.proposed("s21")
    scope = await farm.scope()
    async with farm.database.begin():  # whoever wants to write waits in order: the worker first, then the click
        closing = asyncio.create_task(store_control.expire_proposals(farm.database, "home", farm.now + TWO_MINUTES))
        await asyncio.sleep(0.05)
        clicking = asyncio.create_task(control.confirm(scope, asked.request.request_id, place=PLACE))
        await asyncio.sleep(0.3)
    assert await closing == 1
    late = await clicking
    assert isinstance(late, Late)
    assert late.confirm.request.request_id != asked.request.request_id
    assert late.confirm.request.state == "proposed"
    assert farm.woken == []


async def test_a_click_that_is_late_twice_gets_another_fresh_one(farm: Ranch) -> None:
    asked = await farm.proposed("s21")
    seen = {asked.request.request_id}
    for _ in range(3):
        farm.now += 2 * TWO_MINUTES
        await farm.measure()
        late = await control.confirm(await farm.scope(), asked.request.request_id, place=PLACE)
        assert isinstance(late, Late)
        seen.add(late.confirm.request.request_id)
    assert len(seen) == 4


async def test_a_late_click_on_what_is_forbidden_by_now_is_refused(farm: Ranch) -> None:
    asked = await farm.proposed("s21")
    farm.now += TWO_MINUTES
    await farm.measure(soc_pct=31.0)
    assert isinstance(await control.confirm(await farm.scope(), asked.request.request_id, place=PLACE), RefusedBy)
    assert (await actions(farm))[0] == "control_refused"


async def test_the_interlocks_are_asked_again_when_it_is_confirmed(farm: Ranch) -> None:
    asked = await farm.proposed("s21")
    farm.now += timedelta(seconds=60)
    await farm.measure(soc_pct=31.0)
    scope = await farm.scope()
    refused = await control.confirm(scope, asked.request.request_id, place=PLACE)
    assert isinstance(refused, RefusedBy)
    assert "31 %" in refusal_text(refused, scope)
    await farm.measure(soc_pct=90.0, age=timedelta(seconds=1))
    again = await control.confirm(scope, asked.request.request_id, place=PLACE)
    assert isinstance(again, RefusedBy)  # it was decided: another start is asked for anew
    assert farm.woken == []
    assert (await actions(farm))[0] == "control_refused"


async def test_data_that_became_old_while_the_confirmation_waited_refuses_it(farm: Ranch) -> None:
    await farm.measure(age=timedelta(minutes=14, seconds=30))
    farm.now += timedelta(minutes=14)  # the fixture's newer reading is 14 min 20 s old now
    asked = await farm.proposed("s21")
    farm.now += timedelta(seconds=90)
    for miner in farm.site.miner:
        await farm.relay(miner.id)
    refused = await control.confirm(await farm.scope(), asked.request.request_id, place=PLACE)
    assert isinstance(refused, RefusedBy)
    assert {block.rule for block in refused.blocks["s21"]} >= {"stale_data"}


async def test_what_was_cancelled_cannot_be_confirmed(farm: Ranch) -> None:
    request_id = (await farm.proposed()).request.request_id
    scope = await farm.scope()
    assert await control.cancel(scope, request_id)
    assert not await control.cancel(scope, request_id)
    refused = await control.confirm(scope, request_id, place=PLACE)
    assert isinstance(refused, RefusedBy)
    assert "cancelled" in refusal_text(refused, scope)


async def test_a_persons_own_limits_are_stricter_and_never_looser(farm: Ranch) -> None:
    await farm.prefers("Ben", miner_min_soc_pct=90, miner_priority="always")
    await farm.prefers("Ann", miner_min_soc_pct=30, min_soc_pct=10, miner_priority="always")
    refused = await farm.order("start", "s21", by="Ben")
    assert isinstance(refused, RefusedBy)
    assert "90 %" in refused.says[0]
    await farm.measure(soc_pct=44.0, age=timedelta(seconds=5))
    assert isinstance(await farm.order("start", "s21", by="Ann"), RefusedBy)


async def test_miner_priority_never_refuses_that_persons_starts_but_not_their_stops(farm: Ranch) -> None:
    await farm.prefers("Ben", miner_priority="never")
    assert isinstance(await farm.order("start", "s21", by="Ben"), RefusedBy)
    accepted(await farm.order("stop", "s21", by="Ben"))
    await farm.proposed("s21", by="Ann")


async def test_orders_that_make_no_sense_are_refused_with_what_is_allowed(farm: Ranch) -> None:
    for options, said in (
        ({"miners": ("s99",)}, "the miners are s19-1, s19-2, s21"),
        ({"miners": ()}, "There is no miner named"),
        ({"miners": ("s21",), "until": farm.now}, "over already"),
        ({"miners": ("s21",), "until": farm.now + timedelta(days=32)}, "at most 31 days"),
    ):
        refused = await farm.order("stop", *options.pop("miners"), **options)  # type: ignore[misc]
        assert isinstance(refused, RefusedBy)
        assert said in refused.says[0]
    assert farm.woken == []


async def test_a_result_is_waited_for_and_given_up_in_time(farm: Ranch) -> None:
    request = accepted(await farm.order("stop", "s21")).request
    scope = await farm.scope()
    assert await control.result(scope, request.request_id, timeout_s=0.1) is None
    waiting = asyncio.create_task(control.result(scope, request.request_id, timeout_s=5))
    await farm.ended(request.request_id, s21={"state": "done", "says": "s21 is off."})
    done = await waiting
    assert done is not None
    assert result_text(done, scope) == "s21 is off."
    assert await control.claim_report(scope, request.request_id)
    assert not await control.claim_report(scope, request.request_id)


async def test_the_host_is_an_owner_without_preferences_of_its_own(farm: Ranch) -> None:
    await farm.measure(solar_w=0.0, battery_charge_w=-900.0, age=timedelta(seconds=5))  # no excess
    asked = await farm.order("start", "s21", by=None)
    assert isinstance(asked, Confirm)
    assert isinstance(await control.confirm(await farm.scope(None), asked.request.request_id, place=PLACE), Accepted)


async def test_only_as_many_start_as_excess_solar_carries_the_most_important_first(farm: Ranch) -> None:
    await farm.measure(solar_w=4_500.0, load_w=900.0, age=timedelta(seconds=5))  # 3.6 kW, and an S21+ draws 3.9
    asked = await farm.order("start", "s19-2", "s19-1", "s21")
    assert isinstance(asked, Confirm)
    assert asked.request.arguments["miners"] == ["s21"]
    await farm.prefers("Ann", miner_priority="always")
    asked = await farm.order("start", "s19-2", "s19-1", "s21")
    assert isinstance(asked, Confirm)
    assert sorted(asked.request.arguments["miners"]) == ["s19-1", "s19-2", "s21"]
