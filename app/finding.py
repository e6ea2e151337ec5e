"""One line of what `commandcenter doctor` reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """`ok` None is a remark that spoils nothing, a warning where somebody should act on it."""

    ok: bool | None
    about: str
    says: str
    warns: bool = False
