"""How commands speak: lines with the figure first, the source under them, buttons, and what is said to nonsense."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from agents.tools.desk import ToolDesk, ToolResult
from agents.wording import source_line
from bot.reply import Block, Bold, Button, Code, Inline, Lines, Paragraph, Reply, Source, Text
from bot.text import clean_name, without_foreign_links
from energy.units import day_name

if TYPE_CHECKING:
    from datetime import datetime

    from agents.answer import Figure
    from charts.specs import ChartSpec
    from services.scope import Scope

MOST_LINES = 6
_LONGEST_NAME = 1_000

Line = str | Inline | tuple[str | Inline, ...]

# A name must not be read as a command, a mention or an address by any client; these look the same and are none.
_COMMAND = re.compile(r"/(?=\w)")
_DOMAIN = re.compile(r"(?<=\w)\.(?=[^\W\d])")
_LOOKALIKES = str.maketrans({"@": "＠", "#": "＃"})


class Misused(ValueError):
    """A command that makes no sense as it was written: what is wrong, what is allowed, one example."""

    def __init__(self, wrong: str, allowed: str = "", example: str = "") -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.allowed = allowed
        self.example = example

    def reply(self) -> Reply:
        """What the person reads."""
        said: list[Line] = [sentence(self.wrong)]
        if self.allowed:
            said.append(sentence(self.allowed))
        if self.example:
            said.append(("For example: ", Code(self.example)))
        return answer(*said)


def answer(
    first: Line,
    *rest: Line,
    source: str = "",
    charts: Sequence[ChartSpec] = (),
    buttons: Iterable[Sequence[Button]] = (),
) -> Reply:
    """One paragraph of lines, at most six of them, and its source in small print."""
    shown = [inlines(line) for line in (first, *rest)][:MOST_LINES]
    joined: list[Inline] = list(shown[0])
    for line in shown[1:]:
        joined += [Text("\n"), *line]
    blocks: list[Block] = [Paragraph(tuple(joined))]
    if source:
        blocks.append(Source(source))
    return Reply(tuple(blocks), tuple(charts), tuple(tuple(row) for row in buttons if row))


def listed(
    first: Line,
    items: Iterable[Line],
    *after: Line,
    source: str = "",
    charts: Sequence[ChartSpec] = (),
    buttons: Iterable[Sequence[Button]] = (),
) -> Reply:
    """A line, a list under it and lines after that; six lines at the most where the caller keeps to it."""
    blocks: list[Block] = [Paragraph(inlines(first))]
    shown = tuple(inlines(item) for item in items)
    if shown:
        blocks.append(Lines(shown))
    blocks += [Paragraph(inlines(line)) for line in after]
    if source:
        blocks.append(Source(source))
    return Reply(tuple(blocks), tuple(charts), tuple(tuple(row) for row in buttons if row))


def inlines(line: Line) -> tuple[Inline, ...]:
    """A line's parts; plain texts stand for `Text`."""
    parts = line if isinstance(line, tuple) else (line,)
    return tuple(Text(part) if isinstance(part, str) else part for part in parts)


def figure(said: str, rest: str = "") -> tuple[Inline, ...]:
    """A line that begins with its figure."""
    return (Bold(said), Text(rest)) if rest else (Bold(said),)


def name(text: str, *, limit: int = 40) -> str:
    """A text from outside as it may be shown: on one line, no link, no command, no mention; renderers escape markup.

    A longer one is cut after a word, with "…".
    """
    plain = clean_name(without_foreign_links(text), limit=_LONGEST_NAME)
    if len(plain) > limit:
        words = plain[: limit - 1].rpartition(" ")[0] if " " in plain[limit // 2 : limit - 1] else plain[: limit - 1]
        plain = f"{words.rstrip(' ,;:.')}…"
    return _DOMAIN.sub("․", _COMMAND.sub("∕", plain)).translate(_LOOKALIKES)


def quoted(text: str) -> str:
    """What the person wrote, short, to be shown in a sentence about it."""
    return f'"{name(text, limit=30)}"' if text.strip() else "nothing"


def own_words(message: str, typed: str) -> str:
    """A message of ours in which only what the person typed, quoted in it, is made harmless: examples stay copyable."""
    typed = " ".join(typed.split())
    for length in (len(typed), 40):
        cut = typed[:length]
        if cut and f'"{cut}"' in message:
            return message.replace(f'"{cut}"', f'"{name(cut)}"')
    return message


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text.strip()
    if not text:
        return text
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def one_of(options: Iterable[str]) -> str:
    """`a, b or c`."""
    words = list(options)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}" if words else "none"


def all_of(options: Iterable[str]) -> str:
    """`a, b and c`."""
    words = list(options)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"


async def look_up(desk: ToolDesk, tool: str, **arguments: object) -> ToolResult:
    """A tool's finding; raises `Misused` with the tool's own words when it cannot answer."""
    result = await desk.run(tool, arguments)
    if result.is_problem:
        raise Misused(result.text)
    return result


def source_of(scope: Scope, figures: Sequence[Figure]) -> str:
    """ "as of 14:02, Victron", as answers say it."""
    line = source_line(scope, figures, basic=False)
    return name(line, limit=200) if line else ""


def to_come(scope: Scope, moment: datetime) -> str:
    """A moment to come: the day by name within a week, by date later."""
    local, now = moment.astimezone(scope.zone), scope.as_of.astimezone(scope.zone)
    days = (local.date() - now.date()).days
    clock = local.strftime("%H:%M") if scope.units.hour_24 else local.strftime("%I:%M %p").lstrip("0")
    if days == 0:
        return clock
    return f"{day_name(local, scope.units) if days < 7 else local.date().isoformat()} {clock}"
