"""Pauses that platforms ask for: whom they hold up, and for how long."""

from __future__ import annotations

import pytest

from bot.message import Address
from bot.pacing import CHATS_THAT_CLOSE_ALL, CRITICAL, LONGEST_FOR_CRITICAL_S, Pacing

DAY_S = 86_400.0


@pytest.mark.parametrize("platform", ["webhook", "apprise", "email"])
def test_services_of_different_people_do_not_close_each_other(platform: str) -> None:
    pacing = Pacing(now=lambda: 1_000.0)
    for number in range(CHATS_THAT_CLOSE_ALL):
        pacing.close(Address(platform, f"https://slow.example/{number}"), DAY_S)
    assert pacing.closed_s(Address(platform, "https://other.example/x")) == 0.0


def test_several_chats_of_one_platform_close_it() -> None:
    pacing = Pacing(now=lambda: 1_000.0)
    for number in range(CHATS_THAT_CLOSE_ALL):
        pacing.close(Address("telegram", str(number)), 60.0)
    assert pacing.closed_s(Address("telegram", "9")) == 60.0


async def test_what_is_critical_tries_again_after_ten_minutes_however_long_a_pause_is_asked_for() -> None:
    at_s = 1_000.0
    pacing, address = Pacing(now=lambda: at_s), Address("webhook", "https://slow.example/1")
    pacing.close(address, DAY_S)
    assert pacing.closed_s(address, CRITICAL) == LONGEST_FOR_CRITICAL_S
    assert pacing.closed_s(address, CRITICAL - 1) == DAY_S
    assert pacing.book_s(address, CRITICAL) == LONGEST_FOR_CRITICAL_S
    at_s += LONGEST_FOR_CRITICAL_S
    assert pacing.closed_s(address, CRITICAL) == 0.0
    assert await pacing.through(address, CRITICAL)
    assert not await pacing.through(address, CRITICAL - 1)
    pacing.close(address, DAY_S)  # it asks again
    assert pacing.closed_s(address, CRITICAL) == LONGEST_FOR_CRITICAL_S
