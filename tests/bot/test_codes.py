"""What is taken for a pairing code: of somebody known only what we would have written."""

from __future__ import annotations

import pytest

from bot.codes import code_only, pairing_code
from store.pairing import new_code
from tests.bot.house import message


@pytest.mark.parametrize(
    "text", ["solar-panel", "power-meter", "seven-eight", "check-spare", "ABCDE-FGHJK", "7GQ2M-X4KTO"]
)
def test_two_words_are_no_code_of_somebody_known(text: str) -> None:
    assert not code_only(text)


@pytest.mark.parametrize("text", ["7GQ2M-X4KTD", "7gq2m-x4ktd", "7GQ2M X4KTD", "7GQ2MX4KTD"])
def test_a_code_as_it_was_written_is_one(text: str) -> None:
    assert code_only(text)
    assert pairing_code(message(text)) == text


def test_a_stranger_may_misread_letters() -> None:
    assert pairing_code(message("7GQ2M-X4KTO", user="new")) == "7GQ2M-X4KTO"
    assert pairing_code(message("/start 7GQ2M-X4KTO", user="new")) == "7GQ2M-X4KTO"
    assert pairing_code(message("7GQ2M-X4KTD", user="new", direct=False)) is None


def test_every_code_that_is_made_is_taken_for_one() -> None:
    assert all(code_only(new_code()) for _ in range(2_000))
