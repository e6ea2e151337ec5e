"""The audit of control, told as sentences with names."""

from datetime import timedelta

import pytest

from services import buttons, control
from services.control_words import result_text
from services.scope import Refused
from store import audit, people
from tests.services.ranch import PLACE, Ranch, accepted


async def told(farm: Ranch, limit: int = 20) -> list[tuple[str, str]]:
    return [(entry.who, entry.text) for entry in await control.log(await farm.scope("Vic"), limit=limit)]


async def worker_says(farm: Ranch, action: str, says: str) -> None:
    await audit.append(
        farm.database,
        "home",
        site_id="ranch",
        actor="worker",
        action=action,
        subject="s21",
        details={"says": says},
        now=farm.now,
    )


async def test_the_whole_story_of_a_start_is_told_newest_first(farm: Ranch) -> None:
    request_id = (await farm.proposed("s21", by="Ben", until=farm.now + timedelta(hours=2))).request.request_id
    farm.now += timedelta(seconds=30)
    await control.confirm(await farm.scope("Ben"), request_id, place=PLACE)
    farm.now += timedelta(seconds=1)
    await worker_says(farm, "miner_switched", f"s21 is on for {farm.people['Ben']}, drawing 3,870 W.")
    await worker_says(farm, "miner_by_hand", "s21 was switched off by hand at its relay.")
    assert await told(farm) == [
        ("worker", "s21 was switched off by hand at its relay."),
        ("worker", "s21 is on for Ben, drawing 3,870 W."),
        ("Ben", "confirmed: start s21 until 14:00"),
        ("Ben", "asked to start s21 until 14:00; waits for a tap"),
    ]
    assert await told(farm, limit=1) == [("worker", "s21 was switched off by hand at its relay.")]


async def test_refusals_and_misuse_are_told_with_their_reasons(farm: Ranch) -> None:
    await farm.measure(soc_pct=44.0, age=timedelta(seconds=5))
    await farm.order("start", "s21")
    with pytest.raises(Refused):
        await farm.order("stop", "s21", by="Vic")
    scope = await farm.scope("Ann")
    token = await buttons.mint(
        scope,
        {"do": "confirm", "request": "r1"},
        person_id=farm.people["Ann"],
        place=PLACE,
        expires_at=None,
        single_use=True,
    )
    for number, person in enumerate(("Ben", "Ann", "Ann")):
        await buttons.redeem(
            farm.database,
            farm.site,
            token,
            person_id=farm.people[person],
            place=PLACE,
            key=f"tap{number}",
            now=farm.now,
        )
    log = await told(farm)
    assert log[0] == ("Ann", "tapped a button to confirm, one that had been used; nothing was done")
    assert log[1] == ("Ben", "tapped a button to confirm, one that is somebody else's; nothing was done")
    assert log[2][0] == "Vic"
    assert log[2][1].startswith("may not stop s21: this needs the role operator; Vic is viewer")
    assert log[3][0] == "Ann"
    assert log[3][1].startswith("was refused to start s21: ")
    assert "44 %" in log[3][1]


async def test_a_proposal_of_the_assistant_says_so(farm: Ranch) -> None:
    await farm.order("stop", "s21", "s19-1", origin="model")
    assert await told(farm) == [("Ann", "was proposed by the assistant to stop s21 and s19-1; waits for a tap")]


async def test_somebody_who_was_removed_keeps_the_name_that_was_written_down(farm: Ranch) -> None:
    await farm.order("stop", "s21", by="Ben")
    await people.forget(farm.database, "home", farm.people["Ben"], by="host")
    assert await told(farm) == [("Ben", "asked to stop s21")]


async def test_what_is_no_control_is_not_in_the_log(farm: Ranch) -> None:
    await farm.order("auto", "s19-2")
    scope = await farm.scope("Ann")
    token = await buttons.mint(
        scope, {"do": "command", "text": "/status"}, person_id=None, place="elsewhere", expires_at=None, single_use=True
    )
    await buttons.redeem(
        farm.database, farm.site, token, person_id="x", place=PLACE, key="k", now=farm.now
    )  # refused, and nothing that decides
    assert await told(farm) == [("Ann", "asked to set s19-2 to automatic")]


async def test_an_audit_row_of_another_version_is_still_told(farm: Ranch) -> None:
    await audit.append(
        farm.database, "home", site_id="ranch", actor="f" * 32, action="control_odd", subject="s21", now=farm.now
    )
    assert await told(farm) == [("somebody who was removed", "control odd: s21")]


async def test_what_came_of_a_request_is_told_in_six_lines_at_the_most(farm: Ranch) -> None:
    request = accepted(await farm.order("stop", "s21", "s19-1")).request
    results = {f"s{n}": {"state": "done", "says": f"s{n} is off."} for n in range(9)}
    await farm.ended(request.request_id, **results)
    scope = await farm.scope()
    done = await control.result(scope, request.request_id, timeout_s=1)
    assert done is not None
    text = result_text(done, scope)
    assert text.count("\n") == 5
    assert text.endswith("and 4 more: /miners shows all.")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("done", "Done: stop s21."),
        ("failed", "Failed: stop s21: no relay."),
        ("refused", "Refused: stop s21."),
        ("expired", "Not done, too much time had passed: stop s21."),
    ],
)
async def test_a_result_without_words_is_still_a_sentence(farm: Ranch, state: str, said: str) -> None:
    request = accepted(await farm.order("stop", "s21")).request
    await farm.ended(request.request_id, state, **({"problem": "no relay"} if state == "failed" else {}))
    scope = await farm.scope()
    done = await control.result(scope, request.request_id, timeout_s=1)
    assert done is not None
    assert result_text(done, scope) == said
