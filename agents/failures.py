"""What went wrong with a model, told by type: whether to try again, when, and in which words."""

from __future__ import annotations

from dataclasses import dataclass


class UnusableReply(Exception):
    """The model answered, but not with anything that can be used."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed model call. `retry` = worth one more try at once; `permanent` = will not heal by itself."""

    kind: str
    words: str
    retry: bool = False
    permanent: bool = False
    after_s: float | None = None


_SOON_S = 2.0


def classified(error: BaseException) -> Failure:
    """The failure behind an exception of a model client, by status and type names: no vendor class is imported.

    The words are for people: no host, no key, no raw message.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    status = getattr(error, "status_code", None)
    if isinstance(error, TimeoutError) or "APITimeoutError" in names:
        return Failure("timeout", "the language model took too long")
    if status == 429:
        after_s = _retry_after_s(error)
        spent = "insufficient_quota" in str(getattr(error, "code", ""))
        words = "the language model's quota is used up" if spent else "the language model is busy"
        return Failure("busy", words, not spent and (after_s or 0) <= _SOON_S, spent, after_s)
    if status in (401, 403):
        return Failure("refused", "the language model refused the key", permanent=True)
    if status == 404:
        return Failure("not_found", "the language model or its address does not exist", permanent=True)
    if isinstance(status, int) and status >= 500:
        return Failure("server_error", "the language model has a fault", retry=True, after_s=_retry_after_s(error))
    if isinstance(status, int):
        return Failure("rejected", "the language model rejected the question")
    if "APIConnectionError" in names or isinstance(error, OSError):
        return Failure("unreachable", "the language model cannot be reached", retry=True)
    return Failure("unreadable", "the language model's reply was unreadable", retry=True)


def _retry_after_s(error: BaseException) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None)
    text = headers.get("retry-after") if headers is not None else None
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None  # an HTTP date; the breaker's own pause serves
