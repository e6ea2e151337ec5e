"""What is promised for the time after a limit, and what is refused when that time is over."""

from datetime import timedelta

import pytest

from services import control
from services.control import Confirm, RefusedBy
from services.control_words import confirm_text
from store import wishes
from store.wishes import Earlier, Mode, Wish
from tests.services.ranch import PLACE, Ranch, accepted

TWO_HOURS = timedelta(hours=2)


async def wants(
    farm: Ranch, miner: str, mode: Mode, hours: float | None = None, before: tuple[Earlier, ...] = ()
) -> None:
    until = None if hours is None else farm.now + timedelta(hours=hours)
    await wishes.put(farm.database, "home", "ranch", Wish(miner, mode, until, "ann", farm.now, before=before))


@pytest.mark.parametrize(
    ("mode", "hours", "action", "said"),
    [
        (None, None, "start", "afterwards it stays off"),
        ("off", None, "start", "afterwards it stays off"),
        ("on", None, "start", "afterwards it stays off"),
        ("auto", None, "start", "afterwards it is automatic again"),
        ("off", 5, "start", "afterwards it stays off until 17:00"),
        ("on", 1, "stop", "afterwards it stays off"),
        ("on", 6, "stop", "afterwards it is wanted on again until 18:00"),
        ("on", None, "stop", "afterwards it is wanted on again"),
        ("auto", None, "stop", "afterwards it is automatic again"),
        ("hand_on", None, "stop", "afterwards it stays off"),
        ("on", 6, "auto", "afterwards it is wanted on again until 18:00"),
    ],
)
async def test_a_confirmation_says_what_will_be_wanted_after_its_time(
    farm: Ranch, mode: Mode | None, hours: float | None, action: str, said: str
) -> None:
    if mode is not None:
        await wants(farm, "s21", mode, hours)
    asked = await farm.order(action, "s21", origin="model", until=farm.now + TWO_HOURS)
    assert isinstance(asked, Confirm)
    first = confirm_text(asked, await farm.scope()).splitlines()[0]
    assert first.endswith(f" until 14:00; {said}.")


async def test_a_confirmation_names_who_comes_back_to_what(farm: Ranch) -> None:
    await wants(farm, "s19-1", "auto")
    asked = await farm.order("start", "s21", "s19-1", "s19-2", until=farm.now + TWO_HOURS)
    assert isinstance(asked, Confirm)
    assert asked.says[0].endswith("; afterwards s21 and s19-2 stay off; s19-1 is automatic again.")
    asked = await farm.order("start", "s21", "s19-2", until=farm.now + TWO_HOURS)
    assert isinstance(asked, Confirm)
    assert asked.says[0].endswith("; afterwards they stay off.")


@pytest.mark.parametrize("action", ["start", "stop", "auto"])
@pytest.mark.parametrize("late", [timedelta(seconds=90), timedelta(minutes=5)])
async def test_a_click_after_the_time_is_over_is_refused_in_words(farm: Ranch, action: str, late: timedelta) -> None:
    asked = await farm.order(action, "s21", origin="model", until=farm.now + timedelta(minutes=1))
    assert isinstance(asked, Confirm)
    farm.now += late
    await farm.measure()
    got = await control.confirm(await farm.scope(), asked.request.request_id, place=PLACE)
    assert isinstance(got, RefusedBy)
    assert "That time is over already" in got.says[0]
    assert farm.woken == []


async def test_a_click_in_time_is_accepted(farm: Ranch) -> None:
    asked = await farm.proposed("s21", until=farm.now + timedelta(minutes=3))
    farm.now += timedelta(minutes=1)
    await farm.measure()
    accepted(await control.confirm(await farm.scope(), asked.request.request_id, place=PLACE))
