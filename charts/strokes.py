"""How measurements over time are put on a panel: strokes that break at gaps, bands where nothing is known, labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from charts import palette
from charts.canvas import LABEL_PX, NOTE_PX, STROKE, drawable, fitted, font, points
from charts.frame import Frame
from charts.line import Gap, Line, Point
from charts.wording import clock

LABEL_STEP_PX = 36


@dataclass(frozen=True, slots=True)
class Limit:
    """A level that is drawn across a panel, with its name and (where it needs words of its own) its value."""

    value: float
    label: str
    colour: str
    value_words: str = ""


def draw_line(axes: Axes, line: Line, *, scale: float = 1.0, fill: float = 0.0, colour: str | None = None) -> None:
    """The line's segments, each on its own; a measurement alone between two gaps is a dot. `fill` is an opacity."""
    colour = colour or palette.field_colour(line.field)
    dashes = palette.FIELD_DASHES.get(line.field)
    first, last = axes.get_xlim()
    width_px = STROKE if last - first <= 50 * 3600 else 0.7 * STROKE
    for segment in line.segments():
        times, values = [p.at_s for p in segment], [p.value * scale for p in segment]
        if len(segment) == 1:
            axes.plot(times, values, "o", color=colour, ms=points(9), zorder=3)
            continue
        (stroke,) = axes.plot(times, values, color=colour, lw=points(width_px), zorder=3, solid_joinstyle="round")
        if dashes is not None:
            stroke.set_linestyle((0, dashes))
        if fill:
            axes.fill_between(times, values, 0, color=colour, alpha=fill, lw=0, zorder=2)


def draw_gaps(axes: Axes, gaps: Sequence[Gap], *, labels: bool = True) -> None:
    """Hatched bands with "no data" where there is room for the words."""
    first, last = axes.get_xlim()
    width_px = axes.get_window_extent().width
    for gap in gaps:
        axes.axvspan(
            gap.start_s, gap.end_s, facecolor=palette.GAP, edgecolor=palette.GRID, hatch="//", lw=0, zorder=1.2
        )
        room_px = (gap.end_s - gap.start_s) / (last - first) * width_px
        if not labels or room_px < 40:
            continue
        axes.text(
            (gap.start_s + gap.end_s) / 2,
            0.97 if room_px >= 130 else 0.94,
            "no data",
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="top",
            rotation=0 if room_px >= 130 else 90,
            color=palette.TEXT,
            fontproperties=font(NOTE_PX),
            zorder=5,
        )


def draw_now(axes: Axes, spec: Frame, *, label: bool, ahead: bool = False) -> None:
    """A line at `as_of` while the period is still running; what comes after it is left plain unless it is `ahead`."""
    now_s = spec.as_of.timestamp()
    if not spec.start_s < now_s < spec.end_s:
        return
    axes.axvline(now_s, color=palette.TEXT, lw=points(2), alpha=0.75, zorder=2.5)
    if not ahead:
        axes.axvspan(now_s, spec.end_s, facecolor=palette.BACKGROUND, alpha=0.55, lw=0, zorder=1.1)
    if label:
        name_moment(axes, now_s, f"now {clock(spec, now_s)}", edge=0.1)


def name_moment(
    axes: Axes,
    at_s: float,
    words: str,
    *,
    colour: str = palette.TEXT,
    size_px: float = NOTE_PX,
    bold: bool = False,
    edge: float = 0.2,
) -> None:
    """Words above the panel at a moment; within `edge` (a share of the width) of a side they stay inside of it."""
    first, last = axes.get_xlim()
    share = (at_s - first) / (last - first)
    axes.annotate(
        words,
        (at_s, 1),
        xycoords=axes.get_xaxis_transform(),
        xytext=(0, points(8)),
        textcoords="offset points",
        ha="left" if share <= edge else "right" if share >= 0.98 - edge / 2 else "center",
        va="bottom",
        color=colour,
        fontproperties=font(size_px, bold=bold),
        annotation_clip=False,
        parse_math=False,
    )


def beside(
    axes: Axes,
    y_px: float,
    words: str,
    width_px: float,
    *,
    colour: str,
    size_px: float = LABEL_PX - 6,
    bold: bool = False,
) -> None:
    """Words (cut to `width_px`) to the right of the panel, their middle at a height from its lower edge."""
    axes.annotate(
        fitted(drawable(words, bold=bold), width_px - 24, size_px, bold=bold),
        (1, y_px / axes.get_window_extent().height),
        xycoords="axes fraction",
        xytext=(points(14), 0),
        textcoords="offset points",
        va="center",
        color=colour,
        fontproperties=font(size_px, bold=bold),
        annotation_clip=False,
        parse_math=False,
    )


