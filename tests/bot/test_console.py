from __future__ import annotations

import asyncio
import io
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.platforms.console import HERE, ConsoleOutlet, converse, inline_image, render
from bot.ports import Sent, Undeliverable
from bot.reply import Bold, Button, Paragraph, Picture, Reply, Source, Text, say
from bot.text import blocks_from_text
from tests.bot.house import PNG, Buttons, House, Terminal


def console_house() -> House:
    house = House()
    house.people.known["local"] = "you"
    return house


async def test_lines_are_answered_one_by_one_and_the_end_of_input_ends_the_chat(tmp_path: Path) -> None:
    house, out = console_house(), Terminal(tty=False)
    lines = io.StringIO("how is the battery?\n\n   \nchart please\n")
    assert (
        await converse(house.chat(), ConsoleOutlet(tmp_path / "charts", stream=out, environment={}), stdin=lines) == 2
    )
    saved = tmp_path / "charts" / next(iter(os.listdir(tmp_path / "charts")))
    assert out.getvalue() == (
        f"Re: how is the battery?\nas of 12:00, Victron\n\nRe: chart please\nas of 12:00, Victron\nchart: {saved}\n\n"
    )
    assert saved.read_bytes() == PNG


async def test_more_than_twenty_lines_a_minute_are_answered(tmp_path: Path) -> None:
    house, out = console_house(), Terminal(tty=False)
    outlet = ConsoleOutlet(tmp_path, stream=out, environment={})
    await converse(house.chat(), outlet, stdin=io.StringIO("\n".join(f"question {n}" for n in range(30))))
    assert len(house.assistant.asked) == 30


async def test_exit_ends_the_chat(tmp_path: Path) -> None:
    house, out = console_house(), Terminal(tty=False)
    outlet = ConsoleOutlet(tmp_path, stream=out, environment={})
    assert await converse(house.chat(), outlet, stdin=io.StringIO("exit\nhello\n")) == 0
    assert out.getvalue() == ""


async def test_a_plain_file_can_be_standard_input(tmp_path: Path) -> None:
    (tmp_path / "questions.txt").write_text("one\ntwo", encoding="utf-8")
    house, out = console_house(), Terminal(tty=False)
    with (tmp_path / "questions.txt").open(encoding="utf-8") as lines:
        assert await converse(house.chat(), ConsoleOutlet(tmp_path, stream=out, environment={}), stdin=lines) == 2


async def test_a_terminal_gets_a_prompt_progress_and_style(tmp_path: Path) -> None:
    house, out = console_house(), Terminal(tty=True)
    house.assistant.text = "**66 %**"

    async def before(question: str) -> None:
        await asyncio.sleep(0.1)

    house.assistant.before = before
    outlet = ConsoleOutlet(tmp_path, stream=out, environment={"TERM": "xterm"})
    await converse(house.chat(), outlet, stdin=io.StringIO("hello\n"), greeting="Ask me.")
    shown = out.getvalue()
    assert shown.startswith("Ask me.\n\nyou> ")
    assert "checking the battery ..." in shown
    assert "\x1b[1m66 %\x1b[0m" in shown


async def test_nothing_that_is_shown_can_steer_the_terminal(tmp_path: Path) -> None:
    out = Terminal(tty=True)
    outlet = ConsoleOutlet(tmp_path, stream=out, environment={"NO_COLOR": "1"})
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
    await outlet.send(HERE, Reply((Paragraph((Text(evil), Bold(evil))), Source(evil))), ())
    await outlet.show_progress(HERE, evil)
    assert not set(out.getvalue()) & {"\x1b", "\x07", "\x9b", "\u202e"}


def test_plain_rendering() -> None:
    blocks = blocks_from_text("**66 %** now\n- one\n- `two`\n```\na  b\n```")
    assert render(blocks, styled=False) == "66 % now\n\n  • one\n  • two\n\n    a  b"


def test_pictures_are_shown_where_the_terminal_can() -> None:
    big = PNG * 100
    kitty = inline_image(big, {"TERM": "xterm-kitty"})
    assert kitty is not None
    assert kitty.startswith("\x1b_Ga=T,f=100,m=1;")
    assert kitty.count("\x1b\\") == kitty.count("\x1b_G") > 1
    assert "\x1b_Gm=0;" in kitty
    iterm = inline_image(PNG, {"TERM_PROGRAM": "iTerm.app"})
    assert iterm is not None
    assert iterm.startswith("\x1b]1337;File=inline=1;size=")
    assert inline_image(PNG, {"TERM": "xterm-256color"}) is None
    assert inline_image(PNG, {"TERM": "xterm-kitty", "TMUX": "1"}) is None


