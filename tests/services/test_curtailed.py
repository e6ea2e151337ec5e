"""Which hours' panels count as held back, and which were merely dull."""

from __future__ import annotations

import numpy as np
import pytest

from energy.forecast.hours import NO_HOURS, Hours
from energy.site import Site
from services.curtailed import Held, held_back
from services.issued_weather import IssuedHours
from services.outlook_inputs import _expected_w
from simulator.default_site import DEFAULT_SITE

NO_EXPORT = DEFAULT_SITE.model_copy(
    update={"grid": DEFAULT_SITE.grid.model_copy(update={"export_allowed": False, "max_export_w": None})}
)
LIMITED = DEFAULT_SITE.model_copy(update={"grid": DEFAULT_SITE.grid.model_copy(update={"max_export_w": 1_000.0})})


def one(site: Site, solar_w: float, soc_pct: float, charge_w: float, import_w: float, expected_w: float) -> bool:
    columns = [np.array([value]) for value in (solar_w, soc_pct, charge_w, import_w)]
    return bool(held_back(site, Held(*columns), np.array([expected_w]))[0])


@pytest.mark.parametrize("import_w", [0.0, 40.0, 80.0, -80.0, 400.0])
def test_a_full_battery_without_export_holds_the_panels_back_whatever_trickles(import_w: float) -> None:
    assert one(NO_EXPORT, 1_500, 100, 0, import_w, 6_000)


def test_power_that_is_bought_or_sold_freely_is_not_held_back() -> None:
    assert not one(NO_EXPORT, 1_500, 100, 0, 900, 6_000)
    assert not one(DEFAULT_SITE, 1_500, 100, 0, -800, 6_000)


def test_an_export_at_its_limit_is_held_back_and_one_below_it_is_not() -> None:
    assert one(LIMITED, 2_500, 100, 0, -1_000, 6_000)
    assert not one(LIMITED, 2_000, 100, 0, -600, 6_000)


def test_a_battery_that_still_takes_in_power_was_given_what_there_was() -> None:
    assert not one(NO_EXPORT, 4_000, 92, 3_000, 0, 6_000)
    assert one(NO_EXPORT, 1_500, 92, 300, 0, 6_000)


def test_a_rating_that_is_far_too_low_hides_nothing() -> None:
    solar_w = np.array([*[6_000.0] * 30, 1_500.0])  # five times what the rating promises, while there is room
    soc_pct = np.array([*[60.0] * 30, 100.0])
    charge_w = np.array([*[4_000.0] * 30, 0.0])
    found = held_back(NO_EXPORT, Held(solar_w, soc_pct, charge_w, np.zeros(31)), np.full(31, 1_200.0))
    assert found.tolist() == [False] * 30 + [True]


def test_an_hour_that_came_duller_than_forecast_is_measured_by_the_sky_that_came() -> None:
    starts_s = np.array([3_600, 7_200, 10_800])

    def hours(*values: float) -> Hours:
        return Hours(starts_s, np.array(values))

    issued = IssuedHours(hours(800, 800, 0), NO_HOURS, hours(6_000, 6_000, 0), hours(200, np.nan, 0))
    assert _expected_w(issued, starts_s).tolist() == [1_500.0, 6_000.0, 0.0]
    assert not one(NO_EXPORT, 1_450, 92, 300, 0, 1_500)