def draw_limits(axes: Axes, limits: Sequence[Limit], width_px: float) -> None:
    """Dashed lines across the panel at levels, each named beside it, moved apart where they would touch."""
    low, high = axes.get_ylim()
    height_px = axes.get_window_extent().height
    tall = any(limit.value_words for limit in limits)
    room_px, edge_px = (74, 34) if tall else (40, 16)
    placed = spread(
        [(limit.value - low) / (high - low) * height_px for limit in limits], room_px, edge_px, height_px - edge_px
    )
    for limit, y_px in zip(limits, placed, strict=True):
        axes.axhline(limit.value, color=limit.colour, lw=points(3), ls=(0, (6, 3)), zorder=2.6)
        shift_px = 17 if limit.value_words else 0
        beside(axes, y_px + shift_px, limit.label, width_px, colour=limit.colour, size_px=NOTE_PX)
        if limit.value_words:
            beside(axes, y_px - shift_px, limit.value_words, width_px, colour=limit.colour, size_px=LABEL_PX, bold=True)


def draw_latest(axes: Axes, line: Line, *, scale: float = 1.0, colour: str | None = None) -> None:
    """A dot on the last measurement."""
    if line.latest is not None:
        axes.plot(
            [line.latest.at_s],
            [line.latest.value * scale],
            "o",
            color=colour or palette.field_colour(line.field),
            mec=palette.BACKGROUND,
            mew=points(2.5),
            ms=points(15),
            zorder=4,
            clip_on=False,
        )


def name_lines(
    axes: Axes,
    lines: Sequence[Line],
    names: Sequence[str],
    width_px: float,
    *,
    scale: float = 1.0,
    at_s: float | None = None,
) -> None:
    """Each line's name (cut to `width_px`) beside its last measurement, moved apart where they would touch.

    `at_s` puts the names there instead: beside the panel, where the lines end inside it.
    """
    named = [(line, name, line.latest) for line, name in zip(lines, names, strict=True) if line.latest is not None]
    if not named:
        return
    height_px = axes.get_window_extent().height
    low, high = axes.get_ylim()
    at_s = max(latest.at_s for _, _, latest in named) if at_s is None else at_s
    wanted = [(latest.value * scale - low) / (high - low) * height_px for _, _, latest in named]
    placed = spread(wanted, LABEL_STEP_PX, 14, height_px - 14)
    first, last = axes.get_xlim()
    lead_s = 22 * (last - first) / axes.get_window_extent().width
    for (line, name, latest), y_px in zip(named, placed, strict=True):
        colour = palette.field_colour(line.field)
        y = low + y_px / height_px * (high - low)
        lead = ([at_s + 0.3 * lead_s, at_s + lead_s], [latest.value * scale, y])
        if latest.at_s == at_s:
            axes.plot(*lead, color=colour, lw=points(2), alpha=0.8, zorder=3.5, clip_on=False)
        axes.annotate(
            fitted(drawable(name, bold=True), width_px - 36, LABEL_PX - 3, bold=True),
            (at_s, y),
            xytext=(points(28), 0),
            textcoords="offset points",
            ha="left",
            va="center",
            color=colour,
            fontproperties=font(LABEL_PX - 3, bold=True),
            annotation_clip=False,
            zorder=5,
            parse_math=False,
            bbox={"facecolor": palette.BACKGROUND, "edgecolor": "none", "pad": points(1)},
        )


def ring(axes: Axes, x: float, y: float, *, colour: str) -> None:
    """A ring around a place on the panel."""
    axes.plot([x], [y], "o", mfc=palette.PANEL, mec=colour, mew=points(4.5), ms=points(19), zorder=4, clip_on=False)


def mark_point(axes: Axes, point: Point, words: str, *, colour: str, below: bool) -> None:
    """A ring around a point with words beside it, kept inside the panel."""
    first, last = axes.get_xlim()
    share = (point.at_s - first) / (last - first)
    ring(axes, point.at_s, point.value, colour=colour)
    axes.annotate(
        words,
        (point.at_s, point.value),
        xytext=(points(0 if 0.22 < share < 0.78 else -10 if share <= 0.22 else 10), points(-22 if below else 22)),
        textcoords="offset points",
        ha="center" if 0.22 < share < 0.78 else "left" if share <= 0.22 else "right",
        va="top" if below else "bottom",
        color=palette.TEXT,
        fontproperties=font(LABEL_PX, bold=True),
        zorder=6,
        parse_math=False,
        bbox={"facecolor": palette.PANEL, "edgecolor": "none", "alpha": 0.8, "pad": points(4)},
    )


def spread(wanted: Sequence[float], step: float, low: float, high: float) -> list[float]:
    """Places near `wanted`, in the same order, at least `step` apart and inside [low, high] as far as they fit."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = [0.0] * len(wanted)
    floor = low
    for i in order:
        placed[i] = max(wanted[i], floor)
        floor = placed[i] + step
    ceiling = high
    for i in reversed(order):
        placed[i] = min(placed[i], ceiling)
        ceiling = placed[i] - step
    return placed
