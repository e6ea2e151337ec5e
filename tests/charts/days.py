"""Plausible days for the chart tests and the benchmark: an off-grid ranch with a battery cycle. Deterministic."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from charts.specs import BarSeries, EnergyBars, Line, PowerChart, SocChart

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
STEP_S = 300
BATTERY_KWH = 30.0

Rows = dict[str, list[float]]


def local_day(year: int, month: int, day: int, *, days: int = 1) -> tuple[datetime, datetime]:
    """Start and end of `days` local calendar days, in UTC."""
    start = datetime(year, month, day, tzinfo=LOS_ANGELES)
    return start.astimezone(UTC), (start + timedelta(days=days)).astimezone(UTC)


def simulated(start: datetime, end: datetime, *, grid: bool = False, soc_pct: float = 52.0) -> tuple[list[int], Rows]:
    """5-minute rows of a site: times (epoch s) and values per `Reading` field, with energy kept in balance."""
    times = list(range(round(start.timestamp()), round(end.timestamp()), STEP_S))
    rows: Rows = {name: [] for name in ("solar_w", "load_w", "battery_charge_w", "grid_import_w", "soc_pct", "miner_w")}
    for at_s in times:
        local = datetime.fromtimestamp(at_s, LOS_ANGELES)
        hour, of_year = local.hour + local.minute / 60, local.timetuple().tm_yday
        sun = max(0.0, math.sin(math.pi * (hour - 6.4) / 10.4)) if 6.4 < hour < 16.8 else 0.0
        cloud = 1 - 0.75 * max(0.0, math.sin(at_s / 9_000 + of_year)) ** 4 - 0.5 * max(0.0, math.sin(at_s / 1_300)) ** 6
        solar_w = 10_400 * sun**1.35 * max(cloud, 0.12)
        miner_w = 3_878.0 if soc_pct > 70 and 9 < hour < 15.5 else 0.0
        evening = 1_900 * math.exp(-((hour - 19.2) ** 2) / 3) + 900 * math.exp(-((hour - 7.3) ** 2) / 0.8)
        load_w = 620 + 90 * math.sin(at_s / 700) + evening + (1_300 if at_s % 5_400 < 900 else 0) + miner_w
        wanted_w = solar_w - load_w
        room_w = 9_000 * min(1.0, max(0.0, (100 - soc_pct) / 6))
        battery_charge_w = max(-9_000.0, min(wanted_w, room_w))
        grid_import_w = battery_charge_w - wanted_w if grid else 0.0
        solar_w = solar_w if grid else max(0.0, load_w + battery_charge_w)
        soc_pct = min(100.0, max(5.0, soc_pct + battery_charge_w * STEP_S / 36_000 / BATTERY_KWH))
        now = (solar_w, load_w, battery_charge_w, grid_import_w, soc_pct, miner_w)
        for name, value in zip(rows, now, strict=True):
            rows[name].append(value)
    return times, rows


def power_chart(
    start: datetime,
    end: datetime,
    *,
    grid: bool = False,
    miners: bool = False,
    gap: tuple[datetime, datetime] | None = None,
    as_of: datetime | None = None,
    label: str = "yesterday",
) -> PowerChart:
    """A power chart of the simulated site; rows inside `gap` are missing, rows after `as_of` are not there yet."""
    times, rows = simulated(start, end, grid=grid)
    as_of = as_of or end + timedelta(hours=7)
    kept = [
        i
        for i, t in enumerate(times)
        if t <= as_of.timestamp() and not (gap and gap[0].timestamp() <= t < gap[1].timestamp())
    ]
    names = ["solar_w", "load_w", "battery_charge_w"] + ["grid_import_w"] * grid + ["miner_w"] * miners
    lines = [Line.of(n, [times[i] for i in kept], [rows[n][i] for i in kept], cadence_s=STEP_S) for n in names]
    soc = Line.of("soc_pct", [times[i] for i in kept], [rows["soc_pct"][i] for i in kept], cadence_s=STEP_S)
    return PowerChart(
        title="Power",
        site="Solar Shack",
        zone=LOS_ANGELES,
        start=start,
        end=end,
        as_of=as_of,
        period_label=label,
        source="SolArk + Victron",
        lines=tuple(lines),
        soc=soc,
    )


def soc_chart(power: PowerChart) -> SocChart:
    """The state of charge of a power chart, with the ranch's limits."""
    assert power.soc is not None
    return SocChart(
        title="Battery",
        site=power.site,
        zone=power.zone,
        start=power.start,
        end=power.end,
        as_of=power.as_of,
        period_label=power.period_label,
        source="Victron",
        soc=power.soc,
        min_soc_pct=30,
        safe_min_soc_pct=40,
        safe_max_soc_pct=80,
    )


def daily_bars(start: datetime, days: int, *, grid: bool = True, missing: tuple[int, ...] = ()) -> EnergyBars:
    """Energy per local day; the bars in `missing` have no data, the one after each only half of it."""
    first = start.astimezone(LOS_ANGELES)
    moments = [first + timedelta(days=n) for n in range(days + 1)]  # wall-clock days
    edges = tuple(round(moment.astimezone(UTC).timestamp()) for moment in moments)
    times, rows = simulated(moments[0].astimezone(UTC), moments[-1].astimezone(UTC), grid=grid)
    parts = [("solar_w", "net"), ("load_w", "net"), ("battery_charge_w", "positive"), ("battery_charge_w", "negative")]
    if grid:
        parts += [("grid_import_w", "positive"), ("grid_import_w", "negative")]
    covered = tuple(0.0 if i in missing else 0.5 if i - 1 in missing else 1.0 for i in range(days))
    series = []
    for field, part in parts:
        sums = [0.0] * days
        sign = -1 if part == "negative" else 1
        index = 0
        for at_s, value in zip(times, rows[field], strict=True):
            while at_s >= edges[index + 1]:
                index += 1
            sums[index] += max(0.0, sign * value) * STEP_S / 3_600_000
        values = tuple(None if covered[i] == 0 else round(sums[i] * covered[i], 2) for i in range(days))
        series.append(BarSeries(field, values, part, covered=covered))  # type: ignore[arg-type]  # a tuple's literal widens
    return EnergyBars(
        title="Energy",
        site="Solar Shack",
        zone=LOS_ANGELES,
        start=moments[0].astimezone(UTC),
        end=moments[-1].astimezone(UTC),
        as_of=moments[-1].astimezone(UTC) + timedelta(hours=7),
        period_label=f"last {days} days",
        source="SolArk + Victron",
        by="day",
        edges=edges,
        series=tuple(series),
    )
