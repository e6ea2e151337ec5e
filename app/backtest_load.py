"""`backtest forecast --target load`: the load forecast, issued day by day over a file of measurements.

The shipped model was trained on the open homes of energy/forecast/pooled/CARD.md. A back-test of one of them is honest
only with a model that never saw it (`benchmarks/train_pooled_load.py --leave-out SITE --out X.npz`): `--pooled X.npz`.
The column `temp_c` is what was measured, so it is used with `--weather perfect` alone.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from app.backtest import KW, REFIT_DAYS, BacktestRefused, ForecastFlags, Say, local_midnights, read_columns

if TYPE_CHECKING:
    from energy.forecast.hours import Band

TEMPERATURE = "temp_c"


def load_bands(flags: ForecastFlags, zone: ZoneInfo, say: Say) -> Iterator[Band]:
    """One band per local midnight; the past is cut off for each, so that nothing later can reach it."""
    from energy.forecast.hours import DAY_S, HOUR_S, NO_HOURS, Hours
    from energy.forecast.load import LoadPast, LoadSite, forecast, train
    from energy.forecast.load_pooled import NoPooledModel, read, shipped
    from energy.forecast.member_log import MemberLog

    warm = flags.weather == "perfect" and TEMPERATURE in _column_names(flags)
    columns = read_columns(flags.file, ("load_kw",), (TEMPERATURE,) if warm else (), say)
    power = Hours(columns["load_kw"].starts_s, columns["load_kw"].values * KW)
    past = LoadPast(power, columns[TEMPERATURE] if warm else NO_HOURS)
    try:
        pooled = shipped() if flags.pooled is None else read(flags.pooled)
    except NoPooledModel as error:
        raise BacktestRefused(str(error)) from error
    site, model, log = LoadSite(zone), None, MemberLog()
    noted: set[str] = set()
    for issued_s in local_midnights(power.starts_s, zone).tolist():
        if model is None or model.own is None or issued_s - model.until_s >= REFIT_DAYS * DAY_S - 2 * HOUR_S:
            model = train(site, past, issued_s, pooled=pooled)
        said = forecast(site, past, issued_s, model, log, pooled=pooled)
        log = said.log
        for note in said.notes:
            kind = note.lstrip("0123456789 ")
            if kind not in noted:
                say(note)
                noted.add(kind)
        yield said.band


def _column_names(flags: ForecastFlags) -> tuple[str, ...]:
    with flags.file.open(newline="", encoding="utf-8") as lines:
        return tuple(next(csv.reader(lines), ()))