async def test_an_output_that_knows_few_characters_gets_the_rest_as_question_marks(tmp_path: Path) -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    outlet = ConsoleOutlet(tmp_path, stream=out, environment={})
    await outlet.send(HERE, Reply((Paragraph((Text("66 % 🔋"),)),)), (Picture(PNG, "alt", "soc"),))
    assert raw.getvalue().startswith(b"66 % ?\n")


@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes of this kind")
async def test_a_reader_that_waits_for_a_line_does_not_keep_the_loop(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, encoding="utf-8") as lines, os.fdopen(write_end, "w", encoding="utf-8") as typed:
        outlet = ConsoleOutlet(tmp_path, stream=Terminal(tty=False), environment={})
        talking = asyncio.create_task(converse(console_house().chat(), outlet, stdin=lines))
        typed.write("hello\n")
        typed.flush()
        await asyncio.sleep(0.1)
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
        assert talking.cancelled()
        typed.close()
        await asyncio.sleep(0.05)


START, CANCEL = Button("Start", "t-start", "primary"), Button("Cancel", "t-cancel")
ASKED = replace(say("Start s19-1?"), buttons=((START, CANCEL), (Button("More\x1b[2J\n", "t-more"),)))


def house_that_asks() -> House:
    house = console_house()
    house.buttons = Buttons({"t-start": {"text": "start s19-1"}, "t-cancel": {"text": "nothing"}})
    house.commands.buttons = ((START, CANCEL),)
    return house


@pytest.mark.parametrize(("line", "done"), [("1", "start s19-1"), (" [2] ", "nothing")])
async def test_a_number_taps_the_choice_that_was_shown(tmp_path: Path, line: str, done: str) -> None:
    house, out = house_that_asks(), Terminal(tty=False)
    outlet = ConsoleOutlet(tmp_path, stream=out, environment={})
    await converse(house.chat(), outlet, stdin=io.StringIO(f"/miners start s19-1\n{line}\n"))
    assert out.getvalue() == f"miners: start s19-1\n\n[1] Start  [2] Cancel\n\nDone: {done}\n\n"
    assert house.assistant.asked == []


async def test_a_choice_that_was_answered_is_a_number_again(tmp_path: Path) -> None:
    house, out = house_that_asks(), Terminal(tty=False)
    outlet = ConsoleOutlet(tmp_path, stream=out, environment={})
    await converse(house.chat(), outlet, stdin=io.StringIO("/miners start s19-1\n1\n1\n"))
    assert len(house.commands.ran) == 2
    assert house.assistant.asked == ["1"]


@pytest.mark.parametrize("line", ["1", "[1]", "3"])
async def test_without_that_choice_a_number_is_a_question(tmp_path: Path, line: str) -> None:
    house = console_house()
    outlet = ConsoleOutlet(tmp_path, stream=Terminal(tty=False), environment={})
    if line == "3":
        await outlet.send(HERE, replace(ASKED, buttons=((START, CANCEL),)), ())
    await converse(house.chat(), outlet, stdin=io.StringIO(f"{line}\n"))
    assert house.assistant.asked == [line]


async def test_choices_stand_in_their_rows_and_steer_nothing(tmp_path: Path) -> None:
    out = Terminal(tty=True)
    outlet = ConsoleOutlet(tmp_path, stream=out, environment={})
    sent = await outlet.send(HERE, ASKED, ())
    assert out.getvalue() == "Start s19-1?\n\n[1] Start  [2] Cancel\n[3] More[2J\n\n"
    assert sent == Sent(ref="1")
    assert outlet.tapped("3") == ("t-more", "1")
    assert (outlet.tapped("0"), outlet.tapped("4"), outlet.tapped("1 2"), outlet.tapped("\u0661")) == (None,) * 4


async def test_a_live_message_is_printed_once(tmp_path: Path) -> None:
    house, out = console_house(), Terminal(tty=False)
    outlet = ConsoleOutlet(tmp_path, stream=out, environment={})
    await converse(house.chat(), outlet, stdin=io.StringIO("/live\n"))
    assert house.live.kept == []
    assert isinstance(await outlet.edit(HERE, "1", replace(say("new figures"), kind="live")), Undeliverable)
    assert out.getvalue() == "live: all\n\n"


async def test_a_notice_that_comes_unasked_leaves_the_prompt_below_it(tmp_path: Path) -> None:
    out = Terminal(tty=True)
    outlet = ConsoleOutlet(tmp_path, stream=out, environment={})
    outlet.prompt()
    await outlet.send(HERE, say("s19-1 was switched off by hand."), ())
    assert out.getvalue() == "you> \r\x1b[Ks19-1 was switched off by hand.\n\nyou> "
    assert not await outlet.pin(HERE, "1")
