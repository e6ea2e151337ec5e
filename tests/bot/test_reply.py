from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from bot.answering import Delivery, delivery_from_json, delivery_to_json, reply_from_answer
from bot.message import Address, Attachment, message_from_json, message_to_json
from bot.reply import Bold, Code, CodeBlock, Lines, Paragraph, Source, Text, plain
from bot.text import blocks_from_text, clean, clean_name, inert, inlines, is_blank, without_foreign_links
from tests.bot.house import answer, message, soc_chart


def test_a_little_markdown_becomes_a_tree() -> None:
    text = "# Battery\n**66 %** and `rising`\nsecond line\n\n- one\n* **two**\n\n```\na  b\n```\nend"
    assert blocks_from_text(text) == (
        Paragraph((Bold("Battery"),)),
        Paragraph((Bold("66 %"), Text(" and "), Code("rising"), Text("\nsecond line"))),
        Lines(((Text("one"),), (Bold("two"),))),
        CodeBlock("a  b"),
        Paragraph((Text("end"),)),
    )


def test_names_with_underscores_and_open_markup_stay_as_written() -> None:
    assert inlines("soc_pct ** and __init and `open 5*3*2") == (Text("soc_pct ** and __init and `open 5*3*2"),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see [this](https://evil.example/?soc=66)", "see this"),
        ("![x](https://evil.example/?soc=66)", "x"),
        ("https://evil.example/?soc=66 is it", "[link removed] is it"),
        (
            "[docs](https://good.example/a) https://good.example/b",
            "docs (https://good.example/a) https://good.example/b",
        ),
        ("https://good.example@evil.example/", "[link removed]"),
        ("ftp://evil.example and tg://resolve?domain=x", "[link removed] and [link removed]"),
        ("12:00 a/b 3//4", "12:00 a/b 3//4"),
    ],
)
def test_links_lead_only_to_hosts_that_are_allowed(text: str, expected: str) -> None:
    assert without_foreign_links(text, frozenset({"good.example"})) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("evil.com/?d=59.5", "evil․com/?d=59.5"),
        ("t.me/joinchat/abc", "t․me/joinchat/abc"),
        ("mailto:a@b.c", "mailto:a＠b․c"),
        ("@victim and @everyone", "＠victim and ＠everyone"),
        ("evil。com, evi\u0301l.com", "evil․com, evi\u0301l․com"),
        ("good.example@evil.com", "good․example＠evil․com"),
        ("10.0.0.5/x and 10.0.0.5:80/x", "10․0․0․5/x and 10․0․0․5:80/x"),
        ("**evil**.com", "evil․com"),
        ("evil**.**com", "evil․com"),
        ("- evil.com", "• evil․com"),
        ("# evil.com", "evil․com"),
    ],
)
def test_bare_domains_addresses_and_mentions_of_a_model_are_inert(text: str, expected: str) -> None:
    assert plain(blocks_from_text(text, frozenset({"good.example"}))) == expected
    assert len(inert(text)) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "2.5 kW at 12:05, 59.5 %, 3.5/4.5 kW, s19-1.",
        "10.0.0.5 answers; firmware 1.4.2",
        "good.example/x and https://good.example/a.b",
        "e.g. commandcenter.toml, an address such as ann@example.org",
        "12 kWh @ 0.30 in America/Los_Angeles, min_soc_pct",
        "Done... and more",
    ],
)
def test_figures_times_files_and_allowed_hosts_stay(text: str) -> None:
    assert plain(blocks_from_text(text, frozenset({"good.example"}))) == text


def test_code_stays_as_it_was_written() -> None:
    assert blocks_from_text("see `backup.sh` now") == (Paragraph((Text("see "), Code("backup.sh"), Text(" now"))),)
    assert blocks_from_text("```\nevil.com\n```") == (CodeBlock("evil.com"),)


def test_a_long_text_is_made_inert_quickly() -> None:
    for text in ("a" * 8_000, "a." * 4_000, "1." * 4_000, "@a" * 4_000, "a-" * 4_000, "a.b@" * 2_000):
        started = time.process_time()
        inert(text)
        assert time.process_time() - started < 0.2


def test_small_print_is_inert_too() -> None:
    reply = reply_from_answer(replace(answer("63 %"), notes=("see evil.com and @ann",)))
    assert plain(reply.blocks).endswith("see evil․com and ＠ann")


def test_a_source_line_becomes_small_print_and_notes_follow() -> None:
    reply = reply_from_answer(answer("The battery is at **66 %**."))
    assert reply.blocks == (
        Paragraph((Text("The battery is at "), Bold("66 %"), Text("."))),
        Source("as of 12:00, Victron"),
    )


def test_a_reply_survives_a_restart_as_json() -> None:
    reply = reply_from_answer(answer("# A\n**b** `c`\n- d\n```\ne\n```", charts=(soc_chart(),)))
    delivery = Delivery(reply, {"question": "q", "answer": "a"}, 1)
    assert delivery_from_json(json.loads(json.dumps(delivery_to_json(delivery)))) == delivery


def test_a_message_survives_a_restart_as_json() -> None:
    original = message("🔋 \u05e9", attachments=(Attachment("photo", None),), direct=False)
    assert message_from_json(json.loads(json.dumps(message_to_json(original)))) == original


def test_names_are_one_line_without_characters_that_deceive() -> None:
    assert clean_name("  Ann\u202e\n<b>Lee</b> ") == "Ann <b>Lee</b>"
    assert clean_name("\u200b\u200d ") == "somebody"
    assert len(clean_name("x" * 500)) == 64
    assert clean("a\r\nb\rc\x1b[2J\ud800") == "a\nb\nc[2J\ufffd"


def test_joined_emoji_are_no_blank_text() -> None:
    assert not is_blank("👨‍👩‍👧‍👦")
    assert is_blank(" \u200b\ufeff\n")


def test_plain_text_of_a_tree() -> None:
    assert plain(blocks_from_text("**a** `b`\n- c\n- d")) == "a b\n\n• c\n• d"


def test_a_conversation_is_a_chat_and_a_thread() -> None:
    assert Address("telegram", "-5", "7").key == "telegram:-5:7"
    assert Address("telegram", "-5").key == "telegram:-5"
