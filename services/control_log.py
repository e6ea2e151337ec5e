"""What was done with miners and settings, by whom and why, as sentences out of the audit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from energy.units import format_clock
from services.control_words import action_words
from services.miners import names_of
from services.scope import Scope, require
from store import audit
from store.audit import AuditEntry

_KINDS = ("control_", "miner", "relay_", "grid_charge", "button_refused")
_PARTS = {"worker": "worker", "plan": "plan", "host": "host", "auto": "automatic"}
_PERSON_ID = re.compile(r"\b[0-9a-f]{32}\b")
_VERDICTS = {
    "used": "one that had been used",
    "expired": "one whose time was over",
    "not_yours": "one that is somebody else's",
    "elsewhere": "one from another chat",
}


@dataclass(frozen=True, slots=True)
class LogEntry:
    """When, who, and what they did or were refused."""

    at: datetime
    who: str
    text: str


async def log(scope: Scope, *, limit: int = 20) -> list[LogEntry]:
    """The newest entries first: asked, confirmed, refused and why, switched, read back, by hand, by timer."""
    require(scope, "viewer")
    rows = await audit.entries(
        scope.database, scope.org_id, site_id=scope.site.id, kinds=_KINDS, until=scope.now, limit=4 * limit
    )
    names = await names_of(scope)
    told = [_entry(row, names, scope) for row in rows]
    return [entry for entry in told if entry is not None][:limit]


def _entry(row: AuditEntry, names: Mapping[str, str], scope: Scope) -> LogEntry | None:
    text = _text(row, scope)
    if text is None:
        return None
    told = _PERSON_ID.sub(lambda found: names.get(found[0], "somebody"), text)
    return LogEntry(row.happened_at, _who(row, names), told)


def _who(row: AuditEntry, names: Mapping[str, str]) -> str:
    known = names.get(row.actor) or _PARTS.get(row.actor)
    if known is not None:
        return known
    name = row.details.get("name")
    return str(name) if name else "somebody who was removed" if _PERSON_ID.fullmatch(row.actor) else row.actor


def _text(row: AuditEntry, scope: Scope) -> str | None:
    details = row.details
    if isinstance(details.get("says"), str):  # the worker's own sentence
        return str(details["says"])
    what, until = action_words(str(details.get("action", "")), details), _until(row, scope)
    match row.action:
        case "control_asked":
            return f"asked to {what}{until}"
        case "control_proposed" if details.get("origin") == "model":
            return f"was proposed by the assistant to {what}{until}; waits for a tap"
        case "control_proposed":
            return f"asked to {what}{until}; waits for a tap{_left_out(details)}"
        case "control_confirmed":
            return f"confirmed: {what}{until}"
        case "control_cancelled":
            return f"cancelled: {what}"
        case "control_expired":
            return f"closed what nobody confirmed in time: {what}{until}"
        case "control_refused":
            return f"was refused to {what}: {_first_block(details) or _why(details)}"
        case "control_denied":
            wanted = what if details.get("action") != "unknown" else "decide a request"
            return f"may not {wanted}: {_why(details)}"
        case "control_altered":
            return f"tried to {what}, which had been altered after it was asked; it was not done"
        case "button_refused":
            return _button(details)
        case _:
            return f"{row.action.replace('_', ' ')}: {row.subject}"


def _button(details: Mapping[str, Any]) -> str | None:
    button = details.get("button") or {}
    verdict = _VERDICTS.get(str(details.get("verdict")))
    if button.get("do") not in ("confirm", "cancel") or verdict is None:
        return None  # only what would have decided something is told
    return f"tapped a button to {button['do']}, {verdict}; nothing was done"


def _why(details: Mapping[str, Any]) -> str:
    why = details.get("why")
    told = [why] if isinstance(why, str) else [str(each) for each in why or ()]
    return " ".join(told).rstrip(".") or "a rule holds it back"


def _first_block(details: Mapping[str, Any]) -> str | None:
    """The first rule with its figures, and how many more there were."""
    blocks = details.get("blocks") or {}
    rules = [(miner, block) for miner, found in blocks.items() for block in found]
    if not rules:
        return None
    miner, block = rules[0]
    when = f", possible {block['when']}" if block.get("when") else ""
    more = f"; and {len(rules) - 1} more" if len(rules) > 1 else ""
    return f"{miner} cannot start: {block['says']}{when}{more}"


def _left_out(details: Mapping[str, Any]) -> str:
    blocks = details.get("blocks") or {}
    rules = [f"{miner}: {'; '.join(str(block['says']) for block in found)}" for miner, found in blocks.items()]
    return f" (not {'; not '.join(rules)})" if rules else ""


def _until(row: AuditEntry, scope: Scope) -> str:
    """Until when it was asked for, in the reader's zone; with the date where that is not the day of the row."""
    told = row.details.get("until")
    if not isinstance(told, str):
        return ""
    until = datetime.fromisoformat(told).astimezone(scope.zone)
    clock = format_clock(until, scope.zone, now=until, units=scope.units)
    same_day = until.date() == row.happened_at.astimezone(scope.zone).date()
    return f" until {clock}" if same_day else f" until {clock} on {until.date().isoformat()}"
