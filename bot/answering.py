"""An assistant's answer as a reply, the plain data in which a reply survives a restart, and fixed replies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from agents.wording import PROPOSES
from bot.reply import (
    Block,
    Paragraph,
    Reply,
    Source,
    Text,
    blocks_from_json,
    blocks_to_json,
    buttons_from_json,
    buttons_to_json,
    plain,
    say,
)
from bot.text import blocks_from_text, clean, inert, without_foreign_links
from charts.specs import spec_from_json, spec_to_json
from energy.units import format_duration

if TYPE_CHECKING:
    from agents.answer import Answer, Figure

MAX_CHARACTERS = 8_000
# The line that `agents.wording.source_line` puts under an answer.
_SOURCE_LINE = re.compile(r"^(?:as of \S|site settings|basic mode)", re.IGNORECASE)

TOO_LONG = say(
    f"That message is longer than {MAX_CHARACTERS:,} characters, so I did not read it. Please ask in a few sentences."
)
EMPTY = say('I found no text in that message. Ask me something like "how is the battery?".')
ONLY_DIRECT = say(
    "What this site does is private, so I answer in a direct chat only. Please write to me there. "
    "An owner can open a group with /group open."
)
NOT_TEXT = say("I can read text only; please write your question.")
BUSY = say("I am still working on your earlier messages, so I left this one out. Please send it again in a moment.")
FAILED = say("Something went wrong while I worked on that, so I have no answer. It is in the log; please try again.")
TOO_SLOW = say("That took too long, so I stopped. Please try again, or ask for a shorter period.")
CHART_FAILED = Source("The chart could not be drawn; the figures above are complete.")


def slow_down(per_minute: int, wait_s: float) -> Reply:
    """What a person hears once who writes too much."""
    return say(f"That is more than {per_minute} messages a minute. I answer again in {max(1, round(wait_s))} s.")


def too_old(age: timedelta, *, maybe_done: bool) -> Reply:
    """What is said to a command that was sent while we were away, or that an interrupted run may have begun."""
    if maybe_done:
        return say(
            f"I was interrupted over this {format_duration(age)} ago and cannot say whether it was done; "
            "/miners log tells. If it still holds, please send it again."
        )
    return say(
        f"You sent this {format_duration(age)} ago, while I was away, so I did not act on it. "
        "If it still holds, please send it again."
    )


def welcome(name: str) -> Reply:
    """The first words to somebody who has just been paired, and the answer to /start."""
    return say(
        f"Hello {clean(name)}, you are connected.",
        'Ask me about the site: "how is the battery?", "when did we pass 2500 W yesterday?", "solar last 7 days".',
    )


def code_refused(name: str) -> Reply:
    """What somebody hears who is connected and sends a code that does nothing."""
    return say(f"That code is wrong, used or expired. You are connected as {clean(name)} already.")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A reply on its way, and the turn to remember once it has gone. `parts_sent` of its parts have gone already.

    `tells` is False for words that say nothing of the site: those may arrive whatever became of the person meanwhile.
    """

    reply: Reply
    turn: dict[str, Any] | None = None
    parts_sent: int = 0
    tells: bool = True


def delivery_to_json(delivery: Delivery) -> dict[str, Any]:
    """Plain data of a delivery."""
    return {
        "blocks": blocks_to_json(delivery.reply.blocks),
        "charts": [spec_to_json(chart) for chart in delivery.reply.charts],
        "buttons": buttons_to_json(delivery.reply.buttons),
        "replaces": delivery.reply.replaces,
        "kind": delivery.reply.kind,
        "turn": delivery.turn,
        "parts_sent": delivery.parts_sent,
        "tells": delivery.tells,
    }


def delivery_from_json(data: dict[str, Any]) -> Delivery:
    """The delivery that `delivery_to_json` wrote down."""
    reply = Reply(
        blocks_from_json(data["blocks"]),
        tuple(spec_from_json(chart) for chart in data["charts"]),
        buttons_from_json(data["buttons"]),
        data["replaces"],
        data["kind"],
    )
    return Delivery(reply, data["turn"], data["parts_sent"], data["tells"])


def reply_from_answer(answer: Answer) -> Reply:
    """The answer as a reply: its text, its last line in small print where it names the source, notes, charts."""
    text, _, last = clean(answer.text).rstrip().rpartition("\n")
    if not _SOURCE_LINE.match(last):
        text, last = answer.text, ""
    if answer.proposals and answer.mode == "basic":
        # The question with the buttons comes right under it and says the same, with the figures.
        text = "\n".join(line for line in text.split("\n") if not line.startswith(PROPOSES))
        last = last if text.strip() else ""
    blocks: list[Block] = list(blocks_from_text(text))
    if not blocks and not answer.proposals:
        blocks.append(Paragraph((Text("I have no answer to that."),)))
    small_print = [line for line in (last, *answer.notes) if line]
    if small_print:
        blocks.append(Source(inert(without_foreign_links(clean("\n".join(small_print))))))
    return Reply(tuple(blocks), answer.charts)


def turn_of(question: str, answer: Answer) -> dict[str, Any]:
    """The turn as plain data, for the conversation's memory."""
    return {
        "question": question,
        "answer": plain(blocks_from_text(answer.text)),
        "agent": answer.agent,
        "mode": answer.mode,
        "figures": [_figure_to_json(figure) for figure in answer.figures],
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
    }


def _figure_to_json(figure: Figure) -> dict[str, Any]:
    return {
        "name": figure.name,
        "value": figure.value,
        "unit": figure.unit,
        "taken_at": figure.taken_at.isoformat() if figure.taken_at else None,
        "from": figure.start.isoformat() if figure.start else None,
        "to": figure.end.isoformat() if figure.end else None,
        "source": figure.source,
        "age_s": figure.age_s,
    }
