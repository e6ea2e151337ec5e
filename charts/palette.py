"""Colours with a meaning, the same in every chart. Light strokes on dark slate: amber stays readable (on white it would
not), and the card sits well in dark and light chats. Apart in lightness too, so that colour-blind eyes can tell them.
"""

from __future__ import annotations

BACKGROUND = "#18222d"
PANEL = "#1f2b38"
GRID = "#324355"
ZERO = "#8497aa"
TEXT = "#f4f7fa"
MUTED = "#a9b8c7"
GAP = "#2c3b4b"
WARNING = "#ff7a66"
CAUTION = "#ffe08a"

SOLAR = "#ffb300"
LOAD = "#3d8bff"
BATTERY = "#2fd6a3"
MAINS = "#e8a6ff"
GENERATOR = "#ff7a4d"
MINERS = "#dfe6ed"
# One miner beside the other; the first ones differ the most, in lightness too.
MINER_COLOURS = ("#dfe6ed", "#c58bff", "#6fd3f2", "#ff8fb0", "#a6d96a", "#8c9dff", "#f3c08a", "#5fb39b")
# What a day's sky was, behind its figures.
SKIES = {"clear": "#4d4222", "mixed": "#3a4856", "overcast": "#10161c"}

FIELD_COLOURS = {
    "solar_w": SOLAR,
    "load_w": LOAD,
    "battery_charge_w": BATTERY,
    "soc_pct": BATTERY,
    "grid_import_w": MAINS,
    "generator_w": GENERATOR,
    "miner_w": MINERS,
}
# The part below zero is a shade of its field: position says the direction, the shade keeps the swatches apart.
NEGATIVE_COLOURS = {"battery_charge_w": "#1fa37c", "grid_import_w": "#b06fd0"}
# A second sign beside the colour; on and off lengths of the stroke, in line widths.
FIELD_DASHES: dict[str, tuple[float, float]] = {
    "grid_import_w": (4, 1.6),
    "miner_w": (1.2, 1.2),
    "generator_w": (6, 1.6),
}


def field_colour(field: str, part: str = "net") -> str:
    """The colour of a `Reading` field, or of its part below zero."""
    if part == "negative":
        return NEGATIVE_COLOURS.get(field, FIELD_COLOURS[field])
    return FIELD_COLOURS[field]
