"""Reading `commandcenter.toml`: every refused value is named with its file, its key and what is allowed."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from energy.site import Site

FILE_NAME = "commandcenter.toml"
_SECTIONS = (
    "limits",
    "battery",
    "grid",
    "inverter",
    "control",
    "tariff",
    "array",
    "device",
    "merge",
    "miner",
    "economics",
    "plan",
    "alerts",
    "maintenance",
)


class SiteFileError(Exception):
    """The file cannot be used; the message says where and how to mend it."""


def load_site(path: Path) -> Site:
    """The site that a toml file describes. Raises `SiteFileError` naming file, key and remedy."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SiteFileError(
            f"{path}: there is no such file; copy commandcenter.toml from the project and edit it"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SiteFileError(f"{path}: cannot be read ({error}); it must be a UTF-8 text file") from error
    except tomllib.TOMLDecodeError as error:
        raise SiteFileError(f"{path}: is not valid TOML: {error}") from error
    return site_from_document(document, str(path))


def site_from_document(document: dict[str, object], origin: str) -> Site:
    """The site in a parsed document: `[site]` holds its own keys, the other tables stand beside it."""
    unknown = sorted(set(document) - {"site", *_SECTIONS})
    if unknown:
        raise SiteFileError(f"{origin}: [{unknown[0]}] is unknown; the tables are site, {', '.join(_SECTIONS)}")
    head = document.get("site")
    if not isinstance(head, dict):
        raise SiteFileError(f'{origin}: [site] is missing; it needs at least id = "…" and timezone = "…"')
    try:
        return Site.model_validate(head | {name: document[name] for name in _SECTIONS if name in document})
    except ValidationError as error:
        raise SiteFileError(_in_words(error, origin)) from error


def _in_words(error: ValidationError, origin: str) -> str:
    lines = []
    for problem in error.errors():
        where = ".".join(_key(part) for part in problem["loc"]) or "site"
        if problem["type"] == "extra_forbidden":
            lines.append(f"{origin}: {where}: is not a key here; check its spelling and its table")
            continue
        given = problem.get("input")
        shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
        lines.append(f"{origin}: {where}: {problem['msg'].removeprefix('Value error, ')}{shown}")
    return "\n".join(lines)


def _key(part: int | str) -> str:
    return f"#{part + 1}" if isinstance(part, int) else part
