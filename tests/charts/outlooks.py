"""Plausible forecasts, plans, scores and a battery's age for the chart tests. Deterministic."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from charts.specs import (
    CellPoint,
    CellsChart,
    Curve,
    Line,
    PlanBar,
    PlanChart,
    ScorecardChart,
    ScoreRow,
    SocFanChart,
    SolarForecastChart,
)
from tests.charts.days import LOS_ANGELES

HOUR_S = 3_600
NOW = datetime(2026, 11, 24, 13, 20, tzinfo=LOS_ANGELES)
START = datetime(2026, 11, 24, tzinfo=LOS_ANGELES)
SITE = "Solar Shack"
MINERS = (("S19 no. 1", 3_250.0), ("S19 no. 2", 3_250.0), ("S21", 3_500.0))


def frame(start: datetime, end: datetime, now: datetime, title: str, **more: Any) -> dict[str, Any]:
    """What every chart of the site says about itself."""
    return {
        "title": title,
        "site": SITE,
        "zone": LOS_ANGELES,
        "start": start,
        "end": end,
        "as_of": now,
        "source": "SolArk + Victron",
    } | more


def sun_w(at_s: float, *, cloud: float = 1.0) -> float:
    """The sun on 12 kWp in November."""
    local = datetime.fromtimestamp(at_s, LOS_ANGELES)
    hour = local.hour + local.minute / 60
    return cloud * 8_600 * max(0.0, math.sin(math.pi * (hour - 6.6) / 10.2)) ** 1.3 if 6.6 < hour < 16.8 else 0.0


def hours_of(start: datetime, end: datetime) -> tuple[int, ...]:
    """Every full hour of a period, epoch seconds."""
    return tuple(range(round(start.timestamp()), round(end.timestamp()), HOUR_S))


def measured(start: datetime, now: datetime, *, skip: range = range(0)) -> Line:
    """The sun as it was measured until now; rows of the minutes in `skip` (since the start) are missing."""
    minutes = [m for m in range(0, round((now.timestamp() - start.timestamp()) / 60) + 1, 5) if m not in skip]
    times = [start.timestamp() + 60 * m for m in minutes]
    values = [sun_w(t, cloud=0.83 + 0.1 * math.sin(t / 2_700) - 0.35 * max(0, math.sin(t / 1_900)) ** 8) for t in times]
    return Line.of("solar_w", times, values, cadence_s=300)


def solar_forecast(
    start: datetime = START, *, days: int = 3, now: datetime = NOW, clouds: tuple[float, ...] = (0.85, 0.45, 0.92)
) -> SolarForecastChart:
    """A forecast from today's midnight on."""
    end = (start.replace(tzinfo=None) + timedelta(days=days)).replace(tzinfo=LOS_ANGELES)
    starts_s = hours_of(start, end)
    cloud = [
        clouds[(datetime.fromtimestamp(t, LOS_ANGELES).date() - start.date()).days % len(clouds)] for t in starts_s
    ]
    middle = [round(sun_w(t + 1_800, cloud=c), 1) for t, c in zip(starts_s, cloud, strict=True)]
    return SolarForecastChart(
        **frame(start, end, now, "Solar forecast"),
        issued_at=now - timedelta(minutes=15),
        starts_s=starts_s,
        p10_w=tuple(round(w * (0.55 if c < 0.6 else 0.8), 1) for w, c in zip(middle, cloud, strict=True)),
        p50_w=tuple(middle),
        p90_w=tuple(
            round(min(w * (1.5 if c < 0.6 else 1.1), sun_w(t + 1_800)), 1)
            for t, w, c in zip(starts_s, middle, cloud, strict=True)
        ),
        clear_w=tuple(round(sun_w(t + 1_800), 1) for t in starts_s),
        actual=measured(start, now) if now > start else None,
    )


