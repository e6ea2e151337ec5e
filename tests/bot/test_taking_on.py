"""A message that failed half way is taken up when the platform hands it over again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bot.house import House, Wall, message


async def test_a_message_whose_pairing_failed_half_way_is_taken_up_when_it_comes_again() -> None:
    house, wall = House(), Wall()
    house.people.code = "7GQ2M-X4KTD"
    pair = house.people.pair
    failures = [OSError("database is locked")]

    async def pair_at_the_second_try(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return await pair(*arguments)

    house.people.pair = pair_at_the_second_try  # type: ignore[method-assign]
    hello = message("7GQ2M-X4KTD", user="new")
    chat = house.chat()
    with pytest.raises(OSError, match="locked"):
        await chat.handle(hello, wall)
    await chat.handle(hello, wall)
    await chat.handle(hello, wall)  # and a third delivery repeats nothing
    await chat.idle()
    assert len(wall.texts) == 1
    assert "you are connected" in wall.texts[0]
