"""Charts of what is to come as pixels: every edge is drawn, and nothing is where nothing is known."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from charts import palette
from charts.canvas import AXIS_LEFT_PX, MARGIN_PX, WIDTH_PX
from charts.draw_plan import RIGHT_PX
from charts.render import render_png
from charts.specs import ChartSpec, Line, spec_from_json, spec_to_json
from energy.units import UnitPreferences
from tests.charts import outlooks
from tests.charts.days import LOS_ANGELES
from tests.charts.outlooks import HOUR_S, NOW, START, cells, plan, scorecard, soc_fan, solar_forecast
from tests.charts.test_chart_image import near, pixels

SOLAR, SOC, PLAN, SCORES, CELLS = solar_forecast(), soc_fan(), plan(), scorecard(), cells()
NIGHT = replace(
    SOLAR, start=START, end=START + timedelta(hours=6), as_of=START + timedelta(hours=2), actual=None, clear_w=None
)
HOLES = tuple(None if 34 <= n <= 36 else value for n, value in enumerate(SOLAR.p50_w))
DST = solar_forecast(
    datetime(2026, 11, 1, tzinfo=LOS_ANGELES), days=1, now=datetime(2026, 11, 1, 11, tzinfo=LOS_ANGELES)
)
SPRING = solar_forecast(
    datetime(2026, 3, 8, tzinfo=LOS_ANGELES), days=1, now=datetime(2026, 3, 8, 11, tzinfo=LOS_ANGELES)
)
EIGHT = plan(tuple((f"S19 no. {n}", 1_000.0) for n in range(1, 9)))
NOTHING = dict.fromkeys(("p10_w", "p50_w", "p90_w"), (None,) * len(SOLAR.starts_s))
KEPT = tuple(value if n < 20 else None for n, value in enumerate(SCORES.rows[0].ours))

EDGES: dict[str, ChartSpec] = {
    "solar": SOLAR,
    "night": NIGHT,
    "no actual yet": replace(SOLAR, actual=None),
    "holes": replace(SOLAR, p50_w=HOLES),
    "long": solar_forecast(days=9),
    "no forecast": replace(SOLAR, **NOTHING, clear_w=None, actual=None),  # type: ignore[arg-type]
    "watts": replace(SOLAR, units=UnitPreferences(power="W", hour_24=False)),
    "25 hours": DST,
    "23 hours": SPRING,
    "soc": SOC,
    "breach after": replace(SOC, breach_s=SOC.end_s + 9 * HOUR_S),
    "two breaches": replace(SOC, breach_s=SOC.as_is_breach_s),
    "flat": replace(SOC, p10=(50.0,) * 59, p50=(50.0,) * 59, p90=(50.0,) * 59, as_is_p50=None, as_is_breach_s=None),
    "empty battery": replace(
        SOC, p10=(0.0,) * 59, p50=(0.0,) * 59, p90=(0.0,) * 59, as_is_p50=None, as_is_breach_s=None
    ),
    "soc without actual": replace(SOC, actual=None, planned=False, as_is_p50=None, as_is_breach_s=None),
    "soc with holes": replace(SOC, p50=(*SOC.p50[:20], *(None,) * 10, *SOC.p50[30:])),
    "soc unknown": replace(SOC, ends_s=(), p10=(), p50=(), p90=(), as_is_p50=(), actual=None, breach_s=None),
    "plan": PLAN,
    "one miner": plan((("S21", 3_500.0),)),
    "no miner": plan(()),
    "eight miners": EIGHT,
    "no prices": plan(prices=False),
    "off grid": plan(prices=False, grid=False),
    "no battery": plan(battery=False),
    "no steps": replace(PLAN, steps=()),
    "negative price": replace(PLAN, steps=tuple(replace(step, import_per_kwh=-0.04) for step in PLAN.steps)),
    "scores": SCORES,
    "one day": scorecard(1),
    "a month": scorecard(30),
    "below zero": replace(SCORES, rows=(replace(SCORES.rows[0], persistence=(-0.4,) * 14),)),
    "none scored": replace(SCORES, rows=()),
    "cells": CELLS,
    "by date": cells(by="date"),
    "new battery": replace(CELLS, points=(), own=None, remaining=None, now_x=0.0),
}


@pytest.mark.parametrize("spec", EDGES.values(), ids=EDGES.keys())
def test_every_edge_is_drawn_in_time_said_in_words_and_survives_json(spec: ChartSpec) -> None:
    begun = time.perf_counter()
    image = pixels(render_png(spec))
    assert time.perf_counter() - begun < 10  # loosely: four processes share two cores
    assert image.shape[1] == WIDTH_PX
    assert 650 <= image.shape[0] <= 2_200
    assert spec_from_json(spec_to_json(spec)) == spec
    assert spec.alt.startswith(f"{spec.title}, {outlooks.SITE}")
    assert "nan" not in spec.alt.casefold()
    assert "outlook" not in spec.slug
    # Nothing runs out of the card: its outermost pixels are plain.
    assert near(image[:, :8], palette.BACKGROUND).all()
    assert near(image[:, -4:], palette.BACKGROUND).all()


def column_at(at: datetime, *, right_px: int = MARGIN_PX) -> int:
    share = (at - START).total_seconds() / (SOLAR.end - SOLAR.start).total_seconds()
    return round(AXIS_LEFT_PX + (WIDTH_PX - AXIS_LEFT_PX - right_px) * share)


def test_the_middle_is_not_drawn_through_hours_of_which_nothing_is_known() -> None:
    noon = START + timedelta(hours=34)
    columns = slice(column_at(noon + timedelta(minutes=40)), column_at(noon + timedelta(hours=2, minutes=20)))
    whole, holed = (pixels(render_png(spec))[400:1_040] for spec in (SOLAR, EDGES["holes"]))
    assert near(whole, palette.SOLAR)[:, columns].any()
    assert not near(holed, palette.SOLAR)[:, columns].any()


def test_what_was_measured_ends_at_now() -> None:
    image = pixels(render_png(SOLAR))[460:960]
    assert near(image, palette.TEXT)[:, column_at(NOW) - 12 : column_at(NOW)].any()
    assert not near(image, palette.TEXT)[:, column_at(NOW) + 16 :].any()


def test_each_miner_of_a_plan_has_its_own_colour() -> None:
    image = pixels(render_png(EIGHT))[640:, AXIS_LEFT_PX : WIDTH_PX - RIGHT_PX]
    blended = [near(image, mixed(colour)).sum() for colour in palette.MINER_COLOURS]
    assert min(blended) > 50, blended


def mixed(colour: str, *, share: float = 0.9) -> str:
    """A colour as it is drawn: nearly opaque on the panel."""
    parts = (
        round(share * int(colour[i : i + 2], 16) + (1 - share) * int(palette.PANEL[i : i + 2], 16)) for i in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02x}" for part in parts)


def test_a_stretch_that_was_not_measured_is_hatched_and_has_no_stroke() -> None:
    line = outlooks.measured(START, NOW, skip=range(540, 660))
    assert isinstance(line, Line)
    image = pixels(render_png(replace(SOLAR, actual=line)))[460:960]
    hole = slice(column_at(START + timedelta(hours=9, minutes=15)), column_at(START + timedelta(hours=10, minutes=45)))
    assert near(image, palette.GAP)[:, hole].any()
    assert not near(image[120:], palette.TEXT)[:, hole].any()
