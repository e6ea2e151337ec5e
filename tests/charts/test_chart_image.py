"""One look at the pixels: sizes, gaps without a stroke, texts that stay text, colours that stay apart."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from charts import palette
from charts.canvas import AXIS_LEFT_PX, VALUE_PX, WIDTH_PX, Tile, drawable, fitted, text_width_px, tile_grid
from charts.draw_power import NAMES_PX
from charts.render import render, render_png
from charts.specs import ChartSpec, Line
from tests.charts.days import daily_bars, local_day, power_chart, soc_chart

START, END = local_day(2026, 11, 22)
HOUR = timedelta(hours=1)
WITH_GAP = power_chart(START, END, gap=(START + 13 * HOUR, START + 15 * HOUR))
Pixels = NDArray[np.int64]


def pixels(png: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(np.int64)


def near(image: Pixels, colour: str) -> NDArray[np.bool_]:
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return np.asarray(np.abs(image - rgb).max(axis=-1) <= 12)


def column_at(hour: float) -> int:
    return round(AXIS_LEFT_PX + (WIDTH_PX - AXIS_LEFT_PX - NAMES_PX) * hour / 24)


def test_the_png_has_the_promised_size_and_no_stroke_inside_a_gap() -> None:
    png = render_png(WITH_GAP)
    assert png.startswith(b"\x89PNG")
    image = pixels(png)
    assert image.shape[1] == 1080
    assert 720 <= image.shape[0] <= 1600
    plot = image[400:]  # below the heading and its swatches
    for colour in (palette.SOLAR, palette.LOAD, palette.BATTERY):
        strokes = near(plot, colour)
        assert strokes[:, column_at(12.5)].any(), colour
        assert not strokes[:, column_at(13.1) : column_at(14.9)].any(), colour
        assert strokes[:, column_at(15.2)].any(), colour


def test_equal_specs_give_equal_bytes() -> None:
    assert render_png(soc_chart(WITH_GAP)) == render_png(soc_chart(WITH_GAP))


def test_charts_are_drawn_in_one_thread_that_is_not_the_event_loops() -> None:
    async def two() -> list[bytes]:
        return list(await asyncio.gather(render(soc_chart(WITH_GAP)), render(WITH_GAP)))

    assert all(png.startswith(b"\x89PNG") for png in asyncio.run(two()))
    drawing = [thread for thread in threading.enumerate() if thread.name.startswith("charts")]
    assert len(drawing) == 1
    assert "matplotlib.pyplot" not in sys.modules


EMPTY = replace(
    WITH_GAP,
    lines=tuple(replace(line, times=(), values=()) for line in WITH_GAP.lines),
    soc=Line("SOC", "soc_pct", (), ()),
)
BARS = daily_bars(local_day(2026, 10, 24)[0], 30, missing=(4,))


@pytest.mark.parametrize(
    "spec",
    [
        EMPTY,
        replace(EMPTY, lines=(), soc=None),
        soc_chart(EMPTY),
        replace(BARS, series=tuple(replace(s, values=(None,) * 30, covered=()) for s in BARS.series)),
        replace(BARS, edges=(), series=()),
        BARS,
        replace(BARS, by="hour"),
        power_chart(START, END, grid=True, miners=True, as_of=START + 14 * HOUR, label="today"),
        power_chart(*local_day(2026, 3, 8)),
        power_chart(START + 17 * HOUR, END + 7 * HOUR, label="last night"),
        replace(WITH_GAP, as_of=START - HOUR),
    ],
    ids=[
        "empty",
        "no lines",
        "empty soc",
        "no bars known",
        "no bars",
        "bars",
        "hours",
        "running",
        "23 h",
        "night",
        "future",
    ],
)
def test_every_kind_of_period_can_be_drawn(spec: ChartSpec) -> None:
    assert pixels(render_png(spec)).shape[1] == 1080


def test_texts_from_outside_are_inert() -> None:
    hostile = r"$\frac{1}{0}$ $x_1 \badcommand{ 🌞 電力 " + "very long " * 20
    spec = replace(WITH_GAP, title=hostile, site=hostile, source=hostile, period_label=hostile)
    spec = replace(spec, lines=tuple(replace(line, label=hostile) for line in spec.lines))
    assert pixels(render_png(spec)).shape[1] == 1080
    assert drawable("a\n\tb\x07 🌞") == "a b"
    assert drawable(r"$x_1$") == r"$x_1$"


def test_long_texts_end_with_an_ellipsis_that_fits() -> None:
    cut = fitted("Solar Shack on the long hill", 200, 30)
    assert cut.endswith("…")
    assert text_width_px(cut, 30) <= 200
    assert fitted("short", 200, 30) == "short"


# Machado, Oliveira, Fernandes 2009, severity 1.0, on linear RGB.
_BLINDNESS = {
    "none": np.eye(3),
    "protanopia": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deuteranopia": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "tritanopia": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> NDArray[np.float64]:
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y, z = np.cbrt(_TO_XYZ @ np.clip(rgb, 0, 1) / np.array([0.95047, 1, 1.08883]))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("blindness", _BLINDNESS)
def test_flows_keep_apart_for_colour_blind_eyes(blindness: str) -> None:
    seen = {f: lab(_BLINDNESS[blindness] @ linear(c)) for f, c in palette.FIELD_COLOURS.items() if f != "soc_pct"}
    for one, other in combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 20, (one, other)


def test_strokes_and_texts_stand_out_from_the_panel() -> None:
    def luminance(colour: str) -> float:
        return float(linear(colour) @ np.array([0.2126, 0.7152, 0.0722]))

    for colour in (*palette.FIELD_COLOURS.values(), *palette.NEGATIVE_COLOURS.values(), palette.MUTED, palette.TEXT):
        assert (luminance(colour) + 0.05) / (luminance(palette.PANEL) + 0.05) > 3.5, colour


def test_specs_and_an_idle_renderer_load_no_matplotlib() -> None:
    code = "import sys, charts.specs, charts.render; sys.exit('matplotlib' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("value", ["9.95 kW", "12,345 W", "1,234 kWh", "123,456 kWh"])
@pytest.mark.parametrize("count", [1, 3, 4, 5, 6])
def test_figures_in_tiles_are_never_cut(count: int, value: str) -> None:
    grid = tile_grid([Tile("Solar", value, "peak 11:00", palette.SOLAR)] * count)
    assert text_width_px(value, VALUE_PX, bold=True) <= grid.width_px
