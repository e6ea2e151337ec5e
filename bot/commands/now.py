"""What is going on now: /status, /solar, /battery, /grid, /health."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from agents.tools.desk import ToolDesk
from bot.commands.buttons import run_button
from bot.commands.charts_ahead import cells_chart
from bot.commands.command import Context
from bot.commands.grid_charging import grid_charge
from bot.commands.saying import Line, Misused, all_of, answer, figure, look_up, name, sentence, source_of
from bot.reply import Bold, Reply, Text
from energy.units import format_duration, format_percent, format_power
from services import battery_health, miners
from services.outlook_values import Nothing
from services.preferences import limits_of

if TYPE_CHECKING:
    from services.miners import MinerState
    from services.scope import Scope

Facts = Mapping[str, Any]

_NO_DATA = "There are no readings yet, so nothing is known."
_REMEDY = "/health says which devices are silent; on the host, commandcenter doctor says why"
_MOST_DEVICES = 4
_LEAST_DRAIN_W = 100.0  # below it "at this rate" says nothing
_LONGEST_RATE = timedelta(hours=48)


async def status(scope: Scope, context: Context, arguments: str) -> Reply:
    """The whole site in six lines."""
    no_arguments(arguments, "status")
    reply = await status_reply(scope)
    row = [
        await run_button(scope, context, "Chart", "/chart power today"),
        await run_button(scope, context, "Miners", "/miners"),
        await run_button(scope, context, "Refresh", "/status", replaces=True),
    ]
    return Reply(reply.blocks, buttons=(tuple(row),))


async def status_reply(scope: Scope) -> Reply:
    """The six lines of /status, as /live shows them too."""
    desk, facts = await _now(scope)
    states = await miners.miner_states(scope) if scope.site.miner else []
    lines: list[Line] = [_battery(facts), figure(_said(facts, "solar"), " solar"), _load(facts)]
    grid = _grid(scope, facts)
    if grid is not None:
        lines.append(grid)
    if states:
        lines.append(_miners(states))
    warning = _warning(facts)
    if warning:
        lines.append((Bold(warning),))
    return answer(lines[0], *lines[1:], source=source_of(scope, desk.figures))


async def solar(scope: Scope, context: Context, arguments: str) -> Reply:
    """Production now, today and yesterday."""
    no_arguments(arguments, "solar")
    desk, facts = await _now(scope)
    today = await look_up(desk, "history_statistics", metric="solar", period="today")
    yesterday = await look_up(desk, "history_statistics", metric="solar", period="yesterday")
    lines: list[Line] = [figure(_said(facts, "solar"), " now")]
    if "no_solar_yet" in today.facts:
        lines.append(str(today.facts["no_solar_yet"]))
    elif "energy" in today.facts:
        lines.append(figure(today.facts["energy"]["said"], f" so far today{_peak(today.facts)}"))
    if "energy" in yesterday.facts:
        peak = "" if "no_solar_yet" in today.facts else _peak(yesterday.facts)  # which that sentence has told
        lines.append(figure(yesterday.facts["energy"]["said"], f" yesterday{peak}"))
    if scope.site.solar_kwp is not None:
        lines.append(f"Panels {scope.site.solar_kwp:g} kWp.")
    row = [
        await run_button(scope, context, "Today", "/chart power today"),
        await run_button(scope, context, "Last 7 days", "/chart energy last 7 days"),
    ]
    return answer(*lines, source=_source(scope, desk, "solar_w"), buttons=(row,))


async def battery(scope: Scope, context: Context, arguments: str) -> Reply:
    """Level, flow, voltage, temperature, today's range, and how long it lasts at this rate; `health`."""
    if arguments.strip().lower() == "health":
        return await _battery_health(scope, context)
    no_arguments(arguments, "battery")
    desk, facts = await _now(scope)
    level = await look_up(desk, "history_statistics", metric="soc", period="today")
    flow = await look_up(desk, "history_statistics", metric="battery", period="today")
    lines: list[Line] = [_battery(facts)]
    lasting = _lasting(scope, facts)
    if lasting:
        lines.append(lasting)
    if "min" in level.facts and "max" in level.facts:
        low, high = level.facts["min"], level.facts["max"]
        lines.append(f"Today between {low['said']} ({low['at']}) and {high['said']} ({high['at']}).")
    if "energy" in flow.facts:
        lines.append(f"Today {flow.facts['energy']['said']}.")
    measured = [_said(facts, n) for n in ("battery_voltage", "battery_temperature") if n in facts]
    if measured:
        lines.append(f"{' and '.join(measured)}.")
    lines.append(_limits(scope))
    row = [
        await run_button(scope, context, "Chart", "/chart soc today"),
        await run_button(scope, context, "Last 7 days", "/chart soc last 7 days"),
        await run_button(scope, context, "To come", "/forecast battery"),
    ]
    fields = ("soc_pct", "battery_charge_w", "battery_voltage_v", "battery_temperature_c")
    return answer(*lines, source=_source(scope, desk, *fields), buttons=(row,))


