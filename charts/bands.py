"""How a forecast is put on a panel: a band around its middle, both broken where nothing is known."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from charts import palette
from charts.canvas import DOTS, NOTE_PX, STROKE, Card, drawable, font, points, text_width_px
from charts.outlook_words import known_runs
from charts.ticks import HOUR_S

Column = Sequence[float | None]


def draw_band(
    axes: Axes, times: Sequence[int], low: Column, high: Column, *, colour: str, scale: float = 1.0, alpha: float = 0.3
) -> None:
    """The area between two edges; a stretch of one hour is a bar of its own."""
    for run in known_runs(times, low, high, step_s=HOUR_S):
        at, lower, upper = _padded(times[run]), _scaled(low[run], scale), _scaled(high[run], scale)
        if len(lower) == 1:
            lower, upper = lower * 2, upper * 2
        axes.fill_between(at, lower, upper, color=colour, alpha=alpha, lw=0, zorder=2)


def draw_middle(
    axes: Axes,
    times: Sequence[int],
    values: Column,
    *,
    colour: str,
    scale: float = 1.0,
    dashes: tuple[float, float] | None = None,
    width_px: float = STROKE,
    alpha: float = 1.0,
) -> None:
    """A stroke through the values that are known; one alone is a dot."""
    for run in known_runs(times, values, step_s=HOUR_S):
        known = _scaled(values[run], scale)
        if len(known) == 1:
            axes.plot(times[run], known, "o", color=colour, ms=points(9), alpha=alpha, zorder=3)
            continue
        (stroke,) = axes.plot(
            times[run], known, color=colour, lw=points(width_px), alpha=alpha, zorder=3, solid_joinstyle="round"
        )
        if dashes is not None:
            stroke.set_linestyle((0, dashes))


def draw_faint(axes: Axes, times: Sequence[int], values: Column, *, scale: float = 1.0) -> None:
    """A dotted stroke in the back: what could be at most, or what would be otherwise."""
    draw_middle(axes, times, values, colour=palette.MUTED, scale=scale, dashes=DOTS, width_px=0.75 * STROKE, alpha=0.75)


def panel_heading(card: Card, x_px: float, y_px: float, name: str, words: str, *, colour: str, room_px: float) -> None:
    """A panel's name in its colour, and what it comes to, above its upper edge."""
    used_px = card.text(x_px, y_px, name, bold=True, colour=colour)
    if words:
        card.text(x_px + used_px + 20, y_px, words, size_px=NOTE_PX, colour=palette.MUTED, width_px=room_px - used_px)


def free_place(
    axes: Axes,
    x: float,
    y: float,
    words: str,
    taken: Sequence[tuple[float, float]],
    lines: Sequence[float],
    *,
    size_px: float,
) -> float:
    """The height nearest to `y` at which words centred on `x` meet neither the points nor the level lines."""
    first, last = axes.get_xlim()
    low, high = axes.get_ylim()
    per_px = (high - low) / axes.get_window_extent().height
    half_x = 0.55 * text_width_px(words, size_px, bold=True) * (last - first) / axes.get_window_extent().width
    middle = min(max(x, first + half_x), last - half_x)
    inside = [place for at, place in taken if abs(at - middle) <= half_x + HOUR_S]
    step = 6 * per_px
    candidates = [low + step * n for n in range(5, int((high - low) / step) - 4)]

    def badness(place: float) -> tuple[float, float]:
        gap = min([abs(place - other) for other in (*inside, *lines)], default=high - low)
        return -min(gap, 34 * per_px), abs(place - y)

    return min(candidates, key=badness, default=y)


def note_at(
    axes: Axes, x: float, y: float, words: str, *, colour: str = palette.TEXT, size_px: float = NOTE_PX
) -> None:
    """Words on a ground of their own at a place on the panel, kept inside its sides."""
    first, last = axes.get_xlim()
    width_px = axes.get_window_extent().width
    half = text_width_px(drawable(words, bold=True), size_px, bold=True) / 2 / width_px + 0.01
    share = min(max((x - first) / (last - first), half), 1 - half)
    axes.text(
        first + share * (last - first),
        y,
        drawable(words, bold=True),
        ha="center",
        va="center",
        color=colour,
        fontproperties=font(size_px, bold=True),
        zorder=6,
        parse_math=False,
        bbox={"facecolor": palette.PANEL, "edgecolor": "none", "alpha": 0.85, "pad": points(4)},
    )


def _padded(times: Sequence[int]) -> list[float]:
    return [times[0] - HOUR_S / 4, times[0] + HOUR_S / 4] if len(times) == 1 else list(times)


def _scaled(values: Column, scale: float) -> list[float]:
    return [value * scale for value in values if value is not None]
