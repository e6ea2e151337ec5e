from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from energy.forecast.hours import NO_HOURS, Hours
from energy.forecast.persistent import notice
from energy.forecast.sky import Panel, frost_is_usual, usual_air_c
from energy.forecast.solar import DEFAULT_ENDS, FIRST_ENDS, forecast, train
from energy.forecast.solar_linear import USUAL, fit_linear, linear_w
from energy.forecast.solar_rows import Grid, Rows, rows_of
from energy.forecast.solar_site import SolarPast, checked_past, grid_for
from tests.energy.forecast.home import DAY_S, HOME, accuracy, invented

DECEMBER_S, JULY_S = 1_702_166_400, 1_689_033_600  # the tenth of each, in 2023


def _rows(past: SolarPast, days: int) -> tuple[Grid, Rows, int]:
    """The daylight rows of each of the last so many midnights of a past, two days ahead each."""
    past, _ = checked_past(past, 4_000.0)
    until_s = int(past.power.starts_s[-1]) + 3_600
    grid = grid_for(HOME, past, until_s)
    issues_s = until_s - DAY_S * np.arange(days, 0, -1, dtype=np.int64)
    shares = np.array([grid.shares(int(issued_s)) for issued_s in issues_s])
    return grid, rows_of(grid, issues_s, shares, 48), until_s


def _seen_otherwise(past: SolarPast) -> SolarPast:
    """The sky was forecast with an error of its own each day; what came is known of hours that are over."""
    days = (past.clearness.starts_s - past.clearness.starts_s[0]) // DAY_S
    off = np.random.default_rng(3).normal(0.0, 0.25, int(days[-1]) + 1)[days]
    said = Hours(past.clearness.starts_s, np.clip(past.clearness.values + off, 0.05, 1.1))
    return SolarPast(past.power, said, seen=past.clearness)


def test_without_history_the_linear_rule_is_the_usual_one() -> None:
    grid, rows, until_s = _rows(invented(10), 5)
    assert np.array_equal(fit_linear(grid, rows, until_s - 20 * DAY_S), USUAL)
    unknown = replace(grid, actual_w=np.full(grid.actual_w.shape, np.nan))
    assert np.array_equal(fit_linear(unknown, rows, until_s), USUAL)


def test_history_moves_the_linear_rule_towards_what_came() -> None:
    grid, rows, until_s = _rows(invented(40), 30)
    came, clearness = grid.actual_w[rows.index], grid.clearness[rows.index]
    known = np.isfinite(came)
    own = fit_linear(grid, rows, until_s)
    usual = accuracy(linear_w(rows, clearness, USUAL, 4_000.0)[known], came[known])
    assert accuracy(linear_w(rows, clearness, own, 4_000.0)[known], came[known]) > usual + 0.01


def test_the_linear_rule_learns_nothing_from_what_is_not_over() -> None:
    grid, rows, until_s = _rows(invented(30), 20)
    cut = until_s - 6 * DAY_S
    poisoned = replace(grid, actual_w=np.where(grid.starts_s >= cut, 3_999.0, grid.actual_w))
    assert np.array_equal(fit_linear(grid, rows, cut), fit_linear(poisoned, rows, cut))


def test_without_a_forecast_of_the_sky_the_linear_rule_says_what_the_planes_say() -> None:
    grid, rows, _ = _rows(invented(10), 3)
    said = linear_w(rows, np.full(rows.index.shape, np.nan), USUAL, grid.peak_w)
    assert np.array_equal(said, np.clip(rows.by_hour_w, 0.0, grid.peak_w))


def test_the_sky_that_came_shows_which_way_the_panels_look() -> None:
    past = _seen_otherwise(invented(30, real=Panel(4.0, 25.0, 250.0)))
    issued_s = int(past.power.starts_s[-1]) + 3_600
    clear = Hours(past.clearness.starts_s, np.where(past.clearness.starts_s >= issued_s, 1.0, past.clearness.values))
    sure = forecast(HOME, replace(past, clearness=clear), issued_s).members["planes"]
    unsure = forecast(HOME, replace(past, clearness=clear, seen=NO_HOURS), issued_s).members["planes"]
    told = Hours(past.seen.starts_s, np.where(past.seen.starts_s >= issued_s, 1.0, past.seen.values))
    truth = forecast(HOME, SolarPast(past.power, told), issued_s).members["planes"]
    assert accuracy(sure, truth) > 0.99 > accuracy(unsure, truth)


