"""An alert's chart as pixels, as JSON and in words."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from charts import palette
from charts.canvas import AXIS_LEFT_PX, WIDTH_PX
from charts.draw_alert import RIGHT_PX
from charts.render import render_png
from charts.specs import AlertChart, Line, Threshold, spec_from_json, spec_to_json
from charts.ticks import level_ticks
from energy.units import UnitPreferences
from tests.charts.days import LOS_ANGELES
from tests.charts.test_chart_image import near, pixels

FIRED = datetime(2026, 11, 24, 5, 0, tzinfo=LOS_ANGELES)
START, END = FIRED - timedelta(hours=2), FIRED + timedelta(minutes=30)


def line(field: str, *, low: float, high: float, until_min: int = 150, skip: range = range(0)) -> Line:
    minutes = [minute for minute in range(0, until_min + 1, 5) if minute not in skip]
    values = [high + (low - high) * minute / 150 for minute in minutes]
    return Line.of(field, [START.timestamp() + 60 * minute for minute in minutes], values, cadence_s=300)


LOW = AlertChart(
    title="Battery at 29.8 %, under 30 %",
    zone=LOS_ANGELES,
    start=START,
    end=END,
    as_of=END,
    site="Solar Shack",
    source="Victron",
    lines=(line("soc_pct", low=29.0, high=33.0, skip=range(40, 75)),),
    began_at=FIRED - timedelta(minutes=2),
    fired_at=FIRED,
    severity="critical",
    thresholds=(Threshold(40.0, "safe min"), Threshold(30.0, "minimum", "critical")),
)


def column_at(minute: float) -> int:
    return round(AXIS_LEFT_PX + (WIDTH_PX - AXIS_LEFT_PX - RIGHT_PX) * minute / 150)


def test_both_thresholds_and_the_moment_are_drawn_and_no_stroke_crosses_a_gap() -> None:
    image = pixels(render_png(LOW))
    assert image.shape[1] == WIDTH_PX
    plot = image[320:900]
    inside = slice(AXIS_LEFT_PX + 5, WIDTH_PX - RIGHT_PX - 60)
    for colour in (palette.CAUTION, palette.WARNING):
        most = near(plot, colour)[:, inside].sum(axis=1).max()
        assert most > 300, colour  # a dashed line across the panel
    assert near(plot, palette.WARNING)[:, column_at(120) - 2 : column_at(120) + 3].sum(axis=0).max() > 400
    strokes = near(plot, palette.BATTERY)
    assert strokes[:, column_at(30)].any()
    assert strokes[:, column_at(80)].any()
    assert not strokes[:, column_at(37) : column_at(73)].any()


@pytest.mark.parametrize(
    "spec",
    [
        LOW,
        replace(LOW, lines=(replace(LOW.lines[0], times=(), values=()),)),
        replace(LOW, thresholds=()),
        replace(LOW, severity="info", over_at=FIRED + timedelta(minutes=10)),
        replace(LOW, end=FIRED + timedelta(seconds=30), as_of=FIRED + timedelta(seconds=30)),
        replace(LOW, began_at=FIRED - timedelta(hours=30)),
        replace(LOW, fired_at=FIRED - timedelta(hours=30)),
        replace(LOW, lines=(line("soc_pct", low=100.0, high=100.0, until_min=90),), thresholds=()),
        replace(
            LOW,
            units=UnitPreferences(temperature="F", hour_24=False),
            lines=(line("battery_temperature_c", low=20.0, high=52.0),),
            thresholds=(Threshold(50.0, "at most"),),
        ),
        replace(
            LOW,
            title="A very long finding about a device with a very long name that has to be cut somewhere",
            units=UnitPreferences(power="W"),
            lines=(line("battery_charge_w", low=-9_000.0, high=500.0),),
            thresholds=(Threshold(-5_000.0, "limit"),),
        ),
        replace(
            LOW,
            thresholds=(),
            lines=(
                line("solar_w", low=0.0, high=4_000.0),
                line("load_w", low=900.0, high=700.0, until_min=100),
                line("battery_charge_w", low=-900.0, high=3_000.0),
                line("grid_import_w", low=0.0, high=0.0),
            ),
        ),
    ],
    ids=[
        "low",
        "no data",
        "no threshold",
        "over",
        "just fired",
        "began long ago",
        "fired before",
        "flat",
        "fahrenheit",
        "watts",
        "flows",
    ],
)
def test_every_kind_is_drawn_in_time_and_survives_json(spec: AlertChart) -> None:
    begun = time.perf_counter()
    assert pixels(render_png(spec)).shape[1] == WIDTH_PX
    assert time.perf_counter() - begun < 10  # loosely: four processes share two cores
    assert spec_from_json(spec_to_json(spec)) == spec
    assert spec.title in spec.alt
    assert "fired" in spec.alt


def test_the_alt_text_has_the_figures_at_the_moments_that_count() -> None:
    assert LOW.alt == (
        "Battery at 29.8 %, under 30 %, Solar Shack (Tue 24 Nov 2026, 03:00 to 05:30). The alert (critical) fired at "
        "05:00; it has lasted since 04:58. Battery: 33 % at 03:00, 29.8 % when it fired, latest 29 % at 05:30. Drawn: "
        "safe min 40 %, minimum 30 %. No data from 03:35 to 04:15. As of 05:30 PST, Victron."
    )
    over = replace(LOW, over_at=FIRED + timedelta(minutes=20)).alt
    assert "lasted from 04:58 to 05:20" in over
    assert "lowest meanwhile 29.3 % at 05:20" in over


def test_lines_of_two_units_make_no_alert_chart() -> None:
    mixed = (LOW.lines[0], line("solar_w", low=0.0, high=4_000.0))
    with pytest.raises(ValueError, match="one unit"):
        replace(LOW, lines=mixed)
    with pytest.raises(ValueError, match="one unit"):
        replace(LOW, lines=())
    with pytest.raises(ValueError, match="needs a time zone"):
        replace(LOW, fired_at=datetime(2026, 11, 24, 5, 0))  # noqa: DTZ001
    with pytest.raises(ValueError, match="finite"):
        Threshold(float("nan"), "minimum")


@pytest.mark.parametrize(
    ("low", "high", "ends"), [(28.6, 40.5, (27.5, 42.5)), (97.5, 100.0, (97.5, 100.0)), (52.0, 52.0, (51.8, 52.2))]
)
def test_levels_get_round_ticks_close_to_them(low: float, high: float, ends: tuple[float, float]) -> None:
    ticks = level_ticks(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert (ticks[0], ticks[-1]) == ends
