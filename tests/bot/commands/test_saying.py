from __future__ import annotations

from bot.commands.saying import name


def test_a_long_text_from_outside_is_cut_after_a_word() -> None:
    assert name("one two three four", limit=13) == "one two…"
    assert name("one two three", limit=13) == "one two three"
    assert name("x" * 50, limit=10) == "x" * 9 + "…"
    assert len(name("word " * 100, limit=40)) <= 40