def test_a_sky_seen_after_the_issue_is_not_looked_at() -> None:
    past = _seen_otherwise(invented(20))
    issued_s = int(past.power.starts_s[-1]) + 3_600 - 5 * DAY_S
    later = np.where(past.seen.starts_s >= issued_s, 0.0, past.seen.values)
    one = forecast(HOME, past, issued_s)
    other = forecast(HOME, replace(past, seen=Hours(past.seen.starts_s, later)), issued_s)
    assert np.array_equal(one.band.p50, other.band.p50)


def test_the_weather_service_away_for_two_days_is_said_and_the_usual_sky_assumed() -> None:
    past = invented(20)
    issued_s = int(past.power.starts_s[-1]) + 3_600
    away = replace(past, clearness=past.clearness.before(issued_s))
    said = forecast(HOME, away, issued_s)
    assert any("the usual sky is assumed" in note for note in said.notes)
    usual = forecast(
        HOME,
        replace(
            past,
            clearness=Hours(
                past.clearness.starts_s, np.where(past.clearness.starts_s >= issued_s, 0.75, past.clearness.values)
            ),
        ),
        issued_s,
    )
    assert accuracy(said.band.p50, usual.band.p50) > 0.85
    half = replace(past, clearness=past.clearness.before(issued_s + DAY_S))
    note = next(note for note in forecast(HOME, half, issued_s).notes if "no weather forecast" in note)
    assert note.startswith("no weather forecast for 1")


def test_a_site_that_never_had_weather_is_trained_and_forecast_all_the_same() -> None:
    past = invented(40)
    issued_s = int(past.power.starts_s[-1]) + 3_600
    model = train(HOME, replace(past, clearness=NO_HOURS), issued_s)
    assert model.boosted is not None
    said = forecast(HOME, replace(past, clearness=NO_HOURS), issued_s, model)
    assert any("no weather forecast" in note for note in said.notes)
    assert said.band.p50.max() > 500
    weather_is_back = forecast(HOME, past, issued_s, model)
    assert np.isfinite(weather_is_back.band.p50).all()


def test_dull_days_without_weather_are_no_dirt_on_the_panels() -> None:
    past = invented(40)
    issued_s = int(past.power.starts_s[-1]) + 3_600
    lately = past.power.starts_s >= issued_s - 5 * DAY_S
    dull = Hours(past.power.starts_s, np.where(lately, 0.4 * past.power.values, past.power.values))
    assert forecast(HOME, replace(past, power=dull), issued_s).persistent is not None
    assert forecast(HOME, replace(past, power=dull, clearness=NO_HOURS), issued_s).persistent is None


def test_the_first_band_is_wider_than_that_of_panels_that_were_looked_at() -> None:
    past = invented(1)
    issued_s = int(past.power.starts_s[-1]) + 3_600
    first = forecast(HOME, replace(past, power=NO_HOURS), issued_s).band
    looked = forecast(HOME, past, issued_s).band
    assert (first.p90 - first.p10).sum() > 1.2 * (looked.p90 - looked.p10).sum()
    assert FIRST_ENDS[0] < DEFAULT_ENDS[0] < 0 < DEFAULT_ENDS[1] < FIRST_ENDS[1]


@pytest.mark.parametrize(
    ("latitude", "moment_s", "cold"),
    [(39.7, DECEMBER_S, True), (39.7, JULY_S, False), (34.1, DECEMBER_S, False), (-45.0, JULY_S, True)],
)
def test_frost_is_usual_in_a_winter_far_from_the_equator(latitude: float, moment_s: int, *, cold: bool) -> None:
    assert frost_is_usual(latitude, moment_s) is cold
    assert -40.0 < usual_air_c(latitude, np.array([moment_s]))[0] < 40.0


def test_in_frost_what_comes_and_goes_may_be_snow() -> None:
    ratio = np.concatenate([np.ones(30), [0.7, 0.4, 0.15, 0.35]])
    mild, cold = notice(ratio), notice(ratio, frost=True)
    assert mild is not None
    assert mild.looks == "soiling"
    assert cold is not None
    assert (cold.looks, cold.days) == ("snow or dirt", mild.days)
    steady = notice(np.concatenate([np.ones(30), [0.5, 0.5, 0.5, 0.5]]), frost=True)
    assert steady is not None
    assert steady.looks == "a part is off"
