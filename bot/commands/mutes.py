"""/mute and /unmute: silence for a while, which shortens no longer one unless somebody says so."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.commands.buttons import run_button
from bot.commands.command import Context
from bot.commands.miners import may_switch as may_decide
from bot.commands.saying import Line, Misused, all_of, answer, listed, name, one_of, quoted, to_come
from bot.reply import Bold, Code, Reply, Text
from energy.alerts.rule import Level
from energy.durations import UnknownDuration, parse_until
from services import alerts
from services.audience import is_own

if TYPE_CHECKING:
    from services.scope import Scope

USUAL_MUTE = timedelta(hours=1)
LONGEST_MUTE = timedelta(days=31)
_SHOWN = 3
_TIME = re.compile(r"(?:^|\s)(?P<time>(?:for|until|till|til)\b.*)$", re.IGNORECASE)


async def mute(scope: Scope, context: Context, arguments: str) -> Reply:
    """Silence a rule or an alert for a while; nothing: what is muted."""
    if not arguments.strip():
        return await _muted(scope, context)
    what, asked_for = _what_and_until(scope, arguments)
    until = asked_for or scope.now + USUAL_MUTE
    if what.lower() in ("all", "alerts", "everything"):
        return await _mute_all(scope, context, until)
    before = await muted_untils(scope)
    number = what.removeprefix("#")
    meant = int(number) if number.isdecimal() else what
    rule = await alerts.mute(scope, meant, until)
    if rule is None:
        raise await _not_a_rule(scope, what)
    later = before.get(rule.id)
    shortens = later is not None and later > until
    if shortens and later is not None and asked_for is None:  # no time was said: what was decided before holds
        await alerts.mute(scope, rule.id, later)
        return answer(
            f"{name(rule.title)} stays muted until {to_come(scope, later)}, {for_whom(scope, rule.id)}.",
            ("To shorten that, say a time: ", Code(f"/mute {meant} for 1h")),
        )
    return answer(
        (Bold(f"Muted until {to_come(scope, until)}: "), Text(f"{name(rule.title)}, {for_whom(scope, rule.id)}.")),
        *([f"It was muted until {to_come(scope, later)} before."] if shortens and later is not None else []),
        "It goes on being watched: once the mute is over, what is still wrong is told.",
        buttons=[[await run_button(scope, context, "Unmute", f"/unmute {rule.id}")]],
    )


async def unmute(scope: Scope, _context: Context, arguments: str) -> Reply:
    """End mutes: of a rule, of an alert, or all."""
    what = arguments.strip()
    if what.lower() in ("", "all", "alerts", "everything"):
        ended = await alerts.unmute(scope)
    else:
        number = what.removeprefix("#")
        ended = await alerts.unmute(scope, int(number) if number.isdecimal() else what)
    if not ended:
        which = f"{quoted(what)} is not muted" if what else "Nothing is muted"
        return answer(f"{which}, as far as you can change it.", "/mute lists what is muted.")
    return answer(f"{ended} {'mute has' if ended == 1 else 'mutes have'} ended: alerts are told again.")


async def _muted(scope: Scope, context: Context) -> Reply:
    muted, rules = await alerts.mutes(scope), await alerts.rules_of(scope)
    if not muted:
        return answer("Nothing is muted.", ("To mute a rule or an alert: ", Code("/mute battery_low for 2h")))
    together: dict[tuple[datetime, bool], list[str]] = {}
    for each in muted:
        title = rules[each.rule_id].title if each.rule_id in rules else each.rule_id
        together.setdefault((each.until, each.person_id is None), []).append(name(title))
    lines: list[Line] = []
    for (until, everybody), titles in list(together.items())[:_SHOWN]:
        left = len(titles) - 3
        which = f"{', '.join(titles[:3])} and {left} more" if left > 1 else all_of(titles)
        lines.append((Bold(which), Text(f" until {to_come(scope, until)}, for {'everybody' if everybody else 'you'}")))
    left = len(together) - len(lines)
    return listed(
        f"{len(muted)} {'rule' if len(muted) == 1 else 'rules'} muted:",
        [*lines, *([f"and {left} more"] if left else [])],
        buttons=[[await run_button(scope, context, "Unmute all", "/unmute all")]],
    )


async def _mute_all(scope: Scope, context: Context, until: datetime) -> Reply:
    """All but the critical ones: those are muted one by one, by whoever means it."""
    before = await muted_untils(scope)
    longer = 0
    for rule in (await alerts.rules_of(scope)).values():
        if rule.level is Level.CRITICAL:
            continue
        if before.get(rule.id, until) > until:
            longer += 1
        else:
            await alerts.mute(scope, rule.id, until)
    stay = f"{longer} {'rule stays' if longer == 1 else 'rules stay'} muted for longer, as was decided before."
    return answer(
        (Bold(f"Muted until {to_come(scope, until)}: "), Text(f"all but critical alerts, {for_whom(scope)}.")),
        *([stay] if longer else []),
        ("A critical one can be muted by itself: ", Code("/mute grid_outage for 1h")),
        buttons=[[await run_button(scope, context, "Unmute all", "/unmute all")]],
    )


async def muted_untils(scope: Scope) -> dict[str, datetime]:
    """When the mutes end that a new one of this person would take the place of."""
    held = await alerts.mutes(scope)
    return {each.rule_id: each.until for each in held if (each.person_id is None) == _for_all(scope, each.rule_id)}


async def _not_a_rule(scope: Scope, what: str) -> Misused:
    words = what.lower()
    asked, rules = words.replace(" ", "_"), await alerts.rules_of(scope)
    close = [rule_id for rule_id in rules if not is_own(rule_id) and asked in rule_id]
    close += [rule.title for rule in rules.values() if is_own(rule.id) and words in rule.title.lower()]
    close = close[:6]
    if len(close) > 1:
        return Misused(f"{quoted(what)} may be {one_of(close)}", "Which one?", f"/mute {close[0]} for 2h")
    return Misused(
        f"{quoted(what)} is neither an alert's number nor a rule",
        "/alerts lists the open ones, /rules all the rules",
        "/mute battery_low for 2h",
    )


def _what_and_until(scope: Scope, arguments: str) -> tuple[str, datetime | None]:
    """ "battery_low for 2h", "12 until 18:00", as native commands write it "12 2h", and "12" alone (no time)."""
    words = arguments.strip()
    marked = _TIME.search(words)
    if marked is not None:
        what, time = words[: marked.start()].strip(), marked["time"]
        return what or "all", _until(scope, time)
    parts = words.split()
    for size in range(1, len(parts)):
        try:
            return " ".join(parts[:size]), _until(scope, " ".join(parts[size:]))
        except Misused:
            continue
    return words, None


def _until(scope: Scope, time: str) -> datetime:
    example = "/mute battery_low for 2h"
    try:
        until = parse_until(time, now=scope.now, zone=scope.zone)
    except UnknownDuration as error:
        raise Misused(name(str(error), limit=200), "", example) from error
    if until > scope.now + LONGEST_MUTE:
        raise Misused(f"{quoted(time)} is too long", "At most 31 days", example)
    return until


def _for_all(scope: Scope, rule_id: str) -> bool:
    return may_decide(scope) and not (is_own(rule_id) and scope.actor.person_id is not None)


def for_whom(scope: Scope, rule_id: str = "") -> str:
    """Whom a mute of this person silences, in words."""
    return "for everybody" if _for_all(scope, rule_id) else "for you alone"
