"""Models that another version wrote: they are not used, and the forecast is made all the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from energy.forecast import solar
from energy.forecast.hours import DAY_S, Hours, hour_range
from energy.forecast.load_site import LoadSite
from energy.forecast.sky import Panel
from energy.forecast.solar_site import SolarPast, SolarSite
from services.outlook_inputs import Measured, OutlookInputs, Weather
from services.outlook_reckoning import ForecastTask, Said, make_forecasts
from services.trained_models import ModelRef, ModelUnusable, load, save

ISSUED_S = 1_789_887_600
SITE = SolarSite(37.3, -121.9, (Panel(5.0, 25.0, 180.0),))


@dataclass(frozen=True)
class Model:
    version: str


def _kept(folder: Path, model: object) -> ModelRef:
    return ModelRef(folder, "home/solar.pkl", save(folder, "home/solar.pkl", model), "solar-2-of-last-night")


def _solar_with(folder: Path, model: object) -> Said:
    starts_s = hour_range(ISSUED_S - 8 * DAY_S, 8 * 24)
    known = Hours(starts_s, np.where((starts_s // 3_600 + 16) % 24 < 12, 900.0, 0.0))
    inputs = OutlookInputs(SITE, LoadSite(ZoneInfo("UTC"), None, None), Measured(known, known), Weather())
    return make_forecasts(ForecastTask(inputs, ISSUED_S, 48, {"solar": _kept(folder, model)})).solar


def test_a_model_of_this_version_is_loaded_and_one_of_another_is_refused(tmp_path: Path) -> None:
    ref = _kept(tmp_path, Model("solar-2"))
    assert load(ref, "solar-2") == Model("solar-2")
    with pytest.raises(ModelUnusable, match="another version of CommandCenter"):
        load(ref, "solar-3")
    with pytest.raises(ModelUnusable, match="another version of CommandCenter"):
        load(_kept(tmp_path, "no model at all"), "solar-2")


def test_after_an_upgrade_the_solar_forecast_goes_on_without_the_old_model(tmp_path: Path) -> None:
    known = SolarPast(Hours(hour_range(ISSUED_S - 8 * DAY_S, 8 * 24), np.full(8 * 24, 400.0)))
    model = solar.train(SITE, known, ISSUED_S)
    said = _solar_with(tmp_path / "old", replace(model, version="solar-1"))
    assert said.band is not None
    assert said.failed is None
    assert "another version of CommandCenter" in said.notes[0]


def test_a_model_that_fails_costs_the_model_and_not_the_forecast(tmp_path: Path) -> None:
    known = SolarPast(Hours(hour_range(ISSUED_S - 8 * DAY_S, 8 * 24), np.full(8 * 24, 400.0)))
    model = solar.train(SITE, known, ISSUED_S)
    said = _solar_with(tmp_path, replace(model, shares=model.shares[:15]))
    assert said.band is not None
    assert said.failed is None
    assert "failed with its trained model (ValueError)" in said.notes[0]
