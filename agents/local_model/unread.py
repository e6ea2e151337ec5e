"""What an answer says about times that it leaves out: words not understood, a third period of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from agents.local_model.asked import Asked, read
from agents.local_model.follow_periods import period_of
from agents.local_model.intents import (
    At,
    Average,
    Chart,
    Compare,
    Extreme,
    HowLong,
    Intent,
    Now,
    OwnShare,
    Range,
    Summary,
    Total,
    Trend,
    WhenCrossed,
    WhenExtreme,
)
from energy.period_unread import unread_time_words

_OF_A_PERIOD = (
    *(At, Average, Chart, Compare, Extreme, HowLong, OwnShare),
    *(Range, Summary, Total, Trend, WhenCrossed, WhenExtreme),
)
_MOST_LINES = 5  # the source line under them makes six


def period_note(question: str, intents: Sequence[Intent]) -> str | None:
    """A sentence about times of the question that the answer is not for, or None when there are none."""
    figures = [one for one in intents if isinstance(one, (*_OF_A_PERIOD, Now))]
    if not figures:
        return None
    asked = read(question)
    unread = None if any(isinstance(one, At) for one in figures) else unread_time_words(asked.text, asked.periods)
    if unread is not None:
        if all(isinstance(one, Now) for one in figures):
            return f'I do not know "{unread}" as a time: this is how it is now.'
        return f'I do not know "{unread}" as a time: this is for {_periods(figures)}.'
    return _left_out(asked, figures)


def with_note(answer: str, note: str | None) -> str:
    """The answer with the note as its last line, within the lines of an answer."""
    return answer if note is None else "\n".join([*answer.split("\n")[: _MOST_LINES - 1], note])


def _periods(figures: Sequence[Intent]) -> str:
    said: list[str] = []
    for one in figures:
        said += [one.a, one.b] if isinstance(one, Compare) else [period_of(one) or "now"]
    return " and ".join(dict.fromkeys(text.removeprefix("in ") for text in said))


def _left_out(asked: Asked, figures: Sequence[Intent]) -> str | None:
    used = {text for one in figures for text in (period_of(one), getattr(one, "b", None)) if text}
    named = list(dict.fromkeys(phrase.wording for phrase in asked.periods))
    left = [w for w in named if not any(text == w or text.startswith(f"{w} from ") for text in used)]
    if len(named) < 2 or not left or len(left) == len(named):
        return None
    if any(isinstance(one, Compare) for one in figures):
        return f"Two periods can be compared at a time: {' and '.join(left)} is left out."
    return f"This is for {_periods(figures)}; ask again for {' and '.join(left)}."