async def _battery_health(scope: Scope, context: Context) -> Reply:
    view = await battery_health.health_view(scope)
    if isinstance(view, Nothing):
        return answer(view.says)
    said = battery_health.health_lines(scope, view)
    row = [await run_button(scope, context, "To come", "/forecast battery")]
    first, *rest = [figure(line.figure, line.rest) for line in said] or [figure("Nothing is known of it yet.")]
    source = f"from the last {view.days} days"
    return answer(first, *rest, source=source, charts=await cells_chart(scope, view), buttons=(row,))


async def grid(scope: Scope, context: Context, arguments: str) -> Reply:
    """Flow, whether the grid is there, and today's energy. `/grid charge on|off` is for owners."""
    words = arguments.lower().split()
    if words:
        return await grid_charge(scope, context, words)
    desk, facts = await _now(scope)
    if "off_grid" in facts:
        return answer("This site has no grid connection.", source="site settings")
    lines: list[Line] = [_grid(scope, facts) or figure("unknown", " grid flow")]
    if facts.get("grid_present") is True:
        lines.append("The grid is there.")
    today = await look_up(desk, "history_statistics", metric="grid", period="today")
    if "energy" in today.facts:
        lines.append(f"Today {today.facts['energy']['said']}.")
    rules = scope.site.grid
    lines.append(
        f"The owner's rules: import {'allowed' if rules.import_allowed else 'not allowed'}, "
        f"export {'allowed' if rules.export_allowed else 'not allowed'}."
    )
    row = [await run_button(scope, context, "Chart", "/chart power today")]
    return answer(*lines, source=_source(scope, desk, "grid_import_w"), buttons=(row,))


async def health(scope: Scope, context: Context, arguments: str) -> Reply:
    """Which devices report, which are silent, and the inverter's faults."""
    no_arguments(arguments, "health")
    desk = ToolDesk(scope)
    found = (await look_up(desk, "device_details", device="")).facts.get("devices", [])
    state = (await look_up(desk, "current_state")).facts
    if not found:
        return answer("The site's settings describe no devices, so nothing can report.", sentence(_REMEDY))
    silent = [row for row in found if row.get("stale") or "last_reading" not in row]
    if silent:
        first = figure(f"{len(silent)} of {len(found)} devices silent")
    else:
        first = figure("All devices report" if len(found) > 1 else "The device reports")
    troubled_first = sorted(found, key=lambda row: row not in silent)
    shown = troubled_first if len(found) <= _MOST_DEVICES else troubled_first[: _MOST_DEVICES - 1]
    lines: list[Line] = [first, *(_device(row) for row in shown)]
    if len(found) > len(shown):
        hidden = len(silent) - sum(row in silent for row in shown)
        lines.append(
            f"and {len(found) - len(shown)} more{f', {hidden} of them silent' if hidden > 0 else ', all well'}"
        )
    faults = state.get("fault_codes")
    lines.append(
        f"Fault codes: {', '.join(name(str(code)) for code in faults)}." if faults else "No fault codes known."
    )
    row = [await run_button(scope, context, "Refresh", "/health", replaces=True)]
    return answer(*lines, source=source_of(scope, desk.figures), buttons=(row,))


def no_arguments(arguments: str, command: str) -> None:
    """Raise `Misused` when words follow a command that takes none."""
    if arguments.strip():
        raise Misused(
            f"/{command} takes nothing after its name",
            "What was is told by /history and /chart",
            f"/history {'solar' if command == 'status' else command} yesterday"
            if command in ("status", "solar", "battery")
            else f"/{command}",
        )


