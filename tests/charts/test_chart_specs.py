"""Charts are asserted on their specs: what they say in words, where they have gaps, how they travel as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from charts.line import Gap
from charts.specs import BarSeries, ChartSpec, EnergyBars, Line, PowerChart, SocChart, spec_from_json, spec_to_json
from energy.units import UnitPreferences
from tests.charts.days import LOS_ANGELES, STEP_S, daily_bars, local_day, power_chart, soc_chart

START, END = local_day(2026, 11, 22)
HOUR = timedelta(hours=1)
YESTERDAY = power_chart(START, END, miners=True)


def epoch(hours: float) -> int:
    return round((START + hours * HOUR).timestamp())


def small_soc(*points: tuple[float, float | None], as_of: datetime = END + HOUR) -> SocChart:
    line = Line.of("soc_pct", [epoch(h) for h, _ in points], [v for _, v in points], cadence_s=3600)
    return SocChart(title="Battery", zone=LOS_ANGELES, start=START, end=END, as_of=as_of, soc=line, min_soc_pct=30)


def test_alt_text_of_a_day_says_extremes_with_local_times_and_signs_in_words() -> None:
    assert YESTERDAY.alt == (
        "Power, Solar Shack, yesterday (Sun 22 Nov 2026). Solar: highest 9.95 kW at 11:00. "
        "Load: highest 5.89 kW at 11:35, lowest 530 W at 02:25. "
        "Battery: charging at most 8.10 kW at 09:55, discharging at most 3.87 kW at 19:00. "
        "Miners: highest 3.88 kW at 10:15. "
        "Battery SOC: lowest 30.7 % at 07:10, highest 99 % at 12:45, latest 36.1 % at 23:55. "
        "As of Mon 23 Nov 07:00 PST, SolArk + Victron."
    )


def test_period_that_the_title_names_is_not_said_twice() -> None:
    assert replace(YESTERDAY, title="Power yesterday").alt.startswith("Power yesterday, Solar Shack (Sun 22 Nov 2026).")


def test_alt_text_of_a_night_says_that_there_was_no_sun() -> None:
    assert "Solar: none." in power_chart(START, START + 6 * HOUR).alt


def test_alt_text_of_a_running_day_says_the_latest_values() -> None:
    chart = power_chart(START, END, grid=True, as_of=START + 14 * HOUR, label="today")
    assert "Battery: charging at most 8.10 kW at 09:55" in chart.alt
    assert "; latest discharging" in chart.alt
    assert chart.alt.endswith("As of 14:00 PST, SolArk + Victron.")


def test_alt_text_says_the_gap_once_for_all_lines() -> None:
    chart = power_chart(START, END, gap=(START + 13 * HOUR, START + 15 * HOUR))
    assert chart.alt.count("No data from 12:55 to 15:00.") == 1
    assert "unknown" not in chart.alt


def test_alt_text_says_which_line_alone_is_unknown() -> None:
    solar, *others = YESTERDAY.lines
    holes = tuple(None if epoch(9) <= t < epoch(10) else v for t, v in zip(solar.times, solar.values, strict=True))
    chart = replace(YESTERDAY, lines=(replace(solar, values=holes), *others))
    assert "Solar is unknown from 08:55 to 10:00." in chart.alt
    assert "No data from" not in chart.alt


def test_alt_text_names_the_day_when_the_period_has_several() -> None:
    week = power_chart(*local_day(2026, 11, 16, days=7), label="last 7 days")
    assert "(16 to 22 Nov 2026)" in week.alt
    assert "Solar: highest 10.4 kW on Mon at 11:35." in week.alt


def test_alt_text_of_nothing_says_no_data() -> None:
    empty = replace(YESTERDAY, lines=tuple(replace(line, times=(), values=()) for line in YESTERDAY.lines), soc=None)
    assert empty.alt == "Power, Solar Shack, yesterday (Sun 22 Nov 2026): no data, as of Mon 23 Nov 07:00 PST."


def test_alt_text_of_soc_says_whether_the_minimum_was_kept() -> None:
    assert "It stayed at or above the minimum of 30 %. Safe range 40 to 80 %." in soc_chart(YESTERDAY).alt
    below = small_soc((0, 40), (1, 29.5), (2, 50))
    assert "lowest 29.5 % at 01:00" in below.alt
    assert "It went below the minimum of 30 %." in below.alt
    assert "No data from 02:00 to 24:00." in below.alt


def test_alt_text_of_bars_sums_up_and_says_what_is_missing() -> None:
    bars = daily_bars(local_day(2026, 11, 16)[0], 7, missing=(2,))
    totals = sum(value for value in bars.series[0].values if value is not None)
    assert f"Solar: {totals:.1f} kWh in total, most " in bars.alt
    assert "Charged: " in bars.alt
    assert "Exported: " in bars.alt
    assert "Data is missing or incomplete for Wed 18 Nov, Thu 19 Nov." in bars.alt


def test_twelve_hour_clock_and_watts_follow_the_persons_units() -> None:
    chart = replace(YESTERDAY, units=UnitPreferences(power="W", hour_24=False))
    assert "Solar: highest 9,951 W at 11:00 AM." in chart.alt


def test_clock_change_names_the_repeated_hour() -> None:
    start, end = local_day(2026, 11, 1)
    line = Line.of("soc_pct", [round((start + 2 * HOUR).timestamp())], [50], cadence_s=3600)
    chart = SocChart(title="Battery", zone=LOS_ANGELES, start=start, end=end, as_of=end, soc=line)
    assert (end - start) == 25 * HOUR
    assert "lowest 50 % at 01:00 PST" in chart.alt


@pytest.mark.parametrize(
    ("start", "end", "slug"),
    [
        (START, END, "power-solar-shack-2026-11-22"),
        (START + 6 * HOUR, START + 12 * HOUR, "power-solar-shack-2026-11-22-0600-to-1200"),
        (START, END + 48 * HOUR, "power-solar-shack-2026-11-22-to-2026-11-24"),
        (START + 17 * HOUR, END + 7 * HOUR, "power-solar-shack-2026-11-22-1700-to-2026-11-23-0700"),
    ],
)
def test_slug_is_a_safe_file_name(start: datetime, end: datetime, slug: str) -> None:
    chart = replace(YESTERDAY, start=start, end=end)
    assert chart.slug == slug
    assert replace(chart, site="../../Ünsafe $ näme/").slug.startswith("power-nsafe-n-me-2026")


def test_none_and_late_neighbours_are_gaps() -> None:
    line = Line("SOC", "soc_pct", (0, 300, 600, 900, 1_600, 1_900), (1, 2, None, 4, 5, 6), 300.0)
    assert [[p.at_s for p in run] for run in line.segments()] == [[0, 300], [900], [1_600, 1_900]]
    assert line.gaps(0, 1_900) == [Gap(300, 900), Gap(900, 1_600)]


def test_a_step_of_twice_the_cadence_is_no_gap() -> None:
    assert len(Line("SOC", "soc_pct", (0, 600, 1_201), (1, 2, 3), 300.0).segments()) == 2


def test_missing_edges_of_the_period_are_gaps() -> None:
    line = Line("SOC", "soc_pct", (3_600, 3_900), (1, 2), 300.0)
    assert line.gaps(0, 7_200) == [Gap(0, 3_600), Gap(3_900, 7_200)]
    assert Line("SOC", "soc_pct", (), ()).gaps(0, 60) == [Gap(0, 60)]


def test_a_running_period_has_no_gap_after_now() -> None:
    assert "No data" not in small_soc((0, 50), (1, 51), (2, 52), as_of=START + 2 * HOUR).alt


def test_nan_becomes_unknown() -> None:
    assert Line.of("load_w", [0, 300], [math.nan, 5.0]).values == (None, 5.0)


def test_thinning_keeps_extremes_times_and_gaps() -> None:
    start, end = local_day(2026, 10, 24, days=30)
    full = power_chart(start, end, gap=(start + 100 * HOUR, start + 101 * HOUR)).lines[0]
    times = range(round(start.timestamp()), round(end.timestamp()), STEP_S)
    peak_at = times[4_321]
    hole = range(times[7_000], times[7_000] + 3_600)
    rows = [(t, 9_999.0 if t == peak_at else 100.0 + t % 7) for t in times if t not in hole]
    thin = Line.of("load_w", [t for t, _ in rows], [v for _, v in rows], cadence_s=STEP_S)
    assert len(thin.times) < 1_000
    assert thin.highest is not None
    assert (thin.highest.at_s, thin.highest.value) == (peak_at, 9_999.0)
    assert len(thin.segments()) == 2
    assert thin.segments()[0][-1].at_s < hole[0] <= hole[-1] < thin.segments()[1][0].at_s
    assert len(full.segments()) == 2


@pytest.mark.parametrize(
    "spec",
    [
        power_chart(START, END, gap=(START + 13 * HOUR, START + 15 * HOUR)),
        replace(YESTERDAY, soc=None, units=UnitPreferences(power="kW", temperature="F", hour_24=False)),
        soc_chart(YESTERDAY),
        daily_bars(local_day(2026, 11, 16)[0], 7, missing=(2,)),
    ],
    ids=["power", "power without soc", "soc", "energy"],
)
def test_specs_survive_json(spec: ChartSpec) -> None:
    text = json.dumps(spec_to_json(spec), allow_nan=False)
    assert spec_from_json(json.loads(text)) == spec
    assert spec_from_json(json.loads(text)).alt == spec.alt


def test_json_of_something_else_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="unknown chart kind 'pie'; known are power, energy, soc"):
        spec_from_json({"kind": "pie"})
    with pytest.raises(ValueError, match="this is no power chart"):
        spec_from_json({"kind": "power", "title": "x"})
    with pytest.raises(ValueError, match="this is no soc chart"):
        spec_from_json(spec_to_json(soc_chart(YESTERDAY)) | {"zone": "Mars/Olympus"})


def test_bad_lines_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="has 2 times but 1 values"):
        Line("Solar", "solar_w", (0, 300), (1.0,))
    with pytest.raises(ValueError, match="as many values as times"):
        Line.of("solar_w", [0, 300], [1.0])
    with pytest.raises(ValueError, match="strictly ascending"):
        Line("Solar", "solar_w", (300, 300), (1.0, 2.0))
    with pytest.raises(ValueError, match="not finite"):
        Line("Solar", "solar_w", (0,), (math.nan,))
    with pytest.raises(ValueError, match="cadence above 0"):
        Line("Solar", "solar_w", (0,), (1.0,), 0)
    with pytest.raises(ValueError, match="'grid_present' cannot be drawn"):
        Line("Grid", "grid_present", (), ())


def test_bad_periods_and_zones_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"PowerChart\.start needs a time zone"):
        replace(YESTERDAY, start=datetime(2026, 11, 22))  # noqa: DTZ001  # naive on purpose
    with pytest.raises(ValueError, match="needs a named zone such as"):
        replace(YESTERDAY, zone=timezone(timedelta(hours=-8)))  # type: ignore[arg-type]  # what a caller may get wrong
    with pytest.raises(ValueError, match="an end after its start"):
        replace(YESTERDAY, end=START)
    with pytest.raises(ValueError, match="takes powers, battery_voltage_v is none"):
        replace(YESTERDAY, lines=(Line("Voltage", "battery_voltage_v", (), ()),))
    with pytest.raises(ValueError, match="is the field soc_pct"):
        replace(YESTERDAY, soc=YESTERDAY.lines[0])
    with pytest.raises(ValueError, match="between 0 and 100"):
        replace(soc_chart(YESTERDAY), min_soc_pct=130)


def test_bad_bars_are_refused_in_words() -> None:
    bars = daily_bars(local_day(2026, 11, 16)[0], 7)
    with pytest.raises(ValueError, match="has 2 values for 7 bars"):
        replace(bars, series=(BarSeries("solar_w", (1.0, 2.0)),))
    with pytest.raises(ValueError, match="counted upwards from 0"):
        BarSeries("battery_charge_w", (-1.0,), "negative")
    with pytest.raises(ValueError, match="2 values but 1 covered"):
        BarSeries("solar_w", (1.0, 2.0), covered=(1.0,))
    with pytest.raises(ValueError, match="is no power"):
        BarSeries("soc_pct", (1.0,))


def test_bars_stand_on_local_days_over_a_clock_change() -> None:
    bars = daily_bars(local_day(2026, 3, 7)[0], 3)
    assert [later - earlier for earlier, later in pairwise(bars.edges)] == [86_400, 82_800, 86_400]
    assert "(7 to 9 Mar 2026)" in bars.alt
    assert isinstance(bars, EnergyBars)


def test_instants_are_kept_in_utc() -> None:
    local_start = START.astimezone(ZoneInfo("Europe/Zurich"))
    chart: PowerChart = replace(YESTERDAY, start=local_start)
    assert chart.start.tzinfo is UTC
    assert chart == YESTERDAY
