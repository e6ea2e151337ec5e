from __future__ import annotations

import random
import re
import time

import pytest

from bot.platforms.telegram.render import caption, render, visible
from bot.reply import Block, Bold, Code, CodeBlock, Lines, Paragraph, Source, Text, plain
from bot.splitting import utf16_length
from bot.text import blocks_from_text
from tests.doubles.telegram_markup import seen_text

SCRAPS = (
    "a", "word ", "& ", "<b>", "</i>", "&amp;", "\n", "\n\n", "🔋", "👨‍👩‍👧‍👦", "🇺🇸", "👍🏽", "e\u0301", "שלום ",
    "السلام عليكم ",
    "\u200b", "\u200d", "x" * 300, "☀️", "𝔘𝔫𝔦", "\t", "   ", "क्षि", '"', "'", "<", ">", "&",
)  # fmt: skip


def scrap_text(rng: random.Random, count: int) -> str:
    return "".join(rng.choice(SCRAPS) for _ in range(count))


def some_blocks(rng: random.Random) -> list[Block]:
    def inline() -> Text | Bold | Code:
        return rng.choice((Text, Bold, Code))(scrap_text(rng, rng.randint(1, 60)))

    def block() -> Block:
        match rng.randrange(4):
            case 0:
                return Paragraph(tuple(inline() for _ in range(rng.randint(1, 5))))
            case 1:
                return Lines(tuple((inline(), inline()) for _ in range(rng.randint(1, 6))))
            case 2:
                return CodeBlock(scrap_text(rng, 80))
            case _:
                return Source(scrap_text(rng, 20))

    return [block() for _ in range(rng.randint(1, 8))]


def without_space(text: str) -> str:
    return re.sub(r"[\s•]", "", text)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("limit", [300, 1024, 4096])
def test_parts_fit_are_whole_markup_and_hold_every_character_in_order(seed: int, limit: int) -> None:
    blocks = some_blocks(random.Random(seed))
    parts = render(blocks, limit=limit)
    for part in parts:
        assert 0 < utf16_length(part) <= limit
        assert seen_text(part).strip()  # raises where a tag or an entity is cut
    shown = without_space("".join(seen_text(part) for part in parts))
    assert shown == without_space(plain(blocks))


def test_a_part_never_ends_inside_what_a_reader_takes_for_one_character() -> None:
    for whole in ("👨‍👩‍👧‍👦", "🇺🇸", "👍🏽", "e\u0301", "☀️"):
        parts = render([Paragraph((Text(whole * 500),))], limit=301)
        assert all(re.fullmatch(f"(?:{re.escape(whole)})+", seen_text(part)) for part in parts), whole


def test_a_part_ends_after_a_line_where_it_can() -> None:
    lines = [f"line {n} **bold {n}** `code {n}`" for n in range(400)]
    parts = render(blocks_from_text("\n".join(lines)), limit=1024)
    assert [line for part in parts for line in seen_text(part).split("\n")] == [
        f"line {n} bold {n} code {n}" for n in range(400)
    ]


def test_a_text_just_at_the_limit_is_one_part() -> None:
    assert len(render([Paragraph((Text("x" * 4096),))])) == 1
    assert len(render([Paragraph((Text("x" * 4097),))])) == 2
    assert len(render([Paragraph((Text("🔋" * 2048),))])) == 1
    assert len(render([Paragraph((Text("🔋" * 2049),))])) == 2


def test_characters_that_turn_text_around_are_taken_out() -> None:
    assert render([Paragraph((Text("a\u202eb\u2066c\x00d\x1b[31m\ud800"),))]) == ["abcd[31m\ufffd"]


def test_what_is_empty_is_not_sent() -> None:
    assert render([]) == []
    assert render([Paragraph((Text(" \n \n"), Bold(" "))), Source("")]) == []


def test_markup_of_each_kind() -> None:
    blocks = [
        Paragraph((Bold("66 %"), Text(" & "), Code("a<b"))),
        Lines(((Text("one"),), (Text("two"),))),
        CodeBlock("x  y"),
        Source("as of 14:02"),
    ]
    assert render(blocks) == [
        "<b>66 %</b> &amp; <code>a&lt;b</code>\n\n• one\n• two\n\n<pre>x  y</pre>\n<i>as of 14:02</i>"
    ]


def test_a_caption_is_cut_to_what_telegram_takes() -> None:
    assert utf16_length(caption("🔋 & " * 1000)) <= 1024
    assert caption("Battery & sun") == "Battery &amp; sun"


def test_markup_can_be_taken_out_again() -> None:
    assert visible(render([Paragraph((Bold("a<b>&amp;"), Text(" c")))])[0]) == "a<b>&amp; c"


def test_a_hundred_thousand_characters_are_split_quickly() -> None:
    started = time.process_time()
    parts = render([Paragraph((Text("🔋x&" * 33_000),))])
    assert sum(seen_text(part).count("🔋") for part in parts) == 33_000
    assert time.process_time() - started < 5
