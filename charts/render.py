"""Specs to PNG bytes. matplotlib is loaded at the first chart, and `render` keeps it off the event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

from charts.specs import (
    AlertChart,
    CellsChart,
    ChartSpec,
    EnergyBars,
    PlanChart,
    PowerChart,
    ScorecardChart,
    SocChart,
    SocFanChart,
    SolarForecastChart,
)

# One thread: two charts at once would only fight for the interpreter, and matplotlib promises no thread safety.
_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="charts")
# The module and its function of the same name, which gives the card; imported when such a chart is drawn.
_DRAWN_BY: dict[type[ChartSpec], str] = {
    PowerChart: "draw_power",
    SocChart: "draw_soc",
    EnergyBars: "draw_energy",
    AlertChart: "draw_alert",
    SolarForecastChart: "draw_solar_forecast",
    SocFanChart: "draw_soc_fan",
    PlanChart: "draw_plan",
    ScorecardChart: "draw_scorecard",
    CellsChart: "draw_cells",
}


def render_png(spec: ChartSpec) -> bytes:
    """The chart as PNG, 1080 px wide and about as tall. Not for two threads at once: await `render` instead."""
    name = _DRAWN_BY.get(type(spec))
    if name is None:
        raise TypeError(f"{type(spec).__name__} is no chart that can be drawn")
    png: bytes = getattr(import_module(f"charts.{name}"), name)(spec).png()
    return png


async def render(spec: ChartSpec) -> bytes:
    """The chart as PNG, drawn in the charts' own thread; charts wait for each other."""
    return await asyncio.get_running_loop().run_in_executor(_THREAD, render_png, spec)
