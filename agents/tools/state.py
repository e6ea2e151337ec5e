"""The tool that says what is going on now."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from agents.tools.desk import ToolDesk, ToolResult
from agents.tools.metrics import METRICS, Metric
from agents.tools.words import age_words, clock, rounded, said
from energy.naming import source_name
from services import state

if TYPE_CHECKING:
    from energy.merge import MergedView, Sourced


async def current_state(desk: ToolDesk) -> ToolResult:
    """All current figures: battery level and flow, solar, load, grid, generator, miners, voltage, temperature.

    Facts: one entry per known metric, keyed by its name (`soc`, `solar`, `load`, `battery`, `grid`, `generator`,
    `battery_voltage`, `battery_temperature`, `miners`): `{"value": number in W, %, V or °C, "said": "63 %" or
    "discharging at 1.2 kW", "at": "14:02", "source": "Victron", "old": "2 h" only when stale}`; then
    `"unknown": [metric names]`, `"off_grid": true` where the site has no grid, `"grid_present"`, `"inverter_state"`,
    `"fault_codes": [...]` where known, `"silent": [device names]`, and `"no_data": true` when nothing is known at all.
    """
    scope = desk.scope
    view = await state.current_state(scope)
    facts: dict[str, Any] = {}
    unknown: list[str] = []
    for name, metric in METRICS.items():
        if name == "grid" and not scope.site.grid.present and view.number("grid_import_w") is None:
            facts["off_grid"] = True
            continue
        entry = _entry(desk, metric, view[metric.field])
        if entry is None:
            unknown.append(name)
        else:
            facts[name] = entry
    if len(unknown) + ("off_grid" in facts) == len(METRICS):
        desk.note_instant("soc_pct", None, "%", None, None)
        return ToolResult({"no_data": True}, "There are no readings yet, so the current state is unknown.")
    if unknown:
        facts["unknown"] = unknown
    for name in ("grid_present", "inverter_state", "fault_codes"):
        if view[name].value is not None and not (name == "grid_present" and "off_grid" in facts):
            facts[name] = view[name].value
    if view.silent_devices:
        facts["silent"] = [source_name(scope.site, d) for d in view.silent_devices]
    return ToolResult(facts, _sentence(desk, view, facts))


def _entry(desk: ToolDesk, metric: Metric, sourced: Sourced) -> dict[str, Any] | None:
    scope = desk.scope
    value = sourced.value
    if value is None or isinstance(value, str | tuple) or sourced.taken_at is None:
        return None
    source = source_name(scope.site, sourced.sources)
    desk.note_instant(metric.field, float(value), metric.described.unit, sourced.taken_at, source)
    entry: dict[str, Any] = {"value": rounded(float(value)), "said": said(scope, metric, float(value))}
    entry["at"] = clock(scope, sourced.taken_at)
    entry["source"] = source
    if sourced.stale:
        entry["old"] = age_words(scope, sourced.taken_at)
    return entry


def _sentence(desk: ToolDesk, view: MergedView, facts: dict[str, Any]) -> str:
    battery = [facts["soc"]["said"]] if "soc" in facts else ["level unknown"]
    if "battery" in facts:
        battery.append(facts["battery"]["said"])
    parts = ["Battery " + " and ".join(battery)]
    parts.append(f"solar {_said(facts, 'solar')}")
    parts.append(f"load {_said(facts, 'load')}")
    if "grid" in facts:
        parts.append("no grid flow" if facts["grid"]["value"] == 0 else facts["grid"]["said"])
    running = [name for name in ("generator", "miners") if name in facts and facts[name]["value"]]
    parts.extend(f"{name} {facts[name]['said']}" for name in running)
    text = "; ".join(parts) + "."
    if facts.get("grid_present") is False and desk.scope.site.grid.present:
        text += " The grid is down."
    if facts.get("fault_codes"):
        text += f" Fault codes: {', '.join(facts['fault_codes'])}."
    oldest = _oldest_stale(view, facts)
    if oldest is not None:
        text += f" Some figures are old: from {clock(desk.scope, oldest)}, {age_words(desk.scope, oldest)} ago."
    return text


def _said(facts: dict[str, Any], name: str) -> str:
    return str(facts[name]["said"]) if name in facts else "unknown"


def _oldest_stale(view: MergedView, facts: dict[str, Any]) -> datetime | None:
    moments = [
        view[METRICS[name].field].taken_at for name, entry in facts.items() if name in METRICS and "old" in entry
    ]
    return min((m for m in moments if m is not None), default=None)
