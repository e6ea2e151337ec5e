"""Reply trees as Discord's Markdown, read back by the double's own reading of Discord's rules."""

from __future__ import annotations

import random

import pytest

from bot.forms import Form, FormField
from bot.platforms.discord.forms import button_rows, cut, modal
from bot.platforms.discord.render import CONTENT_LIMIT, render
from bot.reply import Block, Bold, Button, Code, CodeBlock, Lines, Paragraph, Source, Text, plain
from tests.doubles.discord_markdown import read
from tests.doubles.discord_rules import check_components, check_modal

HOSTILE = (
    "**bold** __under__ ~~gone~~ ||spoiler|| `code` ```block```",
    "<@123> <@!123> <@&5> <#9> @everyone @here <:pwn:123> <a:pwn:1> <t:1700000000:R> </stop:1> <id:customize>",
    "[click](https://evil.example/x) https://evil.example http://evil.example <https://evil.example> <tel:+1>",
    "# heading\n## smaller\n-# small print\n> quote\n>>> long quote\n- item\n* item\n+ item\n1. item\n  - nested",
    "*italic* _italic_ ***both*** \\*not\\* \\\\**bold** \\",
    ":smile: :+1: :100: 12:30:45",
    "``` unclosed ` marks ** and __ and ~~ and || and [",
    "-5 °C, ~3 kW, 1.5 kWh, #1, a_b_c, s19_1_x, 2 * 3 * 4, x > y",
    "\u202eevil\u202c שלום 👩‍👩‍👧‍👦 zero\u200bwidth \ud800",
)


def one(*blocks: Block) -> str:
    (part,) = render(blocks)
    return part


def test_each_block_has_its_native_form() -> None:
    markdown = one(
        Paragraph((Text("Solar "), Bold("4.2 kW"), Text(" now, try "), Code("/status"))),
        Lines(((Text("s21"),), (Bold("s19"), Text(" off")))),
        CodeBlock("a  1\nb  2"),
        Source("as of 12:00, Victron\nbasic mode"),
    )
    assert markdown == (
        "Solar **4.2 kW** now, try `/status`\n\n- s21\n- **s19** off\n\n```\na  1\nb  2\n```\n"
        "-# as of 12:00, Victron\n-# basic mode"
    )


@pytest.mark.parametrize("hostile", HOSTILE)
def test_markup_in_a_text_is_inert_and_stands_there_letter_by_letter(hostile: str) -> None:
    shown, used = read(one(Paragraph((Text(hostile),))))
    assert not used
    assert shown == plain([Paragraph((Text(hostile),))]).replace("\u202e", "").replace("\u202c", "").replace(
        "\ud800", "\ufffd"
    )


@pytest.mark.parametrize("hostile", HOSTILE)
def test_markup_in_a_name_is_inert_in_every_block(hostile: str) -> None:
    name = " ".join(hostile.split())
    blocks = (
        Paragraph((Text("Miner "), Bold(name), Text(f" {name}"))),
        Lines(((Text(name),), (Bold(name),))),
        Source(f"as of 12:00, {name}"),
    )
    shown, used = read(one(*blocks))
    assert used == {"bold", "list", "small"}
    clean = name.replace("\u202e", "").replace("\u202c", "").replace("\ud800", "\ufffd")
    assert shown == (f"Miner {clean} {clean}\n\n• {clean}\n• {clean}\nas of 12:00, {clean}")


def test_code_cannot_be_left() -> None:
    blocks = (Paragraph((Code("a`b <@1>"),)), CodeBlock("a\n```\n<@1> https://evil.example"), Paragraph((Text("end"),)))
    shown, used = read(one(*blocks))
    assert used == {"code", "pre"}
    assert shown == "aˋb <@1>\n\na\nˋˋˋ\n<@1> https://evil.example\n\nend"


@pytest.mark.parametrize("seed", range(30))
def test_a_long_reply_is_split_without_losing_or_breaking_anything(seed: int) -> None:
    dice = random.Random(seed)
    words = [
        *[
            "**x**",
            "_y_",
            "`z`",
            "https://e.com/a",
            "@everyone",
            "<@1>",
            "👩\u200d👩\u200d👧\u200d👦",
            "🇩🇪",
            "é",
            "\\",
            "-",
            "#",
            "1.",
            "~~",
            "||",
            ":smile:",
        ],
        "w" * 300,
        "🌞" * 90,
    ]

    def text(most: int) -> str:
        return "".join(dice.choice(words) + dice.choice([" ", " ", "\n"]) for _ in range(dice.randint(1, most))).strip()

    kinds = [
        lambda: Paragraph((Text(text(80)), Text(" "), Bold(text(60)), Text(" "), Text(text(40)))),
        lambda: Lines(tuple((Text(text(20)), Text(" "), Code("c")) for _ in range(dice.randint(1, 30)))),
        lambda: CodeBlock(text(150)),
        lambda: Source(text(60)),
    ]
    blocks = [dice.choice(kinds)() for _ in range(dice.randint(1, 6))]
    parts = render(blocks)
    assert parts
    shown = []
    for part in parts:
        assert len(part.encode("utf-16-le")) // 2 <= CONTENT_LIMIT
        seen, used = read(part)
        assert used <= {"bold", "code", "pre", "list", "small"}
        assert part.strip() == part.rstrip()
        shown.append(seen)
    kept = "".join("".join(shown).split()).replace("•", "")
    assert kept == "".join(plain(blocks).split()).replace("•", "")


def test_a_part_ends_between_lines_where_it_can() -> None:
    lines = [f"line {n} of many with some words in it" for n in range(200)]
    parts = render((Paragraph((Text("\n".join(lines)),)),))
    assert len(parts) > 1
    assert all(part.split("\n")[0].startswith("line") for part in parts)
    assert sum(len(part.split("\n")) for part in parts) == 200


def test_a_megabyte_is_split_in_reasonable_time_and_nothing_is_said_of_nothing() -> None:
    assert len(render((Paragraph((Text("word " * 200_000),)),))) > 400
    assert render(()) == []
    assert render((Paragraph((Text("  \n "),)), CodeBlock("\n"))) == []


def test_buttons_fit_into_rows_and_no_token_stands_there_twice() -> None:
    rows = button_rows([[Button(f"Miner {n} " * 20, f"t{n % 7}", "primary") for n in range(9)], [Button(" ", "x")]])
    check_components(rows)
    assert [len(row["components"]) for row in rows] == [5, 2, 1]
    assert len(button_rows([[Button(str(n), f"t{n}")] for n in range(9)])) == 5


def test_a_form_fits_into_a_modal() -> None:
    fields = tuple(
        FormField(f"f{n}", "label " * 30, "v" * 9_000, "hint " * 60, (("a", "A"),) * 40 if n % 2 else ())
        for n in range(8)
    )
    shown = modal(Form("prefs", "title " * 30, fields))
    check_modal(shown)
    assert shown["custom_id"] == "form:prefs"
    assert cut("a\nb", 10) == "a b"
