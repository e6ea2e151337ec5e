"""Token counts without a network: `o200k_base` from a package, loaded at the first use (80 MB)."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any


@cache
def _encoding() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the package opens its files in an outdated way
        from bpe_openai import get_encoding

        return get_encoding("o200k_base")


def count_tokens(text: str) -> int:
    """Tokens of a text in `o200k_base`."""
    return len(_encoding().encode(text))
