"""Specs to PNG bytes. matplotlib is loaded at the first chart, and `render` keeps it off the event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from charts.specs import AlertChart, ChartSpec, EnergyBars, PowerChart, SocChart

# One thread: two charts at once would only fight for the interpreter, and matplotlib promises no thread safety.
_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="charts")


def render_png(spec: ChartSpec) -> bytes:
    """The chart as PNG, 1080 px wide and about as tall. Not for two threads at once: await `render` instead."""
    if isinstance(spec, PowerChart):
        from charts.draw_power import draw_power

        return draw_power(spec).png()
    if isinstance(spec, SocChart):
        from charts.draw_soc import draw_soc

        return draw_soc(spec).png()
    if isinstance(spec, EnergyBars):
        from charts.draw_energy import draw_energy

        return draw_energy(spec).png()
    if isinstance(spec, AlertChart):
        from charts.draw_alert import draw_alert

        return draw_alert(spec).png()
    raise TypeError(f"{type(spec).__name__} is no chart that can be drawn")


async def render(spec: ChartSpec) -> bytes:
    """The chart as PNG, drawn in the charts' own thread; charts wait for each other."""
    return await asyncio.get_running_loop().run_in_executor(_THREAD, render_png, spec)
