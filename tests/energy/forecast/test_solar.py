from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from energy.forecast.hours import NO_HOURS, Hours
from energy.forecast.persistent import notice
from energy.forecast.sky import Panel
from energy.forecast.solar import SolarForecast, forecast, rehearse, train
from energy.forecast.solar_site import NoSolar, SolarPast, SolarSite
from tests.energy.forecast.home import DAY_S, HOME, accuracy, home_past, invented


def _sound(said: SolarForecast) -> None:
    band = said.band
    assert band.starts_s.size == 48
    assert np.all(np.diff(band.starts_s) == 3_600)
    assert np.isfinite([band.p10, band.p50, band.p90]).all()
    assert np.all((band.p10 >= 0) & (band.p10 <= band.p50) & (band.p50 <= band.p90))
    assert np.all(band.p90 <= 4_000)


def _issue(past: SolarPast) -> int:
    return int(past.power.starts_s[-1]) + 3_600


def test_place_and_rating_alone_give_a_forecast_on_day_one() -> None:
    said = forecast(HOME, SolarPast(), 1_700_035_200)
    _sound(said)
    assert 5_000 < said.band.p50[:24].sum() < 20_000  # Wh of 4 kWp on a November day
    assert any("no solar power is known yet" in note for note in said.notes)
    assert any("no weather forecast" in note for note in said.notes)


def test_panels_that_are_described_need_no_history() -> None:
    real = Panel(4.0, 30.0, 240.0)
    past = invented(3, real=real)
    said = forecast(replace(HOME, panels=(real,)), replace(past, power=NO_HOURS), _issue(past) - 2 * DAY_S)
    came = past.power.at(said.band.starts_s)[:24]
    undescribed = forecast(HOME, replace(past, power=NO_HOURS), _issue(past) - 2 * DAY_S)
    # this sky comes exactly as forecast, and the rule expects the usual error of a forecast
    assert accuracy(said.band.p50[:24], came) > 0.92 > accuracy(undescribed.band.p50[:24], came) + 0.1


def test_the_night_is_dark() -> None:
    past = invented(3)
    said = forecast(HOME, past, _issue(past))
    assert np.all(said.band.p90[[0, 1, 2, 23]][said.band.p50[[0, 1, 2, 23]] == 0] == 0)
    assert np.sum(said.band.p50 == 0) > 20


def test_a_month_shows_which_way_the_panels_look() -> None:
    past = invented(32, real=Panel(4.0, 25.0, 250.0))
    cut = int(past.power.starts_s[0]) + 30 * DAY_S
    known = replace(past, power=past.power.before(cut))
    said = forecast(HOME, known, cut)
    came = past.power.at(said.band.starts_s)
    unlearned = forecast(HOME, replace(past, power=NO_HOURS), cut)
    assert accuracy(said.members["planes"], came) > 0.93 > accuracy(unlearned.band.p50, came)


def test_trained_on_a_real_home_it_beats_the_first_guess_and_covers() -> None:
    past = home_past()
    end = _issue(past)
    cut = end - 12 * DAY_S
    model = train(HOME, past, cut)
    log = rehearse(HOME, past, cut, days=14)
    right, total, inside, hours = 0.0, 0.0, 0, 0
    for day in range(10):
        said = forecast(HOME, past, cut + day * DAY_S, model, log)
        _sound(said)
        log = said.log
        came = past.power.at(said.band.starts_s)[:24]
        right += float(np.abs(said.band.p50[:24] - came).sum())
        total += float(came.sum())
        lit = came > 20
        inside += int(np.sum((came >= said.band.p10[:24]) & (came <= said.band.p90[:24]) & lit))
        hours += int(lit.sum())
    assert 1 - right / total > 0.85
    assert 0.6 < inside / hours < 0.97
    assert "boosted" in said.band.model


def test_nothing_after_the_issue_changes_a_forecast_or_a_training() -> None:
    past = home_past()
    cut = _issue(past) - 20 * DAY_S
    poisoned = SolarPast(
        Hours(past.power.starts_s, np.where(past.power.starts_s >= cut, 3_999.0, past.power.values)),
        Hours(
            past.clearness.starts_s,
            np.where(past.clearness.starts_s >= cut + 2 * DAY_S, 0.01, past.clearness.values),
        ),
    )
    one, other = train(HOME, past, cut), train(HOME, poisoned, cut)
    before = forecast(HOME, past, cut, one, rehearse(HOME, past, cut, days=2))
    after = forecast(HOME, poisoned, cut, other, rehearse(HOME, poisoned, cut, days=2))
    assert np.array_equal(before.band.p50, after.band.p50)
    assert np.array_equal(before.band.p10, after.band.p10)
    assert np.array_equal(before.band.p90, after.band.p90)


