"""The site and the commands themselves: /sites, /help."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from agents.tools.desk import ToolDesk
from bot.commands.command import Command, Context
from bot.commands.saying import Line, Misused, answer, figure, look_up, name, one_of
from bot.reply import Bold, Code, Inline, Reply, Text
from energy.units import format_percent, format_power

if TYPE_CHECKING:
    from services.scope import Scope

ALL_COMMANDS = "/help lists all commands; anything else is a question that I try to answer."

_GROUPS = (
    ("Now", ("status", "solar", "battery", "grid", "health", "live")),
    ("Past and ahead", ("history", "chart", "report", "forecast", "plan", "why")),
    ("Control and alerts", ("miners", "alerts", "ack", "mute", "unmute", "rules")),
    ("You", ("prefs", "contacts", "away", "link")),
    ("Site", ("sites", "people", "group", "deliveries", "help")),
)


async def sites(scope: Scope, _context: Context, _arguments: str) -> Reply:
    """The site, what it consists of, the owner's limits, and the asker's role."""
    site = scope.site
    facts = (await look_up(ToolDesk(scope), "site_settings")).facts
    limits = site.limits  # the owner's, whatever the asker's own
    parts: list[str] = []
    if facts["solar_kwp"] is not None:
        parts.append(f"{facts['solar_kwp']:g} kWp of panels")
    if facts["battery"]:
        parts.append(f"{facts['battery']['usable_kwh']:g} kWh {name(str(facts['battery']['chemistry']))}")
    if facts["inverter_model"]:
        parts.append(name(str(facts["inverter_model"])))
    parts.append("grid" if site.grid.present else "no grid")
    lines: list[Line] = [
        (Bold(name(site.name)), Text(f" ({site.id}), time zone {site.timezone}; you are {scope.actor.role}")),
        f"{', '.join(parts)}.",
        f"Battery never below {format_percent(limits.min_soc_pct)}, kept between "
        f"{format_percent(limits.safe_min_soc_pct)} and {format_percent(limits.safe_max_soc_pct)}; "
        f"miners only above {format_percent(limits.miner_min_soc_pct)}.",
    ]
    if site.miner:
        total = format_power(sum(miner.power_w for miner in site.miner), scope.units)
        lines.append(f"Miners: {', '.join(name(miner.id) for miner in site.miner)} ({total} in all).")
    return answer(*lines, source="site settings")


async def help_(_scope: Scope, _context: Context, arguments: str) -> Reply:
    """All commands by family, or one command's use."""
    from bot.commands.table import BY_NAME

    asked = arguments.strip().removeprefix("/").lower()
    if asked:
        command = BY_NAME.get(asked)
        if command is None:
            available = [each.name for each in BY_NAME.values() if each.available]
            close = difflib.get_close_matches(asked, available, n=3, cutoff=0.5)
            allowed = f"Close to it: {one_of(f'/{other}' for other in close)}" if close else ""
            raise Misused(f"there is no command /{name(asked, limit=32)}", allowed, "/help miners")
        return _one(command)
    lines: list[Line] = []
    for title, names in _GROUPS:
        shown = [each for each in names if BY_NAME[each].available]
        if shown:
            lines.append((Bold(f"{title}: "), Text(" ".join(f"/{each}" for each in shown))))
    lines.append('Or ask in plain words: "when did we pass 2500 W yesterday?" /help miners tells more of one command.')
    return answer(*lines)


def _one(command: Command) -> Reply:
    usage = " ".join(("/" + command.name, *(f"[{parameter.name}]" for parameter in command.parameters)))
    lines: list[Line] = [(Code(usage), Text(f"  {command.about}."))]
    if not command.available:
        return answer((Code(f"/{command.name}"), Text(f"  {command.about}.")), command.until)
    for parameter in command.parameters[:3]:
        choices = f" ({one_of(parameter.choices)})" if parameter.choices else ""
        lines.append(figure(parameter.name, f": {parameter.about}{choices}"))
    examples: list[Inline] = [Text("For example: ")]
    for example in command.examples[:3]:
        examples += [Code(example), Text("  ")]
    if len(examples) > 1:
        lines.append(tuple(examples[:-1]))
    notes = [
        *([f"for {command.role}s"] if command.role != "viewer" else []),
        *(["in a direct chat only"] if command.private else []),
    ]
    if notes:
        lines.append(f"{', '.join(notes).capitalize()}.")
    return answer(*lines)
