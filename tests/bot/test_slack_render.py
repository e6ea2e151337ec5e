"""The reply tree in Slack's blocks: nothing is lost, nothing becomes markup, everything fits."""

from __future__ import annotations

import json

import pytest

from bot.platforms.slack.render import PART_LIMIT, cut, render
from bot.reply import Bold, Code, CodeBlock, Lines, Paragraph, Source, Text, say
from bot.text import blocks_from_text
from tests.doubles.slack_blocks import check_blocks, seen_text, utf16_length


def shown(blocks: object) -> list[str]:
    parts = render(blocks)  # type: ignore[arg-type]
    for part in parts:
        check_blocks(part.blocks)
        assert part.text.strip()
        assert utf16_length(seen_text(part.blocks, part.text)) <= PART_LIMIT
        json.dumps(part.blocks).encode("utf-8")
    return [seen_text(part.blocks, part.text) for part in parts]


def test_each_kind_of_block_looks_native() -> None:
    (part,) = render(
        (
            Paragraph((Bold("66 %"), Text(" now, see "), Code("/plan"))),
            Lines(((Text("first"),), (Bold("second"),))),
            CodeBlock("a  b\nc  d"),
            Source("as of 14:02, Victron"),
        )
    )
    rich, small = part.blocks
    section, fixed = rich["elements"]
    assert section["elements"] == [
        {"type": "text", "text": "66 %", "style": {"bold": True}},
        {"type": "text", "text": " now, see "},
        {"type": "text", "text": "/plan", "style": {"code": True}},
        {"type": "text", "text": "\n\n• first\n• "},
        {"type": "text", "text": "second", "style": {"bold": True}},
    ]
    assert fixed == {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "a  b\nc  d"}]}
    assert small["elements"][0]["text"] == "as of 14:02, Victron"
    assert part.text == "66 % now, see /plan\n\n• first\n• second\n\na  b\nc  d\nas of 14:02, Victron"


def test_the_text_beside_the_blocks_names_nobody() -> None:
    (part,) = render(say("<!channel> & <@U7> <https://evil.example|here>").blocks)
    assert part.text == "&lt;!channel&gt; &amp; &lt;@U7&gt; &lt;https://evil.example|here&gt;"


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "\ufeff\n"])
def test_nothing_to_say_is_nothing(text: str) -> None:
    assert render(blocks_from_text(text)) == []


@pytest.mark.parametrize(
    "word",
    ["x", "🔋", "👨‍👩‍👧", "🇺🇸", "e\u0301", "&", "<b>", "السلام"],
    ids=["x", "pair", "joined", "flag", "mark", "and", "tag", "rtl"],
)
def test_a_word_without_end_is_cut_between_characters_and_arrives_whole(word: str) -> None:
    parts = shown((Paragraph((Bold(word * 4000),)),))
    assert "".join(parts) == word * 4000
    assert all(len(part) % len(word) == 0 for part in parts)


def test_long_text_ends_its_parts_after_lines() -> None:
    lines = [f"line {number} {'x' * 40}" for number in range(300)]
    parts = shown((Paragraph((Text("\n".join(lines)),)),))
    assert "\n".join(parts).split("\n") == lines


def test_a_long_code_block_keeps_its_shape_in_every_part() -> None:
    rows = [f"{number:4}  {'y' * 60}" for number in range(200)]
    parts = render((CodeBlock("\n".join(rows)),))
    assert len(parts) > 1
    assert all(each["type"] == "rich_text_preformatted" for part in parts for each in part.blocks[0]["elements"])
    assert "\n".join(shown((CodeBlock("\n".join(rows)),))).split("\n") == rows


def test_lone_surrogates_and_bidirectional_marks_do_no_harm() -> None:
    (part,) = shown(say("a\ud83d b\u202ec").blocks)
    assert part == "a\ufffd bc"


def test_a_label_is_cut_between_characters() -> None:
    assert cut("👨‍👩‍👧" * 20, 75) == "👨‍👩‍👧" * 9 + "…"
    assert cut("  ", 75) == "…"