def test_curtailed_hours_teach_nothing() -> None:
    past = invented(30)
    noon = (past.power.starts_s // 3_600) % 24 == 20
    held = SolarPast(
        Hours(past.power.starts_s, np.where(noon, 0.0, past.power.values)), past.clearness, past.power.starts_s[noon]
    )
    clean, curtailed = forecast(HOME, past, _issue(past)), forecast(HOME, held, _issue(past))
    naive = forecast(HOME, replace(held, curtailed_s=held.curtailed_s[:0]), _issue(past))
    assert accuracy(curtailed.band.p50, clean.band.p50) > 0.97 > accuracy(naive.band.p50, clean.band.p50)


def test_bad_input_ends_in_a_forecast_that_says_so() -> None:
    past = invented(20)
    starts_s, watts = past.power.starts_s, past.power.values
    night = replace(past, power=Hours(starts_s[watts == 0], watts[watts == 0]))
    said = forecast(HOME, night, _issue(past), train(HOME, night, _issue(past)))
    _sound(said)
    assert any("no solar power is known yet" in note for note in said.notes)

    gaps = replace(past, power=Hours(np.delete(starts_s, slice(100, 300)), np.delete(watts, slice(100, 300))))
    _sound(forecast(HOME, gaps, _issue(past), train(HOME, gaps, _issue(past))))

    negative = replace(past, power=Hours(starts_s, np.where(watts == 0, -300.0, watts)))
    said = forecast(HOME, negative, _issue(past))
    _sound(said)
    assert any("below 0 W count as 0" in note for note in said.notes)

    reset = replace(past, power=Hours(starts_s, np.where(np.arange(watts.size) == 200, 9e6, watts)))
    said = forecast(HOME, reset, _issue(past))
    _sound(said)
    assert any("times the rating" in note for note in said.notes)


def test_one_day_of_history_is_a_first_guess_at_the_panels() -> None:
    past = invented(1, real=Panel(4.0, 30.0, 230.0))
    said = forecast(HOME, past, _issue(past), train(HOME, past, _issue(past)))
    _sound(said)
    assert set(said.members) == {"planes"}
    assert any("first guess" in note for note in said.notes)


def test_an_impossible_tilt_counts_as_unknown_and_is_said() -> None:
    tilted = replace(HOME, panels=(Panel(4.0, 95.0, 180.0, "south"),))
    said = forecast(tilted, SolarPast(), 1_700_035_200)
    assert any("south: a tilt of 95° is not between 0 and 90" in note for note in said.notes)
    assert np.array_equal(said.band.p50, forecast(HOME, SolarPast(), 1_700_035_200).band.p50)


def test_without_a_place_or_a_rating_it_says_what_to_set() -> None:
    with pytest.raises(NoSolar, match=r"set kwp of at least one"):
        forecast(SolarSite(34.0, -117.0, ()), SolarPast(), 0)
    with pytest.raises(NoSolar, match="latitude"):
        forecast(SolarSite(134.0, -117.0, HOME.panels), SolarPast(), 0)


def test_a_string_that_is_off_is_noticed_after_four_days_and_a_dark_day_is_not() -> None:
    usual = 1 + 0.05 * np.sin(np.arange(30))
    found = notice(np.concatenate([usual, [0.52, 0.5, 0.49, 0.5]]))
    assert found is not None
    assert (found.days, found.looks) == (4, "a part is off")
    assert abs(found.ratio - 0.5) < 0.03
    assert notice(np.concatenate([usual, [0.2]])) is None
    assert notice(usual) is None


def test_snow_and_soiling_look_different() -> None:
    usual = np.ones(30)
    snow = notice(np.concatenate([usual, [0.1, 0.05, 0.0, 0.1]]))
    dirt = notice(np.concatenate([usual, np.linspace(0.84, 0.55, 12)]))
    assert snow is not None
    assert snow.looks == "covered or off"
    assert dirt is not None
    assert dirt.looks == "soiling"
