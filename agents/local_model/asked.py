"""A question taken apart once: tidied words, metrics, periods, a threshold, words of the future."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agents.local_model.metric_words import Threshold, metrics_in, threshold_in
from agents.local_model.wording import tidy
from energy.period_words import Phrase, find_future, find_phrases

_LONGEST = 600  # characters; what a person asks is shorter, and rules should not crawl through a pasted text


@dataclass(frozen=True, slots=True)
class Asked:
    """What was read out of a question. `rest` is its text without the periods."""

    text: str
    rest: str
    metrics: tuple[str, ...]
    periods: tuple[Phrase, ...]
    threshold: Threshold | None
    future: str | None

    def has(self, pattern: str) -> bool:
        """Whether the tidied text matches."""
        return re.search(pattern, self.text) is not None

    @property
    def period(self) -> str | None:
        """The wording of the first period, if any."""
        return self.periods[0].wording if self.periods else None

    @property
    def metric(self) -> str | None:
        """The first metric, if any."""
        return self.metrics[0] if self.metrics else None


def read(question: str) -> Asked:
    """Take a question apart."""
    text = tidy(question[:_LONGEST])
    periods = tuple(find_phrases(text))
    rest = text
    for phrase in reversed(periods):
        rest = f"{rest[: phrase.start].rstrip()} {rest[phrase.end :].lstrip()}".strip()
    return Asked(text, rest, metrics_in(rest), periods, threshold_in(rest), find_future(text))
