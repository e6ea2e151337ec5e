"""What a child process reckons every hour: both forecasts of a site.

Here, and in what it calls, the heavy libraries are loaded; the worker itself never does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from energy.forecast.hours import Band, Hours, local_day
from energy.forecast.load_site import LoadPast
from energy.forecast.member_log import MemberLog
from energy.forecast.solar_site import NoSolar, SolarPast, SolarSite
from services import member_logs
from services.member_logs import LogDamaged
from services.outlook_inputs import Measured, OutlookInputs
from services.trained_models import ModelRef, ModelUnusable, load

SURE_HOURS = 48
_FEW_HOURS = 6  # of a week: a relay that was away for a while is no news


@dataclass(frozen=True)
class ForecastTask:
    """What to forecast: from `issued_s` (a full hour) on, for `hours`. Models by target; logs lie in `logs`
    and take the first issue of each local day."""

    inputs: OutlookInputs
    issued_s: int
    hours: int
    models: Mapping[str, ModelRef] = field(default_factory=dict)
    logs: Path | None = None


@dataclass(frozen=True)
class Said:
    """A forecast, or None and why in the notes. `failed` is an error that nobody foresaw."""

    band: Band | None
    notes: tuple[str, ...]
    weights: Mapping[str, float] = field(default_factory=dict)
    failed: str | None = None


@dataclass(frozen=True)
class Forecasts:
    """Both targets, and the CPU time that they took (s)."""

    solar: Said
    load: Said
    cpu_s: float


def make_forecasts(task: ForecastTask) -> Forecasts:
    """Both forecasts. What one of them lacks is stated in its notes, and never keeps the other back."""
    began = time.process_time()
    solar, load_said = _unless_it_fails(_solar, task), _unless_it_fails(_load, task)
    return Forecasts(solar, load_said, time.process_time() - began)


def _unless_it_fails(reckon: Callable[[ForecastTask], Said], task: ForecastTask) -> Said:
    try:
        return reckon(task)
    except Exception as error:  # noqa: BLE001  the parent logs it, and the other forecast is made all the same
        return Said(None, (), failed=f"{type(error).__name__}: {error}")


def _solar(task: ForecastTask) -> Said:
    from energy.forecast import solar

    site = task.inputs.solar
    if site is None:
        return Said(None, ("no solar forecast: set latitude and longitude in [site] and an [[array]] with its kwp",))
    model, log, notes = _known(task, "solar", solar.VERSION)
    past = solar_past(site, task.inputs)

    def reckon(model: Any, log: MemberLog | None) -> Any:
        return solar.forecast(site, past, task.issued_s, model, log, hours=task.hours)

    try:
        said = _without_what_fails(reckon, model, log, notes)
    except NoSolar as error:
        return Said(None, (str(error),))
    return _said(task, "solar", said, log, notes)


def _without_what_fails(
    reckon: Callable[[Any, MemberLog | None], Any], model: Any, log: MemberLog | None, notes: list[str]
) -> Any:
    """The forecast with the model and the log, or without both where it fails with them, which a note then says."""
    try:
        return reckon(model, log)
    except NoSolar:
        raise
    except Exception as error:
        if model is None and log is None:
            raise
        said = reckon(None, None)
        notes.append(
            f"the forecast failed with its trained model ({type(error).__name__}): made without it, and less sure, "
            "until the next training at night"
        )
        return said


def _load(task: ForecastTask) -> Said:
    from energy.forecast import load as load_forecast

    model, log, notes = _known(task, "load", load_forecast.VERSION)
    inputs = task.inputs
    past = load_past(inputs)

    def reckon(model: Any, log: MemberLog | None) -> Any:
        return load_forecast.forecast(inputs.load, past, task.issued_s, model, log, hours=task.hours, away=inputs.away)

    said = _without_what_fails(reckon, model, log, notes)
    found = _said(task, "load", said, log, notes)
    return replace(found, notes=_with_miners(inputs.measured, found.notes))


def _with_miners(measured: Measured, notes: tuple[str, ...]) -> tuple[str, ...]:
    """The notes with what to know where no meter told the miners' power: first what has a remedy."""
    if measured.unknown_hours > _FEW_HOURS:
        notes = (
            f"in {measured.unknown_hours} hours of the last week nobody knows what the miners took, so the house's own "
            "load is unknown: see in /health that their relays answer, or describe a relay that measures power",
            *notes,
        )
    if measured.rated_hours > _FEW_HOURS:
        unmeasured = f"in {measured.rated_hours} hours of the last week no meter told the miners' power"
        notes = (*notes, f"{unmeasured}: each counts with its power_w while its relay was on")
    return notes


def _said(task: ForecastTask, target: str, said: Any, log: MemberLog | None, notes: list[str]) -> Said:
    after: list[str] = []
    if task.logs is not None and _first_of_day(task, log):
        try:
            member_logs.write(log_file(task.logs, target), said.log)
        except OSError as error:  # the forecast is made already
            reason = error.strerror or type(error).__name__
            after.append(f"what was said cannot be kept ({reason}): see that the data folder is writable and has room")
    return Said(said.band, (*notes, *said.notes, *after), {name: float(share) for name, share in said.weights.items()})


def _first_of_day(task: ForecastTask, log: MemberLog | None) -> bool:
    """Whether the log holds nothing yet that was said on this local day or later."""
    if log is None or not log.issued_s.size:
        return True
    today, last = local_day(np.array([task.issued_s, log.issued_s.max()]), task.inputs.load.zone).tolist()
    return bool(last < today)


def _known(task: ForecastTask, target: str, version: str) -> tuple[Any, MemberLog | None, list[str]]:
    """The model and the log of a target, each None where it cannot be had, and why."""
    model, log, notes = None, None, []
    if target in task.models:
        try:
            model = load(task.models[target], version)
        except ModelUnusable as error:
            notes.append(str(error))
    if task.logs is not None:
        try:
            log = member_logs.read(log_file(task.logs, target))
        except LogDamaged as error:
            notes.append(str(error))
    return model, log, notes


def log_file(folder: Path, target: str) -> Path:
    """Where what was said of a target first on each local day is kept."""
    return folder / f"{target}-said.npz"


def solar_past(site: SolarSite, inputs: OutlookInputs) -> SolarPast:
    """What the solar forecast knows: irradiance as a share of a clear sky's, as forecast and as it came."""
    weather = inputs.weather
    return SolarPast(
        inputs.measured.solar_w,
        clearness(site, weather.ghi_w_m2),
        inputs.measured.curtailed_s,
        clearness(site, weather.seen_ghi_w_m2),
    )


def load_past(inputs: OutlookInputs) -> LoadPast:
    """What the load forecast knows."""
    return LoadPast(inputs.measured.base_load_w, inputs.weather.temperature_c)


def clearness(site: SolarSite, ghi_w_m2: Hours) -> Hours:
    """Global irradiance over that of a clear sky, by the hour; unknown while the sun is down."""
    from energy.forecast.sky import CLEAREST, sky_over

    if not ghi_w_m2.starts_s.size:
        return ghi_w_m2
    clear = sky_over(ghi_w_m2.starts_s, site.latitude, site.longitude).clear_ghi
    up = clear > 0.0
    share = np.full(clear.shape, np.nan)
    share[up] = np.clip(ghi_w_m2.values[up] / clear[up], 0.0, CLEAREST)
    return Hours(ghi_w_m2.starts_s, share)
