"""Words of time in a text that no period was made of: what was meant by them is not known, and they must be told of."""

from __future__ import annotations

import re
from collections.abc import Sequence

from energy.period_clocks import Phrase
from energy.period_dates import MONTH, WEEKDAY
from energy.period_words import find_future

_CLEAR_MONTH = "|".join(name for name in MONTH.split("|") if name not in ("march", "may", "mar", "dec", "jan", "sep"))
_SEASON = r"spring|summer|autumn|fall|winter"
_UNIT = r"nights?|days?|weeks?|weekends?|fortnights?|months?|quarters?|years?|seasons?|decades?|centur(?:y|ies)"
_TIME_WORDS = re.compile(
    rf"\b(?:(?:{WEEKDAY})|(?:{_CLEAR_MONTH})|yesterday|"
    r"\d{1,2}(?::\d\d)? ?[ap]\.?m\b|\d{1,2}:\d\d(?! ?(?:%|k?wh?\b))|noon|midday|midnight|"
    rf"(?:last|past|previous|this|since|during|in|in the|over the|of) (?:{_SEASON})(?: (?:20\d\d|before last))?|"
    rf"(?:the )?(?:last|past|previous|other|same) (?:{_UNIT})|"
    rf"(?:the )?(?:first|second|third|fourth|1st|2nd|3rd|4th) (?:half|week|weekend|day|{WEEKDAY}) of(?: \w+)?|"
    r"(?:the )?(?:beginning|start|end|middle) of (?:the |this |last )?(?:week|month|year|quarter)|"
    r"(?:\w+ ){1,2}ago|before last|christmas|thanksgiving|easter|halloween|new year(?:'?s(?: eve| day)?)?|"
    r"fortnight)\b(?:'s)?",
)


def unread_time_words(text: str, phrases: Sequence[Phrase]) -> str | None:
    """The first words of a lower-case text that speak of a time and are in none of its phrases, or None."""
    left = list(text)
    for phrase in phrases:
        left[phrase.start : phrase.end] = "\n" * (phrase.end - phrase.start)
    rest = "".join(left)
    future = find_future(rest)
    match = _TIME_WORDS.search(rest.replace(future, "\n") if future else rest)
    return match[0].strip() if match else None
