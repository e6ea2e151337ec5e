"""Charging from the grid: for owners, opted in, confirmed, and not too often."""

from datetime import timedelta
from typing import Any

import pytest

from energy.site import Grid, Inverter
from services import control
from services.control import Asked, Confirm, RefusedBy
from services.scope import Refused
from store import people
from store.control import ControlRequest
from tests.services.ranch import PLACE, RANCH, Ranch, accepted

MINUTE = timedelta(minutes=1)


async def asked(farm: Ranch, on: bool = True, by: str = "Ann", **options: Any) -> Asked:
    usual: dict[str, Any] = {"origin": "typed", "place": PLACE, "address": None, "key": None}
    return await control.order_grid_charge(await farm.scope(by), on, **(usual | options))


async def switched(farm: Ranch, on: bool = True) -> ControlRequest:
    confirm = await asked(farm, on)
    assert isinstance(confirm, Confirm), confirm
    request_id = confirm.request.request_id
    request = accepted(await control.confirm(await farm.scope(), request_id, place=PLACE)).request
    await farm.ended(request_id)
    return request


@pytest.mark.parametrize("on", [True, False])
async def test_it_is_always_confirmed(farm: Ranch, on: bool) -> None:
    request = await switched(farm, on)
    assert (request.action, request.state) == (f"grid_charge.{'on' if on else 'off'}", "queued")
    assert farm.woken == ["control"]


async def test_without_the_owners_opt_in_it_is_refused_with_what_to_do(farm: Ranch) -> None:
    farm.site = RANCH.model_copy(update={"inverter": Inverter()})
    refused = await asked(farm)
    assert isinstance(refused, RefusedBy)
    assert "allow_settings_writes = true" in refused.says[0]


async def test_an_opt_in_that_was_taken_back_refuses_the_confirmation(farm: Ranch) -> None:
    confirm = await asked(farm)
    assert isinstance(confirm, Confirm)
    farm.site = RANCH.model_copy(update={"inverter": Inverter()})
    refused = await control.confirm(await farm.scope(), confirm.request.request_id, place=PLACE)
    assert isinstance(refused, RefusedBy)
    assert farm.woken == []


async def test_a_site_without_a_grid_has_nothing_to_charge_from(farm: Ranch) -> None:
    farm.site = RANCH.model_copy(update={"grid": Grid()})
    refused = await asked(farm)
    assert isinstance(refused, RefusedBy)
    assert "no grid" in refused.says[0]


async def test_an_owner_who_is_operator_by_now_cannot_confirm_it(farm: Ranch) -> None:
    confirm = await asked(farm)
    assert isinstance(confirm, Confirm)
    await people.set_role(farm.database, "home", "ranch", farm.people["Ben"], "owner", granted_by="host")
    await people.set_role(farm.database, "home", "ranch", farm.people["Ann"], "operator", granted_by="host")
    with pytest.raises(Refused, match="needs the role owner"):
        await control.confirm(await farm.scope(), confirm.request.request_id, place=PLACE)


async def test_it_is_switched_at_most_six_times_an_hour(farm: Ranch) -> None:
    for number in range(6):
        await switched(farm, on=number % 2 == 0)
        farm.now += MINUTE
    refused = await asked(farm)
    assert isinstance(refused, RefusedBy)
    assert "changed 6 times" in refused.says[0]
    assert "again at 13:00" in refused.says[0]
    farm.now += timedelta(minutes=54)  # an hour after the first
    await switched(farm)


async def test_proposals_that_were_made_before_the_limit_do_not_pass_it(farm: Ranch) -> None:
    waiting = [await asked(farm) for _ in range(8)]
    answers = [
        await control.confirm(await farm.scope(), each.request.request_id, place=PLACE)
        for each in waiting
        if isinstance(each, Confirm)
    ]
    assert sum(isinstance(each, control.Accepted) for each in answers) == 6
    assert sum(isinstance(each, RefusedBy) for each in answers) == 2
