"""The files that forecasts and trainings leave, on a disk that takes no more: a child with a limit on file sizes."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from energy.forecast.hours import DAY_S, Hours, hour_range
from energy.forecast.load_site import LoadSite
from energy.forecast.sky import Panel
from energy.forecast.solar_site import SolarSite
from services.outlook_inputs import Measured, OutlookInputs, Weather
from services.outlook_reckoning import Forecasts, ForecastTask, make_forecasts
from services.reckoning import Reckoner
from services.trained_models import save

ISSUED_S = 1_789_887_600
SITE = SolarSite(37.3, -121.9, (Panel(5.0, 25.0, 180.0),))


def _files_stay_small() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def forecasts_on_a_full_disk(task: ForecastTask) -> Forecasts:
    _files_stay_small()
    return make_forecasts(task)


def model_on_a_full_disk(folder: Path) -> str:
    _files_stay_small()
    try:
        return save(folder, "home/solar.pkl", os.urandom(50_000))
    except OSError as error:
        return type(error).__name__


async def test_a_full_disk_costs_no_forecast_and_leaves_no_part_of_a_file(tmp_path: Path) -> None:
    starts_s = hour_range(ISSUED_S - 3 * DAY_S, 72)
    known = Hours(starts_s, np.full(starts_s.shape, 500.0))
    inputs = OutlookInputs(SITE, LoadSite(ZoneInfo("UTC"), None, None), Measured(known, known), Weather())
    task = ForecastTask(inputs, ISSUED_S, 48, {}, tmp_path / "home")
    reckoner = Reckoner()
    try:
        said = await reckoner.once(forecasts_on_a_full_disk, task, timeout_s=60)
        refused = await reckoner.once(model_on_a_full_disk, tmp_path, timeout_s=60)
    finally:
        await reckoner.close()
    for one in (said.solar, said.load):
        assert one.band is not None
        assert "cannot be kept" in one.notes[-1]
        assert "has room" in one.notes[-1]
    assert refused == "OSError"
    assert list((tmp_path / "home").iterdir()) == []
