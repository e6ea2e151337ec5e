"""The card that every chart is drawn on: pixels from the top left, text that is inert, panels in one look.

The object API of matplotlib alone: no pyplot, no global figure, Agg straight to PNG bytes.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from charts import palette
from charts.specs import ChartSpec
from charts.ticks import midnights, time_ticks, value_label
from charts.wording import as_of_words, period_name, period_words

WIDTH_PX = 1080
DPI = 100
MARGIN_PX = 44
AXIS_LEFT_PX = 116

TITLE_PX, SUBTITLE_PX, VALUE_PX, LABEL_PX, TICK_PX, NOTE_PX = 50, 31, 42, 31, 29, 27
NARROW_TICK_PX = 24
TILE_GAP_PX = 22
STROKE = 4.0
LEGEND_ROW_PX, SAMPLE_PX, KEY_GAP_PX = 44, 52, 34
DASHES, DOTS = (2.6, 1.3), (1.0, 1.0)

# Names and titles come from outside: no mathtext, no TeX, whatever a matplotlibrc on the machine says.
mpl.rcParams.update({"text.parse_math": False, "text.usetex": False, "axes.unicode_minus": True})


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure above the plot: its name with a swatch, the value, and a note (when, or which direction)."""

    label: str
    value: str
    note: str
    colour: str
    dashes: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of a legend: a name beside a sample of how it is drawn."""

    label: str
    colour: str
    look: Literal["line", "dashes", "dots", "band", "box", "dot", "ring"] = "line"


class Card:
    """A figure of fixed width with a heading, tiles, panels and a source line."""

    def __init__(self, height_px: int) -> None:
        self.height_px = height_px
        self.figure = Figure(figsize=(WIDTH_PX / DPI, height_px / DPI), dpi=DPI, facecolor=palette.BACKGROUND)
        FigureCanvasAgg(self.figure)

    def png(self) -> bytes:
        """The card as PNG."""
        out = io.BytesIO()
        # Level 4 takes half the time of the default for a few kB more; no Software chunk: equal specs, equal bytes.
        self.figure.savefig(
            out,
            format="png",
            dpi=DPI,
            facecolor=palette.BACKGROUND,
            metadata={"Software": None},
            pil_kwargs={"compress_level": 4},
        )
        return out.getvalue()

    def text(
        self,
        x_px: float,
        y_px: float,
        text: str,
        *,
        size_px: float = LABEL_PX,
        colour: str = palette.TEXT,
        bold: bool = False,
        align: str = "left",
        width_px: float | None = None,
    ) -> float:
        """Text with its baseline at (x, y) from the top left, cut with an ellipsis to `width_px`; returns its width."""
        words = drawable(text, bold=bold)
        if width_px is not None:
            words = fitted(words, width_px, size_px, bold=bold)
        self.figure.text(
            x_px / WIDTH_PX,
            1 - y_px / self.height_px,
            words,
            color=colour,
            fontproperties=font(size_px, bold=bold),
            ha=align,
            va="baseline",
            parse_math=False,
        )
        return text_width_px(words, size_px, bold=bold)

    def heading(self, spec: ChartSpec) -> float:
        """Title, then site and period; returns the y below."""
        room_px = WIDTH_PX - 2 * MARGIN_PX
        title = drawable(spec.title, bold=True)
        sizes = (TITLE_PX, 44, 38)
        title_px = next((size for size in sizes if text_width_px(title, size, bold=True) <= room_px), sizes[-1])
        self.text(MARGIN_PX, 78, title, size_px=title_px, bold=True, width_px=room_px)
        day_hours = (spec.end_s - spec.start_s) / 3600
        odd = f"{day_hours:g}-hour day" if day_hours in (23, 25) and "," not in period_words(spec) else ""
        words = [drawable(part) for part in (spec.site, period_name(spec), period_words(spec), odd)]
        line = " · ".join(word for word in words if word)
        size_px = next((size for size in (SUBTITLE_PX, 28, 25) if text_width_px(line, size) <= room_px), 25)
        self.text(MARGIN_PX, 126, line, size_px=size_px, colour=palette.MUTED, width_px=room_px)
        return 150

    def tiles(self, tiles: Sequence[Tile], top_px: float) -> float:
        """Tiles in rows; returns the y below. Figures are never cut, only names and notes are."""
        grid = tile_grid(tiles)
        for index, tile in enumerate(tiles):
            x_px = MARGIN_PX + (index % grid.across) * grid.width_px
            y_px = top_px + (index // grid.across) * grid.row_px
            room_px = grid.width_px - TILE_GAP_PX
            self.swatch(x_px, y_px + 30, tile)
            self.text(
                x_px + 48, y_px + 40, tile.label, size_px=LABEL_PX, colour=tile.colour, bold=True, width_px=room_px - 48
            )
            used_px = self.text(x_px, y_px + 88, tile.value, size_px=VALUE_PX, bold=True)
            if not tile.note:
                continue
            note_x_px, note_y_px = (x_px + used_px + 14, y_px + 88) if grid.inline else (x_px, y_px + 124)
            self.text(
                note_x_px,
                note_y_px,
                tile.note,
                size_px=NOTE_PX,
                colour=palette.MUTED,
                width_px=room_px - note_x_px + x_px,
            )
        return top_px + grid.height_px

    def swatch(self, x_px: float, y_px: float, tile: Tile) -> None:
        """A short stroke in the look of the tile's line."""
        y = 1 - y_px / self.height_px
        stroke = Line2D(
            [x_px / WIDTH_PX, (x_px + 36) / WIDTH_PX], [y, y], color=tile.colour, lw=points(9), solid_capstyle="butt"
        )
        if tile.dashes is not None:
            stroke.set_linestyle((0, tile.dashes))
            stroke.set_dash_capstyle("butt")
        self.figure.add_artist(stroke)

    def legend(self, keys: Sequence[Key], top_px: float) -> float:
        """What the strokes and areas mean, in rows; returns the y below."""
        for key, x_px, row in _legend_places(keys):
            y_px = top_px + row * LEGEND_ROW_PX + 24
            self._sample(key, x_px, y_px - 10)
            room_px = WIDTH_PX - MARGIN_PX - x_px - SAMPLE_PX
            self.text(x_px + SAMPLE_PX, y_px, key.label, size_px=NOTE_PX, colour=palette.TEXT, width_px=room_px)
        return top_px + legend_height_px(keys)

    def _sample(self, key: Key, x_px: float, y_px: float) -> None:
        x, y, width = x_px / WIDTH_PX, 1 - y_px / self.height_px, 38 / WIDTH_PX
        if key.look in ("band", "box"):
            height = 24 / self.height_px
            sample = Rectangle((x, y - height / 2), width, height, fc=key.colour, ec=palette.MUTED, lw=points(1.2))
            if key.look == "band":
                sample.set(alpha=0.38, lw=0)
            self.figure.add_artist(sample)
            return
        if key.look in ("dot", "ring"):
            face = key.colour if key.look == "dot" else palette.BACKGROUND
            self.figure.add_artist(
                Line2D([x + width / 2], [y], marker="o", ms=points(17), mfc=face, mec=key.colour, mew=points(3.5))
            )
            return
        stroke = Line2D([x, x + width], [y, y], color=key.colour, lw=points(6), solid_capstyle="butt")
        if key.look != "line":
            stroke.set_linestyle((0, DASHES if key.look == "dashes" else DOTS))
            stroke.set_dash_capstyle("butt")
        self.figure.add_artist(stroke)

    def footer(self, spec: ChartSpec, notes: Sequence[str] = ()) -> None:
        """Notes, and the source with its "as of", at the foot of the card."""
        source = as_of_words(spec)
        source = f"{source[0].upper()}{source[1:]}" + (f" · {spec.source}" if spec.source else "")
        lines = [*notes, source]
        for index, line in enumerate(reversed(lines)):
            y_px = self.height_px - 30 - index * 38
            self.text(MARGIN_PX, y_px, line, size_px=NOTE_PX, colour=palette.MUTED, width_px=WIDTH_PX - 2 * MARGIN_PX)

    def panel(self, top_px: float, height_px: float, *, right_px: float = MARGIN_PX) -> Axes:
        """A plot area between the y axis' labels and the right margin."""
        axes = self.figure.add_axes(
            (
                AXIS_LEFT_PX / WIDTH_PX,
                1 - (top_px + height_px) / self.height_px,
                (WIDTH_PX - AXIS_LEFT_PX - right_px) / WIDTH_PX,
                height_px / self.height_px,
            ),
            facecolor=palette.PANEL,
        )
        for side in axes.spines.values():
            side.set_visible(False)
        axes.tick_params(length=0, pad=10)
        axes.tick_params(axis="x", pad=14)  # the first time stands below the lowest value, not on it
        axes.set_axisbelow(True)
        return axes

    def notice(self, axes: Axes, words: str) -> None:
        """Words in the middle of an empty panel, which then needs no scale."""
        axes.set_yticks([])
        axes.text(
            0.5,
            0.5,
            words,
            transform=axes.transAxes,
            ha="center",
            va="center",
            color=palette.MUTED,
            fontproperties=font(VALUE_PX),
            parse_math=False,
        )


