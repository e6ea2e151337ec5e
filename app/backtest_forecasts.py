"""The forecasts of a plan back-test: the real models on a file's past, issued hour by hour, no look ahead.

The models are trained anew every 28 days, and at the first hour that is asked for; their logs take one issue a day.
Each hour's issue is kept, so that several plans of one hour share it. Near now the scenarios lean to how the hour that
just ended compares with what was said of it an hour before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from energy.forecast.hours import DAY_S, HOUR_S, NO_HOURS, Band, Hours
from energy.forecast.load import LoadModel, LoadPast, LoadSite
from energy.forecast.load import forecast as load_forecast
from energy.forecast.load import rehearse as load_rehearse
from energy.forecast.load import train as load_train
from energy.forecast.member_log import MemberLog
from energy.forecast.solar import REHEARSED_DAYS, SolarModel, forecast_on, train_on
from energy.forecast.solar_rows import Grid
from energy.forecast.solar_site import NoSolar, SolarPast, SolarSite, checked_past, checked_site, grid_for
from energy.plan.from_forecast import scenarios_of
from energy.plan.problem import Scenario, Steps
from energy.plan.simple_forecast import HourlySeries, profile_scenarios

REFIT_S = 28 * DAY_S
AHEAD_H = 48
_LEAST_W = 200.0


@dataclass
class IssuedForecasts:
    """A forecaster for `energy.plan.replay`. Without a place for the sun it is the profile of the last two weeks."""

    power: Hours
    load: Hours
    clearness: Hours
    solar_site: SolarSite | None
    zone: ZoneInfo
    pooled: Any = None
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._grid: Grid | None = None
        if self.solar_site is None:
            self.notes.append("No latitude and longitude: profiles of the last two weeks stand in for the forecasts.")
        else:
            try:
                site, notes = checked_site(self.solar_site)
                past, more = checked_past(
                    SolarPast(self.power, self.clearness), 1_000.0 * sum(panel.kwp for panel in site.panels)
                )
                self._grid = grid_for(site, past, int(self.power.starts_s[-1]) + 3 * DAY_S, days=10_000)
                self.notes.extend((*notes, *more))
            except NoSolar as error:
                self.notes.append(f"{error}; profiles of the last two weeks stand in for the forecasts")
        self._solar: SolarModel | None = None
        self._load: LoadModel | None = None
        self._solar_log, self._load_log = MemberLog(), MemberLog()
        self._trained_s: int | None = None
        self._logged_day: int | None = None
        self._issued: dict[int, tuple[Band, Band]] = {}
        self._load_site = LoadSite(self.zone)
        self._load_past = LoadPast(self.load, NO_HOURS)

    def __call__(self, series: HourlySeries, steps: Steps) -> tuple[Scenario, ...]:
        """P10, P50 and P90 as they could be issued when the first step begins."""
        now_s = int(steps.starts_s[0]) // HOUR_S * HOUR_S
        if self._grid is None:
            return profile_scenarios(series, steps)
        solar, load = self._at(now_s)
        before = self._issued.get(now_s - HOUR_S)
        if before is None:
            return scenarios_of(steps, solar, load)
        last = np.array([now_s - HOUR_S])
        sun_w, base_w = float(self.power.at(last)[0]), float(self.load.at(last)[0])
        said_sun_w, said_base_w = float(before[0].p50[0]), float(before[1].p50[0])
        now_solar_w = float(solar.p50[0])
        if np.isfinite(sun_w) and said_sun_w > _LEAST_W:
            now_solar_w *= float(np.clip(sun_w / said_sun_w, 0.4, 1.8))
        now_base_w = float(load.p50[0])
        if np.isfinite(base_w):
            now_base_w += 0.5 * (base_w - said_base_w)
        return scenarios_of(steps, solar, load, now_solar_w=now_solar_w, now_base_w=now_base_w)

    def _at(self, now_s: int) -> tuple[Band, Band]:
        if now_s not in self._issued:
            if self._trained_s is None or not 0 <= now_s - self._trained_s < REFIT_S:
                self._train(now_s)
            grid = self._known(now_s)
            sun = forecast_on(grid, now_s, self._solar, self._solar_log, hours=AHEAD_H)
            base = load_forecast(
                self._load_site, self._load_past, now_s, self._load, self._load_log, hours=AHEAD_H, pooled=self.pooled
            )
            day = now_s // DAY_S
            if day != self._logged_day:
                self._solar_log, self._load_log, self._logged_day = sun.log, base.log, day
            self._issued[now_s] = (sun.band, base.band)
        return self._issued[now_s]

    def _known(self, now_s: int) -> Grid:
        """What may be looked at: hours that are over, and the weather forecast of two days."""
        assert self._grid is not None
        return self._grid.first(int(np.searchsorted(self._grid.starts_s, now_s + AHEAD_H * HOUR_S)))

    def _train(self, now_s: int) -> None:
        grid = self._known(now_s)
        start_s = max(now_s - REHEARSED_DAYS * DAY_S, int(grid.starts_s[0]) + DAY_S)
        model, log = train_on(self._known(start_s), start_s), MemberLog()
        for issued_s in range(start_s, now_s, DAY_S):
            log = forecast_on(self._known(issued_s), issued_s, model, log).log
        self._solar, self._solar_log = train_on(grid, now_s), log
        self._load = load_train(self._load_site, self._load_past, now_s, pooled=self.pooled)
        self._load_log = load_rehearse(self._load_site, self._load_past, now_s, days=REHEARSED_DAYS, pooled=self.pooled)
        self._trained_s, self._logged_day = now_s, None