async def _now(scope: Scope) -> tuple[ToolDesk, Facts]:
    desk = ToolDesk(scope)
    facts = (await look_up(desk, "current_state")).facts
    if "no_data" in facts:
        raise Misused(_NO_DATA, _REMEDY)
    return desk, facts


def _said(facts: Facts, metric: str) -> str:
    return str(facts[metric]["said"]) if metric in facts else "unknown"


def _battery(facts: Facts) -> Line:
    flow = f", {_said(facts, 'battery')}" if "battery" in facts else ""
    return figure(_said(facts, "soc"), f" battery{flow}")


def _load(facts: Facts) -> Line:
    running = [f"{word} {_said(facts, word)}" for word in ("miners", "generator") if facts.get(word, {}).get("value")]
    beside = f" ({', '.join(running)})" if running else ""
    return figure(_said(facts, "load"), f" load{beside}")


def _grid(scope: Scope, facts: Facts) -> Line | None:
    if facts.get("grid_present") is False and scope.site.grid.present:
        return (Bold("The grid is down"),)
    if "grid" not in facts:
        return None
    watts, said = float(facts["grid"]["value"]), _said(facts, "grid")
    if abs(watts) < 1:
        return figure(format_power(0.0, scope.units), " from the grid")
    direction, _, amount = said.partition(" ")
    return figure(amount, f" {'from' if direction == 'importing' else 'to'} the grid")


def _miners(states: list[MinerState]) -> Line:
    words = {True: "on", False: "off", None: "unknown"}
    groups: dict[str, list[str]] = {}
    for state in states:
        groups.setdefault(words[state.on], []).append(name(state.miner.id))
    said = [f"{all_of(groups[word])} {word}" for word in ("on", "off", "unknown") if word in groups]
    return (Text("Miners: "), Text("; ".join(said)))


def _warning(facts: Facts) -> str:
    parts: list[str] = []
    if facts.get("fault_codes"):
        parts.append(f"Fault codes {', '.join(name(str(code)) for code in facts['fault_codes'])}")
    old = {entry["old"] for entry in facts.values() if isinstance(entry, dict) and "old" in entry}
    if facts.get("silent"):
        parts.append(f"Silent: {', '.join(name(str(device)) for device in facts['silent'])}")
    if old:
        parts.append(f"some figures are {max(old, key=len)} old")
    return "; ".join(parts)


def _peak(facts: Facts) -> str:
    return f", peak {facts['max']['said']} at {facts['max']['at'].rpartition(' ')[2]}" if "max" in facts else ""


def _limits(scope: Scope) -> str:
    limits = limits_of(scope)
    whose = "The owner's limits" if limits == scope.site.limits else "Your limits, stricter than the owner's"
    return (
        f"{whose}: never below {format_percent(limits.min_soc_pct)}, kept between "
        f"{format_percent(limits.safe_min_soc_pct)} and {format_percent(limits.safe_max_soc_pct)}, miners only above "
        f"{format_percent(limits.miner_min_soc_pct)}."
    )


def _lasting(scope: Scope, facts: Facts) -> str:
    """How long until the asker's minimum at the present flow; empty where that says nothing."""
    described, limit = scope.site.battery, limits_of(scope).min_soc_pct
    if described is None or "soc" not in facts or "battery" not in facts:
        return ""
    soc_pct, drain_w = float(facts["soc"]["value"]), -float(facts["battery"]["value"])
    if drain_w < _LEAST_DRAIN_W or soc_pct <= limit:
        return ""
    left = timedelta(hours=(soc_pct - limit) / 100 * described.usable_kwh * 1000 / drain_w)
    if left > _LONGEST_RATE:
        return ""
    return f"At this rate it reaches the minimum of {format_percent(limit)} in about {format_duration(left)}."


def _device(row: Facts) -> Line:
    called = name(str(row.get("name") or row["id"]))
    device_id = name(str(row["id"]))
    called = called if called.lower() == device_id.lower() else f"{called} ({device_id})"
    model = f", {name(str(row['model']))}" if row.get("model") else ""
    if "last_reading" not in row:
        return f"{called}{model}: no reading yet"
    return f"{called}{model}: {row['last_reading']}, {row['ago']} ago{' (silent)' if row.get('stale') else ''}"


def _source(scope: Scope, desk: ToolDesk, *fields: str) -> str:
    """The source of these fields alone: the desk knows the whole site's."""
    return source_of(scope, [each for each in desk.figures if any(each.name.startswith(field) for field in fields)])