def soc_fan(*, clouds: tuple[float, float] = (0.35, 0.8)) -> SocFanChart:
    """The battery from this morning on; tomorrow's clouds let it fall under the reserve before the next morning."""
    end = START + timedelta(hours=72)
    now_s = round(NOW.timestamp())

    def course(start_s: int, pct: float, *, sun: float, miner_w: float) -> dict[int, float]:
        found = {}
        for at_s in range(start_s, round(end.timestamp()) + 1, 300):
            found[at_s] = round(pct, 2)
            local = datetime.fromtimestamp(at_s, LOS_ANGELES)
            hour = local.hour + local.minute / 60
            cloud = {24: 0.85, 25: clouds[0], 26: clouds[1]}.get(local.day, 0.8) * sun
            on = pct > 60 and 9 < hour < 16 if miner_w else False
            load = 520 + 1_100 * math.exp(-((hour - 19) ** 2) / 4) + (miner_w if on else 0.0)
            charge = sun_w(at_s, cloud=min(cloud, 1.0)) - load
            charge = min(charge, 9_000.0 * min(1.0, (100 - pct) / 6))
            pct = min(100.0, max(10.0, pct + charge / 12 / 300 * 0.96))
        return found

    past = course(round(START.timestamp()), 44.0, sun=1.0, miner_w=5_000)
    level = past[now_s]
    low, middle, high = (course(now_s, level, sun=sun, miner_w=0) for sun in (0.7, 1.0, 1.25))
    as_is = course(now_s, level, sun=1.0, miner_w=5_500)
    ends_s = tuple(range(now_s // HOUR_S * HOUR_S + HOUR_S, round(end.timestamp()) + 1, HOUR_S))
    p10, p50, p90, without = (tuple(found[t] for t in ends_s) for found in (low, middle, high, as_is))
    rows = {t: pct for t, pct in past.items() if t <= now_s}
    return SocFanChart(
        **frame(START, end, NOW, "Battery ahead"),
        issued_at=NOW - timedelta(minutes=5),
        ends_s=ends_s,
        p10=tuple(min(a, b) for a, b in zip(p10, p50, strict=True)),
        p50=p50,
        p90=tuple(max(a, b) for a, b in zip(p90, p50, strict=True)),
        as_is_p50=without,
        actual=Line.of("soc_pct", list(rows), list(rows.values()), cadence_s=300),
        reserve_pct=30,
        floor_pct=15,
        breach_s=crossing(ends_s, p50, 30),
        as_is_breach_s=crossing(ends_s, without, 30),
    )


def crossing(ends_s: tuple[int, ...], pct: tuple[float, ...], limit: float) -> int | None:
    """When a course falls under a limit."""
    return next((at_s for at_s, value in zip(ends_s, pct, strict=True) if value < limit), None)


def plan(
    miners: tuple[tuple[str, float], ...] = MINERS, *, prices: bool = True, battery: bool = True, grid: bool = True
) -> PlanChart:
    """A day and a half: miners run while the sun carries them, and in the cheap hours where there is a grid."""
    start_s = round(NOW.timestamp()) // 900 * 900
    lengths = [15] * 8 + [30] * 12 + [60] * 28
    steps, at_s, soc = [], start_s, 88.0
    for minutes in lengths:
        local = datetime.fromtimestamp(at_s + minutes * 30, LOS_ANGELES)
        hour = local.hour + local.minute / 60
        solar = sun_w(at_s + minutes * 30, cloud=0.85 if local.day == 24 else 0.95)
        base = 420 + 900 * math.exp(-((hour - 19) ** 2) / 4) + 500 * math.exp(-((hour - 7.4) ** 2) / 1.2)
        cheap = grid and 1 <= hour < 4
        left, watts = solar - base + (1_200 if soc > 80 else 0), []
        for index, (_, power) in enumerate(miners):
            on = left >= power * 0.9 or (cheap and index == len(miners) - 1)
            watts.append(power if on else 0.0)
            left -= power if on else 0.0
        need = base + sum(watts) - solar
        imported = need if cheap else max(0.0, need - 5_000) if grid else 0.0
        charge = max(-9_000.0, min(imported - need, 9_000.0, (100 - soc) * 300 * 60 / minutes))
        soc = min(100.0, max(8.0, soc + charge * minutes / 60 / 300))
        peak = 16 <= hour < 21
        steps.append(
            PlanBar(
                start_s=at_s,
                minutes=minutes,
                solar_w=round(solar, 1),
                base_load_w=round(base, 1),
                miners_w=tuple(watts),
                battery_charge_w=round(charge, 1) if battery else 0.0,
                grid_import_w=round(imported, 1),
                soc_pct=round(soc, 2) if battery else None,
                soc_low_pct=round(max(5.0, soc - 2 - (at_s - start_s) / 9_000), 2) if battery else None,
                import_per_kwh=(0.41 if peak else 0.12 if hour < 6 else 0.27) if prices else None,
                export_per_kwh=0.05 if prices else None,
            )
        )
        at_s += minutes * 60
    end = datetime.fromtimestamp(at_s, LOS_ANGELES)
    return PlanChart(
        **frame(datetime.fromtimestamp(start_s, LOS_ANGELES), end, NOW, "Plan"),
        planned_at=NOW,
        steps=tuple(steps),
        miners=tuple(name for name, _ in miners),
        currency="USD",
        reserve_pct=30 if battery else None,
        floor_pct=15 if battery else None,
    )


def scorecard(days: int = 14) -> ScorecardChart:
    """Two weeks of scores, some of them cloudy; one day was not scored."""
    first = START - timedelta(days=days)
    names = tuple(f"{(first + timedelta(days=n)).date()}" for n in range(days))
    sky = tuple(("clear", "clear", "mixed", "overcast", "mixed")[(n * 7 // 3) % 5] for n in range(days))
    cut = {"clear": 0.04, "mixed": 0.12, "overcast": 0.3}
    ours = [round(0.965 - cut[s] - 0.02 * math.sin(2.3 * n), 3) for n, s in enumerate(sky)]
    same = [0.04 if sky[n] == sky[n - 1] else 0.42 for n in range(days)]
    other = [
        round(0.93 - cut[s] - 0.7 * d + 0.02 * math.sin(n), 3) for n, (s, d) in enumerate(zip(sky, same, strict=True))
    ]
    load = [round(0.79 + 0.05 * math.sin(1.9 * n), 3) for n in range(days)]
    lag = [round(0.71 + 0.1 * math.sin(2.6 * n + 1), 3) for n in range(days)]
    gone = days // 2
    return ScorecardChart(
        **frame(first, START, NOW, "Forecast scorecard", period_label=f"last {days} days"),
        days=names,
        sky=sky,  # type: ignore[arg-type]  # a tuple of literals widens
        rows=(
            ScoreRow(
                label="Solar",
                field="solar_w",
                ours=(*ours[:gone], None, *ours[gone + 1 :]),
                persistence=(*other[:gone], None, *other[gone + 1 :]),
                coverage=0.81,
            ),
            ScoreRow(label="Load", field="load_w", ours=tuple(load), persistence=tuple(lag), coverage=0.79),
        ),
    )


def cells(*, by: str = "cycles") -> CellsChart:
    """A battery after some 800 cycles, with its own fade and the fleet's."""
    installed = datetime(2023, 3, 1, tzinfo=LOS_ANGELES)
    per_cycle_s = (NOW - installed).total_seconds() / 812

    def place(cycles: float) -> float:
        return cycles if by == "cycles" else round(installed.timestamp() + cycles * per_cycle_s)

    grid = [40.0 * n for n in range(61)]
    own = [100 - 0.185 * c**0.575 for c in grid]
    fleet = [100 - 0.27 * c**0.55 for c in grid]
    spread = [0.4 + 0.0011 * abs(c - 400) for c in grid]
    points = tuple(
        CellPoint(x=place(c), pct=p, low_pct=p - e, high_pct=p + e)
        for c, p, e in (
            (n, round(100 - 0.185 * n**0.575 + 0.8 * math.sin(n), 2), 1.1 + 0.5 * math.sin(n / 70) ** 2)
            for n in range(60, 812, 58)
        )
    )
    return CellsChart(
        **frame(installed, NOW, NOW, "Battery health"),
        by=by,  # type: ignore[arg-type]  # the tests pass both
        points=points,
        now_x=place(812),
        remaining=CellPoint(x=place(812), pct=91.3, low_pct=89.6, high_pct=93.0),
        own=Curve(
            x=tuple(place(c) for c in grid),
            pct=tuple(own),
            low_pct=tuple(p - s for p, s in zip(own, spread, strict=True)),
            high_pct=tuple(p + s for p, s in zip(own, spread, strict=True)),
        ),
        fleet=Curve(
            x=tuple(place(c) for c in grid),
            pct=tuple(fleet),
            low_pct=tuple(p - 2.2 * c / 1_000 for p, c in zip(fleet, grid, strict=True)),
            high_pct=tuple(p + 2.2 * c / 1_000 for p, c in zip(fleet, grid, strict=True)),
        ),
    )