@dataclass(frozen=True, slots=True)
class TileGrid:
    """How tiles are laid out: how many side by side, their pixels, and whether the notes stand beside the values."""

    across: int
    width_px: float
    row_px: int
    height_px: int
    inline: bool


def tile_grid(tiles: Sequence[Tile]) -> TileGrid:
    """As many tiles side by side as their values and notes allow (two at the least)."""
    for across in (4, 2) if len(tiles) == 4 else (3, 2):
        width_px = (WIDTH_PX - 2 * MARGIN_PX) / across
        room_px = width_px - TILE_GAP_PX
        values = [text_width_px(tile.value, VALUE_PX, bold=True) for tile in tiles]
        notes = [text_width_px(drawable(tile.note), NOTE_PX) for tile in tiles]
        names = [48 + text_width_px(drawable(tile.label, bold=True), LABEL_PX, bold=True) for tile in tiles]
        if across == 2 or max([*values, *notes, *names], default=0) <= room_px:
            break
    beside = [value + 14 + note if note else 0 for value, note in zip(values, notes, strict=True)]
    inline = max(beside, default=0) <= room_px
    row_px = 112 if inline else 148
    return TileGrid(across, width_px, row_px, -(-len(tiles) // across) * row_px, inline)


def _legend_places(keys: Sequence[Key]) -> list[tuple[Key, float, int]]:
    """Where each entry starts: its x and its row."""
    places, x_px, row = [], float(MARGIN_PX), 0
    for key in keys:
        width_px = SAMPLE_PX + text_width_px(drawable(key.label), NOTE_PX)
        if x_px > MARGIN_PX and x_px + width_px > WIDTH_PX - MARGIN_PX:
            x_px, row = float(MARGIN_PX), row + 1
        places.append((key, x_px, row))
        x_px += width_px + KEY_GAP_PX
    return places


def legend_height_px(keys: Sequence[Key]) -> int:
    """Height that a legend takes."""
    places = _legend_places(keys)
    return LEGEND_ROW_PX * (places[-1][2] + 1) if places else 0


def footer_height_px(notes: Sequence[str]) -> int:
    """Height that the notes and the source line take."""
    return 40 + 38 * (len(notes) + 1)


def set_value_axis(axes: Axes, ticks: Sequence[float]) -> None:
    """Round values with hairlines, and a stronger line at zero where values lie on both sides."""
    axes.set_ylim(ticks[0], ticks[-1])
    words = [value_label(tick) for tick in ticks]
    size_px = TICK_PX if max(text_width_px(word, TICK_PX) for word in words) <= AXIS_LEFT_PX - 20 else NARROW_TICK_PX
    axes.set_yticks(ticks, words)
    for label in axes.get_yticklabels():
        label.set(fontproperties=font(size_px), color=palette.MUTED)
    axes.grid(axis="y", color=palette.GRID, lw=points(1.6))
    if ticks[0] < 0:
        axes.axhline(0, color=palette.ZERO, lw=points(2.4), zorder=1.5)


def set_time_axis(axes: Axes, spec: ChartSpec, *, labels: bool = True) -> None:
    """Local time from the start to the end of the period; only the lowest panel carries the labels."""
    ticks = time_ticks(spec.start_s, spec.end_s, spec.zone, spec.units)
    axes.set_xlim(spec.start_s, spec.end_s)
    # The midnight that ends the chart would name a day that is not in it, and run out of the card.
    words = ["" if not labels or (tick.at >= spec.end_s and "\n" in tick.label) else tick.label for tick in ticks]
    axes.set_xticks([tick.at for tick in ticks], words)
    for label in axes.get_xticklabels():
        label.set(fontproperties=font(TICK_PX), color=palette.MUTED)
    days = midnights(spec.start_s, spec.end_s, spec.zone)
    named_at_noon = bool(days) and not any(tick.day for tick in ticks)
    lines = days if named_at_noon else [tick.at for tick in ticks]
    for at_s in lines if len(lines) <= 32 else []:
        axes.axvline(at_s, color=palette.GRID, lw=points(1.6 if at_s in days else 1.2), alpha=0.7, zorder=0.9)


def time_axis_height_px(spec: ChartSpec) -> int:
    """Height that the labels of the time axis take: two lines where the day changes inside the period."""
    ticks = time_ticks(spec.start_s, spec.end_s, spec.zone, spec.units)
    return 60 + 36 * any("\n" in tick.label for tick in ticks)


def points(pixels: float) -> float:
    """Pixels as typographic points at the card's resolution."""
    return pixels * 72 / DPI


@cache
def _font_path(bold: bool) -> Path:
    # By path, not by family: a machine's own fonts and font settings change nothing.
    return Path(mpl.get_data_path()) / "fonts" / "ttf" / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")


@cache
def font(size_px: float, *, bold: bool = False) -> FontProperties:
    """DejaVu Sans (ships with matplotlib) at a size in pixels."""
    return FontProperties(fname=_font_path(bold), size=points(size_px))


@cache
def _glyphs(bold: bool) -> frozenset[int]:
    return frozenset(_face(bold).get_charmap())


def _face(bold: bool) -> Any:
    return get_font(str(_font_path(bold)))


def drawable(text: str, *, bold: bool = False) -> str:
    """One line of text without control characters and without signs that the font cannot draw (emoji, CJK)."""
    flat = " ".join(unicodedata.normalize("NFC", text).split())
    return " ".join("".join(ch for ch in flat if ch == " " or (ch.isprintable() and ord(ch) in _glyphs(bold))).split())


def text_width_px(text: str, size_px: float, *, bold: bool = False) -> float:
    """Width of a line of text on the card."""
    face = _face(bold)
    face.set_size(points(size_px), DPI)
    face.set_text(text, 0.0)
    return float(face.get_width_height()[0] / 64)


def fitted(text: str, width_px: float, size_px: float, *, bold: bool = False) -> str:
    """The text, or its beginning with an ellipsis that fits."""
    if text_width_px(text, size_px, bold=bold) <= width_px:
        return text
    shortest, longest = 0, len(text)
    while shortest < longest:
        middle = (shortest + longest + 1) // 2
        if text_width_px(text[:middle].rstrip() + "…", size_px, bold=bold) <= width_px:
            shortest = middle
        else:
            longest = middle - 1
    return text[:shortest].rstrip() + "…"
